"""Marks in Markdown that tie a text to a published result: ``<!--wb EXPERIMENT TIER ADDRESS-->text<!--/wb-->``.

A reader does not see them. EXPERIMENT and TIER are words without spaces; ADDRESS is all the rest, so that it takes a
cell's name as it is, with spaces, slashes and commas. Examples in code (fenced, indented or `` ` ``) are no marks.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass

_MARK = re.compile(r"<!--\s*(?P<close>/wb\b[^>]*?|wb(?=\s|-->).*?)\s*-->", re.DOTALL)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_ITEM = re.compile(r"\s*([-*+]|\d+[.)])\s")
_INDENT = 4


@dataclass(frozen=True)
class Mark:
    """One quoted result: the line it begins on (from 1), its address, and where its text lies.

    ``problem`` says what is wrong with the mark itself, "" for a sound one.
    """

    line: int
    experiment: str = ""
    tier: str = ""
    path: str = ""
    start: int = 0
    stop: int = 0
    problem: str = ""

    @property
    def address(self) -> str:
        """As it is written in the mark."""
        return " ".join(each for each in (self.experiment, self.tier, self.path) if each)


def marks_in(text: str) -> list[Mark]:
    """The marks of a Markdown text, in order."""
    visible = _without_code(text)
    breaks = [found.start() for found in re.finditer("\n", text)]
    found: list[Mark] = []
    opened: tuple[int, int, list[str]] | None = None
    for match in _MARK.finditer(visible):
        line = bisect.bisect_left(breaks, match.start()) + 1
        if match["close"].startswith("/wb"):
            found.append(_closed(opened, match.start()) if opened else Mark(line, problem="<!--/wb--> without <!--wb"))
            opened = None
            continue
        if opened:
            found.append(_unclosed(opened))
        opened = (line, match.end(), match["close"].split(None, 3)[1:])
    return found + ([_unclosed(opened)] if opened else [])


def _closed(opened: tuple[int, int, list[str]], stop: int) -> Mark:
    line, start, parts = opened
    if len(parts) < 3:
        problem = "a mark names an experiment, a tier and an address: <!--wb EXPERIMENT TIER ADDRESS-->"
        return _wrong(opened, problem)
    return Mark(line, parts[0], parts[1], " ".join(parts[2].split()), start, stop)


def _unclosed(opened: tuple[int, int, list[str]]) -> Mark:
    return _wrong(opened, "is not closed by <!--/wb-->")


def _wrong(opened: tuple[int, int, list[str]], problem: str) -> Mark:
    line, start, parts = opened
    experiment, tier, path = [*parts, "", "", ""][:3]
    return Mark(line, experiment, tier, path, start, start, problem)


def _without_code(text: str) -> str:
    """The text with spaces in place of its code, so that every place stays where it is."""
    lines = text.splitlines(keepends=True)
    blanked = [_blank(line) if code else line for line, code in zip(lines, _code_lines(lines), strict=True)]
    return _SPAN.sub(lambda span: _blank(span[0]) if "<!--" in span[0] else span[0], "".join(blanked))


def _code_lines(lines: list[str]) -> Iterator[bool]:
    """Whether each line belongs to a fenced or an indented block of code."""
    fence, indented, listed, before = "", False, False, ""
    for line in lines:
        opening = _FENCE.match(line)
        if fence:
            if opening and opening[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            yield True
        elif opening and not indented:
            fence = opening[1]
            yield True
        else:
            deep = line.startswith(("\t", " " * _INDENT))
            if line.strip():
                # four spaces continue a list's item; they are code only after a blank line outside of one
                indented = deep and (indented or (not before.strip() and not listed))
                listed = bool(_ITEM.match(line)) or (listed and (deep or line.startswith("  ")))
            yield indented and bool(line.strip())
        before = line


def _blank(text: str) -> str:
    return "".join(each if each in "\r\n" else " " for each in text)
