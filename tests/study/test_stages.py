"""dvc.yaml's stages: written once, everything else kept, and read by the real DVC."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from workbench.errors import RecordError
from workbench.study.stages import add_stage, stage_for


def test_a_first_stage_makes_the_file(tmp_path: Path) -> None:
    assert add_stage(tmp_path, "first", stage_for(tmp_path, "first", ["data/mnist.npz"]))
    assert yaml.safe_load((tmp_path / "dvc.yaml").read_text()) == {
        "stages": {
            "first": {
                "cmd": "wb run experiments/first --tier default",
                "deps": ["experiments/first/spec.py", "data/mnist.npz"],
                "metrics": [{"experiments/first/metrics.json": {"cache": False, "persist": True}}],
                "plots": [{"experiments/first/points.csv": {"cache": False, "persist": True}}],
            }
        }
    }
    assert not (tmp_path / ".dvc").exists()


def test_choices_and_the_librarys_sources_count_where_they_are_there(tmp_path: Path) -> None:
    (tmp_path / "workbench").mkdir()
    (tmp_path / "experiments/first").mkdir(parents=True)
    (tmp_path / "experiments/first/choices.json").write_text("{}")
    stage = stage_for(tmp_path, "first", ["data/mnist.npz"], tier="full", deps=["experiments/source/spec.py"])
    assert stage["cmd"] == "wb run experiments/first --tier full"
    assert stage["deps"] == [
        "experiments/first/spec.py",
        "experiments/first/choices.json",
        "workbench",
        "experiments/source/spec.py",
        "data/mnist.npz",
    ]


def test_the_plots_template_comes_once_and_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    add_stage(tmp_path, "first", stage_for(tmp_path, "first", []))
    template = tmp_path / ".dvc/plots/wb_dots.json"
    assert "<DVC_METRIC_DATA>" in template.read_text()
    template.write_text("mine")
    add_stage(tmp_path, "second", stage_for(tmp_path, "second", []))
    assert template.read_text() == "mine"


def test_other_stages_and_comments_are_kept_byte_for_byte(tmp_path: Path) -> None:
    before = (
        "# why this file is here\n"
        "stages:\n"
        "  old:  # the first question\n"
        "    cmd: echo hi\n"
        "    deps:\n"
        "      - a.txt\n"
        "plots:\n"
        "  - figure.png\n"
    )
    path = tmp_path / "dvc.yaml"
    path.write_text(before)
    add_stage(tmp_path, "new", stage_for(tmp_path, "new", []))
    after = path.read_text()
    first, second = before.split("plots:")
    assert after.startswith(first)
    assert after.endswith("plots:" + second)
    assert list(yaml.safe_load(after)["stages"]) == ["old", "new"]


def test_a_stage_that_is_there_is_left_alone(tmp_path: Path) -> None:
    add_stage(tmp_path, "mine", {"cmd": "echo changed by hand"})
    before = (tmp_path / "dvc.yaml").read_bytes()
    assert not add_stage(tmp_path, "mine", stage_for(tmp_path, "mine", []))
    assert (tmp_path / "dvc.yaml").read_bytes() == before


@pytest.mark.parametrize("text", ["", "stages:\n", "# only a comment\n"])
def test_an_empty_file_counts_as_no_stages(tmp_path: Path, text: str) -> None:
    (tmp_path / "dvc.yaml").write_text(text)
    assert add_stage(tmp_path, "mine", stage_for(tmp_path, "mine", []))
    assert list(yaml.safe_load((tmp_path / "dvc.yaml").read_text())["stages"]) == ["mine"]


@pytest.mark.parametrize(
    ("text", "where"), [("stages: [", "dvc.yaml"), ("stages: 3\n", "dvc.yaml"), ("- a\n", "dvc.yaml")]
)
def test_a_broken_file_is_refused_and_kept(tmp_path: Path, text: str, where: str) -> None:
    (tmp_path / "dvc.yaml").write_text(text)
    with pytest.raises(RecordError) as caught:
        add_stage(tmp_path, "mine", stage_for(tmp_path, "mine", []))
    assert where in caught.value.where
    assert (tmp_path / "dvc.yaml").read_text() == text


def test_dvc_reads_it(tmp_path: Path) -> None:
    add_stage(tmp_path, "mine", stage_for(tmp_path, "mine", ["data/mnist.npz"], deps=["experiments/source/spec.py"]))
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=tmp_path, check=True)
    listed = subprocess.run(
        [sys.executable, "-m", "dvc", "stage", "list"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert listed.stdout.split()[:1] == ["mine"]


def test_modules_beside_the_spec_are_dependencies_too(tmp_path: Path) -> None:
    folder = tmp_path / "experiments" / "first"
    folder.mkdir(parents=True)
    (folder / "spec.py").write_text("import json\nfrom helping import Arm\nimport spec\n")
    (folder / "helping.py").write_text("from deeper.below import f\n")
    (folder / "deeper.py").write_text("import helping\n")
    (folder / "figures.py").write_text("import spec\n")
    stage = stage_for(tmp_path, "first", ["data/mnist.npz"])
    base = "experiments/first"
    assert stage["deps"] == [f"{base}/spec.py", f"{base}/helping.py", f"{base}/deeper.py", "data/mnist.npz"]
    (folder / "spec.py").write_text("this is no Python\n")
    assert stage_for(tmp_path, "first", [])["deps"] == [f"{base}/spec.py"]
