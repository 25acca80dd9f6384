from __future__ import annotations

from pathlib import Path

import pytest

from workbench.record.locks import agrees, not_understood, read_lock, unhashed, wanted

ROOT = Path(__file__).parents[2]
ZEROS = "0" * 64
COMMIT = "c" * 40

LOCK = f"""\
# a comment \\
--index-url https://me:secret@example.org/simple
Plain==1.0 \\
    --hash=sha256:{ZEROS} \\
    --hash=sha256:{"1" * 64}
with_Extra[a, b] == 2.0 --hash=sha256:{ZEROS}  # via plain
here==3.0 ; python_version >= "3" and extra != "x" --hash=sha256:{ZEROS}
not-here==3.0 ; sys_platform == 'win32' \\
    # a comment in between ends it
old==1.0; python_version < "3" \\
    --hash=sha256:{ZEROS}
file @ https://me:secret@example.org/a/file-4.1-py3-none-any.whl?token=secret ; python_version >= "3" \\
    --hash=sha256:{ZEROS}
https://example.org/bare-1.5.tar.gz#sha256={ZEROS}
./wheels/beside_it-0.1-py3-none-any.whl ; python_version >= "3" --hash=sha256:{ZEROS}
repository @ git+https://me:secret@example.org/x/y.git@{COMMIT}
built==1.2+cpu --hash=sha256:{ZEROS}
star==1.* --hash=sha256:{ZEROS}
loose>=1 --hash=sha256:{ZEROS}
-r other.txt
-c limits.txt
--constraint limits.txt
-e .
what is this
last==1"""


def test_what_a_lock_fixes_here() -> None:
    assert wanted(LOCK) == {
        "plain": "1.0",
        "with-extra": "2.0",
        "here": "3.0",
        "file": "4.1 @ https://example.org/a/file-4.1-py3-none-any.whl",
        "bare": "1.5 @ https://example.org/bare-1.5.tar.gz",
        "beside-it": "0.1 (local)",
        "repository": f"@ https://example.org/x/y.git#{COMMIT}",
        "built": "1.2+cpu",
        "last": "1",
    }


def test_what_has_no_hash_or_is_not_understood() -> None:
    elsewhere = ["-r other.txt", "-c limits.txt", "--constraint limits.txt", "-e .", "what is this"]
    assert not_understood(LOCK) == elsewhere
    # also what counts on another machine only: the lock must be definite everywhere
    assert unhashed(LOCK) == ["not-here", "repository", *elsewhere, "last"]


def test_own_locks_are_understood_to_the_last_line() -> None:
    for name in ("requirements.txt", "requirements-data.txt"):
        text = (ROOT / name).read_text()
        lines = read_lock(text)
        assert len(lines) == sum(line[:1].isalnum() for line in text.splitlines()) and unhashed(text) == []
    assert wanted(text) == {each.name: each.text.partition("==")[2] for each in lines}


@pytest.mark.parametrize(
    ("locked", "installed", "same"),
    [
        ("1.0", "1.0", True),
        ("1.0", "1.0.0", True),
        ("2024.07.04", "2024.7.4", True),
        ("1.0", "1.0.post1", False),
        ("2.1", "2.1+cpu", False),
        ("2.1+cpu", "2.1+cpu", True),
        ("2.1+cpu", "2.1", False),
        ("1.0", "1.0 (local)", False),
        ("1.0 (local)", "1.0 (local)", True),
        ("1.0", "1.0 @ https://example.org/x.whl", False),
        ("1.0 @ https://example.org/x.whl", "1.0 @ https://example.org/x.whl", True),
        ("@ https://example.org/x#abc", "1.0 @ https://example.org/x#abc", True),
        ("@ https://example.org/x#abc", "1.0 @ https://example.org/x#abd", False),
        ("(local)#abc", "1.0 (local)#abc", True),
        ("no version", "no version", True),
        ("odd!", "odder!", False),
    ],
)
def test_an_installed_package_is_the_locked_one(locked: str, installed: str, same: bool) -> None:
    assert agrees(locked, installed) is same


def test_a_repository_on_this_machine_is_told_without_its_path() -> None:
    assert wanted(f"x @ git+file:///home/somebody/x@{COMMIT}") == {"x": f"(local)#{COMMIT}"}
