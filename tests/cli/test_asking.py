"""What is typed about a study: each thing that makes no sense gets one line, exit code 2, and nothing is recorded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.project import TINY, Project, Typed
from workbench.cli.asking import asked
from workbench.study.plan import Options
from workbench.study.spec import Spec

NOTHING = {
    "tier": None, "smoke": False, "full": False, "cells": (), "arms": (), "seeds": None, "only": (), "sets": (),
    "level": None,
}  # fmt: skip


def ask(**options: Any) -> tuple[Path, Path, Spec, Options]:
    return asked("tiny", **{**NOTHING, "device": "cpu", "threads": 1, **options})


def test_what_was_typed_becomes_a_request(project: Project) -> None:
    root, home, spec, wanted = asked("experiments/tiny", **NOTHING, device="cpu", threads=2)
    assert (root, home, spec.name) == (project.root, project.root / ".wb", "tiny")
    assert (wanted.tier, wanted.threads, wanted.device, dict(wanted.sets)) == ("default", 2, "cpu", {})
    assert ask(smoke=True)[3].tier == ask(tier="smoke")[3].tier == "smoke"
    assert ask(full=True, sets=("fit.lr=1e-3", "data.path=data/x.npz"))[3].sets == {
        "fit__lr": 1e-3,
        "data__path": "data/x.npz",
    }


def test_single_seeds_and_a_level(project: Project) -> None:
    wanted = ask()[3]
    assert (wanted.only, wanted.level, wanted.everywhere) == ((), "", {})
    wanted = ask(only=(7, 5, 7), level="strict", sets=("fit.lr=1e-3",))[3]
    assert wanted.only == (7, 5) and wanted.seeds is None  # each once, in the order in which they were typed
    assert wanted.everywhere == {"fit__lr": 1e-3, "level": "strict"} and wanted.sets == {"fit__lr": 1e-3}
    assert ask(seeds=2)[3].only == ()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tinny"], "there is no experiment 'tinny' under experiments/; did you mean 'tiny'? Type: wb list"),
        (["tiny", "--arm", "Stal"], "there is no arm 'Stal'; did you mean 'Stale'?"),
        (["tiny", "--cell", "mian"], "there is no cell 'mian'; did you mean 'main'?"),
        (["tiny", "--tier", "ful"], "there is no tier 'ful'; did you mean 'full'?"),
        (["tiny", "--smoke", "--full"], "--smoke and --full exclude each other"),
        (["tiny", "--set", "fit.lrr=1"], "'fit.lrr' is not a setting of TrainBN; did you mean 'fit.lr'?"),
        (["tiny", "--set", "fit.lr"], "--set fit.lr has no value. Type: --set fit.lr=1e-3"),
        (["tiny", "--set", "fit.lr=often"], "OneCycle.lr is 'often'"),
        (["tiny", "--set", "fit.lr=-1"], "OneCycle.lr is -1"),
        (["tiny", "--set", "fit=3"], "fit is 3"),
        (["tiny", "--seeds", "0"], "--seeds is 0; it takes a whole number from 1"),
        (["tiny", "--seeds", "-3"], "--seeds is -3; it takes a whole number from 1"),
        (["tiny", "--seeds", "2", "--seed", "1"], "--seeds and --seed exclude each other"),
        (["tiny", "--seed", "one"], "'one' is not a valid integer"),
        (["tiny", "--level", "stict"], "'stict' is not one of 'fast', 'seeded', 'strict'"),
        (["tiny", "--threads", "0"], "'--threads'"),
        (["tiny", "--device", "gpu"], "'gpu' is not a device; did you mean 'cuda'?"),
        (["tiny", "--device", "gpu:1"], "'gpu:1' is not a device; did you mean 'cuda:1'?"),
        (["tiny", "--device", "cuda:99"], "device 'cuda:99' is not there: torch sees"),
    ],
)
@pytest.mark.parametrize("verb", ["run", "plan"])
def test_what_makes_no_sense(
    verb: str, words: list[str], said: str, project: Project, typed: Callable[..., Typed]
) -> None:
    done = typed(verb, *words)
    assert done.code == 2 and said in done.complaint()
    assert not (project.home / "runs").exists() and not (project.home / "studies").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seeds=2,", "seeds=2,,", "experiments/tiny/spec.py:32: invalid syntax"),
        ("seeds=2,", "seeds=0,", "experiments/tiny/spec.py:29: seeds is 0; it takes a whole number from 1"),
        ("seeds=2,", "seeds=-1,", "seeds is -1; it takes a whole number from 1"),
        ("seeds=2,", "seeds=True,", "seeds is True"),
        (
            "experiment =",
            "trial = 1 / 0\nexperiment =",
            "experiments/tiny/spec.py:29: ZeroDivisionError: division by zero",
        ),
        (
            "experiment =",
            "trial =",
            "experiments/tiny/spec.py: has no `experiment`. End it with: experiment = Experiment(",
        ),
        ("experiment =", "experiment = 3\ntrial =", "has an `experiment` that is a int"),
        (
            "from workbench import",
            "from workbensch import",
            "spec.py:6: ModuleNotFoundError: No module named 'workbensch'",
        ),
        (
            "    recalibrate =",
            "    recalibrat =",
            "Precise.recalibrat is not a field of Learner; did you mean 'recalibrate'?",
        ),
        ('recalibrate = "after"', 'recalibrate = "aftr"', "Precise.recalibrate is 'aftr'; did you mean 'after'?"),
        ('    recalibrate = "after"', "    pass", "arm Precise equals arm TrainBN"),
        ("Claim.ratio(Stale", "Claim.ratio('Stael'", "did you mean 'Stale'?"),
        ("arms=[Stale, Precise]", "arms=[Precise]", "'Stale'"),
        ("arms=[Stale, Precise]", "arms=[Stale, Precise, Stale]", "2 arms named 'Stale'"),
        ("arms=[Stale, Precise]", "arms=[Stale(), Precise]", "is not a Learner class"),
        ("lr=1e-2)", "lr=1e-2, speed=3)", "'speed' is not a field of OneCycle"),
        ("from workbench", "import sys; sys.exit(3)\nfrom workbench", "spec.py:6: SystemExit: 3"),
    ],
)
def test_a_spec_that_cannot_be(old: str, new: str, said: str, project: Project, typed: Callable[..., Typed]) -> None:
    assert old in TINY
    project.spec("tiny", TINY.replace(old, new, 1))
    done = typed("run", "tiny")
    assert done.code == 2 and said in done.complaint()
    assert not (project.home / "runs").exists()


def test_a_spec_that_is_no_text(project: Project, typed: Callable[..., Typed]) -> None:
    (project.root / "experiments/tiny/spec.py").write_bytes(b'"""\xff\xfe"""')
    done = typed("run", "tiny")
    assert done.code == 2 and "experiments/tiny/spec.py: is no Python text" in done.complaint()


def test_outside_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: Callable[..., Typed]) -> None:
    monkeypatch.chdir(tmp_path)
    done = typed("run", "tiny")
    assert done.code == 2 and "not inside a project" in done.complaint()
