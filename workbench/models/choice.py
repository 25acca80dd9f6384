"""The network that is taken where nothing was said: one stated rule a kind of data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.data.signature import Kind, Signature
from workbench.errors import FieldError
from workbench.models.model import Model


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


def _image(signature: Signature, items: int, root: Path) -> Choice:
    from workbench.models.vision import Network, Pretrained

    weights = "data/mobilenet_v2.pth"
    if signature.size >= 64 and (root / weights).is_file():
        return Choice(Pretrained(weights), f"photos of {signature.size} pixels, and {weights} is here")
    arch = "resnet8" if items < 20_000 else "resnet20"
    return Choice(Network(arch), f"{items:,} pictures of {signature.size} pixels")


_RULES: dict[Kind, Callable[[Signature, int, Path], Choice]] = {"image": _image}
