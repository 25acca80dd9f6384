"""Why two runs differ, told from their facts."""

from typing import Any

import pytest

from workbench.study.causes import Cause, causes, same_question, together

ENVIRONMENT: dict[str, Any] = {
    "python": "3.11.7", "platform": "Linux", "device": "cpu", "threads": 1, "level": "seeded", "lock": "a" * 64,
    "deviations": {}, "variables": {}, "packages": {"torch": "2.15.0", "numpy": "2.3.0", "click": "8.2.0"},
    "cpu": {"model": "A CPU", "cores": 2, "machine": "x86_64", "capability": "AVX512"}, "gpu": None,
    "torch": {"version": "2.15.0", "git": "abc", "cuda": None, "cudnn": None, "capability": "AVX512", "threads": 1,
              "interop_threads": 1},
}  # fmt: skip
FACTS: dict[str, Any] = {
    "fields": {"fit.lr": 0.001, "fit.epochs": 2, "level": "seeded"}, "stages": {"loss": "1" * 16}, "library": "l" * 64,
    "seeds": {"init": 0, "order": 0}, "pins": {"data/x.npz": "a" * 32}, "sources": {"experiments/source": "w" * 64},
    "device": "cpu", "threads": 1, "snapshot": "c" * 40, "environment": ENVIRONMENT,
}  # fmt: skip


def changed(**facts: Any) -> dict[str, Any]:
    return {**FACTS, **facts}


@pytest.mark.parametrize(
    ("new", "kind", "what", "old_value", "new_value"),
    [
        (changed(library="m" * 64), "code", "workbench itself", "llllllll", "mmmmmmmm"),
        (changed(stages={"loss": "2" * 16}), "code", "loss()", "11111111", "22222222"),
        (changed(stages={"loss": "1" * 16, "forward": "3" * 16}), "code", "forward()", "", "33333333"),
        (changed(fields={**FACTS["fields"], "fit.lr": 0.01}), "params", "fit.lr", "0.001", "0.01"),
        (changed(seeds={"init": 0, "order": 1}), "params", "seeds.order", "0", "1"),
        (changed(pins={"data/x.npz": "b" * 32}), "data", "data/x.npz", "aaaaaaaa", "bbbbbbbb"),
        (
            changed(sources={"experiments/source": "v" * 64}),
            "data",
            "weights of experiments/source",
            "wwwwwwww",
            "vvvvvvvv",
        ),
        (changed(threads=2), "hardware", "threads", "1", "2"),
        (changed(device="cuda:0"), "hardware", "device", "cpu", "cuda:0"),
    ],
)
def test_one_change_one_cause(new: dict[str, Any], kind: str, what: str, old_value: str, new_value: str) -> None:
    assert causes(FACTS, new) == [Cause(kind, what, old_value, new_value)]  # type: ignore[arg-type]
    assert same_question(causes(FACTS, new)) == (kind == "hardware")


def test_equal_runs_have_none_and_what_reaches_no_number_is_none() -> None:
    assert causes(FACTS, changed(snapshot="d" * 40, created=5, study="another")) == []


def test_a_package_and_a_processor_are_named() -> None:
    packages = {**ENVIRONMENT["packages"], "numpy": "2.4.0"}
    (found,) = causes(FACTS, changed(environment={**ENVIRONMENT, "packages": packages}))
    assert found.kind == "environment" and "numpy" in found.what and (found.old, found.new) == ("2.3.0", "2.4.0")
    cpu = {**ENVIRONMENT["cpu"], "model": "Another CPU"}
    (found,) = causes(FACTS, changed(environment={**ENVIRONMENT, "cpu": cpu}))
    assert found.kind == "hardware" and (found.old, found.new) == ("A CPU", "Another CPU")


def test_the_library_s_changed_files_are_named() -> None:
    asked = []

    def files(one: str, other: str) -> list[str]:
        asked.append((one, other))
        return ["workbench/a.py", "workbench/b.py", "workbench/c.py", "workbench/d.py"]

    (found,) = causes(FACTS, changed(library="m" * 64, snapshot="d" * 40), files)
    assert found.what == "workbench itself (workbench/a.py, workbench/b.py, workbench/c.py and 1 more)"
    assert asked == [("c" * 40, "d" * 40)]


def test_they_are_ranked_and_counted() -> None:
    one = changed(threads=2, pins={"data/x.npz": "b" * 32}, fields={**FACTS["fields"], "fit.lr": 1.0}, stages={})
    other = changed(threads=2)
    found = together([(FACTS, one), (FACTS, other)])
    assert [cause.kind for cause, _ in found] == ["code", "params", "data", "hardware"]
    assert [count for _, count in found] == [1, 1, 1, 2]


def test_what_an_old_record_does_not_know_is_no_cause() -> None:
    assert causes({**FACTS, "environment": None, "library": None}, FACTS) == []
