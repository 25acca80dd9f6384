"""``wb data``: what a person types and reads, on small files with real DVC."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from workbench.cli.data import command, data_paths
from workbench.errors import DataError, UsageError
from workbench.record import dvc


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template")
    (root / "data").mkdir()
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=root, check=True, capture_output=True)
    (root / "data/a.bin").write_bytes(b"abc")
    (root / "data/b.bin").write_bytes(b"12345")
    dvc.pin(root, ["data/a.bin", "data/b.bin"])
    return root


@pytest.fixture
def root(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(template, tmp_path / "project", ignore=shutil.ignore_patterns(".wb"))
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def wb_data(*words: str) -> Result:
    return CliRunner().invoke(command, words)


def replace(place: Path, contents: bytes) -> None:
    place.unlink()
    place.write_bytes(contents)


def test_every_help_has_an_example() -> None:
    for words in ([], ["status"], ["pull"], ["pin"], ["restore"], ["verify"]):
        result = wb_data(*words, "--help")
        assert result.exit_code == 0
        assert "Example" in result.output and "wb data" in result.output


def test_status_shows_each_file_and_what_to_type(root: Path) -> None:
    assert "missing" not in wb_data("status").output
    (root / "data/a.bin").unlink()
    replace(root / "data/b.bin", b"other")
    lines = wb_data("status").output.splitlines()
    row = {line.split("  ")[0]: line for line in lines if line.startswith("data/")}
    assert "missing" in row["data/a.bin"]
    assert "changed" in row["data/b.bin"] and "5 B" in row["data/b.bin"]
    assert "not pinned" in row["data/mnist.npz"]
    assert "To get what is missing, type: wb data pull" in "\n".join(lines)
    assert "wb data restore PATH" in "\n".join(lines)


def test_pull_brings_what_is_missing_and_fails_for_what_changed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "data/a.bin").unlink()
    replace(root / "data/b.bin", b"other")
    result = wb_data("pull")
    assert isinstance(result.exception, DataError)
    assert "data/a.bin ok" in result.output
    assert "wb data restore data/b.bin" in result.output
    assert str(result.exception) == "data/b.bin: 1 of 2 files are not what they should be. Type: wb data status"
    assert (root / "data/a.bin").read_bytes() == b"abc"
    (root / "data/a.bin").unlink()
    monkeypatch.chdir(root / "data")
    assert wb_data("pull", "data/a.bin").exit_code == 0
    assert (root / "data/a.bin").exists()


def test_what_no_experiment_reads_by_default_is_pulled_by_name_alone(root: Path) -> None:
    (root / "data/adult.csv").write_bytes(b"age\n")
    dvc.pin(root, ["data/adult.csv"], push=False)
    (root / "data/adult.csv").unlink()
    assert "data/adult.csv" not in wb_data("pull").output and not (root / "data/adult.csv").exists()
    assert "optional: never pushed: 48,842 people" in wb_data("status").output
    assert wb_data("pull", "data/adult.csv").exit_code == 0
    assert (root / "data/adult.csv").read_bytes() == b"age\n"


def test_pin_shows_the_old_and_the_new_md5(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace(root / "data/a.bin", b"new")
    (root / "data/c.bin").write_bytes(b"c")
    monkeypatch.chdir(root / "data")
    output = wb_data("pin", "a.bin", "c.bin").output
    assert hashlib.md5(b"abc").hexdigest()[:8] in output
    assert hashlib.md5(b"new").hexdigest()[:8] in output
    assert "not pinned" in output
    assert "git add data.dvc && git commit" in output
    assert "git add" not in wb_data("pin", "a.bin").output
    assert wb_data("verify").exit_code == 0


def test_restore_says_where_the_other_file_went(root: Path) -> None:
    replace(root / "data/a.bin", b"mine")
    assert "what was there is now data/a.bin.changed-1" in wb_data("restore", "data/a.bin").output
    replace(root / "data/a.bin", b"mine")
    assert "what was there" not in wb_data("restore", "--force", "data/a.bin").output
    assert (root / "data/a.bin").read_bytes() == b"abc"


def test_verify_hashes_again_and_fails_for_a_difference(root: Path) -> None:
    assert wb_data("verify").exit_code == 0
    replace(root / "data/a.bin", b"abd")
    result = wb_data("verify")
    assert isinstance(result.exception, DataError) and result.exception.exit_code == 1
    assert str(result.exception).startswith(
        "data/a.bin: not what data.dvc pins. To accept it, type: wb data pin data/a.bin"
    )
    (root / "data/a.bin").unlink()
    result = wb_data("verify")
    assert result.exit_code == 0 and "missing" in result.output
    assert "hashing data/b.bin" in result.output and "hashing data/a.bin" not in result.output


def test_a_path_outside_the_project_is_refused(root: Path) -> None:
    result = wb_data("pin", "../elsewhere.bin")
    assert isinstance(result.exception, UsageError)
    assert str(result.exception).startswith("../elsewhere.bin: is outside the project")


def test_completion_offers_the_pinned_paths(root: Path) -> None:
    assert data_paths(None, None, "data/a") == ["data/a.bin"]


def test_status_needs_neither_torch_nor_dvc(root: Path) -> None:
    code = (
        "import sys; from workbench.cli.data import command; command(['status'], standalone_mode=False);"
        "sys.exit(str([m for m in ('torch', 'torchvision', 'dvc', 'mlflow', 'git') if m in sys.modules] or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.stderr.strip() == "", done.stderr
