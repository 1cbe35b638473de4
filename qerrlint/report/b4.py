# SPDX-License-Identifier: GPL-2.0-or-later
"""What the commands of b4's review checks print: a list of check results in JSON.

The protocol is that of b4 0.15 and 0.16 (docs/maintainer/review.rst, "Writing an external check script";
read at b4's commit 1f2f7680): b4 hands one mail to the command, shows `tool` as a column, `status` as its
colour, and `summary` and `details` on demand. It reads standard output whatever the exit code is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO

from qerrlint.report.jsontext import write_json
from qerrlint.report.printable import one_line
from qerrlint.report.wording import account, gaps, looked_at, position, severities, standing
from qerrlint.result import Result


def write(result: Result, stream: TextIO) -> None:
    """Write the list: one check result, or none if the patch has no C file."""
    write_json(document(result), stream)


def document(result: Result) -> list[dict[str, str]]:
    """The check results as plain dicts.

    status: fail for a finding that is an error, warn for any other and for what was not analysed, else pass.
    A patch that touches no C file gets the empty list, which says "nothing to report".
    """
    found = standing(result)
    missing = [gap for gap in gaps(result) if gap.fatal]
    if not found and not missing and result.coverage.files == 0:
        return []
    status = "pass"
    if found or missing:
        status = "fail" if any(item.severity == "error" for item in found) else "warn"
    parts = [severities(found) or "no findings"]
    if missing:
        parts.append("not all of it was analysed")
    elif not found:
        parts.append(looked_at(result))
    entry: dict[str, Any] = {
        "tool": "qerrlint",
        "status": status,
        "summary": "; ".join(parts),
        "details": "\n".join(_details(result)),
    }
    return [entry]


def _details(result: Result) -> Iterator[str]:
    for found in standing(result):
        head, *rest = account(found, result)
        yield f"{position(found.place)}: {found.severity}[{found.rule}]: {head}"
        yield from (f"  {line}" for line in rest)
        yield ""
    yield from (gap.text for gap in gaps(result))
    yield from (f"note: {one_line(notice)}" for notice in result.notices)
    yield looked_at(result)
