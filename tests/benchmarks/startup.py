"""How long ``wb --help`` takes, beside importing click alone: the budget is twice.

Run: ``.venv/bin/python tests/benchmarks/startup.py``. Not a test: the time of a process says little on a busy
machine, so what is asserted in tests/cli/test_main.py is the list of modules that it imports. The minimum of many
alternating runs is compared, because noise only ever adds.
"""

import subprocess
import sys
import time

ROUNDS = 30
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import click'": [sys.executable, "-c", "import click"],
    "wb --help": [sys.executable, "-m", "workbench", "--help"],
    "wb list": [sys.executable, "-m", "workbench", "list"],
}


def seconds(command: list[str]) -> float:
    """Wall time of one process."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Print the best time of each command, and the ratio that has a budget."""
    best = dict.fromkeys(COMMANDS, float("inf"))
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            best[name] = min(best[name], seconds(command))
    for name, value in best.items():
        print(f"{name:26} {value * 1000:6.0f} ms")
    ratio = best["wb --help"] / best["python -c 'import click'"]
    print(f"wb --help takes {ratio:.2f} times as long as importing click (budget: 2.00)")


if __name__ == "__main__":
    main()
