"""data/fashion_mnist.npz: Zalando's articles of clothing (Xiao, Rasul, Vollgraf 2017), the origin's split.

The npm package ``fashion-mnist`` is no route: 5,603 of its 70,000 images are not in the published data set, 53 stand
twice and the split is lost, so no canonical form of it could equal the others'.
"""

from __future__ import annotations

from pathlib import Path

from workbench.data.sources import idx
from workbench.data.sources.debian_package import DebianPackage
from workbench.data.sources.route import Report, Route, Source

CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
PINNED = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""Those of the origin: its four archives' md5s, which torchvision lists, follow from these contents."""
ADDRESSES = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
"""``torchvision.datasets.FashionMNIST.mirrors``; a test holds the two equal."""
DEBIAN = DebianPackage(name="dataset-fashion-mnist", folder="/usr/share/datasets/fashion-mnist", size=30_900_652)


def from_installed(target: Path, report: Report) -> None:
    """By the installed Debian package."""
    idx.write(target, DEBIAN.installed(report), PINNED, CLASSES, "dataset-fashion-mnist")


def from_origin(target: Path, report: Report) -> None:
    """By the server that torchvision uses."""
    idx.write(target, idx.fetch(ADDRESSES, report), PINNED, CLASSES, "the origin")


def from_debian(target: Path, report: Report) -> None:
    """By the Debian package, downloaded for this."""
    idx.write(target, DEBIAN.downloaded(report), PINNED, CLASSES, "dataset-fashion-mnist")


SOURCE = Source(
    path="data/fashion_mnist.npz",
    about="Fashion-MNIST articles of clothing, 28 x 28, grey (60,000 train, 10,000 test)",
    origin="https://github.com/zalandoresearch/fashion-mnist",
    licence="MIT",
    routes=(
        Route("installed Debian package dataset-fashion-mnist", from_installed),
        Route("the origin, torchvision's mirror", from_origin),
        Route("Debian package dataset-fashion-mnist", from_debian),
    ),
    hint="On Debian or Ubuntu type: apt-get update && apt-get install dataset-fashion-mnist; "
    "elsewhere open the internet; then type: wb data pull data/fashion_mnist.npz",
)
