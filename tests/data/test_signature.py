"""A signature compares by what it says."""

from workbench.data.signature import Signature


def test_what_does_not_concern_a_kind_stays_out_of_the_way() -> None:
    assert Signature("table", 2, numbers=3) == Signature("table", 2, numbers=3, vocabulary=0)
    assert Signature("table", 2, numbers=3) != Signature("table", 2, numbers=4)
