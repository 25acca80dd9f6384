"""Parts: frozen, validated, keyword-only descriptions that are built late.

A part holds plain values and other parts, never a tensor or an open file, so it can be compared, flattened into
MLflow parameters, hashed into an identity, and derived by changing one thing.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import functools
import hashlib
import importlib
import inspect
import json
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter
from pathlib import Path, PurePath
from typing import Any, ClassVar, Literal, Self, TypeVar, Union, dataclass_transform

from workbench.errors import FieldError, nearest

_SHOWN = 80
"""Characters of a value that an error shows."""

_Init = TypeVar("_Init", bound=Callable[..., None])


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,))
class Part:
    """Base of every description. Subclasses declare annotated fields and may override :meth:`check`.

    ``one_choice`` says that the fields together are one decision: changing several of them changes one thing.
    A field that reads well without its name is declared with ``field(kw_only=False)``.
    Raises :class:`FieldError` for an unknown field, a missing one, or a value that its annotation does not allow.
    """

    one_choice: ClassVar[bool] = False
    _examples: ClassVar[str] = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclasses.dataclass(frozen=True, kw_only=True, repr=False)(cls)
        cls.__init__ = _named(cls.__init__)  # type: ignore[method-assign]

    def __post_init__(self) -> None:
        hints = _hints(type(self))  # type: ignore[arg-type]  # a class is hashable
        for name in self.fields():
            value = getattr(self, name)
            if isinstance(value, list):
                value = tuple(value)
                object.__setattr__(self, name, value)
            if not allowed(value, hints[name]):
                where = f"{type(self).__name__}.{name}"
                raise FieldError(f"{where} is {shown(value)}{expected(value, hints[name])}", hint=self._held(value))
        self.check()

    def check(self) -> None:
        """Refuse combinations of values that make no sense, naming the field to change."""

    @classmethod
    def fields(cls) -> tuple[str, ...]:
        """The field names in the order in which they were declared."""
        return tuple(each.name for each in dataclasses.fields(typing.cast(Any, cls)))

    def but(self, **changes: Any) -> Self:
        """A copy with some ``changes`` of fields; ``a__b=value`` reaches field ``b`` of the part in field ``a``.

        Raises:
            FieldError: an unknown field, or a value that it does not take.
        """
        direct: dict[str, Any] = {}
        nested: dict[str, dict[str, Any]] = {}
        for path, value in changes.items():
            name, _, rest = path.partition("__")
            _require_field(type(self), name)
            if rest:
                nested.setdefault(name, {})[rest] = value
            else:
                direct[name] = value
        for name, inner in nested.items():
            part = direct.get(name, getattr(self, name))
            if not isinstance(part, Part):
                raise FieldError(f"{type(self).__name__}.{name} is {part!r}, which has no field '{next(iter(inner))}'")
            direct[name] = part.but(**inner)
        copy: Self = dataclasses.replace(typing.cast(Any, self), **direct)
        return copy

    def flatten(self, prefix: str = "") -> dict[str, Any]:
        """``{"norm.stats": "track"}``: dotted paths to plain values; a part's class stands under its own path.

        ``prefix``: what every path begins with.
        """
        flat: dict[str, Any] = {prefix.rstrip(".") or "part": type(self).__name__}
        for name, value in self._items():
            flat.update(flatten(value, prefix + name))
        return flat

    def identity(self) -> str:
        """64 hexadecimal digits that are equal exactly when two parts describe the same thing."""
        return digest(self.flatten())

    @classmethod
    def _instead(cls, value: Any) -> str:
        """What to write where a part of this class belongs and ``value`` was written; "" where that cannot be told."""
        if isinstance(value, type) and issubclass(value, cls):
            return _call(value)
        if not isinstance(value, str):
            return ""
        known = {each.__name__.lower(): each for each in _below(cls) if not inspect.isabstract(each)}
        near = difflib.get_close_matches(value.lower(), known, n=1, cutoff=0.7)
        if near:
            return _call(known[near[0]])
        field = next((name for name in cls.fields() if value in _choices(_hints(cls)[name])), "")  # type: ignore[arg-type]
        return f"{cls.__name__}({field}={value!r})" if field else ""

    @classmethod
    def _held(cls, value: Any) -> str:
        """The hint for what is in memory, where the part has a way to take it."""
        take = getattr(cls, "of", None)
        if take is None or not hasattr(value, "shape"):
            return ""
        needed = [
            name
            for name, each in inspect.signature(take).parameters.items()
            if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD
        ]
        return f"For what is in memory type: {cls.__name__}.of({', '.join(needed)})"

    def _items(self) -> Iterator[tuple[str, Any]]:
        for name in self.fields():
            yield name, getattr(self, name)

    def __repr__(self) -> str:
        shown = [
            f"{each.name}={getattr(self, each.name)!r}"
            for each in dataclasses.fields(typing.cast(Any, self))
            if getattr(self, each.name) != each.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


def plain(value: Any) -> Any:
    """A part as JSON values, ``{"part": "module:Class", "fields": {...}}``; any other plain value as it is."""
    if isinstance(value, Part):
        fields = {name: plain(getattr(value, name)) for name in value.fields()}
        return {"part": f"{type(value).__module__}:{type(value).__qualname__}", "fields": fields}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def revived(value: Any) -> Any:
    """What :func:`plain` was given, with tuples for sequences."""
    if isinstance(value, Mapping) and "part" in value:
        module, _, name = value["part"].partition(":")
        return getattr(importlib.import_module(module), name)(
            **{field: revived(each) for field, each in value["fields"].items()}
        )
    return tuple(revived(each) for each in value) if isinstance(value, list) else value


def flatten(value: Any, path: str) -> dict[str, Any]:
    """Dotted paths to plain values for a part, a mapping, a sequence of parts, or a plain value."""
    if isinstance(value, Part):
        return value.flatten(path + ".")
    if isinstance(value, Mapping):
        return {k: v for name, each in value.items() for k, v in flatten(each, f"{path}.{name}").items()}
    if isinstance(value, tuple) and any(isinstance(each, Part) for each in value):
        return {k: v for n, each in enumerate(value) for k, v in flatten(each, f"{path}.{n}").items()}
    return {path: list(value) if isinstance(value, tuple) else value}


def digest(value: Any) -> str:
    """SHA-256 of a value of plain types, independent of the order of keys, as 64 hexadecimal digits."""
    text = json.dumps(_whole(value), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _whole(value: Any) -> Any:
    """Whole floats as integers: 1 and 1.0 are equal, so they describe the same thing."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {name: _whole(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(each) for each in value]
    return value


def diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """``{path: (old, new)}`` for the flattened fields that differ; a path absent on one side counts as None."""
    paths = [*old, *(path for path in new if path not in old)]
    return {path: (old.get(path), new.get(path)) for path in paths if old.get(path) != new.get(path)}


def _named(init: Any) -> Any:
    """``init`` that answers an unknown or missing field with a :class:`FieldError` instead of a TypeError."""

    @functools.wraps(init)
    def checked(self: Any, *values: Any, **fields: Any) -> None:
        for name in fields:
            _require_field(type(self), name)
        try:
            init(self, *values, **fields)
        except TypeError as error:
            if "argument" not in str(error):
                raise
            reason = str(error).split("__init__() ")[-1].replace("keyword-only argument", "field")
            raise FieldError(f"{type(self).__name__}: {reason}") from None

    return checked


def arguments(init: _Init) -> _Init:
    """An ``__init__`` that answers an unknown name, or a value of another kind, with a :class:`FieldError`."""
    signature = inspect.signature(init)
    names = list(signature.parameters)[1:]
    written = [f"{name}=..." if signature.parameters[name].kind is Parameter.KEYWORD_ONLY else name for name in names]

    @functools.wraps(init)
    def checked(self: Any, *values: Any, **named: Any) -> None:
        cls = type(self).__name__
        for name in named:
            if name not in names:
                raise FieldError(f"'{name}' is not an argument of {cls}{nearest(name, names)}")
        try:
            given = signature.bind(self, *values, **named).arguments
        except TypeError as error:
            raise FieldError(f"{cls}: {error}", hint=f"Write {cls}({', '.join(written)})") from None
        hints = typing.get_type_hints(init)
        for name in names:
            if name in given and not allowed(given[name], hints[name]):
                raise FieldError(f"{cls}.{name} is {shown(given[name])}{expected(given[name], hints[name])}")
        init(self, *values, **named)

    return typing.cast(_Init, checked)


def _require_field(cls: type[Part], name: str) -> None:
    if name not in cls.fields():
        raise FieldError(f"'{name}' is not a field of {cls.__name__}{nearest(name, cls.fields())}")


@functools.cache
def _hints(cls: type[Part]) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def allowed(value: Any, hint: Any) -> bool:
    """Whether a plain value or part fits an annotation made of classes, Literal, Union and tuple[X, ...]."""
    origin = typing.get_origin(hint)
    if hint is Any:
        return True
    if origin is Literal:
        return any(value == choice and type(value) is type(choice) for choice in typing.get_args(hint))
    if origin in (Union, types.UnionType):
        return any(allowed(value, each) for each in typing.get_args(hint))
    if origin is tuple:
        inner = typing.get_args(hint)
        if not isinstance(value, tuple):
            return False
        if len(inner) == 2 and inner[1] is Ellipsis:
            return all(allowed(each, inner[0]) for each in value)
        return len(value) == len(inner) and all(map(allowed, value, inner))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if hint is None or hint is type(None):
        return value is None
    return isinstance(value, origin or hint)


_WORDS: dict[Any, tuple[str, str]] = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("a text", "texts"),
    bool: ("True or False", "True or False"),
    Path: ("a path", "paths"),
    Mapping: ("a dictionary", "dictionaries"),
}


def shown(value: Any) -> str:
    """A value in an error's one line: as it is written, or only what it is, where that takes more."""
    text = repr(value)
    if "\n" not in text and len(text) <= _SHOWN:
        return text
    plain = isinstance(value, str | int | float | tuple | Part) and "\n" not in text
    return f"{text[:_SHOWN]} ..." if plain else f"of type {type(value).__name__}"


def expected(value: Any, hint: Any) -> str:
    """What to write in place of ``value``, as the end of a sentence: the nearest that the annotation takes, or all."""
    choices = [str(choice) for choice in _choices(hint)]
    if isinstance(value, str) and choices and (difflib.get_close_matches(value, choices) or not _others(hint)):
        return nearest(value, choices)
    plain = _plainly(value)
    if plain is not value and allowed(plain, hint):
        return f"; write {value} without quotes" if isinstance(value, str) else f"; write {plain!r}"
    if allowed((value,), hint):
        return f"; write [{value!r}]"
    instead = next((found for part in _parts(hint) if (found := part._instead(value))), "")
    return f"; did you mean {instead}?" if instead else f"; it takes {_taken(hint)}"


def _alternatives(hint: Any) -> list[Any]:
    """The annotations of which one has to fit; those of parts last."""
    union = typing.get_origin(hint) in (Union, types.UnionType)
    found = [each for inner in typing.get_args(hint) for each in _alternatives(inner)] if union else [hint]
    return sorted(found, key=lambda each: (_is_part(each), each is type(None)))


def _choices(hint: Any) -> list[Any]:
    literal = (each for each in _alternatives(hint) if typing.get_origin(each) is Literal)
    return [choice for each in literal for choice in typing.get_args(each)]


def _others(hint: Any) -> list[Any]:
    return [each for each in _alternatives(hint) if typing.get_origin(each) is not Literal]


def _parts(hint: Any) -> list[type[Part]]:
    return [each for each in _alternatives(hint) if _is_part(each)]


def _is_part(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Part)


def _plainly(value: Any) -> Any:
    """The plain value that was put in quotes, or that numpy or a path holds; anything else as it is."""
    if isinstance(value, str):
        try:
            return ast.literal_eval(value)
        except (ValueError, SyntaxError):
            return value
    if isinstance(value, PurePath):
        return value.as_posix()
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "shape", None) == () else value


def _taken(hint: Any) -> str:
    """The annotation in words: "a whole number, or 'auto'"."""
    words = [word for each in _alternatives(hint) for word in _in_words(each)]
    *before, last = words
    return f"{', '.join(before)}, or {last}" if before else last


def _in_words(hint: Any) -> list[str]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return [repr(each) for each in inner]
    if hint is type(None):
        return ["None"]
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        return [f"a tuple of {_WORDS[inner[0]][1] if inner[0] in _WORDS else _taken(inner[0])}"]
    if origin is tuple:
        return [f"a tuple ({'; '.join(map(_taken, inner))})"]
    if (origin or hint) in _WORDS:
        return [_WORDS[origin or hint][0]]
    return [_call(hint) if _is_part(hint) else getattr(origin or hint, "__name__", str(hint))]


def _call(cls: type[Part]) -> str:
    """How a part of that class is written."""
    if inspect.isabstract(cls):
        return f"{cls.__name__}, such as {cls._examples}" if cls._examples else cls.__name__
    fields = dataclasses.fields(typing.cast(Any, cls))
    given = all(
        each.default is not dataclasses.MISSING or each.default_factory is not dataclasses.MISSING for each in fields
    )
    return f"{cls.__name__}()" if given else f"{cls.__name__}(...)"


def _below(cls: type[Part]) -> Iterator[type[Part]]:
    """The class and all that are derived from it and loaded."""
    yield cls
    for each in cls.__subclasses__():
        yield from _below(each)
