"""Two recorded studies side by side, with errors that the test chooses: tables, causes, claims, verdict."""

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import RecreateError
from workbench.study.causes import Cause
from workbench.study.claims import Claim
from workbench.study.comparison import Comparison, as_dict, causes_table, compare, effects_table, lines, verdict_lines
from workbench.study.recorded import RecordedStudy, from_home

BASE, ARM = [0.10, 0.12, 0.11], [0.30, 0.33, 0.31]
Make = Callable[..., RecordedStudy]


@pytest.fixture
def made(tmp_path: Path, make_study: Callable[..., dict[str, Any]]) -> Make:
    """``made("old", {"Base": BASE, "Arm": ARM}, facts={"threads": 2})``: a study in a state folder of that name."""

    def make(name: str, arms: dict[str, Any], *, facts: dict[str, Any] | None = None, **more: Any) -> RecordedStudy:
        home = tmp_path / name
        study = make_study(home, {"main": arms}, **more)
        for path in home.glob("runs/*/run.json"):
            own = {"class": "one machine", **json.loads(path.read_text()), **(facts or {})}
            path.write_text(json.dumps(own))
        return from_home(home, study["id"], name)

    return make


def held(old: RecordedStudy, new: RecordedStudy, *, partial: bool = False) -> Comparison:
    found = compare(old, new, partial=partial, changed=lambda one, other: [])
    told = as_dict(found, {"reference": "x"})
    again = json.loads(json.dumps(told, allow_nan=False))
    assert again["reached"] == found.verdict.reached and again["kept"] == found.verdict.kept
    assert len(again["runs"]) == len(found.effects) and again["reference"] == "x"
    assert lines(found)[-len(verdict_lines(found)) :] == verdict_lines(found)
    return found


def test_the_same(made: Make) -> None:
    found = held(made("old", {"Base": BASE, "Arm": ARM}), made("new", {"Base": BASE, "Arm": ARM}))
    heads, rows = effects_table(found)
    assert heads == ["cell", "arm", "seed", "recorded %", "reproduced", "difference", "bits"]
    assert rows[0] == ["main", "Base", "100", "10.000", "10.000", "0", "equal"] and len(rows) == 6
    text = "\n".join(lines(found))
    assert "Nothing that reaches a number differs" in text and "First difference" not in text
    assert "Verdict: L1, bit-identical (6 of 6 runs bit-identical)." in text and "Most likely" not in text
    assert found.verdict.kept and found.verdict.promised == "L1"


def test_a_difference_its_cause_and_where_it_began(made: Make) -> None:
    old = made("old", {"Base": BASE, "Arm": ARM}, facts={"fields": {"fit.lr": 0.1}})
    new = made("new", {"Base": BASE, "Arm": [0.35, *ARM[1:]]}, facts={"fields": {"fit.lr": 0.2}})
    for study, value in ((old, 2.0), (new, 1.5)):
        folder = study.runs[3].folder
        assert folder is not None
        points = [{"kind": "metric", "key": "train/loss", "step": step, "value": value * step, "t": 0} for step in (3,)]
        first = [{"kind": "metric", "key": "train/loss", "step": step, "value": 9.0, "t": 0} for step in (1, 2)]
        (folder / "journal.jsonl").write_text("".join(json.dumps(point) + "\n" for point in [*first, *points]))
    found = held(old, new)
    assert effects_table(found)[1][3] == ["main", "Arm", "100", "30.000", "35.000", "+5.000", "differ"]
    text = "\n".join(lines(found))
    assert "First difference: train/loss at step 3 of main · Arm · seed 100 (the same up to step 2)." in text
    assert found.causes == ((Cause("params", "fit.lr", "0.1", "0.2"), 6),)
    assert "(5 of 6 runs bit-identical)." in text and text.endswith("Most likely because of: params.")
    (row,) = [line.split() for line in text.splitlines() if line.startswith("params")]
    assert row == ["params", "fit.lr", "0.1", "0.2", "all"]


def test_no_recorded_cause_is_said(made: Make) -> None:
    found = held(made("old", {"Base": [0.1, 0.1]}), made("new", {"Base": [0.1, 0.9]}))
    assert verdict_lines(found)[-1].startswith("No recorded cause: nondeterminism")
    assert found.verdict.reached == "DIFFERS" and not found.verdict.kept


def test_a_cause_of_some_runs_only(made: Make) -> None:
    old, new = made("old", {"Base": BASE}), made("new", {"Base": BASE})
    folder = new.runs[1].folder
    assert folder is not None
    new.runs[1].facts["threads"], old.runs[1].facts["threads"] = 2, 1
    found = held(old, new)
    assert [count for _, count in found.causes] == [1]
    assert "hardware  threads  1           2             1" in "\n".join(lines(found))
    assert found.verdict.reached == "L1"  # two threads, and the same bits


def test_many_runs_are_told_by_arm(made: Make) -> None:
    base, arm = [0.1 + seed / 1000 for seed in range(21)], [0.3 + seed / 1000 for seed in range(20)]
    few = held(made("old", {"Base": base[:20], "Arm": arm}), made("new", {"Base": base[:20], "Arm": arm}))
    assert len(effects_table(few)[1]) == 40
    other = [*arm[:18], 0.5, None]  # one that differs, one that failed now
    many = held(made("a", {"Base": base, "Arm": arm}), made("b", {"Base": base, "Arm": other}))
    heads, rows = effects_table(many)
    assert heads[2] == "runs" and [row[:3] for row in rows] == [["main", "Base", "21"], ["main", "Arm", "20"]]
    assert rows[0][3:] == ["11.000", "11.000", "0", "21 of 21 equal"]
    # means and their difference are of the runs that have a number on both sides
    old, new = sum(arm[:19]) / 19, sum([*arm[:18], 0.5]) / 19
    assert rows[1][3:] == [f"{old:.3%}"[:-1], f"{new:.3%}"[:-1], f"+{new - old:.3%}"[:-1], "18 of 20 equal"]


def test_a_run_that_did_not_come_out(made: Make) -> None:
    old = made("old", {"Base": BASE, "Arm": ARM})
    fewer = made("new", {"Base": BASE, "Arm": ARM[:2]})
    found = held(old, fewer)
    assert effects_table(found)[1][-1] == ["main", "Arm", "102", "31.000", "-", "-", "missing"]
    assert found.verdict.reached == "DIFFERS"
    told = verdict_lines(found)
    assert told[1] == "Promised: L1, bit-identical (the same reproduction class: bits must be equal)."
    assert told[2] == "  1 of 6 runs did not come out: main · Arm · seed 102"
    part = held(old, fewer, partial=True)
    assert part.verdict.reached == "L1" and len(part.effects) == 5


def test_a_planned_run_without_a_result_is_missing_too(made: Make) -> None:
    old = made("old", {"Base": BASE, "Arm": ARM})
    stopped = made("new", {"Base": BASE, "Arm": ARM}, unfinished=1)
    for partial in (False, True):
        found = held(old, stopped, partial=partial)
        assert found.verdict.reached == "DIFFERS" and len(found.effects) == 6
        assert effects_table(found)[1][-1][-1] == "finished, then missing"


def test_what_was_never_recorded_is_held_against_nothing(made: Make) -> None:
    old = made("old", {"Base": BASE, "Arm": ARM}, unfinished=1)
    found = held(old, made("new", {"Base": BASE, "Arm": ARM}))
    assert found.verdict.reached == "L1" and len(found.effects) == 4
    assert "Left out, as the recorded study has no result of them: 2 runs." in lines(found)
    with pytest.raises(RecreateError, match="no run of the recorded study has a result"):
        compare(
            made("none", {"Base": BASE}, unfinished=3),
            made("x", {"Base": BASE}),
            partial=False,
            changed=lambda a, b: [],
        )


def test_runs_that_failed(made: Make) -> None:
    old = made("old", {"Base": [0.1, None], "Arm": [0.3, 0.31]})
    both = held(old, made("same", {"Base": [0.1, None], "Arm": [0.3, 0.31]}))
    assert both.verdict.reached == "L1"
    assert effects_table(both)[1][1] == ["main", "Base", "101", "-", "-", "-", "equal"]
    one = held(old, made("other", {"Base": [0.1, 0.1], "Arm": [0.3, None]}))
    assert [row[-1] for row in effects_table(one)[1]] == [
        "equal", "failed, then finished", "equal", "finished, then failed",
    ]  # fmt: skip
    assert one.verdict.reached == "DIFFERS"


def test_numbers_that_are_none(made: Make) -> None:
    old, new = made("old", {"Base": [0.1, 0.2, 0.3]}), made("new", {"Base": [0.1, 0.2, 0.3]})
    nan = float("nan")
    for study, values in ((old, (nan, nan, 0.3)), (new, (nan, 0.2, math.inf))):
        for run, value in zip(study.runs, values, strict=True):
            run.metrics["test/error"] = value
    found = compare(old, new, partial=False, changed=lambda one, other: [])
    assert [row[5] for row in effects_table(found)[1]] == ["0", "-", "-"]
    from workbench.record.files import encode

    json.dumps(encode(as_dict(found, {})), allow_nan=False)


def test_claims_are_judged_on_the_runs_that_both_have(made: Make) -> None:
    claims = [Claim.ratio("Arm", "Base", at_least=1.5, name="C1", why="a guess")]
    seeds = 8
    arms = {"Base": [0.1 + k / 1000 for k in range(seeds)], "Arm": [0.3 + k / 500 for k in range(seeds)]}
    old = made("old", arms, claims=claims, tier="default")
    found = held(old, made("same", arms, claims=claims, tier="default"))
    ((name, before, after),) = found.claims
    assert name == "C1" and before == after
    # of two seeds nothing can be said, and so nothing is said of the recorded ones either
    two = {arm: values[:2] for arm, values in arms.items()}
    ((_, recorded, repeated),) = held(old, made("two", two, claims=claims, tier="default"), partial=True).claims
    assert recorded == repeated != before
    # the other way round: the arms changed places
    turned = {"Base": arms["Arm"], "Arm": arms["Base"]}
    found = held(old, made("turned", turned, claims=claims, tier="default"))
    ((_, recorded, repeated),) = found.claims
    assert recorded == before != repeated
    assert f"claim C1 was '{before}' and is '{repeated}'" in found.verdict.notes
    # without one of the arms there is no claim to judge, on either side
    alone = held(old, made("alone", {"Base": arms["Base"]}, claims=claims, tier="default"), partial=True)
    assert {(one, other) for _, one, other in alone.claims} in (set(), {("not tested in this tier",) * 2})


def test_answers_take_part_where_both_sides_have_them(made: Make) -> None:
    claims = [Claim.differs("Arm", "Base", name="C1", why="a guess")]
    old = made("old", {"Base": BASE, "Arm": ARM}, claims=claims, predictions=True)
    without = made("new", {"Base": BASE, "Arm": ARM}, claims=claims)
    with_ = made("again", {"Base": BASE, "Arm": [0.302, *ARM[1:]]}, claims=claims, predictions=True)
    assert {each.agreement for each in held(old, without).effects} == {None}
    found = held(old, with_)
    assert [each.agreement for each in found.effects] == [1, 1, 1, 0.998, 1, 1]
    assert effects_table(found)[1][3][-1] == "differ, 99.8% of answers the same"
    assert found.claims and all(one == other for _, one, other in held(old, without).claims)


def test_nothing_in_common(made: Make) -> None:
    old = made("old", {"Base": BASE})
    for partial in (False, True):
        with pytest.raises(RecreateError, match="no run in common"):
            compare(old, made("new", {"Other": BASE}), partial=partial, changed=lambda one, other: [])


def test_a_long_list_of_causes_ends() -> None:
    found = [(Cause("environment", f"package{k}", "1", ""), 3) for k in range(30)]
    text = causes_table(found, 4)
    assert "and 5 more" in text and "package24" in text and "package25" not in text
    assert text.splitlines()[0].split() == ["cause", "what", "recorded", "reproduced", "runs"]
    assert text.splitlines()[2].split() == ["environment", "package0", "1", "-", "3"]
    one = causes_table([(dataclasses.replace(found[0][0], new="2"), 1)], 1, ("first", "second"))
    assert one.splitlines()[0].split() == ["cause", "what", "first", "second"]
