"""Stored values: sequences come out padded, subsets keep the order, rows stay together."""

import torch

from workbench.data.values import PAD, Padded, Ragged, Rows, device_of, subset

SEQUENCES = [[5, 6, 7], [8], [], [9, 10]]


def test_indexing_sequences_gives_a_rectangle_as_wide_as_the_longest_chosen() -> None:
    ragged = Ragged.of(SEQUENCES)
    padded = ragged[torch.tensor([3, 1, 2])]
    assert padded.ids.tolist() == [[9, 10], [8, PAD], [PAD, PAD]]
    assert padded.lengths.tolist() == list(padded.counts) == [2, 1, 0]
    assert padded.mask.tolist() == [[True, True], [True, False], [False, False]]
    assert len(ragged) == 4 and ragged[torch.tensor([2])].ids.tolist() == [[PAD]]


def test_a_subset_of_sequences_is_stored_as_sequences() -> None:
    found = subset(Ragged.of(SEQUENCES), torch.tensor([3, 0]))
    assert isinstance(found, Ragged) and found.flat.tolist() == [9, 10, 5, 6, 7] and found.counts.tolist() == [2, 3]
    assert subset(Ragged.of(SEQUENCES), torch.tensor([], dtype=torch.int64)).flat.tolist() == []


def test_a_cut_of_a_rectangle_keeps_lengths_and_counts() -> None:
    cut = Padded.of(SEQUENCES)[1:3]
    assert cut.ids.tolist() == [[8, PAD, PAD], [PAD, PAD, PAD]] and cut.counts == (1, 0)
    assert cut.lengths.tolist() == [1, 0]


def test_rows_of_a_table_stay_together() -> None:
    rows = Rows(torch.tensor([[1], [2], [3]]), torch.tensor([[0.5], [1.5], [2.5]]))
    found = subset(rows, torch.tensor([2, 0]))
    assert found.categories.tolist() == [[3], [1]] and found.numbers.tolist() == [[2.5], [0.5]]
    assert len(found) == 2 and device_of(found).type == "cpu"
