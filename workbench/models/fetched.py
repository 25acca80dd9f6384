"""Weights files from the internet: kept where torch keeps them, and checked each time by the hash in their names."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath

import torch

from workbench.errors import DataError


def fetched(url: str, where: str) -> Path:
    """The file behind an address such as ``https://.../resnet18-f37072fd.pth``, downloaded once.

    It is kept in torch's hub folder (TORCH_HOME), as torchvision keeps it.

    Args:
        url: its name ends in the first digits of the content's SHA-256.
        where: what an error calls it.

    Raises:
        DataError: there is no connection, or the content does not have the hash.
    """
    name = PurePosixPath(url).name
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    found = re.search(r"-([0-9a-f]{8,})\.", name)
    if found is None:
        raise DataError(f"'{name}' names no hash to check it by", where=where, hint=_by_hand(url))
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), hash_prefix=found[1], progress=False)
        except (OSError, RuntimeError) as error:
            # urllib's errors are OSErrors; a wrong hash is a RuntimeError
            reason = str(error).splitlines()[0]
            raise DataError(f"the weights cannot be downloaded ({reason})", where=where, hint=_by_hand(url)) from None
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(found[1]):
        raise DataError(
            f"'{path}' is damaged: its SHA-256 begins with {digest[:8]}", where=where, hint="Delete it and run again."
        )
    return path


def _by_hand(url: str) -> str:
    name = PurePosixPath(url).name
    return f"Download {url} elsewhere into data/, type `wb data pin data/{name}`, and use Pretrained('data/{name}')."
