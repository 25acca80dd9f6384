"""ImageArrays reads what the .npz contract says, draws what its fields say, and says what is wrong with a file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from workbench import Learner, Network, OneCycle
from workbench.data.array_files import content_keys
from workbench.data.arrays import ImageArrays
from workbench.data.encoding import restored
from workbench.data.split import Split
from workbench.data.targets import MultiLabel, Rating, Regression, SingleLabel, Target
from workbench.errors import DataError, FieldError
from workbench.streams import Seeds

CLASSES = ("ant", "bee", "cat")


def write(path: Path, n: int = 60, *, side: int = 12, colour: bool = False, **changes: Any) -> Path:
    random = np.random.default_rng(0)
    shape = (n, side, side, 3) if colour else (n, side, side)
    arrays: dict[str, Any] = {
        "train_images": random.integers(0, 256, shape, np.uint8),
        "train_labels": (np.arange(n) % 3).astype(np.uint8),
        "test_images": random.integers(0, 256, shape, np.uint8),
        "test_labels": (np.arange(n) % 3).astype(np.uint8),
        "classes": np.array(CLASSES),
    }
    arrays.update(changes)
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "a.npz")
    return tmp_path


def test_bytes_stay_as_stored(root: Path) -> None:
    data = ImageArrays("a.npz").load(Seeds.of(0), root)
    stored = np.load(root / "a.npz")
    assert data.train.inputs.dtype == torch.uint8 and data.train.inputs.shape == (60, 1, 12, 12)
    assert np.array_equal(data.train.inputs[:, 0].numpy(), stored["train_images"])
    assert np.array_equal(data.test.targets.numpy(), stored["test_labels"])
    assert data.classes == CLASSES and data.validation is None and data.size == 12 and data.channels == 1
    assert len(set(data.train.keys)) == 60 and all(len(key) == 16 for key in data.train.keys)


def test_colour_goes_channels_first(tmp_path: Path) -> None:
    write(tmp_path / "c.npz", colour=True)
    data = ImageArrays("c.npz").load(Seeds.of(0), tmp_path)
    stored = np.load(tmp_path / "c.npz")["train_images"]
    assert np.array_equal(data.train.inputs.permute(0, 2, 3, 1).numpy(), stored)
    grey = ImageArrays("c.npz", channels=1).load(Seeds.of(0), tmp_path).train.inputs
    luma = (stored[..., 0] * 0.299 + stored[..., 1] * 0.587 + stored[..., 2] * 0.114).round()
    assert np.abs(grey[:, 0].numpy() - luma).max() <= 1


def test_grey_repeated_and_scaled(root: Path) -> None:
    data = ImageArrays("a.npz", channels=3, size=24).load(Seeds.of(0), root)
    assert data.train.inputs.shape == (60, 3, 24, 24) and data.size == 24
    assert torch.equal(data.train.inputs[:, 0], data.train.inputs[:, 2])


def test_subset_is_stratified_by_stream(root: Path) -> None:
    part = ImageArrays("a.npz", train=20)
    first, again, other = (part.load(Seeds.of(seed), root).train for seed in (1, 1, 2))
    assert first.keys == again.keys and torch.equal(first.inputs, again.inputs)
    assert set(first.keys) != set(other.keys)
    assert sorted(torch.bincount(first.targets).tolist()) == [6, 7, 7]
    assert part.load(Seeds(init=5, order=6, augment=7, subset=1), root).train.keys == first.keys


def test_choosing_splits_the_subset_and_leaves_the_test(root: Path) -> None:
    part = ImageArrays("a.npz", train=30, test=10)
    final, choosing = part.load(Seeds.of(3), root), part.load(Seeds.of(3), root, choosing=True)
    assert choosing.validation is not None
    assert set(choosing.train.keys) | set(choosing.validation.keys) == set(final.train.keys)
    assert len(choosing.train) == 24 and torch.bincount(choosing.validation.targets).tolist() == [2, 2, 2]
    assert choosing.test.keys == final.test.keys and len(final.test) == 10


def test_fixed_test_is_nested_and_seedless(root: Path) -> None:
    small, large = (ImageArrays("a.npz", test=n).load(Seeds.of(n), root).test for n in (5, 20))
    whole = sorted(ImageArrays("a.npz").load(Seeds.of(0), root).test.keys)
    assert set(small.keys) == set(whole[:5]) and set(large.keys) == set(whole[:20])


def test_kept_classes_are_renumbered(root: Path) -> None:
    everything = ImageArrays("a.npz").load(Seeds.of(0), root).train
    kept = ImageArrays("a.npz", classes=("cat", "ant")).load(Seeds.of(0), root)
    assert kept.classes == ("cat", "ant") and len(kept.train) == 40
    names = dict(zip(everything.keys, (CLASSES[n] for n in everything.targets.tolist()), strict=True))
    assert [kept.classes[n] for n in kept.train.targets.tolist()] == [names[key] for key in kept.train.keys]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"train": 61}, "there are 60"),
        ({"train": 2}, "fewer than the 3 classes"),
        ({"test": 61}, "there are 60"),
        ({"classes": ("ant", "cta")}, "did you mean 'cat'"),
    ],
)
def test_fields_that_ask_too_much(root: Path, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(FieldError, match=words):
        ImageArrays("a.npz", **fields).load(Seeds.of(0), root)


@pytest.mark.parametrize(
    "fields", [{"train": 0}, {"test": 0}, {"size": 7}, {"classes": ("ant",)}, {"validation": 1.0}, {"channels": 2}]
)
def test_impossible_fields(fields: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match=next(iter(fields))):
        ImageArrays("a.npz", **fields)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"test_labels": None}, "'test_labels' is missing"),
        ({"train_labels": np.zeros(60, np.uint8)}, "no training item of class 'bee', 'cat'"),
        ({"test_labels": np.arange(60) % 2}, "no test item of class 'cat'"),
        ({"train_labels": np.arange(60) % 4}, "reach 3"),
        ({"train_labels": np.zeros(59, np.uint8)}, "60 train_images have 59"),
        ({"train_images": np.zeros((60, 12, 12), np.float32)}, "float32"),
        ({"train_images": np.zeros((60, 7, 7), np.uint8)}, "7 x 7"),
        ({"test_images": np.zeros((60, 14, 14), np.uint8)}, "differ in shape"),
    ],
)
def test_wrong_content(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    write(tmp_path / "w.npz", **changes)
    with pytest.raises(DataError, match=words):
        ImageArrays("w.npz").load(Seeds.of(0), tmp_path)


@pytest.mark.parametrize("keep", [0, 40, 5000, -30])
def test_truncated_file(root: Path, keep: int) -> None:
    whole = (root / "a.npz").read_bytes()
    (root / "t.npz").write_bytes(whole[:keep])
    with pytest.raises(DataError, match=r"t\.npz.*truncated.*It takes train_images"):
        ImageArrays("t.npz").load(Seeds.of(0), root)


def test_damaged_byte_is_noticed(root: Path) -> None:
    whole = bytearray((root / "a.npz").read_bytes())
    whole[2000] ^= 255
    (root / "d.npz").write_bytes(whole)
    with pytest.raises(DataError, match="truncated or not"):
        ImageArrays("d.npz").load(Seeds.of(0), root)


def test_missing_file(root: Path) -> None:
    with pytest.raises(DataError, match=r"none\.npz: there is no such file"):
        ImageArrays("none.npz").load(Seeds.of(0), root)


def test_file_that_changed_is_read_anew(root: Path) -> None:
    before = ImageArrays("a.npz").load(Seeds.of(0), root).train.keys
    write(root / "a.npz", n=63)
    assert ImageArrays("a.npz").load(Seeds.of(0), root).train.keys != before


IMAGES = np.random.default_rng(1).integers(0, 256, (40, 8, 8), np.uint8)


def test_arrays_in_memory_with_names_as_labels() -> None:
    part = ImageArrays.of(IMAGES, ["cat", "dog"] * 20)
    data = part.load(Seeds.of(0), Path())
    assert data.classes == ("cat", "dog") and data.target == SingleLabel()
    assert torch.bincount(data.test.targets).tolist() == [4, 4] and len(data.train) == 32
    assert not set(data.train.keys) & set(data.test.keys)
    assert part == ImageArrays.of(torch.from_numpy(IMAGES), ["cat", "dog"] * 20)
    assert part.load(Seeds.of(7), Path()).test.keys == data.test.keys
    with pytest.raises(FieldError, match=r"arrays in memory, which nothing pins. Write them with numpy\.savez"):
        part.files()


def test_arrays_in_memory_with_their_own_test() -> None:
    data = ImageArrays.of(IMAGES[:30], [0, 1] * 15, test_images=IMAGES[30:], test_labels=[0, 1] * 5).load(
        Seeds.of(0), Path()
    )
    assert len(data.train) == 30 and len(data.test) == 10 and data.classes == ("0", "1")


@pytest.mark.parametrize(
    ("labels", "target", "shape"),
    [
        (np.linspace(0.5, 9, 40), Regression(), (1,)),
        (np.stack([np.linspace(0.5, 9, 40)] * 2, 1), Regression(), (2,)),
        ([["a"], ["a", "b"], [], ["b"]] * 10, MultiLabel(), (2,)),
        (np.arange(40) % 5, Rating(), (1,)),
    ],
)
def test_numbers_and_labels(labels: Any, target: Target, shape: tuple[int, ...]) -> None:
    told = {"target": target} if isinstance(target, Rating) else {}
    data = ImageArrays.of(IMAGES, labels, **told).load(Seeds.of(0), Path(), choosing=True)
    assert type(data.target) is type(target) and data.train.targets.shape[1:] == shape
    assert data.signature.outputs == shape[0] and data.validation is not None
    assert [len(each) for _, each in data.splits()] == [26, 6, 8]
    if isinstance(data.target, Regression):
        assert data.target.mean == pytest.approx(tuple(data.train.targets.double().mean(0).tolist()))
    if isinstance(data.target, Rating):
        assert data.target.limits == (0, 4)


def test_a_file_with_numbers(tmp_path: Path) -> None:
    ages = np.linspace(20, 59.5, 40)
    sides = {"train_images": IMAGES[:30], "train_labels": ages[:30], "test_images": IMAGES[30:]}
    np.savez(tmp_path / "a.npz", **sides, test_labels=ages[30:], classes=np.array(["age"]))
    data = ImageArrays("a.npz").load(Seeds.of(0), tmp_path)
    assert data.classes == ("age",) and data.test.targets[0].item() == pytest.approx(ages[30], rel=1e-6)
    assert [row[:2] for row in data.why] == [
        ("data.target", "Regression"),
        ("data.size", 8),
        ("data.split", "given"),
    ]
    assert "decimal numbers" in data.why[0][2]
    with pytest.raises(FieldError, match="chooses among classes, and the target is Regression"):
        ImageArrays("a.npz", classes=("a", "b")).load(Seeds.of(0), tmp_path)


def test_targets_that_labels_are_not() -> None:
    with pytest.raises(FieldError, match=r"Did you mean Regression\(\)"):
        ImageArrays.of(IMAGES, np.linspace(0.5, 9, 40), target=SingleLabel())
    with pytest.raises(DataError, match="40 pictures have 39 labels"):
        ImageArrays.of(IMAGES, ["a", "b"] * 19 + ["a"])
    with pytest.raises(DataError, match="belong together"):
        ImageArrays.of(IMAGES, ["a", "b"] * 20, test_images=IMAGES)


def test_the_split_and_the_stored_size_are_told(root: Path) -> None:
    size, split = ImageArrays("a.npz", size="auto").load(Seeds.of(0), root).why
    assert size == ("data.size", 12, "as stored")
    assert split == ("data.split", "given", "test: given by test_images (60 of 120); there are some")
    less = ImageArrays("a.npz", train=30, test=10).load(Seeds.of(0), root).why[-1]
    assert less[2] == split[2] + "; of these 30 are learnt from, 10 are the test"
    assert [row[0] for row in ImageArrays("a.npz", size=24).load(Seeds.of(0), root).why] == ["data.split"]

    class Told(Learner):
        """What a user is shown."""

        data = ImageArrays("a.npz", split=Split("random", test=0.25))
        model = Network("resnet8")
        fit = OneCycle(epochs=1, batch=30, lr=1e-3)

    shown = {each.name: (each.value, each.why) for each in Told(0, root=root).settings().settings}
    assert shown["data.split"] == ("random", "test: 0.25 of the items by content hash (30 of 120); as asked for")


def test_a_file_with_a_test_part_is_divided_anew_only_when_asked(root: Path) -> None:
    stored = ImageArrays("a.npz").load(Seeds.of(0), root)
    asked = ImageArrays("a.npz", split=Split("given")).load(Seeds.of(0), root)
    assert (asked.train.keys, asked.test.keys) == (stored.train.keys, stored.test.keys)
    anew = ImageArrays("a.npz", split=Split("stratified", test=0.25)).load(Seeds.of(5), root, choosing=True)
    assert torch.bincount(anew.test.targets).tolist() == [10, 10, 10] and set(anew.test.keys) & set(stored.train.keys)
    assert anew.validation is not None and len(anew.train) + len(anew.validation) == 90
    labels = dict(zip(stored.train.keys + stored.test.keys, [*stored.train.targets, *stored.test.targets], strict=True))
    assert all(labels[key] == label for key, label in zip(anew.test.keys, anew.test.targets, strict=True))


def test_a_file_without_a_test_part(tmp_path: Path) -> None:
    write(tmp_path / "whole.npz", test_images=None, test_labels=None)
    data = ImageArrays("whole.npz").load(Seeds.of(0), tmp_path)
    assert torch.bincount(data.test.targets).tolist() == [4, 4, 4] and len(data.train) == 48
    assert data.why[-1][1] == "stratified" and data.why[-1][2].endswith("(12 of 60); one label an item")
    stored = np.load(tmp_path / "whole.npz")["train_images"]
    assert ImageArrays.of(stored, np.arange(60) % 3).load(Seeds.of(0), tmp_path).test.keys == data.test.keys
    with pytest.raises(DataError, match="do not say which items are the test"):
        ImageArrays("whole.npz", split=Split("given")).load(Seeds.of(0), tmp_path)


def test_arrays_have_no_columns() -> None:
    with pytest.raises(
        FieldError, match=r"ImageArrays\.split is Split\(by='time', column='day'\).*no columns to go by"
    ):
        ImageArrays("a.npz", split=Split("time", column="day"))


def test_arrays_in_memory_are_divided_as_asked_and_copied() -> None:
    images = IMAGES.copy()
    part = ImageArrays.of(images, ["cat", "dog"] * 20, split=Split("random", test=0.5))
    before = part.load(Seeds.of(0), Path())
    assert len(before.test) == 20 and before.why[-1][1] == "random"
    images[:] = 0
    after = part.load(Seeds.of(0), Path())
    assert torch.equal(before.train.inputs, after.train.inputs) and before.train.inputs.any()
    with pytest.raises(DataError, match="images and test_images differ in shape"):
        ImageArrays.of(IMAGES, [0, 1] * 20, test_images=np.zeros((4, 9, 9), np.uint8), test_labels=[0, 1] * 2)


@pytest.mark.parametrize("fields", [{"size": 16}, {"size": 40}, {"size": 16, "channels": 1}, {"channels": 1}, {}])
def test_a_picture_to_predict_is_scaled_as_the_training_ones_were(fields: dict[str, Any]) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (30, 28, 28, 3), np.uint8)
    pictures.flags.writeable = False
    data = ImageArrays.of(pictures, [number % 3 for number in range(30)], **fields).load(Seeds.of(0), Path())
    keys = content_keys(pictures)
    given = [pictures[keys.index(key)] for key in data.train.keys]
    for encoder in (data.encoder, restored("PictureEncoder", data.encoder.describe())):
        assert torch.equal(encoder.encode(given), data.train.inputs)
