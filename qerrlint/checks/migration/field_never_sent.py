# SPDX-License-Identifier: GPL-2.0-or-later
"""state-not-migrated of a field whose version is above that of its description: no stream has it."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import FileCheck
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.state_not_migrated import STATE_NOT_MIGRATED
from qerrlint.checks.migration.vmstates import seen, vmstates, written
from qerrlint.findings import Observation
from qerrlint.qemu.layouts import layouts_of


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The fields whose version is above that of their description."""
    if b"VMStateDescription" not in file.unit.data:
        return
    constants = layouts_of(file.unit.environment).constants(file.unit.path)
    # A description that a field hands a version of its own (VMSTATE_VSTRUCT) goes by that.
    own_versions = {
        field.vmsd
        for one in file.once(vmstates)
        for field in one.fields or ()
        if "VMS_VSTRUCT" in field.flags
    }
    for one in file.once(vmstates):
        version = constants.number(one.version or "0")
        for field in one.fields or ():
            own = constants.number(field.version or "0")
            if own is None or version is None or own <= version or field.exists or not field.member:
                continue
            if one.variable not in own_versions:
                yield seen(
                    "state-not-migrated",
                    one,
                    field.span,
                    f"{field.macro} {field.member}",
                    {
                        "struct": field.struct,
                        "member": written(field),
                        "form": "version",
                        "version": f"{own} > {version}",
                    },
                )


CHECKS = (FileCheck("field-never-sent", "migration", (STATE_NOT_MIGRATED,), run),)
