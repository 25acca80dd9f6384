import torch

from workbench.data.forced import FeedTargets, Forced
from workbench.data.loading import Batch
from workbench.data.values import BEGIN, END, Padded
from workbench.models.forcing import TeacherForcing

SOURCES = Padded.of([[4, 5, END], [6, END], [7, 8, END], [9, END]])
TARGETS = Padded.of([[5, END], [6, 7, 8, END], [4, END], [9, 9, END]])
BATCH = Batch(SOURCES, TARGETS, torch.tensor([10, 3, 7, 0]))


def forced(unit: str, batch: Batch = BATCH, epoch: int = 1, progress: float = 0.25) -> Forced:
    feed = FeedTargets(TeacherForcing(end=0, unit=unit))  # type: ignore[arg-type]
    x = feed(batch, training=True, seed=5, epoch=epoch, progress=progress)
    assert isinstance(x, Forced)
    return x


def test_evaluation_never_sees_the_target() -> None:
    assert FeedTargets(TeacherForcing())(BATCH, training=False, seed=0, epoch=0, progress=0) is SOURCES


def test_training_gives_the_share_of_that_moment() -> None:
    x = forced("token")
    assert x.share == 0.75 and x.source is SOURCES and x.target is TARGETS
    assert x.before.tolist() == [[BEGIN, 5, END, 0], [BEGIN, 6, 7, 8], [BEGIN, 4, END, 0], [BEGIN, 9, 9, END]]
    without = FeedTargets()(BATCH, training=True, seed=0, epoch=0, progress=0.9)
    assert isinstance(without, Forced) and without.share == 1.0


def test_draws_belong_to_items_and_places() -> None:
    whole = forced("token").keep
    assert len(set(whole.flatten().tolist())) == whole.numel()
    pieces = [forced("token", piece).keep for piece in BATCH.split(3)]
    assert torch.equal(torch.cat(pieces), whole)
    # another width of the batch, as another neighbour makes it
    narrow = Batch(SOURCES[2:], Padded.of([[4, END], [9, 9, END]]), BATCH.index[2:])
    assert torch.equal(forced("token", narrow).keep, whole[2:, :3])
    assert not torch.equal(forced("token", epoch=2).keep, whole)


def test_a_sequence_has_one_draw() -> None:
    keep = forced("sequence").keep
    assert torch.equal(keep, keep[:, :1].expand(4, 4)) and len(set(keep[:, 0].tolist())) == 4


def test_a_step_has_one_draw_a_place_that_all_its_pieces_share() -> None:
    keep = forced("step").keep
    assert torch.equal(keep, keep[:1].expand(4, 4)) and len(set(keep[0].tolist())) == 4
    assert torch.equal(torch.cat([forced("step", piece).keep for piece in BATCH.split(1)]), keep)
    assert not torch.equal(forced("step", progress=0.26).keep, keep)


def test_the_settings_say_how_it_is_fed() -> None:
    rows = {name: value for name, value, _ in FeedTargets(TeacherForcing(end=0.5)).rows()}
    assert rows == {"forcing": "1 to 0.5", "decoding": "greedy, free running"}
