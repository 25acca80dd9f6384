"""Trials: done by who loops over them, with their answers going back to who asked."""

from __future__ import annotations

import traceback
from collections.abc import Generator

import pytest

from workbench.training.trials import Trial, finish, tried


def asks() -> Generator[Trial, None, list[int]]:
    """Two trials, the second of which depends on the first."""
    first = yield from tried(lambda: 3)
    second = yield from tried(lambda: first * 2)
    return [first, second]


def test_answers_go_back_to_who_asked() -> None:
    assert finish(asks()) == [3, 6]


def test_without_trials_there_is_an_answer_too() -> None:
    def nothing() -> Generator[Trial, None, str]:
        yield from ()
        return "known"

    assert finish(nothing()) == "known"


def test_who_asked_is_in_no_traceback_of_a_trial() -> None:
    def fails() -> int:
        raise KeyError("mine")

    def below() -> Generator[Trial, None, int]:
        return (yield from tried(fails))

    def above() -> Generator[Trial, None, int]:
        return (yield from below())

    with pytest.raises(KeyError) as error:
        for trial in above():
            trial.answer = trial.do()
    names = [each.name for each in traceback.extract_tb(error.value.__traceback__)]
    assert names == ["test_who_asked_is_in_no_traceback_of_a_trial", "fails"]
