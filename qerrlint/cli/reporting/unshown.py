# SPDX-License-Identifier: GPL-2.0-or-later
"""Which findings a run has and does not show, by the option that shows them; and the order of those shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from qerrlint.findings import CONFIDENCES, SEVERITIES

if TYPE_CHECKING:
    from qerrlint.cli.settings import Settings
    from qerrlint.result import Reported, Unshown


def ordered(found: Sequence[Reported], order: str) -> list[Reported]:
    """The findings, which come sorted by path and line, in one of options.ORDERS.

    severity: the worst first, of equal ones the surest.
    """
    if order == "path":
        return list(found)
    return sorted(
        found, key=lambda item: (-SEVERITIES.index(item.severity), -CONFIDENCES.index(item.confidence))
    )


def at_least(found: Sequence[Reported], severity: str) -> tuple[Reported, ...]:
    """The findings of that severity or a higher one."""
    least = SEVERITIES.index(severity)
    return tuple(item for item in found if SEVERITIES.index(item.severity) >= least)


def unshown(
    found: Sequence[Reported], settings: Settings, wanted: Collection[str], min_severity: str
) -> tuple[Unshown, ...]:
    """The findings that options hide; what the selection of rules and paths hides is not counted.

    `wanted` are the statuses shown, `min_severity` is the lowest severity shown.
    """
    from qerrlint.result import Unshown

    groups: Counter[tuple[tuple[str, str], ...]] = Counter()
    for item in found:
        if settings.about(item):
            groups[tuple(_reasons(item, settings, wanted, min_severity))] += 1
    out = []
    for reasons, number in sorted(groups.items(), key=lambda group: (len(group[0]), -group[1], group[0])):
        if not reasons:
            continue
        what = " ".join(f"{word}s" if word in SEVERITIES and number > 1 else word for word, _ in reasons)
        out.append(Unshown(number, what, " ".join(option for _, option in reasons)))
    return tuple(out)


def _reasons(
    item: Reported, settings: Settings, wanted: Collection[str], min_severity: str
) -> Iterator[tuple[str, str]]:
    """What an item is, and the option that shows such items, for each thing that hides it."""
    if item.suppressed is not None and not settings.options.show_suppressed:
        yield "suppressed", "--show-suppressed"
    if item.status is not None and item.status not in wanted:
        yield item.status, f"--status {item.status}"
    if SEVERITIES.index(item.severity) < SEVERITIES.index(min_severity):
        yield item.severity, f"--min-severity {item.severity}"
    if CONFIDENCES.index(item.confidence) < CONFIDENCES.index(settings.min_confidence):
        yield f"of {item.confidence} confidence", f"--min-confidence {item.confidence}"
