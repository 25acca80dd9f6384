"""The frame of the command line: what it loads, how it answers errors, and with which exit code."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from workbench.cli import main as frame
from workbench.errors import DataError, UsageError, WorkbenchError

HEAVY = ("torch", "torchvision", "mlflow", "dvc", "numpy", "git", "scipy", "matplotlib")

_MODULES_AFTER = """
import json, sys
from workbench.cli.main import main
try:
    main({words!r})
except SystemExit as end:
    print(json.dumps([end.code, sorted(sys.modules)]), file=sys.stderr)
"""


def modules_after(words: list[str], folder: Path) -> set[str]:
    """The modules that a fresh Python holds after one command line, which must succeed."""
    code = _MODULES_AFTER.format(words=words)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    exit_code, modules = json.loads(done.stderr.splitlines()[-1])
    assert exit_code == 0, done.stderr
    return set(modules)


def call(monkeypatch: pytest.MonkeyPatch, error: BaseException | None, words: list[str]) -> int:
    """Run the frame with a `list` command that raises ``error``; the exit code."""

    @click.command
    def command() -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(frame.Commands, "get_command", lambda self, ctx, name: command)
    with pytest.raises(SystemExit) as end:
        frame.main(words)
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.fixture
def project(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


@pytest.mark.parametrize(
    "words", [["--help"], ["list"], ["new", "a_question"], ["completion", "bash"], ["run", "--help"]]
)
def test_light_commands_import_nothing_heavy(project: Path, words: list[str]) -> None:
    loaded = {name.partition(".")[0] for name in modules_after(words, project)}
    assert loaded.isdisjoint(HEAVY)


def test_help_imports_click_and_this_file_only(project: Path) -> None:
    own = {name for name in modules_after(["--help"], project) if name.startswith("workbench")}
    assert own == {"workbench", "workbench.cli", "workbench.cli.main"}


def test_help_has_one_line_for_each_command_and_an_example() -> None:
    text = CliRunner().invoke(frame.cli, ["--help"]).output
    for section, name, line in frame._TABLE:
        assert f"{section}:" in text
        assert sum(1 for row in text.splitlines() if row.split()[:1] == [name] and row.endswith(line)) == 1
    assert "wb run experiments/bn_finetune" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", [row[1] for row in frame._TABLE])
def test_each_command_loads_and_its_help_has_an_example(name: str) -> None:
    result = CliRunner().invoke(frame.cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert f"wb {name}" in result.output.partition("Example")[2]


def test_no_words_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        frame.main([])
    assert end.value.code == 0
    assert "Usage: wb" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu"], "did you mean 'run'?"),
        (["zzzzzz"], "there is no command 'zzzzzz'"),
        (["--hlep"], "--help"),
        (["list", "--hlp"], "wb list --help"),
        (["completion", "ksh"], "'bash', 'zsh', 'fish'"),
        (["completion"], "wb completion --help"),
    ],
)
def test_what_was_mistyped_gets_one_line_and_exit_code_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        frame.main(words)
    out, err = capsys.readouterr()
    assert end.value.code == 2
    assert out == "" and err.count("\n") == 1 and err.startswith("wb: ") and said in err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            DataError("is missing", where="data/x.npz", hint="Type: wb data pull"),
            1,
            "data/x.npz: is missing. Type:",
        ),
        (UsageError("two\nlines"), 2, "wb: two lines"),
        (KeyboardInterrupt(), 130, "finished runs and checkpoints are kept"),
        (KeyboardInterrupt("stopped; 3 of 9 runs are kept"), 130, "wb: stopped; 3 of 9 runs are kept"),
        (OSError(errno.ENOSPC, "No space left on device", "/full/x"), 1, "the disk is full: /full/x"),
        (ValueError("odd"), 1, "wb: ValueError: odd. This is not foreseen; to see where: wb --debug list"),
        (AssertionError(), 1, "wb: AssertionError. This is not"),
    ],
)
def test_every_error_is_one_line_with_its_exit_code(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(monkeypatch, error, ["list"]) == code
    err = capsys.readouterr().err.lstrip("\n")
    assert said in err and err.count("\n") == 1 and "Traceback" not in err


def test_a_full_disk_behind_another_error_is_still_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = RuntimeError("could not save")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    assert call(monkeypatch, error, ["list"]) == 1
    assert "the disk is full" in capsys.readouterr().err


@pytest.mark.parametrize(("error", "code"), [(ValueError("odd"), 1), (UsageError("wrong"), 2)])
def test_debug_shows_the_traceback_and_keeps_the_exit_code(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, error, ["--debug", "list"]) == code
    err = capsys.readouterr().err
    assert "Traceback" in err and err.splitlines()[-1].startswith("wb: ") and "--debug" not in err.splitlines()[-1]


def test_success_is_0(monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, None, ["list"]) == 0
    assert issubclass(UsageError, WorkbenchError)


@pytest.mark.parametrize("entry", [["-m", "workbench"], [str(Path(sys.executable).with_name("wb"))]])
def test_both_entries_tell_the_version(entry: list[str]) -> None:
    start = [sys.executable, *entry] if entry[0] == "-m" else entry
    done = subprocess.run([*start, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == "wb 0.1.0\n"


def test_a_reader_that_goes_away_is_no_error(project: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "workbench", "--help"], stdout=write, stderr=subprocess.PIPE, cwd=project
    )
    os.close(write)
    assert done.stderr == b""


def test_a_real_full_disk_is_one_line(project: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "workbench", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=project,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("wb: the disk is full") and done.stderr.count("\n") == 1


def test_ctrl_c_in_a_real_process_is_one_line_and_130(tmp_path: Path) -> None:
    code = (
        "import click, sys, time\n"
        "from workbench.cli import main as frame\n"
        "@click.command\n"
        "def command():\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "frame.Commands.get_command = lambda self, ctx, name: command\n"
        "frame.main(['run'])\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.strip().startswith("wb: stopped") and "Traceback" not in err


def test_below_torchrun_it_is_refused_at_once(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process found the study locked, and the other's workers waited for it without end."""
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as end:
        frame.main(["run", "tiny"])
    assert end.value.code == 2 and capfd.readouterr().err.startswith("wb: torchrun started 2 processes of wb")
    monkeypatch.setenv("WORLD_SIZE", "1")
    with pytest.raises(SystemExit) as end:
        frame.main(["list", "--help"])
    assert end.value.code == 0
