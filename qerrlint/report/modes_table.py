# SPDX-License-Identifier: GPL-2.0-or-later
"""The matrix of migration modes as a table for a terminal."""

from __future__ import annotations

from typing import TextIO

from qerrlint.queries.mode_matrix import Matrix
from qerrlint.report.modes_text import LEGEND, cells, columns, exempt, groups, place, summary, unclear
from qerrlint.report.printable import printable

_STYLES = {"B": "bold red", "b": "red", "N": "bold green", "n": "green"}


def show(found: Matrix, stream: TextIO, width: int | None = None) -> None:
    """Write the table to a terminal (`width`: columns, else what the terminal has)."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream, width=width, highlight=False, force_terminal=True)
    table = Table(header_style="bold", pad_edge=False)
    table.add_column("object", overflow="fold")
    for head in columns(found):
        table.add_column(head, justify="center", no_wrap=True)
    table.add_column("exempt")
    table.add_column("where", overflow="fold", style="dim")
    for holder, rows in groups(found.rows):
        table.add_section()
        table.add_row(Text(printable(holder), style="bold"))
        for row in rows:
            marks = [Text(cell, style=_STYLES.get(cell, "")) for cell in cells(found, row)]
            where = "\n".join(printable(place(entry)) for entry in row.entries)
            table.add_row(Text(f"  {printable(row.name)}"), *marks, Text(exempt(row)), Text(where))
    console.print(table)
    console.print(Text(LEGEND, style="dim"))
    for holder, rows in groups(found.listed):
        for row in rows:
            for entry in row.entries:
                text = f"whatever the mode: {holder} {row.name}: {place(entry)}"
                console.print(Text(printable(text)), soft_wrap=True)
    for one in found.passed:
        console.print(Text(printable(f"inside of the API: {unclear(one)}"), style="dim"), soft_wrap=True)
    for one in found.unclear:
        console.print(Text(printable(f"not understood: {unclear(one)}"), style="yellow"), soft_wrap=True)
    console.print(Text(summary(found)))
