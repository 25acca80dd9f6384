"""The network that is taken when nothing was said, by the stated rule."""

from pathlib import Path

from workbench import ImageArrays, ImageFolder, Table
from workbench.data.signature import Signature
from workbench.models.choice import choose, weights_asked_for
from workbench.models.collab import Collab
from workbench.models.seq2seq import Seq2Seq
from workbench.models.tabular import TabularNetwork
from workbench.models.text import TextNetwork
from workbench.models.vision import Network, Pretrained


def test_photos_start_from_weights_that_are_here(tmp_path: Path) -> None:
    photos = Signature("image", 5, channels=3, size=96)
    without = choose(photos, 500, tmp_path)
    assert without.model == Network("resnet18") and "no data/mobilenet_v2.pth to start from" in without.why
    (tmp_path / "data").mkdir()
    (tmp_path / "data/mobilenet_v2.pth").write_bytes(b"")
    assert choose(photos, 500, tmp_path).model == Pretrained("data/mobilenet_v2.pth")


def test_weights_are_asked_for_where_photos_may_start_from_them() -> None:
    photos = [ImageFolder("data/x.zip"), ImageFolder("data/x.zip", size=64)]
    assert [weights_asked_for(each) for each in photos] == [["data/mobilenet_v2.pth"]] * 2
    others = [ImageFolder("data/x.zip", size=32), ImageArrays("data/x.npz"), Table("data/x.csv", "y")]
    assert [weights_asked_for(each) for each in others] == [[]] * 3


def test_many_small_pictures_get_the_deeper_network(tmp_path: Path) -> None:
    small = Signature("image", 5, channels=1, size=28)
    found = choose(small, 50_000, tmp_path)
    assert found.model == Network("resnet20") and found.why == "50,000 pictures of 28 pixels (from 20,000)"
    assert choose(small, 1_000, tmp_path).model == Network("resnet8")


def test_texts_get_a_recurrent_network(tmp_path: Path) -> None:
    texts = Signature("text", 2, vocabulary=1_000)
    found = choose(texts, 500, tmp_path)
    assert found.model == TextNetwork("lstm") and found.why == "500 texts, a vocabulary of 1,000"


def test_pairs_get_attention_and_width_by_their_number(tmp_path: Path) -> None:
    pairs = Signature("pairs", 73, vocabulary=33, longest=20)
    found = choose(pairs, 5_000, tmp_path)
    assert found.model == Seq2Seq() and found.why == "5,000 pairs (below 50,000), a vocabulary of 73 to write with"
    assert choose(pairs, 50_000, tmp_path).model == Seq2Seq(width=256)


def test_few_rows_of_a_table_get_more_dropout(tmp_path: Path) -> None:
    table = Signature("table", 2, cardinalities=(3, 9), numbers=4)
    found = choose(table, 500, tmp_path)
    assert found.model == TabularNetwork(dropout=0.25)
    assert found.why == "500 rows (below 5,000) of 2 categories and 4 numbers"
    assert choose(table, 5_000, tmp_path).model == TabularNetwork()


def test_ratings_get_the_dot_product(tmp_path: Path) -> None:
    found = choose(Signature("ratings", 1, users=11, things=21), 500, tmp_path)
    assert found.model == Collab() and found.why.startswith("500 ratings by 10 users of 20 items")
