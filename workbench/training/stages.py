"""What a subclass overrides, as hashes of its syntax: code is part of a run's identity, formatting is not."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.parts import Part


def stage_hashes(cls: type, library: type) -> dict[str, str]:
    """``{method: 16 hexadecimal digits}`` for every method that ``cls`` has from below ``library``.

    The same, by the class's name, for every part among the fields whose class is not the library's: a network of the
    spec's own, say.

    The hash covers the method's syntax tree without docstrings and, by name, the functions, classes and modules of the
    same folder that it uses and the plain values (numbers, texts) that it reads, so that editing a helper or a constant
    in the spec changes the identity too.
    """
    found: dict[str, str] = {}
    for base in cls.__mro__[: cls.__mro__.index(library)]:
        for name, value in vars(base).items():
            function = getattr(value, "__func__", value)
            if isinstance(function, types.FunctionType) and name not in found:
                found[name] = _hash(_closure(function))
    for name in getattr(cls, "field_types", dict)():
        for part in _parts(getattr(cls, name, None)):
            found[type(part).__qualname__] = _hash(_closure(type(part)))
    return dict(sorted(found.items()))


def source_hash(paths: list[Path]) -> str:
    """64 hexadecimal digits of the syntax of Python files, docstrings and comments left out."""
    total = hashlib.sha256()
    for path in sorted(paths, key=lambda each: each.as_posix()):
        total.update(path.name.encode() + _dump(path.read_text()).encode())
    return total.hexdigest()


def _parts(value: Any) -> Iterator[Part]:
    """The parts in a field whose code is not the library's, from outside in."""
    if isinstance(value, tuple):
        for each in value:
            yield from _parts(each)
    if isinstance(value, Part):
        if type(value).__module__.partition(".")[0] != Part.__module__.partition(".")[0]:
            yield value
        for name in value.fields():
            yield from _parts(getattr(value, name))


def _closure(start: types.FunctionType | type) -> list[Any]:
    """The function or class and everything it names that is defined in the same folder, each once."""
    # A decorator's wrapper lives in the decorator's folder; what was written in the spec is below it.
    start = inspect.unwrap(start) if isinstance(start, types.FunctionType) else start
    folder = _folder(start)
    seen: dict[int, Any] = {}
    waiting: list[Any] = [start]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen[id(each)] = each
        waiting += [value for value in _named_values(each) if _folder(value) == folder is not None]
    return sorted(seen.values(), key=_name)


def _named_values(each: Any) -> list[Any]:
    if inspect.isclass(each):
        return [*each.__bases__, *(_function(value) for value in vars(each).values())]
    return list(_reads(each).values()) if isinstance(each, types.FunctionType) else []


def _function(value: Any) -> Any:
    """What was written with ``def`` below a property, a static method or one of the class."""
    return getattr(value, "__func__", None) or getattr(value, "fget", None) or getattr(value, "func", value)


def _reads(function: types.FunctionType) -> dict[str, Any]:
    """Every name that the function, its comprehensions and its inner functions take from outside, with its value."""
    function = inspect.unwrap(function)
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    outside = {**function.__globals__, **{name: cell.cell_contents for name, cell in cells if name != "__class__"}}
    names: set[str] = set()
    waiting = [function.__code__]
    while waiting:
        code = waiting.pop()
        names.update(code.co_names, code.co_freevars)
        waiting += [each for each in code.co_consts if isinstance(each, types.CodeType)]
    return {name: outside[name] for name in sorted(names) if name in outside and not name.startswith("__")}


def _own(value: Any) -> dict[str, Any]:
    """What a class itself holds beside its methods; nothing for a module, whose text says it."""
    return {name: each for name, each in vars(value).items() if name[:2] != "__"} if inspect.isclass(value) else {}


def _name(value: Any) -> str:
    return str(getattr(value, "__qualname__", None) or value.__name__)


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _folder(value: Any) -> Path | None:
    """Where a function, class or module was written; None for anything else, and for what was typed at a prompt."""
    if isinstance(value, types.FunctionType):
        return Path(inspect.unwrap(value).__code__.co_filename).parent
    if not inspect.isclass(value) and not inspect.ismodule(value):
        return None
    try:
        return Path(inspect.getfile(value)).parent
    except (TypeError, OSError):
        return None


def _hash(objects: list[Any]) -> str:
    total = hashlib.sha256()
    for each in objects:
        try:
            text = _dump(textwrap.dedent(inspect.getsource(each)))
        except (OSError, TypeError, SyntaxError):
            # A function typed at a prompt has no source; its byte code is the next best thing.
            code = getattr(each, "__code__", None)
            text = repr((code.co_code, code.co_consts)) if code else _name(each)
        total.update(text.encode())
        read = _reads(each) if isinstance(each, types.FunctionType) else _own(each)
        constants = {name: value for name, value in read.items() if _is_plain(value)}
        total.update(repr(constants).encode() if constants else b"")
    return total.hexdigest()[:16]


def _dump(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef | ast.Module)
            and body
            and _is_text(body[0])
        ):
            node.body = body[1:] or [ast.Pass()]
    return ast.dump(tree)


def _is_text(statement: ast.stmt) -> bool:
    value = getattr(statement, "value", None)
    return isinstance(statement, ast.Expr) and isinstance(value, ast.Constant) and isinstance(value.value, str)
