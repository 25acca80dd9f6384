"""What a subclass overrides, as hashes of its syntax: code is part of a run's identity, formatting is not."""

from __future__ import annotations

import ast
import hashlib
import inspect
import textwrap
import types
from pathlib import Path
from typing import Any


def stage_hashes(cls: type, library: type) -> dict[str, str]:
    """``{method: 16 hexadecimal digits}`` for every method that ``cls`` has from below ``library``.

    The hash covers the method's syntax tree without docstrings and, by name, the functions and classes of the same
    folder that it uses, so that editing a helper in the spec changes the identity too.
    """
    found: dict[str, str] = {}
    for base in cls.__mro__[: cls.__mro__.index(library)]:
        for name, value in vars(base).items():
            function = getattr(value, "__func__", value)
            if isinstance(function, types.FunctionType) and name not in found:
                found[name] = _hash(_closure(function))
    return dict(sorted(found.items()))


def source_hash(paths: list[Path]) -> str:
    """64 hexadecimal digits of the syntax of Python files, docstrings and comments left out."""
    total = hashlib.sha256()
    for path in sorted(paths, key=lambda each: each.as_posix()):
        total.update(path.name.encode() + _dump(path.read_text()).encode())
    return total.hexdigest()


def _closure(function: types.FunctionType) -> list[Any]:
    """The function and everything it names that is defined in the same folder, each once."""
    folder = Path(function.__code__.co_filename).parent
    seen: dict[int, Any] = {}
    waiting: list[Any] = [function]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen[id(each)] = each
        waiting += [value for value in _named_values(each) if _lives_in(value, folder)]
    return sorted(seen.values(), key=lambda each: each.__qualname__)


def _named_values(each: Any) -> list[Any]:
    if inspect.isclass(each):
        return [value for value in vars(each).values() if isinstance(value, types.FunctionType)]
    names = set(each.__code__.co_names)
    return [each.__globals__[name] for name in names if name in each.__globals__]


def _lives_in(value: Any, folder: Path) -> bool:
    if isinstance(value, types.FunctionType):
        return Path(value.__code__.co_filename).parent == folder
    if not inspect.isclass(value):
        return False
    try:
        return Path(inspect.getfile(value)).parent == folder
    except (TypeError, OSError):
        return False


def _hash(objects: list[Any]) -> str:
    total = hashlib.sha256()
    for each in objects:
        try:
            text = _dump(textwrap.dedent(inspect.getsource(each)))
        except (OSError, TypeError, SyntaxError):
            # A function typed at a prompt has no source; its byte code is the next best thing.
            code = getattr(each, "__code__", None)
            text = repr((code.co_code, code.co_consts)) if code else each.__qualname__
        total.update(text.encode())
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
