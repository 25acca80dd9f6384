"""Holding what is written against what is published: READMEs, papers, and the published results themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import RecordError, UsageError
from workbench.record.files import write_bytes
from workbench.record.git import Repository
from workbench.study import latex, marks, published, quantities, quoted, recreatable
from workbench.study.consistency import contradictions

_MACRO = re.compile(
    r"\\(?:(?:re)?newcommand\*?|providecommand\*?|def)\s*(?:\{\s*\\([A-Za-z]+)\s*\}|\\([A-Za-z]+))\s*(?:\[\w*\])?\s*\{"
)
_COMMENTED = re.compile(r"(?<!\\)%")


@dataclass(frozen=True)
class Finding:
    """Something that does not match: where (file:line), what it says, and what is published (or what is wrong)."""

    where: str
    says: str
    published: str


@dataclass
class Verified:
    """What was checked: how many numbers and words, in which files, what does not match, and what was rewritten."""

    checked: int = 0
    files: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    updated: list[Finding] = field(default_factory=list)

    def count(self, where: str, numbers: int = 1) -> None:
        """Notes that something in a file was checked."""
        self.checked += numbers
        self.files.add(where)


def verify(root: Path, paths: list[Path], *, update: bool = False) -> Verified:
    """Checks Markdown, LaTeX and results.json files.

    Args:
        root: the project.
        paths: files and folders; empty for all that git tracks or would track.
        update: write the published numbers over those that differ, each file in one step.

    Raises:
        UsageError: for a path that does not exist or is no file that numbers are looked for in.
    """
    files = _files(root, paths)
    found, renewed = _check(root, files)
    if not update or not renewed:
        return found
    for path, text in renewed.items():
        write_bytes(path, text.encode("utf-8", "surrogateescape"))
    left, _ = _check(root, files)
    left.updated = [each for each in found.findings if each not in left.findings]
    return left


def _check(root: Path, files: list[Path]) -> tuple[Verified, dict[Path, str]]:
    """What was found, and the new text of each file that an update would change."""
    result = Verified()
    contents = _contents(root, result)
    known, named = _known(contents, result)
    renewed = {}
    for path in files:
        where = _shown(root, path)
        if path.name == published.RESULTS:
            if path.parent.name in contents:
                _check_results(root, where, contents[path.parent.name], result)
            continue
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        if path.suffix == ".md":
            new = _markdown(where, text, known, result)
        else:
            new = _tex(where, text, contents, named, result)
        if new != text:
            renewed[path] = new
    return result, renewed


def _contents(root: Path, result: Verified) -> dict[str, dict[str, Any]]:
    """Every results.json of the project by its experiment; a damaged one is a finding."""
    found = {}
    for path in sorted(root.glob(f"experiments/*/{published.RESULTS}")):
        try:
            found[path.parent.name] = published.read(path)
        except RecordError as error:
            result.findings.append(Finding(_shown(root, path), "", f"{error.problem}. {error.hint}"))
    return found


def _known(
    contents: dict[str, dict[str, Any]], result: Verified
) -> tuple[dict[str, dict[str, dict[str, quantities.Quantity]]], dict[str, latex.Macro]]:
    """Every address and every macro; results in which a number is missing are a finding and are dropped."""
    known: dict[str, dict[str, dict[str, quantities.Quantity]]] = {}
    named: dict[str, latex.Macro] = {}
    for experiment, content in list(contents.items()):
        where = f"experiments/{experiment}/{published.RESULTS}"
        try:
            known[experiment] = {tier: quantities.addresses(study) for tier, study in content["studies"].items()}
            named |= latex.macros(content)
        except UsageError as error:
            result.findings.append(Finding(where, "", str(error)))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            result.findings.append(Finding(where, "", f"is damaged ({error!r}). Type: wb publish {experiment}"))
            del contents[experiment]
    return {**known, quantities.ALL: quantities.overall(contents)}, named


def _files(root: Path, paths: list[Path]) -> list[Path]:
    """The Markdown, LaTeX and results.json files among the paths, or of the whole project."""
    for path in paths:
        if not path.exists():
            raise UsageError("there is no such file or folder", where=str(path))
        if path.is_file() and path.suffix not in (".md", ".tex") and path.name != published.RESULTS:
            raise UsageError(f"wb verify reads .md, .tex and {published.RESULTS} files", where=str(path))
    patterns = ("*.md", "*.tex", f"experiments/*/{published.RESULTS}")
    words = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns)
    found = {root / name for name in Repository.find(root).ask(*words).split("\0") if name}
    if not paths:
        return sorted(path for path in found if path.is_file())
    wanted = [path.resolve() for path in paths]
    chosen = {path for path in wanted if path.is_file()}
    chosen |= {path for path in found if any(path.is_relative_to(each) for each in wanted) and path.is_file()}
    return sorted(chosen)


def _markdown(where: str, text: str, known: quantities.Known, result: Verified) -> str:
    """Checks a README's marks; returns the text with the published numbers."""
    new = text
    for mark in reversed(marks.marks_in(text)):
        place, says = f"{where}:{mark.line}", text[mark.start : mark.stop]
        result.count(where, 0)
        if mark.problem:
            result.findings.append(Finding(place, f"<!--wb {mark.address}-->" if mark.address else "", mark.problem))
            continue
        try:
            quantity = quantities.find(known, mark.experiment, mark.tier, mark.path)
        except UsageError as error:
            result.findings.append(Finding(place, says, str(error)))
            continue
        result.count(where, len(quantity.numbers) or 1)
        problem = quoted.complaint(says, quantity)
        if problem:
            more = "" if problem == "differs" else f" ({problem})"
            table = quantity.kind == "table"
            pair = quoted.first_change(says, quantity) if table else (says, f"{quoted.plain(quantity)}{more}")
            result.findings.append(Finding(place, *pair))
            new = new[: mark.start] + quoted.renewed(says, quantity) + new[mark.stop :]
    result.findings.sort(key=_by_place)
    return new


def _tex(
    where: str,
    text: str,
    contents: Mapping[str, Mapping[str, Any]],
    named: Mapping[str, latex.Macro],
    result: Verified,
) -> str:
    """Checks a LaTeX file: one of ours against what would be written now, another's for copies of our macros."""
    own = latex.ours(text)
    if own is None:
        return _copied(where, text, named, result)
    experiment, name = own
    if experiment not in contents:
        result.count(where)
        problem = f"no results of '{experiment}' are published. Type: wb publish {experiment} --latex"
        result.findings.append(Finding(f"{where}:1", "", problem))
        return text
    new = latex.render(contents[experiment], name)
    there, wanted = text.splitlines(), new.splitlines()
    result.count(where, sum(line.startswith(r"\newcommand") or line.endswith(r"\\") for line in wanted))
    for number in range(max(len(there), len(wanted))):
        says, now = (each[number] if number < len(each) else "" for each in (there, wanted))
        if says != now:
            result.findings.append(Finding(f"{where}:{number + 1}", says or "(nothing)", now or "(nothing)"))
    return text if there == wanted else new


def _copied(where: str, text: str, named: Mapping[str, latex.Macro], result: Verified) -> str:
    """Checks definitions of our macros that were copied into another file."""
    new = text
    for match in reversed(list(_MACRO.finditer(text))):
        macro = named.get(match[1] or match[2])
        before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        if macro is None or _COMMENTED.search(before):
            continue
        result.count(where, len(macro.quantity.numbers) or 1)
        start, stop = match.end(), _closing(text, match.end())
        says = text[start:stop]
        if says != macro.value and quoted.complaint(says, macro.quantity):
            line = text.count("\n", 0, start) + 1
            result.findings.append(Finding(f"{where}:{line}", f"\\{macro.name} {says}", macro.value))
            new = new[:start] + macro.value + new[stop:]
    result.findings.sort(key=_by_place)
    return new


def _closing(text: str, start: int) -> int:
    """Where the brace closes that was opened before ``start``; the text's end where it never does."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return place
    return len(text)


def _check_results(root: Path, where: str, content: Mapping[str, Any], result: Verified) -> None:
    """Each tier's commit must be there, and its summary must follow from its runs."""
    repository = Repository.find(root)
    for tier, study in content["studies"].items():
        result.count(where, 0)
        try:
            recreatable.require_commit(repository, study["commit"], f"{content['experiment']}, tier '{tier}'")
        except RecordError as error:
            result.findings.append(Finding(where, f"tier '{tier}': commit {study['commit'][:12]}", str(error)))
        for says, follows in contradictions(study, lambda numbers: result.count(where, numbers)):
            result.findings.append(Finding(where, f"tier '{tier}': {says}", f"from its runs: {follows}"))


def _by_place(finding: Finding) -> tuple[str, int]:
    file, _, line = finding.where.rpartition(":")
    return (file, int(line)) if line.isdigit() else (finding.where, 0)


def _shown(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
