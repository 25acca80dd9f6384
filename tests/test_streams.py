"""Random streams: functions of (seed, purpose, epoch, index), uniform, and independent of each other."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench import streams
from workbench.streams import Seeds, generator, key, numpy_generator, permutation, uniform

MASK = (1 << 64) - 1
seeds = st.integers(0, 2**40)
indices = st.lists(st.integers(0, 2**40), min_size=1, max_size=40).map(lambda each: torch.tensor(each))


def splitmix64(state: int) -> int:
    """One output of SplitMix64 in Python's unbounded integers, after Steele et al. 2014."""
    state = (state + 0x9E3779B97F4A7C15) & MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


def not_suspicious(p: float) -> bool:
    """Neither a misfit nor too good a fit; the seeds are fixed, so this never fails by chance."""
    return 1e-3 < p < 1 - 1e-3


@given(seeds, indices, st.integers(1, 8), st.integers(1, 16))
def test_an_items_numbers_do_not_depend_on_its_batch(root: int, index: torch.Tensor, draws: int, batch: int) -> None:
    whole = uniform(root, "augment", 3, index=index, draws=draws)
    pieces = torch.cat([uniform(root, "augment", 3, index=piece, draws=draws) for piece in index.split(batch)])
    assert torch.equal(whole, pieces)
    turned = uniform(root, "augment", 3, index=index.flip(0), draws=draws).flip(0)
    assert torch.equal(whole, turned)


@given(seeds, indices, st.integers(1, 8), st.integers(0, 8))
def test_asking_for_more_numbers_keeps_the_first_ones(root: int, index: torch.Tensor, draws: int, more: int) -> None:
    few = uniform(root, "augment", index=index, draws=draws)
    assert torch.equal(few, uniform(root, "augment", index=index, draws=draws + more)[:, :draws])


@given(seeds, indices, st.integers(0, 8))
def test_numbers_lie_in_the_half_open_interval(root: int, index: torch.Tensor, draws: int) -> None:
    values = uniform(root, "x", index=index, draws=draws)
    assert values.shape == (len(index), draws) and values.dtype == torch.float32
    assert bool(((values >= 0) & (values < 1)).all())


@given(seeds, st.integers(0, 2**62), st.integers(0, 9))
def test_it_is_splitmix64_bit_for_bit(root: int, index: int, draw: int) -> None:
    state = splitmix64((index + key(root, "x")) & MASK)
    expected = splitmix64((state + draw * 0x9E3779B97F4A7C15) & MASK) >> 40
    assert float(uniform(root, "x", index=torch.tensor([index]), draws=draw + 1)[0, draw]) == expected * 2.0**-24


def test_a_recorded_stream_never_changes() -> None:
    """Changing these digits changes the result of every recorded run: don't."""
    assert key(100, "order", 3) == 588918326703454638
    assert permutation(100, "order", 3, n=8).tolist() == [4, 5, 0, 3, 2, 1, 6, 7]
    assert (uniform(100, "augment", 3, index=torch.tensor([0, 1]), draws=2) * 2**24).long().tolist() == [
        [14006412, 7530170],
        [9087644, 10651167],
    ]


def test_uniform() -> None:
    values = uniform(1, "augment", 0, index=torch.arange(50_000), draws=4).flatten().numpy()
    counts, _ = np.histogram(values, bins=256, range=(0, 1))
    assert not_suspicious(scipy.stats.chisquare(counts).pvalue)
    assert not_suspicious(scipy.stats.kstest(values[:20_000], "uniform").pvalue)


def test_low_bits_are_as_random_as_high_ones() -> None:
    bits = (uniform(1, "augment", index=torch.arange(50_000), draws=1).flatten() * 2**24).long()
    for bit in range(24):
        ones = int((bits >> bit & 1).sum())
        assert not_suspicious(scipy.stats.binomtest(ones, 50_000).pvalue / 1.0001)


def independent(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether pairs fill the unit square evenly (chi-square over 16 x 16 squares)."""
    counts, _, _ = np.histogram2d(one.numpy(), other.numpy(), bins=16, range=((0, 1), (0, 1)))
    return not_suspicious(scipy.stats.chisquare(counts.flatten()).pvalue)


def test_purposes_epochs_seeds_draws_and_neighbours_are_independent() -> None:
    index = torch.arange(50_000)
    base = uniform(5, "augment", 0, index=index, draws=2)
    assert independent(base[:, 0], uniform(5, "subset", 0, index=index, draws=1)[:, 0])
    assert independent(base[:, 0], uniform(5, "augment", 1, index=index, draws=1)[:, 0])
    assert independent(base[:, 0], uniform(6, "augment", 0, index=index, draws=1)[:, 0])
    assert independent(base[:, 0], base[:, 1])
    assert independent(base[:-1, 0], base[1:, 0])
    assert independent(base[:-1, 1], base[1:, 0])


@given(seeds, st.integers(0, 60))
def test_a_permutation_holds_each_item_once_and_repeats(root: int, n: int) -> None:
    order = permutation(root, "order", 2, n=n)
    assert order.dtype == torch.int64
    assert sorted(order.tolist()) == list(range(n))
    assert torch.equal(order, permutation(root, "order", 2, n=n))


def test_each_epoch_and_seed_has_its_own_order() -> None:
    orders = {tuple(permutation(root, "order", epoch, n=50).tolist()) for root in range(10) for epoch in range(10)}
    assert len(orders) == 100


def test_every_order_is_equally_likely() -> None:
    counts: dict[tuple[int, ...], int] = {}
    for root in range(4_800):
        order = tuple(permutation(root, "order", 0, n=4).tolist())
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 24
    assert not_suspicious(scipy.stats.chisquare(list(counts.values())).pvalue)


@given(seeds)
def test_generators_repeat_and_leave_the_global_ones_alone(root: int) -> None:
    before = torch.get_rng_state()
    first = torch.randn(5, generator=generator(root, "init"))
    assert torch.equal(first, torch.randn(5, generator=generator(root, "init")))
    assert not torch.equal(first, torch.randn(5, generator=generator(root, "order")))
    assert numpy_generator(root, "x").random() == numpy_generator(root, "x").random()
    assert torch.equal(before, torch.get_rng_state())


def test_keys_are_63_bit_and_distinct() -> None:
    keys = [key(root, purpose, epoch) for root in range(20) for purpose in ("order", "init") for epoch in range(20)]
    assert len(set(keys)) == len(keys)
    assert all(0 <= each < 2**63 for each in keys)


def test_another_process_draws_the_same() -> None:
    code = (
        "import torch; from workbench.streams import *; print(uniform(9, 'a', index=torch.arange(3), draws=2).tolist())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert there.strip() == str(uniform(9, "a", index=torch.arange(3), draws=2).tolist())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_the_gpu_draws_the_same_bits() -> None:
    index = torch.arange(10_000)
    here = uniform(9, "augment", 1, index=index, draws=8)
    assert torch.equal(here, uniform(9, "augment", 1, index=index.cuda(), draws=8).cpu())


def test_importing_streams_does_not_import_torch() -> None:
    code = "import sys, workbench.streams; print('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_a_seed_tuple_reads_as_short_as_it_can() -> None:
    assert str(Seeds.of(100)) == "100"
    assert str(Seeds.of(100, source=2)) == "100/2"
    assert str(Seeds(subset=1, init=2, order=3, augment=4)) == "1.2.3.4"
    assert Seeds.of(3) == Seeds(subset=3, init=3, order=3, augment=3)


def test_signed_wraps_like_two_complement() -> None:
    assert streams._signed(MASK) == -1 and streams._signed(1) == 1
