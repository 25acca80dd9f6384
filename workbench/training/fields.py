"""Fields of a class: how a Learner subclass states its one difference and is checked when it is created."""

from __future__ import annotations

import difflib
import functools
import inspect
import itertools
import typing
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from workbench.errors import FieldError, nearest
from workbench.parts import Part, allowed, expected, flatten, shown


class Described:
    """A class whose annotated public attributes are fields: inherited, checked, derived by changing one thing.

    Raises :class:`FieldError` while the class is being created, for a public attribute that is neither a field nor
    callable, for a value that the field's annotation does not allow, and for a method one letter off a stage.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__doc__" not in cls.__dict__ or cls.__doc__ is None:
            cls.__doc__ = ""
        known = cls.field_types()
        inherited = {each for base in cls.__mro__[1:] if issubclass(base, Described) for each in base.field_types()}
        methods = [name for base in cls.__mro__[1:] for name, value in vars(base).items() if _is_method(value)]
        for name, value in vars(cls).items():
            if name.startswith("_"):
                continue
            if name in known:
                if name not in inherited:
                    _refuse_near_miss(cls, name, sorted(inherited), "field", cutoff=0.8)
                _check(cls, name, value, known[name])
            elif not _is_method(value):
                options_ = [*known, *methods]
                _refuse_value_of_stage(cls, name)
                raise FieldError(f"{cls.__name__}.{name} is not a field of {_origin(cls)}{nearest(name, options_)}")
            elif name not in methods:
                _refuse_near_miss(cls, name, [each for each in methods if not each.startswith("_")], "stage")

    @classmethod
    def field_types(cls) -> dict[str, Any]:
        """``{field: annotation}`` over all base classes, in the order in which they were declared."""
        return _field_types(cls)  # type: ignore[arg-type]  # a class is hashable

    @classmethod
    def fields(cls) -> dict[str, Any]:
        """``{field: value}``; raises :class:`FieldError` for a field that has no value yet."""
        for name in cls.field_types():
            if not hasattr(cls, name):
                raise FieldError(f"{cls.__name__} has no '{name}'", hint=f"Add `{name} = ...` to the class")
        return {name: getattr(cls, name) for name in cls.field_types()}

    @classmethod
    def flatten(cls) -> dict[str, Any]:
        """Dotted paths to plain values, e.g. ``{"model.norm.stats": "track"}``."""
        return {path: each for name, value in cls.fields().items() for path, each in flatten(value, name).items()}

    @classmethod
    def but(cls, name: str = "", **changes: Any) -> type[Self]:
        """A subclass with some ``changes`` of fields; ``model__norm__stats=value`` reaches into parts.

        ``name``: the subclass's; by default the same. Raises :class:`FieldError` for an unknown field or a wrong value.
        """
        values: dict[str, Any] = {}
        for path, value in changes.items():
            field, _, rest = path.partition("__")
            if field not in cls.field_types():
                raise FieldError(f"'{field}' is not a field of {cls.__name__}{nearest(field, cls.field_types())}")
            if not rest:
                values[field] = value
                continue
            part = values.get(field, getattr(cls, field, None))
            if not isinstance(part, Part):
                raise FieldError(f"{cls.__name__}.{field} is {part!r}, which has no field '{rest}'")
            values[field] = part.but(**{rest: value})
        body = {"__doc__": cls.__doc__, "__module__": cls.__module__, **values}
        make: Any = type(cls)
        return typing.cast("type[Self]", make(name or cls.__name__, (cls,), body))

    @classmethod
    def vary(cls, **grid: Sequence[Any]) -> list[type[Self]]:
        """One subclass for each combination of the grid's values: ``vary(model__norm__stats=["track", "running"])``."""
        arms = []
        for values in itertools.product(*grid.values()):
            changes = dict(zip(grid, values, strict=True))
            label = ",".join(f"{path.split('__')[-1]}={value}" for path, value in changes.items())
            arms.append(cls.but(f"{cls.__name__}[{label}]", **changes))
        return arms


@functools.cache
def _field_types(cls: type) -> dict[str, Any]:
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if "__annotations__" not in vars(base) or base is object:
            continue
        resolved = typing.get_type_hints(base)
        for name in vars(base)["__annotations__"]:
            if not name.startswith("_") and typing.get_origin(resolved[name]) is not ClassVar:
                hints[name] = resolved[name]
    return hints


def _is_method(value: Any) -> bool:
    return callable(value) and not isinstance(value, type) or isinstance(value, staticmethod | classmethod | property)


def _check(cls: type, name: str, value: Any, hint: Any) -> None:
    if isinstance(value, list):
        value = tuple(value)
        setattr(cls, name, value)
    if not allowed(value, hint):
        raise FieldError(
            f"{cls.__name__}.{name} is {shown(value)}{expected(value, hint)}",
            hint="Describe a network of your own in a Model: docs/own_network.md" if _is_torchs(value) else "",
        )


def _refuse_value_of_stage(cls: type, name: str) -> None:
    """Raises :class:`FieldError` for a value where there is a method, with the line that begins the method."""
    stage = next((vars(base)[name] for base in cls.__mro__[1:] if _is_method(vars(base).get(name))), None)
    if stage is None:
        return
    names = ", ".join(inspect.signature(stage).parameters) if inspect.isfunction(stage) else "..."
    raise FieldError(
        f"{cls.__name__}.{name} is a value, and '{name}' is a method of {_origin(cls)}",
        hint=f"Write: def {name}({names}): return ...",
    )


def _is_torchs(value: Any) -> bool:
    """Whether it is a network of torch's, or a class of one: what other libraries take as a model."""
    bases = (value if isinstance(value, type) else type(value)).__mro__
    return any(base.__module__.startswith("torch.nn.") for base in bases)


def _refuse_near_miss(cls: type, name: str, known: list[str], kind: str, cutoff: float = 0.85) -> None:
    """Refuse a new name that is one slip of a finger from a known one: 0.85 takes `forwad`, and lets `losses` pass."""
    found = difflib.get_close_matches(name, known, n=1, cutoff=cutoff)
    if found:
        raise FieldError(
            f"{cls.__name__}.{name} is no {kind} of {_origin(cls)}; did you mean '{found[0]}'?",
            hint="Start a helper's name with _",
        )


def _origin(cls: type) -> str:
    """The library class that declares the fields, for messages."""
    return next(
        base.__name__ for base in reversed(cls.__mro__) if issubclass(base, Described) and base is not Described
    )
