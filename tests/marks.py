# SPDX-License-Identifier: GPL-2.0-or-later
"""The marks of a fixture: what should be found on which line.

`/* want RULE "regexp" */` expects a finding of RULE on the mark's line whose message matches, `want+1` and
`want-1` on a neighbouring line. `/* miss RULE */` records a defect that is not found yet, `/* false RULE */`
a known false alarm; both fail once they are no longer true.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qerrlint.findings import CONFIDENCES, Finding
from qerrlint.source.span import LineIndex

_OPENING = re.compile(rb"/\*[ \t]*(?:want|miss|false)\b(?:[+-]\d+)?[ \t]+[a-z]+(?:-[a-z]+)+\b")
_SIDE = re.compile(rb"/\* (before|after|both) \*/")
_MARK = re.compile(
    rb"/\*[ \t]*(?P<sort>want|miss|false)(?P<offset>[+-]\d+)?[ \t]+(?P<rule>[a-z]+(?:-[a-z]+)+)"
    rb'(?:[ \t]+"(?P<regexp>(?:[^"\\]|\\.)*)")?[ \t]*\*/'
)


@dataclass(frozen=True, slots=True)
class Want:
    """A finding of `rule` expected on `line` (from 1), its message matched by `regexp` anywhere."""

    rule: str
    regexp: str
    line: int


@dataclass(frozen=True, slots=True)
class Marks:
    """All marks of a fixture; misses and false alarms are Wants without a regular expression."""

    wants: tuple[Want, ...]
    misses: tuple[Want, ...]
    false_alarms: tuple[Want, ...]


def versions(data: bytes) -> tuple[bytes | None, bytes]:
    """A fixture of a change as it was and as it is, equal in length: what is not there is blank.

    What stands behind a line `/* before */` is only in the first, behind `/* after */` only in the second,
    behind `/* both */` again in both. None for the first where there are no such lines.
    """
    sides: tuple[list[bytes], list[bytes]] = ([], [])
    part = b"both"
    for line in data.split(b"\n"):
        found = _SIDE.fullmatch(line.strip())
        part = found[1] if found is not None else part
        for side, name in zip(sides, (b"before", b"after"), strict=True):
            side.append(line if part in (b"both", name) and found is None else b" " * len(line))
    before, after = (b"\n".join(side) for side in sides)
    return (None if before == after else before), after


def parse(data: bytes) -> Marks:
    """The marks of a fixture; raises ValueError for a comment that is meant as one and is none."""
    found: dict[str, list[Want]] = {"want": [], "miss": [], "false": []}
    lines = LineIndex(data)
    good = set()
    for mark in _MARK.finditer(data):
        good.add(mark.start())
        line = lines.position(mark.start())[0] + int(mark["offset"] or 0)
        sort, rule = mark["sort"].decode(), mark["rule"].decode()
        if not 1 <= line <= lines.count:
            raise ValueError(f"the mark '{sort} {rule}' points outside the file, to line {line}")
        if (mark["regexp"] is None) == (sort == "want"):
            raise ValueError(f"line {line}: a want needs a regular expression, a {sort} of {rule} has none")
        regexp = (mark["regexp"] or b"").decode()
        re.compile(regexp)
        found[sort].append(Want(rule, regexp, line))
    for opening in _OPENING.finditer(data):
        if opening.start() not in good:
            raise ValueError(f"line {lines.position(opening.start())[0]}: not a mark: {opening[0].decode()}")
    return Marks(tuple(found["want"]), tuple(found["miss"]), tuple(found["false"]))


def blank(data: bytes) -> bytes:
    """The fixture with spaces in place of its marks: same length, same lines."""
    return _MARK.sub(lambda mark: b" " * len(mark[0]), data)


def judge(data: bytes, findings: Sequence[Finding], certain: str = "medium") -> list[str]:
    """What is wrong between the marks of `data` and the findings, a sentence each; empty if all is well.

    Findings less sure than `certain` may be wanted, but unwanted they are no fault: users do not see them
    by default.
    """
    marks = parse(data)
    lines = LineIndex(data)
    placed = [(lines.position(finding.span.start)[0], finding) for finding in findings]
    faults = []
    explained: set[int] = set()
    for want in marks.wants:
        hits = [i for i, (line, f) in enumerate(placed) if line == want.line and f.rule == want.rule]
        matching = [i for i in hits if re.search(want.regexp, placed[i][1].message)]
        explained.update(matching)
        if not matching:
            said = "; ".join(placed[i][1].message for i in hits)
            faults.append(
                f"line {want.line}: {want.rule} wanted" + (f", message differs: {said}" if said else "")
            )
    faults.extend(
        f"line {miss.line}: {miss.rule} is found now, make its miss a want"
        for miss in marks.misses
        if any(line == miss.line and f.rule == miss.rule for line, f in placed)
    )
    for alarm in marks.false_alarms:
        hits = [i for i, (line, f) in enumerate(placed) if line == alarm.line and f.rule == alarm.rule]
        explained.update(hits)
        if not hits:
            faults.append(f"line {alarm.line}: {alarm.rule} is no longer a false alarm, take its mark out")
    missed = {(miss.line, miss.rule) for miss in marks.misses}
    for i, (line, finding) in enumerate(placed):
        sure = CONFIDENCES.index(finding.confidence) >= CONFIDENCES.index(certain)
        if sure and i not in explained and (line, finding.rule) not in missed:
            faults.append(f"line {line}: unwanted {finding.rule} in {finding.function}: {finding.message}")
    return faults
