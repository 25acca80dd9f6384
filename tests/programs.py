"""The README's section on the same tasks written with four libraries, made of docs/programs.

python -m tests.programs        # writes it
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "docs" / "programs"
README = ROOT / "README.md"
TASKS = {
    "image": "14 kinds of fruit: 732 photos, 96 pixels, MobileNetV2 with ImageNet weights",
    "text": "recommended or not: 4,000 clothing reviews",
    "table": "income above 50,000: 39,000 census rows",
    "ratings": "stars (rmse): 80,000 film ratings",
    "houses": "house value (mean absolute error in $100,000): 16,500 districts",
}
LIBRARIES = {"workbench": "workbench", "fastai": "fastai", "keras": "Keras", "lightning": "Lightning"}
BEGIN, END = "<!--programs-->", "<!--/programs-->"
_ROW = re.compile(r"\((\w+)/with_(\w+)\.py\) \| (\d+) \| ([^|]+) \| \d+ \| (\d+) \|")


def results() -> dict[tuple[str, str], tuple[str, str, str]]:
    """(task, library) -> (lines of code, error, seconds), as last measured."""
    found = _ROW.findall((PROGRAMS / "README.md").read_text())
    return {(task, library): (lines, score, seconds) for task, library, lines, score, seconds in found}


def cell(lines: str, score: str, seconds: str) -> str:
    """One library's result at one task."""
    return f"{lines} lines, " + (f"not done in {seconds} s" if score == "stopped" else f"{score}, {seconds} s")


def section() -> str:
    """The table, and each task's programs below a line that unfolds."""
    measured = results()
    lines = [f"| test error, time | {' | '.join(LIBRARIES.values())} |", "|---" * (len(LIBRARIES) + 1) + "|"]
    for task, told in TASKS.items():
        lines.append(f"| {told} | {' | '.join(cell(*measured[task, each]) for each in LIBRARIES)} |")
    for task, told in TASKS.items():
        lines += ["", f"<details><summary>{told}</summary>", "", "<table>"]
        for pair in (("workbench", "fastai"), ("keras", "lightning")):
            lines.append("<tr valign=top>")
            for library in pair:
                code = (PROGRAMS / task / f"with_{library}.py").read_text().rstrip("\n")
                lines += [f"<td>\n\n**{LIBRARIES[library]}**\n", f"```python\n{code}\n```", "\n</td>"]
            lines.append("</tr>")
        lines += ["</table>", "", "</details>"]
    return "\n".join(lines)


def page() -> str:
    """The README with the section as it has to be."""
    before, _, rest = README.read_text().partition(BEGIN)
    return f"{before}{BEGIN}\n\n{section()}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    README.write_text(page())
