"""Settings that agree across cells stand once."""

from __future__ import annotations

from workbench.study.settings import grouped, row


def test_what_is_the_same_everywhere_stands_once_without_cells() -> None:
    rows = [row(cell, "fit.lr", 0.001, "range test") for cell in ("photos", "digits")]
    assert grouped(rows) == [{"name": "fit.lr", "value": 0.001, "why": "range test"}]


def test_what_differs_names_its_cells() -> None:
    rows = [
        row("a", "head", 14, "one a class"),
        row("b", "head", 10, "one a class"),
        row("c", "head", 10, "one a class"),
    ]
    assert [(each["name"], each["value"]) for each in grouped(rows)] == [("a · head", 14), ("b, c · head", 10)]


def test_a_setting_of_some_cells_only_needs_no_names_when_they_agree() -> None:
    rows = [row("a", "fit.epochs", 3, "few items"), row("a", "x", 1, ""), row("b", "x", 1, "")]
    assert [each["name"] for each in grouped(rows)] == ["fit.epochs", "x"]


def test_a_reason_is_part_of_being_the_same() -> None:
    rows = [row("a", "fit.lr", 0.1, "found"), row("b", "fit.lr", 0.1, "chosen")]
    assert [each["name"] for each in grouped(rows)] == ["a · fit.lr", "b · fit.lr"]
