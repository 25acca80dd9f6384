from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import RecordError
from workbench.record import files

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(alphabet="abc", max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_what_is_encoded_is_json_and_comes_back(value: object) -> None:
    text = json.dumps(files.encode(value), allow_nan=False)
    assert files.decode(json.loads(text)) == value


def test_nan_tuples_paths_and_arrays() -> None:
    import numpy as np
    import torch

    value = {"nan": math.nan, "pair": (1, math.inf), "path": Path("a/b"), "x": np.float32(0.5), "t": torch.ones(2)}
    assert files.encode(value) == {"nan": "NaN", "pair": [1, "Infinity"], "path": "a/b", "x": 0.5, "t": [1.0, 1.0]}
    with pytest.raises(TypeError, match="cannot be recorded"):
        files.encode(object())


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "new" / "a.json"
    files.write_json(place, {"a": 1})
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda self, target: os.stat("/nowhere"))
        with pytest.raises(RecordError, match=r"a\.json"):
            files.write_json(place, {"a": 2}, sync=True)
    assert files.read_json(place) == {"a": 1}
    assert [path.name for path in place.parent.iterdir()] == ["a.json"]


def test_missing_and_unreadable_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no such record"):
        files.read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(RecordError, match="unreadable"):
        files.read_json(tmp_path / "a.json")


def test_full_disk_says_what_to_do() -> None:
    with pytest.raises(OSError) as caught, Path("/dev/full").open("wb", buffering=0) as file:
        file.write(b"x")
    assert "Free some space" in str(files.refusal(Path("/x"), caught.value))
