# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint lsp`: the language server for editors, over standard input and output."""

from __future__ import annotations

import click

from qerrlint.cli.options import Options, shared
from qerrlint.errors import UsageError

_SHARED = ("reach", "select", "ignore", "min_severity", "min_confidence", "config", "baseline", "rules")


@click.command("lsp")
@click.option(
    "--show",
    type=click.Choice(["all", "new"]),
    default="all",
    help="Which findings of a buffer: all (those that HEAD has not are marked as new), or only new ones.",
)
@shared(*_SHARED)
def command(options: Options, show: str) -> None:
    """Serve an editor by the language server protocol: findings, fixes, contracts of functions.

    It needs the packages of the extra `lsp` (pip install 'qerrlint[lsp]').
    """
    try:
        from qerrlint.cli.editor.server import serve
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in ("pygls", "lsprotocol"):
            raise
        raise UsageError(f"lsp needs the package {error.name}: pip install 'qerrlint[lsp]'") from None
    serve(options, show)
