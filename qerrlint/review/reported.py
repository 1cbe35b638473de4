# SPDX-License-Identifier: GPL-2.0-or-later
"""A located finding as it goes into the Result, with what the review knows of it."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.review.located import Located
from qerrlint.review.result import Reported
from qerrlint.rules import RuleSet


def as_reported(found: Located) -> Reported:
    """The finding without any part in a change; the review adds that with dataclasses.replace."""
    finding = found.finding
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
        fixes=found.fixes,
    )


def heard(found: Iterable[Reported], rules: RuleSet) -> list[Reported]:
    """The findings of a change without those that rules for touched lines make on other lines."""
    quiet = {rule.id for rule in rules if rule.touched_only}
    return [
        item
        for item in found
        if item.rule not in quiet or item.status == "fixed" or item.relation == "added-line"
    ]
