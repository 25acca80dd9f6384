"""What a paper includes: macros and tables."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.published import content
from workbench.errors import UsageError
from workbench.study import latex, published
from workbench.study.claims import Claim

MakeStudy = Callable[..., dict[str, Any]]
ERRORS = {
    "digits/1 epoch, 50 %": {"Base": [0.1, 0.12, 0.11, 0.1, 0.12, 0.11], "Arm_2": [0.3, 0.33, 0.31, 0.32, 0.3, None]}
}
CLAIMS = [Claim.ratio("Arm_2", "Base", at_least=1.5, name="C1b"), Claim.lower("Base", "Arm_2", name="C2")]


@pytest.fixture
def demo(make_study: MakeStudy, tmp_path: Path) -> dict[str, Any]:
    content(tmp_path, make_study(tmp_path, ERRORS, claims=CLAIMS))
    return content(tmp_path, make_study(tmp_path, ERRORS, claims=CLAIMS, id="study-2", tier="smoke"))


def balanced(text: str) -> bool:
    """Whether every brace that is not escaped, outside of comments, has its other half."""
    depth = 0
    for line in text.splitlines():
        bare = re.sub(r"(?<!\\)%.*", "", line)
        for brace in re.findall(r"(?<!\\)[{}]", bare):
            depth += 1 if brace == "{" else -1
            assert depth >= 0, line
    return depth == 0


def test_a_macro_a_number(demo: dict[str, Any]) -> None:
    text = latex.render(demo, "numbers.tex")
    study = demo["studies"]["full"]
    (cell,), (first, _) = study["summary"]["cells"], study["summary"]["claims"]
    arm = cell["arms"][1]
    stem, source = "DemoDigitsOneEpochFiveZeroArmTwo", "% 4f2c91e4f2c9 study-1"
    for line in (
        rf"\newcommand{{\{stem}Mean}}{{{100 * arm['mean']:.1f}}}{source}",
        rf"\newcommand{{\{stem}RatioHigh}}{{{arm['ratio_interval'][1]:.2f}}}{source}",
        rf"\newcommand{{\{stem}Difference}}{{{100 * arm['difference']:.1f}}}{source}",
        rf"\newcommand{{\{stem}N}}{{6}}{source}",
        rf"\newcommand{{\DemoClaimCOneBEstimate}}{{{first['estimate']:.2f}}}{source}",
        rf"\newcommand{{\DemoClaimCOneBP}}{{{first['p_holm']:.3f}}}{source}",
        rf"\newcommand{{\DemoClaimCOneBVerdict}}{{{first['verdict']}}}{source}",
        rf"\newcommand{{\DemoCommit}}{{4f2c91e4f2c9}}{source}",
    ):
        assert line in text.splitlines(), line
    assert latex.macros(demo)["DemoClaimCTwoEstimate"].value.startswith(r"\ensuremath{-")
    assert r"\newcommand{\DemoSmokeRuns}{12}% 4f2c91e4f2c9 study-2" in text.splitlines()


def test_names_are_letters_and_each_is_defined_once(demo: dict[str, Any]) -> None:
    lines = [line for line in latex.render(demo, "numbers.tex").splitlines() if not line.startswith("%")]
    names = [re.fullmatch(r"\\newcommand\{\\([A-Za-z]+)\}\{.+\}% \w{12} study-[12]", line) for line in lines]
    found = [match[1] for match in names if match]
    assert len(found) == len(lines) == len(set(found)) > 40


@pytest.mark.parametrize("name", ["numbers.tex", "table.tex"])
def test_the_files_are_sound_latex(name: str, demo: dict[str, Any], tmp_path: Path) -> None:
    text = latex.render(demo, name)
    assert balanced(text) and latex.ours(text) == ("demo", name)
    for line in text.splitlines():
        bare = re.sub(r"(?<!\\)%.*", "", line)
        allowed = r"\\[%_#$&{}~^]|\\ensuremath\{[<>]"
        loose = "[_#$~^<>]" if name == "numbers.tex" else "[#$~^<>]|(?<!\\w)_"
        assert not re.search(loose, re.sub(allowed, "", bare)), line
    if (compiler := shutil.which("pdflatex")) is None:
        return
    (tmp_path / name).write_text(text)
    head = r"\documentclass{article}\usepackage{booktabs}\begin{document}"
    body = r"\DemoClaimCOneBP" if name == "numbers.tex" else ""
    (tmp_path / "paper.tex").write_text(f"{head}\\input{{{name}}}x {body}\\end{{document}}")
    words = [compiler, "-halt-on-error", "-interaction=nonstopmode", "paper.tex"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_tables_hold_every_arm_in_booktabs(demo: dict[str, Any]) -> None:
    text = latex.render(demo, "table.tex")
    for piece in (
        r"\toprule",
        r"\bottomrule",
        r"Arm\_2",
        r"50 \%",
        "% tier full: 4f2c91e4f2c9 study-1",
        "% tier smoke",
    ):
        assert piece in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 4


def test_two_numbers_of_one_name_are_refused(make_study: MakeStudy, tmp_path: Path) -> None:
    errors = {"a 1": {"Base": [0.1, 0.2]}, "a/One": {"Base": [0.1, 0.2]}}
    with pytest.raises(UsageError, match=r"'demo full cells.a 1.Base.mean' and '.*a/One.*' would both be"):
        latex.macros(content(tmp_path, make_study(tmp_path, errors)))


def test_both_files_are_written_beside_the_results(demo: dict[str, Any], tmp_path: Path) -> None:
    numbers, table = latex.write(published.place(tmp_path, "demo"))
    assert numbers == tmp_path / "experiments/demo/paper/numbers.tex" and table.name == "table.tex"
    assert numbers.read_text() == latex.render(demo, "numbers.tex")
    assert table.read_text() == latex.render(demo, "table.tex")
    assert latex.ours("% somebody's\n" + numbers.read_text()) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [("bn_finetune", "BnFinetune"), ("digits/head, no shift", "DigitsHeadNoShift"), ("batch 128", "BatchOneTwoEight"),
     ("TrainBN", "TrainBN"), ("C1b", "COneB"), ("é", "")],
)  # fmt: skip
def test_camel_case_of_letters(text: str, name: str) -> None:
    assert latex.camel(text) == name
