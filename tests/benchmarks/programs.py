"""The same task with workbench, fastai, Keras and Lightning: lines, error, seconds; one after the other on idle cores.

    python tests/benchmarks/programs.py PYTHON [TASK...]

PYTHON has fastai, keras and lightning installed; workbench's programs run with this one. Writes these tasks' rows of
docs/programs/README.md. Every program runs three times: where it has a seed, with seeds 0, 1 and 2, and of a table
workbench then holds out the rows that Keras's and Lightning's programs hold out with that seed. A program that takes
longer than a quarter of an hour is stopped, and the table says so.
"""

from __future__ import annotations

import io
import os
import re
import statistics
import subprocess
import sys
import tempfile
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
    "houses": "house values of 16,500 districts",
}
LIBRARIES = ("workbench", "fastai", "keras", "lightning")
SEEDS = (0, 1, 2)
LIMIT = 900
HEAD = "| task | library | lines | test error (ratings: rmse, houses: mae) | runs | seconds |"
SCORES = {"ratings": "rmse", "houses": "mae"}
"""What is told of a task where it is not the error."""
_SAMPLE = ".sample(5_000)"
_GIVEN = 'split=Split("given", column="split")'
_OURS = {
    "text": {"train=4_000": _GIVEN, "Learner, Texts": "Learner, Split, Texts"},
    "table": {},
    "houses": {},
    "ratings": {'movielens.csv"': f'movielens.csv", {_GIVEN}', "Learner, Ratings": "Learner, Ratings, Split"},
}
"""What tells our programs of a column that says which rows are the test; a table's program looks for it by itself."""


def lines(path: Path) -> int:
    """Lines that hold code: neither blank nor comment."""
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    return len({n for each in tokens if each.type not in skipped for n in range(each.start[0], each.end[0] + 1)})


def replaced(source: str, changes: dict[str, str]) -> str:
    """The program with every key replaced by its value; a key that is not there is a program that has changed."""
    for old, new in changes.items():
        if old not in source:
            raise SystemExit(f"a program has no {old} any more:\n{source}")
        source = source.replace(old, new)
    return source


def divided(path: str, theirs: str, seed: int, place: Path) -> Path:
    """A copy of the table at ``path`` with a column that says how a program of the others divides it."""
    import pandas as pd
    from sklearn.model_selection import train_test_split

    table = pd.read_csv(ROOT / path)
    if _SAMPLE in theirs:
        table = table.dropna(subset="Review Text").drop_duplicates("Review Text").sample(5_000, random_state=seed)
    _, test = train_test_split(table, test_size=0.2, random_state=seed)
    table["split"] = "train"
    table.loc[test.index, "split"] = "test"
    (place / "data").mkdir(exist_ok=True)
    table.to_csv(place / path, index=False)
    return place


def prepared(task: str, library: str, seed: int, place: Path) -> tuple[Path, Path]:
    """(program, folder to run it in) with this seed."""
    source, root = (PROGRAMS / task / f"with_{library}.py").read_text(), ROOT
    if library == "workbench":
        source = replaced(source, {"(threads=2)": f"({seed}, threads=2)", **_OURS.get(task, {})})
        if task in _OURS:
            found = re.search(r'"(data/\w+\.csv)"', source)
            assert found is not None
            root = divided(found[1], (PROGRAMS / task / "with_keras.py").read_text(), seed, place)
    source = source.replace("random_state=0", f"random_state={seed}")
    source = source.replace(_SAMPLE, f".sample(5_000, random_state={seed})")
    (place / f"{task}_{library}.py").write_text(source)
    return place / f"{task}_{library}.py", root


def run(python: str, path: Path, root: Path, name: str) -> tuple[float | None, float]:
    """(score of that name, seconds) of a program, from the start of its process to the end; no score when stopped."""
    began = time.monotonic()
    environment = {**os.environ, "KERAS_BACKEND": "torch", "OMP_NUM_THREADS": "2", "PYTHONPATH": str(ROOT)}
    try:
        done = subprocess.run(
            [python, "-W", "ignore", str(path)],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        return None, LIMIT
    if done.returncode:
        raise SystemExit(f"{path} failed:\n{done.stderr[-2000:]}")
    return float(re.findall(rf"test[ /]{name}\W+([0-9.]+)", done.stdout)[-1]), time.monotonic() - began


def row(task: str, library: str, scores: list[float], seconds: float) -> str:
    """One library's row: the mean of its scores, and their standard deviation where there are several."""
    told = f"{statistics.mean(scores):.3f}" if scores else "stopped"
    if len(scores) > 1:
        told += f" ± {statistics.stdev(scores):.3f}"
    path = PROGRAMS / task / f"with_{library}.py"
    link = f"[{library}]({task}/{path.name})"
    return f"| {TASKS[task]} | {link} | {lines(path)} | {told} | {max(1, len(scores))} | {seconds:.0f} |"


def measured(python: str, task: str, library: str) -> str:
    """The row of a program that runs with every seed, or until it has to be stopped; its seconds are the least."""
    scores: list[float] = []
    shortest = float(LIMIT)
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as place:
            score, seconds = run(python, *prepared(task, library, seed, Path(place)), SCORES.get(task, "error"))
        shortest = min(shortest, seconds)
        if score is None:
            break
        scores.append(score)
    return row(task, library, scores, shortest)


def main() -> None:
    peers, *asked = sys.argv[1:]
    page = PROGRAMS / "README.md"
    head, _, table = page.read_text().partition("<!--table-->")
    rows = {each.partition(".py)")[0].rpartition("(")[2]: each for each in table.splitlines() if ".py)" in each}
    for task in asked or TASKS:
        for library in LIBRARIES:
            new = measured(sys.executable if library == "workbench" else peers, task, library)
            rows[f"{task}/with_{library}"] = new
            print(new, flush=True)
    ordered = (rows[f"{task}/with_{library}"] for task in TASKS for library in LIBRARIES)
    page.write_text(f"{head}<!--table-->\n\n" + "\n".join([HEAD, "|---" * 6 + "|", *ordered]) + "\n")


if __name__ == "__main__":
    main()
