"""Where each data file comes from; every route to one file writes the same bytes."""

from __future__ import annotations

from pathlib import Path

from workbench.data.sources import (
    adult,
    california_housing,
    cifar10,
    clothing,
    cmudict,
    elpv,
    emoji,
    fashion_mnist,
    french_numbers,
    glove,
    grocery,
    mnist,
    mobilenet_v2,
    movie_reviews,
    movielens,
    nycflights13,
    tatoeba,
)
from workbench.data.sources.route import Report as Report
from workbench.data.sources.route import Route as Route
from workbench.data.sources.route import Source as Source
from workbench.data.sources.route import Unavailable as Unavailable
from workbench.data.sources.route import Unreachable as Unreachable
from workbench.data.sources.route import silent as silent
from workbench.data.sources.route import write
from workbench.errors import DataError, nearest

SOURCES: dict[str, Source] = {
    each.path: each
    for each in (
        grocery.SOURCE,
        mobilenet_v2.SOURCE,
        mnist.SOURCE,
        fashion_mnist.SOURCE,
        cifar10.SOURCE,
        clothing.SOURCE,
        adult.SOURCE,
        california_housing.SOURCE,
        *movielens.SOURCES,
        tatoeba.SOURCE,
        cmudict.SOURCE,
        movie_reviews.SOURCE,
        *elpv.SOURCES,
        emoji.SOURCE,
        nycflights13.SOURCE,
        french_numbers.SOURCE,
        glove.SOURCE,
    )
}


def fetch(path: str, root: Path, report: Report = silent, *, md5: str | None = None) -> str:
    """Write the data file ``root/path`` from its source and return the name of the route that worked.

    Args:
        path: project path, a key of :data:`SOURCES`.
        root: the project.
        report: ``report(text, done, total)``, in bytes; total 0 when unknown.
        md5: the pin; a route whose result differs counts as failed.

    Raises:
        DataError: for a file without a source, or with every route's reason when none worked.
    """
    if path not in SOURCES:
        raise DataError(f"no source is known for this file{nearest(path, SOURCES)}", where=path)
    return write(SOURCES[path], root / path, report, md5)
