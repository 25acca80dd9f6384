import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from workbench.data.values import Padded
from workbench.models.recurrent_pairs import BothWays


def test_reading_both_ways_is_what_torch_does_with_packed_sequences() -> None:
    torch.manual_seed(0)
    ours, theirs = BothWays(6, 8), nn.GRU(6, 4, batch_first=True, bidirectional=True)
    for layer, end in ((ours.forwards, ""), (ours.backwards, "_reverse")):
        for name, value in layer.named_parameters():
            theirs.get_parameter(name + end).data.copy_(value.data)
    lengths, x = torch.tensor([5, 1, 3]), torch.randn(3, 5, 6)
    states, ends = ours(x, lengths)
    packed, last = theirs(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
    expected, _ = pad_packed_sequence(packed, batch_first=True)
    mask = Padded.of([[1] * 5, [1], [1] * 3]).mask[..., None]
    assert torch.allclose(states * mask, expected, atol=1e-6)
    assert torch.allclose(ends, last.transpose(0, 1).flatten(1), atol=1e-6)
