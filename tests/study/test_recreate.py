"""Tree, data, environment and variables of a recorded study, created again beside the user's own."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from dvc_objects.fs import system

from tests.project import Project, read
from tests.record.test_venvs import ask, wheel
from tests.recorded import facts
from workbench.errors import DataError, RecreateError
from workbench.record import worktrees
from workbench.record.git import Repository
from workbench.study import recreate

SMALL = "data/small.npz"


class Told(list[str]):
    """What a user would be told."""

    def __call__(self, text: str, done: int, total: int) -> None:
        self.append(text)


def tree_of(project: Project, place: Path) -> Path:
    return recreate.tree(Repository.find(project.root), project.root, place / "tree", facts(project)["snapshot"])


def cached(project: Project) -> Path:
    md5 = facts(project)["pins"][SMALL]
    return project.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]


def shares(file: Path, other: Path) -> bool:
    """Whether two paths are one file on the disk, or its blocks."""
    if file.samefile(other):
        return True
    try:
        system.reflink(str(other), str(file.with_name("probe")))
    except OSError:
        return False
    return True  # where the file system clones, DVC does


def status(path: Path) -> tuple[int, ...]:
    found = path.lstat()
    return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode


def test_a_tree_is_made_once_and_anew_when_it_was_not_finished(recorded: Project, tmp_path: Path) -> None:
    tree = tree_of(recorded, tmp_path)
    assert (tree / "experiments/small/helper.py").read_text() == "RATE = 1e-2\n"
    (tree / "made by the run").touch()
    assert tree_of(recorded, tmp_path) == tree and (tree / "made by the run").exists()
    repository = Repository.find(recorded.root)
    worktrees.remove(repository, tree)
    assert (tree_of(recorded, tmp_path) / "experiments/small/spec.py").exists()
    # a kill in `git worktree add`: git knows it, holds it locked, and has placed no file yet
    other = tmp_path / "killed"
    words = ("--detach", "--no-checkout", "--lock", "--reason", "initializing")
    recorded.git("worktree", "add", "-q", *words, str(other / "tree"), facts(recorded)["snapshot"])
    assert (other / "tree/.git").exists() and not (other / "tree/experiments").exists()
    assert (tree_of(recorded, other) / "experiments/small/helper.py").exists()
    assert recorded.git("status", "--porcelain") == "?? experiments/small/helper.py"


def test_a_project_below_the_repository_s_root(recorded: Project, tmp_path: Path) -> None:
    repository, commit = Repository.find(recorded.root), facts(recorded)["snapshot"]
    below = recorded.root / "experiments"
    assert recreate.tree(repository, below, tmp_path / "a", commit) == tmp_path / "a/experiments"
    (recorded.root / "later").mkdir()
    with pytest.raises(RecreateError, match=f"commit {commit[:12]} has no folder later"):
        recreate.tree(repository, recorded.root / "later", tmp_path / "b", commit)


def test_data_is_linked_and_the_user_s_is_left_alone(recorded: Project, tmp_path: Path) -> None:
    tree, study, own = tree_of(recorded, tmp_path), facts(recorded), recorded.root / SMALL
    content, before = own.read_bytes(), status(own)
    shutil.rmtree(recorded.root / ".dvc/cache")  # only the user's own tree has it now
    recreate.data(recorded.root, tree, study["pins"])
    assert (tree / SMALL).read_bytes() == content == cached(recorded).read_bytes()
    assert shares(tree / SMALL, cached(recorded)) and status(own) == before
    assert not list((tree / ".dvc/cache").glob("files/md5/*/*"))
    recreate.data(recorded.root, tree, study["pins"])  # an interrupted one goes on
    assert recorded.git("status", "--porcelain") == "?? experiments/small/helper.py"


def test_the_pinned_version_of_data_that_changed(recorded: Project, tmp_path: Path) -> None:
    tree, own = tree_of(recorded, tmp_path), recorded.root / SMALL
    content = own.read_bytes()
    own.unlink()
    own.write_bytes(content[::-1])
    recreate.data(recorded.root, tree, {**facts(recorded)["pins"], "data/of another commit.npz": "0" * 32})
    assert (tree / SMALL).read_bytes() == content and own.read_bytes() == content[::-1]
    shutil.rmtree(recorded.root / ".dvc/cache")
    other = tree_of(recorded, tmp_path / "other")
    with pytest.raises(DataError, match="is missing and cannot be had") as error:
        recreate.data(recorded.root, other, facts(recorded)["pins"])
    assert error.value.where == SMALL and own.read_bytes() == content[::-1]
    recreate.data(recorded.root, other, {})  # nothing is brought that the result did not read
    assert not (other / SMALL).exists()


def test_the_present_environment_when_it_is_the_recorded_one(recorded: Project, tmp_path: Path) -> None:
    tree, told = tree_of(recorded, tmp_path), Told()
    environment = read(recorded.study() / "study.json")["environment"]

    def chosen(mode: recreate.Mode = "recorded", **changes: Any) -> Path:
        told.clear()
        now = {**environment, **changes}
        return recreate.interpreter(recorded.root, tree, now, tmp_path / "venvs", mode, told)

    here = Path(sys.executable)
    assert chosen() == here and told == ["environment: the present one, whose packages are the recorded ones"]
    assert chosen("current") == here and "WARNING" not in told[0]
    # recorded with other packages than its lock's, which are the ones that are here
    lock, click = (tree / "requirements.txt").read_text(), environment["packages"]["click"]
    (tree / "requirements.txt").write_text(lock.replace(f"click=={click}", "click==0.1"))
    assert chosen(deviations={"click": ["0.1", click]}) == here and told[0].startswith("environment: the present one")
    assert chosen("current") == here
    assert told == [f"WARNING: --env current: this is not the recorded environment: click 0.1, here {click}"]
    assert chosen("current", python="2.7.18") == here
    assert told[0].split(": ", 3)[3].startswith("Python 2.7.18, here 3.")
    # no lock at all
    (tree / "requirements.txt").unlink()
    assert chosen() == here and "WARNING" not in told[0]
    other = {**environment["packages"], "numpy": "0.1", "absent": "1.0"}
    with pytest.raises(RecreateError, match=r"has no requirements.txt, and the packages here are not") as error:
        chosen(packages=other)
    assert "numpy 0.1, here" in error.value.problem and "absent 1.0, here none" in error.value.problem
    assert "--env current" in error.value.hint
    assert chosen("current", packages=other) == here and told[0].startswith("WARNING: --env current")
    assert not (tmp_path / "venvs").exists()


def test_another_lock_becomes_an_environment_of_its_own(
    recorded: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    tree, told = tree_of(recorded, tmp_path), Told()
    locked, data = wheel(tree / "wheels", "marker", "1.0"), wheel(tree / "wheels", "pictures", "2.0")
    top = "--no-index\n--find-links ./wheels\n"
    (tree / "requirements.txt").write_text(f"{top}marker==1.0 --hash=sha256:{locked}\n")
    (tree / "requirements-data.txt").write_text(f"{top}pictures==2.0 --hash=sha256:{data}\n")
    environment = {"python": "", "deviations": {"marker": ["1.0", "9.9"]}}
    python = recreate.interpreter(recorded.root, tree, environment, tmp_path / "venvs", "recorded", told)
    assert python.is_relative_to(tmp_path / "venvs") and python != Path(sys.executable)
    assert ask(python, "import marker, pictures; print(marker.version, pictures.version)") == "1.0 2.0"
    assert told[0].endswith("packages that are not its lock's: marker 9.9 (locked 1.0)") and "WARNING" in told[0]
    assert told[1] == "environment: one of its own from the lock of that commit (marker 9.9, here none)"


def test_variables_are_those_of_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    present = {
        "ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "CUDA_VISIBLE_DEVICES": "3", "OMP_NUM_THREADS": "7",
        "PYTHONPATH": "/somebody/else", "MINE": "kept", "WB_HOME": "/mine",
    }  # fmt: skip
    for name, value in present.items():
        monkeypatch.setenv(name, value)
    then = {"MKL_CBWR": "AVX2", "NVIDIA_TF32_OVERRIDE": "0", "CUDA_VISIBLE_DEVICES": "0", "OMP_NUM_THREADS": "1"}
    tree, home = tmp_path / "tree", tmp_path / "home"
    tree.mkdir()

    def variables(recorded: dict[str, Any]) -> dict[str, str]:
        return recreate.variables(tmp_path, tree, home, "sqlite:///x.db", "s1 at 4f2c91e", recorded)

    found = variables({"variables": then})
    assert (found["MKL_CBWR"], found["NVIDIA_TF32_OVERRIDE"]) == ("AVX2", "0")
    assert "ATEN_CPU_CAPABILITY" not in found  # it is set now, and would change the numbers
    assert (found["CUDA_VISIBLE_DEVICES"], found["OMP_NUM_THREADS"], found["MINE"]) == ("3", "7", "kept")
    assert (found["WB_HOME"], found["WB_REPRODUCES"]) == (str(home), "s1 at 4f2c91e")
    assert found["MLFLOW_TRACKING_URI"] == "sqlite:///x.db"
    assert variables({})["ATEN_CPU_CAPABILITY"] == "default"  # nothing is known of that time
    assert os.environ["ATEN_CPU_CAPABILITY"] == "default"


def test_whose_workbench_runs(tmp_path: Path, repository: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()

    def imported() -> str:
        set_ = recreate.variables(tmp_path, tree, tmp_path / "home", "", "", {})
        script = "import json, workbench; print(json.dumps(workbench.__file__))"
        import subprocess

        done = subprocess.run([sys.executable, "-c", script], env=set_, cwd=tree, check=True, capture_output=True)
        return str(json.loads(done.stdout))

    # a project that uses workbench gets the present one, and nothing else that lies beside it
    assert Path(imported()).resolve() == repository / "workbench/__init__.py"
    assert sorted(path.name for path in (tmp_path / "lib").iterdir()) == ["workbench"]
    assert Path(imported()).is_relative_to(tmp_path / "lib")
    # one that holds its own runs its own
    (tree / "workbench").mkdir()
    (tree / "workbench/__init__.py").touch()
    assert imported() == str(tree / "workbench/__init__.py")
