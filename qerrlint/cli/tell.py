# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages on standard error, as printable text, because they can repeat what a patch's sender wrote."""

from __future__ import annotations

import sys

import click


def tell(text: str, head: str = "qerrlint: ") -> None:
    """Say something in one line on standard error."""
    from qerrlint.report.printable import fitted, one_line

    click.echo(fitted(head + one_line(text), sys.stderr), err=True)


def tell_lines(text: str) -> None:
    """Say several lines, such as Python's traceback, with their indentation."""
    from qerrlint.report.printable import fitted, printable

    for line in text.splitlines():
        click.echo(fitted(printable(line), sys.stderr), err=True)
