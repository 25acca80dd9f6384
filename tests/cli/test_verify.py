"""`wb verify`, typed: the table, the exit code, and what is rewritten."""

from collections.abc import Callable

import pytest

from tests.project import Project, Typed
from workbench.study import published, quantities, quoted

Wb = Callable[..., Typed]


@pytest.fixture
def readme(measured: Project, typed: Wb) -> str:
    """A README whose numbers are right, and committed."""
    assert typed("publish", "quick").code == 0
    content = published.read(published.place(measured.root, "quick"))
    known = quantities.addresses(content["studies"]["default"])
    lines = [
        f"<!--wb quick default {path}-->{quoted.plain(known[path])}<!--/wb-->"
        for path in ("cells.main.Plain", "cells.main.Plain.ratio", "claims.C1", "claims.C1.verdict", "commit", "runs")
    ]
    text = "\n".join(["# Quick", *lines, ""])
    (measured.root / "README.md").write_text(text)
    return text


def test_right_numbers_pass(readme: str, typed: Wb) -> None:
    done = typed("verify")
    assert done.code == 0 and "in 2 files checked: all as published." in done.out
    done = typed("verify", "README.md")
    assert done.code == 0 and done.out == "11 numbers in 1 file checked: all as published.\n"


def test_a_wrong_one_fails_with_its_place_and_is_updated(readme: str, measured: Project, typed: Wb) -> None:
    path = measured.root / "README.md"
    path.write_text(readme.replace("runs-->4<", "runs-->**5**<"))
    done = typed("verify")
    (row,) = [line.split() for line in done.out.splitlines() if line.startswith("README.md")]
    assert done.code == 1 and row == ["README.md:7", "**5**", "4"]
    assert "1 place wrong. To write the published numbers: wb verify --update" in done.out
    (measured.root / "docs").mkdir()
    (measured.root / "docs" / "more.md").write_text(readme)
    assert typed("verify", "docs").code == 0
    done = typed("verify", "--update")
    assert done.code == 0 and "1 place in 1 file updated." in done.out and "all as published" in done.out
    assert path.read_text() == readme.replace("runs-->4<", "runs-->**4**<")


def test_from_a_folder_below(readme: str, measured: Project, typed: Wb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(measured.root / "experiments")
    assert typed("verify", "../README.md").out.startswith("11 numbers in 1 file")
    done = typed("verify", "READM.md")
    assert done.code == 2 and "there is no such file" in done.complaint()


def test_nothing_is_said_plainly(project: Project, typed: Wb) -> None:
    (project.root / "README.md").write_text("Error: 28.6 %.\n")
    done = typed("verify")
    assert done.code == 0 and done.out.startswith("0 numbers checked: no text is tied to a published result.")


def test_the_help_says_how_to_write_a_mark(typed: Wb) -> None:
    done = typed("verify", "--help")
    assert "<!--wb bn_finetune full claims.C1-->28.6 [26.3, 31.3]<!--/wb-->" in done.out
