"""Figures: their resolution, their bytes, and nothing global."""

import io

import matplotlib
import pytest
from matplotlib._pylab_helpers import Gcf
from PIL import Image

from workbench.interpret import drawing


def test_png_has_300_dots_an_inch() -> None:
    with drawing.canvas(2, 1) as made:
        made.subplots().plot([1, 2])
    picture = Image.open(io.BytesIO(drawing.image(made, "png")))
    assert picture.size == (600, 300) and round(picture.info["dpi"][0]) == 300


def test_svg_has_no_date_and_stands_inside_a_page() -> None:
    with drawing.canvas(2, 1) as made:
        made.subplots().plot([1, 2])
    text = drawing.svg_text(made)
    assert text.startswith("<svg") and "<dc:date>" not in text and text == drawing.svg_text(made)


def test_nothing_global_changes() -> None:
    before = dict(matplotlib.rcParams)
    with drawing.canvas(2, 1) as made:
        drawing.plain(made.subplots(), "x")
    drawing.image(made, "svg")
    assert dict(matplotlib.rcParams) == before and not Gcf.figs


@pytest.mark.parametrize("axis", ["x", "y"])
def test_ticks_are_thinned_cut_and_never_a_formula(axis: str) -> None:
    names = [f"${number}$ {'long' * 10}" for number in range(100)]
    with drawing.canvas(3, 3) as made:
        axes = made.subplots()
        drawing.named_ticks(axes, names, axis=axis, most=10)
    labels = [each.get_text() for each in (axes.get_xticklabels() if axis == "x" else axes.get_yticklabels())]
    assert len(labels) == 10 and all(len(each) == 26 and each.endswith("…") and r"\$" in each for each in labels)
    drawing.image(made, "png")


def test_names_that_begin_alike_keep_their_ends() -> None:
    assert drawing.labels(["$5", "Apple, Golden-Delicious"], longest=8) == [r"\$5", "Apple…"]
    layers = ["body.features.10.conv.0", "body.features.10.conv.1", "head"]
    assert drawing.labels(layers, longest=8) == ["….conv.0", "….conv.1", "head"]
