# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint contract FUNCTION`: print the contract of a function."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from qerrlint.cli.options import Options, form_option, not_empty, rev_option, shared
from qerrlint.cli.settings import open_source

if TYPE_CHECKING:
    from qerrlint.source.source import Source


@click.command("contract")
@click.argument("function", metavar="FUNCTION", callback=not_empty)
@shared("tree", "color")
@rev_option("Read git's objects at REV instead of the work tree.")
@click.option(
    "--in",
    "inside",
    metavar="PATH",
    callback=not_empty,
    help="Which definition: as this file of the tree sees it.",
)
@form_option
@click.option(
    "--limit", metavar="N", type=click.IntRange(0), default=20, help="The most places in each list; 0: all."
)
def command(
    options: Options, function: str, rev: str | None, inside: str | None, form: str, limit: int
) -> None:
    """Show what the rules assume about FUNCTION, and the evidence for it.

    It shows its declarations and definitions, how it reports failure, how its body returns, which Errors
    it does not pass on, where its address is stored, its callers, and which of its calls can set an Error. A
    static function that several files define is selected with --in.
    """
    from qerrlint.queries.contract_lookup import find_contract
    from qerrlint.source.open_tree import require_qemu

    with open_source(options, rev) as source:
        require_qemu(source.root, source)
        within = _below(source, inside) if inside is not None else None
        found = find_contract(source, function, within, limit)
        if form == "json":
            from qerrlint.report.jsontext import write_json
            from qerrlint.report.queries.contract_json import document

            write_json(document(found, source.root, source.revision), sys.stdout)
            return
        from qerrlint.report.queries.contract_text import lines
        from qerrlint.report.terminal import look_of, write_lines

        write_lines(lines(found), sys.stdout, look_of(sys.stdout, options.color))


def _below(source: Source, path: str) -> str:
    """The path in the tree: as given, or from the current directory."""
    plain = os.path.normpath(path).replace(os.sep, "/")
    if source.exists(plain):
        return plain
    absolute, root = os.path.realpath(path), os.path.realpath(source.root) + os.sep
    return absolute[len(root) :].replace(os.sep, "/") if absolute.startswith(root) else plain
