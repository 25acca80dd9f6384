"""Whether a recorded study can be re-created by somebody who has its commit: what may not be published otherwise."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.data.sources import SOURCES
from workbench.errors import RecordError
from workbench.record import dvc
from workbench.record.environment import LOCK
from workbench.record.files import read_json
from workbench.record.git import Repository
from workbench.record.pins import md5_of
from workbench.record.places import run_folder, study_folder
from workbench.study.published import commit_of

BRANCHES = ("refs/heads", "refs/tags", "refs/remotes")
SNAPSHOTS = "refs/wb"


def require(root: Path, home: Path, study: Mapping[str, Any]) -> list[str]:
    """Refuses a study that nobody could re-create, and returns what has to be said of one that can be, a line each.

    Args:
        root: the project.
        home: the state folder.
        study: the content of its study.json.

    Raises:
        RecordError: for the first reason found: unfinished, stopped runs, code, lock or data that cannot be had.
    """
    repository = Repository.find(root)
    name, commit = str(study["id"]), commit_of(study)
    _require_finished(home, study)
    _require_runs(home, study)
    _require_all_files(study)
    require_commit(repository, commit, name)
    _require_lock(repository, commit, str(study.get("lock") or ""), name)
    _require_one_environment(home, study)
    _require_pins(root, study.get("pins") or {}, name)
    return _deviations(study) + _snapshot_alone(repository, study)


def progress(home: Path, study: Mapping[str, Any]) -> tuple[int, int]:
    """How many of a study's runs have ended, and how many it has; none of none before it has a plan."""
    ids = list(dict.fromkeys(run["id"] for run in study["runs"]))
    return sum((run_folder(home, each) / "result.json").exists() for each in ids), len(ids)


def finished(home: Path, study: Mapping[str, Any]) -> bool:
    """Whether a study was judged and none of its runs is missing."""
    done, planned = progress(home, study)
    return planned > 0 and done == planned and (study_folder(home, study["id"]) / "result.json").exists()


def whole(study: Mapping[str, Any]) -> bool:
    """Whether a study did its tier as the spec has it, and is not somebody's reproduction of another."""
    options = study.get("options") or {}
    less = ("cells", "arms", "seeds", "only", "sets", "level")
    return not any(options.get(each) for each in less) and not study.get("reproduces")


def reaching(repository: Repository, commit: str, places: Sequence[str] = (*BRANCHES, SNAPSHOTS)) -> str:
    """A ref (or "HEAD") below ``places`` from which a commit can be reached, "" where there is none."""
    found = repository.attempt("for-each-ref", "--count=1", "--format=%(refname)", f"--contains={commit}", *places)
    if not found and repository.attempt("merge-base", commit, "HEAD") == commit:
        return "HEAD"  # a detached one, as continuous integration has it
    return found


def require_commit(repository: Repository, commit: str, name: str) -> None:
    """Raises RecordError unless the commit is in the repository and a branch, a tag or a snapshot's ref reaches it."""
    if not repository.attempt("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}"):
        shallow = repository.attempt("rev-parse", "--is-shallow-repository") == "true"
        hint = "Type: git fetch --unshallow" if shallow else "Type: git fetch --all, or wb share --fetch"
        raise RecordError(f"its commit {commit[:12]} is not in this repository", where=name, hint=hint)
    if not reaching(repository, commit):
        raise RecordError(
            f"no branch, tag or {SNAPSHOTS} ref reaches its commit {commit[:12]}, so git may delete it",
            where=name,
            hint=f"Type: git tag cited-{commit[:8]} {commit}",
        )


def _require_finished(home: Path, study: Mapping[str, Any]) -> None:
    if not finished(home, study):
        done, planned = progress(home, study)
        tier = study["tier"]
        raise RecordError(
            f"is not finished ({done} of {planned} runs)" if done < planned else "was not judged yet",
            where=str(study["id"]),
            hint=f"Type: wb run {study['experiment']} --tier {tier}",
        )


def _require_runs(home: Path, study: Mapping[str, Any]) -> None:
    """A run that diverged is a result; one that stopped with an error says nothing of what was asked."""
    results = {run["id"]: (run, read_json(run_folder(home, run["id"]) / "result.json")) for run in study["runs"]}
    stopped = [
        (run, result)
        for run, result in results.values()
        if result["state"] == "failed" and result.get("kind") != "diverged"
    ]
    if stopped:
        run, result = stopped[0]
        label = f"{run['cell']} · {run['arm']} · seed {run['seeds']['subset']}"
        more = f", and {len(stopped) - 1} more" if len(stopped) > 1 else ""
        raise RecordError(
            f"a run stopped with an error: {label} ({result.get('why', '')}){more}",
            where=str(study["id"]),
            hint=f"Mend it, then type: wb run {study['experiment']} --tier {study['tier']}",
        )


def _require_one_environment(home: Path, study: Mapping[str, Any]) -> None:
    """A run that an earlier study recorded answers for this one, too; but then it must have run on the same."""
    for run in study["runs"]:
        facts = read_json(run_folder(home, run["id"]) / "run.json")
        for fact, what in (("lock", f"another {LOCK}"), ("class", "another reproduction class")):
            if facts.get(fact) and study.get(fact) and facts[fact] != study[fact]:
                label = f"{run['cell']} · {run['arm']} · seed {run['seeds']['subset']}"
                raise RecordError(
                    f"was recorded with {what} than the rest ({label})", where=f"run {run['id']}",
                    hint=f"To do it again, type: rm -r {run_folder(home, run['id'])} && wb run {study['experiment']} "
                    f"--tier {study['tier']}",
                )  # fmt: skip


def _require_all_files(study: Mapping[str, Any]) -> None:
    left_out = study.get("left_out") or {}
    if left_out:
        names = ", ".join(f"{path} ({why})" for path, why in sorted(left_out.items()))
        raise RecordError(
            f"its tree cannot be re-created: the snapshot was made without {names}",
            where=str(study["id"]),
            hint="Commit these files, pin them (wb data pin) or let git ignore them, and run again",
        )


def _require_lock(repository: Repository, commit: str, lock: str, name: str) -> None:
    hint = f"Commit {LOCK} as it is installed (CONTRIBUTING.md says how to lock), and run again"
    if not lock:
        raise RecordError(f"ran without {LOCK}: nobody can install what it ran with", where=name, hint=hint)
    text = repository.attempt("show", f"{commit}:{LOCK}")
    if not text:
        raise RecordError(f"its commit {commit[:12]} holds no {LOCK}", where=name, hint=hint)
    # git's answer comes without the file's last line break
    if lock not in {_sha256(text), _sha256(f"{text}\n")}:
        raise RecordError(f"the {LOCK} of its commit {commit[:12]} is not the one it ran with", where=name, hint=hint)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _require_pins(root: Path, pins: Mapping[str, str], name: str) -> None:
    for path, md5 in pins.items():
        # asked in the order of what it costs: DVC takes a second to load
        here = (root / path).is_file() and md5_of(root, path) == md5
        if here or path in SOURCES or ((root / ".dvc").is_dir() and dvc.cached(root, md5)):
            continue
        raise RecordError(
            f"its data {path} (md5 {md5[:8]}) is neither here nor in DVC's cache, and no source is known for it",
            where=name,
            hint=f"Put that file there and type: wb data pin {path}",
        )


def _deviations(study: Mapping[str, Any]) -> list[str]:
    found = study["environment"].get("deviations") or {}
    if not found:
        return []
    shown = [f"{name} {there or 'not installed'} (locked: {locked})" for name, (locked, there) in found.items()]
    more = f", and {len(shown) - 4} more" if len(shown) > 4 else ""
    return [f"ATTENTION: it ran with other packages than {LOCK} names: {', '.join(shown[:4])}{more}"]


def _snapshot_alone(repository: Repository, study: Mapping[str, Any]) -> list[str]:
    commit = commit_of(study)
    if reaching(repository, commit, BRANCHES):
        return []
    what = "is the snapshot of a tree with uncommitted changes" if study.get("dirty") else "is on no branch any more"
    return [f"its commit {commit[:12]} {what}; others get it by: wb share"]
