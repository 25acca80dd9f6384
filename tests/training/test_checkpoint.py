"""Checkpoints: bit-exact round trips, whole or not there at all, and nothing in them but tensors and plain values."""

from __future__ import annotations

import errno
import json
import os
import pickletools
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from tests.training.conftest import Bars
from workbench import Callback, Norm
from workbench.errors import DataError, RecordError
from workbench.models.weights import FORMAT
from workbench.training import checkpoint
from workbench.training.checkpoint import (
    load_checkpoint,
    load_weights,
    read_tensors,
    save_checkpoint,
    save_weights,
    weights_hash,
)
from workbench.training.state import State


class Hold(Callback):
    """Keeps the state of a run that it stops after three steps."""

    def step_end(self, state: State) -> None:
        """Three steps fill every optimizer slot."""
        self.state = state
        if state.step == 3:
            state.stop = "enough"


def trained(root: Path, **changes: Any) -> State:
    """A state after three real steps."""
    hold = Hold()
    Bars.but(**changes)(0, root=root).run(callbacks=[hold])
    return hold.state


def slots(state: State) -> dict[str, Any]:
    """The optimizer's state, flat."""
    found = state.optimizer.state_dict()["state"]
    return {f"{index}.{name}": value for index, each in found.items() for name, value in each.items()}


@pytest.fixture(scope="module")
def state(pictures: Path) -> State:
    """One trained state for the tests that do not change it."""
    return trained(pictures)


@pytest.fixture
def saved(state: State, tmp_path: Path) -> Path:
    """Its checkpoint."""
    path = tmp_path / "run" / "checkpoint.safetensors"
    save_checkpoint(path, state)
    return path


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("scope", ["all", "head"])
def test_everything_comes_back_bit_for_bit(pictures: Path, tmp_path: Path, optimizer: str, scope: str) -> None:
    changes = {"fit__optimizer": optimizer, "fit__scope": scope}
    before, path = trained(pictures, **changes), tmp_path / "c.safetensors"
    save_checkpoint(path, before)
    after = Bars.but(**changes)(1, root=pictures).begin()
    assert weights_hash(after.model) != weights_hash(before.model)
    load_checkpoint(path, after)
    assert weights_hash(after.model) == weights_hash(before.model)
    assert (after.step, after.epoch) == (3, 0)
    one, other = slots(before), slots(after)
    assert one and one.keys() == other.keys()
    for name, value in one.items():
        assert value.dtype == other[name].dtype if isinstance(value, torch.Tensor) else value == other[name]
        assert torch.equal(torch.as_tensor(value), torch.as_tensor(other[name])), name


def test_it_holds_tensors_and_plain_values_and_no_pickle(saved: Path) -> None:
    content = saved.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    meta = json.loads(header.pop("__metadata__")["workbench"])
    assert {key: meta[key] for key in ("format", "epoch", "step")} == {"format": 3, "epoch": 0, "step": 3}
    # what follows the header is exactly the tensors' bytes, so there is no room for anything else
    assert max(each["data_offsets"][1] for each in header.values()) == len(content) - 8 - length
    assert {name.split(".")[0] for name in header} == {"model", "optimizer", "state", "generators"}
    with pytest.raises(ValueError, match=r"opcode|pickle"):
        list(pickletools.genops(content))


@pytest.mark.parametrize("kept", [0, 5, 100, -1])
def test_a_truncated_file_is_refused_and_says_what_to_do(saved: Path, state: State, kept: int) -> None:
    saved.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(RecordError, match=r"checkpoint.safetensors: not a readable .* Remove it to start over"):
        load_checkpoint(saved, state)


def test_a_file_that_is_not_there_is_a_record_error_too(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"nothing.safetensors: there is no such file$"):
        read_tensors(tmp_path / "nothing.safetensors")


def test_nobody_is_told_to_remove_a_model_of_their_own(state: State, tmp_path: Path) -> None:
    named = r"\. Name the weights of a run, e\.g\. \.wb/runs/RUN/weights\.safetensors$"
    (tmp_path / "mine.pth").write_bytes(b"somebody's model")
    with pytest.raises(RecordError, match=r"mine\.pth: not a readable safetensors file \(.*\)" + named):
        load_weights(tmp_path / "mine.pth", state.model)
    with pytest.raises(RecordError, match=r"none\.safetensors: there is no such file" + named):
        load_weights(tmp_path / "none.safetensors", state.model)


@pytest.mark.parametrize("meta", [{"workbench": '{"format": 1}'}, {"other": "tool"}, None])
def test_another_format_is_refused(saved: Path, state: State, meta: dict[str, str] | None) -> None:
    save_file(load_file(saved), saved, metadata=meta)
    with pytest.raises(RecordError, match=r"checkpoint format (1|None) is not 3\. Remove it to start over"):
        load_checkpoint(saved, state)


@pytest.mark.parametrize(
    "changes",
    [{"model__width": 8}, {"model__norm": Norm(kind="group")}],
    ids=["other shapes", "other names"],
)
def test_a_checkpoint_of_another_network_is_refused(saved: Path, pictures: Path, changes: dict[str, Any]) -> None:
    other = Bars.but(**changes)(0, root=pictures).begin()
    with pytest.raises(RecordError, match="the checkpoint does not fit this run"):
        load_checkpoint(saved, other)


def test_a_full_disk_leaves_the_old_file_and_no_litter(
    saved: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = saved.read_bytes()
    newer = Bars(1, root=pictures).begin()

    def half(tensors: Any, path: str, **options: Any) -> None:
        Path(path).write_bytes(old[: len(old) // 2])
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoint, "save_file", half)
    with pytest.raises(RecordError, match=r"could not be written .*No space left.* Free disk space, or take another"):
        save_checkpoint(saved, newer)
    assert saved.read_bytes() == old
    assert list(saved.parent.iterdir()) == [saved]


def test_a_rename_that_fails_leaves_the_old_file_and_no_litter(
    saved: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = saved.read_bytes()

    def full(source: Any, target: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(RecordError, match="No space left"):
        save_checkpoint(saved, Bars(1, root=pictures).begin())
    assert saved.read_bytes() == old
    assert list(saved.parent.iterdir()) == [saved]


def test_a_reader_sees_the_old_file_or_the_new_one(saved: Path, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    old = saved.read_bytes()
    replace = os.replace

    def watched(source: Any, target: Any) -> None:
        seen.append(Path(target).read_bytes())
        assert Path(source).parent == Path(target).parent, "a rename over file systems is a copy"
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    state.epoch = 7
    try:
        save_checkpoint(saved, state)
    finally:
        state.epoch = 0
    assert seen == [old]
    assert read_tensors(saved)[1]["epoch"] == 7


def test_saved_weights_come_back_with_their_description_and_hash(state: State, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "weights.safetensors"
    found = save_weights(path, state.model, {"classes": ["a", "b"]})
    tensors, meta = read_tensors(path)
    assert found == weights_hash(state.model)
    assert meta == {"format": 1, "classes": ["a", "b"]}
    assert tensors.keys() == state.model.state_dict().keys()
    assert all(torch.equal(value, tensors[name]) for name, value in state.model.state_dict().items())


def test_the_hash_sees_one_bit_of_one_weight(state: State) -> None:
    before = weights_hash(state.model)
    weight = next(state.model.parameters())
    with torch.no_grad():
        old = weight.clone()
        weight.view(-1)[0] = torch.nextafter(weight.view(-1)[0], torch.tensor(9.0))
        assert weights_hash(state.model) != before
        weight.copy_(old)
    assert weights_hash(state.model) == before


def test_a_file_that_is_in_use_can_be_replaced(saved: Path, state: State, tmp_path: Path) -> None:
    copy = tmp_path / "copy.safetensors"
    shutil.copy(saved, copy)
    tensors, _ = read_tensors(copy)
    before = {name: value.clone() for name, value in tensors.items()}
    save_weights(copy, state.model, {})
    assert all(torch.equal(value, before[name]) for name, value in tensors.items())


def test_weights_of_another_model_are_refused_in_one_line(state: State, tmp_path: Path, pictures: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_weights(path, state.model, {})
    with pytest.raises(RecordError, match="the weights do not fit this model"):
        Bars.but(model__width=8)(0, root=pictures).run(trained=path)


def test_weights_of_another_format_are_refused_and_change_nothing(state: State, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    other = {name: (value + 1).contiguous() for name, value in state.model.state_dict().items()}
    save_file(other, str(path), metadata={"workbench": json.dumps({"format": FORMAT + 1})})
    before = weights_hash(state.model)
    with pytest.raises(DataError, match=rf"weights.safetensors: these weights are of format {FORMAT + 1}, .* wb run"):
        load_weights(path, state.model)
    assert weights_hash(state.model) == before
