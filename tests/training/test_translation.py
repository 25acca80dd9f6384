"""French to English, learnt from Tatoeba's sentence pairs: real translations, judged on sentences that are new."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from workbench import Learner, OneCycle, Seq2Seq, TextPairs
from workbench.data.items import Datasets
from workbench.data.split import Split
from workbench.data.targets.edit_distance import edit_distances, lengths
from workbench.data.values import END, PAD, UNKNOWN, Padded

BOUND = 0.45
"""Share of wrong words, set after seed 0 came to 0.385; seed 1 confirms it."""


class Translated(Learner):
    """Short sentences, 12,000 of them to learn from."""

    data = TextPairs(
        "data/tatoeba_fra.tsv", columns=("french", "english"), longest=6, train=12_000, split=Split(test=0.02)
    )
    model = Seq2Seq()
    fit = OneCycle(epochs=5, batch=64, lr=5e-3, clip=1.0)


def word_by_word(data: Datasets) -> float:
    """The error of putting for each word the one that goes with it best: Dice's coefficient over the training pairs."""
    index = torch.arange(len(data.train))
    together: defaultdict[int, Counter[int]] = defaultdict(Counter)
    source, target = Counter[int](), Counter[int]()
    sides = (values[index].ids.tolist() for values in (data.train.inputs, data.train.targets))
    for words in zip(*sides, strict=True):
        here, there = (set(each) - {PAD, END} for each in words)
        source.update(here)
        target.update(there)
        for word in here:
            together[word].update(there)
    best = {
        word: max(found, key=lambda other: 2 * found[other] / (source[word] + target[other]))
        for word, found in together.items()
    }
    index = torch.arange(len(data.test))
    asked, right = data.test.inputs[index].ids.tolist(), data.test.targets[index].ids
    said = [[*(best.get(word, UNKNOWN) for word in row if word not in (PAD, END)), END] for row in asked]
    return float((edit_distances(Padded.of(said).ids, right) / lengths(right)).clamp(max=1).mean())


@pytest.mark.slow
def test_new_sentences_are_translated_better_than_word_by_word(carried: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/tatoeba_fra.tsv").symlink_to(carried("data/tatoeba_fra.tsv"))
    learner = Translated(1, root=tmp_path)
    result = learner.run()
    assert learner.state is not None
    assert result.metrics["test/error"] < BOUND < word_by_word(learner.state.data) < result.constant["test/error"]
    assert result.metrics["test/bleu"] > 0.2
