"""The same task with workbench, fastai, Keras and Lightning: lines, error, seconds; one after the other on idle cores.

    python tests/benchmarks/programs.py PYTHON [TASK...]

PYTHON has fastai, keras and lightning installed; workbench's programs run with this one. Writes the table of
docs/programs/README.md; a program that takes longer than a quarter of an hour is stopped, and the table says so.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "docs" / "programs"
TASKS = {
    "image": "14 kinds of fruit, 732 photos, 96 pixels, MobileNetV2 with ImageNet weights",
    "text": "recommended or not, from 4,000 clothing reviews",
    "table": "income above 50,000, from 39,000 census rows",
    "ratings": "stars of 80,000 film ratings",
}
LIBRARIES = ("workbench", "fastai", "keras", "lightning")
LIMIT = 900
_SCORE = re.compile(r"(?:test[ /](?:error|rmse))\W+([0-9.]+)")


def lines(path: Path) -> int:
    """Lines that hold code: neither blank nor comment."""
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    return len({n for each in tokens if each.type not in skipped for n in range(each.start[0], each.end[0] + 1)})


def run(python: str, path: Path) -> tuple[str, float]:
    """(score, seconds) of a program, from the start of the process to its end."""
    began = time.monotonic()
    environment = {**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "2", "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            [python, "-W", "ignore", str(path)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        return "stopped", LIMIT
    if done.returncode:
        raise SystemExit(f"{path} failed:\n{done.stderr[-2000:]}")
    return f"{float(_SCORE.findall(done.stdout)[-1]):.3f}", time.monotonic() - began


def main() -> None:
    peers, *asked = sys.argv[1:]
    rows = ["| task | library | lines | test error (ratings: rmse) | seconds |", "|---|---|---|---|---|"]
    for task in asked or TASKS:
        for library in LIBRARIES:
            path = PROGRAMS / task / f"with_{library}.py"
            score, seconds = run(sys.executable if library == "workbench" else peers, path)
            rows.append(
                f"| {TASKS[task]} | [{library}]({task}/{path.name}) | {lines(path)} | {score} | {seconds:.0f} |"
            )
            print(rows[-1], flush=True)
    page = PROGRAMS / "README.md"
    head = page.read_text().partition("<!--table-->")[0]
    page.write_text(f"{head}<!--table-->\n\n" + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
