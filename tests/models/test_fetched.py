"""Weights from an address are kept, and checked by the hash in their name each time."""

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from workbench.errors import DataError
from workbench.models.fetched import fetched

CONTENT = b"some weights"
NAME = f"net-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An address that serves a file with the right name, and one with a wrong one."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "served").mkdir()
    for name in (NAME, "net-00000000.pth"):
        (tmp_path / "served" / name).write_bytes(CONTENT)
    found = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "served")))
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{found.server_port}"
    found.shutdown()
    thread.join()
    found.server_close()


def test_downloaded_once(server: str, tmp_path: Path) -> None:
    path = fetched(f"{server}/{NAME}", "here")
    assert path == tmp_path / "torch/hub/checkpoints" / NAME and path.read_bytes() == CONTENT
    (tmp_path / "served" / NAME).unlink()
    assert fetched(f"{server}/{NAME}", "here") == path
    path.write_bytes(b"changed")
    with pytest.raises(DataError, match=r"here: .* is damaged.*Delete it and run again"):
        fetched(f"{server}/{NAME}", "here")


def test_content_that_is_not_what_its_name_says(server: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be downloaded \(invalid hash value"):
        fetched(f"{server}/net-00000000.pth", "here")
    assert not list((tmp_path / "torch/hub/checkpoints").iterdir())
    with pytest.raises(DataError, match="names no hash"):
        fetched(f"{server}/net.pth", "here")


def test_without_a_connection_it_says_what_to_type(server: str) -> None:
    with pytest.raises(DataError, match=r"cannot be downloaded.*use Pretrained\('data/gone-12345678\.pth'\)"):
        fetched(f"{server}/gone-12345678.pth", "here")
