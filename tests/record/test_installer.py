from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from workbench.errors import RecordError
from workbench.record.installer import Installer, clean, refusal, run

# What uv 0.13 and pip 23 print; the addresses as `clean` leaves them.
UV_HASH = """Resolved 1 package in 1ms
error: Failed to download `marker==1.0`
  cause: Hash mismatch for `marker==1.0`

         Expected:
           sha256:0000

         Computed:
           sha256:1111"""
PIP_HASH = """ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package
    marker==1.0 from marker-1.0-py3-none-any.whl (from -r x.txt (line 3)):
        Expected sha256 0000
             Got        1111
"""
UV_OFFLINE = """error: Request failed after 1 retry in 1.3s
  cause: Failed to fetch: marker
  cause: error sending request for url (marker)
  cause: client error (Connect)
  cause: dns error
  cause: failed to lookup address information: Name or service not known"""
PIP_OFFLINE = (
    "WARNING: Retrying (Retry(total=0, connect=None)) after connection broken by 'NewConnectionError('<pip.X object at "
    "0x7f>: Failed to establish a new connection: [Errno -2] Name or service not known')': /simple/marker/\n"
    "ERROR: No matching distribution found for marker==2.0"
)
UV_GONE = """error: No solution found when resolving dependencies
  cause: Because there is no version of marker==2.0 and you require marker==2.0, we can conclude that your ..."""
UV_OLD_GONE = """  \u00d7 No solution found when resolving dependencies:
  ╰─▶ Because marker was not found in the package registry and you require marker==2.0, your requirements ...
hint: something"""
PIP_GONE = """ERROR: Could not find a version that satisfies the requirement marker==2.0 (from versions: 1.0)
ERROR: No matching distribution found for marker==2.0

[notice] A new release of pip is available"""
FULL = "error: failed to write to the cache\n  cause: No space left on device (os error 28)"


@pytest.mark.parametrize(
    ("said", "problem", "line"),
    [
        (UV_HASH, "a file is not the one that was locked", "says: Hash mismatch for `marker==1.0`."),
        (PIP_HASH, "a file is not the one that was locked", "says: marker==1.0 from marker-1.0-py3-none-any.whl."),
        (UV_OFFLINE, "the packages cannot be fetched", "says: dns error."),
        (PIP_OFFLINE, "the packages cannot be fetched", "says: Failed to establish a new connection: [Errno -2] Name"),
        (UV_GONE, "is not offered", "says: Because there is no version of marker==2.0"),
        (UV_OLD_GONE, "is not offered", "says: Because marker was not found"),
        (PIP_GONE, "is not offered", "says: No matching distribution found for marker==2.0."),
        (FULL, "the disk is full", "says: No space left on device"),
        ("error: odd\nhint: else", "could not be installed", "says: odd."),
        ("", "could not be installed", "says: nothing."),
    ],
)
def test_an_error_tells_the_reason_and_the_installers_words(said: str, problem: str, line: str) -> None:
    told = str(refusal("uv 0.13", said.splitlines()))
    assert problem in told and line in told and "--env current" in told and "\n" not in told
    assert "0.13" not in told


def test_addresses_and_passwords_are_cut() -> None:
    said = "\x1b[31merror\x1b[0m: https://me:secret@example.org/simple/marker/?token=secret, `http://me:secret@host`"
    assert clean(said) == "error: marker, `...`"


def test_output_is_passed_on_as_it_comes_and_the_program_ends_with_us(tmp_path: Path) -> None:
    told: list[str] = []
    script = (
        "print('noise'); print('Downloading torch (812.3MiB)'); print('Resolved 3 packages: x'); raise SystemExit(3)"
    )
    assert run([sys.executable, "-c", script], tmp_path, (), told.append)[0] == 3
    assert told == ["Downloading torch (812.3MiB)", "Resolved 3 packages"]

    def interrupted(text: str) -> None:
        raise KeyboardInterrupt(text)

    script = "import os, time; print('Resolved', os.getpid(), flush=True); time.sleep(600)"
    with pytest.raises(KeyboardInterrupt) as error:
        run([sys.executable, "-c", script], tmp_path, (), interrupted)
    with pytest.raises(ProcessLookupError):
        os.kill(int(str(error.value).split()[1]), 0)


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="absent does not start"):
        run([str(tmp_path / "absent")], tmp_path, (), print)


def test_uv_that_does_not_start_is_no_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Installer.choose() == Installer("", "pip")
    (tmp_path / "uv").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "uv").chmod(0o755)
    assert Installer.choose() == Installer("", "pip")
    (tmp_path / "uv").write_text("#!/bin/sh\necho uv 9.8.7 x86\n")
    assert Installer.choose() == Installer(str(tmp_path / "uv"), "uv 9.8.7")
