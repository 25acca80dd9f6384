"""What users read of the public names: every class, method, field and parameter is told, and what it refuses."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

import workbench
from workbench import Part

PUBLIC = [getattr(workbench, name) for name in workbench.__all__]
CHECKS = ("check", "__init__", "__post_init__", "__init_subclass__")

each_class = pytest.mark.parametrize("cls", PUBLIC, ids=workbench.__all__)


def lineage(cls: type) -> list[type]:
    """The class and its bases that are ours."""
    return [each for each in cls.__mro__ if each.__module__.startswith("workbench.")]


def defined(cls: type, name: str) -> Any:
    """The function that the class itself defines under a name: a method, a class method or a property; else None."""
    member = vars(cls).get(name)
    inner = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
    inner = inspect.unwrap(inner) if inspect.isfunction(inner) else None
    return None if inner is None or inner.__code__.co_filename == "<string>" else inner


def methods(cls: type) -> Iterator[tuple[str, Any]]:
    """The public methods and properties of the class, inherited ones as well."""
    names = dict.fromkeys(name for base in lineage(cls) for name in vars(base) if not name.startswith("_"))
    for name in names:
        found = [each for base in lineage(cls) if (each := defined(base, name)) is not None]
        if found:
            yield name, found[0]


def parameters(function: Any) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]


def told(*documented: Any) -> str:
    """Their own docstrings, inherited ones aside."""
    return "\n".join(inspect.cleandoc(vars(each)["__doc__"] if inspect.isclass(each) else each.__doc__ or "")
                     for each in documented if not inspect.isclass(each) or vars(each).get("__doc__"))  # fmt: skip


def told_of(cls: type, name: str) -> str:
    """What is told of a method, here or where it is inherited from, and in the methods that its docstring names."""
    text = told(*(each for base in lineage(cls) if (each := defined(base, name)) is not None))
    named = re.findall(r":meth:`(?:\w+\.)*(\w+)`", text)
    return text + told(
        *(each for other in named for base in lineage(cls) if (each := defined(base, other)) is not None)
    )


def missing(names: list[str], text: str) -> set[str]:
    return set(names) - set(re.findall(r"\w+", text))


def raises(function: Any) -> bool:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return any(isinstance(each, ast.Raise) and each.exc is not None for each in ast.walk(tree))


def refuses(function: Any) -> bool:
    """Whether it raises an error, itself or in a function of ours that it calls."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    called = (each.func for each in ast.walk(tree) if isinstance(each, ast.Call))
    helpers = (function.__globals__.get(each.id) for each in called if isinstance(each, ast.Name))
    ours = [each for each in helpers if inspect.isfunction(each) and each.__module__.startswith("workbench.")]
    return raises(function) or any(map(raises, ours))


@each_class
def test_every_class_and_method_is_told(cls: type) -> None:
    assert told(cls)
    assert not [name for name, function in methods(cls) if not told(function)]


@each_class
def test_every_field_is_told(cls: type) -> None:
    if issubclass(cls, Part):
        fields = [] if cls is Part else list(cls.fields())
    else:
        fields = [
            each for base in lineage(cls) if "__init__" in vars(base) for each in parameters(vars(base)["__init__"])
        ]
    assert not missing(fields, told(*lineage(cls)))


@each_class
def test_every_parameter_is_told(cls: type) -> None:
    """Of a target's ``output`` and a callback's ``state`` the class speaks once, for all its methods."""
    silent = {
        name: lacking
        for name, function in methods(cls)
        if (lacking := missing(parameters(function), told_of(cls, name) + told(*lineage(cls))))
    }
    assert not silent


@each_class
def test_every_refusal_is_told(cls: type) -> None:
    for base in lineage(cls):
        if any(refuses(each) for name in CHECKS if (each := defined(base, name)) is not None):
            assert re.search(r"\bRaises\b", told(base)), f"{base.__name__} refuses values and does not say so"
    untold = [
        name
        for name, function in methods(cls)
        if name not in CHECKS and raises(function) and not re.search(r"\braises\b", told_of(cls, name), re.IGNORECASE)
    ]
    assert not untold
