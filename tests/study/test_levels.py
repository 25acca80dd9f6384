"""How well a result was repeated, from runs whose numbers the test chooses."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.study.levels import Verdict, effect, first_divergence, judge, promised
from workbench.study.recorded import RecordedRun

L1 = ("L1", "the same class")


def run(arm: str, seed: int, error: float | None, **more: Any) -> RecordedRun:
    seeds = {**dict.fromkeys(("subset", "init", "order", "augment"), seed), "source": 0}
    state = "failed" if error is None else "finished"
    metrics = {} if error is None else {"test/error": error, "test/loss": error * 2}
    values = {"weights": f"{error!r}", "state": state, "metrics": metrics, **more}
    return RecordedRun(id=f"{arm}{seed}", experiment="x", cell="main", arm=arm, seeds=seeds, **values)


def judged(old: Sequence[RecordedRun], new: Sequence[RecordedRun | None], **more: Any) -> Verdict:
    asked: dict[str, Any] = {
        "measure": "test/error", "n_test": {"main": 1000}, "same_question": True, "claims": [], "promise": L1, **more
    }  # fmt: skip
    effects = [effect(one, other) for one, other in zip(old, new, strict=False)]
    return judge(effects, asked.pop("recorded", old), **asked)


RECORDED = [
    run("A", 0, 0.10),
    run("A", 1, 0.12),
    run("A", 2, 0.11),
    run("B", 0, 0.30),
    run("B", 1, 0.33),
    run("B", 2, 0.31),
]


def moved(by: float) -> list[RecordedRun]:
    return [run(each.arm, each.seeds["init"], each.metrics["test/error"] + by) for each in RECORDED]


def test_equal_in_every_bit() -> None:
    verdict = judged(RECORDED, RECORDED)
    assert verdict.reached == "L1" and verdict.kept


@pytest.mark.parametrize(
    "change", [{"weights": "other"}, {"metrics": {"test/error": 0.1, "test/loss": float(np.nextafter(0.2, 1))}}]
)
def test_one_bit_of_one_run_is_not_l1(change: dict[str, Any]) -> None:
    new = [dataclasses.replace(RECORDED[0], **change), *RECORDED[1:]]
    verdict = judged(RECORDED, new)
    assert verdict.reached == "L2" and not verdict.kept


def test_numeric_noise_and_more_than_that() -> None:
    assert judged(RECORDED, moved(0.005)).reached == "L2"
    # three binomial standard deviations of 0.11 at 1,000 examples are 0.030
    verdict = judged(RECORDED, moved(0.04))
    assert verdict.reached == "DIFFERS" and "main · A: mean test/error 0.11 became 0.15" in verdict.notes[0]
    assert judged(RECORDED, moved(0.04), n_test={"main": 100}).reached == "L2"


def test_another_question_is_held_against_the_noise_over_seeds() -> None:
    # sd 0.01, n = 3, t = 4.303: the mean of 3 new ones lies within 4.303 * 0.01 * sqrt(2/3) = 0.035
    claims = [("C1", "shown", "shown")]
    assert judged(RECORDED, moved(0.034), same_question=False, claims=claims).reached == "L3"
    verdict = judged(RECORDED, moved(0.036), same_question=False, claims=claims)
    assert verdict.reached == "DIFFERS" and "lies outside of [0.07" in "".join(verdict.notes)
    verdict = judged(RECORDED, moved(0.034), same_question=False, claims=[("C1", "shown", "not shown")])
    assert verdict.reached == "DIFFERS" and "claim C1 was 'shown' and is 'not shown'" in verdict.notes


def test_one_seed_does_not_tell_the_noise() -> None:
    one = [run("A", 0, 0.10)]
    verdict = judged(one, [run("A", 0, 0.1001)], same_question=False)
    assert verdict.reached == "DIFFERS" and "one recorded seed does not tell" in verdict.notes[-1]
    assert judged(one, [run("A", 0, 0.1001)]).reached == "L2"


def test_one_new_seed_against_ten_recorded_ones() -> None:
    """The interval is that of the recorded runs for one new one, not for their mean."""
    rng = np.random.default_rng(0)
    recorded = [run("A", seed, float(value)) for seed, value in enumerate(rng.normal(0.2, 0.02, 10))]
    values = [each.metrics["test/error"] for each in recorded]
    reach = 2.262157 * np.std(values, ddof=1) * np.sqrt(1 / 10 + 1)
    for sign, reached in ((0.99, "L3"), (1.01, "DIFFERS")):
        new = run("A", 0, float(np.mean(values) + sign * reach))
        found = judged([recorded[0]], [new], recorded=recorded, same_question=False, n_test={})
        assert found.reached == reached


def test_missing_and_failed_runs() -> None:
    verdict = judged(RECORDED, [*RECORDED[:5], None])
    assert verdict.reached == "DIFFERS" and verdict.why == L1[1]
    assert verdict.notes == ("1 of 6 runs did not come out: main · B · seed 2",)
    both = [run("A", 0, None), run("A", 1, 0.1)]
    assert judged(both, both).reached == "L1"
    verdict = judged(RECORDED, [run("A", 0, None), *RECORDED[1:]])
    assert verdict.reached == "DIFFERS" and "2 runs finished instead of 3" in verdict.notes[0]


def test_nan_equals_nan() -> None:
    one = run("A", 0, 0.1, metrics={"test/error": 0.1, "x": float("nan")})
    assert effect(one, one).identical


def test_answers(tmp_path: Path) -> None:
    def with_answers(name: str, answers: Any) -> RecordedRun:
        folder = tmp_path / name
        folder.mkdir()
        np.savez(
            folder / "predictions.npz", index=np.arange(len(answers)), target=np.zeros(len(answers), dtype=int),
            prediction=np.array(answers),
        )  # fmt: skip
        return run("A", 0, 0.1, folder=folder)

    old = with_answers("old", [0] * 900 + [1] * 100)
    same = effect(old, with_answers("same", [0] * 900 + [1] * 100))
    assert same.identical and same.answers and same.agreement == 1.0
    # the same error rate, by other examples
    other = effect(old, with_answers("other", [1] * 100 + [0] * 900))
    assert not other.identical and other.agreement == 0.8
    verdict = judged([old], [other.new])
    assert verdict.reached == "DIFFERS" and "20.00% of the answers changed" in verdict.notes[0]
    assert judged([old], [with_answers("near", [0] * 899 + [1] * 101)]).reached == "L2"


@pytest.mark.parametrize(
    ("answers", "change", "agreement"),
    [
        ([[4, 5, 0], [6, 7, 8]], (1, 2, 9), 0.5),  # a row of tokens, longer than its target
        ([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], (0, 1, 1.0), 0.5),  # labels
        ([[0.25], [3.5]], (1, 0, 3.5000001), 1.0),  # a number, but for rounding
        ([[0.25], [3.5]], (1, 0, 3.6), 0.5),
    ],
)
def test_answers_that_are_more_than_a_class(
    answers: list[list[float]], change: tuple[int, int, float], agreement: float, tmp_path: Path
) -> None:
    def with_answers(name: str, found: Any) -> RecordedRun:
        folder = tmp_path / name
        folder.mkdir()
        target = found[:, :2] * 0
        np.savez(folder / "predictions.npz", index=np.arange(len(found)), target=target, prediction=found)
        return run("A", 0, 0.1, folder=folder)

    old = np.array(answers)
    new = old.copy()
    new[change[:2]] = change[2]
    one, same, other = with_answers("one", old), with_answers("same", old), with_answers("other", new)
    assert effect(one, same).answers is True and effect(one, same).agreement == 1.0
    assert effect(one, other).answers is False and effect(one, other).agreement == agreement
    longer = with_answers("longer", np.hstack([old, old]))
    assert effect(one, longer).agreement == 0.0


def test_the_first_step_that_differs() -> None:
    old = {"train/loss": [(1, 2.0), (2, 1.5), (4, 1.0)], "test/error": [(4, 0.1)]}
    assert first_divergence(old, old) is None
    assert first_divergence(old, {**old, "train/loss": [(1, 2.0), (2, 1.6), (4, 1.0)]}) == (1, 2, "train/loss")
    assert first_divergence(old, {**old, "test/error": [(4, 0.2)]}) == (0, 4, "test/error")
    # a published history keeps some of the steps only
    few, other = {"train/loss": [(1, 2.0), (4, 1.0)]}, {"train/loss": [(1, 2.0), (2, 9.0), (4, 1.1)]}
    assert first_divergence(few, other) == (1, 4, "train/loss")


@pytest.mark.parametrize(
    ("old", "new", "level"),
    [
        ({"class": "a", "device": "cpu"}, {"class": "a"}, "L1"),
        ({"class": "a", "device": "cpu"}, {"class": "b"}, "L3"),
        ({"class": "", "device": "cpu"}, {"class": ""}, "L3"),
        ({"class": "a", "device": "cuda:0", "level": "strict"}, {"class": "a"}, "L1"),
        ({"class": "a", "device": "cuda:0", "level": "seeded"}, {"class": "a"}, "L2"),
        ({"class": "a", "device": "cuda:0", "level": "fast"}, {"class": "a"}, "L3"),
    ],
)
def test_what_a_machine_is_held_to(old: dict[str, str], new: dict[str, str], level: str) -> None:
    assert promised(old, new)[0] == level


def test_another_processor_of_the_same_name_is_not_held_to_bits() -> None:
    old = {"class": "c", "device": "cpu", "level": "seeded", "environment": {"cpu": {"id": "25/17/1"}}}
    same, other = dict(old), {**old, "environment": {"cpu": {"id": "26/2/1"}}}
    assert promised(old, same)[0] == "L1" and promised(old, {**old, "environment": {}})[0] == "L1"
    assert promised(old, other) == ("L3", "another model of processor under the same name: noise is allowed")
