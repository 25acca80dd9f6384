"""Bugs planted in data sets, and the checks that find them: duplicates, balance, class sets, leaks."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from tests.training.audited import Digits, Planted, digits, found, joined, replaced
from workbench import Learner, OneCycle, Seeds, TextNetwork, Texts
from workbench.data.items import Datasets, Items
from workbench.data.split import Split
from workbench.data.tables import Table
from workbench.models.tabular import TabularNetwork
from workbench.training.audit.duplicates import near_pairs

Carried = Callable[[str], Path]
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def here(carried: Carried) -> None:
    carried("data/mnist.npz")


def firsts(count: int) -> torch.Tensor:
    return torch.arange(count)


def compressed(pictures: torch.Tensor, quality: int) -> torch.Tensor:
    """Grey pictures after JPEG."""
    found = []
    for each in pictures[:, 0].numpy():
        buffer = io.BytesIO()
        Image.fromarray(each).save(buffer, "jpeg", quality=quality)
        found.append(np.array(Image.open(buffer)))
    return torch.from_numpy(np.stack(found))[:, None]


# ---- 1: the same item in two splits ---------------------------------------------------------------------------------


def test_training_items_among_the_test_items() -> None:
    class Overlapping(Planted):
        """The 20 first training items are test items too."""

        def spoil(self, data: Datasets) -> Datasets:
            return replaced(data, test=joined(data.test, data.train.subset(firsts(20))))

    finding = found(digits(Overlapping), "duplicates")
    assert finding.state == "wrong" and "20 of 520 test items (3.85%)" in finding.found and "Split()" in finding.hint
    assert "test 500 = training 0" in finding.found


def test_one_double_is_a_note() -> None:
    class Double(Planted):
        """One training item is a test item too."""

        def spoil(self, data: Datasets) -> Datasets:
            return replaced(data, test=joined(data.test, data.train.subset(firsts(1))))

    assert found(digits(Double), "duplicates").state == "note"


def test_compressed_copies_of_training_pictures_among_the_test_items() -> None:
    class Compressed(Planted):
        """40 test pictures are training pictures after JPEG, so no byte is the same."""

        def spoil(self, data: Datasets) -> Datasets:
            first = data.train.subset(firsts(40))
            keys = tuple(f"{number:016x}" for number in range(40))
            copies = Items(compressed(first.inputs, 75), first.targets, keys)
            return replaced(data, test=joined(data.test, copies))

    finding = found(digits(Compressed), "duplicates")
    assert finding.state == "wrong" and "nearly training pictures" in finding.found
    assert 38 <= int(finding.found.split()[0]) <= 41


def test_near_pairs_are_found_and_others_are_not() -> None:
    data = Digits.data.load(Seeds(), ROOT)
    some = data.train.inputs[:100]
    brighter = (some * 0.9 + 12).to(torch.uint8)
    assert near_pairs(brighter, data.train.inputs) == [(n, n) for n in range(100)]
    assert near_pairs(data.test.inputs, data.train.inputs) == []
    assert near_pairs(torch.zeros_like(some), torch.zeros_like(some)) == []  # blank ones are alike for no reason


def test_rows_that_a_column_gives_to_both_parts(carried: Carried) -> None:
    """The column that says so is no content: with it no row would be like any of the other part."""
    frame = pd.read_csv(carried("data/adult.csv"), nrows=1000).drop_duplicates()
    twice = pd.concat(
        [frame.assign(part="train"), frame.iloc[:40].assign(part="test"), frame.assign(part="test")[900:]]
    )
    finding = found(learning(twice, "income", split=Split("given", column="part")), "duplicates")
    test = len(frame[900:]) + 40
    assert finding.state == "wrong" and f"of {test} test items" in finding.found and finding.found[:3].strip() == "140"


def test_a_group_on_both_sides() -> None:
    """``Split("group")`` keeps groups whole, so the bug needs data that divide themselves."""

    class Writers(Planted):
        """Every writer has written items of both splits but for the last two."""

        def spoil(self, data: Datasets) -> Datasets:
            test, train = (
                Items(each.inputs, each.targets, each.keys, tuple(f"writer {n % most}" for n in range(len(each))))
                for each, most in ((data.test, 10), (data.train, 8))
            )
            return replaced(data, test=test, train=train)

    finding = found(digits(Writers), "duplicates")
    assert finding.state == "wrong" and "8 of 10 groups of the test items" in finding.found


def test_groups_that_a_table_keeps_whole_are_silent(carried: Carried) -> None:
    frame = pd.read_csv(carried("data/adult.csv"), nrows=1500)

    class Grouped(Learner):
        """Incomes, with no occupation on both sides."""

        data = Table.of(frame, "income", split=Split("group", column="occupation"))
        model = TabularNetwork()
        fit = OneCycle(epochs=1, batch=64, lr=1e-2)

    data = Grouped.data.load(Seeds(), ROOT)
    assert set(data.train.groups) and not set(data.train.groups) & set(data.test.groups)
    assert found(Grouped, "duplicates").state == "ok"


# ---- 3 and 9: what the splits hold ----------------------------------------------------------------------------------


def test_the_last_rows_of_sorted_data_as_test_items() -> None:
    """No part of the library takes last rows (keras#8346), so the bug needs data that divide themselves."""

    class LastRows(Planted):
        """All items in the order of their labels, the last fifth for the test."""

        def spoil(self, data: Datasets) -> Datasets:
            whole = joined(data.train, data.test)
            whole = whole.subset(whole.targets.argsort(stable=True))
            cut = len(whole) * 4 // 5
            index = torch.arange(len(whole))
            return replaced(data, train=whole.subset(index[:cut]), test=whole.subset(index[cut:]), why=())

    balance = found(digits(LastRows), "split balance")
    assert balance.state == "wrong" and "Split('stratified')" in balance.hint and "as LastRows divides" in balance.found
    classes = found(digits(LastRows), "class sets")
    assert classes.state == "wrong" and "no training item of '8', '9'" in classes.found


def test_values_of_another_range_in_the_test_items(carried: Carried) -> None:
    frame = pd.read_csv(carried("data/california_housing.csv"), nrows=2000)
    part = ["test" if value > 2.5 else "train" for value in frame["MedHouseVal"]]

    class Dear(Learner):
        """The dear houses are the test, as a column says."""

        data = Table.of(frame.assign(part=part), "MedHouseVal", split=Split("given", column="part"))
        model = TabularNetwork()
        fit = OneCycle(epochs=1, batch=64, lr=1e-2)

    finding = found(Dear, "split balance")
    assert (
        finding.state == "note" and "100.0% of the items" in finding.found and "given by column 'part'" in finding.found
    )


def test_a_class_that_only_training_has() -> None:
    class NoNines(Planted):
        """No test item is a nine."""

        def spoil(self, data: Datasets) -> Datasets:
            return replaced(data, test=data.test.subset((data.test.targets != 9).nonzero().flatten()))

    finding = found(digits(NoNines), "class sets")
    assert finding.state == "note" and finding.found == "no test item of '9' (1 of 10 classes)"


# ---- 10: leaks ------------------------------------------------------------------------------------------------------


def incomes(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, nrows=3000)


def learning(frame: pd.DataFrame, predict: str, **fields: object) -> type[Learner]:
    class Rows(Learner):
        """A table with a bug."""

        data = Table.of(frame, predict, **fields)
        model = TabularNetwork()
        fit = OneCycle(epochs=1, batch=64, lr=1e-2)

    return Rows


def test_a_column_that_is_recorded_with_the_target(carried: Carried) -> None:
    frame = incomes(carried("data/adult.csv"))
    frame["tax class"] = np.where(frame["income"] == ">50K", "upper", "lower")
    finding = found(learning(frame, "income"), "leaks")
    assert finding.state == "wrong" and "'tax class' alone takes away 100.0%" in finding.found
    assert "ignore=('tax class',)" in finding.hint


def test_a_number_that_follows_from_the_target(carried: Carried) -> None:
    frame = pd.read_csv(carried("data/california_housing.csv"), nrows=3000)
    frame["tax"] = frame["MedHouseVal"] * 1250 + 30
    finding = found(learning(frame, "MedHouseVal"), "leaks")
    assert finding.state == "wrong" and "column 'tax' alone" in finding.found


def test_a_column_that_numbers_the_rows(carried: Carried) -> None:
    """Columns that count on are left out by the table itself; told to be a number or a category, they are kept."""
    frame = incomes(carried("data/adult.csv"))
    frame["person"] = np.random.default_rng(0).permutation(len(frame))
    for fields in ({"numbers": ("person",)}, {"categories": ("person",)}):
        finding = found(learning(frame, "income", **fields), "leaks")
        assert finding.state == "note" and "'person'" in finding.hint and "nearly every row: person" in finding.found


def test_a_word_that_was_written_with_the_label(carried: Carried) -> None:
    reviews = pd.read_csv(carried("data/clothing.csv"), nrows=1500).dropna(subset=["Review Text"])
    frame = reviews[["Review Text", "Recommended IND"]].copy()
    frame["Review Text"] += np.where(frame["Recommended IND"] == 1, " #recommended", "")

    class Reviews(Learner):
        """Whether somebody recommends a dress, and says so in a tag."""

        data = Texts.of(frame, text="Review Text", label="Recommended IND")
        model = TextNetwork(width=16, layers=1)
        fit = OneCycle(epochs=1, batch=32, lr=1e-2)

    finding = found(Reviews, "leaks")
    assert finding.state in ("note", "wrong") and "'recommended'" in finding.found or "'#'" in finding.found
