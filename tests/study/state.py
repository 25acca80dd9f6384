"""A state folder with records in it, made without training anything."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.record.files import write_json
from workbench.record.git import Repository
from workbench.record.journal import Journal
from workbench.record.places import prepare, run_folder, study_folder


@dataclass(frozen=True)
class Kept:
    """A small repository and its state folder."""

    root: Path
    home: Path

    def git(self, *words: str) -> str:
        """What a git command in it prints."""
        done = subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def snapshot(self, name: str, text: str) -> str:
        """The commit of the tree with another text in it, kept by a ref that is not new any more."""
        (self.root / "a.txt").write_text(text)
        found = Repository.find(self.root).snapshot(name)
        old = time.time() - 2 * 3600
        os.utime(self.root / ".git" / found.ref, (old, old))
        self.git("checkout", "-q", "--", "a.txt")
        return found.commit

    def refs(self) -> set[str]:
        """The names of the refs, without their commits."""
        return {line.rpartition("/")[2].rpartition("-")[0] for line in self.git("for-each-ref", "refs/wb").splitlines()}

    def run(self, name: str, study: str, *, home: Path | None = None, done: bool = True, **facts: Any) -> Path:
        """A recorded run; ``facts`` as run.json has them."""
        folder = run_folder(home or self.home, name)
        with Journal.create(folder, {"id": name, "identity": name, "study": study, "sources": {}, **facts}) as journal:
            (folder / "checkpoint.safetensors").write_bytes(bytes(1000))
            if done:
                journal.seal({"state": "finished", "metrics": {}})
        return folder

    def study(self, name: str, runs: Sequence[str] = (), *, home: Path | None = None, **facts: Any) -> Path:
        """A recorded study that lists runs; ``facts`` as study.json has them."""
        folder = study_folder(home or self.home, name)
        listed = [{"id": run} for run in runs]
        with Journal.create(folder, {"id": name, "identity": name, "runs": listed, **facts}, kind="study") as journal:
            journal.seal({"claims": []})
        return folder

    def reproduction(self, name: str, facts: Mapping[str, Any], *, ended: bool) -> Path:
        """A reproduction with its worktree and an empty state folder."""
        folder = self.home / "reproductions" / name
        (folder / "home").mkdir(parents=True)
        write_json(folder / "reproduction.json", facts)
        self.git("worktree", "add", "-q", "--detach", str(folder / "tree"))
        if ended:
            write_json(folder / "result.json", {"verdict": "L1"})
        return folder


def make_kept(place: Path) -> Kept:
    """A repository of one commit with an empty state folder."""
    root = place / "project"
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    kept = Kept(root, prepare(root / ".wb"))
    (root / "a.txt").write_text("one\n")
    kept.git("add", "-A")
    kept.git("commit", "-q", "-m", "start")
    return kept
