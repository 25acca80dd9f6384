"""The present tree of a repository as a commit that a ref of its own keeps, whatever becomes of branches and files."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from workbench.errors import RecordError
from workbench.record.git import Change, Repository

MAX_FILE = 10 * 2**20
MAX_TOTAL = 100 * 2**20
SECRETS = (
    ".env", ".env.*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*",
    "*secret*", "*token*", "credentials*", ".netrc", ".pypirc", ".npmrc", "*password*", "kubeconfig*",
)  # fmt: skip
SECRET_FOLDERS = frozenset({"secrets", ".secrets", ".ssh", ".aws", ".gnupg", ".kube", "credentials"})
MESSAGE = "Snapshot of a working tree by workbench"
AUTHOR = "workbench@localhost"
_SOURCE = (".py", ".pyi", ".md", ".rst", ".ipynb")
_IDENTITY = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in {"NAME": "workbench", "EMAIL": AUTHOR}.items()
}
_LOCK_MILLISECONDS = 1000
_NESTED = "a git repository of its own"


@dataclass(frozen=True)
class Snapshot:
    """The commit that re-creates a tree, HEAD for a clean one.

    ``ref`` is the ref that keeps it. ``left_out`` maps what is not in it to the reason; the tree has then to be
    re-created without that.
    """

    commit: str
    ref: str = ""
    left_out: dict[str, str] = field(default_factory=dict)


def take(repository: Repository, name: str) -> Snapshot:
    """The commit that re-creates the present tree, kept as ``refs/wb/<name>-<first 8 digits of the commit>``.

    HEAD when the tree is clean. Otherwise a child of HEAD, made with an index of its own: the user's index, branches
    and files stay as they are even when this is killed. Author and date are fixed, so that equal trees on the same HEAD
    give the same commit. Changed files that look like secrets, that are bigger than 10 MB, or that would take the whole
    over 100 MB are left as HEAD has them, and reported, as is what git cannot take. A submodule is recorded as the
    commit that is checked out in it; what nobody else can get of it is reported.

    A ref never moves, so that two studies of one name from different trees both stay re-creatable; it holds a clean
    HEAD too, which may be amended or rebased away.

    Raises:
        RecordError: when git cannot write.
    """
    changes = repository.changes()
    head = commit = repository.head
    left_out: dict[str, str] = {}
    if changes or (repository.root / ".gitmodules").exists():
        add, gone, left_out = choose(repository.root, changes)
        with _own_index() as own:
            repository.ask("read-tree", "HEAD", env=own)
            _remove(repository, gone, own, null="0" * len(head))
            left_out |= _add(repository, add, own)
            taken = _listed(repository, own)
            ignored = [path for path in add if path not in taken and os.path.lexists(repository.root / path)]
            left_out |= {path: "git takes no such name" for path in ignored if path not in left_out}
            left_out |= _submodules(repository.root, changes, taken)
            tree = repository.ask("write-tree", env=own)
        if tree != repository.ask("rev-parse", "HEAD^{tree}"):
            commit = _commit(repository, tree)
    shown = {
        path.encode(errors="surrogateescape").decode(errors="backslashreplace"): why for path, why in left_out.items()
    }
    return Snapshot(commit, keep(repository, name, commit), dict(sorted(shown.items())))


def choose(root: Path, changes: Sequence[Change]) -> tuple[list[str], list[str], dict[str, str]]:
    """Of the changes, the paths that a snapshot takes, those that are gone, and the others with the reason."""
    take: list[str] = []
    gone: list[str] = []
    left_out: dict[str, str] = {}
    total = 0
    for change in sorted(changes, key=lambda each: each.path):
        path, mode, size = change.path, *_look(root, change.path)
        if path.endswith("/"):
            left_out[path] = _NESTED
        elif not mode or (stat.S_ISDIR(mode) and not change.submodule):
            gone.append(path)  # where a folder stands now, its files are changes of their own
            if mode and (root / path / ".git").exists():
                left_out[f"{path}/"] = _NESTED
        elif stat.S_ISDIR(mode):
            take.append(path)
        elif not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            left_out[path] = "neither a file nor a link"
        elif looks_secret(path):
            left_out[path] = "its name looks like a secret"
        elif size > MAX_FILE:
            left_out[path] = f"{size / 2**20:.0f} MB, more than {MAX_FILE >> 20} MB"
        elif total + size > MAX_TOTAL:
            left_out[path] = f"all changed files together take more than {MAX_TOTAL >> 20} MB"
        else:
            total += size
            take.append(path)
    return take, gone, left_out


def looks_secret(path: str) -> bool:
    """Whether a path looks like a key, token or password file, or lies in a folder of such; source code never does."""
    *folders, last = path.rstrip("/").lower().split("/")
    if last.endswith(_SOURCE):
        return False
    name = last.replace("tokeniz", "")  # tokenizer.json belongs to a language model
    return not SECRET_FOLDERS.isdisjoint(folders) or any(fnmatch.fnmatchcase(name, pattern) for pattern in SECRETS)


def keep(repository: Repository, name: str, commit: str) -> str:
    """The ref below refs/wb that holds ``commit`` for ``name`` from now on; made when it is not there yet.

    Raises:
        RecordError: when git refuses every spelling of it.
    """
    plain = re.sub(r"\.{2,}", ".", re.sub(r"[^\w.-]+", "-", name)).strip(".-") or "tree"
    reason: RecordError | None = None
    for digits in (8, 16, len(commit)):  # another commit that begins alike, or a broken ref, may be in the way
        ref = f"refs/wb/{plain}-{commit[:digits]}"
        for _ in range(2):
            if _holds(repository, ref, commit):
                return ref
            try:
                waits = ("-c", f"core.filesRefLockTimeout={_LOCK_MILLISECONDS}")
                repository.ask(*waits, "update-ref", ref, commit, "0" * len(commit))
                return ref
            except RecordError as error:
                reason = error
            if _holds(repository, ref, commit):  # somebody else made it at the same moment
                return ref
            if ".lock'" not in str(reason) or not _unlock(repository, ref):
                break
    assert reason is not None
    raise reason


def _holds(repository: Repository, ref: str, commit: str) -> bool:
    return repository.attempt("rev-parse", "--verify", "--quiet", ref) == commit


def _unlock(repository: Repository, ref: str) -> bool:
    """Removes the lock that a killed process left on a ref of ours; it has been waited for by now.

    Should its owner live after all: it writes the same commit, because the ref's name has the commit in it.
    """
    lock = repository.root / repository.ask("rev-parse", "--git-path", f"{ref}.lock")
    if not lock.is_file():
        return False
    lock.unlink(missing_ok=True)
    return True


@contextmanager
def _own_index() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="wb-index-") as place:
        yield {"GIT_INDEX_FILE": str(Path(place) / "index")}


def _look(root: Path, path: str) -> tuple[int, int]:
    """Mode and size of what stands there, 0 and 0 for nothing, also behind a link in the place of its folder."""
    place = root / path.rstrip("/")
    if os.path.realpath(place.parent) != str(place.parent):
        return 0, 0
    try:
        found = place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return 0, 0
    return found.st_mode, found.st_size


def _remove(repository: Repository, paths: Sequence[str], own: dict[str, str], null: str) -> None:
    if paths:
        lines = b"".join(b"0 %s\t%s\0" % (null.encode(), os.fsencode(path)) for path in paths)
        repository.ask("update-index", "-z", "--index-info", env=own, stdin=lines)


def _add(repository: Repository, paths: Sequence[str], own: dict[str, str]) -> dict[str, str]:
    """Puts files into the index, filters and modes as ``git add`` has them; those that git refuses, with the reason."""
    if not paths:
        return {}
    try:
        names = b"".join(os.fsencode(path) + b"\0" for path in paths)
        words = ("update-index", "--add", "--remove", "--replace", "-z", "--stdin")
        repository.ask(*words, env=own, stdin=names)
    except RecordError as error:
        if len(paths) == 1:
            return {paths[0]: f"git cannot take it: {error.problem}"}
        half = len(paths) // 2  # which of them it is, git says only in words
        return _add(repository, paths[:half], own) | _add(repository, paths[half:], own)
    return {}


def _listed(repository: Repository, own: dict[str, str]) -> dict[str, list[str]]:
    """``{path: [mode, id, stage]}`` of an index."""
    entries = (entry.partition("\t") for entry in repository.ask("ls-files", "-s", "-z", env=own).split("\0"))
    return {path: facts.split() for facts, _, path in entries if path}


def _submodules(root: Path, changes: Sequence[Change], taken: Mapping[str, list[str]]) -> dict[str, str]:
    """Of the submodules that are checked out, those that nobody can have like this elsewhere, with the reason."""
    said = {change.path: change.submodule for change in changes if change.submodule}
    found = {}
    for path, (mode, commit, _) in taken.items():
        if mode != "160000" or not (root / path / ".git").exists():
            continue
        reasons = []
        if set(said.get(path, "")) & {"M", "U"}:
            reasons.append("a submodule with changes that are in no commit of its own")
        if not _was_fetched(Repository(root / path), commit):
            reasons.append(f"a submodule whose commit {commit[:8]} is on no branch of its remotes")
        if reasons:
            found[path] = "; ".join(reasons)
    return found


def _was_fetched(repository: Repository, commit: str) -> bool:
    """Whether a remote had the commit: on a branch, under a tag, or fetched by itself as for a shallow submodule."""
    found = repository.attempt("for-each-ref", "--count=1", "--contains", commit, "refs/remotes", "refs/tags")
    return bool(found) or repository.attempt("rev-parse", "--verify", "--quiet", "FETCH_HEAD") == commit


def _commit(repository: Repository, tree: str) -> str:
    date = f"{repository.ask('show', '-s', '--format=%ct', 'HEAD')} +0000"
    dated = _IDENTITY | {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    plain = ("-c", "i18n.commitEncoding=UTF-8")  # another one would stand in the commit and change its hash
    return repository.ask(*plain, "commit-tree", "--no-gpg-sign", tree, "-p", "HEAD", "-m", MESSAGE, env=dated)
