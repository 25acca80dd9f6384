"""Does attention lower the error of what a network writes unaided, and does it matter more the longer the source is?

Bahdanau, Cho and Bengio (2015) said so of English and French. Here French becomes English in two tasks: number words,
letter by letter, whose rules 2,000 pairs can teach, and Tatoeba's sentences. Short, middle and long sources are equally
many in training and test, so that no length is the rarer one. README.md has the numbers, figures.py draws the figures.
"""

import dataclasses
import itertools
from pathlib import Path

import torch

from workbench import Callback, Cell, Choice, Claim, Experiment, Learner, OneCycle, Seeds, Seq2Seq, TextPairs, Tier
from workbench.data.items import Datasets, Items
from workbench.data.split import Split
from workbench.streams import permutation
from workbench.training.evaluation import evaluate
from workbench.training.state import State


class EvenLengths(TextPairs):
    """Sentence pairs of which each range of source lengths has as many.

    ``bounds``: the longest source, in tokens, of every range but the last. ``train``: training pairs in all, drawn from
    the ranges alike. ``tested``: test pairs of a range, the same for every seed. ``taught``: how many ranges, the
    shortest first, are trained on; None: all of them.
    """

    bounds: tuple[int, int]
    tested: int = 500
    taught: int | None = None

    def load(self, seeds: Seeds, root: Path, *, choosing: bool = False) -> Datasets:
        """As :meth:`TextPairs.load`, with vocabularies of all pairs outside of the test."""
        data = TextPairs.load(self.but(train=None), seeds, root, choosing=choosing)
        ranges = self.ranges(data.train)[: self.taught]
        found = {"train": _some(data.train, ranges, self.train // len(ranges), seeds.subset)}
        for name, items in data.splits():
            if name != "train":
                found[name] = _some(items, self.ranges(items), self.tested, 0)
        return dataclasses.replace(data, **found)

    def ranges(self, items: Items) -> list[torch.Tensor]:
        """The positions of the items in each range, the shortest first."""
        lengths = items.inputs.counts - 1  # END stands behind every source
        edges = [0, *self.bounds, int(lengths.max())]
        return [((lengths > low) & (lengths <= high)).nonzero().flatten() for low, high in itertools.pairwise(edges)]


def _some(items: Items, ranges: list[torch.Tensor], each: int, seed: int) -> Items:
    """So many items of each range, drawn from a stream."""
    drawn = [index[permutation(seed, "even lengths", n=len(index))[:each]] for index in ranges]
    return items.subset(torch.cat(drawn).sort().values)


class ByLength(Callback):
    """Adds ``test/error_short`` and ``test/error_long``, of the first and the last range of lengths, and
    ``test/error_growth``, the second minus the first."""

    def evaluated(self, state: State) -> None:
        """After the test only: settings are chosen by the error on all validation items."""
        if "test/error" not in state.metrics:
            return
        test = state.data.test
        short, *_, long = state.learner.data.ranges(test)
        errors = [evaluate(state.learner, state, test.subset(index))[0]["error"] for index in (short, long)]
        found = dict(zip(("test/error_short", "test/error_long"), errors, strict=True))
        found["test/error_growth"] = errors[1] - errors[0]
        state.metrics.update(found)
        state.record(found)


class NoAttention(Learner):
    """The whole source as one vector, which every step of the writing half is given (RNNencdec): the baseline."""

    data = EvenLengths(
        "data/french_numbers.tsv",
        columns=("french", "english"),
        source_tokens="characters",
        target_tokens="words",
        bounds=(30, 45),
        train=2_100,
        split=Split(test=0.05),
        validation=0.05,
        min_count=1,
    )
    model = Seq2Seq("gru", attention="none", width=64)
    fit = OneCycle(epochs=12, batch=64, lr=5e-3, clip=1.0)

    def callbacks(self) -> list[Callback]:
        """Errors of short and of long sources besides."""
        return [ByLength()]


class Attention(NoAttention):
    """A mean over the source's states, weighted anew for every token that is written (RNNsearch)."""

    model = NoAttention.model.but(attention="additive")


class NoAttentionWide(NoAttention):
    """No attention, but no fewer weights than the network with it: is it more than capacity?"""

    model = NoAttention.model.but(width=70)


numbers = Cell("numbers", about="French number words, letter by letter, to English words; 2,100 pairs to learn from")
sentences = Cell(
    "sentences",
    about="Tatoeba's French sentences to English ones; 9,000 pairs to learn from",
    data=EvenLengths(
        "data/tatoeba_fra.tsv",
        columns=("french", "english"),
        bounds=(7, 11),
        train=9_000,
        split=Split(test=0.05),
        validation=0.05,
        most=1_500,
        longest=20,
    ),
    fit__epochs=5,
)
by_words = Cell(
    "numbers/words",
    arms=[NoAttention, Attention],
    seeds=3,
    exploratory=True,
    choice="numbers",
    about="the same numbers word by word: the same content in sources a quarter as long",
    data=NoAttention.data.but(source_tokens="words", bounds=(6, 9)),
)
unseen_lengths = Cell(
    "numbers/unseen lengths",
    arms=[NoAttention, Attention],
    seeds=3,
    exploratory=True,
    choice="numbers",
    about="trained on sources of at most 45 letters: test error long is of lengths that training did not have",
    data=NoAttention.data.but(taught=2),
)
at_scale = Cell(
    "all sentences",
    arms=[NoAttention, Attention],
    about="every Tatoeba pair up to 50 tokens, in the lengths that there are",
    data=sentences.changes["data"].but(bounds=(7, 15), train=600_000, most=30_000, longest=50),
    model__width=512,
    fit=OneCycle(epochs=12, batch=256, lr=1e-3, clip=1.0),
)

claims = [
    Claim.lower(
        Attention,
        NoAttention,
        by=0.02,
        cell="numbers",
        name="N1",
        why="the paper's main claim; an earlier prototype: 0.3 against 31 % of whole numbers wrong",
    ),
    Claim.lower(
        Attention, NoAttentionWide, by=0.02, cell="numbers", name="N2", why="the same, and not because of more weights"
    ),
    Claim.differs(
        NoAttention,
        Attention,
        by=0.02,
        measure="test/error_growth",
        cell="numbers",
        name="N3",
        why="the paper: the gap grows with the length; one seed with few short numbers had it shrink",
    ),
    Claim.lower(
        Attention, NoAttention, by=0.02, cell="sentences", name="S1", why="a prototype with one seed: 8 points lower"
    ),
    Claim.lower(
        Attention,
        NoAttentionWide,
        by=0.02,
        cell="sentences",
        name="S2",
        why="the same, and not because of more weights",
    ),
    Claim.differs(
        NoAttention,
        Attention,
        by=0.02,
        measure="test/error_growth",
        cell="sentences",
        name="S3",
        why="the paper: the gap grows with the length; one seed had the same gap for short and long sentences",
    ),
]

experiment = Experiment(
    baseline=NoAttention,
    arms=[Attention, NoAttentionWide],
    seeds=10,
    first_seed=100,
    cells=[numbers, sentences, by_words, unseen_lengths, at_scale],
    claims=claims,
    choose=Choice(field="fit__lr", values=[3e-3, 1e-2]),
    tiers={
        "smoke": Tier(cells=[numbers], seeds=1, changes={"fit__epochs": 1}, choosing=False, minutes=0.5),
        "default": Tier(cells=[numbers], seeds=3, minutes=2),
        "full": Tier(cells=[numbers, sentences, by_words, unseen_lengths], minutes=12),
        "gpu": Tier(cells=[at_scale], choosing=False),
    },
)
