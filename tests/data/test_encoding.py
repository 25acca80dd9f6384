"""An encoder is found again by its name."""

import pytest

import workbench.data.pictures as pictures
from workbench.data.encoding import Encoder, restored


def test_every_encoder_is_known_by_its_class() -> None:
    assert type(restored("PictureEncoder", {"side": 8, "channels": 3})) is pictures.PictureEncoder


def test_an_encoder_has_to_say_how_it_works() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Encoder()  # type: ignore[abstract]
