"""What a snapshot says of submodules: the commit that is checked out in them, and what nobody else can get."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.record.repositories import clone, files, git, state
from workbench.record.git import Repository

__all__ = ["clone"]


@pytest.fixture
def library(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A submodule of the clone, checked out and committed, whose remote holds two commits."""
    for n, (key, value) in enumerate({"protocol.file.allow": "always"}.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{n}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{n}", value)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    upstream = tmp_path / "upstream"
    git(tmp_path, "init", "-q", "-b", "main", str(upstream))
    for text in ("one", "two"):
        (upstream / "lib.py").write_text(text)
        git(upstream, "add", "-A")
        git(upstream, "commit", "-q", "-m", text)
    git(clone, "submodule", "--quiet", "add", str(upstream), "lib")
    git(clone, "commit", "-q", "-m", "lib")
    return clone / "lib"


def gitlink(clone: Path, commit: str) -> str:
    return git(clone, "rev-parse", f"{commit}:lib")


def test_a_submodule_is_recorded_as_the_commit_checked_out_in_it(clone: Path, library: Path) -> None:
    assert Repository.find(clone).snapshot("r1").commit == git(clone, "rev-parse", "HEAD")
    git(library, "checkout", "-q", "HEAD~1")
    git(clone, "config", "submodule.lib.ignore", "all")
    assert git(clone, "status", "--porcelain") == ""
    before = state(clone)
    snapshot = Repository.find(clone).snapshot("r1")
    assert state(clone) == before
    assert not snapshot.left_out
    assert gitlink(clone, snapshot.commit) == git(library, "rev-parse", "HEAD") != gitlink(clone, "HEAD")


def test_what_nobody_else_can_get_of_a_submodule_is_reported(clone: Path, library: Path) -> None:
    (library / "lib.py").write_text("edited")
    snapshot = Repository.find(clone).snapshot("r1")
    assert snapshot.left_out == {"lib": "a submodule with changes that are in no commit of its own"}
    assert gitlink(clone, snapshot.commit) == git(library, "rev-parse", "HEAD")
    git(library, "commit", "-q", "-a", "-m", "mine")
    mine = git(library, "rev-parse", "HEAD")
    snapshot = Repository.find(clone).snapshot("r1")
    assert snapshot.left_out == {"lib": f"a submodule whose commit {mine[:8]} is on no branch of its remotes"}
    assert gitlink(clone, snapshot.commit) == mine
    git(clone, "commit", "-q", "-a", "-m", "recorded")  # a clean tree, and still nobody else has that commit
    assert set(Repository.find(clone).snapshot("r1").left_out) == {"lib"}
    git(library, "push", "-q", "origin", "HEAD:refs/heads/mine")
    assert not Repository.find(clone).snapshot("r1").left_out


def test_a_shallow_submodule_whose_commit_was_fetched_by_itself(clone: Path, library: Path, tmp_path: Path) -> None:
    git(library, "checkout", "-q", "HEAD~1")
    git(clone, "commit", "-q", "-a", "-m", "an older one")
    upstream = tmp_path / "upstream"
    git(upstream, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(tmp_path, "clone", "-q", str(clone), "theirs")
    theirs = tmp_path / "theirs"
    git(theirs, "config", "submodule.lib.url", f"file://{upstream}")
    git(theirs, "submodule", "--quiet", "init")
    git(theirs, "submodule", "--quiet", "update", "--depth", "1")
    assert git(theirs / "lib", "rev-parse", "--is-shallow-repository") == "true"
    assert git(theirs / "lib", "for-each-ref", "--contains", "HEAD") == ""
    assert not Repository.find(theirs).snapshot("r1").left_out


def test_a_new_a_removed_and_an_absent_submodule(clone: Path, library: Path) -> None:
    git(clone, "reset", "-q", "--soft", "HEAD~1")  # added, not yet committed
    snapshot = Repository.find(clone).snapshot("r1")
    assert not snapshot.left_out and gitlink(clone, snapshot.commit) == git(library, "rev-parse", "HEAD")
    git(clone, "commit", "-q", "-m", "lib")
    git(clone, "submodule", "--quiet", "deinit", "-f", "lib")
    assert Repository.find(clone).snapshot("r1").commit == git(clone, "rev-parse", "HEAD")
    library.rmdir()
    assert "lib" not in files(clone, Repository.find(clone).snapshot("r1").commit)
