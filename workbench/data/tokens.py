"""From a text to tokens and back: words with marks for capitals, characters, or what stands between spaces."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, Self

from workbench.errors import FieldError
from workbench.parts import Part

Level = Literal["words", "characters", "spaces"]

CAPITAL, CAPITALS = "<capital>", "<capitals>"
"""Stand before a word that was written with a capital first letter, or in capitals only."""

_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_WORD = re.compile(
    r"(?:[cdjlmnst]|\w*qu)'(?=[aeiouyhàâäéèêëîïôöùûœ])"  # French elision: l'homme is l' and homme
    r"|[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"  # scripts without spaces: a character is a token
    r"|\d+(?:[.,]\d+)*"
    r"|(?:(?<=\w)')?(?:(?![\d_\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])\w[\u0300-\u036f]*)+"  # and clitics: 's
    r"|([^\w\s])\1*"
    r"|_+",
    re.IGNORECASE,
)
_TIGHT_LEFT = re.compile(r"^['.,;:!?%)\]}…»]+$|^'\w+$")
_TIGHT_RIGHT = re.compile(r"^[(\[{«#$£€]$|^\w+'$")


class Tokens(Part):
    """How a text becomes tokens.

    ``level``: "words" (words, numbers, and runs of one punctuation mark; spaces are dropped), "characters" (spaces
    kept as one each), or "spaces" (what stands between spaces, as it is, e.g. phonemes). ``lower``: words in lower
    case, with <capital> or <capitals> before those that were not (fastai's xxmaj and xxup), so that a word is one
    entry of the vocabulary wherever it stands; the other levels are left as they are. ``repeats``: longer runs of one
    character are cut to so many ("sooooo" and "soooo" are the same; 0 cuts nothing). HTML line breaks and entities
    are undone and Unicode is composed (NFC) before.
    """

    level: Level = "words"
    lower: bool = True
    repeats: int = 3

    def check(self) -> None:
        """Refuse a run that would change ordinary words."""
        if self.repeats < 0 or self.repeats in (1, 2):
            raise FieldError(f"Tokens.repeats is {self.repeats}; it takes 3 or more, or 0 to cut nothing")

    def split(self, texts: Iterable[str]) -> list[list[str]]:
        """The tokens of each text; an empty text has none."""
        return list(self.stream(texts))

    def stream(self, texts: Iterable[str]) -> Iterator[list[str]]:
        """The tokens of one text after the other."""
        known = _Known(self.lower)
        for text in texts:
            if self.level == "characters":
                yield list(self.clean(text))
            elif self.level == "spaces":
                yield self.clean(text).split()
            else:
                yield [token for each in _WORD.finditer(self.clean(text)) for token in known[each[0]]]

    def clean(self, text: str) -> str:
        """The text in one spelling: entities, line breaks, apostrophes and composed letters alike, spaces single."""
        if "&" in text or "<" in text:
            text = html.unescape(_BREAK.sub("\n", text))
        text = unicodedata.normalize("NFC", text).replace("\u2019", "'")
        if self.repeats:
            text = _run(self.repeats).sub(lambda match: match[1] * self.repeats, text)
        return " ".join(text.split())

    def join(self, tokens: Iterable[str]) -> str:
        """A readable text of the tokens: capitals put back, no space before punctuation marks."""
        if self.level == "characters":
            return "".join(tokens)
        if self.level == "spaces":
            return " ".join(tokens)
        text, change, tight = "", "", True
        for token in tokens:
            if token in (CAPITAL, CAPITALS):
                change = token
                continue
            word = token[:1].upper() + token[1:] if change == CAPITAL else token.upper() if change else token
            text += word if tight or _TIGHT_LEFT.search(token) else " " + word
            tight, change = bool(_TIGHT_RIGHT.search(token)), ""
        return text

    def describe(self) -> dict[str, Any]:
        """The fields as plain values."""
        return {name: getattr(self, name) for name in self.fields()}

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> Self:
        """What :meth:`describe` described."""
        return cls(**values)

    @classmethod
    def of(cls, value: Tokens | Level) -> Tokens:
        """``"words"``, ``"characters"`` and ``"spaces"`` are short for ``Tokens(level=...)``."""
        return value if isinstance(value, Tokens) else cls(level=value)


class _Known(dict[str, tuple[str, ...]]):
    """Tokens of every spelling met so far: a text has many words and few different ones."""

    def __init__(self, lower: bool) -> None:
        super().__init__()
        self._lower = lower

    def __missing__(self, spelling: str) -> tuple[str, ...]:
        small = spelling.lower() if self._lower else spelling
        if small == spelling:
            found: tuple[str, ...] = (spelling,)
        elif len(spelling) > 1 and spelling.upper() == spelling and spelling.isalpha():
            found = (CAPITALS, small)
        elif spelling[:1] + small[1:] == spelling:
            found = (CAPITAL, small)
        else:
            found = (small,)
        self[spelling] = found
        return found


def _run(longest: int) -> re.Pattern[str]:
    return re.compile(rf"([^\W\d]|[^\w\s])\1{{{longest},}}")
