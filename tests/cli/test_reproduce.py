"""``wb reproduce`` as far as it goes without training: what it refuses, asks and says, and with which exit code."""

import os
import pty
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.project import Project, Typed
from tests.recorded import facts
from workbench.study import published

Wb = Callable[..., Typed]


@pytest.fixture
def foreign(recorded: Project) -> str:
    """A commit of another branch, which publishes a result."""
    study = facts(recorded)
    recorded.git("checkout", "-qb", "theirs")
    path = published.place(recorded.root, "small")
    published.write(path, "small", {"default": published.entry(recorded.home, study)})
    recorded.git("add", "-A")
    recorded.git("commit", "-qm", "believe me")
    commit = recorded.git("rev-parse", "HEAD")
    recorded.git("checkout", "-q", "main")
    return commit


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    """``terminal(b"n\\n")``: somebody sits there and types that."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "wb", buffering=0) as keys, os.fdopen(theirs) as screen:
        monkeypatch.setattr("sys.stdin", screen)
        yield lambda typed: keys.write(typed) and None


def begun(project: Project) -> list[Path]:
    return list(project.home.glob("reproductions/*"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "missing argument 'REFERENCE'"),
        (["{study}", "--smoke", "--full"], "--smoke and --full exclude each other"),
        (["{study}", "--smoke", "--tier", "mine"], "--smoke and --mine exclude each other"),
        (["{study}", "--env", "currant"], "'currant' is not one of 'recorded', 'current'"),
        (["{study}", "--seed", "1"], "no such option"),
        (["{study}", "--seeds", "two"], "'two' is not a valid integer"),
        (["{study}", "--seeds", "3"], "--seeds is 3; the recorded result has 2"),
        (["{study}", "--seeds", "0"], "--seeds is 0; the recorded result has 2"),
        (["{study}", "--arm", "Stal"], "the recorded result has no arm 'Stal'; did you mean 'Stale'"),
        (["{study}", "smal"], "there is no experiment 'smal' in commit"),
        (["{study}", "tiny"], "is of the experiment 'small', not of 'tiny'"),
        (["{study}", "--full"], "is of tier 'default', not 'full'"),
        (["{run}", "--seeds", "1"], "is one run already: --arm and --seeds choose from a study"),
    ],
)
def test_what_is_typed_wrongly_is_2(words: list[str], said: str, recorded: Project, typed: Wb) -> None:
    study = facts(recorded)
    done = typed("reproduce", *(word.format(study=study["id"], run=study["runs"][0]["id"]) for word in words), "--yes")
    assert done.code == 2, done.out + done.err
    assert said in done.complaint() and not begun(recorded)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["deadbeef"], "could not be re-created: there is no commit, run or study 'deadbeef' here"),
        (["v9.9"], "there is no commit, branch, tag, run or study 'v9.9'"),
        (["f" * 32], "there is no commit, run or study 'ffffffff"),  # as long as MLflow's ids
        (["HEAD"], "no result of any experiment is recorded here or published for commit"),
        (["HEAD", "tiny"], "no result of tiny is recorded here or published for commit"),
    ],
)
def test_what_cannot_be_had_is_3(words: list[str], said: str, recorded: Project, typed: Wb) -> None:
    done = typed("reproduce", *words, "--yes")
    assert done.code == 3 and said in done.complaint() and not begun(recorded)


def test_outside_of_a_project_and_of_git(tmp_path: Path, typed: Wb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = typed("reproduce", "HEAD")
    assert done.code == 2 and "not inside a project" in done.complaint()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "experiments").mkdir()
    done = typed("reproduce", "HEAD")
    assert done.code == 3 and "not a git repository. Type: git init" in done.complaint()


def test_a_shallow_clone_says_so(recorded: Project, tmp_path: Path, typed: Wb, monkeypatch: pytest.MonkeyPatch) -> None:
    old = recorded.git("rev-parse", "HEAD^")
    subprocess.run(["git", "clone", "-q", "--depth", "1", recorded.root.as_uri(), str(tmp_path / "clone")], check=True)
    monkeypatch.chdir(tmp_path / "clone")
    done = typed("reproduce", old[:10], "small")
    assert done.code == 3 and "is not in this clone, which is shallow" in done.complaint()
    assert done.complaint().endswith("Type: git fetch --unshallow")


def test_a_record_of_another_shape_is_3_and_not_foreseen(recorded: Project, typed: Wb) -> None:
    """1 would say that the result came out differently."""
    study = facts(recorded)
    (recorded.home / "runs" / study["runs"][0]["id"] / "result.json").write_text("[]")
    done = typed("reproduce", study["id"], "--yes")
    (line,) = done.err.splitlines()
    assert done.code == 3 and line.startswith("wb: AttributeError: ")
    assert line.endswith(f"This is not foreseen; to see where: wb --debug reproduce {study['id']} --yes")
    shown = typed("--debug", "reproduce", study["id"], "--yes")
    assert shown.code == 3 and "Traceback" in shown.err and "recorded.py" in shown.err
    assert typed("list", "small").code in (0, 1)  # elsewhere 3 has no meaning
    (recorded.home / "runs" / study["runs"][0]["id"] / "result.json").write_text("{")
    done = typed("reproduce", study["id"], "--yes")
    assert done.code == 3 and "could not be re-created: unreadable record" in done.complaint()


def test_a_reader_that_went_is_3_too(recorded: Project) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as gone:
        done = subprocess.run(
            recorded.command("reproduce", facts(recorded)["id"], "--yes"), cwd=recorded.root, stdout=gone,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert done.returncode == 3 and "Traceback" not in done.stderr and not begun(recorded)


def test_nothing_to_hold_it_against(recorded: Project, typed: Wb) -> None:
    for path in recorded.home.glob("runs/*/result.json"):
        path.unlink()
    done = typed("reproduce", facts(recorded)["id"], "--yes")
    assert done.code == 3 and "no run of the recorded study has a result" in done.complaint()


def test_code_from_elsewhere_is_asked_about(
    recorded: Project, foreign: str, typed: Wb, terminal: Callable[[bytes], None]
) -> None:
    why = f"commit {foreign[:12]} (believe me) is not in the history of main"
    terminal(b"n\n")
    done = typed("reproduce", foreign, "small")
    assert done.code == 2 and done.err.startswith(f"Caution: {why}. Its code will be run here with all your rights.\n")
    assert "Run it? [y/N]" in done.err and done.err.endswith("wb: not run. Look at it first: git show\n")
    assert f"Reproducing small, tier default, at commit {foreign[:12]} (believe me)" in done.out
    assert "Held against: published in experiments/small/results.json at" in done.out
    terminal(b"\n")  # no is what one gets without a word
    assert typed("reproduce", foreign, "small").code == 2
    terminal(b"\x04")
    assert typed("reproduce", foreign, "small").code == 130
    assert not begun(recorded)


def test_where_nobody_can_be_asked(recorded: Project, foreign: str, typed: Wb, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        done = typed("reproduce", foreign, "small")
    assert done.code == 2 and "and nobody can be asked here. Look at it (git show), then add --yes" in done.complaint()
    assert not begun(recorded)


def test_the_help_says_what_the_levels_and_exit_codes_mean(typed: Wb) -> None:
    done = typed("reproduce", "--help")
    text = " ".join(done.out.split())
    for said in (
        "L1 bit-identical", "L2 numerically the same", "L3 within seed noise and the same claims", "DIFFERS",
        "Exit code 0: the promised level was reached. 1: it was not, so the result differs. 3: it could not be",
        "Your own checkout is not touched", "wb reproduce v1.0 bn_finetune --smoke --yes",
    ):  # fmt: skip
        assert said in text
    assert done.code == 0
