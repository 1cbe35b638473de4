# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines that QEMU's scripts/checkpatch.pl prints, for programs that read those.

Both shapes name the file of the tree and its line, as checkpatch.pl does with --file: a finding may be on
a line that no patch shows. checkpatch.pl has two levels, so a note is a WARNING here. There is no last
line of totals (--no-summary): b4 reads each line of the output as a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from qerrlint.report.printable import fitted, one_line, printable, printable_code
from qerrlint.report.wording import NOT_ANALYSED, gaps, position, standing
from qerrlint.result import Place, Reported, Result

_LEVELS = {"error": "ERROR", "warning": "WARNING", "note": "WARNING"}


def write_terse(result: Result, stream: TextIO) -> None:
    """Write as with --terse: one line for each finding."""
    for found in standing(result):
        stream.write(fitted(_head(found), stream) + "\n")
    for line in _missing(result):
        stream.write(fitted(line, stream) + "\n")


def write_emacs(result: Result, stream: TextIO) -> None:
    """Write as with --emacs: below the line its place and code again, then those of the steps."""
    for found in standing(result):
        lines = [_head(found), *_excerpt(found.place)]
        for step in found.steps:
            lines += _excerpt(step.place, one_line(step.message))
        stream.write(fitted("\n".join(lines), stream) + "\n\n")
    for line in _missing(result):
        stream.write(fitted(line, stream) + "\n\n")


def _head(found: Reported) -> str:
    level, text = _LEVELS[found.severity], one_line(found.message)
    return f"{position(found.place, column=False)}: {level}: {text} [{found.rule}]"


def _excerpt(place: Place, text: str = "") -> Iterator[str]:
    yield f"#{place.line}: FILE: {position(place, column=False)}: {text}".rstrip()
    if place.source.strip():
        # Tabs stay as they are, as in checkpatch.pl.
        yield "+" + printable_code(place.source.rstrip())


def _missing(result: Result) -> Iterator[str]:
    for gap in gaps(result):
        if gap.fatal:
            # The name that checkpatch.pl gives to its standard input.
            path = "-" if gap.path is None else printable(gap.path)
            yield f"{path}:{gap.line}: WARNING: {gap.text} [{NOT_ANALYSED}]"
