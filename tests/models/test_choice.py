"""The network that is taken when nothing was said, by the stated rule."""

from pathlib import Path

from workbench.data.signature import Signature
from workbench.models.choice import choose
from workbench.models.vision import Network, Pretrained


def test_photos_start_from_weights_that_are_here(tmp_path: Path) -> None:
    photos = Signature("image", 5, channels=3, size=96)
    assert choose(photos, 500, tmp_path).model == Network("resnet8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/mobilenet_v2.pth").write_bytes(b"")
    assert choose(photos, 500, tmp_path).model == Pretrained("data/mobilenet_v2.pth")


def test_many_small_pictures_get_the_deeper_network(tmp_path: Path) -> None:
    small = Signature("image", 5, channels=1, size=28)
    assert choose(small, 50_000, tmp_path).model == Network("resnet20")
    assert choose(small, 1_000, tmp_path).model == Network("resnet8")
