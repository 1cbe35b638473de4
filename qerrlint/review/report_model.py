# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings and rules as they go into the Result, with what the review knows of them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from qerrlint.engine.located import Located
from qerrlint.result import Reported, RuleInfo
from qerrlint.rules.rule import RuleSet


def as_reported(found: Located, gained: Container[tuple[str, str]] = ()) -> Reported:
    """The finding without any part in a change; the review adds that with dataclasses.replace.

    `gained`: path and key of the comments that came with the change: they allow nothing in it.
    """
    finding = found.finding
    allowed = finding.allowed
    return Reported(
        rule=finding.rule,
        severity=finding.severity,
        confidence=finding.confidence,
        place=found.place,
        function=finding.function,
        message=finding.message,
        advice=found.advice,
        fingerprint=finding.fingerprint,
        steps=found.steps,
        suppressed=allowed.reason
        if allowed is not None and (found.path, allowed.key) not in gained
        else None,
        fixes=found.fixes,
        of_variable=finding.of_variable,
    )


def reportable(found: Iterable[Reported], rules: RuleSet) -> list[Reported]:
    """The findings of a change without those that rules for touched lines make on other lines, and without
    what rules that speak of changes alone say of what was there before."""
    quiet = {rule.id for rule in rules if rule.touched_only}
    news = {rule.id for rule in rules if rule.change_only}
    return [
        item
        for item in found
        if (item.rule not in quiet or item.status == "fixed" or item.relation == "added-line")
        and (item.rule not in news or item.status == "introduced")
    ]


def described(rules: RuleSet, selected: RuleSet) -> tuple[RuleInfo, ...]:
    """All rules as the Result lists them, in the order of their ids, and which of them are `selected`."""
    return tuple(
        RuleInfo(
            rule.id, rule.title, rule.severity, rule.confidence, rule.advice, rule.page, rule.id in selected
        )
        for rule in rules
    )


def summary(found: Sequence[Reported]) -> dict[str, int]:
    """How many findings of each status there are, suppressed ones apart."""
    counts = {"introduced": 0, "fixed": 0, "persisting": 0, "suppressed": 0}
    for item in found:
        if item.suppressed is not None:
            counts["suppressed"] += 1
        elif item.status is not None:
            counts[item.status] += 1
    return counts
