# SPDX-License-Identifier: GPL-2.0-or-later
"""The event guest-division: a guest can make QEMU divide by 0."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.devices.life_cycle import life_cycle
from qerrlint.checks.devices.phase_functions import has_types
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import access_text, guest_file
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.findings import Observation, Step
from qerrlint.qemu.guest.zero_divisors import QUICK, ZeroDivision, ZeroDivisors
from qerrlint.source.span import Span


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The divisions of one file whose divisor a guest can make 0."""
    unit = file.unit
    guest = file.once(guest_file)
    if not guest.places(QUICK) or not guest.entries:
        return
    found = ZeroDivisors(guest, lambda: file.once(_not_at_run_time))
    for one in found.found():
        certainty = "low" if not one.sure else "high" if one.entry is not None else "medium"
        yield Observation(
            event="guest-division",
            function=one.site.function,
            primary=one.site.span,
            key=unit.text.on_one_line(one.site.span),
            slots={
                "divisor": " ".join(one.site.text.split()),
                "form": "member" if one.member is not None else "memory" if one.local else "value",
                "member": one.member.name if one.member is not None else one.local,
                "number": f"{one.number:#x}" if one.number else "0",
                "access": _access(one),
            },
            trail=tuple(_steps(file, one)),
            certainty=certainty,
            subject=one,
        )


def _not_at_run_time(file: AnalysedFile) -> frozenset[str]:
    """The functions that set the device up, undo that, or load its state."""
    names = {name for one in file.once(vmstates) for name in one.callbacks.values()}
    if has_types(file.unit):
        names |= {phase.function for of in life_cycle(file).types for phase in of.phases}
    return frozenset(names)


def _access(one: ZeroDivision) -> str:
    if one.entry is None:
        return f"a call of {one.root}()"
    return access_text(one.entry, one.sample if one.member is None and not one.local else None)


def _steps(file: AnalysedFile, one: ZeroDivision) -> Iterable[Step]:
    unit = file.unit
    if one.zero is not None and one.member is not None:
        # The access that is known stores 0; which one stores another number is not.
        sample = one.zero.sample if not one.number else None
        how = access_text(one.zero.entry, sample) if one.zero.entry is not None else "a write of the register"
        to = "" if one.number else " to 0"
        yield Step(one.zero.span, f"{one.zero.function}() sets {one.member.name}{to} on {how}")
    piece = unit.functions[one.root]
    head = Span(unit.path, piece.span.start, piece.body)
    what = "a guest enters" if one.entry is not None else "QEMU calls"
    yield Step(head, f"{what} {one.root}()")


CHECKS = (
    # number: what the member or the memory holds then. form: which of them it is, or the written value.
    # access: what the guest does, as words.
    FileCheck(
        "guest-division",
        "guest",
        (event("guest-division", "divisor", "member", "number", "access", form="member memory value"),),
        run,
    ),
)
