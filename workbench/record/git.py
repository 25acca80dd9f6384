"""Which code ran: the commit, and for a dirty tree a snapshot commit that touches neither branch, index nor files.

The only place that imports GitPython, and only when a repository is opened.
"""

from __future__ import annotations

import fnmatch
import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from workbench.errors import RecordError

if TYPE_CHECKING:
    import git

MAX_FILE = 10 * 2**20
MAX_TOTAL = 100 * 2**20
SECRETS = (
    ".env", ".env.*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*",
    "*secret*", "*token*", "credentials*", ".netrc", ".pypirc", ".npmrc", "*password*", "kubeconfig*",
)  # fmt: skip
_SOURCE = (".py", ".pyi", ".md", ".rst", ".ipynb")
_IDENTITY = {
    "GIT_AUTHOR_NAME": "workbench",
    "GIT_AUTHOR_EMAIL": "workbench@localhost",
    "GIT_COMMITTER_NAME": "workbench",
    "GIT_COMMITTER_EMAIL": "workbench@localhost",
}


@dataclass(frozen=True)
class Snapshot:
    """The commit that re-creates a tree.

    ``ref`` is the ref that keeps it, "" when the commit is HEAD. ``left_out`` maps changed files that are not in it
    to the reason; the tree has then to be re-created without them.
    """

    commit: str
    ref: str = ""
    left_out: dict[str, str] = field(default_factory=dict)


class Repository:
    """A git repository with at least one commit. Paths are relative to ``root``, with forward slashes."""

    def __init__(self, repo: git.Repo, root: Path) -> None:
        self._repo = repo
        self.root = root

    @classmethod
    def find(cls, path: Path) -> Self:
        """The repository (or linked worktree) that ``path`` lies in.

        Raises:
            RecordError: when there is none, it has no commit yet, or git itself is missing.
        """
        try:
            import git
        except ImportError as error:  # GitPython raises it when there is no git executable
            raise RecordError("there is no git command", hint="Install git, e.g. apt install git") from error
        try:
            repo = git.Repo(path, search_parent_directories=True)
        except (git.InvalidGitRepositoryError, git.NoSuchPathError):
            hint = "Type: git init && git add -A && git commit -m start"
            raise RecordError("not a git repository", where=str(path), hint=hint) from None
        if repo.working_tree_dir is None:
            raise RecordError("a bare git repository has no files to run", where=str(path))
        found = cls(repo, Path(repo.working_tree_dir).resolve())
        if not found.attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}"):
            hint = "Type: git add -A && git commit -m start"
            raise RecordError("the git repository has no commit yet", where=str(found.root), hint=hint)
        return found

    @property
    def head(self) -> str:
        """The commit that is checked out, 40 hexadecimal digits."""
        return self.ask("rev-parse", "HEAD")

    @property
    def short(self) -> str:
        """The shortest unambiguous form of :attr:`head`."""
        return self.ask("rev-parse", "--short", "HEAD")

    @property
    def branch(self) -> str:
        """The branch that is checked out, "" for a detached HEAD."""
        return self.attempt("symbolic-ref", "--quiet", "--short", "HEAD")

    @property
    def url(self) -> str:
        """The address of the remote ``origin`` (else of the first remote) without credentials, "" without remotes."""
        names = self.ask("remote").split()
        if not names:
            return ""
        address = self.attempt("remote", "get-url", "origin" if "origin" in names else names[0])
        return re.sub(r"^(\w[\w+.-]*://)[^/@]*@", r"\1", address)

    def dirty_files(self) -> list[str]:
        """Files that differ from HEAD: edited, staged, deleted, and untracked ones that git does not ignore."""
        fields = self.ask("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames").split("\0")
        return sorted({field[3:] for field in fields if field})

    def diff(self) -> str:
        """The patch from HEAD to the working tree, of tracked files; binary ones are only named."""
        return self.ask("diff", "--no-color", "--no-ext-diff", "HEAD")

    def diff_stat(self) -> str:
        """E.g. ``"3 files changed, 10 insertions(+)"``, with the number of untracked files; "" for a clean tree."""
        tracked = self.ask("diff", "--shortstat", "HEAD").strip()
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
        """The commit that re-creates the present tree, untracked files included, kept as ``refs/wb/<name>``.

        HEAD when the tree is clean. Otherwise a child of HEAD, made with an index of its own: the user's index,
        branches and files stay as they are even when this is killed. Author and date are fixed, so that equal trees on
        the same HEAD give the same commit. Changed files that look like secrets, that are bigger than 10 MB, or that
        would take the whole over 100 MB are left as HEAD has them, and reported.
        """
        changed = self.dirty_files()
        if not changed:
            return Snapshot(self.head)
        take, left_out = self.choose(changed)
        if not take:
            return Snapshot(self.head, left_out=left_out)
        with tempfile.TemporaryDirectory(prefix="wb-index-") as place:
            own = {"GIT_INDEX_FILE": str(Path(place) / "index")}
            self.ask("read-tree", "HEAD", env=own)
            names = Path(place) / "names"
            names.write_bytes(b"".join(os.fsencode(path) + b"\0" for path in take))
            literal = own | {"GIT_LITERAL_PATHSPECS": "1"}
            self.ask("add", "-A", "--force", f"--pathspec-from-file={names}", "--pathspec-file-nul", env=literal)
            tree = self.ask("write-tree", env=own)
        if tree == self.ask("rev-parse", "HEAD^{tree}"):
            return Snapshot(self.head, left_out=left_out)
        date = f"{self.ask('show', '-s', '--format=%ct', 'HEAD')} +0000"
        dated = _IDENTITY | {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        message = "Snapshot of a working tree by workbench"
        commit = self.ask("commit-tree", "--no-gpg-sign", tree, "-p", "HEAD", "-m", message, env=dated)
        ref = f"refs/wb/{name}"
        self.ask("update-ref", ref, commit)
        return Snapshot(commit, ref, left_out)

    def choose(self, changed: list[str]) -> tuple[list[str], dict[str, str]]:
        """Of the changed files, those that a snapshot takes, and the others with the reason."""
        take: list[str] = []
        left_out: dict[str, str] = {}
        total = 0
        for name in changed:
            path = self.root / name
            size = path.lstat().st_size if path.is_symlink() or path.is_file() else 0
            if looks_secret(name):
                left_out[name] = "its name looks like a secret"
            elif name.endswith("/"):
                left_out[name] = "a git repository of its own"
            elif size > MAX_FILE:
                left_out[name] = f"{size / 2**20:.0f} MB, more than {MAX_FILE >> 20} MB"
            elif total + size > MAX_TOTAL:
                left_out[name] = f"all changed files together take more than {MAX_TOTAL >> 20} MB"
            else:
                total += size
                take.append(name)
        return take, left_out

    def ask(self, *words: str, env: dict[str, str] | None = None) -> str:
        """What ``git WORDS`` prints in this repository, without its last line break; it never refreshes the index.

        Raises:
            RecordError: when git fails, with what it says.
        """
        import git

        try:
            quiet = {"GIT_OPTIONAL_LOCKS": "0"}  # `git status` would otherwise refresh the user's index
            done = self._repo.git.execute(["git", *words], env=quiet | (env or {}), strip_newline_in_stdout=True)
        except git.GitCommandError as error:
            reason = str(error.stderr).replace("stderr: ", "").strip().strip("'")
            raise RecordError(f"git {words[0]} failed ({reason})", where=str(self.root)) from error
        return str(done)

    def attempt(self, *words: str) -> str:
        """What a git command prints, "" when it fails."""
        try:
            return self.ask(*words)
        except RecordError:
            return ""


def looks_secret(name: str) -> bool:
    """Whether a path's last part looks like a key, token or password file; source code never does."""
    last = name.rstrip("/").rpartition("/")[2].lower()
    by_name = any(fnmatch.fnmatchcase(last, pattern) for pattern in SECRETS)
    return by_name and not last.endswith(_SOURCE)
