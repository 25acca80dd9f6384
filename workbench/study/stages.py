"""dvc.yaml: one stage for each experiment, so that ``dvc repro``, ``dvc status`` and ``dvc metrics`` know it."""

from __future__ import annotations

import ast
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.errors import RecordError
from workbench.record.files import write_bytes, write_json

_HEAD = b"""\
# One stage for each experiment; data sets themselves are pinned in data.dvc.
# In a fresh clone, with .venv/bin on the PATH: wb data pull && dvc repro NAME
"""
_TEMPLATE = "wb_dots"
# DVC's own templates either draw numbers as names or add up an arm's seeds.
_DOTS: dict[str, Any] = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
    "data": {"values": "<DVC_METRIC_DATA>"},
    "title": "<DVC_METRIC_TITLE>",
    "mark": {"type": "point", "tooltip": {"content": "data"}},
    "encoding": {
        "x": {"field": "<DVC_METRIC_X>", "type": "quantitative", "title": "<DVC_METRIC_X_LABEL>"},
        "y": {"field": "<DVC_METRIC_Y>", "type": "nominal", "title": None},
        "row": {"field": "cell", "type": "nominal", "title": None, "sort": None},
        "color": {"field": "rev", "type": "nominal"},
    },
    "resolve": {"scale": {"y": "independent"}},
}


def stage_for(
    root: Path, name: str, data_paths: Sequence[str], *, tier: str = "default", deps: Sequence[str] = ()
) -> dict[str, Any]:
    """The stage of ``experiments/NAME``.

    Args:
        root: the project; its library's sources, the experiment's choices.json and the modules beside its spec that
            this imports count where they are there.
        name: of the experiment's folder.
        data_paths: the data files that it reads, relative to the project's root.
        tier: that ``dvc repro`` runs.
        deps: what else it depends on, e.g. the spec of the experiment whose networks it starts from.

    Returns:
        The value of ``stages: {NAME: ...}`` in dvc.yaml. Results are small text files that git keeps, hence no cache;
        DVC leaves the old ones in place while it runs the stage, so that stopping it loses nothing.
    """
    folder = f"experiments/{name}"
    there = [each for each in (f"{folder}/choices.json", "workbench") if (root / each).exists()]
    kept = {"cache": False, "persist": True}
    drawn = {"template": _TEMPLATE, "x": "value", "y": "arm"} if (root / ".dvc").is_dir() else {}
    return {
        "cmd": f"wb run {folder} --tier {tier}",
        "deps": [f"{folder}/spec.py", *modules_of(root, f"{folder}/spec.py"), *there, *deps, *data_paths],
        "metrics": [{f"{folder}/metrics.json": dict(kept)}],
        "plots": [{f"{folder}/points.csv": {**kept, **drawn}}],
    }


def modules_of(root: Path, file: str) -> list[str]:
    """The modules in the folder of ``file`` that it, or one of these, imports; paths are relative to ``root``."""
    found: list[str] = []
    waiting = [root / file]
    while waiting:
        path = waiting.pop(0)
        for name in _imported(path):
            module = path.with_name(f"{name}.py")
            shown = module.relative_to(root).as_posix()
            if module.exists() and module != root / file and shown not in found:
                found.append(shown)
                waiting.append(module)
    return found


def _imported(path: Path) -> list[str]:
    """The first part of every name that a Python file imports; none where it is not there or cannot be parsed."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return list(dict.fromkeys(name.partition(".")[0] for name in names))


def add_stage(root: Path, name: str, stage: dict[str, Any]) -> bool:
    """Write a stage into ``root/dvc.yaml``, keeping the other stages and the comments as they are.

    The template of its plot goes into ``.dvc/plots``, unless one of that name is there.

    Returns:
        False when that stage is there already; it is then left as it is.

    Raises:
        RecordError: when dvc.yaml is not what DVC could read, or cannot be written.
    """
    path = root / "dvc.yaml"
    yaml = _yaml()
    whole = _read(yaml, path)
    stages = whole.setdefault("stages", {})
    if stages is None:
        stages = whole["stages"] = {}
    if name in stages:
        return False
    stages[name] = stage
    text = io.BytesIO()
    yaml.dump(whole, text)
    template = root / ".dvc" / "plots" / f"{_TEMPLATE}.json"
    if (root / ".dvc").is_dir() and not template.exists():
        write_json(template, _DOTS)
    write_bytes(path, (b"" if path.exists() else _HEAD) + text.getvalue())
    return True


def _read(yaml: Any, path: Path) -> Any:
    from ruamel.yaml.error import YAMLError

    try:
        whole = yaml.load(path) if path.exists() else None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise RecordError("is not valid YAML", where=f"{path}{line}", hint="Mend it, or restore it with git") from error
    whole = {} if whole is None else whole
    if not isinstance(whole, dict) or not isinstance(whole.get("stages") or {}, dict):
        raise RecordError("holds no mapping of stages", where=str(path), hint="See https://dvc.org/doc/user-guide")
    return whole


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 4096  # a long command stays on its line
    return yaml
