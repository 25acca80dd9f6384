"""Stage hashes: code is part of a run's identity, formatting is not."""

from __future__ import annotations

import importlib
import itertools
import sys
from pathlib import Path

import pytest

from workbench import Learner
from workbench.training.stages import source_hash

SPEC = """
import functools
import torch
import stages_helper
from torch import nn
from workbench import Learner
from workbench.models.model import Model

GAMMA = 2.0
WIDTH = 8


class Inner:
    def gain(self):
        return 3.0


def scale(x):
    return x * shift(1.0)


def shift(x):
    return x + 1.0


class Arm(Learner):
    def loss(self, output, batch):
        return scale(output).sum()

    def forward(self, model, x):
        return [Inner().gain() * each for each in model(x)]

    def metrics(self, output, y):
        return dict((name, shift(output)) for name in ("error",))

    def inputs(self, batch, *, training, epoch=0):
        return batch.x * GAMMA

    @torch.no_grad()
    def groups(self, model):
        return shift(model)

    def callbacks(self):
        return stages_helper.some()


class Layer(nn.Module):
    @property
    def slope(self):
        return steepness()


class Tiny(Layer):
    width = WIDTH

    def forward(self, x):
        return nn.functional.leaky_relu(x, self.slope)


def steepness():
    return 0.1


class Own(Model):
    kinds = ("image",)

    def network(self, signature, *, seeds, root, sources):
        return Tiny()


class Built(Arm):
    model = Own()
"""
HELPER = "def some():\n    return ()\n"
_number = itertools.count()


def hashes(folder: Path, spec: str = SPEC, helper: str = HELPER, arm: str = "Arm") -> dict[str, str]:
    """The stages of ``arm`` in a spec of that text with that helper beside it, read from fresh files each time."""
    inside = folder / f"spec{next(_number)}"
    inside.mkdir()
    path = inside / "stages_spec.py"
    path.write_text(spec)
    (inside / "stages_helper.py").write_text(helper)
    sys.path.insert(0, str(inside))
    try:
        stages: dict[str, str] = getattr(importlib.import_module("stages_spec"), arm).stages()
    finally:
        sys.path.remove(str(inside))
        for name in ("stages_spec", "stages_helper"):
            sys.modules.pop(name, None)
    return stages


def changed(folder: Path, old: str, new: str) -> set[str]:
    """The stages whose hash an edit of the spec changes."""
    assert SPEC.count(old) >= 1
    before, after = hashes(folder), hashes(folder, SPEC.replace(old, new))
    return {name for name in before if before[name] != after[name]}


def test_a_stage_is_what_differs_from_the_library(tmp_path: Path) -> None:
    assert set(hashes(tmp_path)) == {"loss", "forward", "metrics", "inputs", "groups", "callbacks"}
    assert Learner.stages() == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return scale(output).sum()", "return  scale( output ).sum()  # a comment"),
        ("        return scale(output)", '        """A docstring."""\n        return scale(output)'),
        ("def shift(x):\n", 'def shift(x):\n    """A docstring."""\n'),
        ("class Inner:\n", '\n\nclass Inner:\n    """A docstring."""\n\n'),
    ],
)
def test_formatting_comments_and_docstrings_change_nothing(tmp_path: Path, old: str, new: str) -> None:
    assert changed(tmp_path, old, new) == set()


@pytest.mark.parametrize(
    ("old", "new", "stages"),
    [
        ("scale(output).sum()", "scale(output).mean()", {"loss"}),
        ("x * shift(1.0)", "x * shift(2.0)", {"loss"}),
        ("x + 1.0", "x - 1.0", {"loss", "metrics", "groups"}),
        ("return 3.0", "return 4.0", {"forward"}),
        ("GAMMA = 2.0", "GAMMA = 5.0", {"inputs"}),
        ("    @torch.no_grad()\n", "", {"groups"}),
    ],
    ids=["the stage", "a helper", "a helper's helper", "a class", "a constant", "a decorator"],
)
def test_editing_what_a_stage_uses_changes_it_alone(tmp_path: Path, old: str, new: str, stages: set[str]) -> None:
    assert changed(tmp_path, old, new) == stages


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return Tiny()", "return Tiny().float()"),
        ("leaky_relu(x,", "leaky_relu(-x,"),
        ("return steepness()", "return 2 * steepness()"),
        ("return 0.1", "return 0.2"),
        ("WIDTH = 8", "WIDTH = 16"),
    ],
    ids=["the part", "its network", "the network's base", "what a property uses", "a constant in a class"],
)
def test_editing_a_network_of_the_specs_own_changes_the_run(tmp_path: Path, old: str, new: str) -> None:
    assert SPEC.count(old) == 1
    before, after = hashes(tmp_path, arm="Built"), hashes(tmp_path, SPEC.replace(old, new), arm="Built")
    assert {name for name in before if before[name] != after[name]} == {"Own"}
    assert set(before) - {"Own"} == set(hashes(tmp_path))


def test_a_module_beside_the_spec_belongs_to_it(tmp_path: Path) -> None:
    plain = hashes(tmp_path)
    assert hashes(tmp_path, helper=HELPER + "# a comment\n") == plain
    edited = hashes(tmp_path, helper=HELPER.replace("()\n", "(1,)\n"))
    assert {name for name in plain if plain[name] != edited[name]} == {"callbacks"}


def test_a_value_from_an_enclosing_function_counts() -> None:
    def made(factor: float) -> dict[str, str]:
        class Arm(Learner):
            def loss(self, output, batch):  # type: ignore[no-untyped-def]
                return super().loss(output, batch) * factor

        return Arm.stages()

    assert made(1.0) == made(1.0)
    assert made(1.0) != made(2.0)


def test_source_hash_sees_syntax_and_names_of_files_only(tmp_path: Path) -> None:
    def of(text: str, name: str = "a.py") -> str:
        folder = tmp_path / f"f{next(_number)}"
        folder.mkdir()
        (folder / name).write_text(text)
        (folder / "b.py").write_text("y = 1\n")
        return source_hash([folder / "b.py", folder / name])

    plain = of("x = 1\n")
    assert of('"""A docstring."""\nx  =  1  # comment\n') == plain
    assert of("x = 2\n") != plain
    assert of("x = 1\n", "c.py") != plain
