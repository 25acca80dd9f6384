"""Marks in Markdown."""

import pytest

from workbench.study.marks import marks_in


def test_an_address_takes_a_cells_name_as_it_is() -> None:
    text = "a\n\n| <!--wb demo full cells.digits/head, no shift.Arm.ratio-->0.98\n[0.97, 0.99]<!--/wb--> |\n"
    (mark,) = marks_in(text)
    assert (mark.line, mark.experiment, mark.tier) == (3, "demo", "full") and not mark.problem
    assert mark.path == "cells.digits/head, no shift.Arm.ratio" and text[mark.start : mark.stop] == "0.98\n[0.97, 0.99]"
    assert mark.address == "demo full cells.digits/head, no shift.Arm.ratio"


def test_several_on_a_line_and_room_within_the_comment() -> None:
    text = "<!-- wb a b c -->1<!-- /wb -->, <!--wb a b d-->`2`<!--/wb--> <!-- a comment --> <!--wbx-->"
    assert [(mark.path, text[mark.start : mark.stop]) for mark in marks_in(text)] == [("c", "1"), ("d", "`2`")]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("1\n<!--wb a b c-->2", 2, "not closed"),
        ("<!--wb a b c-->2 <!--wb a b c-->3<!--/wb-->", 1, "not closed"),
        ("1\n2\n3<!--/wb-->", 3, "<!--/wb--> without"),
        ("<!--wb a b-->2<!--/wb-->", 1, "an experiment, a tier and an address"),
        ("<!--wb-->2<!--/wb-->", 1, "an experiment, a tier and an address"),
    ],
)
def test_a_wrong_mark_says_so(text: str, line: int, said: str) -> None:
    mark = marks_in(text)[0]
    assert said in mark.problem and mark.line == line


@pytest.mark.parametrize(
    "text",
    [
        "Write `<!--wb a b c-->1<!--/wb-->` around it.",
        "``<!--wb a b c-->`1`<!--/wb-->``",
        "```\n<!--wb a b c-->1\n```\n",
        "~~~~ md\n```\n<!--wb a b c-->1<!--/wb-->\n~~~\n~~~~\n",
        "for example\n\n    <!--wb a b c-->1\n\n    <!--wb a b c-->1\n",
    ],
)
def test_code_is_no_mark(text: str) -> None:
    assert marks_in(text) == []
    (mark,) = marks_in(f"{text}\n\n<!--wb a b d-->`2`<!--/wb-->")
    assert mark.path == "d" and not mark.problem


@pytest.mark.parametrize("text", ["- item\n\n    {}\n", "text\n    {}\n", "1. item\n   more\n\n    {}", "`a` {} `b`"])
def test_an_indented_line_of_a_list_or_paragraph_is_no_code(text: str) -> None:
    (mark,) = marks_in(text.format("<!--wb a b c-->1<!--/wb-->"))
    assert not mark.problem
