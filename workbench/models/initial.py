"""Initial weights from a named stream: whatever code initialises, the global random state is not touched."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from workbench.streams import key


@contextlib.contextmanager
def initial_weights(root: int, *purpose: str | int) -> Iterator[None]:
    """Modules made inside draw their weights from the stream ``(root, *purpose)``.

    torch's own initialisers take no generator, so the CPU's default one is borrowed: set to the stream's key
    and put back afterwards. Its ``manual_seed`` is used and not torch's, which would seed every GPU as well.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(key(root, *purpose))
        yield
