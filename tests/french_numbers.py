"""French number words up to 999,999 with all their irregular forms: a hand-made task that is real language.

The rules are those of France before the spelling reform of 1990: hyphens below 100 except around "et", "s" in
"vingts" and "cents" only where nothing follows ("quatre-vingts", "quatre-vingt-un", "deux cents", "deux cent mille"),
never "un mille".
"""

from __future__ import annotations

SMALL = (
    "zéro",
    "un",
    "deux",
    "trois",
    "quatre",
    "cinq",
    "six",
    "sept",
    "huit",
    "neuf",
    "dix",
    "onze",
    "douze",
    "treize",
    "quatorze",
    "quinze",
    "seize",
    "dix-sept",
    "dix-huit",
    "dix-neuf",
)
TENS = ["", "", "vingt", "trente", "quarante", "cinquante", "soixante", "soixante", "quatre-vingt", "quatre-vingt"]


def below_hundred(number: int, last: bool) -> str:
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


def below_thousand(number: int, last: bool) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return below_hundred(rest, last)
    words = "cent" if hundreds == 1 else f"{SMALL[hundreds]} cent{'s' if last and not rest else ''}"
    return words if not rest else f"{words} {below_hundred(rest, last)}"


def words(number: int) -> str:
    """The words for a number from 0 to 999,999."""
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return below_thousand(rest, last=True)
    before = "mille" if thousands == 1 else f"{below_thousand(thousands, last=False)} mille"
    return before if not rest else f"{before} {below_thousand(rest, last=True)}"
