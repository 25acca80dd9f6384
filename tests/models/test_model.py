"""A network is refused for data that it does not take, with the one that fits."""

from pathlib import Path

import pytest

from workbench.data.signature import Signature
from workbench.errors import FieldError
from workbench.models.vision import Network
from workbench.streams import Seeds


def test_a_network_for_pictures_refuses_a_table() -> None:
    with pytest.raises(FieldError, match=r"Network takes pictures, and the data are tables. Use model = Tabular"):
        Network("resnet8").build(Signature("table", 2, numbers=3), seeds=Seeds.of(0), root=Path())
