"""The tour's Python blocks, run from the top in one namespace, with what each of them shows; the last is a spec."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TOUR = ROOT / "docs" / "tour.md"
FILES = (".dvc/config", ".dvc/.gitignore", "data.dvc", "data/.gitignore", ".gitignore", "requirements.txt")
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


def run_experiment(source: str) -> str:
    """What ``wb run --smoke`` prints for a spec, in a new project that has this one's data and pins."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for path in (*FILES, "data/grocery.zip", "data/mobilenet_v2.pth"):
            (root / path).parent.mkdir(exist_ok=True)
            shutil.copy2(ROOT / path, root / path)
        (root / "experiments" / "focal").mkdir(parents=True)
        (root / "experiments" / "focal" / "spec.py").write_text(source)
        git = ["git", "-c", "user.name=tour", "-c", "user.email=tour@example.org"]
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "an experiment"]):
            subprocess.run([*git, *words], cwd=root, check=True)
        wb = [str(Path(sys.executable).parent / "wb"), "run", "focal", "--smoke"]
        done = subprocess.run(wb, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("The runs:")[0]  # the study's folder is named after the library's sources, too


def is_spec(source: str) -> bool:
    """Whether a block is a file of its own, an experiment's spec."""
    return "experiment = Experiment(" in source


def write(page: Path = TOUR) -> None:
    """Runs the page and puts what each block shows below it; figures go to docs/images/tour-N.png."""
    text, names = page.read_text(), {"__name__": "tour"}
    parts, end = [], 0
    for number, block in enumerate(blocks(text)):
        if is_spec(block.source):
            shown, value = run_experiment(block.source), None
        else:
            shown, value = run(block.source, names, f"{page.name}:{number}")
        parts += [text[end : block.start], f"```python\n{block.source}```\n"]
        if hasattr(value, "savefig"):
            image = page.parent / "images" / f"tour-{number}.png"
            value.savefig(image, dpi=100)
            parts.append(f"\n![What the block shows](images/{image.name})\n")
        elif shown:
            parts.append(
                "\n```text\n" + "\n".join(line.rstrip() for line in shown.strip("\n").splitlines()) + "\n```\n"
            )
        end = block.end
    page.write_text("".join([*parts, text[end:]]))


if __name__ == "__main__":
    write()
