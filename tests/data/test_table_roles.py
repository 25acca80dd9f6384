"""What columns are is told from what they hold, and what is no input is named."""

import pandas as pd

from workbench.data.table_roles import roles

N = 60
FRAME = pd.DataFrame(
    {
        "id": range(100, 100 + N),
        "customer_id": [7 * n for n in range(N)],
        "age": [20 + n % 30 for n in range(N)],
        "income": [1000 * n + n % 7 for n in range(N)],
        "job": ["clerk", "cook", None] * 20,
        "married": [True, False] * 30,
        "since": [f"2024-01-{1 + n % 28:02d}" for n in range(N)],
        "name": [f"person {n}" for n in range(N)],
        "about": [f"a story of some words that is number {n // 2 * 2}" if n else "a" for n in range(N)],
        "country": ["here"] * N,
        "nothing": [None] * N,
        "grade": [n % 3 for n in range(N)],
        "paid": [0] * N,
    }
)


def test_columns_get_their_roles() -> None:
    found = roles(FRAME, {"grade": "category"}, {"paid"})
    assert found.categories == ("job", "married", "grade")
    assert found.numbers == ("age", "income")
    assert found.dates == ("since",)
    assert found.left == {
        "id": "an id: a different whole number in every row",
        "customer_id": "an id: a different whole number in every row",
        "name": "60 different texts in 60 rows",
        "about": "31 different texts in 60 rows: prose, for Texts",
        "country": "one value",
        "nothing": "no values",
    }
    assert "paid" not in found.columns


def test_what_was_told_is_taken() -> None:
    found = roles(FRAME, {"id": "number", "name": "category", "since": "category"}, ())
    assert "id" in found.numbers and "name" in found.categories and "since" in found.categories
    assert "paid" in found.left


def test_a_mixed_column_is_a_category() -> None:
    assert roles(pd.DataFrame({"a": ["x", 1, 2.5, "x", 1, 2.5]}), {}, ()).categories == ("a",)


def test_lists_are_left_out() -> None:
    found = roles(pd.DataFrame({"a": [["x"], None, ["x", "y"]] * 4, "b": ["u", "v", "u"] * 4}), {}, ())
    assert found.categories == ("b",) and found.left == {"a": "lists, which are no input"}
