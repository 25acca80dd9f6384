"""The natural size follows from the pictures and from what weights were trained with."""

import pytest

from workbench.data.picture_size import natural_size, photo_size


@pytest.mark.parametrize(
    ("sides", "size"),
    [([28, 28, 28], 28), ([4, 4], 8), ([64], 64), ([90, 300, 100], 96), ([500, 333, 4000], 224), ([230], 224)],
)
def test_median_within_what_weights_know(sides: list[int], size: int) -> None:
    assert natural_size(sides)[0] == size


def test_it_says_why() -> None:
    assert natural_size([348])[1] == (
        "348 is the median of the pictures' shorter sides; ImageNet weights were trained with 224"
    )
    assert natural_size([100])[1] == "100 is the median of the pictures' shorter sides"


def test_what_was_asked_for_is_taken_unseen() -> None:
    assert photo_size(50, lambda: [][1]) == (50, ())
    size, rows = photo_size("auto", lambda: [100])
    assert size == 96 and rows[0][:2] == ("data.size", 96)
