"""The network that is taken where nothing was said: one stated rule a kind of data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.data.items import Data
from workbench.data.pictures import ImageData
from workbench.data.signature import Kind, Signature
from workbench.errors import FieldError
from workbench.models.model import Model

_PHOTO, _MANY, _MANY_PAIRS, _MANY_ROWS = 64, 20_000, 50_000, 5_000
"""Pictures from so many pixels on count as photos; so many small ones, or pairs, are worth the larger network; so many
rows of a table need less dropout."""
_WEIGHTS = "data/mobilenet_v2.pth"


@dataclass(frozen=True)
class Choice:
    """A network, and why this one."""

    model: Model
    why: str


def choose(signature: Signature, items: int, root: Path) -> Choice:
    """The network for data of this shape.

    Args:
        signature: what it has to fit.
        items: how many training items there are.
        root: the project's root, below which weights may lie.

    Raises:
        FieldError: there is no rule for this kind.
    """
    if signature.kind not in _RULES:
        raise FieldError(f"there is no default network for kind '{signature.kind}'", hint="Set model.")
    return _RULES[signature.kind](signature, items, root)


def weights_asked_for(data: Data) -> list[str]:
    """Weights files that :func:`choose` may start from, for who brings files before anything is loaded."""
    photos = isinstance(data, ImageData) and (data.size == "auto" or (data.size or 0) >= _PHOTO)
    return [_WEIGHTS] if photos else []


def _image(signature: Signature, items: int, root: Path) -> Choice:
    from workbench.models.vision import Network, Pretrained

    weights, what = _WEIGHTS, f"{items:,} pictures of {signature.size} pixels"
    if signature.size >= _PHOTO and (root / weights).is_file():
        return Choice(Pretrained(weights), f"{what} (photos from {_PHOTO} on), and {weights} is here")
    if signature.size >= _PHOTO:
        return Choice(Network("resnet18"), f"{what} (photos from {_PHOTO} on), and no {weights} to start from")
    arch, limit = ("resnet8", "below") if items < _MANY else ("resnet20", "from")
    return Choice(Network(arch), f"{what} ({limit} {_MANY:,})")


def _text(signature: Signature, items: int, root: Path) -> Choice:
    from workbench.models.text import TextNetwork

    what = "windows to continue" if signature.each_token else "texts"
    return Choice(TextNetwork("lstm"), f"{items:,} {what}, a vocabulary of {signature.vocabulary:,}")


def _pairs(signature: Signature, items: int, root: Path) -> Choice:
    from workbench.models.seq2seq import Seq2Seq

    width, limit = (128, "below") if items < _MANY_PAIRS else (256, "from")
    why = f"{items:,} pairs ({limit} {_MANY_PAIRS:,}), a vocabulary of {signature.outputs:,} to write with"
    return Choice(Seq2Seq(width=width), why)


def _table(signature: Signature, items: int, root: Path) -> Choice:
    from workbench.models.tabular import TabularNetwork

    categories = len(signature.cardinalities)
    dropout, limit = (0.25, "below") if items < _MANY_ROWS else (0.1, "from")
    what = f"{items:,} rows ({limit} {_MANY_ROWS:,}) of {categories} categories and {signature.numbers} numbers"
    return Choice(TabularNetwork(dropout=dropout), what)


def _ratings(signature: Signature, items: int, root: Path) -> Choice:
    from workbench.models.collab import Collab

    what = f"{items:,} ratings by {signature.users - 1:,} users of {signature.things - 1:,} items"
    return Choice(Collab(), f"{what}; the dot product learns as much as the perceptron, for less")


_RULES: dict[Kind, Callable[[Signature, int, Path], Choice]] = {
    "image": _image,
    "text": _text,
    "pairs": _pairs,
    "table": _table,
    "ratings": _ratings,
}
