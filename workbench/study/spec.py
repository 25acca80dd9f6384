"""Finding and loading an experiment's spec.py, with errors that name the file and the line."""

from __future__ import annotations

import ast
import importlib.util
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import SpecError, UsageError, WorkbenchError, nearest
from workbench.parts import digest

if TYPE_CHECKING:
    from workbench.study.experiment import Experiment


@dataclass(frozen=True)
class Spec:
    """A loaded spec: ``name`` is the folder's, ``title`` the first line of the module's docstring."""

    name: str
    path: Path
    title: str
    about: str
    experiment: Experiment


def experiment_names(root: Path) -> list[str]:
    """The folders under experiments/ that hold a spec.py, in alphabetical order."""
    return sorted(path.parent.name for path in (root / "experiments").glob("*/spec.py"))


def find_spec(root: Path, name: str) -> Path:
    """The spec.py that ``name`` means: ``bn_finetune``, ``experiments/bn_finetune``, or a path to the folder or file.

    Raises :class:`UsageError` with the nearest experiment when there is none.
    """
    short = Path(name.rstrip("/")).name if not name.endswith(".py") else Path(name).parent.name
    candidates = [Path(name), Path(name) / "spec.py", root / name / "spec.py", root / "experiments" / name / "spec.py"]
    for candidate in candidates:
        if candidate.is_file() and candidate.name == "spec.py":
            return candidate.resolve()
    names = experiment_names(root)
    for folder in (Path(name), root / name, root / "experiments" / short):
        if folder.is_dir():
            raise UsageError(f"{name} has no spec.py", hint=f"Type: wb new {short}_2, or write {name}/spec.py")
    hint = "Type: wb list" if names else "Type: wb new NAME"
    raise UsageError(f"there is no experiment '{short}' under experiments/{nearest(short, names)}", hint=hint)


def load_spec(root: Path, name: str) -> Spec:
    """Runs an experiment's spec.py and returns it; its folder is importable while it runs, for helper modules.

    Raises :class:`SpecError` with file and line for a syntax error or an exception, and when ``experiment`` is missing.
    """
    path = find_spec(root, name)
    shown = _shown(path, root)
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except SyntaxError as error:
        raise SpecError(f"{error.msg}: {(error.text or '').strip()!r}", where=f"{shown}:{error.lineno}") from error
    except (ValueError, OSError) as error:
        raise SpecError(f"is no Python text ({error})", where=shown) from error
    module_name = f"workbench_spec_{path.parent.name}_{digest(str(path))[:8]}"
    description = importlib.util.spec_from_file_location(module_name, path)
    assert description is not None and description.loader is not None
    module = importlib.util.module_from_spec(description)
    sys.modules[module_name] = module
    sys.path.insert(0, str(path.parent))
    try:
        description.loader.exec_module(module)
    except WorkbenchError as error:
        where = f"{shown}:{_line(error, path)}"
        raise SpecError(
            error.problem, where=f"{where}: {error.where}" if error.where else where, hint=error.hint
        ) from error
    except (Exception, SystemExit) as error:  # a spec that ends the process would end it without a word
        where = f"{shown}:{_line(error, path)}"
        raise SpecError(
            f"{type(error).__name__}: {error}", where=where, hint="Add --debug for the traceback"
        ) from error
    finally:
        sys.path.remove(str(path.parent))
    return _check(module, path, shown, ast.get_docstring(tree) or "")


def _check(module: object, path: Path, shown: str, about: str) -> Spec:
    from workbench.study.experiment import Experiment

    experiment = getattr(module, "experiment", None)
    if not isinstance(experiment, Experiment):
        found = (
            "has no `experiment`"
            if experiment is None
            else f"has an `experiment` that is a {type(experiment).__name__}"
        )
        raise SpecError(found, where=shown, hint="End it with: experiment = Experiment(baseline=..., arms=[...])")
    title = about.strip().splitlines()[0] if about.strip() else path.parent.name
    return Spec(name=path.parent.name, path=path, title=title, about=about, experiment=experiment)


def is_own(file: str, spec: str) -> bool:
    """Whether a frame's file is an experiment's own code: its spec.py, or a helper module beside it."""
    return Path(file).is_relative_to(Path(spec).parent)


def _line(error: BaseException, path: Path) -> int:
    """The last line of the spec itself that was running when the error came."""
    lines = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else 1


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
