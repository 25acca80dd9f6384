"""What a spec may ask: arms that differ, names that are there, changes that reach every arm but its own difference."""

import pytest

from workbench import Cell, Choice, Claim, Experiment, FineTune, ImageArrays, Learner, Network, Norm, OneCycle, Tier
from workbench.errors import SpecError
from workbench.study.experiment import changes, derive, differences


class Base(Learner):
    """The baseline."""

    data = ImageArrays("data/small.npz")
    model = Network("resnet8", norm=Norm())
    fit = OneCycle(epochs=2, batch=32, lr=1e-2)


class Stale(Base):
    """One policy, two of its fields."""

    model = Base.model.but(norm=Norm(stats="batch", affine=False))


class Slow(Base):
    """Another rate."""

    fit = Base.fit.but(lr=1e-3)


class Both(Slow):
    """Two things at once."""

    fit = Slow.fit.but(batch=8)
    recalibrate = "after"


class Louder(Base):
    """Another stage."""

    def loss(self, output, batch):  # type: ignore[no-untyped-def]
        return 2 * super().loss(output, batch)


class Tuned(Base):
    """Another recipe altogether."""

    fit = FineTune(epochs=3, batch=8, lr=1e-3)


class Grown(Network):
    """A network of the spec's own."""


class Written(Base):
    """That network."""

    model = Grown("resnet8", norm=Norm())


def test_defaults() -> None:
    asked = Experiment(baseline=Base, arms=[Stale, Base])
    assert asked.arms == (Base, Stale) and asked.seeds == 3 and [cell.name for cell in asked.cells] == ["main"]
    assert set(asked.tiers) == {"smoke", "default", "full"} and asked.tier("smoke").seeds == 1
    assert asked.arm("Stale") is Stale and asked.cell("main") is asked.cells[0]


@pytest.mark.parametrize("seeds", [0, -1, True, 2.0, "3"])
def test_seeds_are_whole_numbers_from_one(seeds: object) -> None:
    with pytest.raises(SpecError, match="takes a whole number from 1"):
        Experiment(baseline=Base, seeds=seeds)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="takes a whole number from 1"):
        Cell("a", seeds=seeds)  # type: ignore[arg-type]


def test_a_choice_has_values() -> None:
    with pytest.raises(SpecError, match="has no values"):
        Choice(field="fit__lr", values=[])
    with pytest.raises(SpecError, match="takes a whole number from 1"):
        Choice(field="fit__lr", values=[1], seeds=0)


@pytest.mark.parametrize("number", [0, -2, True])
def test_counts_of_a_cell_and_a_tier(number: int) -> None:
    with pytest.raises(SpecError, match="takes a whole number from 1"):
        Cell("a", sources=number)
    with pytest.raises(SpecError, match="takes a whole number from 1"):
        Tier(seeds=number)


def test_equal_arms_are_refused() -> None:
    same = Base.but("Same", fit__lr=0.01)
    with pytest.raises(SpecError, match="arm Same equals arm Base"):
        Experiment(baseline=Base, arms=[same])
    excused = Base.but("Excused", confounded="words are no difference")
    with pytest.raises(SpecError, match="arm Excused equals arm Base"):
        Experiment(baseline=Base, arms=[excused])


def test_names_occur_once() -> None:
    with pytest.raises(SpecError, match="2 arms named 'Stale'"):
        Experiment(baseline=Base, arms=[Stale, Slow.but("Stale")])
    with pytest.raises(SpecError, match="2 cells named 'a'"):
        Experiment(baseline=Base, cells=[Cell("a"), Cell("a")])


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"claims": [Claim.differs("Stal", Base)]}, "did you mean 'Stale'"),
        ({"claims": [Claim.differs(Stale, Base, cell="man")]}, "did you mean 'main'"),
        ({"cells": [Cell("a", choice="b")]}, "takes its choice from 'b'"),
        ({"cells": [Cell("a", arms=[Slow])]}, "Slow"),
        ({"tiers": {"smoke": Tier(arms=[Slow])}}, "Slow"),
        ({"choose": Choice(field="fit__lr", values=[1e-3], arms=[Slow])}, "a choice has the arm Slow"),
        ({"tiers": {"smoke": Tier(cells=[Cell("b")])}}, "the cell 'b', which is not among"),
        ({"arms": [Stale()]}, "is not a Learner class"),
        ({"arms": [Norm]}, "is not a Learner class"),
    ],
)
def test_what_is_named_is_there(part: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        Experiment(**{"baseline": Base, "arms": [Stale], **part})  # type: ignore[arg-type]


def test_names_that_are_not_there_get_the_nearest() -> None:
    asked = Experiment(baseline=Base, arms=[Stale])
    for ask, name, near in ((asked.arm, "Stal", "Stale"), (asked.cell, "mian", "main"), (asked.tier, "smke", "smoke")):
        with pytest.raises(SpecError, match=f"did you mean '{near}'"):
            ask(name)


def test_a_cell_s_change_leaves_an_arm_its_own_difference() -> None:
    asked = Experiment(baseline=Base, arms=[Stale, Slow, Tuned])
    cell, tier = Cell("a", fit__lr=0.5, model__norm__momentum=0.2), Tier(changes={"fit__epochs": 1})
    base, stale, slow, tuned = (derive(asked, arm, cell, tier) for arm in asked.arms)
    assert (base.fit.lr, base.fit.epochs, base.model.norm.momentum) == (0.5, 1, 0.2)
    assert (stale.fit.lr, stale.model.norm.stats, stale.model.norm.momentum) == (0.5, "batch", 0.2)
    assert slow.fit.lr == 1e-3 and slow.fit.epochs == 1
    assert tuned.fit == Tuned.fit
    assert derive(asked, Slow, cell, tier, {"fit__lr": 0.7}).fit.lr == 0.7
    assert (base.__name__, base.__doc__) == ("Base", "The baseline.") and Base.fit.lr == 1e-2


def test_changes_are_against_the_parent() -> None:
    assert changes(Base) == {} == changes(Base.but("Same"))
    assert changes(Stale) == {"model.norm.stats": ("track", "batch"), "model.norm.affine": (True, False)}
    assert changes(Both) == {"fit.batch": (32, 8), "recalibrate": ("never", "after")}
    assert changes(Louder) == {"loss()": ("inherited", "overridden")}


@pytest.mark.parametrize(
    ("arm", "things"),
    [
        (Base, []),
        (Stale, ["model.norm"]),
        (Slow, ["fit.lr"]),
        (Both, ["fit.batch", "recalibrate"]),
        (Louder, ["loss()"]),
        (Tuned, ["fit"]),
        (Written, ["model"]),
    ],
)
def test_how_many_things_an_arm_changes(arm: type[Learner], things: list[str]) -> None:
    assert differences(arm) == things


def test_where_no_name_is_near_all_there_are_are_listed() -> None:
    cells = [Cell(f"cell{number}") for number in range(16)]
    experiment = Experiment(baseline=Base, cells=cells)
    with pytest.raises(SpecError, match=r"there is no cell 'zzz'; there is 'cell0', .*'cell9'"):
        experiment.cell("zzz")
    with pytest.raises(SpecError, match=r"there is no arm 'zzz'; there is 'Base'"):
        experiment.arm("zzz")
