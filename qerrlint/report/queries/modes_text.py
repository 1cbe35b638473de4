# SPDX-License-Identifier: GPL-2.0-or-later
"""The matrix of migration modes as text in columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from qerrlint.queries.mode_matrix import Entry, Matrix, Row, Unclear
from qerrlint.report.printable import one_line, printable
from qerrlint.report.terminal import AMBER, BLANK, DIM, GREEN, RED, Line, prose, verbatim

_STYLES = {"B": f"bold {RED}", "b": AMBER, "N": f"bold {GREEN}", "n": GREEN}
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


def lines(found: Matrix, width: int | None = None) -> Iterator[Line]:
    """The text rendering without control characters; the columns keep within `width` cells."""
    heads = columns(found)
    longest = max([len("object"), *(len(row.name) + 2 for row in found.rows)])
    # In a narrow terminal a long name has a line of its own, and the marks stand below it.
    name_width = longest if width is None else max(min(longest, width - len("  ".join(heads)) - 4), 8)
    shown = width is None or name_width == longest
    yield verbatim(("  ".join(["object".ljust(name_width), *heads, *(["exempt"] if shown else [])]), "bold"))
    for holder, rows in groups(found.rows):
        yield prose((printable(holder), "bold"))
        for row in rows:
            yield from _row(found, row, heads, name_width, shown)
            for entry in row.entries:
                yield prose((f"      {printable(place(entry))}", DIM), indent=8)
    yield BLANK
    yield prose((LEGEND, DIM), indent=0)
    if found.listed:
        yield BLANK
        yield prose(("Notified whatever the mode (precopy and postcopy lists)", "bold"))
        for holder, rows in groups(found.listed):
            for row in rows:
                for entry in row.entries:
                    yield prose((printable(f"  {holder} {row.name}: {place(entry)}"), ""))
    for title, several in (
        ("Inside of the API", found.passed),
        ("Not understood", found.unclear),
    ):
        if several:
            yield BLANK
            yield prose((title, "bold"))
            for one in several:
                yield prose((printable(f"  {unclear(one)}"), ""))
    yield BLANK
    yield prose((summary(found), ""), indent=0)


def _row(found: Matrix, row: Row, heads: Sequence[str], name_width: int, shown: bool) -> Iterator[Line]:
    """An object with its marks; the modes that it exempts after them if the width allows it, else below."""
    name = f"  {printable(row.name)}"
    if len(name) > name_width:
        yield verbatim((name, ""))
        name = ""
    segments = [(name.ljust(name_width), "")]
    for cell, head in zip(cells(found, row), heads, strict=True):
        blanks = len(head) - len(cell)
        before = blanks // 2 + (blanks & len(head) & 1)
        segments += [("  " + " " * before, ""), (cell, _STYLES.get(cell, "")), (" " * (blanks - before), "")]
    if exempt(row) and shown:
        segments.append((f"  {exempt(row)}", ""))
    yield verbatim(*segments)
    if exempt(row) and not shown:
        yield prose((f"      exempt: {exempt(row)}", ""), indent=8)
