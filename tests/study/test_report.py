from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from workbench.study.claims import Claim
from workbench.study.outcomes import load
from workbench.study.report import provenance, render, reproduce, write
from workbench.study.summary import summarise

MakeStudy = Callable[..., dict[str, Any]]
ARMS = {"Base": [0.1, 0.12, 0.11, 0.1, 0.11, 0.1], "Arm": [0.9, 0.88, 0.9, 0.92, None, 0.9]}
FACTS = {
    "pins": {"data/mnist.npz": "0123abcd"}, "device": "cpu", "threads": 1, "level": "strict",
    "environment": {"python": "3.11.9", "torch": "2.15.0", "lock": "ab12", "cpu": "Some CPU"},
}  # fmt: skip


class Balanced(HTMLParser):
    """Reads a page, and notes tags that do not close in order and everything that would be fetched."""

    VOID = frozenset({"meta", "br", "link", "img", "input", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.problems: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.fetched += [str(values[key]) for key in ("src", "href", "data") if key in values and tag != "use"]
        if tag in ("script", "link", "iframe"):
            self.fetched.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(tag)


@pytest.fixture
def page(tmp_path: Path, make_study: MakeStudy) -> Callable[..., str]:
    def make(arms: dict[str, Any] = ARMS, **options: Any) -> str:
        study = make_study(tmp_path, {"main": arms}, **options)
        return render(study, summarise(study, load(tmp_path, study)), [FACTS])

    return make


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(page: Callable[..., str]) -> None:
    text = page(claims=[Claim.ratio("Arm", "Base", at_least=6, why="the announcement")])
    reader = Balanced()
    reader.feed(text)
    assert not reader.problems and not reader.open and not reader.fetched
    assert "url(http" not in text and "@import" not in text
    assert text.startswith("<!doctype html>") and text.count("<svg") == 1


def test_the_page_says_what_was_found_and_where_it_comes_from(page: Callable[..., str]) -> None:
    text = page(claims=[Claim.ratio("Arm", "Base", at_least=6, why="the announcement", name="C1")])
    for words in (
        '<span class="badge good">reproduced</span> C1 Arm has at least 6 times the test error of Base',
        "tier &#x27;full&#x27;, n = 6",
        "the announcement",
        "1 failed run counted as the worst score",
        "1 of 6 runs failed, counted as test/error 1",
        "chance level 90.0 %",
        "fit.lr",
        "range test",
        "md5 0123abcd",
        "Some CPU",
        "4f2c91e",
        "wb reproduce 4f2c91e4f2c9 experiments/demo --full",
        "Arm is better.",
        "prefers-color-scheme: dark",
        "fill: var(--ink)",
    ):
        assert words in text, words


def test_everything_is_escaped(page: Callable[..., str]) -> None:
    evil = "<script>alert(1)</script>"
    text = page(
        {"Base": [0.1, 0.1], evil: [0.2, None]},
        claims=[Claim.lower(evil, "Base", why=evil)], settings=[{"name": evil, "value": evil, "why": evil}],
        title=evil, experiment=evil, tier=evil, commit=evil, created=evil,
    )  # fmt: skip
    assert "<script" not in text
    reader = Balanced()
    reader.feed(text)
    assert not reader.problems and not reader.fetched


def test_how_to_make_it_again() -> None:
    study = {"id": "demo-1", "experiment": "experiments/demo", "commit": "aaa", "snapshot": "bbb", "tier": "default"}
    elsewhere = "wb reproduce bbb experiments/demo{}   # in any clone, once published"
    assert reproduce(study) == "wb reproduce demo-1\n" + elsewhere.format("")
    assert reproduce({**study, "tier": "smoke"}).endswith(elsewhere.format(" --smoke"))
    assert reproduce({**study, "experiment": "demo"}) == reproduce(study)
    assert reproduce({**study, "tier": "long"}).endswith(elsewhere.format(" --tier long"))
    assert reproduce({**study, "options": {"cells": [], "seeds": None, "threads": 1}}) == reproduce(study)
    for part in ({"cells": ["a b"]}, {"seeds": 2}, {"sets": {"fit__lr": "0.1"}}, {"only": [3]}):
        assert reproduce({**study, "options": part}) == "wb reproduce demo-1"


def test_provenance_leaves_out_what_is_not_known() -> None:
    study = {"id": "s", "tier": "full", "commit": "aaa", "dirty": True}
    found = dict(provenance(study, [FACTS, {**FACTS, "device": "cuda"}]))
    assert found["commit"] == "aaa with uncommitted changes" and found["device"] == "cpu, cuda"
    assert "snapshot" not in found and found["torch"] == "2.15.0"


def test_provenance_reads_the_studys_own_record() -> None:
    environment = {"cpu": {"model": "Fast CPU", "cores": 2}, "torch": {"version": "2.15.0"}, "gpu": None, "class": "k"}
    study = {"id": "s", "created": 1_795_442_700_000, "pins": {"data/a.npz": "0f"}, "environment": environment}
    found = dict(provenance(study, []))
    assert (found["processor"], found["torch"], found["device class"]) == ("Fast CPU", "2.15.0", "k")
    assert found["data data/a.npz"] == "md5 0f" and found["begun"] == "2026-11-23 14:05 UTC" and "GPU" not in found


def test_one_seed_and_no_result_still_make_a_page(page: Callable[..., str]) -> None:
    claim = Claim.lower("Arm", "Base")
    assert "no inference from one seed" in page({"Base": [0.1], "Arm": [0.2]}, claims=[claim])
    assert "not finished" in page(claims=[claim], unfinished=6, id="new")
    assert "No claims were registered" in page(id="plain")


def test_the_page_is_written_whole(tmp_path: Path, make_study: MakeStudy) -> None:
    study = make_study(tmp_path, {"main": ARMS})
    summary = summarise(study, load(tmp_path, study))
    path = write(tmp_path / "out" / "report.html", study, summary)
    assert path.read_text() == render(study, summary) and [each.name for each in path.parent.iterdir()] == [path.name]


def test_the_page_says_when_less_than_the_tier_was_asked_for(tmp_path: Path, make_study: MakeStudy) -> None:
    study = make_study(tmp_path, {"main": ARMS})
    summary = summarise(study, load(tmp_path, study))
    assert "(only" not in render(study, summary)
    study["options"] = {"cells": ["digits", "photos"], "arms": [], "sets": {"fit__lr": "0.1"}}
    assert "(only cells digits, photos; with fit.lr=0.1)" in render(study, summary)
