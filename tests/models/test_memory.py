"""What both halves promise, held for every kind of them."""

from typing import cast

import pytest
import torch
from torch import nn

from workbench.data.values import Padded
from workbench.models.memory import Decoder, Encoder
from workbench.models.recurrent_pairs import GRUDecoder, GRUEncoder
from workbench.models.transformer_pairs import TransformerDecoder, TransformerEncoder

WIDTH = 32
SIZES = (WIDTH, 2, 0.0)


def halves(name: str) -> tuple[Encoder, Decoder]:
    torch.manual_seed(0)
    arch, attention = name.split()
    made: tuple[nn.Module, nn.Module]
    if arch == "gru":
        made = GRUEncoder(*SIZES), GRUDecoder(*SIZES, attention)  # type: ignore[arg-type]
    else:
        made = TransformerEncoder(*SIZES), TransformerDecoder(*SIZES, attends=attention != "none")
    return cast("Encoder", made[0].eval()), cast("Decoder", made[1].eval())


every = pytest.mark.parametrize("name", ["gru additive", "gru dot", "gru none", "transformer dot", "transformer none"])


@every
def test_padding_changes_nothing(name: str) -> None:
    encoder, decoder = halves(name)
    source = Padded.of([[1, 1, 1], [1] * 7])
    x, written = torch.randn(2, 7, WIDTH), torch.randn(2, 4, WIDTH)
    together = decoder(written, *decoder.begin(encoder(x, source)), drop=False, look=False).features
    alone = decoder(written[:1], *decoder.begin(encoder(x[:1, :3], Padded.of([[1] * 3]))), drop=False, look=False)
    assert torch.allclose(together[:1], alone.features, atol=1e-5)


@every
def test_all_places_at_once_are_the_places_one_by_one(name: str) -> None:
    encoder, decoder = halves(name)
    written = torch.randn(2, 5, WIDTH)
    memory = encoder(torch.randn(2, 4, WIDTH), Padded.of([[1] * 4, [1] * 2]))
    fixed, state = decoder.begin(memory)
    whole = decoder(written, fixed, state, drop=False, look=True)
    for place in range(5):
        one = decoder(written[:, place : place + 1], fixed, state, drop=False, look=True)
        state = one.state
        assert torch.allclose(one.features[:, 0], whole.features[:, place], atol=1e-5)
        if whole.looks is not None and one.looks is not None:
            assert torch.allclose(one.looks[:, 0], whole.looks[:, place], atol=1e-5)
    assert (whole.looks is None) == name.endswith("none")


@every
def test_what_is_written_depends_on_the_source(name: str) -> None:
    encoder, decoder = halves(name)
    source, written = Padded.of([[1] * 4]), torch.randn(1, 3, WIDTH)
    first, second = (
        decoder(written, *decoder.begin(encoder(torch.randn(1, 4, WIDTH), source)), drop=False, look=False).features
        for _ in range(2)
    )
    assert (first - second).abs().amax(dim=-1).gt(1e-4).all()
