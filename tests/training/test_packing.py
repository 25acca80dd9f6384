"""Packed values come back as they were: types, order of keys, memory order; anything else is refused with its place."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from workbench.errors import FieldError
from workbench.training.packing import pack, unpack

CPU = torch.device("cpu")
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
KEYS = st.text("ab.'1", max_size=3) | st.integers(0, 2)
NESTED = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def there_and_back(value: Any) -> Any:
    tensors: dict[str, torch.Tensor] = {}
    return unpack(json.loads(json.dumps(pack(value, "x", tensors), sort_keys=True)), tensors, CPU)


@given(NESTED)
def test_plain_values_come_back_equal_and_of_the_same_type(value: Any) -> None:
    assert repr(there_and_back(value)) == repr(value)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, st.integers(0, 99), max_size=4), max_size=4))
def test_no_tensor_takes_another_ones_name(numbers: dict[Any, dict[Any, int]]) -> None:
    value = {key: {name: torch.tensor(n) for name, n in inner.items()} for key, inner in numbers.items()}
    found = there_and_back(value)
    assert {key: {name: int(n) for name, n in inner.items()} for key, inner in found.items()} == numbers


def test_two_names_that_look_alike_stay_two() -> None:
    found = there_and_back(
        {"a.b": torch.tensor(1), "a": {"b": torch.tensor(2)}, 1: torch.tensor(3), "1": torch.ones(2)}
    )
    assert [value.tolist() for value in (found["a.b"], found["a"]["b"], found[1], found["1"])] == [1, 2, 3, [1.0, 1.0]]


def test_what_is_not_finite_comes_back() -> None:
    found = there_and_back([math.inf, -math.inf, math.nan])
    assert found[:2] == [math.inf, -math.inf] and math.isnan(found[2])


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.int64, torch.bool, torch.uint8])
def test_tensors_keep_type_and_memory_order_through_a_file(dtype: torch.dtype, tmp_path: Path) -> None:
    image = torch.randint(0, 2, (2, 3, 4, 5)).to(dtype).contiguous(memory_format=torch.channels_last)
    tensors: dict[str, torch.Tensor] = {}
    packed = pack([image, image[0, 0].t(), torch.tensor(1).to(dtype)], "x", tensors)
    save_file({name: value.clone().contiguous() for name, value in tensors.items()}, tmp_path / "t")
    found = unpack(packed, load_file(tmp_path / "t"), CPU)
    for one, other in zip(found, [image, image[0, 0].t(), torch.tensor(1).to(dtype)], strict=True):
        assert one.dtype == dtype and torch.equal(one, other)
    assert found[0].stride() == image.stride() != image.contiguous().stride()


def test_each_unpacking_gives_tensors_of_its_own() -> None:
    tensors: dict[str, torch.Tensor] = {}
    packed = pack({"shadow": torch.zeros(3)}, "x", tensors)
    unpack(packed, tensors, CPU)["shadow"].add_(1)
    assert unpack(packed, tensors, CPU)["shadow"].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("value", "place"), [({"seen": {1, 2}}, "EMA.seen is of type set"), ([0, object()], "EMA.1 is of type object"),
                         ({(1, 2): 3}, "EMA is of type dict")],
)  # fmt: skip
def test_what_cannot_be_kept_is_named_with_its_place(value: Any, place: str) -> None:
    with pytest.raises(FieldError, match=f"{place}, which a checkpoint cannot keep. It keeps tensors"):
        pack(value, "EMA", {})
