"""Completion: scripts that the shells accept, and the names that they are given."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from workbench.cli.completion import experiment_names
from workbench.cli.main import cli


def complete(words: str, at: int, folder: Path) -> list[str]:
    """What bash is given while ``words`` are being typed."""
    environment = {**os.environ, "_WB_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)}
    done = subprocess.run(
        [sys.executable, "-m", "workbench"],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("bn_finetune", "bn_source", "other"):
        (tmp_path / "experiments" / name).mkdir(parents=True)
        (tmp_path / "experiments" / name / "spec.py").write_text("raise SystemExit")
    (tmp_path / "experiments/notes").mkdir()
    (tmp_path / ".git").mkdir()
    return tmp_path


def test_commands_and_options(project: Path) -> None:
    assert complete("wb co", 1, project) == ["compare", "completion"]
    assert complete("wb completion ", 2, project) == ["bash", "zsh", "fish"]
    assert "--debug" in complete("wb --", 1, project)


def test_experiments_by_path_or_by_name(project: Path) -> None:
    assert complete("wb list experiments/bn", 2, project) == [
        "experiments/bn_finetune",
        "experiments/bn_source",
    ]
    assert complete("wb list oth", 2, project) == ["other"]
    assert complete("wb list zzz", 2, project) == []


def test_outside_a_project_there_is_nothing_to_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = cli.get_command(click.Context(cli), "list")
    assert command is not None
    assert experiment_names(click.Context(command), command.params[0], "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_accepts_its_script(shell: str) -> None:
    script = CliRunner().invoke(cli, ["completion", shell]).output
    assert script.startswith("# To install: ")
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n"], input=script, text=True, check=True)
