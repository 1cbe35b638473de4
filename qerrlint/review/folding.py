# SPDX-License-Identifier: GPL-2.0-or-later
"""One defect, one finding: what one guard mends, or all callers cope with, is told once with its places."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from qerrlint.findings import SEVERITIES
from qerrlint.result import Reported, ReportedStep
from qerrlint.rules.rule import RuleSet

_ALSO = "the same applies here"


def folded(found: Sequence[Reported], rules: RuleSet) -> list[Reported]:
    """The findings in their order, equal ones as one: the first of the gravest, with the places of the others
    as steps.

    The rule's `fold` says which are equal: those of one function (of one confidence), or the notes on
    functions of one name. Findings that a comment allows stay apart.
    """
    out: list[Reported] = []
    first: dict[Hashable, int] = {}
    for item in found:
        key = _key(item, rules)
        if key is None or key not in first:
            if key is not None:
                first[key] = len(out)
            out.append(item)
            continue
        kept, other = out[first[key]], item
        if SEVERITIES.index(item.severity) > SEVERITIES.index(kept.severity):
            also = tuple(step for step in kept.steps if step.message == _ALSO)
            kept, other = replace(item, steps=(*item.steps, *also), fixes=item.fixes or kept.fixes), kept
        if (kept.place.path, kept.place.line) != (other.place.path, other.place.line):
            kept = replace(kept, steps=(*kept.steps, ReportedStep(other.place, _ALSO)))
        out[first[key]] = kept
    return out


def _key(item: Reported, rules: RuleSet) -> Hashable:
    """What is equal for findings that are told as one; None for one that stands alone."""
    rule = rules.known.get(item.rule)
    if rule is None or not rule.fold or item.suppressed is not None:
        return None
    if rule.fold == "name" and item.severity != "note":
        return None
    which = {
        "function": (item.place.path, item.function, item.confidence),
        "name": (item.function,),
    }
    return (item.rule, *which[rule.fold], item.status, item.patch)
