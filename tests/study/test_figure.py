import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.lines import Line2D

from workbench.study.figure import curves_figure, figure, save, svg_text
from workbench.study.outcomes import load
from workbench.study.summary import summarise

MakeStudy = Callable[..., dict[str, Any]]
ARMS = {"Base": [0.1, 0.12, 0.11], "Stale": [0.6, None, 0.66], "Eval": [0.13, 0.12, 0.14]}


def first_x(lines: Iterable[Line2D]) -> list[float]:
    return [float(np.asarray(line.get_xdata())[0]) for line in lines]


@pytest.fixture
def summary(tmp_path: Path, make_study: MakeStudy) -> Callable[..., dict[str, Any]]:
    def make(cells: dict[str, Any], **options: Any) -> dict[str, Any]:
        study = make_study(tmp_path, cells, **options)
        return summarise(study, load(tmp_path, study))

    return make


def test_the_same_summary_gives_the_same_bytes(tmp_path: Path, summary: Callable[..., dict[str, Any]]) -> None:
    made = summary({"main": ARMS})
    first, second = save(figure(made), tmp_path / "one"), save(figure(made), tmp_path / "two")
    assert [each.name for each in first] == ["figure.png", "figure.svg"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert first[0].read_bytes().startswith(b"\x89PNG")


def test_every_seed_is_a_dot_and_every_arm_a_row(summary: Callable[..., dict[str, Any]]) -> None:
    (axes,) = figure(summary({"main": ARMS})).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(ARMS)
    top_to_bottom = [axes.transData.transform((0, tick))[1] for tick in axes.get_yticks()]
    assert top_to_bottom == sorted(top_to_bottom, reverse=True)
    dots = first_x(line for line in axes.lines if line.get_marker() == "o")
    assert sorted(dots) == pytest.approx([10, 11, 12, 12, 13, 14, 60, 66])
    assert first_x(line for line in axes.lines if line.get_marker() == "x") == [100.0]


def test_the_axis_starts_at_zero_and_ends_where_errors_end(summary: Callable[..., dict[str, Any]]) -> None:
    (axes,) = figure(summary({"main": {"Base": [0.001, 0.9], "Arm": [None, 0.1]}})).axes
    assert axes.get_xlim() == pytest.approx((0, 103))
    assert first_x(line for line in axes.lines if line.get_linestyle() == "--") == [90.0]


def test_values_close_together_and_far_from_zero_fill_the_axis(summary: Callable[..., dict[str, Any]]) -> None:
    (axes,) = figure(summary({"main": {"Base": [0.80, 0.81] * 4, "Arm": [0.85, 0.86] * 4}})).axes  # chance is 0.9
    low, high = axes.get_xlim()
    assert 75 < low < 80 and 90 < high < 92
    assert axes.get_xlabel() == "test error (%); axis not from 0"


def test_a_chance_level_far_away_is_told_not_drawn(summary: Callable[..., dict[str, Any]]) -> None:
    made = figure(summary({"main": {"Base": [0.10, 0.11], "Arm": [0.20, 0.21]}}))
    (axes,) = made.axes
    assert not [line for line in axes.lines if line.get_linestyle() == "--"]
    assert axes.get_xlabel() == "test error (%); chance level 90"
    assert "chance level" not in [text.get_text() for text in made.legends[0].get_texts()]


def test_failures_without_a_worst_value_have_no_place(tmp_path: Path, make_study: MakeStudy) -> None:
    study = make_study(tmp_path, {"main": {"Base": [None, None], "Arm": [None, None]}})
    study["cells"][0] |= {"measure": "test/loss", "chance": None}
    (axes,) = figure(summarise(study, load(tmp_path, study))).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Base", "Arm"]
    assert not [line for line in axes.lines if line.get_marker() in ("o", "x")]


def test_sources_have_their_own_markers(summary: Callable[..., dict[str, Any]]) -> None:
    made = figure(summary({"main": {"Base": [0.1, 0.2, 0.1, 0.2], "Arm": [0.3, 0.4, 0.3, 0.4]}}, sources=2))
    assert {line.get_marker() for line in made.axes[0].lines} >= {"o", "s"}
    assert [text.get_text() for text in made.legends[0].get_texts()][:2] == ["one run, source 0", "one run, source 1"]


def test_one_seed_draws_no_interval(summary: Callable[..., dict[str, Any]]) -> None:
    made = figure(summary({"main": {"Base": [0.1], "Arm": [0.3]}}))
    assert not [text for text in made.legends[0].get_texts() if "interval" in text.get_text()]


def test_confirmatory_cells_come_first_and_eight_are_drawn(summary: Callable[..., dict[str, Any]]) -> None:
    made = summary({f"cell {k}": {"Base": [0.1, 0.2], "Arm": [0.3, 0.2]} for k in range(10)})
    for cell in made["cells"][:9]:
        cell["exploratory"] = True
    drawn = figure(made).axes
    assert len(drawn) == 8 and drawn[0].get_title(loc="left") == "cell 9"


def test_a_study_before_its_first_result_still_draws(tmp_path: Path, summary: Callable[..., dict[str, Any]]) -> None:
    save(figure(summary({"main": ARMS}, unfinished=3)), tmp_path)
    save(figure({"cells": []}), tmp_path, "empty")


def test_long_names_are_folded(summary: Callable[..., dict[str, Any]]) -> None:
    name = "AnArmWithAVeryLongNameThatNobodyShouldHaveChosen"
    (axes,) = figure(summary({"main": {"Base": [0.1, 0.1], name: [0.2, 0.2]}})).axes
    assert axes.get_yticklabels()[1].get_text().replace("\n", "") == name


def test_the_svg_stands_inside_a_page(summary: Callable[..., dict[str, Any]]) -> None:
    text = svg_text(figure(summary({"main": ARMS})))
    assert text.startswith("<svg") and "<?xml" not in text and "<dc:date>" not in text


def test_curves_are_means_within_their_range() -> None:
    runs = [[(0, 2.0), (10, 1.0)], [(0, 4.0), (10, 3.0), (20, 0.0)]]
    (axes,) = curves_figure({"Arm": runs, "Empty": []}, "train/loss", "Loss").axes
    assert axes.lines[0].get_xydata().tolist() == [[0, 3], [10, 2]]  # type: ignore[union-attr]
    assert axes.get_ylabel() == "train loss" and axes.get_title(loc="left") == "Loss"


def test_nothing_global_changes(summary: Callable[..., dict[str, Any]]) -> None:
    before = dict(matplotlib.rcParams)
    svg_text(figure(summary({"main": ARMS})))
    assert dict(matplotlib.rcParams) == before
    code = (
        "import sys, workbench.study.figure as f; f.svg_text(f.figure({'cells': []}));"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
