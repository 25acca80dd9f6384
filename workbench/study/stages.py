"""dvc.yaml: one stage for each experiment, so that ``dvc repro``, ``dvc status`` and ``dvc metrics`` know it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.errors import RecordError
from workbench.record.files import write_bytes

_HEAD = b"# One stage for each experiment; data sets themselves are pinned in data.dvc.\n"


def stage_for(
    name: str, data_paths: Sequence[str], *, tier: str = "default", deps: Sequence[str] = ()
) -> dict[str, Any]:
    """The stage of ``experiments/NAME``.

    Args:
        name: of the experiment's folder.
        data_paths: the data files that it reads, relative to the project's root.
        tier: that ``dvc repro`` runs.
        deps: what else it depends on, e.g. the spec of the experiment whose networks it starts from.

    Returns:
        The value of ``stages: {NAME: ...}`` in dvc.yaml. Results are small text files that git keeps, hence no cache.
    """
    folder = f"experiments/{name}"
    return {
        "cmd": f"wb run {folder} --tier {tier}",
        "deps": [f"{folder}/spec.py", "workbench", *deps, *data_paths],
        "metrics": [{f"{folder}/metrics.json": {"cache": False}}],
    }


def add_stage(root: Path, name: str, stage: dict[str, Any]) -> bool:
    """Write a stage into ``root/dvc.yaml``, keeping the other stages and the comments as they are.

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
