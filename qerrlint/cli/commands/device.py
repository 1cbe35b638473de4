# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint device TYPE`: print what is known of a QOM type."""

from __future__ import annotations

import sys

import click

from qerrlint.cli.options import Options, form_option, not_empty, rev_option, shared
from qerrlint.cli.settings import open_source


@click.command("device")
@click.argument("name", metavar="TYPE", callback=not_empty)
@shared("tree", "color")
@rev_option("Read git's objects at REV instead of the work tree.")
@form_option
def command(options: Options, name: str, rev: str | None, form: str) -> None:
    """Show what is known of the device model TYPE: a QOM name (e1000) or its macro (TYPE_E1000).

    Parents, structs, bus; the functions of its phases; what each setup phase takes and which functions give
    it back; regions with their callbacks; properties; what migrates; the state struct with offsets and sizes.
    """
    from qerrlint.model.program import Program
    from qerrlint.queries.device import find_types
    from qerrlint.rules.loader import load_rules
    from qerrlint.source.open_tree import require_qemu

    with open_source(options, rev) as source:
        require_qemu(source.root, source)
        pages = find_types(Program(source, "headers"), name, load_rules().pairs)
        if form == "json":
            from qerrlint.report.jsontext import write_json
            from qerrlint.report.queries.device_json import document

            write_json(document(pages, source.root, source.revision), sys.stdout)
        else:
            from qerrlint.report.queries.device_text import lines
            from qerrlint.report.terminal import look_of, write_lines

            look = look_of(sys.stdout, options.color)
            write_lines(lines(pages), sys.stdout, look)
    sys.exit(0)
