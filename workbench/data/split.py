"""Which items are learnt from, which choose settings and which are the test: by a stated rule, never by luck."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch

from workbench.data.apart import elsewhere, left_out
from workbench.data.dates import dates, moments
from workbench.data.targets.columns import is_missing
from workbench.errors import DataError, FieldError
from workbench.parts import Part

if TYPE_CHECKING:
    import pandas as pd

By = Literal["auto", "random", "stratified", "group", "time", "given"]

_GIVEN = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "validation", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}

_COLUMNS = ("split", "part", "subset")
"""What a column that gives the parts is called."""


class Split(Part):
    """How data are divided into training, validation and test items.

    ``by``: "random" takes the ``test`` fraction of the items, "stratified" that of every class, "group" that
    of the groups, each whole, all three by content hash, so that neither the order of the items nor a seed
    matters and an item more moves at most one other into or out of the test part. "time" takes the last ones.
    "given" takes what ``column`` (or the folder) says: train, validation (valid, val, dev) or test.
    "auto" takes what a given column or folder says, or a column called split, part or subset that names train and
    test; else "time" for a column of dates and "group" for a column of names, else "stratified" where an item has one
    label, else "random".
    ``column``: of a table; holds the group, the time or the part.

    Items of equal content never come to lie in two parts. Of those that a given division has in several the test keeps
    its own; but equal rows of a table may be two items, and stay.

    Raises:
        FieldError: a fraction that leaves one side empty, or a column that is missing or would be ignored.
    """

    one_choice: ClassVar[bool] = True

    by: By = field(default="auto", kw_only=False)
    column: str | None = None
    test: float = 0.2

    def check(self) -> None:
        """Refuse a fraction that leaves one side empty, and a column that is missing or would be ignored."""
        if not 0 < self.test < 1:
            raise FieldError(f"Split.test is {self.test!r}; it takes a fraction between 0 and 1")
        if self.by in ("random", "stratified") and self.column is not None:
            raise FieldError(
                f"Split.column is '{self.column}', but by '{self.by}' reads no column",
                hint="Leave column out, or use 'group', 'time' or 'given'.",
            )
        if self.by in ("group", "time") and self.column is None:
            raise FieldError(f"Split.by is '{self.by}', which needs a column", hint="Set column to its name.")


@dataclass(frozen=True, eq=False)
class Division:
    """Which items are in which part.

    Attributes:
        train, validation, test: positions of the items, int64, ascending; ``validation`` is None unless settings
            are being chosen.
        by: the rule that was taken.
        rule: the same in words.
        why: what it was taken for.
    """

    train: torch.Tensor
    validation: torch.Tensor | None
    test: torch.Tensor
    by: By
    rule: str
    why: str


def divide(
    keys: Sequence[str],
    split: Split,
    *,
    targets: Any = None,
    classes: Sequence[str] = (),
    column: Sequence[Any] | None = None,
    validation: float = 0.2,
    choosing: bool = False,
    apart: bool = False,
) -> Division:
    """Divides n items; the test part is the same whether settings are being chosen or not.

    Args:
        keys: content hashes; items with equal ones stay together.
        targets: the label of every item where it has one: ints, texts, or an int64 tensor of shape (n,).
            Anything else (numbers, several labels) counts as no label.
        classes: what an error calls the labels 0, 1, ...
        column: the values of ``split.column``, or the name of the part that a folder stands for; None for none.
        validation: the fraction of the items outside of the test part that is held out when ``choosing``, by
            the same rule; ignored where a validation part is given beside a test part.
        choosing: False trains on the validation items as well.
        apart: whether contents that stand in several given parts stay in the test alone, else in the validation part.

    Raises:
        DataError: a part would be empty, a class or the times cannot be divided, or the column says something
            else.
    """
    labels = single_labels(targets)
    by, why = _resolved(split, labels, column)
    rule = _Rule(by, split, tuple(keys), labels, column, tuple(classes))
    if by == "given":
        test, held = rule.given()
    else:
        test, held = rule.part(np.ones(len(keys), dtype=bool), split.test, "test"), None
    train = ~(test | elsewhere(rule.keys, test)) if apart and by == "given" else ~test
    left = int((~test & ~train).sum())
    if choosing and held is None:
        held = rule.part(train, validation, "validation")
    if choosing and held is not None:
        held = held & train
        train = train & ~(elsewhere(rule.keys, held) if apart else held)
    for name, mask in (("training", train), ("test", test)):
        if not mask.any():
            raise DataError(f"the {name} part has no items", where=rule.where, hint="Add items.")
    chosen = _positions(held) if choosing and held is not None else None
    return Division(_positions(train), chosen, _positions(test), by, rule.words(test) + left_out(left), why)


def by_time(split: Split, time: str | None) -> Split:
    """``split``, or, where a part's field ``time`` names a column, the division by it that the field is short for."""
    return split if time is None else Split("time", column=time, test=split.test)


def refuse_two_ways(part: str, split: Split, time: str | None) -> None:
    """Raises :class:`FieldError` where ``time`` and ``split`` both say how the items of ``part`` are divided."""
    if time is not None and (split.by not in ("auto", "time") or split.column is not None):
        raise FieldError(f"{part}.time is '{time}', but split says {split!r}", hint="Leave time or split out.")


def refuse_columns(part: str, split: Split) -> None:
    """Raises :class:`FieldError` where ``split`` goes by a column and ``part`` has none."""
    if split.column is not None:
        raise FieldError(
            f"{part}.split is {split!r}, but there are no columns to go by",
            hint="Use Split('random') or Split('stratified'), or ImageTable, whose table has columns.",
        )


def says_parts(values: Iterable[Any]) -> bool:
    """Whether the values name the parts: train and at least one of validation (valid, val, dev) and test."""
    found = part_names(values)
    return None not in found and "train" in found and len(found) > 1


def following(split: Split, frame: pd.DataFrame, without: Collection[str] = ()) -> Split:
    """``split``, which follows a column split, part or subset that says the parts where it was not told otherwise.

    ``without``: columns that are something else.
    """
    if split.column is not None or split.by not in ("auto", "given"):
        return split
    named = [name for name in frame.columns if str(name).strip().lower() in _COLUMNS and name not in without]
    return split.but(column=next((name for name in named if says_parts(frame[name].tolist())), None))


def by_part(parts: Sequence[Any]) -> list[int]:
    """The positions of the items by the part that they are in: test, validation, what is neither; stable."""
    late = {each: [name not in part_names((each,)) for name in ("test", "validation")] for each in set(parts)}
    return sorted(range(len(parts)), key=lambda n: (late[parts[n]], n))


def part_names(values: Iterable[Any]) -> set[str | None]:
    """The parts that the values name: train, validation, test, and None where one names none."""
    return {_GIVEN.get(str(each).strip().lower()) for each in set(values)}


def single_labels(targets: Any) -> npt.NDArray[np.int64] | None:
    """Numbers of the labels (equal labels have equal numbers); None when items do not have one label each."""
    if targets is None:
        return None
    if isinstance(targets, torch.Tensor):
        return targets.cpu().numpy() if targets.ndim == 1 and not targets.is_floating_point() else None
    values = list(targets)
    if not all(isinstance(each, str | bool | int | np.integer | np.bool_) for each in values):
        return None
    numbers = {name: number for number, name in enumerate(sorted({str(each) for each in values}))}
    return np.array([numbers[str(each)] for each in values], dtype=np.int64)


def smallest(
    names: Sequence[str],
    fraction: float,
    purpose: str,
    strata: npt.NDArray[np.int64] | None = None,
    classes: Sequence[str] = (),
) -> npt.NDArray[np.bool_]:
    """Marks the ``fraction`` of the names (in each stratum) with the smallest hash of name and purpose.

    At least one name of a stratum is marked and one is not. A name more moves at most one other. Equal names
    must not stand in it twice.

    Raises:
        DataError: a stratum has a single name.
    """
    kinds = np.zeros(len(names), dtype=np.int64) if strata is None else strata
    rank = [hashlib.blake2b(f"{purpose}/{name}".encode(), digest_size=8).digest() for name in names]
    members: dict[int, list[int]] = {}
    for position in sorted(range(len(names)), key=lambda n: (rank[n], names[n])):
        members.setdefault(int(kinds[position]), []).append(position)
    marked = np.zeros(len(names), dtype=bool)
    for kind, positions in members.items():
        if len(positions) < 2:
            name = f"'{classes[kind]}'" if classes else kind
            what = "there is" if strata is None else f"class {name} has"
            raise DataError(
                f"{what} one item, too few to hold out a {purpose} part",
                hint="Add items." if strata is None else "Add items, leave the class out, or use Split('random').",
            )
        marked[positions[: min(len(positions) - 1, max(1, round(fraction * len(positions))))]] = True
    return marked


@dataclass(frozen=True)
class _Rule:
    """A resolved rule with everything that it looks at."""

    by: By
    split: Split
    keys: tuple[str, ...]
    labels: npt.NDArray[np.int64] | None
    column: Sequence[Any] | None
    classes: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        return "" if self.split.column is None else f"column '{self.split.column}'"

    def part(self, among: npt.NDArray[np.bool_], fraction: float, purpose: str) -> npt.NDArray[np.bool_]:
        """The ``fraction`` of the items ``among`` that is held out."""
        index = among.nonzero()[0]
        held = np.zeros(len(self.keys), dtype=bool)
        if not len(index):
            return held
        if self.by == "time":
            held[index] = self._last(index, fraction, purpose)
            return held
        units, names = self._units(index)
        strata = None
        # a given division without a validation part keeps the classes' proportions where there are classes
        if self.labels is not None and self.by in ("stratified", "given"):
            # of items with equal content and different labels the smallest label counts, whatever their order
            strata = np.full(len(names), np.iinfo(np.int64).max)
            np.minimum.at(strata, units, self.labels[index])
        held[index] = smallest(names, fraction, purpose, strata, self.classes)[units]
        return held

    def given(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_] | None]:
        """The test part, and the validation part where there is one as well."""
        assert self.column is not None
        parts = np.array([_GIVEN.get(str(each).strip().lower(), "") for each in self.column])
        if "" in parts or "train" not in parts or len(set(parts)) < 2:
            found = Counter(str(each) for each in self.column)
            shown = ", ".join(f"'{name}' ({count:,})" for name, count in found.most_common(5))
            raise DataError(
                f"the parts of the data are to be given, and there is {shown}",
                where=self.where,
                hint="It takes train, validation (valid, val, dev) and test; train and one other are needed.",
            )
        if "test" not in parts:
            return parts == "validation", None
        return parts == "test", parts == "validation" if "validation" in parts else None

    def words(self, test: npt.NDArray[np.bool_]) -> str:
        """The rule for people, with the test part's size."""
        share, name = f"{self.split.test:.4g}", self.split.column
        size = f"{int(test.sum()):,} of {len(test):,}"
        if self.by == "time":
            return f"test: the last {share} by '{name}' ({size})"
        if self.by == "given":
            return f"test: given by {'the folder' if name is None else f'column {name!r}'} ({size})"
        of = {"stratified": "every class", "group": f"the groups in '{name}', each whole,"}.get(self.by, "the items")
        missing = 0 if self.by != "group" else sum(is_missing(each) for each in self.column or ())
        without = f", the {missing:,} items without one as one group" if missing else ""
        return f"test: {share} of {of} by content hash ({size}){without}"

    def _units(self, index: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], list[str]]:
        """The unit of every item, which is never divided, and the units' names: a content, or a group."""
        contents, unit = np.unique(np.array(self.keys)[index], return_inverse=True)
        if self.by != "group":
            return unit, contents.tolist()
        assert self.column is not None
        values = [str(self.column[position]) for position in index]
        groups, group = np.unique(np.array(values), return_inverse=True)
        joined = _joined(group, unit, len(groups), len(contents))
        # a unit is called after its first group, so that its place does not depend on the groups around it
        firsts = np.full(int(joined.max()) + 1, len(groups))
        np.minimum.at(firsts, joined, np.arange(len(groups)))
        return joined[group], groups[firsts].tolist()

    def _last(self, index: npt.NDArray[np.int64], fraction: float, purpose: str) -> npt.NDArray[np.bool_]:
        """Marks the last ``fraction`` by time. Equal times stay together, and equal contents count as the later."""
        times = self._times()[index]
        contents, unit = np.unique(np.array(self.keys)[index], return_inverse=True)
        latest = np.full(len(contents), -np.inf)
        np.maximum.at(latest, unit, times)
        times = latest[unit]
        moments_, counts = np.unique(times, return_counts=True)
        if len(moments_) < 2:
            raise DataError(
                f"{'all' if purpose == 'test' else 'the remaining'} items have the same time, "
                f"so no {purpose} part can follow the others",
                where=self.where,
                hint="Use a finer column, or Split('random').",
            )
        behind = counts[::-1].cumsum()[::-1][1:]  # how many items there are from the second, third, ... time on
        cut = moments_[1:][np.abs(behind - fraction * len(times)).argmin()]
        later: npt.NDArray[np.bool_] = times >= cut
        return later

    def _times(self) -> npt.NDArray[np.float64]:
        times = moments(self.column)
        if times is None:
            assert self.column is not None
            raise DataError(
                f"the values are no times (the first is {self.column[0]!r})",
                where=self.where,
                hint="Use dates such as 2024-01-31, or numbers that rise with time.",
            )
        missing = int((~np.isfinite(times)).sum())
        if missing:
            raise DataError(f"{missing:,} items have no time", where=self.where, hint="Take them out, or fill it in.")
        return times


def _resolved(split: Split, labels: npt.NDArray[np.int64] | None, column: Sequence[Any] | None) -> tuple[By, str]:
    if split.by != "auto":
        if split.by in ("group", "time", "given") and column is None:
            what = "do not say which items are the test" if split.by == "given" else "have no such column"
            raise DataError(
                f"Split.by is '{split.by}', but these data {what}",
                hint="Use 'random' or 'stratified'.",
            )
        if split.by == "stratified" and labels is None:
            raise DataError(
                "Split.by is 'stratified', but the items do not have one label each", hint="Use Split('random')."
            )
        return split.by, "as asked for"
    if column is not None:
        return _by_column(split, column)
    if labels is not None:
        return "stratified", "one label an item"
    return "random", "no single label an item, no column to split by"


def _by_column(split: Split, column: Sequence[Any]) -> tuple[By, str]:
    name = "the folders" if split.column is None else f"'{split.column}'"
    said = part_names(column)
    if None not in said:
        test = "test" if "test" in said else "validation, which is taken as the test"
        return "given", f"{name} {'say' if split.column is None else 'says'} train and {test}"
    if dates(column) is not None:
        return "time", f"{name} holds dates"
    if all(isinstance(each, str) for each in column) and len(set(column)) < len(column):
        return "group", f"{name} holds names that repeat"
    raise DataError(
        f"it is not clear whether {name} holds groups or times (the first is {column[0]!r})",
        hint=f"Say Split('group', column={split.column!r}) or Split('time', column={split.column!r}).",
    )


def _joined(
    group: npt.NDArray[np.int64], content: npt.NDArray[np.int64], groups: int, contents: int
) -> npt.NDArray[np.int64]:
    """The unit of every group: groups that share an item of equal content are one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = groups + contents
    links = coo_array((np.ones(len(group), dtype=np.int8), (group, groups + content)), shape=(size, size))
    _, unit = connected_components(links, directed=False)
    _, numbers = np.unique(unit[:groups], return_inverse=True)
    return np.asarray(numbers, dtype=np.int64)


def _positions(mask: npt.NDArray[np.bool_]) -> torch.Tensor:
    return torch.from_numpy(mask.nonzero()[0])
