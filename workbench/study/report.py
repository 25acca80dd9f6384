"""The report of a study: one HTML file that needs no server and nothing from elsewhere."""

from __future__ import annotations

import datetime
import html
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.interpret.drawing import COLOURS, FAINT, INK
from workbench.record.files import write_bytes
from workbench.study import words
from workbench.study.figure import MOST_PANELS, figure, svg_text
from workbench.study.table import Table, by_tested, cell_table, claims_table, reading, untested_line

_TIERS = {"default": "", "smoke": " --smoke", "full": " --full"}

_CSS = """
:root { --ink: #1f2328; --faint: #59636e; --line: #d1d9e0; --page: #ffffff; --raised: #f6f8fa;
  --good: #1a7f37; --bad: #cf222e; --partly: #9a6700; --open: #59636e; --mark: #0072b2;
  color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --faint: #9198a1; --line: #3d444d; --page: #0d1117;
  --raised: #151b23; --good: #3fb950; --bad: #ff7b72; --partly: #d29922; --open: #9198a1;
  --mark: #56b4e9; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .4rem; }
h2 { font-size: 1.15rem; margin: 2.4rem 0 .6rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.6rem 0 .2rem; }
p { margin: .3rem 0 .7rem; }
.faint, figcaption, .notes { color: var(--faint); font-size: .87rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; white-space: pre-line; color: var(--faint); }
td.number { white-space: nowrap; }
td:first-child { overflow-wrap: anywhere; min-width: 8rem; }
tr.baseline td:first-child { font-weight: 600; }
code, pre { font: .85rem/1.5 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
pre { background: var(--raised); border: 1px solid var(--line); border-radius: 6px; padding: .7rem .9rem;
  white-space: pre-wrap; }
.badge { display: inline-block; border: 1px solid currentColor; border-radius: 1em; padding: 0 .7em; font-size: .85rem;
  font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); } .partly { color: var(--partly); }
.open { color: var(--open); } .found { color: var(--mark); }
.claim { border: 1px solid var(--line); border-radius: 8px; padding: .7rem 1rem; margin: .7rem 0; }
.claim p { margin: .25rem 0; }
figure { margin: 1rem 0; } figure svg { max-width: 100%; height: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; margin: 0; }
dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
"""


def render(study: Mapping[str, Any], summary: Mapping[str, Any], runs: Iterable[Mapping[str, Any]] = ()) -> str:
    """The page of a study.

    Args:
        study: the content of study.json.
        summary: of :func:`workbench.study.summary.summarise`.
        runs: the facts (run.json) of its runs, for pins, device and environment.
    """
    title = str(study.get("title") or study["experiment"])
    facts = [each for each in runs if each]
    sections = [
        f"<h1>{_text(title)}</h1>",
        f'<p class="faint">{_text(_subtitle(study, summary))}</p>',
        _claims(summary),
        "<h2>Figure</h2>",
        _figure(summary),
        "<h2>Results</h2>",
        *(_cell(cell) for cell in summary["cells"]),
        f'<p class="faint">{_text(reading(summary))}</p>',
        _arms(summary),
        _settings(study.get("settings") or []),
        "<h2>Where it comes from</h2>",
        _definitions(provenance(study, facts)),
        f"<h2>Run it again</h2><pre>{_text(reproduce(study))}</pre>",
    ]
    body = "\n".join(each for each in sections if each)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>{_CSS}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def write(
    path: Path, study: Mapping[str, Any], summary: Mapping[str, Any], runs: Iterable[Mapping[str, Any]] = ()
) -> Path:
    """Writes :func:`render` to ``path`` in one step and returns the path."""
    write_bytes(path, render(study, summary, runs).encode("utf-8"))
    return path


def reproduce(study: Mapping[str, Any]) -> str:
    """The commands that make the study again: where it is recorded, and, of a whole tier, from its commit elsewhere."""
    lines = [f"wb reproduce {shlex.quote(str(study['id']))}"]
    options = study.get("options") or {}
    if not any(options.get(name) for name in ("cells", "arms", "seeds", "only", "sets", "level")):
        commit = study.get("snapshot") or study.get("commit") or "COMMIT"
        name = str(study["experiment"]).rpartition("/")[2]
        flag = _TIERS.get(tier := str(study.get("tier", "default")), f" --tier {shlex.quote(tier)}")
        place = shlex.quote(f"experiments/{name}")
        lines.append(f"wb reproduce {str(commit)[:12]} {place}{flag}   # in any clone, once published")
    return "\n".join(lines)


def when(created: Any) -> str:
    """``2026-11-23 14:07 UTC`` of milliseconds since 1970, or an ISO time as it stands."""
    if not isinstance(created, int | float):
        return str(created or "")
    return datetime.datetime.fromtimestamp(created / 1000, datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def provenance(study: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """(name, value) of what is needed to believe the numbers: commit, pins, lock, device, tier."""
    pins = dict(study.get("pins") or {})
    for run in runs:
        pins.update(run.get("pins") or {})
    places = [
        place for each in (study, *runs) for place in (each, each.get("environment")) if isinstance(place, Mapping)
    ]

    def seen(key: str, inner: str = "") -> str:
        found = [place.get(key) for place in places]
        found = [each.get(inner) if isinstance(each, Mapping) else each for each in found]
        return ", ".join(sorted({str(each) for each in found if each not in (None, "")}))

    dirty = study.get("dirty")
    rows = [
        ("study", str(study["id"])),
        ("begun", when(study.get("created"))),
        ("tier", str(study.get("tier", ""))),
        ("commit", str(study.get("commit") or "") + (" with uncommitted changes" if dirty else "")),
        ("snapshot", str(study.get("snapshot") or "")),
        *((f"data {path}", f"md5 {md5}") for path, md5 in sorted(pins.items())),
        ("lock", seen("lock")),
        ("Python", seen("python")),
        ("torch", seen("torch", "version")),
        ("device", seen("device")),
        ("device class", seen("class")),
        ("processor", seen("cpu", "model")),
        ("GPU", seen("gpu", "name")),
        ("threads", seen("threads")),
        ("determinism", seen("level")),
        ("library", seen("library")),
    ]
    return [(name, value) for name, value in rows if value]


def _subtitle(study: Mapping[str, Any], summary: Mapping[str, Any]) -> str:
    runs, failed = 0, 0
    for cell in summary["cells"]:
        runs += sum(len(arm["points"]) for arm in cell["arms"])
        failed += sum(arm["failed"] for arm in cell["arms"])
    broken = f", {failed} failed" if failed else ""
    experiment, day = study["experiment"], when(study.get("created"))[:10]
    tier = f"tier '{summary['tier']}'{_less(study.get('options') or {})}"
    return f"{experiment}, {tier}, {words.seeds(summary['n_seeds'])}, {runs} runs{broken}, {day}"


def _less(options: Mapping[str, Any]) -> str:
    """What of the tier was asked for, or changed, on the command line."""
    asked = [f"only {kind} {', '.join(options[kind])}" for kind in ("cells", "arms") if options.get(kind)]
    asked += [f"with {path.replace('__', '.')}={value}" for path, value in (options.get("sets") or {}).items()]
    return f" ({'; '.join(asked)})" if asked else ""


def _claims(summary: Mapping[str, Any]) -> str:
    if not summary["claims"]:
        return '<p class="faint">No claims were registered: everything below is exploratory.</p>'
    tested, untested = by_tested(summary["claims"])
    parts = ["<h2>Claims</h2>"]
    for claim, (text, verdict, _, estimate, p, _) in zip(tested, claims_table(tested).rows, strict=True):
        tier = f"tier '{claim['tier']}', n = {claim['n']}"
        numbers = (
            f"{words.claim_means(claim)}; estimate {estimate}; p (Holm) {p}; {tier}"
            if claim["estimate"] is not None
            else tier
        )
        parts.append(
            f'<div class="claim"><p><span class="badge {_text(claim["status"])}">{_text(verdict)}</span> '
            f"{_text(text)}</p><p>{_text(numbers)}</p>"
            + "".join(f'<p class="faint">{_text(each)}</p>' for each in (claim["why"], claim["note"]) if each)
            + "</div>"
        )
    if untested:
        parts.append(f'<p class="faint">{_text(untested_line(untested, summary["tier"]))}</p>')
    return "\n".join(parts)


def _figure(summary: Mapping[str, Any]) -> str:
    svg = svg_text(figure(summary))
    # The figure takes the page's colours, so that it can be read in the dark.
    for colour, name in ((INK, "--ink"), (FAINT, "--faint"), (COLOURS[0], "--mark"), ("#ffffff", "--page")):
        svg = svg.replace(f"fill: {colour}", f"fill: var({name})").replace(f"stroke: {colour}", f"stroke: var({name})")
    left = len(summary["cells"]) - MOST_PANELS
    rest = f" {left} further cells are in the tables below." if left > 0 else ""
    several = "; the bar is the mean with its 95 % interval over seeds" if summary["n_seeds"] > 1 else ""
    caption = f"Every run is a dot{several}.{rest}"
    return f'<figure role="img" aria-label="{_text(caption)}">{svg}<figcaption>{_text(caption)}</figcaption></figure>'


def _cell(cell: Mapping[str, Any]) -> str:
    about = f"<p>{_text(cell['about'])}</p>" if cell.get("about") else ""
    notes = [f"{arm['name']}: {arm['note']}" for arm in cell["arms"] if arm["note"]]
    notes += [
        f"{arm['name']}: ratio by source {', '.join(words.three(each['ratio']) for each in arm['sources'])}"
        for arm in cell["arms"]
        if arm["sources"]
    ]
    lines = "".join(f"<br>{_text(note)}" for note in notes)
    table = _table(cell_table(cell), cell["baseline"])
    noted = f'<p class="notes">{lines[4:]}</p>' if notes else ""
    return f'<h3>{_text(cell["name"])}</h3><p class="faint">{_text(words.heading(cell))}</p>{about}{table}{noted}'


def _arms(summary: Mapping[str, Any]) -> str:
    said = {arm["name"]: arm["hypothesis"] for cell in summary["cells"] for arm in cell["arms"] if arm["hypothesis"]}
    return f"<h2>Arms</h2>{_definitions(said.items())}" if said else ""


def _settings(settings: Sequence[Mapping[str, Any]]) -> str:
    if not settings:
        return ""
    rows = [[str(each["name"]), _plain(each["value"]), str(each.get("why", ""))] for each in settings]
    return f"<h2>Settings</h2>{_table(Table(['setting', 'value', 'why'], rows))}"


def _table(table: Table, baseline: str = "") -> str:
    head = "".join(f'<th scope="col">{_text(each.replace("-" + chr(10), ""))}</th>' for each in table.headers)
    rows = []
    for row in table.rows:
        kind = ' class="baseline"' if baseline and row[0] == baseline else ""
        first, *rest = row
        shape = ' class="number"' if baseline else ""
        cells = "".join(f"<td{shape}>{_text(each)}</td>" for each in rest)
        rows.append(f"<tr{kind}><td>{_text(first)}</td>{cells}</tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _definitions(pairs: Iterable[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in pairs) + "</dl>"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _text(value: Any) -> str:
    return html.escape(str(value), quote=True)
