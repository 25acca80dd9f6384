"""Networks for ratings: the formula, unseen ones as the mean, weights by the seed."""

from pathlib import Path

import pytest
import torch

from workbench.data.signature import Signature
from workbench.errors import FieldError
from workbench.models.collab import Collab, DotNetwork, NeuralNetwork
from workbench.models.groups import ungrouped
from workbench.models.model import Described
from workbench.models.norm import Norm
from workbench.streams import Seeds

SIGNATURE = Signature("ratings", 1, users=5, things=8, limits=(1.0, 5.0), columns=("user", "movie"))
PAIRS = torch.tensor([[1, 2], [4, 7], [0, 3], [0, 0]])


def dot(**fields: object) -> DotNetwork:
    network = Collab(**fields).build(SIGNATURE, seeds=Seeds.of(0), root=Path())  # type: ignore[arg-type]
    assert isinstance(network, DotNetwork)
    return network


def test_the_dot_product_is_the_paper_s_equation() -> None:
    network = dot(factors=3)
    with torch.no_grad():
        network.head.mean.fill_(0.5)
    factors, biases = network.embeddings(), network.biases()
    for pair, output in zip(PAIRS.tolist(), network(PAIRS).flatten().tolist(), strict=True):
        user, movie = pair
        agree = float(factors["user"][user] @ factors["movie"][movie])
        assert output == pytest.approx(0.5 + float(biases["user"][user] + biases["movie"][movie]) + agree, abs=1e-6)
    assert factors["user"].shape == (5, 3) and biases["movie"].shape == (8,)


def test_an_unseen_one_is_evaluated_as_the_mean_of_those_that_were_trained() -> None:
    network = dot(factors=3)
    assert network(PAIRS)[3].item() == 0, "while it trains there are no unseen ones"
    with torch.no_grad():
        network.users.weight[1:] += 1.0
        network.things.weight[1:] += 2.0
        average = [table.weight[1:].mean(0) for table in (network.users, network.things)]
    network.eval()
    both = (average[0][:-1] @ average[1][:-1] + average[0][-1] + average[1][-1]).item()
    assert network(PAIRS)[3].item() == pytest.approx(both, abs=1e-5) and both > 8
    third = network.things.weight[3]
    assert network(PAIRS)[2].item() == pytest.approx(
        (average[0][:-1] @ third[:-1] + average[0][-1] + third[-1]).item(), abs=1e-5
    )


def test_rare_ones_keep_the_row_that_training_gave_them() -> None:
    network = dot(factors=3).eval()
    with torch.no_grad():
        network.users.weight[0], network.things.weight[0] = 0.5, 0.25
    assert network(PAIRS)[3].item() == pytest.approx(3 * 0.5 * 0.25 + 0.75)


@pytest.mark.parametrize("part", [Collab(), Collab(kind="neural"), Collab(kind="neural", norm=Norm(kind="none"))])
def test_every_parameter_is_in_one_group_and_weights_are_the_seed_s(part: Collab) -> None:
    before = torch.random.get_rng_state()
    one, same, other = (part.build(SIGNATURE, seeds=Seeds.of(seed), root=Path()).eval() for seed in (0, 0, 1))
    assert torch.equal(before, torch.random.get_rng_state())
    assert isinstance(one, Described) and not ungrouped(one, one.groups())
    assert one.groups()[0][0] == "users" and one.groups()[-1][0] == "head"
    assert one(PAIRS).shape == (4, 1) and torch.equal(one(PAIRS), same(PAIRS))
    assert not torch.equal(one(PAIRS), other(PAIRS))


def test_the_neural_one_shows_its_factors() -> None:
    network = Collab(kind="neural", factors=6).build(SIGNATURE, seeds=Seeds.of(0), root=Path())
    assert isinstance(network, NeuralNetwork)
    assert {name: tuple(each.shape) for name, each in network.embeddings().items()} == {"user": (5, 6), "movie": (8, 6)}


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(FieldError, match=r"Collab\.factors is 0"):
        Collab(factors=0)
    with pytest.raises(FieldError, match=r"Collab\.layers is \(0,\)"):
        Collab(layers=(0,))
    with pytest.raises(FieldError, match=r"Collab\.dropout is 1"):
        Collab(dropout=1.0)
    assert Collab("neural") == Collab(kind="neural")
    for field, value in (("layers", (8,)), ("dropout", 0.1), ("norm", Norm(kind="none"))):
        with pytest.raises(
            FieldError, match=rf"Collab\.{field} is .*, but kind 'dot' has no hidden layers\. Leave {field}"
        ):
            Collab(**{field: value})
    with pytest.raises(FieldError, match="gives one number, and the target needs 3"):
        Collab().build(Signature("ratings", 3, users=2, things=2), seeds=Seeds.of(0), root=Path())
    with pytest.raises(FieldError, match="takes ratings, and the data are tables"):
        Collab().build(Signature("table", 1), seeds=Seeds.of(0), root=Path())
