"""data/french_numbers.tsv: the numbers from 0 to 99,999 in French and in English words, made by the rules below.

The French rules are those of France before the spelling reform of 1990: hyphens below 100 except around "et", "s" in
"vingts" and "cents" only where nothing follows ("quatre-vingts", "quatre-vingt-un", "deux cents", "deux cent mille"),
never "un mille". The English ones are British: "and" before what is below 100, hyphens between tens and ones.
"""

from __future__ import annotations

from pathlib import Path

from workbench.data.sources.route import Report, Route, Source
from workbench.data.sources.tables import write_table

NAMES = ("number", "french", "english")
COUNT = 100_000
SMALL = (
    *("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze"),
    *("treize", "quatorze", "quinze", "seize", "dix-sept", "dix-huit", "dix-neuf"),
)
TENS = ("", "", "vingt", "trente", "quarante", "cinquante", "soixante", "soixante", "quatre-vingt", "quatre-vingt")
ENGLISH_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
ENGLISH_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def french(number: int) -> str:
    """The French words for a number from 0 to 999,999: 1871 is "mille huit cent soixante et onze"."""
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return _french_hundreds(rest, last=True)
    before = "mille" if thousands == 1 else f"{_french_hundreds(thousands, last=False)} mille"
    return before if not rest else f"{before} {_french_hundreds(rest, last=True)}"


def english(number: int) -> str:
    """The English words for a number from 0 to 999,999: 1871 is "one thousand eight hundred and seventy-one"."""
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return _english_hundreds(rest)
    before = f"{_english_hundreds(thousands)} thousand"
    if not rest:
        return before
    return f"{before} {'and ' if rest < 100 else ''}{_english_hundreds(rest)}"


def _french_hundreds(number: int, last: bool) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _french_tens(rest, last)
    words = "cent" if hundreds == 1 else f"{SMALL[hundreds]} cent{'s' if last and not rest else ''}"
    return words if not rest else f"{words} {_french_tens(rest, last)}"


def _french_tens(number: int, last: bool) -> str:
    if number < 20:
        return SMALL[number]
    tens, ones = divmod(number, 10)
    if tens in (7, 9):  # soixante-dix, quatre-vingt-dix: counted on from 60 and 80
        ones += 10
    if tens == 8 and not ones:
        return "quatre-vingts" if last else "quatre-vingt"
    if not ones:
        return TENS[tens]
    if ones in (1, 11) and tens < 8:
        return f"{TENS[tens]} et {SMALL[ones]}"
    return f"{TENS[tens]}-{SMALL[ones]}"


def _english_hundreds(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _english_tens(rest)
    words = f"{ENGLISH_SMALL[hundreds]} hundred"
    return words if not rest else f"{words} and {_english_tens(rest)}"


def _english_tens(number: int) -> str:
    if number < 20:
        return ENGLISH_SMALL[number]
    tens, ones = divmod(number, 10)
    return ENGLISH_TENS[tens] if not ones else f"{ENGLISH_TENS[tens]}-{ENGLISH_SMALL[ones]}"


def by_rule(target: Path, report: Report) -> None:
    """Write the canonical table: a row a number, in their order."""
    report("writing number words", 0, 0)
    write_table(target, NAMES, [(number, french(number), english(number)) for number in range(COUNT)], delimiter="\t")


SOURCE = Source(
    path="data/french_numbers.tsv",
    about="the numbers 0 to 99,999 in French and in English words",
    origin="workbench/data/sources/french_numbers.py",
    licence="CC0: made by rule, nothing is taken from anybody",
    routes=(Route("the rules of both languages", by_rule),),
    hint="It needs no network and no package: look whether data/ can be written and its rules are the pinned ones.",
    optional=True,
)
