# SPDX-License-Identifier: GPL-2.0-or-later
"""The event vmstate-subsection-name: a subsection by whose name the destination does not find it, or finds
another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.vmstates import by_variable, seen, vmstates
from qerrlint.findings import Observation, Step
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.vmstate.description import Description
from qerrlint.qemu.vmstate.lookup import described_elsewhere


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The subsections of the file's descriptions that have a wrong name."""
    for one in file.once(vmstates) if b"subsections" in file.unit.data else ():
        if one.sections and file.asks([one.variable, *(variable for variable, _ in one.sections)]):
            yield from _wrong(file, one)


def _wrong(file: AnalysedFile, one: Description) -> Iterator[Observation]:
    whole = _name(file, one)
    own = file.once(by_variable)
    names: dict[str, Description] = {}
    for variable, span in one.sections:
        section = own.get(variable) or described_elsewhere(file.unit.environment, variable, file.unit.path)
        name = _name(file, section) if section is not None else None
        if section is None or name is None or names.get(name) is section:
            continue
        other = names.setdefault(name, section)
        how = "twice" if other is not section else "foreign"
        if how == "foreign" and (whole is None or name.startswith(whole)):
            continue
        slots = {"section": variable, "name": name, "whole": whole or "", "how": how}
        found = seen("vmstate-subsection-name", one, span, variable, slots)
        named = (section,) if how == "foreign" else (other, section)
        steps = tuple(Step(each.span, f"{each.variable} is named {name}") for each in named)
        yield replace(found, trail=steps)


def _name(file: AnalysedFile, one: Description) -> str | None:
    """The name of a description on the wire; None where it is not known."""
    return layouts_of(file.unit.environment).constants(one.path).string(one.name) if one.name else None


CHECKS = (
    # section: the variable of the subsection; name, whole: the names on the wire of it and of the
    # description; how: another subsection has the name, or it does not begin with that of the description.
    FileCheck(
        "vmstate-subsection-name",
        "migration",
        (event("vmstate-subsection-name", "description", "section", "name", "whole", how="twice foreign"),),
        run,
    ),
)
