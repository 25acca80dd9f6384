"""A trained learner as one file: weights, what has to fit them, and what was found for "auto". No code is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import DataError, FieldError, nearest
from workbench.models.weights import Weights, read_weights
from workbench.streams import Seeds
from workbench.training.checkpoint import load_weights, save_weights
from workbench.training.device import reproducible
from workbench.training.generators import own_generators
from workbench.training.prepared import weights_meta

if TYPE_CHECKING:
    from workbench.training.learner import Learner
    from workbench.training.resolve import Resolved

_SUFFIX = ".safetensors"
_FITTING = {"classes": "their classes", "target": "the target", "encoder": "how inputs are encoded"}
"""What the data have to agree on with the weights, by the name it has in the file."""


def save(learner: Learner, path: Path | str) -> None:
    """Writes what ``learner`` has learnt to ``path``, whole or not at all; below torchrun process 0 does.

    Raises:
        FieldError: it has not been run, or ``path`` does not end with .safetensors.
        RecordError: the file cannot be written.
    """
    path = _named(path)
    if learner.state is None:
        raise FieldError(f"{type(learner).__name__} has not been run", hint="Call run() first")
    if learner.ranks.first:
        meta = weights_meta(learner, learner.state)
        save_weights(path, learner.state.model, {**meta, "seeds": vars(learner.seeds), "found": _found(learner)})


def load(learner: Learner, path: Path | str) -> None:
    """Makes ``learner`` what it was when it was saved, without training: it can predict and be looked at.

    The learner's data are read, since they say how inputs are encoded and what the answers are called. A run's own
    weights (``.wb/runs/ID/weights.safetensors``) are such a file, too.

    Raises:
        FieldError: ``path`` does not end with .safetensors.
        DataError: the file is missing or damaged, or belongs to other data.
        RecordError: it belongs to another network.
    """
    path = _named(path)
    if not path.is_file():
        there = (str(each) for each in sorted(path.parent.glob(f"*{_SUFFIX}")))
        raise DataError(f"there is no file '{path}'{nearest(str(path), there)}", hint="save() writes one")
    saved = read_weights(path, str(path))
    if (found := saved.meta.get("found")) and _asked_for(learner) <= found["changes"].keys():
        learner.found = _resolved(found)
    own = own_generators(learner.seeds.order, "load", device=learner.device)
    with reproducible(learner.level, learner.threads, learner.device), own:
        state = learner.begin()
    _refuse_others(learner, saved, json.loads(json.dumps(weights_meta(learner, state))))
    load_weights(path, state.model)
    state.model.eval()
    learner.state = state


def _named(path: Path | str) -> Path:
    path = Path(path)
    if path.suffix != _SUFFIX:
        raise FieldError(f"'{path}' does not end with {_SUFFIX}", hint=f"Type '{path.with_suffix(_SUFFIX)}'")
    return path


def _asked_for(learner: Learner) -> set[str]:
    fit = type(learner).fit
    return {f"fit__{name}" for name in fit.fields() if getattr(fit, name) == "auto"}


def _found(learner: Learner) -> dict[str, Any] | None:
    """What "auto" became, but for the network, which follows from the data again."""
    found = learner.found
    if found is None:
        return None
    return {
        "changes": {name: value for name, value in found.changes.items() if name != "model"},
        "settings": [[each.name, each.value, each.why] for each in found.settings],
        "measured": list(found.measured),
    }


def _resolved(found: dict[str, Any]) -> Resolved:
    from workbench.training.resolve import Resolved, Setting

    settings = tuple(Setting(*each) for each in found["settings"])
    return Resolved(found["changes"], settings, tuple(found["measured"]))


def _refuse_others(learner: Learner, saved: Weights, own: dict[str, Any]) -> None:
    other = [what for name, what in _FITTING.items() if name in saved.meta and saved.meta[name] != own[name]]
    if not other:
        return
    seeds = Seeds(**saved.meta.get("seeds", vars(learner.seeds)))
    drawn = f", and seeds={str(seeds) if str(seeds).isdigit() else repr(seeds)}" if seeds != learner.seeds else ""
    raise DataError(
        f"these weights belong to other data than {type(learner).__name__}'s, by {' and '.join(other)}",
        where=saved.where,
        hint=f"Load them in the class that saved them, with the data of then{drawn}",
    )
