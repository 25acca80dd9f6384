from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from workbench import Network, Seeds
from workbench.data.forced import Forced
from workbench.data.signature import Signature
from workbench.data.values import END, PAD, Padded, Ragged
from workbench.errors import FieldError
from workbench.models.groups import ungrouped
from workbench.models.norm import Norm
from workbench.models.seq2seq import PairNetwork, Seq2Seq

SIGNATURE = Signature("pairs", outputs=9, vocabulary=9, longest=6)
ARCHS = ("gru", "transformer")
SMALL: dict[str, Any] = {"width": 32, "dropout": 0.0}


def built(arch: str, **fields: Any) -> PairNetwork:
    part = Seq2Seq(arch=arch, **{**SMALL, **fields})  # type: ignore[arg-type]
    network = part.build(SIGNATURE, seeds=Seeds.of(3), root=Path())
    assert isinstance(network, PairNetwork)
    return network


def backwards(count: int, seed: int = 0) -> tuple[Ragged, Ragged]:
    """Sequences of 1 to 5 tokens, and each turned around."""
    draw = torch.Generator().manual_seed(seed)
    rows = [torch.randint(4, 9, (1 + n % 5,), generator=draw).tolist() for n in range(count)]
    return Ragged.of([[*row, END] for row in rows]), Ragged.of([[*row[::-1], END] for row in rows])


def batch(share: float = 1.0, count: int = 8) -> Forced:
    sources, targets = (side[torch.arange(count)] for side in backwards(count))
    keep = torch.rand(targets.ids.shape, generator=torch.Generator().manual_seed(4))
    return Forced(sources, targets, keep, share)


@pytest.mark.parametrize("arch", ARCHS)
def test_weights_are_those_of_the_seed(arch: str) -> None:
    before = torch.random.get_rng_state()
    first, again = built(arch).state_dict(), built(arch).state_dict()
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in first)
    other = Seq2Seq(arch=arch, **SMALL).build(SIGNATURE, seeds=Seeds(init=1), root=Path())  # type: ignore[arg-type]
    assert not torch.equal(other.state_dict()["head.weight"], first["head.weight"])
    assert first["target.weight"][PAD].eq(0).all()


@pytest.mark.parametrize("arch", ARCHS)
def test_every_parameter_is_in_one_group_and_gets_a_gradient(arch: str) -> None:
    model = built(arch, layers=2)
    assert [name for name, _ in model.groups()] == ["embeddings", "encoder", "decoder", "head"]
    assert not ungrouped(model, model.groups())
    x = batch()
    functional.cross_entropy(model(x).flatten(0, 1), x.target.ids.flatten(), ignore_index=PAD).backward()
    assert not [name for name, each in model.named_parameters() if each.grad is None or not each.grad.any()]
    assert model.describe()["attention"] == ("additive" if arch == "gru" else "dot")


@pytest.mark.parametrize("arch", ARCHS)
def test_no_place_sees_what_comes_after_it(arch: str) -> None:
    model, x = built(arch).eval(), batch()
    ids = x.target.ids.clone()
    ids[:, 2:] = 8
    changed = model(Forced(x.source, Padded(ids, x.target.lengths, x.target.counts), x.keep, 1.0))
    assert torch.allclose(changed[:, :3], model(x)[:, :3], atol=1e-6)
    assert not torch.allclose(changed[:, 3], model(x)[:, 3], atol=1e-3)


@pytest.mark.parametrize("arch", ARCHS)
def test_without_forcing_training_writes_what_evaluation_writes(arch: str) -> None:
    model, x = built(arch).eval(), batch(share=0.0)
    free, forced = model(x.source), model(x)
    width = min(free.shape[1], forced.shape[1])
    assert torch.allclose(free[:, :width], forced[:, :width], atol=1e-5)


@pytest.mark.parametrize("arch", ARCHS)
def test_each_place_is_fed_what_its_draw_says(arch: str) -> None:
    model = built(arch).eval()
    x = batch(share=0.5)
    logits, own = model(x), None
    fed = torch.where(x.keep < 0.5, x.before, torch.cat((x.before[:, :1], logits.argmax(dim=-1)[:, :-1]), dim=1))
    fed[:, 0] = x.before[:, 0]
    own = functional.pad(fed[:, 1:], (0, 1), value=END)
    again = model(Forced(x.source, Padded(own, x.target.lengths, x.target.counts), x.keep, 1.0))
    assert torch.allclose(again, logits, atol=1e-5)
    assert not torch.equal(fed, x.before)


@pytest.mark.parametrize("arch", ARCHS)
def test_free_decoding_ends(arch: str) -> None:
    model = built(arch).eval()
    with torch.no_grad():
        model.head.bias[END] = -100.0
        assert model(batch().source).shape == (8, 12, 9)  # twice the longest
        model.head.bias[END] = 100.0
        assert model(batch().source).shape == (8, 4, 9)  # looked at every four places


@pytest.mark.parametrize(
    ("fields", "limit"),
    [({"arch": "gru"}, 0.2), ({"arch": "gru", "attention": "dot"}, 0.2), ({"arch": "transformer"}, 0.2)],
)
def test_it_learns_to_turn_sequences_around(fields: dict[str, Any], limit: float) -> None:
    """A share of wrong sequences, on ones that training did not have; a network that copies is wrong on 8 of 10."""
    model = built(**{"arch": "gru", **fields})
    (sources, targets), (asked, right) = backwards(600), backwards(100, seed=1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for step in range(150):
        index = torch.randint(0, 600, (64,), generator=torch.Generator().manual_seed(step))
        y = targets[index]
        loss = functional.cross_entropy(
            model(Forced(sources[index], y, torch.zeros(y.ids.shape), 1.0)).flatten(0, 1),
            y.ids.flatten(),
            ignore_index=PAD,
        )
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    written, y = model.eval()(asked[torch.arange(100)]).argmax(dim=-1), right[torch.arange(100)]
    wide = functional.pad(written, (0, 6))[:, : y.ids.shape[1]]
    assert ((wide != y.ids) & y.mask).any(dim=1).float().mean() < limit


@pytest.mark.parametrize("arch", ARCHS)
def test_what_it_looks_at_can_be_seen(arch: str) -> None:
    model, x = built(arch).eval(), batch()
    ids, looks = model.alignment(x)
    assert ids is x.target.ids and looks.shape == (*ids.shape, x.source.ids.shape[1])
    assert torch.allclose(looks.sum(dim=-1), torch.ones(ids.shape)) and looks[0, :, 2:].eq(0).all()
    free, _ = model.alignment(x.source)
    assert torch.equal(free, model(x.source).argmax(dim=-1))
    with pytest.raises(FieldError, match="without attention looks at no token"):
        built(arch, attention="none").alignment(x)


@pytest.mark.parametrize("arch", ARCHS)
def test_dropout_is_off_in_evaluation_and_drawn_anew_in_training(arch: str) -> None:
    model, x = built(arch, dropout=0.5), batch()
    assert not torch.equal(model(x), model(x))
    assert torch.equal(model.eval()(x), model(x))


def test_without_attention_the_rest_of_the_network_is_the_same() -> None:
    sizes = {name: sum(each.numel() for each in built("gru", attention=name).parameters()) for name in ("dot", "none")}
    assert sizes["dot"] - sizes["none"] == 32 * 32  # the scores' own weights
    with_, without = (
        {name: each.shape for name, each in built("transformer", attention=kind).named_parameters()}
        for kind in ("dot", "none")
    )
    assert with_ == without


def test_what_does_not_fit_is_refused() -> None:
    assert Seq2Seq("transformer") == Seq2Seq(arch="transformer")
    with pytest.raises(FieldError, match=r"width is 33; with arch 'gru' it takes a multiple of 2. Use width=32"):
        Seq2Seq(width=33)
    with pytest.raises(FieldError, match=r"takes a multiple of 32. Use width=96"):
        Seq2Seq(arch="transformer", width=100)
    with pytest.raises(FieldError, match=r"which a transformer does not have. Use attention='dot'"):
        Seq2Seq(arch="transformer", attention="additive")
    with pytest.raises(
        FieldError, match=r"norm.kind is 'none', but arch 'gru' has no normalisation. Leave norm.kind out"
    ):
        Seq2Seq(norm=Norm(kind="none"))
    with pytest.raises(FieldError, match=r"norm.kind is 'group', but arch 'transformer' is normalised by layer"):
        Seq2Seq(arch="transformer", norm=Norm(kind="group"))
    with pytest.raises(FieldError, match="Seq2Seq takes sentence pairs, and the data are pictures"):
        Seq2Seq().build(Signature("image", outputs=2), seeds=Seeds.of(0), root=Path())
    with pytest.raises(FieldError, match=r"Use model = Seq2Seq\(\)"):
        Network("resnet8").build(SIGNATURE, seeds=Seeds.of(0), root=Path())
