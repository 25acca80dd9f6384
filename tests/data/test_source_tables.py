"""The tables that packages carry: their text form, the origin's formats, and what the pinned files hold."""

import csv
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from workbench.data.sources import (
    adult,
    california_housing,
    clothing,
    cmudict,
    fetch,
    french_numbers,
    movie_reviews,
    movielens,
    nycflights13,
    tatoeba,
)
from workbench.data.sources.route import Unavailable
from workbench.data.sources.tables import read_parquet, read_text, write_table
from workbench.record.pins import read_pins

Carried = Callable[[str], Path]


def parquet(names: tuple[str, ...], rows: list[tuple[object, ...]]) -> bytes:
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(dict(zip(names, zip(*rows, strict=True), strict=True))), buffer)
    return buffer.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, contents in files.items():
            archive.writestr(name, contents)
    return buffer.getvalue()


def rows_of(path: Path, delimiter: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


def test_a_table_is_the_text_that_csv_and_pandas_read_back(tmp_path: Path) -> None:
    rows = [(1, 0.1, 'he said "no",\r\nand left', None), (-2, 41.0, "Misérables", ""), (3, float("nan"), "a\tb", "x")]
    write_table(tmp_path / "t.csv", ("n", "x", "text", "more"), rows)
    assert (tmp_path / "t.csv").read_bytes() == (
        'n,x,text,more\n1,0.1,"he said ""no"",\nand left",\n-2,41.0,Misérables,\n3,,a\tb,x\n'.encode()
    )
    import pandas

    read = pandas.read_csv(tmp_path / "t.csv")
    assert read["text"].tolist() == ['he said "no",\nand left', "Misérables", "a\tb"]
    assert read["x"].isna().tolist() == [False, False, True]
    assert read_text((tmp_path / "t.csv").read_bytes()) == rows_of(tmp_path / "t.csv")
    write_table(tmp_path / "t.tsv", ("a", "b"), [("x\ty", "1,2")], delimiter="\t")
    assert (tmp_path / "t.tsv").read_bytes() == b'a\tb\n"x\ty"\t1,2\n'


def test_a_table_with_a_short_row_is_refused_and_the_old_one_stays(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"old")
    with pytest.raises(ValueError, match="row 2 has 1 cells, not 2"):
        write_table(tmp_path / "t.csv", ("a", "b"), [(1, 2), (3,)])
    assert (tmp_path / "t.csv").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "t.csv"]


def test_parquet_rows_come_in_the_order_of_the_names() -> None:
    assert read_parquet(parquet(("a", "b"), [(1, "x"), (2, None)]), ("b", "a")) == [("x", 1), (None, 2)]


def test_adult_is_the_same_from_the_wheel_and_from_the_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adult, "TEST_ROWS", 1)
    train = (39, "State-gov", 77516, "Bachelors", 13, "Never-married", "?", "Own-child", "White", "Male", 2174, 0, 40,
             "United-States", "<=50K")  # fmt: skip
    test = (25, "Private", 1, "11th", 7, "Widowed", "Sales", "Wife", "Black", "Female", 0, 0, 40, "?", ">50K")
    wheel = parquet(tuple(adult._RENAMED.get(name, name) for name in adult.NAMES), [test, train])
    lines = {"adult.data": [train], "adult.test": [test]}
    dot = {"adult.data": "", "adult.test": "."}
    files = {name: "".join(", ".join(map(str, row)) + dot[name] + "\n" for row in rows) for name, rows in lines.items()}
    files["adult.test"] = "|1x3 Cross validator\n" + files["adult.test"]
    origin = zipped({name: text.encode() for name, text in files.items()} | {"Index": b"x"})
    adult.write(tmp_path / "a.csv", adult.wheel_rows(wheel))
    adult.write(tmp_path / "b.csv", adult.archive_rows(origin))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    names, first, second = rows_of(tmp_path / "a.csv")
    assert names == list(adult.NAMES) and first[0] == "39" and first[6] == "" and second[-1] == ">50K"


def test_housing_is_the_same_from_the_wheel_and_from_the_origin(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        text = b"-122.230000,37.880000,41.000000,880.000000,129.000000,322.000000,126.000000,8.325200,452600.000000\n"
        member = tarfile.TarInfo("CaliforniaHousing/cal_housing.data")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    wrong = 1.0238095238095235  # as the wheel has it: 129/126 is 1.0238095238095237
    wheel = (8.3252, 41.0, 880 / 126, wrong, 322.0, 322 / 126, 37.88, -122.23, 4.526)
    california_housing.from_wheel(tmp_path / "a.csv", parquet(california_housing.NAMES, [wheel]))
    write_table(tmp_path / "b.csv", california_housing.NAMES, california_housing.archive_rows(buffer.getvalue()))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert rows_of(tmp_path / "a.csv")[1][3] == "1.0238095238095237"


def test_movielens_is_read_from_its_archive() -> None:
    archive = zipped({
        "ml-100k/u.data": b"196\t242\t3\t881250949\n186\t302\t3\t891717742\n",
        "ml-100k/u.item": "73|Les Misérables (1995)|01-Jan-1995||http://x|0|1\n".encode("latin-1"),
        "ml-100k/u.user": b"9|29|M|student|01002\n",
    })  # fmt: skip
    assert movielens.archive_rows(archive, "u.data")[1] == ["186", "302", "3", "891717742"]
    assert movielens.archive_rows(archive, "u.item") == [
        ["73", "Les Misérables (1995)", "01-Jan-1995", None, "http://x", "0", "1"]
    ]
    assert movielens.archive_rows(archive, "u.user") == [["9", "29", "M", "student", "01002"]]


def test_cmudict_lines_lose_numbers_and_remarks(tmp_path: Path) -> None:
    cmudict.write(tmp_path / "c.tsv", b"a AH0\na(2) EY1\nd'artagnan D AH0 R T # foreign french\n")
    assert (tmp_path / "c.tsv").read_bytes() == b"spelling\tphonemes\na\tAH0\na\tEY1\nd'artagnan\tD AH0 R T\n"
    with pytest.raises(ValueError, match="no word with its phonemes: 'lonely'"):
        cmudict.write(tmp_path / "c.tsv", b"lonely\n")


def test_tatoeba_lines_have_no_quoting_and_three_texts(tmp_path: Path) -> None:
    line = '"Go," he said.\t« Va », dit-il.\tCC-BY 2.0 (France)'
    tatoeba.write(tmp_path / "t.tsv", zipped({"_about.txt": b"x", "fra.txt": f"{line}\n".encode()}))
    assert rows_of(tmp_path / "t.tsv", "\t") == [list(tatoeba.NAMES), line.split("\t")]
    with pytest.raises(ValueError, match="row 1 has 2 cells, not 3"):
        tatoeba.write(tmp_path / "t.tsv", zipped({"fra.txt": b"Go.\tVa !\n"}))


@pytest.mark.parametrize(
    ("number", "french", "english"),
    [
        (0, "zéro", "zero"),
        (21, "vingt et un", "twenty-one"),
        (71, "soixante et onze", "seventy-one"),
        (80, "quatre-vingts", "eighty"),
        (81, "quatre-vingt-un", "eighty-one"),
        (91, "quatre-vingt-onze", "ninety-one"),
        (97, "quatre-vingt-dix-sept", "ninety-seven"),
        (100, "cent", "one hundred"),
        (200, "deux cents", "two hundred"),
        (201, "deux cent un", "two hundred and one"),
        (1_000, "mille", "one thousand"),
        (1_013, "mille treize", "one thousand and thirteen"),
        (80_000, "quatre-vingt mille", "eighty thousand"),
        (200_300, "deux cent mille trois cents", "two hundred thousand three hundred"),
        (
            999_999,
            "neuf cent quatre-vingt-dix-neuf mille neuf cent quatre-vingt-dix-neuf",
            "nine hundred and ninety-nine thousand nine hundred and ninety-nine",
        ),
    ],
)
def test_number_words_have_their_irregular_forms(number: int, french: str, english: str) -> None:
    assert (french_numbers.french(number), french_numbers.english(number)) == (french, english)


def test_number_words_are_different_ones_and_are_made_without_a_network(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WB_OFFLINE", "1")
    assert fetch("data/french_numbers.tsv", tmp_path, md5=read_pins(repository)["data/french_numbers.tsv"].md5)
    names, *rows = rows_of(tmp_path / "data/french_numbers.tsv", "\t")
    assert tuple(names) == french_numbers.NAMES and [row[0] for row in rows] == [str(n) for n in range(100_000)]
    assert len({row[1] for row in rows}) == len({row[2] for row in rows}) == 100_000
    assert rows[97][1:] == ["quatre-vingt-dix-sept", "ninety-seven"]


def test_movie_reviews_stand_once_and_are_of_one_mind(tmp_path: Path) -> None:
    table = b'text,label,source\n"good, ""very""",1,imdb\nbad,0,imdb\nbad,0,rotten_tomatoes\n'
    movie_reviews.write(tmp_path / "m.csv", table)
    assert rows_of(tmp_path / "m.csv")[1:] == [['good, "very"', "positive", "imdb"], ["bad", "negative", "imdb"]]
    with pytest.raises(Unavailable, match="called both positive and negative: 'bad'"):
        movie_reviews.write(tmp_path / "m.csv", table + b"bad,1,imdb\n")


def test_movie_reviews_hold_both_published_training_splits(carried: Carried) -> None:
    names, *rows = rows_of(carried("data/movie_reviews.csv"))
    assert tuple(names) == movie_reviews.NAMES and len({row[0] for row in rows}) == len(rows) == 33_434
    sides = [(row[1], row[2]) for row in rows]
    assert {each: sides.count(each) for each in set(sides)} == {
        ("negative", "imdb"): 12_432, ("positive", "imdb"): 12_472,
        ("negative", "rotten_tomatoes"): 4_265, ("positive", "rotten_tomatoes"): 4_265,
    }  # fmt: skip


def test_tatoeba_holds_an_author_for_every_pair(carried: Carried) -> None:
    names, *rows = rows_of(carried("data/tatoeba_fra.tsv"), "\t")
    assert tuple(names) == tatoeba.NAMES and len(rows) == 178_009
    assert rows[0][0] == "Go." and rows[0][1].split() == ["Va", "!"]
    assert all(row[2].startswith("CC-BY 2.0 (France) Attribution: tatoeba.org #") for row in rows)
    assert len({row[0] for row in rows}) == 125_045


def test_cmudict_holds_the_published_words(carried: Carried) -> None:
    names, *rows = rows_of(carried("data/cmudict.tsv"), "\t")
    assert tuple(names) == cmudict.NAMES and len(rows) == 135_166
    assert len({row[0] for row in rows}) == 126_052
    assert len({phoneme.rstrip("012") for row in rows for phoneme in row[1].split(" ")}) == 39


def test_clothing_holds_the_published_reviews(carried: Carried) -> None:
    names, *rows = rows_of(carried("data/clothing.csv"))
    assert names == list(clothing.NAMES) and len(rows) == 23_486
    assert sum(row[names.index("Review Text")] == "" for row in rows) == 845
    ratings = [row[names.index("Rating")] for row in rows]
    assert [ratings.count(each) for each in "12345"] == [842, 1565, 2871, 5077, 13131]
    assert b"\r" not in carried("data/clothing.csv").read_bytes()


def test_what_flights_write_as_na_is_missing(tmp_path: Path) -> None:
    nycflights13.write(tmp_path / "f.csv", zipped({"flights.csv": b"day,arr_delay,dest\n1,NA,IAH\n2,-3,NAS\n"}))
    assert (tmp_path / "f.csv").read_bytes() == b"day,arr_delay,dest\n1,,IAH\n2,-3,NAS\n"


def test_flights_hold_the_published_year(carried: Carried) -> None:
    names, *rows = rows_of(carried("data/nycflights13.csv"))
    assert len(names) == 19 and len(rows) == 336_776
    assert sum(row[names.index("arr_delay")] == "" for row in rows) == 9_430
    assert [len({row[names.index(name)] for row in rows}) for name in ("carrier", "dest", "flight")] == [16, 105, 3844]


def test_adult_holds_the_origins_split_and_answers(carried: Carried) -> None:
    names, *rows = rows_of(carried("data/adult.csv"))
    assert names == list(adult.NAMES) and len(rows) == 48_842
    answers = [row[-1] for row in rows]
    assert answers[: -adult.TEST_ROWS].count(">50K") == 7_841
    assert answers[-adult.TEST_ROWS :].count(">50K") == 3_846
    assert [sum(row[names.index(name)] == "" for row in rows) for name in ("workclass", "occupation")] == [2799, 2809]


def test_housing_holds_whole_counts_per_household(carried: Carried) -> None:
    names, *rows = rows_of(carried("data/california_housing.csv"))
    assert names == list(california_housing.NAMES) and len(rows) == 20_640
    values = [float(row[-1]) for row in rows]
    assert min(values) == 0.14999 and sum(value == 5.00001 for value in values) == 965


def test_movielens_files_fit_together(carried: Carried) -> None:
    names, *ratings = rows_of(carried("data/movielens.csv"))
    _, *movies = rows_of(carried("data/movielens_movies.csv"))
    _, *users = rows_of(carried("data/movielens_users.csv"))
    assert tuple(names) == movielens.RATINGS and len(ratings) == 100_000
    assert [row[0] for row in movies] == [str(number) for number in range(1, 1_683)]
    assert [row[0] for row in users] == [str(number) for number in range(1, 944)]
    assert {row[1] for row in ratings} == {row[0] for row in movies}
    assert {row[0] for row in ratings} == {row[0] for row in users}
    given = [row[2] for row in ratings]
    assert [given.count(each) for each in "12345"] == [6_110, 11_370, 27_145, 34_174, 21_201]
