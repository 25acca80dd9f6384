from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from workbench.record.packages import extras, installed

ROOT = Path(__file__).parents[2]
COMMIT = "c" * 40


def put(site: Path, name: str, version: str, origin: dict[str, Any] | None = None) -> None:
    """What an installer leaves of a package."""
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if origin is not None:
        (folder / "direct_url.json").write_text(json.dumps(origin))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all there is on sys.path, besides a second one behind it."""
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), str(tmp_path / "behind")])
    return tmp_path / "site"


def test_what_did_not_come_from_an_index_says_where_from(site: Path, tmp_path: Path) -> None:
    put(site, "Plain_Name", "1.0")
    put(site.with_name("behind"), "plain-name", "0.9")
    vcs = {"vcs": "git", "commit_id": COMMIT, "requested_revision": "main"}
    put(site, "cloned", "1.1", {"url": "https://me:secret@example.org/x.git", "vcs_info": vcs})
    put(site, "near", "1.2", {"url": "file:///home/somebody/x", "vcs_info": vcs})
    put(site, "fetched", "1.3", {"url": "https://example.org:8080/x.whl?token=secret#secret", "archive_info": {}})
    put(site, "folder", "1.4", {"url": "file:///home/somebody/folder", "dir_info": {}})
    put(site, "edited", "1.5", {"url": "file:///home/somebody/edited", "dir_info": {"editable": True}})
    (site / "broken-1.0.dist-info").mkdir()
    put(site, "odd", "1.6")
    (site / "odd-1.6.dist-info" / "direct_url.json").write_text("{")
    assert installed(tmp_path) == {
        "plain-name": "1.0",
        "cloned": f"1.1 @ https://example.org/x.git#{COMMIT}",
        "near": f"1.2 (local)#{COMMIT}",
        "fetched": "1.3 @ https://example.org:8080/x.whl",
        "folder": "1.4 (local)",
        "edited": "1.5 (local)",
        "odd": "1.6",
    }


def test_what_setuptools_puts_on_the_path_is_not_installed() -> None:
    ask = "import pathlib; from workbench.record.packages import installed; here = installed(pathlib.Path('.'));"
    ask += "import setuptools; assert installed(pathlib.Path('.')) == here and 'torch' in here"
    subprocess.run([sys.executable, "-c", ask], check=True)


def test_the_project_is_left_out_where_its_sources_are_imported(site: Path, tmp_path: Path) -> None:
    root, tree = tmp_path / "project", tmp_path / "worktree"
    for folder in (root, tree):
        folder.mkdir()
        (folder / "pyproject.toml").write_text('[project]\nname = "My_Project"\n')
    put(site, "my-project", "1.0", {"url": root.as_uri(), "dir_info": {"editable": True}})
    assert installed(root) == installed(tree) == {}
    (tree / "pyproject.toml").write_text("[project")
    assert installed(tree) == {"my-project": "1.0 (local)"}
    sys.path.insert(0, str(root))  # as `python -m` in the project does; what a build leaves there is found first
    put(root, "my-project", "0.9")
    assert installed(root) == {}


def test_the_project_from_an_index_is_a_package_like_others(site: Path, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "mine"\n')
    put(site, "mine", "1.0")
    assert installed(tmp_path) == {"mine": "1.0"}


def test_what_runs_here_is_told_as_the_interpreter_tells_it() -> None:
    found = installed(ROOT)
    assert "workbench-ml" not in found
    for name in ("torch", "numpy", "click"):
        assert found[name].partition(" ")[0] == importlib.metadata.version(name)


def test_what_no_lock_names() -> None:
    packages = {"pip": "25.0", "setuptools": "80", "uv": "0.9", "wheel": "1", "a": "1", "b": "2", "c": "3", "d": "4"}
    lock, data_lock = "a==1\nd==4 ; sys_platform == 'nowhere'\n", "B==9\n"
    assert extras(packages, lock, data_lock) == {"c": "3", "d": "4"}
    assert extras(packages, lock, "") == {"b": "2", "c": "3", "d": "4"}
    assert extras(packages, "", "") == {}
