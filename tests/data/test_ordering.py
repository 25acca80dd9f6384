import torch

from workbench.data.ordering import by_length

LENGTHS = torch.randint(1, 50, (1003,), generator=torch.Generator().manual_seed(0))


def order(**changes: int) -> torch.Tensor:
    return by_length(LENGTHS, **{"seed": 1, "epoch": 0, "batch": 8, **changes})


def test_every_item_comes_once_and_the_short_batch_last() -> None:
    assert torch.equal(order().sort().values, torch.arange(1003))
    assert len(order().split(8)[-1]) == 3


def test_a_batch_has_like_lengths_and_batches_come_in_any_order() -> None:
    spread = torch.stack([LENGTHS[each].max() - LENGTHS[each].min() for each in order().split(8)[:-1]]).float().mean()
    chance = torch.stack([part.max() - part.min() for part in LENGTHS.split(8)[:-1]]).float().mean()
    assert spread < chance / 10
    means = torch.stack([LENGTHS[each].float().mean() for each in order().split(8)[:-1]])
    assert means.diff().sign().unique().tolist() != [-1.0]


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    assert torch.equal(order(), order())
    assert not torch.equal(order(), order(epoch=1)) and not torch.equal(order(), order(seed=2))
