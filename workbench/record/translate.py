"""What our record says, in MLflow's words: pure functions from facts to names, tags, parameters and metrics."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

Facts = Mapping[str, Any]
_COPIED = ("experiment", "cell", "arm", "hypothesis", "seed", "identity", "snapshot", "library", "device", "threads")
_ALSO = ("level", "lock", "class", "tier", "measure", "title", "reproduces")


def run_name(facts: Facts, study: Facts | None = None) -> str:
    """``"StaleStats / 100 / photos"``: what differs most first, as the UI's narrow column cuts the end.

    A run that chooses a learning rate says which one it tries: ``"StaleStats / lr 0.001 / 9000 / photos"``.

    A run of another experiment, whose weights the ``study`` starts from, carries that experiment's name for the cell.
    """
    own = facts.get("experiment")
    place = "experiment" if study and own and own != study.get("experiment") else "cell"
    words = [str(facts[each]) for each in ("arm", "seed", place) if facts.get(each)]
    if facts.get("choosing") and "fit.lr" in facts.get("fields", {}):
        words.insert(1, f"lr {text(facts['fields']['fit.lr'])}")
    return " / ".join(words) or str(facts["id"])


def study_name(facts: Facts) -> str:
    """``"bn_finetune (smoke)"``, and of a repetition ``"bn_finetune (smoke, reproduced)"``."""
    words = [str(facts.get("tier") or ""), "reproduced" if facts.get("reproduces") else ""]
    said = ", ".join(word for word in words if word)
    return f"{facts.get('experiment', facts['id'])}" + (f" ({said})" if said else "")


def tags(facts: Facts, study: Facts, home: str) -> dict[str, str]:
    """The five git tags, MLflow's own ones, and ours under ``wb.``, for a run or (``facts is study``) a study.

    Args:
        study: the facts of the study; they stand in for what the run's own facts leave out.
        home: what identifies the state folder that the record lies in.
    """
    known = {**study, **{key: value for key, value in facts.items() if value is not None}}
    found = {f"wb.{key}": text(known[key]) for key in (*_COPIED, *_ALSO) if known.get(key) not in (None, "")}
    if (environment := known.get("environment")) and "wb.class" not in found:
        found["wb.class"] = text(environment.get("class", ""))
    found |= {f"wb.pin.{path}": str(md5) for path, md5 in (known.get("pins") or {}).items()}
    found |= git_tags(known)
    found["wb.home"] = home
    found["wb.study"] = str(study["id"])
    if facts is not study:
        found["wb.run"] = str(facts["id"])
    found["mlflow.source.name"] = f"experiments/{study.get('experiment', '')}/spec.py"
    found["mlflow.source.type"] = "LOCAL"
    return found


def git_tags(facts: Facts) -> dict[str, str]:
    """``mlflow.source.git.commit, branch, repoURL, dirty`` and ``diff``.

    A diff does not fit a tag (MLflow cuts it at 8000 characters without a word), so the tag says where it is.
    """
    dirty = bool(facts.get("dirty"))
    found = {
        "commit": str(facts.get("commit") or ""),
        "branch": str(facts.get("branch") or ""),
        "repoURL": str(facts.get("url") or ""),
        "dirty": str(dirty).lower(),
        "diff": "",
    }
    if dirty:
        size = facts.get("diff_stat") or "uncommitted changes"
        found["diff"] = f"{size}: git diff {found['commit'][:12]} {facts.get('snapshot') or ''}".strip()
    return {f"mlflow.source.git.{key}": value for key, value in found.items()}


def params(facts: Facts) -> dict[str, str]:
    """The flattened resolved fields, and the seeds under ``seeds.``."""
    fields = {**facts.get("fields", {}), **{f"seeds.{key}": seed for key, seed in facts.get("seeds", {}).items()}}
    return {key: text(value) for key, value in fields.items()}


def study_params(facts: Facts) -> dict[str, str]:
    """What the study as a whole was asked for: tier, measure, cells, and every setting that "auto" became."""
    found = {key: text(facts[key]) for key in ("experiment", "tier", "measure") if key in facts}
    for cell in facts.get("cells", []):
        found[f"{cell['name']}.arms"] = ", ".join(arm["name"] for arm in cell.get("arms", []))
    for setting in facts.get("settings", []):
        found[str(setting["name"])] = text(setting["value"])
    return found


def summary_metrics(result: Facts) -> dict[str, float]:
    """``photos/StaleStats/mean, low, high, ratio, ratio_low, ...`` from a study's ``result.json``."""
    found: dict[str, Any] = {}
    for cell in result.get("cells", []):
        for arm in cell.get("arms", []):
            place = f"{cell['name']}/{arm['name']}"
            for key in ("mean", "sd", "ratio", "difference", "p", "p_holm", "failed"):
                found[f"{place}/{key}"] = arm.get(key)
            for key, prefix in (("interval", ""), ("ratio_interval", "ratio_"), ("difference_interval", "difference_")):
                low, high = arm.get(key) or (None, None)
                found |= {f"{place}/{prefix}low": low, f"{place}/{prefix}high": high}
    return {key: float(value) for key, value in found.items() if isinstance(value, int | float)}


def verdicts(result: Facts) -> str:
    """The claims and the arms of a study's ``result.json`` as two Markdown tables; untested claims are only named."""
    untested = [
        str(each["name"]) for each in result.get("claims", []) if str(each.get("verdict")).startswith("not tested")
    ]
    claims = [
        (each.get("name"), each.get("cell"), each.get("verdict"), _number(each.get("estimate")),
         _range(each.get("interval")), _number(each.get("p")), _number(each.get("p_holm")), each.get("n"))
        for each in result.get("claims", []) if each.get("name") not in untested
    ]  # fmt: skip
    arms = [
        (cell["name"], arm["name"], _number(arm.get("mean")), _range(arm.get("interval")),
         _number(arm.get("ratio")), _range(arm.get("ratio_interval")), len(arm.get("values", [])))
        for cell in result.get("cells", []) for arm in cell.get("arms", [])
    ]  # fmt: skip
    judged = (
        _table(("claim", "cell", "verdict", "estimate", "interval", "p", "p (Holm)", "n"), claims) if claims else []
    )
    left = [f"Not tested in this tier: {', '.join(untested)}."] if untested else []
    head = ("cell", "arm", "mean", "interval", "ratio", "ratio's interval", "seeds")
    return "\n\n".join("\n".join(part) for part in (judged, left, _table(head, arms)) if part) + "\n"


def settings(facts: Facts) -> str:
    """The resolved settings of a study as a Markdown table of setting, value and why."""
    rows = [(each["name"], text(each["value"]), each.get("why", "")) for each in facts.get("settings", [])]
    return "\n".join([*_table(("setting", "value", "why"), rows), ""])


def milliseconds(moment: Any, default: int) -> int:
    """Milliseconds since 1970 of an ISO time or of a number of seconds or milliseconds."""
    if isinstance(moment, int | float) and not isinstance(moment, bool):
        return int(moment if moment > 1e11 else moment * 1000)
    try:
        return int(datetime.fromisoformat(str(moment)).timestamp() * 1000)
    except ValueError:
        return default


def text(value: Any) -> str:
    """A value as a parameter shows it: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _table(head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return ["| " + " | ".join("" if cell is None else _cell(cell) for cell in line) + " |" for line in lines]


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) and math.isfinite(value) else str(value or "")


def _range(pair: Any) -> str:
    return f"{_number(pair[0])} to {_number(pair[1])}" if pair else ""
