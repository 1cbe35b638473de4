# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint modes`: print which objects block, or are notified for, each migration mode."""

from __future__ import annotations

import sys

import click

from qerrlint.cli.options import Options, form_option, not_empty, rev_option, shared
from qerrlint.cli.paths import within, without_files
from qerrlint.cli.settings import open_source
from qerrlint.cli.tell import tell
from qerrlint.errors import InputError


@click.command("modes")
@click.argument("paths", nargs=-1, type=click.Path(), callback=not_empty)
@shared("tree", "color")
@rev_option("Read git's objects at REV instead of the work tree.")
@form_option
def command(options: Options, paths: tuple[str, ...], rev: str | None, form: str) -> None:
    """Show which migration modes are blocked and notified, by object, in PATH... or the whole tree.

    B: blocked, N: notified; b, n: only on some paths or for some callers. After each object come the modes
    that its blocker exempts, and the calls, with the conditions around them. Calls that are not understood
    are listed with the reason.
    """
    from qerrlint.engine.check_files import core_files
    from qerrlint.queries.mode_matrix import find_matrix
    from qerrlint.source.open_tree import require_qemu

    with open_source(options, rev) as source:
        require_qemu(source.root, source)
        wanted = within(source.root, paths, given=options.tree is not None or rev is not None)
        files = core_files(source, wanted)
        empty = without_files(source, paths, wanted, files)
        found = find_matrix(source, files)
        if form == "json":
            from qerrlint.report.jsontext import write_json
            from qerrlint.report.queries.modes_json import document

            write_json(document(found, source.root, source.revision), sys.stdout)
        else:
            from qerrlint.report.queries.modes_text import lines
            from qerrlint.report.terminal import look_of, write_lines

            look = look_of(sys.stdout, options.color)
            write_lines(lines(found, look.width), sys.stdout, look)
    for path in empty:
        tell(f"{path.path}: {path.reason}")
    sys.exit(InputError.exit_code if empty else 0)
