"""The tour runs from top to bottom and shows what the page says that it shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tour import TOUR, blocks, run

NUMBER = re.compile(r"-?\d[\d,]*\.?\d*(?:e[+-]?\d+)?%?")


def words(text: str) -> list[str]:
    """What a block shows, without its numbers: another processor may round them otherwise."""
    return NUMBER.sub("#", re.sub(r"[-─ ]{2,}", " ", text)).split()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_block_runs_and_shows_what_stands_below_it(
    carried: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("grocery.zip", "mobilenet_v2.pth", "adult.csv", "clothing.csv", "movielens.csv"):
        monkeypatch.chdir(carried(f"data/{path}").parent.parent)
    names: dict[str, Any] = {"__name__": "tour"}
    for number, block in enumerate(blocks(TOUR.read_text())):
        shown, value = run(block.source, names, f"tour.md:{number}")
        if hasattr(value, "savefig"):
            assert block.shown.startswith("!["), block.source
            assert (TOUR.parent / block.shown.partition("(")[2].rstrip(")")).is_file()
            continue
        told, stands = words(shown), words(block.shown.removeprefix("```text\n").removesuffix("```"))
        if ".answer" in block.source or "confusion" in block.source:  # which kinds are confused hangs on the last bits
            told, stands = told[:4], stands[:4]
        assert told == stands, block.source
