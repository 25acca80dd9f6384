"""Two runs are the same run exactly when nothing that a number depends on differs."""

from typing import Any

import pytest

from workbench import ImageArrays, Learner, Network, Norm, OneCycle
from workbench.streams import Seeds
from workbench.study.identity import Circumstances, described, identities, library_hash


class Base(Learner):
    """The baseline."""

    data = ImageArrays("data/small.npz")
    model = Network("resnet8", norm=Norm())
    fit = OneCycle(epochs=2, batch=32, lr=1e-2)


class Louder(Base):
    """Another loss."""

    def loss(self, output, batch):  # type: ignore[no-untyped-def]
        return 2 * super().loss(output, batch)


FACTS: dict[str, Any] = {
    "pins": {"data/small.npz": "0" * 32}, "sources": {}, "device": "cpu", "threads": 1, "choosing": False,
}  # fmt: skip


def both(arm: type[Learner] = Base, seeds: Seeds | None = None, **facts: Any) -> tuple[str, str]:
    return identities(arm, seeds or Seeds.of(1), Circumstances(**{**FACTS, **facts}))


def test_it_is_a_hash_that_repeats() -> None:
    assert both() == both() and len(both()[0]) == 64 and set(both()[0]) <= set("0123456789abcdef")
    assert both(Base.but(fit__lr=0.01)) == both(Base.but("Renamed")) == both()
    assert both(Base.but(confounded="words")) == both() and "confounded" not in described(Base)
    assert len(library_hash()) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"arm": Louder}, {"arm": Base.but(fit__lr=0.02)}, {"arm": Base.but(data__train=10)},
        {"arm": Base.but(level="strict")},
        {"arm": Base.but(recalibrate="before")}, {"seeds": Seeds.of(2)}, {"seeds": Seeds.of(1, 1)},
        {"pins": {"data/small.npz": "1" * 32}}, {"sources": {"experiments/a": "x"}}, {"device": "cuda"}, {"threads": 2},
        {"choosing": True},
    ],
)  # fmt: skip
def test_whatever_a_weight_depends_on_makes_another_run(change: dict[str, Any]) -> None:
    assert both(**change)[0] != both()[0] and both(**change)[1] != both()[1]


@pytest.mark.parametrize("change", [{"recalibrate": "after"}, {"diagnostics": ("train",)}])
def test_what_comes_after_training_makes_another_run_of_the_same_weights(change: dict[str, Any]) -> None:
    run, trained = both(Base.but(**change))
    assert run != both()[0] and trained == both()[1]
