"""Contents that stand in several given parts: the test keeps them, so that no result is of what was learnt from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def elsewhere(keys: Sequence[str], part: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Marks the items whose content is in the ``part``, those of the part included.

    Args:
        keys: content hashes of n items.
        part: marks the items of the part, shape (n,).
    """
    contents, unit = np.unique(np.array(keys), return_inverse=True)
    inside = np.zeros(len(contents), dtype=bool)
    inside[unit[part]] = True
    marked: npt.NDArray[np.bool_] = inside[unit]
    return marked


def left_out(count: int) -> str:
    """How a rule goes on where ``count`` items were left out, as the test part has them too; empty for none."""
    return f"; {count:,} other{'s' * (count > 1)} of the same content left out" if count else ""
