"""Tables of a summary: for the terminal (100 columns), for Markdown, for LaTeX (booktabs)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tabulate import tabulate

from workbench.study import words
from workbench.study.claims import NOT_TESTED

Style = Literal["terminal", "markdown", "latex"]

WIDTH = 100
EXTRAS = {"train_mode/error": "train\nmode %", "recalibrated/error": "recali-\nbrated %"}
_FORMATS = {"terminal": "simple", "markdown": "pipe", "latex": "latex_booktabs"}
_NARROW, _NARROWEST = 18, 12


@dataclass(frozen=True)
class Table:
    """Headers and rows of text; the first column is wrapped where room is short, the others in ``folds`` always."""

    headers: list[str]
    rows: list[list[str]]
    folds: Mapping[str, int] = field(default_factory=dict)

    def without(self, header: str) -> Table:
        """The same table without that column."""
        keep = [place for place, each in enumerate(self.headers) if each != header]
        return Table([self.headers[k] for k in keep], [[row[k] for k in keep] for row in self.rows], self.folds)

    def folded(self, width: int) -> Table:
        """The same table with its first column wrapped at ``width``, and those in ``folds`` at theirs."""
        widths = [width, *(self.folds.get(header, WIDTH) for header in self.headers[1:])]
        return Table(self.headers, [[words.fold(*each) for each in zip(row, widths, strict=True)] for row in self.rows])


def tables(summary: Mapping[str, Any], style: Style = "terminal") -> str:
    """Every cell's table, the claims' table and the notes, as text."""
    parts = []
    for cell in summary["cells"]:
        parts.append(f"{_title(cell, style)}\n\n{draw(cell_table(cell), style)}")
        parts += _notes(((arm["name"], arm["note"]) for arm in cell["arms"]), style)
    if summary["claims"]:
        heading = f"Claims, tier '{summary['tier']}'"
        tested, untested = by_tested(summary["claims"])
        if tested:
            parts.append(f"{_strong(heading, style)}\n\n{draw(claims_table(tested), style)}")
        if untested:
            parts.append(_wrapped(escape(untested_line(untested, summary["tier"]), style), style))
        parts += _notes(((claim["name"], claim["note"]) for claim in tested), style)
    parts.append(_wrapped(escape(reading(summary), style), style))
    return "\n\n".join(parts) + "\n"


def cell_table(cell: Mapping[str, Any]) -> Table:
    """One row an arm: value, against the baseline in points and as a ratio, seeds, and the telling extra measures."""
    measure, digits, arms = cell["measure"], words.decimals(cell), cell["arms"]
    several = any(arm["n"] > 1 for arm in arms)
    name = words.noun(measure).split()[-1] + (" %" if words.is_percent(measure) else "")
    apart = "points more" if words.is_percent(measure) else "difference"
    extras = [key for key in EXTRAS if key != measure and any(key in arm["metrics"] for arm in arms)]
    failed = any(arm["failed"] for arm in arms)
    same = len({_seeds(arm) for arm in arms}) == 1
    headers = ["arm", name, *(["sd"] if several else []), apart, "times"]
    headers += ([] if same else ["seeds"]) + (["failed"] if failed else [])
    rows = []
    for arm in arms:
        row = [arm["name"], words.level(arm, measure, digits)]
        row += [words.value(arm["sd"], measure, digits)] if several else []
        if arm["name"] == cell["baseline"]:
            row += ["(baseline)", ""]
        else:
            row.append(words.gap(arm["difference"], arm["difference_interval"], measure, digits))
            row.append(words.times(arm["ratio"], arm["ratio_interval"]))
        row += ([] if same else [_seeds(arm)]) + ([str(arm["failed"] or "")] if failed else [])
        row += [words.value(arm["metrics"].get(key), key, digits) for key in extras]
        rows.append(row)
    return Table(headers + [EXTRAS[key] for key in extras], rows)


def claims_table(claims: Sequence[Mapping[str, Any]]) -> Table:
    """One row a claim: what was claimed, the verdict, the arms' own values, the estimate, p after Holm, seeds."""
    headers = ["claim", "verdict", "values", "estimate", "p (Holm)", "n"]
    rows = [
        [
            f"{claim['name']} {claim['text']}",
            claim["verdict"],
            words.claim_values(claim),
            words.claim_estimate(claim),
            words.p_value(claim["p_holm"]),
            str(claim["n"] or words.NOTHING),
        ]
        for claim in claims
    ]
    return Table(headers, rows, {"verdict": 18, "values": 19, "estimate": 18})


def overall_table(studies: Mapping[str, Mapping[str, Any]]) -> Table:
    """One row a claim of several published studies.

    Args:
        studies: entries of results.json files by their experiment, which is linked from the folder above theirs.
    """
    rows = []
    for name, study in studies.items():
        tested, _ = by_tested(study["summary"]["claims"])
        for place, row in enumerate(claims_table(tested).rows):
            about = [f"[{name}]({name}/README.md)", study["commit"][:7]] if not place else ["", ""]
            rows.append([about[0], *row, about[1]])
    headers = ["experiment", "claim", "verdict", "values", "effect and interval", "p (Holm)", "n", "commit"]
    return Table(headers, rows)


def by_tested(claims: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """The claims that this tier has runs for, and the others, which need no row each."""
    untested = [claim for claim in claims if claim["verdict"] == NOT_TESTED]
    return [claim for claim in claims if claim not in untested], untested


def untested_line(claims: Sequence[Mapping[str, Any]], tier: str) -> str:
    """The claims that this tier has no runs for, in one sentence."""
    named = (f"{claim['name']} ({claim['cell']})" if claim["cell"] else claim["name"] for claim in claims)
    return f"Not tested in tier '{tier}': " + ", ".join(named) + "."


def draw(table: Table, style: Style = "terminal") -> str:
    """A table as text; in the terminal at most 100 columns wide where its numbers allow it."""
    if style != "terminal":
        headers = [header.replace("-\n", "").replace("\n", " ") for header in table.headers]
        return _tabulate(Table(headers, table.rows), style)
    longest = max((len(row[0]) for row in table.rows), default=0)
    text = ""
    short = table.without("sd")
    folded = Table(short.headers, short.rows, {**short.folds, "points more": 16, "difference": 16, "times": 16})
    for narrowed, least in ((table, _NARROW), (short, _NARROWEST), (folded, _NARROWEST)):
        for width in range(max(min(longest, WIDTH), least), least - 1, -1):
            text = _tabulate(narrowed.folded(width), style)
            if max(map(len, text.splitlines())) <= WIDTH:
                return text
    return text


def reading(summary: Mapping[str, Any]) -> str:
    """How the numbers are to be read, in one sentence or two."""
    if summary["n_seeds"] <= 1:
        return "One seed: no intervals and no inference."
    seeds = words.seeds(summary["n_seeds"])
    if summary.get("unpaired"):
        return f"Intervals are 95 %, unpaired, by Welch's t over up to {seeds}; exploratory, nothing is tested."
    text = f"Intervals are 95 %, paired by seed, over up to {seeds}; failed runs count as the worst score."
    if not summary["claims"]:
        return f"{text} Exploratory: nothing is tested."
    if not summary["family"]:
        return f"{text} No claim was tested: every comparison is exploratory."
    return f"{text} Only claims are tested (Holm over {summary['family']}); all other comparisons are exploratory."


def _seeds(arm: Mapping[str, Any]) -> str:
    return f"{arm['n']} of {arm['n'] + arm['missing']}" if arm["missing"] else str(arm["n"])


def _title(cell: Mapping[str, Any], style: Style) -> str:
    return _strong(cell["name"], style) + escape(f": {words.heading(cell)}", style)


def _notes(notes: Any, style: Style) -> list[str]:
    lines = [_wrapped(escape(f"{name}: {note}", style), style) for name, note in notes if note]
    if style == "markdown":
        lines = [f"- {line}" for line in lines]
    return ["\n".join(lines)] if lines else []


def _tabulate(table: Table, style: Style) -> str:
    rows = table.rows
    if style == "markdown":
        rows = [[each.replace("|", "\\|") for each in row] for row in rows]
    align = ["left"] * len(table.headers) if rows else None
    return tabulate(rows, table.headers, tablefmt=_FORMATS[style], disable_numparse=True, colalign=align)


def _wrapped(text: str, style: Style) -> str:
    return words.fold(text, WIDTH) if style == "terminal" else text


def _strong(text: str, style: Style) -> str:
    if style == "markdown":
        return f"**{text}**"
    return f"\\textbf{{{escape(text, style)}}}" if style == "latex" else text


def escape(text: str, style: Style = "latex") -> str:
    """Text as it has to be written in a style: LaTeX's special characters escaped, else as it is."""
    if style != "latex":
        return text
    special = {
        "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
        "<": r"\ensuremath{<}", ">": r"\ensuremath{>}",
    }  # fmt: skip
    return "".join(special.get(each, f"\\{each}" if each in "%_&#${}" else each) for each in text)
