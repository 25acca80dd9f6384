"""Tokens: what a word is, marks for capitals, cut runs, and a readable text back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.data.tokens import Tokens
from workbench.errors import FieldError


def words(text: str, **fields: object) -> list[str]:
    return Tokens(**fields).split([text])[0]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("a  b\n\tc", ["a", "b", "c"]),
        (
            "Good, GREAT and McDonald I",
            ["<capital>", "good", ",", "<capitals>", "great", "and", "mcdonald", "<capital>", "i"],
        ),
        (
            "it's don't l'homme qu'il aujourd'hui",
            ["it", "'s", "don", "'t", "l'", "homme", "qu'", "il", "aujourd", "'hui"],
        ),
        ("it\u2019s “so” 'good'", ["it", "'s", "“", "so", "”", "'", "good", "'"]),
        ("1,000.5 is x2 in 2017.", ["1,000.5", "is", "x", "2", "in", "2017", "."]),
        ("sooooo!!!!!! ... good", ["sooo", "!!!", "...", "good"]),
        ("One<br /><br/>two &amp; &quot;three&quot;", ["<capital>", "one", "two", "&", '"', "three", '"']),
        ("caf\u0065\u0301 na\u00efve", ["café", "naïve"]),
        ("日本語 is", ["日", "本", "語", "is"]),
        ("snake_case <capital>", ["snake", "_", "case", "<", "capital", ">"]),
    ],
)
def test_words(text: str, tokens: list[str]) -> None:
    assert words(text) == tokens


def test_case_and_runs_are_kept_on_request() -> None:
    assert words("Sooooo GOOD", lower=False, repeats=0) == ["Sooooo", "GOOD"]


def test_characters_keep_spaces_and_case() -> None:
    assert words("A  b!", level="characters") == ["A", " ", "b", "!"]
    assert Tokens.of("characters") == Tokens(level="characters") and Tokens.of(Tokens()) == Tokens()


@pytest.mark.parametrize(
    "text",
    [
        "It's good, isn't it? (Yes!) NASA said so: 1,000 %.",
        "J'ai dit qu'il l'aime.",
        "« Oui »",
    ],
)
def test_joining_reads_like_the_text(text: str) -> None:
    joined = Tokens().join(words(text))
    assert joined.replace(" ", "") == text.replace(" ", "")
    assert Tokens().split([joined]) == Tokens().split([text])


def test_joining_puts_spaces_where_people_do() -> None:
    text = "It's good, isn't it? (Yes!) J'ai dit NON."
    assert Tokens().join(words(text)) == text
    assert Tokens(level="characters").join("a b") == "a b"


@given(st.text())
def test_no_text_loses_a_visible_character(text: str) -> None:
    whole = Tokens(lower=False, repeats=0)
    assert "".join(whole.split([text])[0]) == "".join(whole.clean(text).split())


def test_it_is_described_hashed_and_restored() -> None:
    other = Tokens(lower=False)
    assert Tokens.restored(other.describe()) == other
    assert other.identity() != Tokens().identity()
    with pytest.raises(FieldError, match="3 or more"):
        Tokens(repeats=2)
