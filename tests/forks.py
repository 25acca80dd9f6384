"""Studies in processes forked from one that has imported everything: starting ``wb run`` itself takes seconds.

As a program it forks a study for each JSON line it is given, and answers with its process id and, when it is over, its
exit code. :class:`Forks` is the other end.
"""

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, Self

from tests.project import Project, runner

# What a study imports on its way, some of it only at its end.
IMPORTED = (
    "git", "matplotlib.figure", "mlflow.tracking", "mlflow.store.tracking.sqlalchemy_store", "psutil", "scipy.stats",
    "workbench.cli.progress", "workbench.data.arrays", "workbench.data.augment", "workbench.models.vision",
    "workbench.study.figure", "workbench.study.runner",
)  # fmt: skip


class Forks:
    """The program, running; as a context manager it leaves no process behind.

    Args:
        temporary: the studies' folder for temporary files.
        repository: where the program can be imported from.
    """

    def __init__(self, temporary: Path, repository: Path) -> None:
        self.temporary = temporary
        temporary.mkdir()
        self.log = temporary.with_name("forks.txt")
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forks"], cwd=repository, text=True, start_new_session=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip

    def start(self, project: Project, name: str, **options: Any) -> int:
        """The process id of ``wb run NAME``; options as :class:`workbench.study.plan.Options` takes them."""
        assert self._process.stdin is not None
        order = {"root": str(project.root), "temporary": str(self.temporary), "name": name, "options": options}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def wait(self) -> int:
        """The exit code of the study that runs, once it is over."""
        return self._answer()

    def _answer(self) -> int:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self.log.read_text()
        return int(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def main() -> None:
    """Serves until stdin closes."""
    import torch

    for name in IMPORTED:
        importlib.import_module(name)
    from workbench.study.recorder import Recorder

    torch.optim.SGD([torch.zeros(1)])  # the first optimizer imports most of torch
    Recorder.SECONDS = 0.0  # a checkpoint after every step, so that kills come close to one
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a study prints must not mix with the answers
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _study(json.loads(line))
        answers.write(f"{child}\n")
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")


def _study(order: dict[str, Any]) -> None:
    code = 1
    try:
        os.chdir(order["root"])
        tempfile.tempdir = order["temporary"]
        runner(Project(Path(order["root"])), order["name"], **order["options"]).run()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
