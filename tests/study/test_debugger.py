"""``wb run --pdb``, typed into: it stops in the user's line, whichever part of a run comes to it first."""

import subprocess

import pytest

from tests.project import TINY, Project

STAGE = '''
    def loss(self, output, batch):
        """With a mistake that torch complains about, from a frame of its own."""
        answer = "forty-" + "two"
        return torch.nn.functional.cross_entropy(output, batch.y[:3])
'''
HELPER = """import torch


def mistaken(output, y):
    answer = "forty-" + "two"
    return torch.nn.functional.cross_entropy(output, y[:3])
"""
FIXED = "    fit = OneCycle(epochs=2, batch=32, lr=1e-2)\n"


def spec(stage: str, fit: str = FIXED) -> str:
    """Tiny's, with a stage of the baseline's own."""
    return TINY.replace("from workbench", "import torch\nfrom workbench", 1).replace(FIXED, fit + stage)


def typed(project: Project, *lines: str, seeds: int = 1) -> subprocess.CompletedProcess[str]:
    """Runs under the debugger, given these lines on its standard input."""
    return subprocess.run(
        project.command("run", "tiny", "--pdb", "--arm", "TrainBN", "--seeds", str(seeds)),
        cwd=project.root,
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("fit", [FIXED, FIXED.replace("1e-2", '"auto"')], ids=["a fixed rate", "a rate to be found"])
def test_it_stops_in_the_spec_s_line(fit: str, project: Project) -> None:
    text = spec(STAGE, fit)
    project.spec("tiny", text)
    done = typed(project, "p answer", "down", "p answer", "q")
    line = next(n for n, words in enumerate(text.splitlines(), 1) if "cross_entropy" in words)
    assert f"tiny/spec.py({line})loss()" in done.stdout and "forty-two" in done.stdout, done.stdout + done.stderr
    below = done.stdout.partition("forty-two")[2]  # where torch raised it
    assert "functional.py(" in below and "NameError: name 'answer' is not defined" in below
    assert done.returncode == 1 and done.stdout.count("(Pdb)") == 4 and "to match target batch_size (3)" in done.stderr
    told = done.stderr.splitlines()[-1]
    assert "ValueError" in told and f"(spec.py:{line})" in told and "foreseen" not in told


def test_a_module_beside_the_spec_is_the_user_s_too(project: Project) -> None:
    stage = "\n    def loss(self, output, batch):\n        return helper.mistaken(output, batch.y)\n"
    path = project.spec("tiny", spec(stage).replace("import torch", "import helper"))
    (path.parent / "helper.py").write_text(HELPER)
    done = typed(project, "p answer", "q")
    assert "tiny/helper.py(6)mistaken()" in done.stdout and "forty-two" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 1 and done.stderr.splitlines()[-1].endswith("(helper.py:6)")


def test_without_a_mistake_nothing_stops(project: Project) -> None:
    done = typed(project)
    assert done.returncode == 0 and "(Pdb)" not in done.stdout, done.stdout + done.stderr


def test_c_goes_on_to_the_next_run_and_q_ends_the_study(project: Project) -> None:
    project.spec("tiny", spec(STAGE))
    done = typed(project, "c", "q", seeds=3)
    assert done.stdout.count("(Pdb)") == 2 and done.returncode == 130, done.stdout + done.stderr
    assert "the same command goes on from there" in done.stderr
