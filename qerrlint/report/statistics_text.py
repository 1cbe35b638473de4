# SPDX-License-Identifier: GPL-2.0-or-later
"""How many findings each rule has, by confidence, as a table of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from qerrlint.findings import CONFIDENCES
from qerrlint.report.terminal import Line, verbatim
from qerrlint.result import Reported


def statistics_lines(found: Sequence[Reported]) -> Iterator[Line]:
    """A row for each rule, the one with most findings first, and a last row with the sums."""
    levels = tuple(reversed(CONFIDENCES))
    counts = Counter((item.rule, item.confidence) for item in found)
    sums = Counter(item.rule for item in found)
    rows = [
        (rule, *(str(counts[rule, level]) for level in levels), str(sums[rule]))
        for rule in sorted(sums, key=lambda rule: (-sums[rule], rule))
    ]
    by_level = Counter(item.confidence for item in found)
    rows = [
        ("rule", *levels, "all"),
        *rows,
        ("all", *(str(by_level[level]) for level in levels), str(len(found))),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for number, (name, *cells) in enumerate(rows):
        numbers = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        text = "  ".join([name.ljust(widths[0]), *numbers])
        yield verbatim((text, "bold" if number in (0, len(rows) - 1) else ""))
