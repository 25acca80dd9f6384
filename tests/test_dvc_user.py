"""What somebody who knows DVC types, in a project of ours: repro, status, dag, metrics and plots, by the real DVC."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.project import Project
from workbench.record.pins import read_pins
from workbench.study.plan import Options, Planner, source_of
from workbench.study.spec import experiment_names, load_spec
from workbench.study.stages import add_stage, stage_for


def dvc(root: Path, *words: str, code: int = 0) -> str:
    """What a dvc command prints, with the ``wb`` of this environment on the path, as in an activated one."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words],
        cwd=root,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == code, f"dvc {' '.join(words)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + (done.stderr if code else "")


def stages(root: Path) -> dict[str, Any]:
    """The stages in dvc.yaml."""
    found: dict[str, Any] = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    return found


def test_every_experiment_has_the_stage_that_its_spec_asks_for(repository: Path) -> None:
    found = stages(repository)
    assert sorted(found) == experiment_names(repository)
    for name, stage in found.items():
        tier = stage["cmd"].split("--tier ")[1]
        spec = load_spec(repository, name)
        planner = Planner(repository, repository / ".wb", {}, Options(tier=tier))
        cells = planner.cells(spec)
        classes = [planner.derived(spec, cell, arm, {}) for cell, arms, _ in cells for arm in arms]
        sources = sorted({source.split(":")[0] + "/spec.py" for cls in classes if (source := source_of(cls))})
        expected = stage_for(repository, name, planner.paths(spec), tier=tier, deps=sources)
        if spec.experiment.choose:  # its choices are kept from the first run on
            expected["deps"] = list(
                dict.fromkeys([expected["deps"][0], f"experiments/{name}/choices.json", *expected["deps"]])
            )
        assert stage == expected, name


def test_no_stage_writes_what_is_pinned(repository: Path) -> None:
    outs = {
        path
        for stage in stages(repository).values()
        for kind in ("metrics", "plots")
        for out in stage[kind]
        for path in out
    }
    assert outs and not outs & set(read_pins(repository))
    assert not [path for path in outs if path.startswith("data/")]


@pytest.mark.slow
def test_repro_runs_what_changed_and_only_that(project: Project) -> None:
    root = project.root
    add_stage(root, "target", stage_for(root, "target", ["data/small.npz"], deps=["experiments/source/spec.py"]))
    graph = dvc(root, "dag", "--dot")
    assert '"data.dvc" -> "target"' in graph
    assert "Tuned" in dvc(root, "repro", "target")
    assert "up to date" in dvc(root, "status")
    shown = json.loads(dvc(root, "metrics", "show", "--json"))
    numbers = shown[""]["data"]["experiments/target/metrics.json"]["data"]
    assert numbers["tier"] == "default" and 0 <= numbers["cells"]["main"]["Tuned"]["mean"] <= 1
    lines = (root / "experiments/target/points.csv").read_text().splitlines()
    assert lines[0] == "cell,arm,seed,source,value,failed" and len(lines) == 3
    dvc(root, "plots", "show", "-o", "plots")
    page = (root / "plots" / "index.html").read_text()
    assert '"row"' in page and "Scratch" in page
    assert "Running stage" not in dvc(root, "repro", "target")
    spec = root / "experiments/target/spec.py"
    spec.write_text(spec.read_text() + "\n# another thought\n")
    assert "experiments/target/spec.py" in dvc(root, "status")


def test_data_is_fetched_inside_a_stage_although_dvc_holds_its_locks(project: Project) -> None:
    root = project.root
    code = "from pathlib import Path; from workbench.study import materials; "
    code += "materials.ensure(Path().absolute(), ['data/small.npz'])"
    stage = {"cmd": f'"{sys.executable}" -c "{code}"', "deps": ["experiments/tiny/spec.py"]}
    add_stage(root, "fetches", stage)
    (root / "data/small.npz").unlink()
    dvc(root, "repro", "fetches")
    assert (root / "data/small.npz").exists()
    assert "up to date" in dvc(root, "status", "data.dvc")


def test_repro_needs_only_the_data_of_its_stage(project: Project) -> None:
    root = project.root
    (root / "data/other.bin").write_bytes(b"other")
    project.wb("data", "pin", "data/other.bin")
    (root / "data/other.bin").unlink()
    add_stage(root, "one", {"cmd": "echo done > one.txt", "deps": ["data/small.npz"], "outs": ["one.txt"]})
    assert "data/other.bin" in dvc(root, "repro", "one", code=255)
    dvc(root, "repro", "--allow-missing", "one")
    assert (root / "one.txt").read_text() == "done\n"
