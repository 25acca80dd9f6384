"""The tour's Python blocks, run from the top in one namespace, with what each of them shows."""

from __future__ import annotations

import ast
import contextlib
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOUR = Path(__file__).resolve().parent.parent / "docs" / "tour.md"
_BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n(```text\n.*?```|!\[.*?\]\(.*?\))\n)?", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """Python source, what the page shows below it, and where it stands in the page."""

    source: str
    shown: str
    start: int
    end: int


def blocks(text: str) -> list[Block]:
    """The Python blocks of a page."""
    return [Block(found[1], found[2] or "", found.start(), found.end()) for found in _BLOCK.finditer(text)]


def run(source: str, names: dict[str, Any], where: str) -> tuple[str, Any]:
    """What a block prints, as a prompt does it: the value of a last expression is shown by its repr."""
    tree = ast.parse(source, where)
    last = tree.body[-1]
    value, printed = None, io.StringIO()
    with contextlib.redirect_stdout(printed):
        if isinstance(last, ast.Expr):
            exec(compile(ast.Module(tree.body[:-1], []), where, "exec"), names)
            value = eval(compile(ast.Expression(last.value), where, "eval"), names)
        else:
            exec(compile(tree, where, "exec"), names)
    text = printed.getvalue()
    if value is not None and not hasattr(value, "savefig"):
        text += f"{value!r}\n"
    return text, value


def write(page: Path = TOUR) -> None:
    """Runs the page and puts what each block shows below it; figures go to docs/images/tour-N.png."""
    text, names = page.read_text(), {"__name__": "tour"}
    parts, end = [], 0
    for number, block in enumerate(blocks(text)):
        shown, value = run(block.source, names, f"{page.name}:{number}")
        parts += [text[end : block.start], f"```python\n{block.source}```\n"]
        if hasattr(value, "savefig"):
            image = page.parent / "images" / f"tour-{number}.png"
            value.savefig(image, dpi=100)
            parts.append(f"\n![What the block shows](images/{image.name})\n")
        elif shown:
            parts.append("\n```text\n" + "\n".join(line.rstrip() for line in shown.splitlines()) + "\n```\n")
        end = block.end
    page.write_text("".join([*parts, text[end:]]))


if __name__ == "__main__":
    write()
