"""A git repository as the record sees it: what is checked out, what was changed, and a way to ask git anything else.

GitPython finds the repository and reads what is checked out. Anything else asks the ``git`` command itself, because
GitPython's own way of calling it cannot take variables out of the environment, and the user's set-up must not lead it
astray: no hooks, no signing, no variables that a hook or ``git rebase --exec`` left there.

The only place that imports GitPython, and only when a repository is opened.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from workbench.errors import RecordError

if TYPE_CHECKING:
    import git

    from workbench.record.snapshots import Snapshot

# What git sets for its hooks, or what changes the meaning of a path: another repository would answer.
_MISLEADING = frozenset({
    "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH", "GIT_NAMESPACE", "GIT_IMPLICIT_WORK_TREE",
    "GIT_INTERNAL_SUPER_PREFIX", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_ATTR_SOURCE", "GIT_EXTERNAL_DIFF",
    "GIT_DIFF_OPTS", "GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS",
})  # fmt: skip
# A file system monitor may be a program of the user's; submodules are looked at one by one, never walked into; an index
# of our own in two parts would leave one of them in the user's .git; `git diff` writes the user's index anew when files
# have only other times, whatever GIT_OPTIONAL_LOCKS says.
_CONFIG = (
    "core.fsmonitor=false", "submodule.recurse=false", "log.showSignature=false", "core.safecrlf=false",
    "core.splitIndex=false", "index.sparse=false", "diff.autoRefreshIndex=false",
)  # fmt: skip
_NO_HOOKS = f"core.hooksPath={os.devnull}"


@dataclass(frozen=True)
class Change:
    """A file that differs from HEAD. ``submodule`` is "" or what git says of one, e.g. ``"SC.U"``.

    In this text C stands for another commit, M for edited and U for untracked files in it.
    """

    path: str
    submodule: str = ""


class Repository:
    """A git repository with at least one commit. Paths are relative to ``root``, with forward slashes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @functools.cached_property
    def _repo(self) -> git.Repo:
        import git

        return git.Repo(self.root)

    @classmethod
    def find(cls, path: Path) -> Self:
        """The repository (or linked worktree) that ``path`` lies in.

        Raises:
            RecordError: when there is none, it has no commit yet, or git itself is missing.
        """
        hint = "Type: git init && git add -A && git commit -m start"
        try:
            import git
        except ImportError as error:  # GitPython raises it when there is no git executable
            raise RecordError("there is no git command", hint="Install git, e.g. apt install git") from error
        try:
            repo = git.Repo(path, search_parent_directories=True)
        except (git.InvalidGitRepositoryError, git.NoSuchPathError):
            raise RecordError("not a git repository", where=str(path), hint=hint) from None
        if repo.working_tree_dir is None:
            raise RecordError("a bare git repository has no files to run", where=str(path))
        found = cls(Path(repo.working_tree_dir).resolve())
        done = found.run("rev-parse", "--show-toplevel")
        if done.returncode:
            raise RecordError(f"git refuses this repository ({_words(done.stderr)})", where=str(path))
        if not found.attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}"):
            hint = "Type: git add -A && git commit -m start"
            raise RecordError("the git repository has no commit yet", where=str(found.root), hint=hint)
        return found

    @property
    def head(self) -> str:
        """The commit that is checked out, 40 hexadecimal digits."""
        return str(self._repo.head.commit.hexsha)

    @property
    def short(self) -> str:
        """The shortest unambiguous form of :attr:`head`."""
        return self.ask("rev-parse", "--short", "HEAD")

    @property
    def branch(self) -> str:
        """The branch that is checked out, "" for a detached HEAD."""
        return "" if self._repo.head.is_detached else str(self._repo.active_branch.name)

    @property
    def url(self) -> str:
        """The address of the remote ``origin`` (else of the first remote) without credentials, "" without remotes."""
        remotes = {remote.name: remote for remote in self._repo.remotes}
        if not remotes:
            return ""
        return without_credentials(next(iter(remotes.get("origin", next(iter(remotes.values()))).urls)))

    def dirty_files(self) -> list[str]:
        """Files that differ from HEAD: edited, staged, deleted, and untracked ones that git does not ignore."""
        return sorted({change.path for change in self.changes()})

    def changes(self) -> list[Change]:
        """The same with what git says of submodules; a nested repository ends with a slash.

        Edits that were hidden from ``git status`` (assume-unchanged, skip-worktree) are among them.
        """
        words = ("--untracked-files=all", "--no-renames", "--ignore-submodules=none")
        found = {}
        for entry in self.ask("status", "--porcelain=v2", "-z", *words).split("\0"):
            if entry[:2] == "? ":
                found[entry[2:]] = Change(entry[2:])
            elif entry[:1] in ("1", "u"):  # "1 XY SUB ...", "u XY SUB ...": 8 and 10 fields before the path
                fields = entry.split(" ", 8 if entry[0] == "1" else 10)
                found[fields[-1]] = Change(fields[-1], fields[2] if fields[2][0] == "S" else "")
        return [*found.values(), *(Change(path) for path in self._hidden() if path not in found)]

    def _hidden(self) -> list[str]:
        """Tracked files that differ though git was told not to look; what a sparse checkout left away is no change."""
        marked = {}
        for entry in self.ask("ls-files", "-s", "-v", "-z").split("\0"):
            if entry and (entry[0].islower() or entry[0] == "S"):
                facts, _, path = entry.partition("\t")
                tag, mode, known, _ = facts.split()
                if os.path.lexists(self.root / path) or tag.upper() != "S":
                    marked[path] = known if mode.startswith("100") else ""
        now = self._contents(list(marked))
        return [path for path, known in marked.items() if known and now.get(path) != known]

    def _contents(self, paths: list[str]) -> dict[str, str]:
        """The ids that git would give to the contents of files; what is no plain file has none."""
        places = {path: self.root / path for path in paths if "\n" not in path}
        plain = [path for path, place in places.items() if place.is_file() and not place.is_symlink()]
        done = self.run("hash-object", "--stdin-paths", stdin=b"".join(os.fsencode(path) + b"\n" for path in plain))
        return dict(zip(plain, done.stdout.decode().split(), strict=False))  # it stops at a file that it cannot read

    def diff(self) -> str:
        """The patch from HEAD to the working tree, of tracked files; binary ones are only named."""
        patch = self.ask("diff", "--no-color", "--no-ext-diff", "--no-textconv", "--submodule=short", "HEAD")
        return patch.encode(errors="surrogateescape").decode(errors="replace")  # other encodings than UTF-8

    def diff_stat(self) -> str:
        """E.g. ``"3 files changed, 10 insertions(+)"``, with the number of untracked files; "" for a clean tree."""
        tracked = self.ask("diff", "--shortstat", "--no-ext-diff", "HEAD").strip()
        untracked = len(self.ask("ls-files", "-z", "--others", "--exclude-standard").split("\0")) - 1
        return ", ".join([*([tracked] if tracked else []), *([f"{untracked} untracked"] if untracked > 0 else [])])

    def facts(self) -> dict[str, Any]:
        """What a record says about the code: commit, branch, url, dirty, diff_stat."""
        stat = self.diff_stat()
        dirty = bool(stat or self.dirty_files())
        return {"commit": self.head, "branch": self.branch, "url": self.url, "dirty": dirty, "diff_stat": stat}

    def commit(self, name: str) -> str:
        """The full id of a commit, branch, tag or ref.

        Raises:
            RecordError: when there is none of that name.
        """
        found = self.attempt("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if not found:
            raise RecordError(f"git knows no commit '{name}'", where=str(self.root), hint="Type: git log --oneline")
        return found

    def snapshot(self, name: str) -> Snapshot:
        """The commit that re-creates the present tree, untracked files included, and the ref that keeps it.

        See :func:`workbench.record.snapshots.take`.
        """
        from workbench.record.snapshots import take

        return take(self, name)

    def ask(self, *words: str, env: dict[str, str] | None = None, stdin: bytes = b"") -> str:
        """What ``git WORDS`` prints in this repository, without its last line break; it never refreshes the index.

        Raises:
            RecordError: when git fails, with what it says.
        """
        done = self.run(*words, env=env, stdin=stdin)
        if done.returncode:
            raise RecordError(f"git {_subcommand(words)} failed ({_words(done.stderr)})", where=str(self.root))
        return os.fsdecode(done.stdout).removesuffix("\n")

    def attempt(self, *words: str) -> str:
        """What a git command prints, "" when it fails."""
        try:
            return self.ask(*words)
        except RecordError:
            return ""

    def run(
        self, *words: str, env: dict[str, str] | None = None, stdin: bytes = b"", hooks: bool = False
    ) -> subprocess.CompletedProcess[bytes]:
        """``git WORDS`` in this repository, however it ends, with ``env`` set; ``hooks`` lets the user's own run."""
        config = [part for each in (*_CONFIG, *([] if hooks else [_NO_HOOKS])) for part in ("-c", each)]
        kept = {name: value for name, value in os.environ.items() if name not in _MISLEADING}
        # `git status` would otherwise refresh the user's index; what git says is compared with English words.
        own = {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "LANGUAGE": "C"}
        try:
            return subprocess.run(
                ["git", *config, *words], cwd=self.root, env=kept | own | (env or {}), input=stdin, capture_output=True
            )
        except FileNotFoundError as error:
            if not self.root.is_dir():
                raise RecordError("the folder is gone", where=str(self.root)) from error
            raise RecordError("there is no git command", hint="Install git, e.g. apt install git") from error


def without_credentials(text: str) -> str:
    """A text without the names and passwords in its addresses."""
    return re.sub(r"(\w[\w+.-]*://)[^/@\s]*@", r"\1", text)


def _words(stderr: bytes) -> str:
    return without_credentials(" ".join(stderr.decode(errors="replace").split()))


def _subcommand(words: tuple[str, ...]) -> str:
    """The first word that is no option of git itself."""
    left = list(words)
    while left and left[0] in ("-c", "-C"):
        del left[:2]
    return left[0] if left else ""
