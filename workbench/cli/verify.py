"""``wb verify``: fail when a number in a README or a paper is no longer the published one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from workbench.study.verify import Finding

_EPILOG = """\b
In Markdown an invisible mark ties a text to a result:
  <!--wb bn_finetune full claims.C1-->28.6 [26.3, 31.3]<!--/wb-->
that is EXPERIMENT TIER ADDRESS; the address is the rest of the mark, so a
cell's name stands in it as it is (cells.digits/head, no shift.StaleStats).

\b
Addresses, and what they give:
  claims.C1                      estimate and interval
  claims.C1.estimate .interval .low .high .p .p_holm .n .verdict .means.ARM
  cells.CELL.ARM                 mean, and half its interval (66.0 ± 4.7)
  cells.CELL.ARM.mean .interval .low .high .sd .n .failed .metrics.METRIC
  cells.CELL.ARM.seconds         the median of its runs
  cells.CELL.ARM.ratio           value and interval; .ratio.value .ratio.low
  cells.CELL.ARM.difference      the same, in points for error rates
  cells.CELL.chance .n_test
  runs results sources failed seeds family commit lock date id device class
  pins.PATH
  tables.claims                  a table of all claims, written whole by --update
  tables.CELL                    a table of a cell's arms
`<!--wb * full tables.claims-->` is the table of all published experiments' claims.

The text may show a number with as many digits as it likes, but must show all of them, rounded rightly: error rates and
shares in percent or as a fraction of 1, with or without a sign; "< 0.001" is read. A hash may be shortened to 7 digits.

In LaTeX, the files of `wb publish --latex` are compared as a whole, wherever they lie, and macros that were copied out
of them by their names. Each results.json must still follow from its own runs, and its commits must still be there.

\b
Examples:
  wb verify                          every README and paper of the project
  wb verify README.md
  wb verify --update                 write the published numbers into them"""


@click.command(epilog=_EPILOG)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option("--update", is_flag=True, help="Write the published numbers over those that differ, at the same digits.")
def command(paths: tuple[Path, ...], update: bool) -> int:
    """Check that the numbers in READMEs and papers are the published ones; exit code 1 when one is not.

    PATHs are .md, .tex or results.json files, or folders; without one all that git tracks or would track.
    """
    from workbench.record.places import find_root
    from workbench.study.verify import verify
    from workbench.study.words import counted

    root = find_root(Path.cwd())
    found = verify(root, [Path.cwd() / path for path in paths], update=update)
    if found.updated:
        _show(found.updated, ["updated", "said", "published"])
        files = {each.where.rpartition(":")[0] or each.where for each in found.updated}
        click.echo(f"{counted(len(found.updated), 'place')} in {counted(len(files), 'file')} updated.\n")
    if found.findings:
        _show(found.findings, ["where", "says", "published"])
    if not found.checked and not found.findings:
        click.echo("0 numbers checked: no text is tied to a published result. To see how: wb verify --help")
        return 0
    numbers = f"{counted(found.checked, 'number')} in {counted(len(found.files), 'file')} checked"
    if found.findings:
        click.echo(f"{numbers}, {counted(len(found.findings), 'place')} wrong. To write the published numbers: "
                   "wb verify --update")  # fmt: skip
        return 1
    click.echo(f"{numbers}: all as published.")
    return 0


def _show(findings: Sequence[Finding], headers: list[str]) -> None:
    from tabulate import tabulate

    rows = [(each.where, " ".join(each.says.split()), each.published) for each in findings]
    click.echo(tabulate(rows, headers=headers, tablefmt="simple", disable_numparse=True, maxcolwidths=[None, 44, 60]))
    click.echo()
