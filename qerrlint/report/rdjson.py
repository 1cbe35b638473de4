# SPDX-License-Identifier: GPL-2.0-or-later
"""rdjson, the Reviewdog Diagnostic Format, for reviewdog, which comments on the lines of a review.

Only fields of the format's first definition are written: older versions of reviewdog reject other fields.
Columns count bytes, as in a Result.
"""

from __future__ import annotations

from typing import Any, TextIO

from qerrlint.report.jsontext import write_json
from qerrlint.report.wording import NOT_ANALYSED, account, gaps, standing
from qerrlint.result import Place, Reported, Result

_SEVERITIES = {"error": "ERROR", "warning": "WARNING", "note": "INFO"}


def write(result: Result, stream: TextIO) -> None:
    """Write one DiagnosticResult."""
    write_json(document(result), stream)


def document(result: Result) -> dict[str, Any]:
    """The DiagnosticResult as plain dicts and lists."""
    diagnostics = [_diagnostic(found, result) for found in standing(result)]
    diagnostics += [
        {
            "message": gap.text,
            "location": {"path": gap.path, "range": {"start": {"line": gap.line}}},
            "severity": "WARNING",
            "code": {"value": NOT_ANALYSED},
        }
        for gap in gaps(result)
        if gap.fatal and gap.path is not None
    ]
    return {"source": {"name": "qerrlint"}, "diagnostics": diagnostics}


def _diagnostic(found: Reported, result: Result) -> dict[str, Any]:
    out: dict[str, Any] = {
        "message": "\n".join(account(found, result)),
        "location": {"path": found.place.path, "range": _range(found.place)},
        "severity": _SEVERITIES[found.severity],
        "code": {"value": found.rule},
    }
    # Each suggestion is offered for itself, so a fix of several edits, all of them or none, cannot be one.
    suggestions = [
        {"range": _range(fix.edits[0].place), "text": fix.edits[0].text}
        for fix in found.fixes
        if len(fix.edits) == 1 and fix.edits[0].place.path == found.place.path
    ]
    if suggestions:
        out["suggestions"] = suggestions
    return out


def _range(place: Place) -> dict[str, Any]:
    return {
        "start": {"line": place.line, "column": place.column},
        "end": {"line": place.end_line, "column": place.end_column},
    }
