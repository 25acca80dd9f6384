"""A figure that ends a cell is seen in a notebook: IPython asks it for a picture of itself."""

import io

from matplotlib._pylab_helpers import Gcf
from matplotlib.figure import Figure
from PIL import Image

from workbench.interpret import drawing
from workbench.training.figures import new_figure
from workbench.training.range_test import RangeTest


def pictured(figure: Figure) -> tuple[int, int]:
    """The size of what a notebook shows, in dots; it is no empty page."""
    found = Image.open(io.BytesIO(figure._repr_png_()))  # type: ignore[attr-defined]
    assert len(set(found.convert("L").tobytes())) > 10
    return found.size


def test_a_notebook_gets_a_picture_and_pyplot_nothing() -> None:
    made = new_figure(3, 2)
    made.subplots().plot([1, 2])
    assert pictured(made) == (300, 200) and not Gcf.figs


def test_so_do_those_of_looks_and_of_range_tests() -> None:
    with drawing.canvas(4, 2) as made:
        made.subplots().plot([1, 2])
    before = drawing.image(made, "png")
    assert pictured(made) == (400, 200) and drawing.image(made, "png") == before
    found = RangeTest((1e-3, 1e-2, 1e-1), (3.0, 2.0, 2.5), 1e-2, "why")
    assert pictured(found.plot()) == (500, 320)
    assert found._repr_png_() == found.plot()._repr_png_()  # type: ignore[attr-defined]
    assert repr(found) == "RangeTest: 0.01, why (3 rates; plot() draws them)"
