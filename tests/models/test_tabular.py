"""The network for tables: sizes follow the data, weights the seed, and an unseen category says nothing."""

from pathlib import Path

import pytest
import torch

from workbench.data.signature import Signature
from workbench.data.values import Rows
from workbench.errors import FieldError
from workbench.models.groups import ungrouped
from workbench.models.model import Described
from workbench.models.norm import Norm, apply_norm
from workbench.models.tabular import RowNetwork, TabularNetwork, embedding_width
from workbench.streams import Seeds

SIGNATURE = Signature("table", 3, cardinalities=(4, 30), numbers=2, columns=("job", "town", "age", "pay"))
ROWS = Rows(torch.tensor([[1, 2], [0, 29], [3, 0]]), torch.randn(3, 2, generator=torch.Generator().manual_seed(0)))


def built(part: TabularNetwork, signature: Signature = SIGNATURE, seed: int = 0) -> RowNetwork:
    network = part.build(signature, seeds=Seeds.of(seed), root=Path())
    assert isinstance(network, RowNetwork)
    return network


def test_the_width_of_an_embedding_is_fastai_s() -> None:
    assert [embedding_width(n) for n in (2, 10, 1000, 100_000)] == [2, 6, 77, 600]


def test_rows_give_one_output_a_class() -> None:
    network = built(TabularNetwork())
    assert network(ROWS).shape == (3, 3) and isinstance(network, Described)
    assert [tuple(table.shape) for table in network.embeddings().values()] == [(4, 3), (30, 11)]
    assert list(network.embeddings()) == ["job", "town"]


@pytest.mark.parametrize("norm", [Norm(), Norm(kind="group"), Norm(kind="none")])
def test_every_parameter_is_in_one_group(norm: Norm) -> None:
    network = built(TabularNetwork(norm=norm))
    assert not ungrouped(network, network.groups())
    assert [name for name, _ in network.groups()] == ["embedding", "layer1", "layer2", "head"]
    assert network(ROWS).isfinite().all()


@pytest.mark.parametrize(("cardinalities", "numbers"), [((), 3), ((5,), 0)])
def test_there_may_be_categories_or_numbers_alone(cardinalities: tuple[int, ...], numbers: int) -> None:
    signature = Signature("table", 1, cardinalities=cardinalities, numbers=numbers, columns=("a", "b", "c"))
    network = built(TabularNetwork(layers=(8,)), signature)
    rows = Rows(torch.zeros(2, len(cardinalities), dtype=torch.int64), torch.zeros(2, numbers))
    assert network(rows).shape == (2, 1) and not ungrouped(network, network.groups())
    assert built(TabularNetwork(layers=()), signature)(rows).shape == (2, 1)


def test_weights_are_the_seed_s() -> None:
    before = torch.random.get_rng_state()
    one, same, other = (built(TabularNetwork(), seed=seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.head.weight, other.head.weight)


def test_an_unseen_category_begins_as_nothing() -> None:
    assert not built(TabularNetwork()).embeddings()["job"][0].any()


def test_the_norm_policy_reaches_its_layers() -> None:
    network = built(TabularNetwork(norm=Norm(stats="running", affine=False)))
    network.train()
    apply_norm(network, Norm(stats="running", affine=False))
    before = {name: each.clone() for name, each in network.named_buffers()}
    network(ROWS)
    assert before and all(torch.equal(each, before[name]) for name, each in network.named_buffers())


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(FieldError, match=r"TabularNetwork\.dropout is 1"):
        TabularNetwork(dropout=1.0)
    with pytest.raises(FieldError, match=r"TabularNetwork\.layers is \(0,\)"):
        TabularNetwork(layers=(0,))
    with pytest.raises(FieldError, match=r"TabularNetwork\.width is 0"):
        TabularNetwork(width=0)
    with pytest.raises(FieldError, match="takes tables, and the data are pictures"):
        TabularNetwork().build(Signature("image", 3), seeds=Seeds.of(0), root=Path())
