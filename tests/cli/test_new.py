"""``wb new``: a folder at once or none, valid names, and a spec that is what the design says a spec is."""

import ast
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from workbench.cli import new
from workbench.errors import UsageError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def begin(name: str) -> str:
    return CliRunner().invoke(new.command, [name], catch_exceptions=False).output


def test_it_makes_the_folder_and_the_stage_and_says_what_to_type(project: Path) -> None:
    text = begin("label_smoothing")
    folder = project / "experiments" / "label_smoothing"
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "spec.py"]
    assert list(yaml.safe_load((project / "dvc.yaml").read_text())["stages"]) == ["label_smoothing"]
    assert (
        text.splitlines()[-1]
        == "Next: wb check experiments/label_smoothing, then wb run experiments/label_smoothing --smoke"
    )
    assert [path.name for path in (project / "experiments").iterdir()] == ["label_smoothing"]


def test_from_a_folder_below_the_paths_it_prints_can_be_typed_there(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "docs").mkdir()
    monkeypatch.chdir(project / "docs")
    assert (
        begin("experiments/mine/").splitlines()[-1]
        == "Next: wb check ../experiments/mine, then wb run ../experiments/mine --smoke"
    )


def test_the_spec_asks_one_question_with_documented_arms(project: Path) -> None:
    begin("mine")
    tree = ast.parse((project / "experiments/mine/spec.py").read_text())
    assert (ast.get_docstring(tree) or "").startswith("Mine: ")
    arms = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    assert len(arms) == 2 and all(ast.get_docstring(arm) for arm in arms)


def test_the_spec_loads(project: Path) -> None:
    begin("mine")
    names: dict[str, object] = {"__name__": "spec"}
    exec(compile((project / "experiments/mine/spec.py").read_text(), "spec.py", "exec"), names)
    assert type(names["experiment"]).__name__ == "Experiment"


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("My Question", "my_question"),
        ("bn-finetune", "bn_finetune"),
        ("3seeds", "try_3seeds"),
        ("../../etc", "etc"),
        ("ä", "my_question"),
        ("x" * 80, "x" * 60),
        (".", "my_question"),
    ],
)
def test_an_invalid_name_is_refused_with_a_valid_one(project: Path, name: str, valid: str) -> None:
    with pytest.raises(UsageError) as caught:
        begin(name)
    assert caught.value.hint == f"Type: wb new {valid}"
    new.check_name(valid)
    assert not (project / "experiments").exists()


def test_what_is_there_is_never_overwritten(project: Path) -> None:
    begin("mine")
    spec = project / "experiments/mine/spec.py"
    spec.write_text("edited")
    begin("mine_2")
    with pytest.raises(UsageError, match="there already") as caught:
        begin("mine")
    assert caught.value.hint.endswith("wb new mine_3")
    assert spec.read_text() == "edited"


def test_a_failure_half_way_leaves_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new, "_README", "{no_such_word}")
    with pytest.raises(KeyError):
        begin("mine")
    assert list((project / "experiments").iterdir()) == []
