# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint vmstate`: print a VMStateDescription, or what changed on the wire between two revisions."""

from __future__ import annotations

import click

from qerrlint.cli.options import Options, not_empty, rev_option, shared
from qerrlint.cli.settings import git_root, open_source
from qerrlint.errors import UsageError


@click.command("vmstate")
@click.argument("name", metavar="[NAME]", required=False, callback=not_empty)
@shared("tree")
@rev_option("Read git's objects at REV instead of the work tree.")
@click.option(
    "--diff",
    "range_",
    metavar="A..B",
    callback=not_empty,
    help="Compare the descriptions of two revisions instead.",
)
def command(options: Options, name: str | None, rev: str | None, range_: str | None) -> None:
    """Show what the description NAME puts on the wire, or with --diff what changed.

    NAME is the variable or the name on the wire. Macros are expanded as the tree's own headers define them.
    A change breaks where a stream of one side cannot be loaded by the other.
    """
    if range_ is not None:
        _compare(options, name, range_)
        return
    if name is None:
        raise UsageError("give the name of a description, or --diff A..B")
    from qerrlint.queries.vmstates import find
    from qerrlint.report.queries.vmstate_text import shown
    from qerrlint.source.open_tree import require_qemu

    with open_source(options, rev) as source:
        require_qemu(source.root, source)
        found = find(source, name)
    if not found:
        raise UsageError(f"{name}: no VMStateDescription of this variable or name")
    for one in found:
        for line in shown(one):
            click.echo(line)


def _compare(options: Options, name: str | None, range_: str) -> None:
    from qerrlint.queries.vmstates import compare
    from qerrlint.report.queries.vmstate_text import changed
    from qerrlint.source.git_tree import GitSource
    from qerrlint.source.open_tree import require_qemu

    first, dots, second = range_.partition("..")
    if not dots or not first or not second or second.startswith("."):
        raise UsageError(f"--diff: {range_!r} is not a range A..B")
    root = git_root(options.tree)
    with GitSource(root, first) as old, GitSource(root, second) as new:
        require_qemu(root, old, new)
        found = compare(old, new, name)
    for one in sorted(found, key=lambda one: not one.breaks):
        for line in changed(one):
            click.echo(line)
    breaks = sum(one.breaks for one in found)
    click.echo(f"{len(found)} descriptions differ, {breaks} of them on the wire in a way that breaks")
