"""What every experiment of this repository has, and that all of them run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.study import published
from workbench.study.spec import experiment_names, load_spec
from workbench.study.verify import verify

ROOT = Path(__file__).resolve().parent.parent
NAMES = experiment_names(ROOT)
CLAIMING = [name for name in NAMES if load_spec(ROOT, name).experiment.claims]
PAGE = (ROOT / "experiments/README.md").read_text()
WAITING = re.findall(
    r"\((\w+)/README.md\)", (re.findall(r"(?ms)^Registered, and not run yet: (.*?)\n\n", PAGE) or [""])[0]
)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_told_of(name: str) -> None:
    text = (ROOT / "experiments" / name / "README.md").read_text()
    assert f"wb run experiments/{name}" in text and re.search(r"does not|cannot|not show", text)
    assert f"({name}/README.md)" in PAGE
    assert f"(experiments/{name}/README.md)" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", CLAIMING)
def test_what_it_claims_is_published(name: str) -> None:
    """The claims in the spec are those that were judged, with seeds that are not the prototype's."""
    spec = load_spec(ROOT, name).experiment
    if name in WAITING:
        assert not published.place(ROOT, name).exists(), "it has results by now: experiments/README.md says it has none"
        return
    studies = published.read(published.place(ROOT, name))["studies"]
    judged = {claim["name"]: claim for claim in studies["full"]["summary"]["claims"]}
    for claim in studies.get("more", {"summary": {"claims": []}})["summary"]["claims"]:
        if claim["n"] > 1:  # registered in a study of its own
            judged[claim["name"]] = claim
    said = [claim.called(number) for number, claim in enumerate(spec.claims, 1)]
    assert sorted(judged) == sorted(said)
    for label, claim in zip(said, spec.claims, strict=True):
        written = claim.sentence(claim.measure or spec.measure)
        assert judged[label]["text"].split(" (")[0] == written.split(" (")[0]
        assert judged[label]["verdict"] and judged[label]["n"] > 1
    assert spec.first_seed >= 100


def test_what_is_written_is_what_is_published() -> None:
    assert verify(ROOT, []).findings == []


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_all_of_them_run(tmp_path: Path) -> None:
    """``wb run --all --smoke``, which leaves the working tree as it was."""
    status = ["git", "status", "--porcelain"]
    before = subprocess.run(status, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    variables = {**os.environ, "WB_HOME": str(tmp_path / "home")}
    words = [sys.executable, "-m", "workbench", "run", "--all", "--smoke", "--jobs", "1"]
    done = subprocess.run(words, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=1400)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert f"{len(NAMES)} of {len(NAMES)}" in done.stdout
    assert subprocess.run(status, cwd=ROOT, capture_output=True, text=True, check=True).stdout == before
