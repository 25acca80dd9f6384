"""Files from the open internet, given up on within seconds where there is none."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import threading
import urllib.error
import urllib.parse
import urllib.request

from workbench.data.sources.route import Report, Unavailable, Unreachable

_CONNECT_SECONDS = 4.0
_STALL_SECONDS = 30.0
_CHUNK = 1 << 20


def download(url: str, report: Report, *, sha256: str = "", md5: str = "") -> bytes:
    """The contents at ``url``, verified against whichever digest is given.

    Raises:
        Unreachable: when the host cannot be reached, refuses or stalls.
        Unavailable: when it sends something else.
    """
    parts = urllib.parse.urlsplit(url)
    if os.environ.get("WB_OFFLINE"):
        raise Unreachable("WB_OFFLINE is set")
    if not reachable(f"{parts.scheme}://{parts.netloc}/"):
        raise Unreachable(f"{parts.netloc} cannot be reached from here")
    try:
        contents = _read(url, report)
    except (OSError, urllib.error.URLError) as error:
        raise Unreachable(f"{url} did not arrive ({error})") from error
    for kind, expected in (("sha256", sha256), ("md5", md5)):
        if expected and hashlib.new(kind, contents).hexdigest() != expected:
            raise Unavailable(f"{url} is not the file that was pinned (another {kind})")
    return contents


@functools.cache
def reachable(address: str) -> bool:
    """Whether anything answers at ``address``; asked once per process and settled within a few seconds.

    In a thread of its own, because no timeout governs a name server that does not answer.
    """
    answers: list[bool] = []

    def ask() -> None:
        request = urllib.request.Request(address, method="HEAD", headers=_HEADERS)
        try:
            urllib.request.urlopen(request, timeout=_CONNECT_SECONDS).close()
            answers.append(True)
        except urllib.error.HTTPError:
            answers.append(True)
        except (OSError, ValueError):
            answers.append(False)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_CONNECT_SECONDS + 1)
    return answers == [True]


_HEADERS = {"User-Agent": "workbench-ml"}


def _read(url: str, report: Report) -> bytes:
    name = url.rsplit("/", 1)[-1]
    request = urllib.request.Request(url, headers=_HEADERS)
    with urllib.request.urlopen(request, timeout=_STALL_SECONDS) as answer:
        total = int(answer.headers.get("Content-Length") or 0)
        received = io.BytesIO()
        while chunk := answer.read(_CHUNK):
            received.write(chunk)
            report(f"downloading {name}", received.tell(), total)
    if total and received.tell() != total:
        raise OSError(f"connection closed after {received.tell():,} of {total:,} bytes")
    return received.getvalue()
