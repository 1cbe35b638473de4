# SPDX-License-Identifier: GPL-2.0-or-later
"""The matrix of migration modes as plain text in columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from qerrlint.queries.mode_matrix import Entry, Matrix, Row, Unclear
from qerrlint.report.printable import one_line, printable

# In a tree older than MigMode, blockers and notifiers apply to every migration.
_ONLY = "migration"
LEGEND = "B blocked, N notified; b, n: on some paths or for some callers only"


def word(mode: str) -> str:
    """A mode as users write it: cpr-transfer for MIG_MODE_CPR_TRANSFER."""
    return mode.removeprefix("MIG_MODE_").lower().replace("_", "-")


def columns(found: Matrix) -> list[str]:
    """The headings of the modes."""
    return [word(name) for name, _ in found.modes] or [_ONLY]


def cells(found: Matrix, row: Row) -> list[str]:
    """What stands below each heading."""
    if not found.modes:
        return ["N" if row.entries[0].kind == "notifier" else "B"]
    return [row.cell(name) for name, _ in found.modes]


def exempt(row: Row) -> str:
    """The modes that the object's blocker exempts."""
    return ", ".join(map(word, row.exempt))


def place(entry: Entry) -> str:
    """One registration: where, by which function, under which conditions."""
    text = f"{entry.path}:{entry.line}  {entry.callee}() in {entry.function}()"
    if entry.via:
        text += f", through {entry.via}"
    if entry.conditions:
        text += f", if {' and '.join(map(one_line, entry.conditions))}"
    return text + (", read by the names of its arguments" if entry.by_name else "")


def unclear(one: Unclear) -> str:
    """One call that is not in the matrix."""
    inside = f" in {one.function}()" if one.function else ""
    return f"{one.path}:{one.line}  {one.callee}(){inside}: {one.reason}"


def groups(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """The rows by who holds the objects."""
    for holder, several in groupby(rows, key=lambda row: row.holder):
        yield holder, list(several)


def summary(found: Matrix) -> str:
    """The last line: how many calls are in the matrix, and how many are not."""
    rows = len(found.rows) + len(found.listed)
    return (
        f"{found.calls} registrations in {found.files} files: {rows} objects; "
        f"{len(found.passed)} calls inside of the API; {len(found.unclear)} not understood"
    )


def lines(found: Matrix) -> Iterator[str]:
    """The text rendering, line by line, without control characters."""
    for line in _lines(found):
        yield printable(line.rstrip())


def _lines(found: Matrix) -> Iterator[str]:
    heads = columns(found)
    width = max([len("object"), *(len(row.name) + 2 for row in found.rows)])
    yield "  ".join(["object".ljust(width), *heads, "exempt"])
    for holder, rows in groups(found.rows):
        yield holder
        for row in rows:
            marks = [c.center(len(h)) for c, h in zip(cells(found, row), heads, strict=True)]
            yield "  ".join([f"  {row.name}".ljust(width), *marks, exempt(row)])
            for entry in row.entries:
                yield f"      {place(entry)}"
    yield ""
    yield LEGEND
    if found.listed:
        yield ""
        yield "Notified whatever the mode (precopy and postcopy lists)"
        for holder, rows in groups(found.listed):
            for row in rows:
                for entry in row.entries:
                    yield f"  {holder} {row.name}: {place(entry)}"
    for title, several in (
        ("Inside of the API", found.passed),
        ("Not understood", found.unclear),
    ):
        if several:
            yield ""
            yield title
            for one in several:
                yield f"  {unclear(one)}"
    yield ""
    yield summary(found)
