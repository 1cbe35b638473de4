# SPDX-License-Identifier: GPL-2.0-or-later
"""The comparison of a series with its earlier version, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.report.printable import one_line
from qerrlint.report.terminal import GOOD, SEVERITIES, Line, prose
from qerrlint.result import Against, Reported

_STYLES = {"addressed": GOOD, "remaining": SEVERITIES["warning"], "unknown": SEVERITIES["note"]}
_OUTCOMES = {
    "addressed": "addressed",
    "remaining": "still there",
    "unknown": "cannot be told",
    "line-same": "the line is unchanged",
    "line-changed": "the line was changed or removed",
}


def against_lines(against: Against) -> Iterator[Line]:
    """The outcome of each finding of the earlier version and of each reviewer's remark, and the counts."""
    for sequel in against.findings:
        found = sequel.found
        where = f"{found.place.path}:{found.place.line}: {found.rule}: {found.message}"
        if sequel.outcome == "unknown":
            where += " (the later version could not be read there)"
        if sequel.now is not None:
            where = f"{sequel.now.place.path}:{sequel.now.place.line}: {found.rule}: {sequel.now.message}"
        yield prose(
            (f"{_OUTCOMES[sequel.outcome]}: ", _STYLES[sequel.outcome]),
            (one_line(where + _raised(found)), ""),
        )
    for remark in against.remarks:
        said = f" in <{remark.message_id}>" if remark.message_id else ""
        about = f" ({remark.rule})" if remark.rule else ""
        place = f"{remark.path}, at `{remark.line[1:].strip()}`{about}"
        text = f"{remark.sender}{said} on patch {remark.patch}, {place}: {_OUTCOMES[remark.outcome]}"
        yield prose(("remark: ", _STYLES.get(remark.outcome, "")), (one_line(text), ""))
    yield prose((one_line(_counts(against)), "bold"))


def _raised(found: Reported) -> str:
    return f", which {found.raised_by.sender} raised" if found.raised_by is not None else ""


def _counts(against: Against) -> str:
    outcomes = [sequel.outcome for sequel in against.findings]
    counts = [
        f"{outcomes.count(outcome)} {word}"
        for outcome, word in (
            ("addressed", "addressed"),
            ("remaining", "still there"),
            ("unknown", "cannot be told"),
        )
        if outcome in outcomes
    ]
    known = ", ".join(counts) if counts else "it has no findings"
    fresh = f"{against.new} new" if against.new else "none new"
    return f'against version {against.version} "{against.title}": {known}; {fresh}'
