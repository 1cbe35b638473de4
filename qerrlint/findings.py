# SPDX-License-Identifier: GPL-2.0-or-later
"""Finding: what a rule says of a place; Observation: what a check saw there, without wording."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import field, replace

from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.span import Span

SEVERITIES = ("note", "warning", "error")
CONFIDENCES = ("low", "medium", "high")

_COMMENT = lazy_re(r"/\*.*?\*/", re.DOTALL)


@record(frozen=True, slots=True)
class Step:
    """One step of the path that leads to a finding."""

    span: Span
    message: str


@record(frozen=True, slots=True)
class Edit:
    """The bytes at `span` become `text`; an empty span inserts."""

    span: Span
    text: str


@record(frozen=True, slots=True)
class Fix:
    """Edits that together mend a finding: all of them or none, in source order, none overlapping."""

    description: str
    edits: tuple[Edit, ...]


@record(frozen=True, slots=True)
class Observation:
    """What a check saw at `primary`; exemptions may drop it or lower its certainty before a rule words it.

    `event` selects the rules, `slots` holds the values for the rule's message and its
    `where` table, `certainty` (low, medium, high) bounds the confidence of the finding. `key` is the
    line-free text that tells this observation from others of the same kind in the same function
    (normally the source text of the faulty statement with blanks folded). `edits` mend it, where that
    is mechanical. `whole`: it was seen on one path, followed whole, and holds whatever other paths there are.
    `subject` is what the exemptions of the event ask about (a return state, a call); it is not reported.
    `group`: of the observations of one event with equal groups (None: no group) the first that no exemption
    drops is reported.
    """

    event: str
    function: str
    primary: Span
    key: str
    slots: Mapping[str, str] = field(default_factory=dict)
    trail: tuple[Step, ...] = ()
    certainty: str = "high"
    edits: tuple[Edit, ...] = ()
    whole: bool = False
    subject: object = None
    group: Hashable = None


@record(frozen=True, slots=True)
class Exempted:
    """An observation that an exemption took away (`effect` drop) or made less certain (low, medium).

    `rules` are the ids of the rules that would have worded it, or that word it with less confidence.
    """

    exemption: str
    effect: str
    reason: str
    rules: tuple[str, ...]
    span: Span
    function: str


@record(frozen=True, slots=True)
class Allowed:
    """The comment that allows a finding: its reason, and the line-free key that tells it from others."""

    reason: str
    key: str


@record(frozen=True, slots=True)
class Finding:
    """What a rule says; only qerrlint.rules.rule makes one, never without a primary place.

    `fingerprint` has no line number and no path in it, so it survives moved lines and renamed files.
    `allowed`: the comment in the code that allows it, if one does. `of_variable`: `function` names a
    variable, such as a table, which the finding is about.
    """

    rule: str
    span: Span
    function: str
    message: str
    severity: str
    confidence: str
    fingerprint: str
    steps: tuple[Step, ...] = ()
    fixes: tuple[Fix, ...] = ()
    allowed: Allowed | None = None
    of_variable: bool = False


def fingerprint(rule: str, function: str, key: str, ordinal: int = 0) -> str:
    """16 hex digits over rule, function and the line-free key; `ordinal` counts equal ones."""
    text = "\0".join((rule, function, _folded(key), str(ordinal)))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _folded(key: str) -> str:
    """The key without blanks and comments: a comment put into a statement makes no other of it."""
    return "".join(_COMMENT.sub("", key).split())


def number_equal(findings: Iterable[tuple[Finding, str]]) -> list[Finding]:
    """Findings of one file in source order, the ones with equal keys told apart by an ordinal."""
    seen: dict[tuple[str, str, str], int] = {}
    out: list[Finding] = []
    for finding, key in sorted(findings, key=lambda fk: (fk[0].span, fk[0].rule)):
        ident = (finding.rule, finding.function, _folded(key))
        ordinal = seen.get(ident, 0)
        seen[ident] = ordinal + 1
        out.append(replace(finding, fingerprint=fingerprint(finding.rule, finding.function, key, ordinal)))
    return out
