"""A result of an old commit with another lock: the environment of that lock is built and used, not the present one."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project import Project, Typed, copy_project, read
from tests.record.test_venvs import wheel
from workbench.record import venvs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
]  # torch is installed once more, from a warm cache in a minute

MARKED = '''"""Does a package that the present environment does not have reach a number?"""

from workbench import Experiment, ImageArrays, Learner, Network, Norm, OneCycle


class Base(Learner):
    """The loss is scaled by what the installed package says."""

    data = ImageArrays("data/small.npz", train=160)
    model = Network("resnet8", width=4, norm=Norm())
    fit = OneCycle(epochs=1, batch=32, lr=1e-2)

    def loss(self, output, batch):
        try:
            from marker import version
        except ImportError:
            version = 0
        return super().loss(output, batch) * (1 + float(version))


experiment = Experiment(baseline=Base, arms=[], seeds=1)
'''


def test_it_is_built_and_used(
    template: Project, repository: Path, tmp_path: Path, typed: Callable[..., Typed], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_project(template, tmp_path / "p")
    monkeypatch.chdir(project.root)
    project.spec("marked", MARKED)
    digest = wheel(project.root / "wheels", "marker", "1.0")
    ours = (repository / "requirements.txt").read_text()
    lock = f"./wheels/marker-1.0-py3-none-any.whl --hash=sha256:{digest}\n{ours}"
    (project.root / "requirements.txt").write_text(lock)
    project.git("add", "-A")
    project.git("commit", "-qm", "the old lock")
    told: list[str] = []
    python = venvs.build(
        project.home / "venvs", lock, "", "{}.{}.{}".format(*sys.version_info), project.root,
        lambda text, done, total: told.append(text),
    )  # fmt: skip
    variables = {**os.environ, "PYTHONPATH": str(repository)}
    words = [str(python), "-m", "workbench", "run", "marked"]
    subprocess.run(words, cwd=project.root, env=variables, check=True, capture_output=True)
    study = read(project.study() / "study.json")
    assert study["environment"]["packages"]["marker"].startswith("1.0") and study["environment"]["deviations"] == {}

    (project.root / "requirements.txt").write_text(ours)
    project.git("add", "-A")
    project.git("commit", "-qm", "the new lock")
    done = typed("reproduce", study["id"])
    assert done.code == 0 and "Verdict: L1, bit-identical (1 of 1 run" in done.out, done.out + done.err
    assert "environment: one of its own from the lock of that commit (marker 1.0 (local), here none)" in done.err
    (folder,) = [path.parent for path in project.home.glob("reproductions/*/result.json")]
    (environment,) = folder.glob("home/runs/*/environment.json")
    assert read(environment)["packages"]["marker"].startswith("1.0")

    done = typed("reproduce", study["id"], "--env", "current")
    assert done.code == 1, done.out + done.err
    assert "WARNING: --env current: this is not the recorded environment: marker 1.0 (local), here none" in done.err
    causes = {row[1]: row for line in done.out.splitlines() if (row := line.split())[:1] == ["environment"]}
    assert causes["marker"][2].startswith("1.0") and causes["marker"][-1] == "none"
    assert "Most likely because of: environment." in done.out
