# SPDX-License-Identifier: GPL-2.0-or-later
"""The event vmstate-duplicate-field: a description holds a member of its struct twice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from qerrlint.c.initialisers import exclusive
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.vmstates import seen, vmstates
from qerrlint.findings import Observation, Step
from qerrlint.qemu.vmstate.description import VMField

_ALWAYS = frozenset({"", "0", "NULL"})


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The members that one description of the file holds twice."""
    for one in file.once(vmstates):
        first: dict[tuple[str, ...], VMField] = {}
        for field in one.fields or ():
            if not field.member:
                continue
            # A member may have two parts with descriptions of their own (a PCI device and its MSI-X table).
            key = (field.struct, field.member, field.start, field.info, field.vmsd)
            earlier = first.setdefault(key, field)
            if earlier is field or not _unconditional(earlier) or not _unconditional(field):
                continue
            if not exclusive(earlier.arms, field.arms):
                again = seen(
                    "vmstate-duplicate-field", one, field.span, field.member, {"field": field.member}
                )
                steps = (Step(earlier.span, f"{field.member} is here already"),)
                yield replace(again, trail=steps, group=(one.variable, field.member))


def _unconditional(field: VMField) -> bool:
    """Whether a field is in each stream: it has no test and no version of its own."""
    return field.exists in _ALWAYS and field.version in _ALWAYS


CHECKS = (
    FileCheck(
        "vmstate-duplicate-field",
        "migration",
        (event("vmstate-duplicate-field", "description", "field"),),
        run,
    ),
)
