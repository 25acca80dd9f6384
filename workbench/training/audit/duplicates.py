"""Check 1: the same item in two splits, by content; of pictures also nearly the same one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from workbench.data.items import Items
from workbench.data.pictures import grey
from workbench.training.audit.finding import Finding
from workbench.training.audit.subject import Subject

_NAME = "duplicates"

WRONG_SHARE = 0.01
"""Share of a split's items from which equal ones are wrong: they can shift its score by a percentage point."""

BITS = 4
"""Largest distance of the 64-bit difference hashes of two pictures that may be the same (Krawetz 2013, "Kind of like
that"): another compression, brightness or a little noise changes less in 95 % of photos and digits."""

MARGIN = 2.0
"""Grey levels of 255 by which a place has to be brighter than its neighbour: in an even background compression would
decide, and half of all compressed digits would have another hash."""

EDGES = 0.97
"""Smallest correlation of the differences between neighbours at 28 x 28 pixels, 64 x 64 of larger pictures. The hash
alone does not tell: half of MNIST's test digits have a training digit within 4 bits. With this none of 1,000 digits,
0.2 % of Fashion-MNIST (trousers of one cut) and 0.3 % of CIFAR-10 (the same photos, seen by eye) have one, and all of
200 photos that were compressed to half their quality find themselves."""

NEAR_SHARES = (0.01, 0.05)
"""Shares from which nearly equal pictures are a note, and wrong: a few are in every collection."""

LOOKED = 2_000
"""Items of the smaller split that are compared with all others; the share of 1 % is then known to a quarter of it."""

_CLOSEST = 5


def duplicates(subject: Subject) -> Iterator[Finding]:
    """Training against test, and validation against what is trained on and the test items when settings are chosen."""
    data, choosing = subject.data, subject.choosing
    pairs = [("test", data.test, "training", data.train)]
    if choosing is not None and choosing.validation is not None:
        pairs.append(("validation", choosing.validation, "training", choosing.train))
        pairs.append(("validation", choosing.validation, "test", choosing.test))
    found = [finding for pair in pairs for finding in (*_equal(*pair), *_divided(*pair))]
    if data.signature.kind == "image":
        found += _nearly_equal(subject, *pairs[0])
    if found:
        yield from found
    else:
        counts = ", ".join(f"{len(items):,} {name}" for name, items, _, _ in pairs[:2])
        yield Finding(_NAME, "ok", f"no item of {counts} is in another split" + _looked(subject, data.test))


def _looked(subject: Subject, test: Items) -> str:
    if subject.data.signature.kind != "image":
        return ""
    return f", and fewer than {NEAR_SHARES[0]:.0%} of {min(LOOKED, len(test)):,} test pictures nearly are"


def _equal(name: str, items: Items, other: str, others: Items) -> Iterator[Finding]:
    known = {key: position for position, key in reversed(list(enumerate(others.keys)))}
    both = [(position, known[key]) for position, key in enumerate(items.keys) if key in known]
    if not both:
        return
    share = len(both) / len(items)
    where = ", ".join(f"{name} {one} = {other} {two}" for one, two in both[:3])
    yield Finding(
        _NAME,
        "wrong" if share >= WRONG_SHARE else "note",
        f"{len(both):,} of {len(items):,} {name} items ({share:.2%}) are {other} items too, e.g. {where}",
        "Take them out of one split, or let Split() divide the data: it keeps equal items together.",
    )


def _divided(name: str, items: Items, other: str, others: Items) -> Iterator[Finding]:
    """Groups with items on both sides."""
    both = sorted(set(items.groups) & set(others.groups))
    if both:
        yield Finding(
            _NAME,
            "wrong",
            f"{len(both):,} of {len(set(items.groups)):,} groups of the {name} items have {other} items too, "
            f"e.g. '{both[0]}'",
            "Keep each group in one split: Split('group', column=...).",
        )


def _nearly_equal(subject: Subject, name: str, items: Items, other: str, others: Items) -> Iterator[Finding]:
    index = subject.some(items, LOOKED)
    known = set(others.keys)
    index = torch.tensor([each for each in index.tolist() if items.keys[each] not in known], dtype=torch.int64)
    if not len(index) or not len(others):
        return
    pairs = near_pairs(items.inputs[index].cpu(), others.inputs.cpu())
    share = len(pairs) / len(index)
    if share < NEAR_SHARES[0]:
        return
    where = ", ".join(f"{name} {int(index[one])} ~ {other} {two}" for one, two in pairs[:3])
    yield Finding(
        _NAME,
        "wrong" if share >= NEAR_SHARES[1] else "note",
        f"{len(pairs):,} of {len(index):,} {name} pictures looked at ({share:.1%}) are nearly {other} pictures "
        f"(difference hash within {BITS} of 64 bits, edges correlate from {EDGES}), e.g. {where}",
        "Look at these; keep pictures of one origin in one split.",
    )


def near_pairs(pictures: torch.Tensor, others: torch.Tensor) -> list[tuple[int, int]]:
    """For each picture that has one, its position and that of its most similar near-duplicate among the others.

    Args:
        pictures, others: uint8 of shapes (n, c, h, w) and (m, c, h, w).
    """
    small, other_small = _small(pictures), _small(others)
    other_hashes = _hashes(others)
    found = []
    for position, own in enumerate(_hashes(pictures)):
        near = np.nonzero(np.bitwise_count(other_hashes ^ own) <= BITS)[0]
        # edges are too many to be kept of all, so only of the few that look most alike
        near = near[np.argsort(-(other_small[near] @ small[position]), kind="stable")[:_CLOSEST]]
        if len(near):
            alike = _edges(others[torch.from_numpy(near)]) @ _edges(pictures[position : position + 1])[0]
            if alike.max() >= EDGES:
                found.append((position, int(near[alike.argmax()])))
    return found


def _hashes(pictures: torch.Tensor) -> npt.NDArray[np.uint64]:
    """64 bits a picture: whether each of 8 x 8 places is brighter than its left neighbour."""
    bits = [(each[:, :, 1:] - each[:, :, :-1] > MARGIN).flatten(1).numpy() for each in _scaled(pictures, (8, 9))]
    hashes: npt.NDArray[np.uint64] = np.packbits(np.concatenate(bits), axis=1).view(np.uint64)[:, 0]
    return hashes


def _small(pictures: torch.Tensor) -> npt.NDArray[np.float32]:
    """16 x 16 grey values as vectors of length 1 around their mean, so that a product is a correlation."""
    flat = torch.cat([each.flatten(1) for each in _scaled(pictures, (16, 16))])
    vectors: npt.NDArray[np.float32] = functional.normalize(flat - flat.mean(1, keepdim=True)).numpy()
    return vectors


def _edges(pictures: torch.Tensor) -> npt.NDArray[np.float32]:
    """Differences to the left and the upper neighbour, as vectors of length 1."""
    side = 28 if pictures.shape[-1] < 64 else 64
    grey_ = torch.cat(list(_scaled(pictures, (side, side))))
    across, down = grey_[:, 1:, 1:] - grey_[:, 1:, :-1], grey_[:, 1:, 1:] - grey_[:, :-1, 1:]
    vectors: npt.NDArray[np.float32] = functional.normalize(torch.stack((across, down), 1).flatten(1)).numpy()
    return vectors


def _scaled(pictures: torch.Tensor, size: tuple[int, int]) -> Iterator[torch.Tensor]:
    """Float grey pictures of shape (n, *size), a few at a time: the whole in float would be four times the data."""
    for piece in pictures.split(4096):
        plain = piece if piece.shape[1] == 1 else grey(piece)
        scaled = functional.interpolate(plain.float(), size=size, mode="bilinear", antialias=True, align_corners=False)
        yield scaled[:, 0]
