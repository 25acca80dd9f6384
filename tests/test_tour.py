"""The tour runs from top to bottom and shows what the page says that it shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tour import TOUR, Block, blocks, is_spec, run, run_experiment

NUMBER = re.compile(r"-?\d[\d,]*\.?\d*(?:e[+-]?\d+)?%?")


def words(text: str) -> list[str]:
    """What a block shows, without its numbers: another processor may round them otherwise."""
    return NUMBER.sub("#", re.sub(r"[-─ ]{2,}", " ", text)).split()


def close(told: str, stands: str) -> bool:
    """Whether the numbers are about the same: half as much, or a tenth, lies between one processor's and another's."""
    pairs = [[float(each.strip("%").replace(",", "")) for each in NUMBER.findall(text)] for text in (told, stands)]
    return all(abs(a - b) <= max(0.5 * max(abs(a), abs(b)), 0.1) for a, b in zip(*pairs, strict=True))


def shown_by(block: Block) -> str:
    """What stands below a block."""
    return block.shown.removeprefix("```text\n").removesuffix("```")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_block_runs_and_shows_what_stands_below_it(
    carried: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("grocery.zip", "mobilenet_v2.pth", "adult.csv", "clothing.csv", "movielens.csv"):
        monkeypatch.chdir(carried(f"data/{path}").parent.parent)
    names: dict[str, Any] = {"__name__": "tour"}
    for number, block in enumerate(each for each in blocks(TOUR.read_text()) if not is_spec(each.source)):
        shown, value = run(block.source, names, f"tour.md:{number}")
        if hasattr(value, "savefig"):
            assert block.shown.startswith("!["), block.source
            assert (TOUR.parent / block.shown.partition("(")[2].rstrip(")")).is_file()
            continue
        told, stands = words(shown), words(shown_by(block))
        if ".answer" in block.source or "confusion" in block.source:  # which kinds are confused hangs on the last bits
            assert told[:4] == stands[:4], block.source
            continue
        assert told == stands, block.source
        assert close(shown, shown_by(block)), block.source


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_experiment_runs(carried: Callable[[str], Path]) -> None:
    """Its model is "auto" and becomes weights that nothing in the spec names."""
    for path in ("grocery.zip", "mobilenet_v2.pth"):
        carried(f"data/{path}")
    (spec,) = (block for block in blocks(TOUR.read_text()) if is_spec(block.source))
    assert words(run_experiment(spec.source)) == words(shown_by(spec))
