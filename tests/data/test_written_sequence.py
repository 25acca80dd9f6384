import math

import pytest
import torch
from torch.nn import functional

from workbench.data.targets.bleu import bleu, clipped
from workbench.data.targets.edit_distance import edit_distances
from workbench.data.targets.written_sequence import WrittenSequence
from workbench.data.tokens import Tokens
from workbench.data.values import END, PAD, UNKNOWN, Padded, Ragged

CLASSES = ("<pad>", "<unknown>", "<begin>", "<end>", "a", "b", "c", "d")
A, B, C, D = range(4, 8)


def logits(rows: list[list[int]], sure: float = 9.0) -> torch.Tensor:
    """An output whose likeliest tokens are these."""
    return functional.one_hot(Padded.of(rows).ids, len(CLASSES)).float() * sure


def plain(found: list[int], wanted: list[int]) -> int:
    """Wagner & Fischer 1974, cell by cell."""
    row = list(range(len(wanted) + 1))
    for place, token in enumerate(found, 1):
        before, row[0] = row[0], place
        for n, other in enumerate(wanted, 1):
            before, row[n] = row[n], min(row[n] + 1, row[n - 1] + 1, before + (token != other or other == UNKNOWN))
    return row[-1]


def test_edit_distances_are_those_of_the_plain_algorithm() -> None:
    draw = torch.Generator().manual_seed(0)
    pairs = []
    for _ in range(300):
        sizes = torch.randint(0, 7, (2,), generator=draw).tolist()
        found, wanted = (torch.randint(4, 7, (size,), generator=draw).tolist() for size in sizes)
        pairs.append((found, [UNKNOWN if n == 2 else each for n, each in enumerate(wanted)]))
    given = edit_distances(Padded.of([[*a, END] for a, _ in pairs]).ids, Padded.of([[*b, END] for _, b in pairs]).ids)
    assert given.tolist() == [plain(*pair) for pair in pairs]


def test_what_stands_behind_an_end_does_not_count() -> None:
    found = torch.tensor([[A, B, END, C, C], [A, END, PAD, PAD, PAD]])
    assert edit_distances(found, torch.tensor([[A, B, END], [A, B, END]])).tolist() == [0, 1]


def test_bleu_counts_as_in_the_paper() -> None:
    """Papineni et al. 2002, examples 1 and 2 (sections 2.1 and 2.2), and candidate 1's second-order precision."""
    references = [
        "It is a guide to action that ensures that the military will forever heed Party commands",
        "It is the guiding principle which guarantees the military forces always being under the command of the Party",
        "It is the practical guide for the army always to heed the directions of the party",
    ]
    right = [[each.lower().split() for each in references]]
    first = "It is a guide to action which ensures that the military always obeys the commands of the party"
    second = "It is to insure the troops forever hearing the activity guidebook that party direct"
    assert clipped([first.lower().split()], right, 1) == (17, 18)
    assert clipped([first.lower().split()], right, 2) == (10, 17)
    assert clipped([second.lower().split()], right, 1) == (8, 14)
    assert clipped([second.lower().split()], right, 2) == (1, 13)
    cat = [["the", "cat", "is", "on", "the", "mat"], ["there", "is", "a", "cat", "on", "the", "mat"]]
    assert clipped([["the", "the", "the", "the", "the", "the", "the"]], [cat], 1) == (2, 7)


def test_bleu_is_the_mean_of_precisions_with_the_brevity_penalty() -> None:
    right = [[["a", "b", "c", "d", "e", "f"]], [["g", "h", "i", "j"]]]
    assert bleu([each[0] for each in right], right) == 1.0
    # 4 of 4 grams of every order are right, 4 + 4 tokens stand for 6 + 4
    assert bleu([["a", "b", "c", "d"], ["g", "h", "i", "j"]], right) == pytest.approx(math.exp(1 - 10 / 8))
    # one token of eight wrong: precisions 7/8, 5/6, 3/4, 1/2
    found = [["a", "b", "c", "d"], ["g", "h", "i", "x"]]
    exact = [[["a", "b", "c", "d"]], [["g", "h", "i", "j"]]]
    assert bleu(found, exact) == pytest.approx((7 / 8 * 5 / 6 * 3 / 4 * 1 / 2) ** 0.25)
    assert bleu([["x", "y"]], [[["a", "b"]]]) == 0.0 == bleu([[]], [[["a", "b"]]])


def test_metrics_of_answers_of_another_length() -> None:
    target = WrittenSequence()
    y = Padded.of([[A, B, C, END], [A, END], [B, UNKNOWN, END], [C, D, END]])
    output = logits([[A, B, C, END, D], [B, C, D, A, A], [B, UNKNOWN, END], [C, END]])
    scores = target.metrics(output, y)
    assert scores["error"].tolist() == [0.0, 1.0, 0.5, 0.5]
    assert scores["sequence_error"].tolist() == [0.0, 1.0, 1.0, 1.0]
    assert tuple(scores) == target.names
    kept, stored = target.keep(output), Ragged.of([[A, B, C, END], [A, END], [B, UNKNOWN, END], [C, D, END]])
    whole = target.summary(kept, stored, {})
    assert whole["token_error"] == (0 + 4 + 1 + 1) / (3 + 1 + 2 + 2)
    assert whole["bleu"] == 0.0  # no sentence has four tokens


def test_loss_of_a_freely_written_answer_is_by_place() -> None:
    target = WrittenSequence()
    y = Padded.of([[A, B, END]])
    forced = target.metrics(logits([[A, B, END]]), y)["loss"]
    assert forced.item() == pytest.approx(target.loss(logits([[A, B, END]]), y).item())
    short = target.metrics(logits([[A]]), y)["loss"]
    assert short.item() == pytest.approx((forced.item() + 2 * math.log(len(CLASSES))) / 3, rel=1e-4)


def test_an_output_that_is_not_a_number_is_wrong() -> None:
    output = logits([[A, END]])
    output[0, 1, 0] = float("nan")
    scores = WrittenSequence().metrics(output, Padded.of([[A, END]]))
    assert scores["error"].tolist() == [1.0] == scores["sequence_error"].tolist()


def test_answers_for_people() -> None:
    target = WrittenSequence(tokens=Tokens(level="spaces", lower=False))
    output = logits([[A, B, END, C], [D, END, D, D]], sure=3.0)
    written, sure = target.predict(output)
    assert written.tolist() == [[A, B, END, PAD], [D, END, PAD, PAD]]
    one = math.exp(3) / (math.exp(3) + len(CLASSES) - 1)
    assert sure.tolist() == [pytest.approx(one**3), pytest.approx(one**2)]
    assert [text for text, _ in target.decode(output, CLASSES)] == ["a b", "d"]


def test_the_constant_predictor_gives_one_answer() -> None:
    train = Ragged.of([[A, B, END], [A, B, END], [C, B, END], [D, B, A, END]])
    test = Ragged.of([[A, B, END], [C, C, END], [C, B, END], [B, A, END]])
    scores = WrittenSequence().constant(train, test)
    assert scores["error"] == (0 + 1 + 0.5 + 1) / 4  # always a b
    assert scores["sequence_error"] == 3 / 4
    assert set(scores) == set(WrittenSequence.names)


def test_tokens_are_what_losses_are_the_mean_of() -> None:
    y = Padded.of([[A, B, END], [A, END]])
    assert WrittenSequence().count(y) == 5
    whole, parts = logits([[A, B, C], [B, END, A]], 1.0), []
    for cut in (slice(0, 1), slice(1, 2)):
        parts.append(WrittenSequence().loss(whole[cut], y[cut]) * WrittenSequence().count(y[cut]))
    assert torch.stack(parts).sum().item() / 5 == pytest.approx(WrittenSequence().loss(whole, y).item())
