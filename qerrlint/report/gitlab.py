# SPDX-License-Identifier: GPL-2.0-or-later
"""GitLab's Code Quality report: a list of issues for the widget of a merge request.

The form is GitLab's own, a small part of Code Climate's (docs.gitlab.com, "Code Quality report format").
Fixed and allowed findings are left out: GitLab compares the reports of two branches itself.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any, TextIO

from qerrlint.report.jsontext import write_json
from qerrlint.report.printable import one_line
from qerrlint.report.wording import NOT_ANALYSED, gaps, standing
from qerrlint.result import Result

# Of findings that fail the run; the others are info, the lowest that GitLab has.
_SEVERITIES = {"error": "critical", "warning": "major", "note": "minor"}
_INFO = "info"


def write(result: Result, stream: TextIO) -> None:
    """Write the list of issues; an empty list where there is none."""
    write_json(document(result), stream)


def document(result: Result) -> list[dict[str, Any]]:
    """The issues as plain dicts, in the order of the findings, then what had to be analysed and was not."""
    seen: Counter[str] = Counter()

    def fingerprint(*parts: str) -> str:
        """One that no other issue of the report has: GitLab shows only the first of equal ones."""
        key = "\0".join(parts)
        seen[key] += 1
        text = f"{key}\0{seen[key]}".encode("utf-8", "surrogateescape")
        return hashlib.sha256(text).hexdigest()[:32]

    issues = [
        {
            "description": one_line(found.message),
            "check_name": found.rule,
            "fingerprint": fingerprint(found.place.path, found.fingerprint),
            "severity": _SEVERITIES[found.severity] if found.fails(result.fail_on) else _INFO,
            "location": {
                "path": found.place.path,
                "lines": {"begin": found.place.line, "end": found.place.end_line},
            },
        }
        for found in standing(result)
    ]
    issues += [
        {
            "description": gap.text,
            "check_name": NOT_ANALYSED,
            "fingerprint": fingerprint(NOT_ANALYSED, gap.kind, gap.path, gap.function),
            "severity": "minor",
            "location": {"path": gap.path, "lines": {"begin": gap.line, "end": gap.line}},
        }
        for gap in gaps(result)
        if gap.fatal and gap.path is not None
    ]
    return issues
