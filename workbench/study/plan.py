"""The plan: which runs a tier of an experiment consists of, what each depends on, and what is recorded already."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.errors import SpecError, UsageError, WorkbenchError, nearest
from workbench.models.choice import weights_asked_for
from workbench.models.model import Model
from workbench.parts import revived
from workbench.record.journal import read_state
from workbench.record.pins import pinning, read_pins
from workbench.record.places import run_folder
from workbench.streams import Seeds
from workbench.study.experiment import Arm, Cell, Choice, Experiment, Tier, derive
from workbench.study.identity import Circumstances, identities
from workbench.study.spec import Spec, load_spec

# Choosing uses seeds that no result uses: a setting picked on a result's own seeds would flatter it.
CHOOSING_SEED = 9000


@dataclass(frozen=True)
class Planned:
    """One run to be: everything needed to do it in another process, and to find it when it is done."""

    id: str
    identity: str
    trained: str
    experiment: str
    spec: Path
    cell: str
    arm: str
    seeds: Seeds
    cls: Arm
    tier: str
    sets: dict[str, Any]
    autos: dict[str, Any]
    pins: dict[str, str]
    sources: dict[str, str]
    choosing: bool = False
    after: tuple[str, ...] = ()
    trained_by: str = ""
    foreign: bool = False

    @property
    def label(self) -> str:
        """E.g. ``photos · TrainBN · seed 3``; before it, of one that others start from, its experiment."""
        what = f" · lr {self.cls.fit.lr:g}" if self.choosing and not isinstance(self.cls.fit.lr, str) else ""
        whose = f"{self.experiment}: " if self.foreign else ""
        return f"{whose}{self.cell} · {self.arm} · seed {self.seeds}{what}"


@dataclass(frozen=True)
class Options:
    """What the command line asks for beside the spec and the tier.

    ``sets`` are changes to every arm, e.g. ``{"fit__epochs": 2}``; they make the study exploratory. ``only`` are the
    numbers of single seeds, instead of the first ``seeds``. ``level`` is the determinism level of every run, instead of
    the spec's.
    """

    tier: str = "default"
    cells: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    seeds: int | None = None
    only: tuple[int, ...] = ()
    sets: Mapping[str, Any] = field(default_factory=dict)
    level: str = ""
    device: str = "cpu"
    threads: int = 1

    @property
    def everywhere(self) -> dict[str, Any]:
        """The changes that every run gets."""
        return {**self.sets, **({"level": self.level} if self.level else {})}


class Planner:
    """Turns specs into planned runs; loads the specs of source experiments as they are met."""

    def __init__(self, root: Path, home: Path, pins: Mapping[str, str], options: Options) -> None:
        self.root, self.home, self.pins, self.options = root, home, dict(pins), options
        self.autos: dict[str, dict[str, Any]] = {}
        self._sources: dict[tuple[str, int], list[Planned]] = {}
        self._specs: dict[str, Spec] = {}

    def cells(self, spec: Spec) -> list[tuple[Cell, list[Arm], int]]:
        """The (cell, arms, number of seeds) of the tier, cut down to what the options ask for.

        Raises :class:`UsageError` for a cell or an arm that the tier has not: without it nothing would be left to do.
        """
        experiment, options = spec.experiment, self.options
        _require(experiment, options)
        wanted = {experiment.arm(name) for name in options.arms}
        found = []
        for cell, whole in _of_tier(experiment, options.tier):
            if options.cells and cell.name not in options.cells:
                continue
            arms = [arm for arm in whole if not wanted or arm in wanted or arm is experiment.baseline]
            if arms:
                found.append((cell, arms, self._seeds(spec, cell)))
        return found

    def _seeds(self, spec: Spec, cell: Cell) -> int:
        options, experiment = self.options, spec.experiment
        return (
            len(options.only) or options.seeds or experiment.tier(options.tier).seeds or cell.seeds or experiment.seeds
        )

    def derived(self, spec: Spec, cell: Cell, arm: Arm, sets: Mapping[str, Any]) -> Arm:
        """The arm as it runs in this cell: under the cell's, the tier's and the given changes, "auto" resolved."""
        tier = spec.experiment.tier(self.options.tier)
        return settle(derive(spec.experiment, arm, cell, tier, sets), self.autos.get(cell.name, {}))

    def runs(self, spec: Spec, chosen: Mapping[tuple[str, str], Any]) -> list[Planned]:
        """Every run of the tier, sources first, in an order in which each follows what it depends on.

        Args:
            chosen: the value of the experiment's choice for (cell, arm), where there is one.
        """
        choice = spec.experiment.choose
        found: dict[str, Planned] = {}
        for cell, arms, count in self.cells(spec):
            for seed in self.options.only or _first(spec.experiment.first_seed, count):
                for source in range(cell.sources):
                    seeds = Seeds.of(seed, source)
                    for arm in arms:
                        sets = self.options.everywhere
                        if choice is not None and (cell.name, arm.__name__) in chosen:
                            sets.setdefault(choice.field, chosen[cell.name, arm.__name__])
                        for each in self.run(spec, cell, arm, seeds, sets):
                            # two arms may come to be one run, e.g. where an arm chose what the baseline has
                            found.setdefault(f"{each.id}/{each.cell}/{each.arm}", each)
        return _link(list(found.values()))

    def choosing(self, spec: Spec, cell: Cell, arm: Arm, choice: Choice) -> dict[Any, list[Planned]]:
        """For each value of the choice, the runs (and their sources) that measure it."""
        runs: dict[Any, list[Planned]] = {}
        for value in cell.grid or choice.values:
            runs[value] = []
            for number in range(choice.seeds):
                sets = {**self.options.everywhere, choice.field: value}
                runs[value] += self.run(spec, cell, arm, Seeds.of(CHOOSING_SEED + number), sets, choosing=True)
        return runs

    def run(
        self, spec: Spec, cell: Cell, arm: Arm, seeds: Seeds, sets: Mapping[str, Any], *, choosing: bool = False
    ) -> list[Planned]:
        """One run, preceded by the source run it starts from where it needs one."""
        cls = self.derived(spec, cell, arm, sets)
        if choosing and cls.recalibrate == "after":
            cls = cls.but(recalibrate="never")
        name = source_of(cls)
        source = self.source(cls, seeds.source)
        under = Circumstances(
            pins=self.pins_of(cls),
            sources={name: source[-1].identity} if name else {},
            device=self.options.device.partition(":")[0],
            threads=self.options.threads,
            choosing=choosing,
        )
        identity, trained = identities(cls, seeds, under)
        planned = Planned(
            id=identity[:16],
            identity=identity,
            trained=trained,
            experiment=spec.name,
            spec=spec.path,
            cell=cell.name,
            arm=arm.__name__,
            seeds=seeds,
            cls=cls,
            tier=self.options.tier,
            sets=dict(sets),
            autos=self.autos.get(cell.name, {}),
            pins=dict(under.pins),
            sources={name: source[-1].id} if name else {},
            choosing=choosing,
            after=tuple(each.id for each in source[-1:]),
        )
        return [*source, planned]

    def source(self, cls: Arm, number: int) -> list[Planned]:
        """The run of another experiment that weights come from, if any: of its ``number``-th seed.

        It stands last, behind the runs that it starts from itself, which are those that its own study has.
        """
        name = source_of(cls)
        if not name:
            return []
        if (name, number) not in self._sources:
            spec, arm = self._named(name)
            experiment = spec.experiment
            seeds = Seeds.of(experiment.first_seed + number)
            asked = self.options
            options = Options(device=asked.device, threads=asked.threads, level=asked.level)
            plain = Planner(self.root, self.home, self.pins, options)
            plain._specs, plain._sources = self._specs, self._sources
            chain = plain.run(spec, experiment.cells[0], arm, seeds, options.everywhere)
            self._sources[name, number] = [dataclasses.replace(each, foreign=True) for each in chain]
        return self._sources[name, number]

    def _named(self, name: str) -> tuple[Spec, Arm]:
        """The experiment and the arm of ``"experiments/NAME:Arm"``."""
        folder, _, arm = name.partition(":")
        if folder not in self._specs:
            self._specs[folder] = load_spec(self.root, folder)
        spec = self._specs[folder]
        return spec, spec.experiment.arm(arm) if arm else spec.experiment.baseline

    def pins_of(self, cls: Arm) -> dict[str, str]:
        """``{path: md5}`` of the files that an arm reads; raises :class:`SpecError` for one that is not pinned."""
        found = {}
        for path in files_of(cls, self.root):
            if path not in self.pins:
                raise SpecError(
                    f"{cls.__name__} reads {path}, which data.dvc does not pin{nearest(path, self.pins)}",
                    hint=pinning(self.root, path),
                )
            found[path] = self.pins[path]
        return found

    def paths(self, spec: Spec) -> list[str]:
        """The data files that the tier reads, those of source experiments included."""
        found: list[str] = []
        for cell, arms, _ in self.cells(spec):
            for arm in arms:
                cls = self.derived(spec, cell, arm, self.options.everywhere)
                found += files_of(cls, self.root) + self._source_files(cls)
        return sorted(set(found))

    def _source_files(self, cls: Arm) -> list[str]:
        name = source_of(cls)
        if not name:
            return []
        spec, arm = self._named(name)
        cls = derive(spec.experiment, arm, spec.experiment.cells[0], Tier())
        return files_of(cls, self.root) + self._source_files(cls)

    def state(self, run: Planned) -> str:
        """``new``, ``running``, ``interrupted``, ``finished`` or ``failed``."""
        return read_state(run_folder(self.home, run.id))


def _of_tier(experiment: Experiment, name: str) -> list[tuple[Cell, list[Arm]]]:
    """The cells of a tier with the arms that it has in each."""
    tier = experiment.tier(name)
    return [
        (cell, [arm for arm in cell.arms or experiment.arms if tier.arms is None or arm in tier.arms])
        for cell in tier.cells or experiment.cells
    ]


def _require(experiment: Experiment, options: Options) -> None:
    """Refuses cells and arms that are not in the tier, and arms that are in none of the cells asked for."""
    experiment.tier(options.tier)
    tiers = {
        name: [(cell.name, arm.__name__) for cell, arms in _of_tier(experiment, name) for arm in arms]
        for name in experiment.tiers
    }
    here = tiers[options.tier]
    for name in options.cells:
        experiment.cell(name)
        if name not in dict(here):
            raise _elsewhere(f"cell '{name}'", options, [tier for tier in tiers if name in dict(tiers[tier])])
    for name in options.arms:
        experiment.arm(name)
        cells = [cell for cell, arm in here if arm == name]
        if options.cells and cells and not set(cells) & set(options.cells):
            raise UsageError(
                f"arm '{name}' is in none of the cells asked for; tier '{options.tier}' has it in: {', '.join(cells)}",
                hint=f"Type: --cell {cells[0]}",
            )
        if not cells:
            has = [tier for tier, pairs in tiers.items() if any(arm == name for _, arm in pairs)]
            raise _elsewhere(f"arm '{name}'", options, has)


def _elsewhere(what: str, options: Options, tiers: Sequence[str]) -> UsageError:
    """The error for something that only other ``tiers`` have."""
    problem = f"{what} is not in tier '{options.tier}'"
    if not tiers:
        return UsageError(f"{problem}, nor in any other", hint="Add it to a tier in the spec")
    flag = f"--{tiers[0]}" if tiers[0] in ("smoke", "full") else f"--tier {tiers[0]}"
    return UsageError(f"{problem}; it is in: {', '.join(tiers)}", hint=f"Type: {flag}")


def _first(first: int, count: int) -> range:
    return range(first, first + count)


def settle(cls: Arm, autos: Mapping[str, Any]) -> Arm:
    """The arm with its remaining "auto" values replaced by what they became on the baseline."""
    flat = cls.flatten()
    if cls.fit.finds_decay:
        flat["fit.weight_decay"] = "auto"
    open_ = {path: revived(value) for path, value in autos.items() if flat.get(path.replace("__", ".")) == "auto"}
    return cls.but(**open_) if open_ else cls


def files_of(cls: Arm, root: Path) -> list[str]:
    """The data files that an arm reads; for a model that is still "auto", the pinned weights that it may start from."""
    if isinstance(cls.model, Model):
        return [*cls.data.files(), *cls.model.files()]
    pinned = read_pins(root)
    return [*cls.data.files(), *(path for path in weights_asked_for(cls.data) if path in pinned)]


def source_of(cls: Arm) -> str | None:
    """The other experiment whose weights an arm starts from; a network that is still "auto" has none."""
    return cls.model.source() if isinstance(cls.model, Model) else None


def parse_sets(texts: Sequence[str], arm: Arm) -> dict[str, Any]:
    """``["fit.lr=1e-3"]`` as ``{"fit__lr": 0.001}``; raises :class:`UsageError` for an unknown path."""
    import ast

    found: dict[str, Any] = {}
    known = arm.flatten()
    for text in texts:
        path, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text} has no value", hint="Type: --set fit.lr=1e-3")
        if path not in known:
            raise UsageError(f"--set: '{path}' is not a setting of {arm.__name__}{nearest(path, known)}")
        try:
            found[path.replace(".", "__")] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            found[path.replace(".", "__")] = value
    return found


def told_by(error: WorkbenchError, sets: Mapping[str, Any]) -> WorkbenchError:
    """The same error, and the ``--set`` that its value came from, where it names only the last part of a field."""
    for path, value in sets.items():
        if not error.where and error.problem.startswith(f"{path.rpartition('__')[2]} is {value},"):
            where = f"--set {path.replace('__', '.')}={value}"
            return type(error)(error.problem, where=where, hint=error.hint)
    return error


def _link(runs: list[Planned]) -> list[Planned]:
    """Lets a run that trains exactly like an earlier one start from that one's weights."""
    first: dict[str, Planned] = {}
    for run in runs:
        if run.cls.recalibrate != "after":
            first.setdefault(run.trained, run)
    linked = []
    for run in runs:
        parent = first.get(run.trained)
        if parent is not None and parent.id != run.id and run.cls.recalibrate == "after":
            run = dataclasses.replace(run, trained_by=parent.id, after=(*run.after, parent.id))
        linked.append(run)
    return linked
