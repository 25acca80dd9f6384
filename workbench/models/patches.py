"""A body of patches: torchvision's vision transformer, taken apart so that every parameter lies in a block."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional


class PatchStem(nn.Module):
    """Pictures (b, 3, h, w) to tokens (b, 1 + patches, width): a class token, then the patches, each with its place."""

    def __init__(self, project: nn.Module, token: nn.Parameter, places: nn.Parameter, dropout: nn.Module) -> None:
        super().__init__()
        self.project = project
        self.token = token
        self.places = places
        self.dropout = dropout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The tokens; the picture has to have as many patches as there are places."""
        patches = self.project(x).flatten(2).transpose(1, 2)
        tokens: torch.Tensor = self.dropout(
            torch.cat((self.token.expand(x.shape[0], -1, -1), patches), dim=1) + self.places
        )
        return tokens


class PatchBody(nn.Module):
    """Pictures to features (b, width), the class token's (Dosovitskiy et al. 2021, "An image is worth 16x16 words").

    torchvision keeps the class token and the places beside the blocks, where no layer group could hold them.

    Args:
        network: torchvision's, whose parts are taken over. Its head is left out.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        encoder = network.get_submodule("encoder")
        token, places = network.get_parameter("class_token"), encoder.get_parameter("pos_embedding")
        self.stem = PatchStem(network.get_submodule("conv_proj"), token, places, encoder.get_submodule("dropout"))
        self.blocks = encoder.get_submodule("layers")
        self.norm = encoder.get_submodule("ln")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features (b, width) for pictures (b, 3, h, w)."""
        features: torch.Tensor = self.norm(self.blocks(self.stem(x)))[:, 0]
        return features


def resized_places(places: torch.Tensor, side: int) -> torch.Tensor:
    """The places of a class token and ``side ** 2`` patches, (1, 1 + side ** 2, width), from those of more or fewer.

    Bicubic between the old ones, as torchvision's ``interpolate_embeddings``; the class token's stays (Dosovitskiy et
    al. 2021, section 3.2, "2D interpolation").

    Args:
        places: float32 of shape (1, 1 + n, width). They stay as they are where n is no square.
    """
    before = math.isqrt(places.shape[1] - 1)
    if before == side or before**2 != places.shape[1] - 1:
        return places
    grid = places[:, 1:].transpose(1, 2).unflatten(2, (before, before))
    grown = functional.interpolate(grid, size=(side, side), mode="bicubic", align_corners=True)
    return torch.cat((places[:, :1], grown.flatten(2).transpose(1, 2)), dim=1)
