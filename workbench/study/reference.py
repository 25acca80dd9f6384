"""What a reader means by a commit, a tag, a run or a study: which code, and which recorded result it is held to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.errors import RecordError, RecreateError, UsageError, nearest
from workbench.record.files import read_json
from workbench.record.git import Repository
from workbench.record.places import study_folders
from workbench.record.revisions import changes_of, file_at, find_commit, is_ancestor, unknown
from workbench.study import published
from workbench.study.recorded import RecordedRun, RecordedStudy, from_entry, from_home


@dataclass(frozen=True)
class Reference:
    """What was typed, resolved: the commit whose code is meant, and the study or its run that was named."""

    text: str
    commit: str
    study: RecordedStudy | None = None
    run: RecordedRun | None = None


def resolve(root: Path, home: Path, text: str) -> Reference:
    """The commit, study or run that ``text`` names.

    Tried in this order: a study's id, a run's id (ours, or MLflow's), what git knows by that name (a hash or its
    beginning, a branch, a tag, a ref under refs/wb), and the beginning of a study's or a run's id.

    Raises:
        UsageError: for a name that fits several.
        RecordError: for a name that fits nothing, with the likely reason.
        RecreateError: when the commit that a study or run was recorded at is not in this repository.
    """
    found = look_up(root, home, text)
    commit = find_commit(Repository.find(root), found.commit) if found.commit else None
    if commit is None:
        raise RecreateError(
            f"the commit of {text}, {found.commit[:12] or 'which was not recorded'}, is not in this repository",
            hint="Type: wb share --fetch, or git fetch --all",
        )
    return replace(found, commit=commit)


def look_up(root: Path, home: Path, text: str) -> Reference:
    """The same, also where a study's or run's commit is not in this repository: enough to compare records."""
    repository = Repository.find(root)
    named = _recorded(home, text, exactly=True)
    if named is None:
        commit = find_commit(repository, text)
        if commit is not None:
            return Reference(text, commit)
        named = _recorded(home, text, exactly=False) or _tracked(home, text)
    if named is None:
        raise unknown(repository, text)
    study, run = named
    return Reference(text, str(run.facts.get("snapshot") or study.commit) if run else study.commit, study, run)


@dataclass(frozen=True)
class Found:
    """A run, and the id of the study that it was named by or belongs to."""

    run: RecordedRun
    study: str


def find_run(root: Path, home: Path, name: str) -> Found:
    """The recorded run of that id, ours or MLflow's, or of its beginning; a study of a single run means that run.

    Raises:
        UsageError: for a name that is no run's.
    """
    try:
        reference = look_up(root, home, name)
    except RecordError as error:  # exit code 1 would say that it could not be done; what was typed is not valid
        raise UsageError(error.problem, where=error.where, hint=error.hint) from error
    study = reference.study
    run = reference.run
    if run is None and study is not None and len(study.own()) == 1:
        run = next(iter(study.own().values()))
    if run is not None and study is not None:
        return Found(run, str(study.facts["id"]))
    what = f"the study {study.facts['id']}" if study else f"the commit {reference.commit[:12]}"
    raise UsageError(f"'{name}' is {what}, not a run", hint="Type the id of one of its runs: wb list EXPERIMENT")


def against(root: Path, home: Path, reference: Reference, experiment: str, tier: str) -> RecordedStudy:
    """The recorded result that a re-run of the reference is held against.

    A study that was named is meant itself. Else, in this order: a study of this state folder at exactly that commit;
    a results.json anywhere in history that publishes that commit; the results.json in that commit, which is of an
    earlier one; the latest study of this state folder at a commit before it.

    Args:
        experiment: the folder's name under experiments/, "" to find the only one.
        tier: "" for the default tier where there is one, else the only one.

    Raises:
        UsageError: when several experiments or tiers would fit.
        RecreateError: when nothing is recorded or published, so that a re-run could not be judged.
    """
    if reference.study is not None:
        _agree(reference, experiment, tier)
        return reference.study
    repository = Repository.find(root)
    prefix = _prefix(root, repository)
    for candidates in (
        _at(home, reference.commit),
        _elsewhere(repository, reference.commit, prefix, experiment),
        _published(repository, reference.commit, prefix, [reference.commit]),
        _before(repository, home, reference.commit),
    ):
        fitting = [each for each in candidates if not experiment or each.experiment == experiment]
        fitting = [each for each in fitting if not tier or each.tier == tier]
        if fitting:
            return _the_one(fitting, experiment, tier)
    what = f"of {experiment}" if experiment else "of any experiment"
    of_tier = f", tier '{tier}'," if tier else ""
    raise RecreateError(
        f"no result {what}{of_tier} is recorded here or published for commit {reference.commit[:12]}",
        hint=_to_hold_against(repository, prefix, experiment, tier),
    )


def _to_hold_against(repository: Repository, prefix: str, experiment: str, tier: str) -> str:
    """The commits whose results are published now, by tier, and what to type for one; else where to look."""
    there: dict[str, str] = {}
    with contextlib.suppress(RecordError):  # of a damaged file nothing is offered
        for each in _published(repository, "", prefix, ["HEAD"]):
            if each.experiment == experiment:
                there[each.tier] = each.commit[:7]
    if not there:
        return f"To hold against: wb list, or git log -- experiments/{experiment or '*'}/results.json"
    name = tier if tier in there else next(iter(there))
    published_at = ", ".join(f"{each} at {commit}" for each, commit in there.items())
    return f"Published: {published_at}. Type: wb reproduce {there[name]} {experiment} --tier {name}"


def _agree(reference: Reference, experiment: str, tier: str) -> None:
    study = reference.study
    assert study is not None
    if experiment and study.experiment != experiment:
        raise UsageError(f"{reference.text} is of the experiment '{study.experiment}', not of '{experiment}'")
    if tier and study.tier != tier:
        raise UsageError(f"{reference.text} is of tier '{study.tier}', not '{tier}'")


def _the_one(studies: Sequence[RecordedStudy], experiment: str, tier: str) -> RecordedStudy:
    names = sorted({each.experiment for each in studies})
    if len(names) > 1:
        raise UsageError(f"that commit has results of {', '.join(names)}", hint="Name one: experiments/NAME")
    whole = [each for each in studies if not _partial(each)] or list(studies)
    tiers = list(dict.fromkeys(each.tier for each in whole))
    wanted = tier or ("default" if "default" in tiers else tiers[-1])
    if not tier and "default" not in tiers and len(tiers) > 1:
        raise UsageError(
            f"{names[0]} has results of the tiers {', '.join(tiers)} there", hint="Name one: --smoke, --full or --tier"
        )
    return next(each for each in reversed(whole) if each.tier == wanted)


def _partial(study: RecordedStudy) -> bool:
    """Whether less than the tier was asked for: a trial, which is not what a reader means by the result."""
    options = study.facts.get("options") or {}
    return any(options.get(name) for name in ("cells", "arms", "seeds", "only", "sets"))


def _studies(home: Path) -> Iterator[dict[str, Any]]:
    """Every finished study.json, the oldest first."""
    found = [read_json(folder / "study.json") for folder in study_folders(home) if (folder / "result.json").exists()]
    yield from sorted(found, key=lambda facts: int(facts.get("created") or 0))


def _at(home: Path, commit: str) -> list[RecordedStudy]:
    here = [facts for facts in _studies(home) if commit in (facts.get("snapshot"), facts.get("commit"))]
    clean = [facts for facts in here if facts.get("snapshot") in (commit, None, "")]
    return [from_home(home, facts["id"], "recorded here") for facts in clean]


def _before(repository: Repository, home: Path, commit: str) -> list[RecordedStudy]:
    found = []
    for facts in _studies(home):
        made = str(facts.get("snapshot") or "")
        if made and is_ancestor(repository, made, commit):
            found.append(from_home(home, facts["id"], f"recorded here at the earlier commit {made[:12]}"))
    return found


def _published(
    repository: Repository, commit: str, prefix: str, places: Sequence[str], only: str = ""
) -> list[RecordedStudy]:
    """What results.json files in some commits publish; with ``only``, of that commit's result alone."""
    found = []
    for place in places:
        listed = repository.attempt("ls-tree", "-r", "--name-only", "-z", place, "--", f"{prefix}experiments")
        for path in listed.split("\0"):
            if path.endswith("/results.json"):
                text = file_at(repository, place, path) or ""
                for entry in published.read(text, f"{path} at {place[:12]}")["studies"].values():
                    if not only or entry["commit"] == only:
                        same = "" if entry["commit"] == commit else f", recorded at {entry['commit'][:12]}"
                        found.append(from_entry(entry, f"published in {path} at {place[:12]}{same}"))
    return found


def _elsewhere(repository: Repository, commit: str, prefix: str, experiment: str) -> list[RecordedStudy]:
    """Published results that name the commit, in any commit that changed a results.json, the latest first."""
    path = f"{prefix}experiments/{experiment or '*'}/results.json"
    places = [each for each in changes_of(repository, path) if commit in repository.attempt("show", each, "--", path)]
    return _published(repository, commit, prefix, places[:1], only=commit)


def _recorded(home: Path, text: str, *, exactly: bool) -> tuple[RecordedStudy, RecordedRun | None] | None:
    """The study, or the run with its study, of that id in this state folder; the latest study that has the run."""
    if not exactly and len(text) < 4:
        return None
    found: dict[str, tuple[str, str]] = {}
    for folder in study_folders(home):
        facts = read_json(folder / "study.json")
        for name in (folder.name, *_mirrors(folder, "")):
            if name == text or (not exactly and name.startswith(text)):
                found[folder.name] = (folder.name, "")
        for run in facts["runs"]:
            for name in (run["id"], *_mirrors(folder, run["id"])):
                if name == text or (not exactly and name.startswith(text)):
                    found[run["id"]] = (folder.name, run["id"])
    if len(found) > 1:
        raise UsageError(f"'{text}' begins {len(found)} ids: {', '.join(found)}", hint="Type more of the one you mean")
    for study, run in found.values():
        whole = from_home(home, study, "recorded here")
        return whole, next((each for each in whole.runs if each.id == run), None)
    return None


def _mirrors(folder: Path, run: str) -> list[str]:
    """MLflow's ids of a study (``run`` "") or of one of its runs, in every tracker that it was sent to."""
    path = folder / "shipped.json"
    if not path.exists():
        return []
    ledgers = [ledger for ledger in read_json(path).values() if isinstance(ledger, dict)]
    entries = [ledger.get("runs", {}).get(run, {}) if run else ledger.get("study", {}) for ledger in ledgers]
    return [entry["mlflow_run_id"] for entry in entries if "mlflow_run_id" in entry]


def _tracked(home: Path, text: str) -> tuple[RecordedStudy, RecordedRun | None] | None:
    """A study or run that another state folder sent to the tracker, brought here with its record."""
    if len(text) != 32 or not all(letter in "0123456789abcdef" for letter in text):
        return None
    from workbench.record.fetching import fetch_study

    fetched = fetch_study(home, text)
    if fetched is None:
        return None
    place, study, run = fetched
    whole = from_home(place, study, "recorded in the tracker")
    return whole, next((each for each in whole.runs if each.id == run), None)


def _prefix(root: Path, repository: Repository) -> str:
    """Where the project lies below the repository's root, with a slash at the end; "" at the root itself."""
    below = root.resolve().relative_to(repository.root).as_posix()
    return "" if below == "." else below + "/"


def experiment_name(root: Path, repository: Repository, commit: str, typed: str) -> str:
    """The experiment that ``typed`` means at a commit; raises UsageError with the nearest when there is none."""
    if not typed:
        return ""
    name = Path(typed.removesuffix("/spec.py").rstrip("/")).name
    prefix = _prefix(root, repository)
    listed = repository.attempt("ls-tree", "-r", "--name-only", "-z", commit, "--", f"{prefix}experiments").split("\0")
    names = [path.split("/")[-2] for path in listed if path.endswith("/spec.py")]
    if name not in names:
        raise UsageError(f"there is no experiment '{name}' in commit {commit[:12]}{nearest(name, names)}")
    return name
