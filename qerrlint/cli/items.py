# SPDX-License-Identifier: GPL-2.0-or-later
"""The findings that a history tells of, by the settings of a command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qerrlint.cli.settings import Settings
from qerrlint.findings import CONFIDENCES, SEVERITIES

if TYPE_CHECKING:
    from qerrlint.history.delta import Item


def shown_by(settings: Settings, below: Sequence[str] = ()) -> Callable[[Item], bool]:
    """Whether a finding passes the filters on rule, path, severity and confidence, and lies in one of the
    files and folders `below`, where some are given."""
    from qerrlint.history.delta import is_below

    severity = SEVERITIES.index(settings.min_severity)
    confidence = CONFIDENCES.index(settings.min_confidence)
    configuration = settings.configuration

    def shows(item: Item) -> bool:
        return (
            item.rule in settings.rules
            and SEVERITIES.index(item.severity) >= severity
            and CONFIDENCES.index(item.confidence) >= confidence
            and is_below(item.path, below)
            and not configuration.excludes(item.path)
            and not configuration.mutes(item.rule, item.path)
        )

    return shows


def family_of(settings: Settings) -> Callable[[str], str]:
    """The family of a rule by its id."""
    known = {rule.id: rule.analysis for rule in settings.all_rules}
    return lambda rule: known.get(rule, "other")
