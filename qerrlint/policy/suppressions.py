# SPDX-License-Identifier: GPL-2.0-or-later
"""Which findings of a file its comments allow, and what is wrong with those comments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from qerrlint.c.suppression_comments import Allowance, allowances
from qerrlint.findings import Allowed, Finding, Observation, fingerprint
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.records import record
from qerrlint.rules.rule import RuleSet
from qerrlint.source.span import Span

ANALYSIS = "suppressions"
"""The analysis whose events this module emits; rules that listen to it cannot be allowed by a comment."""


@record(frozen=True, slots=True)
class Judged:
    """The findings, those allowed marked; what there is to say of the comments; the comments' keys."""

    findings: tuple[Finding, ...]
    observations: tuple[Observation, ...]
    keys: frozenset[str]


def allow(
    unit: TranslationUnit, findings: Sequence[Finding], rules: RuleSet, known_whole: Callable[[str], bool]
) -> Judged:
    """Mark the findings that a comment of the file allows.

    `known_whole` says of a function's name whether all of its findings are there: only then is a comment
    in it that allows nothing called unused.
    """
    comments = allowances(unit.path, unit.data, unit.definitions.pieces)
    if not comments:
        return Judged(tuple(findings), (), frozenset())
    keys = _keys(unit, comments)
    used: set[int] = set()
    out: list[Finding] = []
    faults = [_fault(comment, rules) for comment in comments]
    right = [i for i, fault in enumerate(faults) if not fault]
    for finding in findings:
        fitting = [i for i in right if comments[i].rule == finding.rule and _covers(comments[i], finding)]
        used.update(fitting)
        if fitting:
            first = fitting[0]
            finding = replace(finding, allowed=Allowed(comments[first].reason, keys[first]))
        out.append(finding)
    said: list[Observation] = []
    for i, comment in enumerate(comments):
        if faults[i]:
            said.append(_observation("invalid-suppression", comment, faults[i], keys[i]))
            continue
        said.append(_observation("added-suppression", comment, "", keys[i]))
        asked = comment.rule in rules and (comment.function == "" or known_whole(comment.function))
        if i not in used and asked:
            said.append(_observation("unused-suppression", comment, "", keys[i]))
    return Judged(tuple(out), tuple(said), frozenset(keys))


def _covers(comment: Allowance, finding: Finding) -> bool:
    place = finding.span
    return comment.covers.start <= max(place.end - 1, place.start) and place.start <= comment.covers.end


def _fault(comment: Allowance, rules: RuleSet) -> str:
    """What is wrong with a comment, or the empty text."""
    if not comment.is_allow:
        return "it does not say `qerrlint: allow RULE reason`"
    if not comment.rule:
        return "it names no rule"
    if comment.rule not in rules.known:
        return f"there is no rule {comment.rule}"
    if rules.known[comment.rule].analysis in (ANALYSIS, "gate"):
        return f"{comment.rule} cannot be allowed in a comment"
    return "" if comment.reason else "it gives no reason"


def _keys(unit: TranslationUnit, comments: Sequence[Allowance]) -> list[str]:
    """A key for each comment, of what it allows where, without lines or path; equal ones are numbered."""
    seen: dict[tuple[str, str], int] = {}
    out: list[str] = []
    for comment in comments:
        where = "" if comment.whole else _covered_text(unit, comment)
        ident = (comment.function, f"{comment.rule} {'function' if comment.whole else 'line'} {where}")
        seen[ident] = seen.get(ident, -1) + 1
        out.append(fingerprint("", *ident, seen[ident]))
    return out


def _covered_text(unit: TranslationUnit, comment: Allowance) -> str:
    """The covered lines without the comment itself: another wording of the reason is the same allowance."""
    covers, span = comment.covers, comment.span
    if span.end <= covers.start:
        return unit.text.on_one_line(covers)
    parts = (Span(unit.path, covers.start, span.start), Span(unit.path, span.end, covers.end))
    return " ".join(unit.text.on_one_line(part) for part in parts if part.start < part.end)


def _observation(event: str, comment: Allowance, fault: str, key: str) -> Observation:
    scope = f"the whole of {comment.function}()" if comment.whole else "this line"
    slots = {"rule": comment.rule, "reason": comment.reason, "scope": scope, "fault": fault}
    return Observation(
        event=event,
        function=comment.function,
        primary=comment.span,
        key=f"{key} {fault}",
        slots=slots,
    )
