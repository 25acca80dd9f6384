"""What the kept studies need: their runs, the runs that those start from, and the commits that re-create them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from workbench.errors import RecordError, UsageError, nearest
from workbench.record import worktrees
from workbench.record.files import read_json
from workbench.record.git import Repository
from workbench.record.journal import read_state
from workbench.record.places import run_folder, run_folders, study_folders

_COMMIT = re.compile(r"\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b")


def kept_studies(home: Path, dropped: Iterable[str]) -> list[Path]:
    """The folders of all studies but the dropped ones.

    Raises:
        UsageError: for a dropped study that does not exist, or that somebody works on.
    """
    folders = {folder.name: folder for folder in study_folders(home)}
    for name in dropped:
        folder = folders.pop(name, None)
        if folder is None:
            raise UsageError(f"there is no study '{name}'{nearest(name, folders)}", hint="Type: wb list EXPERIMENT")
        if read_state(folder, kind="study") == "running":
            raise UsageError(f"study '{name}' is running", hint="Wait for it, or stop it")
    return list(folders.values())


def needed_runs(home: Path, studies: Iterable[Path]) -> set[str]:
    """The ids of the runs that studies list or had measured for their settings, and of all that these start from.

    A run that somebody works on is needed in any case.

    Raises:
        RecordError: for a record that cannot be read: what it needs is then unknown.
    """
    kept = list(studies)
    facts = {folder.name: read_json(folder / "run.json") for folder in run_folders(home)}
    names = {folder.name for folder in kept}
    needed = {str(run["id"]) for folder in kept for run in read_json(folder / "study.json").get("runs", ())}
    needed |= {run for run, known in facts.items() if known.get("study") in names}
    needed |= {run for run in facts if read_state(run_folder(home, run)) == "running"}
    more = needed
    while more:
        more = {str(run) for each in more for run in (facts.get(each, {}).get("sources") or {}).values()} - needed
        needed |= more
    return needed


def study_runs(home: Path) -> bool:
    """Whether somebody works on a study in a state folder."""
    return any(read_state(folder, kind="study") == "running" for folder in study_folders(home))


def is_alive(home: Path) -> bool:
    """The same, or on a single run: a worker may outlive its study."""
    return study_runs(home) or any(read_state(folder) == "running" for folder in run_folders(home))


def other_homes(root: Path, home: Path) -> list[Path]:
    """The state folders of reproductions, and of the other working trees of the repository, that exist."""
    places = [place / ".wb" for place in worktrees.present(Repository.find(root))]
    inner = [found for place in (home, *places) for found in place.glob("reproductions/*/home")]
    found = dict.fromkeys(place.resolve() for place in (*places, *inner) if place.is_dir())
    return [place for place in found if place != home.resolve()]


def named_commits(root: Path, home: Path, studies: Iterable[Path], runs: Iterable[str]) -> set[str]:
    """The commits that these studies and runs, all records of other state folders, and published results name.

    Published is what stands in an ``experiments/*/results.json``, in the working tree or in any branch or tag.

    Raises:
        RecordError: for a record that cannot be read.
    """
    own = [folder / "study.json" for folder in studies]
    own += [run_folder(home, run) / "run.json" for run in runs if (run_folder(home, run) / "run.json").exists()]
    for place in other_homes(root, home):
        own += [folder / "study.json" for folder in study_folders(place)]
        own += [folder / "run.json" for folder in run_folders(place)]
    own += home.glob("reproductions/*/reproduction.json")
    return {commit for path in own for commit in _of_record(read_json(path))} | set(_published(root))


def _of_record(facts: Mapping[str, Any]) -> Iterator[str]:
    for key in ("commit", "snapshot"):
        if facts.get(key):
            yield str(facts[key])


def _published(root: Path) -> Iterator[str]:
    for path in root.glob("experiments/*/results.json"):
        yield from _COMMIT.findall(path.read_text(errors="replace"))
    repository = Repository.find(root)
    form = "--format=%(objectname) %(objecttype) %(*objecttype)"
    lines = repository.ask("for-each-ref", form, "refs/heads", "refs/remotes", "refs/tags").splitlines()
    tips = {line.split()[0] for line in lines if "commit" in line.split()[1:]} | {repository.head}
    words = ("grep", "--no-color", "-h", "-o", "-E", "[0-9a-f]{40,64}")
    done = repository.run(*words, *sorted(tips), "--", ":(glob)**/experiments/*/results.json")
    if done.returncode > 1:  # 1: no such file, or no commit in it
        raise RecordError(f"git cannot search the published results ({done.stderr.decode(errors='replace').strip()})",
                          where=str(root))  # fmt: skip
    yield from _COMMIT.findall(done.stdout.decode(errors="replace"))
