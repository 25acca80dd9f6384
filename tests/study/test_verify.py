"""What is written against what is published."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.published import content
from workbench.errors import UsageError
from workbench.study import latex, published
from workbench.study.claims import Claim
from workbench.study.verify import Finding, Verified, verify

MakeStudy = Callable[..., dict[str, Any]]
ARM = "cells.digits/head, no shift.Arm"
README = f"""# Demo

| arm | error % |
|---|---|
| Arm | <!--wb demo full {ARM}-->31.2 ± 1.2<!--/wb--> |

The ratio is <!--wb demo full claims.C1.estimate-->**2.84**<!--/wb--> in <!--wb demo full runs-->12<!--/wb--> runs
of `<!--wb demo full runs-->`: <!--wb demo full claims.C1.verdict-->**reproduced**<!--/wb-->.
"""
GOOD = [0.3, 0.33, 0.31, 0.32, 0.3, 0.31]


@pytest.fixture
def publish(make_study: MakeStudy, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """``publish([0.3, ...])`` publishes these errors of Arm, in a git repository at a commit that it holds."""
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / ".gitignore").write_text("runs/\nstudies/\nignored/\n")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "start"], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()

    def call(values: list[float], **more: Any) -> dict[str, Any]:
        errors = {"digits/head, no shift": {"Base": [0.11, 0.12, 0.11, 0.1, 0.11, 0.11], "Arm": values}}
        claims = [Claim.ratio("Arm", "Base", at_least=1.5, name="C1")]
        return content(tmp_path, make_study(tmp_path, errors, claims=claims), **{"commit": commit, **more})

    call(GOOD)
    return call


def shown(result: Verified) -> list[tuple[str, str, str]]:
    return [(each.where, each.says, each.published) for each in result.findings]


def test_a_readme_that_is_right(publish: Any, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(README)
    result = verify(tmp_path, [tmp_path / "README.md"])
    assert shown(result) == [] and result.checked == 5 and result.files == {"README.md"}


def test_a_changed_digit_is_found_and_put_right(publish: Any, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(README.replace("31.2", "32.1").replace("2.84", "2.38"))
    assert shown(verify(tmp_path, [])) == [
        ("README.md:5", "32.1 ± 1.2", "31.2 ± 1.2"), ("README.md:7", "**2.38**", "2.84"),
    ]  # fmt: skip
    result = verify(tmp_path, [], update=True)
    assert result.findings == [] and [each.where for each in result.updated] == ["README.md:5", "README.md:7"]
    assert path.read_text() == README and not list(tmp_path.glob(".README*"))


def test_a_republished_result_makes_the_readme_stale(publish: Any, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(README)
    demo = publish([0.4, 0.43, 0.41, 0.42, 0.4, None])
    assert {where for where, _, _ in shown(verify(tmp_path, []))} == {"README.md:5", "README.md:7"}
    assert verify(tmp_path, [], update=True).findings == []
    mean = demo["studies"]["full"]["summary"]["cells"][0]["arms"][1]["mean"]
    assert f"-->{100 * mean:.1f} ± " in path.read_text() and f"-->{100 * mean:.1f} ± " not in README
    assert verify(tmp_path, []).findings == []


def test_whole_tables_are_written_and_held(publish: Any, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    cell = "digits/head, no shift"
    empty = f"<!--wb demo full tables.claims-->\n<!--/wb-->\n\n<!--wb demo full tables.{cell}-->\n<!--/wb-->\n"
    path.write_text(f"{empty}\n<!--wb * full tables.claims-->\n<!--/wb-->\n")
    assert len(verify(tmp_path, []).findings) == 3
    assert verify(tmp_path, [], update=True).findings == []
    text = path.read_text()
    assert "| Arm   | 31.2 ± 1.2 |" in text and "| C1 Arm has at least 1.5 times the test error of Base" in text
    assert "| [demo](demo/README.md) | C1 Arm has" in text and "| reproduced |" in text
    path.write_text(text.replace("31.2 ± 1.2", "32.1 ± 1.2"))
    ((where, says, published_),) = shown(verify(tmp_path, []))
    assert where == "README.md:7" and "32.1 ± 1.2" in says and "31.2 ± 1.2" in published_


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<!--wb demo full claims.C2-->1<!--/wb-->", "did you mean 'claims.C1'"),
        ("<!--wb dem full claims.C1-->1<!--/wb-->", "did you mean 'demo'"),
        ("<!--wb demo full claims.C1-->2.84<!--/wb-->", "shows 1 number, and 3 are published"),
        ("<!--wb demo full runs-->12 of 13<!--/wb-->", "shows 2 numbers, and 1 is published"),
        ("<!--wb demo full runs-->12", "is not closed"),
        ("<!--wb demo runs-->12<!--/wb-->", "an experiment, a tier and an address"),
    ],
)
def test_what_cannot_be_put_right_is_left_and_said(text: str, said: str, publish: Any, tmp_path: Path) -> None:
    path = tmp_path / "docs" / "paper.md"
    path.parent.mkdir()
    path.write_text(f"a\n{text}\n")
    for update in (False, True):
        ((where, _, why),) = shown(verify(tmp_path, [], update=update))
        assert where == "docs/paper.md:2" and said in why
    assert path.read_text() == f"a\n{text}\n"


def test_what_git_ignores_is_read_only_when_named(publish: Any, tmp_path: Path) -> None:
    path = tmp_path / "ignored" / "notes.md"
    path.parent.mkdir()
    path.write_text("<!--wb demo full runs-->13<!--/wb-->")
    assert verify(tmp_path, []).findings == []
    assert shown(verify(tmp_path, [path])) == [("ignored/notes.md:1", "13", "12")]


@pytest.mark.parametrize("name", ["missing.md", "data.csv"])
def test_a_path_that_cannot_be_read_is_refused(name: str, publish: Any, tmp_path: Path) -> None:
    (tmp_path / "data.csv").touch()
    with pytest.raises(UsageError, match=name):
        verify(tmp_path, [tmp_path / name])


def test_our_latex_is_compared_wherever_it_lies(publish: Any, tmp_path: Path) -> None:
    numbers, table = latex.write(published.place(tmp_path, "demo"))
    copy = tmp_path / "paper" / "results.tex"
    copy.parent.mkdir()
    copy.write_text(numbers.read_text().replace("}{31.2}", "}{13.2}"))
    ((where, says, now),) = shown(verify(tmp_path, []))
    assert where.startswith("paper/results.tex:") and "{13.2}" in says and "{31.2}" in now
    publish([0.4, 0.43, 0.41, 0.42, 0.4, 0.41])
    stale = {where.rpartition(":")[0] for where, _, _ in shown(verify(tmp_path, []))}
    assert stale == {"paper/results.tex", "experiments/demo/paper/numbers.tex", "experiments/demo/paper/table.tex"}
    assert verify(tmp_path, [], update=True).findings == []
    assert copy.read_text() == numbers.read_text() and "41" in table.read_text()


def test_copied_macros_are_found_by_their_names(publish: Any, tmp_path: Path) -> None:
    name = r"\DemoDigitsHeadNoShiftArmMean"
    path = tmp_path / "main.tex"
    right = (
        f"% {name} as published\n\\newcommand{{{name}}}{{31.17}} \\newcommand*{name}{{31.2}}% and \\def{name}{{99}}\n"
        f"\\renewcommand{{\\Other}}{{4}} \\def{name}{{31}}\n\\newcommand{{\\DemoClaimCOneVerdict}}{{reproduced}}\n"
    )
    path.write_bytes(right.encode() + b"\xe9")
    result = verify(tmp_path, [path])
    assert shown(result) == [] and result.checked == 4
    path.write_bytes(right.replace("31.17", "31.71").replace("{31}", "{3{1}2}").encode() + b"\xe9")
    result = verify(tmp_path, [path])
    assert [(each.where, each.says) for each in result.findings] == [
        ("main.tex:2", f"{name} 31.71"), ("main.tex:3", f"{name} 3{{1}}2"),
    ]  # fmt: skip
    assert verify(tmp_path, [path], update=True).findings == []
    assert path.read_bytes() == right.replace("31.17", "31.2").replace("{31}", "{31.2}").encode() + b"\xe9"


def test_results_are_held_against_their_own_runs_and_their_commit(publish: Any, tmp_path: Path) -> None:
    path = published.place(tmp_path, "demo")
    assert shown(verify(tmp_path, [])) == [] and verify(tmp_path, []).checked > 10
    path.write_text(path.read_text().replace('"metrics":{"test/error":0.33', '"metrics":{"test/error":0.34', 1))
    found = shown(verify(tmp_path, []))
    assert all(where == "experiments/demo/results.json" for where, _, _ in found)
    assert any(f"{ARM} mean 0.3116" in says for _, says, _ in found)
    publish(GOOD, commit="0123456789" * 4)
    ((_, says, why),) = shown(verify(tmp_path, []))
    assert "commit 012345678901" in says and "is not in this repository" in why


def test_damaged_results_are_one_finding(publish: Any, tmp_path: Path) -> None:
    published.place(tmp_path, "demo").write_text("<<<<<<< HEAD\n")
    ((where, _, why),) = shown(verify(tmp_path, []))
    assert where == "experiments/demo/results.json" and "merge conflict" in why
    (tmp_path / "README.md").write_text(README)
    assert len(shown(verify(tmp_path, []))) == 5


def test_a_number_that_is_missing_is_one_finding_too(publish: Any, tmp_path: Path) -> None:
    path = published.place(tmp_path, "demo")
    path.write_text(path.read_text().replace('"ratio_interval"', '"interval_of_ratio"'))
    (tmp_path / "main.tex").write_text("% Written by: wb publish demo --latex (numbers.tex).\n")
    first, second = shown(verify(tmp_path, []))
    assert first[0] == "experiments/demo/results.json" and "is damaged (KeyError('ratio_interval'))" in first[2]
    assert second[0] == "main.tex:1" and "no results of 'demo' are published" in second[2]


def test_nothing_to_check_is_nothing(tmp_path: Path, publish: Any) -> None:
    published.place(tmp_path, "demo").unlink()
    (tmp_path / "README.md").write_text("28.6 times\n")
    assert verify(tmp_path, []) == Verified()
    assert Finding("a", "b", "c") not in verify(tmp_path, [tmp_path]).findings


def test_the_file_named_by_its_folder(publish: Any, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("<!--wb demo full runs-->13<!--/wb-->")
    assert verify(tmp_path, [tmp_path / "experiments"]).files == {"experiments/demo/results.json"}
    assert json.loads(published.place(tmp_path, "demo").read_text())["format"] == 1
