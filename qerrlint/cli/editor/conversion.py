# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings and fixes in the forms of the language server protocol; positions count code points."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from lsprotocol import types

from qerrlint.lazy_patterns import lazy_re
from qerrlint.report.printable import characters, one_line
from qerrlint.result import Place, Reported, ReportedFix

SOURCE = "qerrlint"
_SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}
_IDENTIFIER = lazy_re(r"[A-Za-z_]\w*")


def range_of(place: Place) -> types.Range:
    """The place's range, lines and characters counted from 0."""
    end_source = place.end_source or (place.source if place.end_line == place.line else "")
    return types.Range(
        types.Position(place.line - 1, characters(place.source, place.column) - 1),
        types.Position(place.end_line - 1, characters(end_source, place.end_column) - 1),
    )


def diagnostic(found: Reported, is_new: bool, root: str) -> types.Diagnostic:
    """A finding as a diagnostic; its steps are related places. A finding that HEAD does not have is marked
    as new."""
    related = [
        types.DiagnosticRelatedInformation(
            types.Location(Path(os.path.join(root, step.place.path)).as_uri(), range_of(step.place)),
            one_line(step.message),
        )
        for step in found.steps
    ]
    text = one_line(found.message)
    if found.advice:
        text += f"\nhelp: {one_line(found.advice)}"
    if found.confidence != "high":
        text += f"\n{found.confidence} confidence"
    return types.Diagnostic(
        range=range_of(found.place),
        message=text,
        severity=_SEVERITIES[found.severity],
        code=found.rule,
        source=f"{SOURCE} (new)" if is_new else SOURCE,
        related_information=related or None,
    )


def fix_edits(fix: ReportedFix) -> list[types.TextEdit]:
    """The edits of a fix, all of which are in the buffer."""
    return [types.TextEdit(range_of(edit.place), edit.text) for edit in fix.edits]


def allow_edit(found: Reported) -> types.TextEdit:
    """A comment above the finding's line that allows it, with a reason to be filled in."""
    indent = found.place.source[: len(found.place.source) - len(found.place.source.lstrip())]
    start = types.Position(found.place.line - 1, 0)
    text = f"{indent}/* qerrlint: allow {found.rule} REASON */\n"
    return types.TextEdit(types.Range(start, start), text)


def word_at(lines: Sequence[str], line: int, character: int) -> str | None:
    """The identifier at a position, which counts lines and code points from 0."""
    if line >= len(lines):
        return None
    for match in _IDENTIFIER.finditer(lines[line]):
        if match.start() <= character <= match.end():
            return match[0]
    return None
