# SPDX-License-Identifier: GPL-2.0-or-later
"""Changed layouts of VMStateDescriptions that no release has: nobody has streams of them.

Asked last, as what callers make of a failure (engine.callers): the history of the base is no part of what the
analysis of a file reads, so that its outcome can be kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from qerrlint.engine.located import Located
from qerrlint.model.program import Program
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.vmstate.description import TYPE, Description, descriptions
from qerrlint.rules.rule import RuleSet

EVENT = "vmstate-layout-changed"
"""The event that the history has a say in."""


def by_releases(introduced: Iterable[Located], before: Program, rules: RuleSet) -> list[Located]:
    """The findings, with low confidence those of a layout that is younger than the last release.

    Raises InputError when git cannot read the history.
    """
    ids = {rule.id for rule in rules if rule.event == EVENT}
    out = []
    for one in introduced:
        if one.finding.rule in ids and not _is_released(before, one.path, one.finding.function):
            one = replace(one, finding=replace(one.finding, confidence="low"))
        out.append(one)
    return out


def _is_released(before: Program, path: str, variable: str) -> bool:
    """Whether the last release has a description as it was before the change, or that is not known."""
    data = before.source.released(path, variable)
    if data is None:
        return True
    found = _description(before, path, data, variable)
    old = before.unit(path)
    was = _description(before, path, old.data, variable) if old is not None else None
    if was is None or old is None:
        return True
    if found is None:
        # It may be declared in a way that is not understood.
        return re.search(rb"\b%s\b" % variable.encode(), data) is not None
    constants = layouts_of(before.environment).constants(path)
    then, now = constants.number(found.version or "0"), constants.number(was.version or "0")
    return then is None or now is None or now <= then


def _description(before: Program, path: str, data: bytes, variable: str) -> Description | None:
    if TYPE.encode() not in data:
        return None
    return next((d for d in descriptions(before.environment, path, data) if d.variable == variable), None)
