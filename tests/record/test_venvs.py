"""Small wheels of our own are locked and installed; nothing is fetched from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.errors import RecordError
from workbench.record.venvs import READY, Venv, build, remove

HERE = platform.python_version()
Told = list[tuple[str, int, int]]


def wheel(folder: Path, name: str, version: str, needs: str = "") -> str:
    """Writes ``NAME-VERSION-py3-none-any.whl`` with a module that holds its version; returns the SHA-256."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(place, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return hashlib.sha256(place.read_bytes()).hexdigest()


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What uv keeps goes with the test, and nobody is asked for long."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("PIP_RETRIES", "1")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with wheels/, which paths in a lock start from."""
    return tmp_path / "project"


@pytest.fixture
def lock(project: Path) -> str:
    """A lock of one wheel, named by its path."""
    return f"./wheels/marker-1.0-py3-none-any.whl \\\n    --hash=sha256:{wheel(project / 'wheels', 'marker', '1.0')}\n"


@pytest.fixture(params=["uv", "pip"])
def by(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The installer; uv is hidden by PATH for pip."""
    if request.param == "pip":
        monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    elif shutil.which("uv") is None:
        pytest.skip("uv is not installed")
    return str(request.param)


def made(place: Path, lock: str, project: Path, data_lock: str = "", python: str = HERE) -> tuple[Path, Told]:
    told: Told = []
    found = build(place, lock, data_lock, python, project, lambda text, done, total: told.append((text, done, total)))
    return found, told


def ask(python: Path, script: str) -> str:
    return subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout.strip()


def left(place: Path) -> list[str]:
    return [path.name for path in place.iterdir() if not path.name.endswith(".lock")]


def test_a_lock_becomes_an_environment_once(tmp_path: Path, project: Path, lock: str, by: str) -> None:
    place = tmp_path / "venvs"
    digest = wheel(project / "wheels", "found", "2.0")
    lock = f"--no-index\n--find-links ./wheels\nfound==2.0 --hash=sha256:{digest}\n{lock}"
    # a data package says that it needs something old, which is not installed
    digest = wheel(project / "wheels", "data", "3.0", "Requires-Dist: absent==1")
    data = f"./wheels/data-3.0-py3-none-any.whl --hash=sha256:{digest}\n"
    python, told = made(place, lock, project, data)
    assert (
        ask(python, "import marker, found, data; print(marker.version, found.version, data.version)") == "1.0 2.0 3.0"
    )
    assert ask(python, "import importlib.util as u; print(u.find_spec('torch'))") == "None"  # nothing of ours
    folder = python.parents[1]
    minor = ".".join(HERE.split(".")[:2])
    assert folder.parent == place and folder.name == Venv(lock, data, HERE).name and folder.name.endswith(f"-py{minor}")
    facts = json.loads((folder / READY).read_text())
    assert (facts["lock"], facts["data_lock"]) == tuple(
        hashlib.sha256(each.encode()).hexdigest() for each in (lock, data)
    )
    assert facts["python"] == HERE and facts["by"].split()[0] == by
    assert any("installing requirements-data.txt" in text for text, _, _ in told)
    assert told[-1][1:] == (3, 3) and left(place) == [folder.name]
    bytecode = list(folder.glob("lib/*/site-packages/__pycache__/marker.*.pyc"))
    assert len(bytecode) == 1

    os.utime(folder / READY, (1, 1))
    again, silent = made(place, lock, project, data, python=f"{minor}.999")
    assert again == python and silent == [] and (folder / READY).stat().st_mtime > 1
    assert json.loads((folder / READY).read_text()) == facts


def test_a_file_that_is_not_the_locked_one(tmp_path: Path, project: Path, lock: str, by: str) -> None:
    found = f"--no-index\n--find-links ./wheels\nmarker==1.0 --hash=sha256:{'0' * 64}\n"
    named = f"./wheels/marker-1.0-py3-none-any.whl --hash=sha256:{'0' * 64}\n"
    for each in (found, named) if by == "uv" else (named,):  # pip takes seconds
        with pytest.raises(RecordError, match="not the one that was locked") as error:
            made(tmp_path / "venvs", each, project)
        assert f"; {by} says: " in str(error.value) and "marker" in str(error.value) and "\n" not in str(error.value)
        assert "://" not in str(error.value) and left(tmp_path / "venvs") == []


def test_a_package_that_cannot_be_had(tmp_path: Path, project: Path, lock: str) -> None:
    digest = "0" * 64
    offline = f"--index-url http://me:secret@127.0.0.1:9/simple\nabsent==1.0 --hash=sha256:{digest}\n"
    with pytest.raises(RecordError, match=r"cannot be fetched.* says: ") as error:
        made(tmp_path / "venvs", offline, project)
    assert "secret" not in str(error.value) and "127.0.0.1" not in str(error.value)
    gone = f"--no-index\n--find-links ./wheels\nmarker==2.0 --hash=sha256:{digest}\n"
    with pytest.raises(RecordError, match=r"is not offered.*marker==2\.0"):
        made(tmp_path / "venvs", gone, project)
    assert left(tmp_path / "venvs") == []


def test_a_lock_that_names_no_definite_environment(tmp_path: Path, project: Path, lock: str) -> None:
    for vague, named in (("marker==1.0\n", "marker"), (f"{lock}-r other.txt\n", "-r other.txt")):
        with pytest.raises(RecordError, match=f"no hash for {named}"):
            made(tmp_path / "venvs", vague, project)
        with pytest.raises(RecordError, match=f"no hash for {named}"):
            made(tmp_path / "venvs", lock, project, data_lock=vague)
    with pytest.raises(RecordError, match="there is no lock"):
        made(tmp_path / "venvs", "", project)
    with pytest.raises(RecordError, match=r"Python 3\.99 is needed"):
        made(tmp_path / "venvs", lock, project, python="3.99.0")
    with pytest.raises(RecordError, match="no version of Python"):
        made(tmp_path / "venvs", lock, project, python="x")
    assert not (tmp_path / "venvs").exists() or left(tmp_path / "venvs") == []


def test_the_name_follows_both_locks_and_the_minor_version(lock: str) -> None:
    names = {Venv(*each).name for each in ((lock, "", "3.11.1"), ("", lock, "3.11.1"), (lock, lock, "3.11.1"))}
    names |= {Venv(lock, "", "3.12.1").name, Venv(f"{lock}#", "", "3.11.1").name}
    assert len(names) == 5 and Venv(lock, "", "3.11.1").name == Venv(lock, "", "3.11.7").name


def test_one_that_does_not_start_any_more_is_made_anew(tmp_path: Path, project: Path, lock: str) -> None:
    python, _ = made(tmp_path / "venvs", lock, project)
    python.unlink()
    python.symlink_to(tmp_path / "uninstalled")
    assert made(tmp_path / "venvs", lock, project)[0] == python
    assert ask(python, "import marker; print(marker.version)") == "1.0"
    remove(python.parents[1])
    remove(python.parents[1])
    assert left(tmp_path / "venvs") == []


def test_too_little_room(tmp_path: Path, project: Path, lock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=2 * 2**30))
    with pytest.raises(RecordError, match=r"2\.0 GiB are free and the environment needs about 6\. Free some space"):
        made(tmp_path / "venvs", f"{lock}torch==1.0 --hash=sha256:{'0' * 64}\n", project)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=2**20))
    with pytest.raises(RecordError, match=r"needs about 0\.5"):
        made(tmp_path / "venvs", lock, project)


class Index:
    """A package index on this machine, which answers when it may."""

    def __init__(self, wheels: Path) -> None:
        self.asked, self.may = threading.Event(), threading.Event()
        index = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.asked.set()
                index.may.wait(120)
                file = wheels / self.path.rpartition("/")[2]
                if self.path == "/simple/marker/":
                    body, kind = b'<a href="/marker-1.0-py3-none-any.whl">marker-1.0-py3-none-any.whl</a>', "text/html"
                else:
                    body, kind = file.read_bytes() if file.is_file() else b"", "application/octet-stream"
                try:
                    self.send_response(200 if body else 404)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    if self.command == "GET":
                        self.wfile.write(body)
                except OSError:  # who asked has gone
                    pass

            do_HEAD = do_GET

            def log_message(self, *words: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self) -> None:
        self.may.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def index(project: Path, lock: str) -> Iterator[Index]:
    found = Index(project / "wheels")
    yield found
    found.close()


def served(index: Index, lock: str) -> str:
    """The lock of the same wheel, from the index."""
    port = index.server.server_address[1]
    return f"--index-url http://127.0.0.1:{port}/simple\nmarker==1.0 --hash={lock.split('--hash=')[1]}"


SCRIPT = """
import sys
from pathlib import Path
from workbench.record.venvs import build
place, project, lock = map(Path, sys.argv[1:])
print(build(place, lock.read_text(), "", sys.version.split()[0], project, lambda text, *_: print(text, flush=True)))
"""


def start(tmp_path: Path, project: Path, lock: str) -> subprocess.Popen[str]:
    (tmp_path / "lock.txt").write_text(lock)
    words = [sys.executable, "-c", SCRIPT, str(tmp_path / "venvs"), str(project), str(tmp_path / "lock.txt")]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def test_two_at_once_build_one(tmp_path: Path, project: Path, lock: str, index: Index) -> None:
    with start(tmp_path, project, served(index, lock)) as one:
        assert index.asked.wait(60)  # the first one is building
        with start(tmp_path, project, served(index, lock)) as two:
            assert two.stdout is not None
            assert "another process is building it; waiting" in two.stdout.readline()
            index.may.set()
            second = two.communicate(timeout=120)[0].splitlines()
        first = one.communicate(timeout=120)[0].splitlines()
    assert first[-1] == second[-1] and len(second) == 1 and len(first) > 3
    assert ask(Path(first[-1]), "import marker; print(marker.version)") == "1.0"


def test_what_a_killed_process_left_is_made_anew(tmp_path: Path, project: Path, lock: str, index: Index) -> None:
    with start(tmp_path, project, served(index, lock)) as one:
        assert index.asked.wait(60)
        one.send_signal(signal.SIGKILL)
    (half,) = (path for path in (tmp_path / "venvs").iterdir() if path.is_dir())
    assert not (half / READY).exists()
    (half / "rest").write_text("of the first one")
    told: list[str] = []

    def report(text: str, done: int, total: int) -> None:
        told.append(text)
        index.may.set()  # its installer, which outlived it, can go on only once we wait for its end

    python = build(tmp_path / "venvs", served(index, lock), "", HERE, project, report)
    assert "the installer of a process that was killed still runs" in told[0]
    assert python.parents[1] == half and not (half / "rest").exists() and (half / READY).exists()
    assert ask(python, "import marker; print(marker.version)") == "1.0" and left(tmp_path / "venvs") == [half.name]
