"""The architecture as tests: directions between rooms, sizes that tend to grow, and what others may rely on."""

import ast
import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import workbench

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(ROOT.glob("workbench/**/*.py"))
SPECS = sorted(ROOT.glob("experiments/*/*.py"))
TESTS = sorted(ROOT.glob("tests/**/*.py"))

LONGEST_FILE = 400
LONGEST_FUNCTION = 40
MOST_NAMES = 40


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), named(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of_code(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from ``def`` to the end, without the docstring: explaining is never punished."""
    assert function.end_lineno is not None
    first = function.body[0]
    explained = 0
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        assert first.end_lineno is not None
        explained = first.end_lineno - first.lineno + 1
    return function.end_lineno - function.lineno + 1 - explained


def test_imports_go_in_one_direction() -> None:
    """The contracts of import-linter in pyproject.toml."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_no_file_is_longer_than_a_head_can_hold() -> None:
    long = {named(path): n for path in SOURCES if (n := len(path.read_text().splitlines())) > LONGEST_FILE}
    assert not long, f"split them by concept: {long}"


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{named(path)}:{each.lineno} {each.name}": n
        for path in SOURCES
        for each in functions(path)
        if (n := lines_of_code(each)) > LONGEST_FUNCTION
    }
    assert not long, f"name their steps: {long}"


def test_no_star_imports() -> None:
    stars = [
        f"{named(path)}:{node.lineno}"
        for path in itertools.chain(SOURCES, SPECS, TESTS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
    ]
    assert not stars


def test_no_bare_except() -> None:
    bare = [
        f"{named(path)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert not bare


def test_every_file_is_named_after_a_concept() -> None:
    vague = {"utils.py", "util.py", "helpers.py", "helper.py", "misc.py", "common.py"}
    assert not [named(path) for path in SOURCES if path.name in vague]


def test_every_module_has_its_test() -> None:
    """``workbench/room/module.py`` has ``tests/room/test_module.py``, a package ``tests/room/test_package.py``."""
    missing = []
    for path in SOURCES:
        if path.name in ("__init__.py", "__main__.py"):
            continue
        own = ROOT / "tests" / path.relative_to(ROOT / "workbench").with_name(f"test_{path.name}")
        package = own.parent.with_name(f"test_{own.parent.name}.py")
        if not own.exists() and not package.exists():
            missing.append(named(own))
    assert not missing


def test_every_module_says_what_it_gives() -> None:
    assert not [named(path) for path in SOURCES if not ast.get_docstring(tree(path))]


def test_every_public_name_loads_and_is_what_the_type_checker_sees() -> None:
    module = tree(ROOT / "workbench/__init__.py")
    typed = {
        alias.name: node.module
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("workbench.")
        for alias in node.names
    }
    typed.pop("nearest")
    assert typed == {name: f"workbench.{place}" for name, place in workbench._MODULES.items()}
    assert sorted(workbench.__all__) == workbench.__all__ == sorted(typed)
    for name in workbench.__all__:
        assert getattr(workbench, name).__name__ == name
    assert [name for name in dir(workbench) if not name.startswith("__")] == workbench.__all__


def test_public_names_stay_few() -> None:
    assert len(workbench.__all__) <= MOST_NAMES


def test_an_unknown_public_name_gets_the_nearest() -> None:
    with pytest.raises(AttributeError, match="no name 'Lerner'; did you mean 'Learner'"):
        workbench.Lerner  # noqa: B018


def test_importing_the_package_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import workbench; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not [name for name in done.stdout.split() if name.startswith("workbench.")]
    heavy = {"torch", "numpy", "mlflow", "dvc", "git", "click"}
    assert heavy.isdisjoint(name.partition(".")[0] for name in done.stdout.split())


def test_it_says_that_it_is_typed() -> None:
    assert (ROOT / "workbench/py.typed").exists()


def test_the_continuous_integration_runs_what_the_readme_says() -> None:
    second = "./setup && ./check"
    assert second in (ROOT / ".ci/run").read_text().splitlines()
    assert second in (ROOT / "README.md").read_text()
    assert "./setup && .venv/bin/wb run experiments/bn_finetune --smoke" in (ROOT / "README.md").read_text()


def test_the_locks_hold_hashes_and_name_no_host() -> None:
    for lock in ("requirements.txt", "requirements-data.txt"):
        text = (ROOT / lock).read_text()
        pinned = [line for line in text.splitlines() if line[:1].isalnum()]
        assert pinned and all("==" in line for line in pinned)
        assert text.count("--hash=sha256:") >= len(pinned)
        assert "://" not in text and "--index-url" not in text and "--find-links" not in text
