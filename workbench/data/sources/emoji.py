"""data/emoji.zip: Google's Noto emoji, 64 x 64, and the tags that people search them by.

Canonical form: ``images/1f600.png`` and so on with their bytes untouched (transparent ones among them), and
``labels.csv``: image, tags with ``;`` between them, name and group. Flags are left out (250 of them have the same four
tags), and so are tags with fewer than 40 pictures, and pictures without any tag.

Both packages are their authors' own distributions: the repository of the pictures has no archive of a size to download
(it says so itself: 10 GB), and sends everybody to npm.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.data.archive import write_zip
from workbench.data.sources.npm_package import NpmPackage
from workbench.data.sources.route import Report, Route, Source, Unavailable, require_files
from workbench.data.sources.tables import write_table

NAMES = ("image", "tags", "name", "group")
PICTURES = NpmPackage(
    name="emoji-datasource-google",
    version="16.0.0",
    integrity="sha512-ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A==",
    size=74_344_091,
)
TAGS = NpmPackage(
    name="emojilib",
    version="4.0.3",
    integrity="sha512-KbWiYre9aRSaPbHrHZIz9zmoM+21LAsK1VFJtnTh1VCtWE/rNMDviGhQTmselFl95dhqtGlY22iH0leG5BuW0g==",
    size=53_353,
)
LEAST = 40
"""Pictures that a tag needs, so that it can be learnt and tested."""

_LIST, _TAGS, _FOLDER = "emoji.json", "dist/emoji-en-US.json", "img/google/64/"
PINNED = {
    _LIST: "1d602e65be88772bf8cc368ce16b855d719eeddbafe128d471b80203f494d29f",
    _TAGS: "7974e9162e1505aa1b02d07a04e4eefa5c51864d6c32e477121c635201e2eca2",
}

Tagged = list[tuple[dict[str, Any], set[str]]]
"""Emoji as ``emoji.json`` has them, each with its tags."""


def from_npm(target: Path, report: Report) -> None:
    """By the two npm packages."""
    write_archive(target, PICTURES.files(report) | TAGS.files(report))


def write_archive(target: Path, files: Mapping[str, bytes]) -> None:
    """Write the pictures and the table from the files of both packages.

    Raises:
        Unavailable: when a table is not the published one, or a picture is missing.
    """
    require_files(files, PINNED, "the npm packages")
    chosen = frequent(tagged(json.loads(files[_LIST]), json.loads(files[_TAGS])), LEAST)
    missing = [each["image"] for each, _ in chosen if _FOLDER + each["image"] not in files]
    if missing:
        raise Unavailable(f"{PICTURES.name} has no picture {missing[0]}")
    rows = [(f"images/{each['image']}", ";".join(sorted(tags)), *_about(each)) for each, tags in chosen]
    pictures = {f"images/{each['image']}": files[_FOLDER + each["image"]] for each, _ in chosen}
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "labels.csv"
        write_table(table, NAMES, rows)
        write_zip(target, {**pictures, table.name: table.read_bytes()}.items())


def tagged(emoji: list[dict[str, Any]], tags: Mapping[str, list[str]]) -> Tagged:
    """The emoji that have a picture of Google's and tags and are no flags; skin tones are not among them."""
    chosen = [each for each in emoji if each["has_img_google"] and each["category"] != "Flags"]
    found = [(each, set(tags.get(_character(each["unified"]), ()))) for each in chosen]
    return [(each, given) for each, given in found if given]


def frequent(emoji: Tagged, least: int) -> Tagged:
    """The same with the tags that at least so many have, without those that are left with none."""
    counts = Counter(tag for _, tags in emoji for tag in tags)
    kept = [(each, {tag for tag in tags if counts[tag] >= least}) for each, tags in emoji]
    return [(each, tags) for each, tags in kept if tags]


def _character(unified: str) -> str:
    """The text that code points such as "1F469-200D-1F680" stand for."""
    return "".join(chr(int(each, 16)) for each in unified.split("-"))


def _about(each: dict[str, Any]) -> tuple[str, str]:
    return each["short_name"], each["category"]


SOURCE = Source(
    path="data/emoji.zip",
    about="1,013 of Google's Noto emoji, 64 x 64, with labels.csv: 23 tags, 1 to 7 a picture",
    origin="https://github.com/iamcal/emoji-data",
    licence="pictures Apache-2.0 (Google, Noto Emoji), tags MIT (emojilib)",
    routes=(Route("npm packages emoji-datasource-google and emojilib", from_npm),),
    hint="Install npm (Debian: apt-get install npm), then type: wb data pull data/emoji.zip",
    optional=True,
)
