"""What the commands about a study have in common: their options, and how these become a loaded spec and a request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from workbench.study.plan import Options
    from workbench.study.spec import Spec

Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--tier", default=None, help="How much of it to do: smoke, default or full, or a tier of the spec's own."
    ),
    click.option("--smoke", is_flag=True, help="The same as --tier smoke: does everything work?"),
    click.option("--full", is_flag=True, help="The same as --tier full: everything that the spec registers."),
    click.option("--cell", "cells", multiple=True, help="Only this cell; may be repeated."),
    click.option("--arm", "arms", multiple=True, help="Only this arm and the baseline; may be repeated."),
    click.option("--seeds", type=int, help="How many seeds, instead of what the spec says."),
    click.option("--seed", "only", type=int, multiple=True, help="Only the seed of this number; may be repeated."),
    click.option(
        "--set",
        "sets",
        multiple=True,
        metavar="PATH=VALUE",
        help="Change a setting of every arm: --set fit.lr=1e-3; may be repeated.",
    ),
    click.option(
        "--level",
        type=click.Choice(["fast", "seeded", "strict"]),
        help="How strictly a run repeats itself, instead of what the spec says.",
    ),
    click.option("--device", default="auto", help="auto, cpu, cuda, cuda:1."),
    click.option(
        "--threads",
        type=click.IntRange(1),
        default=1,
        help="CPU threads of each run; part of what repeats bit for bit.",
    ),
)


def study_options(function: Function) -> Function:
    """The options that say which part of an experiment is meant, and on what it is done."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def asked(
    experiment: str, *, tier: str | None, smoke: bool, full: bool, cells: tuple[str, ...], arms: tuple[str, ...],
    seeds: int | None, only: tuple[int, ...], sets: tuple[str, ...], level: str | None, device: str, threads: int,
) -> tuple[Path, Path, Spec, Options]:  # fmt: skip
    """The project, its state folder, the loaded spec, and what was asked for; UsageError for what makes no sense."""
    from workbench.errors import UsageError
    from workbench.record.places import find_root, home
    from workbench.study.plan import Options, parse_sets
    from workbench.study.spec import find_spec, load_spec

    tiers = [name for name, given in (("smoke", smoke), ("full", full), (tier, tier)) if given]
    if len(tiers) > 1:
        raise UsageError(f"--{' and --'.join(str(each) for each in tiers)} exclude each other")
    if seeds is not None and seeds < 1:
        raise UsageError(f"--seeds is {seeds}; it takes a whole number from 1")
    if seeds is not None and only:
        raise UsageError("--seeds and --seed exclude each other")
    root = find_root(Path.cwd())
    find_spec(root, experiment)
    spec = load_spec(root, experiment)

    from workbench.training.device import pick_device

    options = Options(
        tier=tiers[0] or "default" if tiers else "default",
        cells=cells,
        arms=arms,
        seeds=seeds,
        only=tuple(dict.fromkeys(only)),
        level=level or "",
        sets=parse_sets(sets, spec.experiment.baseline),
        device=str(pick_device(_a_device(device))),
        threads=threads,
    )
    spec.experiment.tier(options.tier)
    return root, home(root), spec, options


def _a_device(name: str) -> str:
    """The name as torch has it; a GPU's is not near enough to "gpu" for a suggestion by its letters."""
    from workbench.errors import DeviceError

    kind, colon, number = name.lower().partition(":")
    if kind in ("gpu", "nvidia"):
        raise DeviceError(f"'{name}' is not a device; did you mean 'cuda{colon}{number}'?")
    return name
