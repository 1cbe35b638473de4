# SPDX-License-Identifier: GPL-2.0-or-later
"""Timers that are armed while a device runs: nobody does so again after migration, unless realize or a
callback of the description does."""

from __future__ import annotations

from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import guest_file
from qerrlint.checks.migration.run_time_state import Lasting, device_state, is_armed, run_time
from qerrlint.qemu.vmstate.run_time import Use


def armed_while_running(file: AnalysedFile, kept: Lasting) -> Use | None:
    """The first place where a timer is armed while the device runs, of functions that a guest enters, or that
    these call, before others; None where a realize of the file arms it, or leads to such a place: the new
    process arms it then as well."""
    code, guest = file.once(run_time), file.once(guest_file)
    uses = [use for use in kept.uses if is_armed(code, use)]
    types = file.once(device_state).graph.of_file(file.unit.path)
    stored = (one for of in types for one in of.setup.stored if one.slot in ("realize", "init"))
    realizes = {one.name for one in stored}
    if not uses or any(not realizes.isdisjoint(code.leading_to(use.function)) for use in uses):
        return None
    every = frozenset(file.unit.functions)
    setup = {name for one in sorted(realizes & every) for name in guest.reached_from(one, every)}
    own = code.uses([kept.member], setup).get(kept.member, ())
    if any(is_armed(code, use) for use in own):
        return None
    return next((use for use in uses if use.function in guest.reached), uses[0])
