"""Parts: the laws that identities, diffs and derived arms rest on."""

import dataclasses
import json
import subprocess
import sys
from dataclasses import field
from pathlib import PurePosixPath
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workbench import parts
from workbench.errors import FieldError
from workbench.parts import Part, diff, digest, flatten


class Inner(Part):
    """A part inside a part."""

    kind: Literal["track", "batch", "running"] = "track"
    affine: bool = True
    rate: float = 0.1


class Outer(Part):
    """A part with a value of each sort."""

    path: str = field(default="data/x", kw_only=False)
    count: int = 3
    scale: float | None = None
    sizes: tuple[int, ...] = ()
    inner: Inner = Inner()
    several: tuple[Inner, ...] = ()

    def check(self) -> None:
        if self.count < 0:
            raise FieldError(f"Outer.count is {self.count}; it takes a number from 0")


finite = st.floats(allow_nan=False, allow_infinity=False)
inners = st.builds(Inner, kind=st.sampled_from(["track", "batch", "running"]), affine=st.booleans(), rate=finite)
changes: dict[str, st.SearchStrategy[Any]] = {
    "path": st.text(max_size=5),
    "count": st.integers(0, 2**40),
    "scale": st.none() | finite,
    "sizes": st.lists(st.integers(), max_size=3).map(tuple),
    "inner": inners,
    "several": st.lists(inners, max_size=2).map(tuple),
}
outers = st.builds(Outer, **changes)
one_change = st.sampled_from(sorted(changes)).flatmap(lambda name: st.tuples(st.just(name), changes[name]))


@given(outers)
def test_changing_nothing_changes_nothing(part: Outer) -> None:
    same = part.but(**{name: getattr(part, name) for name in part.fields()})
    assert part.but() == part == same
    assert same.identity() == part.identity()


@given(outers, one_change)
def test_a_changed_field_has_its_value_and_the_rest_theirs(part: Outer, change: tuple[str, Any]) -> None:
    name, value = change
    changed = part.but(**{name: value})
    assert getattr(changed, name) == value
    assert all(getattr(changed, other) == getattr(part, other) for other in part.fields() if other != name)
    assert changed.but(**{name: getattr(part, name)}) == part


@given(outers, one_change, one_change)
def test_changes_of_different_fields_commute(part: Outer, first: tuple[str, Any], second: tuple[str, Any]) -> None:
    assume(first[0] != second[0])
    both = part.but(**dict([first, second]))
    assert both == part.but(**dict([first])).but(**dict([second])) == part.but(**dict([second])).but(**dict([first]))


@given(outers, st.sampled_from(["track", "batch", "running"]), st.booleans())
def test_a_path_reaches_into_a_part(part: Outer, kind: str, affine: bool) -> None:
    assert part.but(inner__kind=kind, inner__affine=affine).inner == part.inner.but(kind=kind, affine=affine)
    assert part.but(inner=Inner(affine=affine), inner__kind=kind).inner == Inner(affine=affine, kind=kind)


@given(outers, outers)
def test_identity_is_equal_exactly_when_the_descriptions_are(one: Outer, other: Outer) -> None:
    assert (one.identity() == other.identity()) == (one.flatten() == other.flatten())
    if one == other:
        assert one.identity() == other.identity()


@given(outers, one_change)
def test_a_diff_names_what_changed_and_nothing_else(part: Outer, change: tuple[str, Any]) -> None:
    name, value = change
    found = diff(part.flatten(), part.but(**{name: value}).flatten())
    assert all(path.partition(".")[0] == name for path in found)
    if not isinstance(value, Part | tuple) and value != getattr(part, name):
        assert found == {name: (getattr(part, name), value)}


plain = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=5)


@given(plain, plain)
def test_a_diff_is_empty_for_equals_and_turns_around(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert diff(old, old) == {}
    assert diff(new, old) == {path: (after, before) for path, (before, after) in diff(old, new).items()}
    patched = old | {path: after for path, (_, after) in diff(old, new).items()}
    assert {path: value for path, value in patched.items() if value is not None} == new


@given(outers)
def test_flat_paths_lead_back_to_the_values(part: Outer) -> None:
    flat = part.flatten()
    assert flat["part"] == "Outer"
    assert (flat["path"], flat["count"], flat["scale"]) == (part.path, part.count, part.scale)
    assert flat["inner"] == "Inner"
    assert flat["inner.kind"] == part.inner.kind
    for number, each in enumerate(part.several):
        assert flat[f"several.{number}.rate"] == each.rate
    assert flatten(part, "x") == {("x" if path == "part" else f"x.{path}"): value for path, value in flat.items()}


@given(st.permutations(["a", "b", "c"]))
def test_a_digest_ignores_the_order_of_keys(order: list[str]) -> None:
    assert digest({name: name for name in order}) == digest({"a": "a", "b": "b", "c": "c"})


def test_an_identity_is_the_same_in_another_process() -> None:
    """Recorded runs are found again by it, so a change of these digits orphans every record."""
    code = "from workbench.streams import Seeds; print(Seeds.of(7, source=1).identity())"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert there == digest({"part": "Seeds", "subset": 7, "init": 7, "order": 7, "augment": 7, "source": 1})
    assert len(there) == 64


def test_a_part_is_frozen_hashable_and_shows_what_is_not_default() -> None:
    part = Outer("data/y", count=5)
    with pytest.raises(dataclasses.FrozenInstanceError):
        part.count = 6  # type: ignore[misc]
    assert {part: 1}[Outer("data/y", count=5)] == 1
    assert repr(part) == "Outer(path='data/y', count=5)"
    assert eval(repr(part)) == part


def test_a_list_becomes_a_tuple() -> None:
    assert Outer(sizes=[1, 2]).sizes == (1, 2)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"cuont": 1}, "'cuont' is not a field of Outer; did you mean 'count'?"),
        ({"count": -1}, "from 0"),
        ({"count": 1.5}, "Outer.count is 1.5; it takes a whole number"),
        ({"count": True}, "Outer.count is True; it takes a whole number"),
        ({"count": "3"}, "Outer.count is '3'; write 3 without quotes"),
        ({"count": np.int64(3)}, "Outer.count is np.int64(3); write 3"),
        ({"scale": "big"}, "Outer.scale is 'big'; it takes a number, or None"),
        ({"path": PurePosixPath("data/x")}, "write 'data/x'"),
        ({"path": "x" * 100, "count": -1.5}, "Outer.count is -1.5"),
        ({"inner": "track"}, "did you mean Inner(kind='track')?"),
        ({"inner": Inner}, "did you mean Inner()?"),
        ({"inner": "inner"}, "Outer.inner is 'inner'; did you mean Inner()?"),
        ({"inner": "batch"}, "Outer.inner is 'batch'; did you mean Inner(kind='batch')?"),
        ({"sizes": (1, "2")}, "Outer.sizes is (1, '2'); it takes a tuple of whole numbers"),
        ({"sizes": 3}, "Outer.sizes is 3; write [3]"),
        ({"sizes": "3"}, "Outer.sizes is '3'; it takes a tuple of whole numbers"),
        ({"several": Inner()}, "Outer.several is"),
    ],
)
def test_a_wrong_field_or_value_is_refused_when_it_is_written(fields: dict[str, Any], said: str) -> None:
    for make in (lambda: Outer(**fields), lambda: Outer().but(**fields)):
        with pytest.raises(FieldError) as caught:
            make()
        assert said in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inner__kidn": "batch"}, "'kidn' is not a field of Inner; did you mean 'kind'?"),
        ({"count__x": 1}, "Outer.count is 3, which has no field 'x'"),
        ({"inner__kind": "trak"}, "did you mean 'track'?"),
    ],
)
def test_a_wrong_path_is_refused_with_the_nearest(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(FieldError) as caught:
        Outer().but(**changes)
    assert said in str(caught.value)


def test_a_value_that_takes_a_page_is_only_named() -> None:
    class Reads(Part):
        path: str = field(kw_only=False)
        either: int | Literal["auto"] | None = None

        @classmethod
        def of(cls, frame: Any, label: str, **fields: Any) -> Part:
            return cls("", **fields)

    with pytest.raises(FieldError) as caught:
        Reads(pd.DataFrame({"a": range(30)}))  # type: ignore[arg-type]
    said = "Reads.path is of type DataFrame; it takes a text. For what is in memory type: Reads.of(frame, label)"
    assert str(caught.value) == said
    with pytest.raises(FieldError, match=r"Reads\.path is of type tuple; it takes a text$"):
        Reads((pd.DataFrame({"a": [1, 2]}),))  # type: ignore[arg-type]
    with pytest.raises(FieldError) as caught:
        Reads("x", either="x" * 200)  # type: ignore[arg-type]
    assert "xxx ...; it takes a whole number, 'auto', or None" in str(caught.value) and len(str(caught.value)) < 150


def test_a_choice_is_one_of_its_own_type() -> None:
    class Choice(Part):
        level: Literal[1, "auto"] = 1

    assert Choice(level="auto").level == "auto"
    with pytest.raises(FieldError):
        Choice(level=True)


def test_a_missing_field_is_named() -> None:
    class Needs(Part):
        what: str

    with pytest.raises(FieldError, match="Needs: missing 1 required field: 'what'"):
        Needs()


def test_a_mistake_inside_a_check_is_not_mistaken_for_a_wrong_field() -> None:
    class Broken(Part):
        x: int = 0

        def check(self) -> None:
            len(self.x)  # type: ignore[arg-type]

    with pytest.raises(TypeError, match="has no len"):
        Broken()


def test_the_same_number_written_two_ways_is_the_same_description() -> None:
    assert Inner(rate=1) == Inner(rate=1.0)
    assert Inner(rate=1).identity() == Inner(rate=1.0).identity()


def test_a_part_survives_as_plain_values() -> None:
    from workbench import Augment, ImageArrays, Network, Norm

    for part in (
        Network("resnet8", width=4, norm=Norm(kind="group")),
        ImageArrays("data/x.npz", pool=(0.0, 0.5), classes=("a", "b"), augment=Augment(flip=True)),
    ):
        again = parts.revived(json.loads(json.dumps(parts.plain(part))))
        assert again == part and again.identity() == part.identity()
    assert parts.plain(0.3) == parts.revived(0.3) == 0.3


class Takes:
    """A class that is no part, with arguments of each sort."""

    @parts.arguments
    def __init__(self, patience: int = 3, *, mode: Literal["min", "max"] = "min", places: dict[str, str] | None = None):
        self.patience, self.mode, self.places = patience, mode, places


@pytest.mark.parametrize(
    ("values", "named", "said"),
    [
        ((), {"patiense": 2}, "'patiense' is not an argument of Takes; did you mean 'patience'?"),
        (("3",), {}, "Takes.patience is '3'; write 3 without quotes"),
        ((1.5,), {}, "Takes.patience is 1.5; it takes a whole number"),
        ((), {"mode": "maxi"}, "Takes.mode is 'maxi'; did you mean 'max'?"),
        ((), {"places": ["a"]}, "Takes.places is ['a']; it takes dict, or None"),
        ((3, "max"), {}, "Takes: too many positional arguments. Write Takes(patience, mode=..., places=...)"),
    ],
)
def test_a_wrong_argument_is_answered_as_a_wrong_field_is(values: Any, named: dict[str, Any], said: str) -> None:
    with pytest.raises(FieldError) as caught:
        Takes(*values, **named)
    assert str(caught.value) == said


def test_right_arguments_arrive() -> None:
    taken = Takes(2, mode="max", places={"a": "b"})
    assert (taken.patience, taken.mode, taken.places) == (2, "max", {"a": "b"})
