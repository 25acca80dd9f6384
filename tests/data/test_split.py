"""Splits: parts are distinct and cover everything, and neither order nor additions reshuffle them."""

import hashlib
from typing import Any

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench.data.split import Division, Split, by_part, divide, following, single_labels
from workbench.errors import DataError, FieldError


def key(content: object) -> str:
    return hashlib.sha256(str(content).encode()).hexdigest()[:16]


def parts(keys: list[str], division: Division) -> dict[str, set[str]]:
    held = division.validation if division.validation is not None else torch.tensor([], dtype=torch.int64)
    named = {"train": division.train, "validation": held, "test": division.test}
    return {name: {keys[n] for n in index.tolist()} for name, index in named.items()}


def covers(n: int, division: Division) -> bool:
    pieces = [each for each in (division.train, division.validation, division.test) if each is not None]
    return sorted(torch.cat(pieces).tolist()) == list(range(n)) and all(len(each) for each in pieces)


class Table:
    """Items with a content, a label, a group and a time, of which contents, groups and times may repeat."""

    def __init__(self, rows: list[tuple[int, int, int]]) -> None:
        self.keys = [key(content) for content, _, _ in rows]
        self.labels = [content % 3 for content, _, _ in rows]
        self.columns: dict[str, list[Any]] = {
            "group": [f"g{group}" for _, group, _ in rows],
            "time": [float(time) for _, _, time in rows],
        }

    def divide(self, by: str, *, choosing: bool = True, test: float = 0.25) -> Division:
        column = by if by in self.columns else None
        split = Split(by, column=column, test=test)  # type: ignore[arg-type]
        values = self.columns.get(by)
        return divide(self.keys, split, targets=self.labels, column=values, choosing=choosing, validation=0.3)


row = st.tuples(st.integers(0, 30), st.integers(0, 8), st.integers(0, 8))
rows = st.lists(row, min_size=3, max_size=60)
rules = st.sampled_from(["auto", "random", "stratified", "group", "time"])


@given(rows, rules, st.floats(0.05, 0.9))
def test_parts_are_distinct_and_cover_everything_or_are_refused(
    made: list[tuple[int, int, int]], by: str, test: float
) -> None:
    table = Table(made)
    try:
        division = table.divide(by, test=test)
    except DataError as error:
        assert "too few" in str(error) or "same time" in str(error)
        return
    assert covers(len(made), division)
    found = parts(table.keys, division)
    assert not found["train"] & found["test"]
    assert not found["validation"] & (found["train"] | found["test"])
    whole = table.divide(by, test=test, choosing=False)
    assert whole.validation is None and covers(len(made), whole)
    assert torch.equal(whole.test, division.test)


@given(rows, rules, st.randoms(use_true_random=False))
def test_the_order_of_the_items_is_irrelevant(made: list[tuple[int, int, int]], by: str, random: Any) -> None:
    turned = list(made)
    random.shuffle(turned)
    one, two = Table(made), Table(turned)
    try:
        first = parts(one.keys, one.divide(by))
    except DataError:
        with pytest.raises(DataError):
            two.divide(by)
        return
    assert first == parts(two.keys, two.divide(by))


@given(st.sets(st.integers(0, 1000), min_size=20, max_size=80), st.sets(st.integers(1001, 2000), max_size=8))
def test_an_item_more_moves_at_most_one_other_across_a_border(few: set[int], added: set[int]) -> None:
    for by in ("random", "group"):
        before = Table([(n, n, n) for n in sorted(few)])
        after = Table([(n, n, n) for n in sorted(few | added)])
        old, new = (parts(each.keys, each.divide(by, choosing=False)) for each in (before, after))
        assert len(old["test"] & new["train"]) + len(old["train"] & new["test"]) <= len(added)
        old, new = (parts(each.keys, each.divide(by)) for each in (before, after))
        names = ("train", "validation", "test")
        moved = sum(len(old[one] & new[other]) for one in names for other in names if one != other)
        assert moved <= 2 * len(added)


def test_stratified_keeps_the_proportions_of_the_classes() -> None:
    labels = ["a"] * 100 + ["b"] * 20 + ["c"] * 3
    keys = [key(n) for n in range(123)]
    division = divide(keys, Split(test=0.2), targets=labels, validation=0.25, choosing=True)
    counts = [[labels[n] for n in index.tolist()] for index in (division.train, division.validation, division.test)]  # type: ignore[union-attr]
    assert [[part.count(name) for name in "abc"] for part in counts] == [[60, 12, 1], [20, 4, 1], [20, 4, 1]]
    assert division.by == "stratified" and division.why == "one label an item"
    assert division.rule == "test: 0.2 of every class by content hash (25 of 123)"


def test_equal_contents_with_different_labels_stay_together() -> None:
    keys = [key(n % 10) for n in range(40)]
    division = divide(keys, Split(test=0.3), targets=[n // 20 for n in range(40)])
    found = parts(keys, division)
    assert len(found["test"]) == 3 and not found["test"] & found["train"] and len(division.test) == 12


def test_groups_stay_whole_also_those_that_share_an_item() -> None:
    groups = [f"g{n // 4}" for n in range(40)]
    keys = [key(n) for n in range(40)]
    apart = divide(keys, Split("group", column="g"), column=groups)
    assert {groups[n] for n in apart.test.tolist()}.isdisjoint(groups[n] for n in apart.train.tolist())
    assert len(apart.test) == 8
    one, other = apart.test[0].item(), apart.train[0].item()
    keys[int(one)] = keys[int(other)]
    joined = divide(keys, Split("group", column="g"), column=groups)
    sides = [groups[n] in {groups[m] for m in joined.test.tolist()} for n in (int(one), int(other))]
    assert sides[0] == sides[1]


def test_the_last_by_time_are_the_test_and_those_before_them_the_validation() -> None:
    days = [f"2024-01-{day:02d}" for day in range(1, 31)]
    division = divide(
        [key(n) for n in range(30)], Split(column="day", test=0.2), column=days[::-1], choosing=True, validation=0.25
    )
    assert division.by == "time" and division.why == "'day' holds dates"
    assert division.test.tolist() == list(range(6))
    assert division.validation is not None and division.validation.tolist() == list(range(6, 12))


def test_equal_times_stay_together() -> None:
    times = [1] * 5 + [2] * 5 + [3] * 9
    division = divide([key(n) for n in range(19)], Split("time", column="t", test=0.1), column=times)
    assert division.test.tolist() == list(range(10, 19))
    with pytest.raises(DataError, match="column 't': all items have the same time"):
        divide([key(n) for n in range(9)], Split("time", column="t"), column=[1] * 9)


def test_what_is_no_time_is_refused() -> None:
    split = Split("time", column="t")
    with pytest.raises(DataError, match=r"column 't': the values are no times \(the first is 'a'\)"):
        divide(["1", "2"], split, column=["a", "b"])
    with pytest.raises(DataError, match="1 items have no time"):
        divide(["1", "2", "3"], split, column=["2024-01-01", None, "2024-01-02"])


@pytest.mark.parametrize("gone", [None, float("nan")])
def test_it_is_told_that_items_without_a_group_make_one(gone: object) -> None:
    division = divide(["1", "2", "3", "4"], Split("group", column="g"), column=["a", gone, "b", gone])
    assert len({n in division.test.tolist() for n in (1, 3)}) == 1
    assert division.rule.endswith(" of 4), the 2 items without one as one group")


def test_given_parts_are_taken_as_they_are() -> None:
    named = ["train"] * 5 + ["Dev"] * 2 + ["test"] * 3
    keys = [key(n) for n in range(10)]
    division = divide(keys, Split(column="part"), column=named, choosing=True)
    assert division.by == "given" and division.why == "'part' says train and test"
    assert division.test.tolist() == [7, 8, 9]
    assert division.validation is not None and division.validation.tolist() == [5, 6]
    assert divide(keys, Split(column="part"), column=named).train.tolist() == list(range(7))


def test_the_only_given_part_beside_training_is_the_test() -> None:
    named = ["train"] * 8 + ["valid"] * 2
    division = divide([key(n) for n in range(10)], Split(), column=named, choosing=True, targets=[0, 1] * 5)
    assert division.test.tolist() == [8, 9]
    assert division.why == "the folders say train and validation, which is taken as the test"
    assert division.validation is not None and len(division.validation) == 2


def test_a_column_of_parts_is_followed_where_nothing_else_was_said() -> None:
    frame = pd.DataFrame({"subset": ["a", "b", "a"], "Split": ["train", "Test", "train"], "name": ["x", "y", "x"]})
    assert following(Split(), frame) == Split(column="Split")
    assert following(Split("given"), frame) == Split("given", column="Split")
    for told in (Split("random"), Split("group", column="name")):
        assert following(told, frame) == told
    assert following(Split(), frame, ("Split",)) == Split()
    assert by_part(["train", "test", None, "dev", "Test"]) == [1, 4, 3, 0, 2]


@pytest.mark.parametrize("named", [["train", "train"], ["test", "valid"], ["train", "holdout"]])
def test_parts_with_other_names_are_refused(named: list[str]) -> None:
    with pytest.raises(DataError, match=r"column 'part'.*there is '\w+' \(\d\)"):
        divide(["1", "2"], Split("given", column="part"), column=named)


def test_a_column_speaks_for_itself_or_is_asked_about() -> None:
    keys = [key(n) for n in range(6)]
    assert divide(keys, Split(column="who"), column=["a", "b", "c"] * 2).by == "group"
    assert divide(keys, Split()).by == "random"
    with pytest.raises(DataError, match=r"'year' holds groups or times .* Say Split\('group', column='year'\) or"):
        divide(keys, Split(column="year"), column=[2001, 2002, 2003] * 2)


def test_what_cannot_be_divided_is_refused_with_the_way_out() -> None:
    with pytest.raises(DataError, match=r"class 1 has one item, .* use Split\('random'\)"):
        divide([key(n) for n in range(5)], Split(), targets=[0, 0, 0, 0, 1])
    with pytest.raises(DataError, match="there is one item, too few to hold out a validation part"):
        divide([key(n) for n in range(2)], Split(), choosing=True)
    with pytest.raises(DataError, match="do not have one label each"):
        divide([key(n) for n in range(5)], Split("stratified"), targets=torch.zeros(5))
    with pytest.raises(DataError, match="have no such column"):
        divide([key(n) for n in range(5)], Split("group", column="who"))
    with pytest.raises(DataError, match="do not say which items are the test"):
        divide([key(n) for n in range(5)], Split("given"))


def test_fields_that_make_no_sense_are_refused() -> None:
    with pytest.raises(FieldError, match=r"Split\.test is 1\.0"):
        Split(test=1.0)
    with pytest.raises(FieldError, match="reads no column"):
        Split("random", column="a")
    with pytest.raises(FieldError, match="needs a column"):
        Split("time")
    with pytest.raises(FieldError, match="did you mean 'stratified'"):
        Split("stratify")  # type: ignore[arg-type]


def test_what_counts_as_one_label_an_item() -> None:
    assert single_labels(torch.tensor([2, 0])).tolist() == [2, 0]  # type: ignore[union-attr]
    assert single_labels(["b", "a", "b"]).tolist() == [1, 0, 1]  # type: ignore[union-attr]
    assert single_labels(torch.zeros(2, 3, dtype=torch.int64)) is None
    assert single_labels([0.5, 1.0]) is None and single_labels([("a",), ("b",)]) is None
