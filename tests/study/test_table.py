from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.study.claims import Claim
from workbench.study.outcomes import load
from workbench.study.summary import summarise
from workbench.study.table import cell_table, tables, untested_line

MakeStudy = Callable[..., dict[str, Any]]
LONG = "AnArmWithAVeryLongNameThatNobodyShouldHaveChosen"


@pytest.fixture
def summary(tmp_path: Path, make_study: MakeStudy) -> Callable[..., dict[str, Any]]:
    def make(arms: dict[str, Any], **options: Any) -> dict[str, Any]:
        study = make_study(tmp_path, {"main": arms}, **options)
        return summarise(study, load(tmp_path, study))

    return make


def test_the_terminal_table(summary: Callable[..., dict[str, Any]]) -> None:
    claim = Claim.ratio("Arm", "Base", at_least=3, name="C1")
    arms = {"Base": [0.10, 0.11, 0.10, 0.11, 0.10, 0.11], "Arm": [0.60, 0.62, 0.61, 0.63, 0.59, None]}
    text = tables(summary(arms, claims=[claim]))
    lines = text.splitlines()
    assert lines[0] == "main: test error in %, chance level 90.0 %, 1,000 test examples, 6 seeds"
    assert lines[2].split("  ")[0] == "arm" and "recali-" in lines[2]
    (arm,) = [line for line in lines if line.startswith("Arm  ")]
    assert "67.5 ± " in arm and "+57.0 [" in arm and " 1 " in arm
    assert "Arm: 1 of 6 runs failed, counted as test/error 1" in lines
    assert "Claims, tier 'full'" in lines and any("reproduced" in line and "67.5 / 10.5 %" in line for line in lines)
    assert max(map(len, lines)) <= 100


def test_one_seed_shows_no_inference(summary: Callable[..., dict[str, Any]]) -> None:
    text = tables(summary({"Base": [0.1], "Arm": [0.3]}, tier="smoke"))
    assert "±" not in text and " sd " not in text and "[" not in text
    assert "One seed: no intervals and no inference." in text


def test_exploratory_tables_have_neither_stars_nor_p(summary: Callable[..., dict[str, Any]]) -> None:
    text = tables(summary({"Base": [0.1] * 8, "Arm": [0.3] * 8}))
    assert "*" not in text and " p " not in text and "Exploratory: nothing is tested." in text


def test_long_names_are_wrapped_and_never_cut(summary: Callable[..., dict[str, Any]]) -> None:
    arms = {f"{LONG}{k}": [0.001 * 9**k, 0.0012 * 9**k, None] for k in range(4)}
    claim = Claim.lower(f"{LONG}1", f"{LONG}2")
    text = tables(summary(arms, claims=[claim]))
    assert max(map(len, text.splitlines())) <= 100
    first_column = "".join(line.split("  ")[0] for line in text.splitlines())
    assert LONG in first_column


def test_unfinished_seeds_are_said(summary: Callable[..., dict[str, Any]]) -> None:
    made = summary({"Base": [0.1, 0.2, 0.3], "Arm": [0.3, 0.4, 0.5]}, unfinished=1)
    assert "2 of 3 seeds" in tables(made)
    assert "seeds" not in cell_table(made["cells"][0]).headers
    made["cells"][0]["arms"][1].update(n=1, missing=2)
    assert [row[5] for row in cell_table(made["cells"][0]).rows] == ["2 of 3", "1 of 3"]


def test_markdown_escapes_bars_and_keeps_lines_whole(summary: Callable[..., dict[str, Any]]) -> None:
    text = tables(summary({"Base": [0.1, 0.1], "A|B": [0.2, 0.2]}), "markdown")
    assert "| A\\|B" in text and text.startswith("**main**: ")
    assert "| recalibrated %" in text


def test_latex_is_booktabs_with_special_characters_escaped(summary: Callable[..., dict[str, Any]]) -> None:
    claim = Claim.equal("Arm_1", "Base")
    text = tables(summary({"Base": [0.1, 0.1], "Arm_1": [0.2, 0.2]}, claims=[claim]), "latex")
    assert "\\toprule" in text and "Arm\\_1" in text and "test error in \\%" in text
    assert "_1" not in text.replace("\\_1", "")


def test_a_study_before_its_first_result(summary: Callable[..., dict[str, Any]]) -> None:
    claim = Claim.lower("Arm", "Base")
    text = tables(summary({"Base": [0.1, 0.1], "Arm": [0.2, 0.2]}, claims=[claim], unfinished=2))
    assert "cannot be decided" in text and "0 of 2 seeds" in text


def test_a_claim_about_the_only_cell_names_none() -> None:
    claims = [{"name": "C1", "cell": ""}, {"name": "C2", "cell": "digits"}]
    assert untested_line(claims, "smoke") == "Not tested in tier 'smoke': C1, C2 (digits)."
