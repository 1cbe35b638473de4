# SPDX-License-Identifier: GPL-2.0-or-later
"""The event guest-print: a guest can make QEMU print, as often as it likes."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.deciders import members_decide
from qerrlint.checks.guest.places import (
    PRINTS,
    REPORTS,
    access,
    guest_file,
    guest_places,
    printing_macros,
    reporting_macros,
    steps,
    within_region,
)
from qerrlint.findings import Observation
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.guest.file import GuestFile, GuestVisit
from qerrlint.qemu.guest.indirect_entries import CALLBACK

_STREAM = lazy_re(r"(?:stderr|stdout)\Z")
# Calls whose stream is an argument: its position.
_TO_STREAM = {"fprintf": 0, "vfprintf": 0, "fputs": 1}


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The messages of one file that a guest can bring about by what it accesses."""
    for visit in file.once(guest_places):
        call = visit.visit.call
        if call is None or not _prints(file, visit):
            continue
        reports = call.name in REPORTS or call.name in file.once(reporting_macros)
        certainty = _certainty(file, visit, not reports)
        if certainty is None:
            continue
        decided = "data" if visit.entry.slot.owner == CALLBACK else visit.decided
        stream = "report" if reports else "stream"
        yield Observation(
            event="guest-print",
            function=visit.visit.function.name,
            primary=call.span,
            key=file.unit.text.on_one_line(call.span),
            slots={"callee": call.name, "access": access(visit), "to": stream, "decided": decided},
            trail=tuple(steps(file, visit)),
            certainty=certainty,
            subject=visit,
        )


def _certainty(file: AnalysedFile, visit: GuestVisit, to_stream: bool) -> str | None:
    """How sure it is that the guest brings the message about; None where the device's state alone decides."""
    guest = file.once(guest_file)
    if visit.entry.slot.owner == CALLBACK:
        return "medium" if visit.complete and guest.hangs_on_data(visit) else None
    if visit.decided == "state":
        if not visit.complete:
            return None
        decoded = to_stream and len(visit.samples) < visit.tried
        brought = decoded or guest.hangs_on_data(visit) or _is_decoded(guest, visit)
        return "medium" if brought or (to_stream and members_decide(file, visit)) else None
    if within_region(visit) and visit.complete:
        return "high" if visit.sure or visit.decided == "always" else "medium"
    return "medium" if to_stream else "low"


def _is_decoded(guest: GuestFile, visit: GuestVisit) -> bool:
    """Whether tests of the access lead to a message, which look at something else as well. What a function
    that is called asks of its parameters is mostly what all callers see to."""
    return visit.visit.function.name == visit.entry.function and guest.hangs_on_access(visit)


def _prints(file: AnalysedFile, visit: GuestVisit) -> bool:
    call = visit.visit.call
    assert call is not None
    if call.name in REPORTS or call.name in file.once(printing_macros) | file.once(reporting_macros):
        return True
    position = _TO_STREAM.get(call.name)
    if position is None:
        return call.name in PRINTS
    return len(call.arg_spans) > position and bool(
        _STREAM.match(file.unit.text.on_one_line(call.arg_spans[position]))
    )


CHECKS = (
    # access: what the guest does, as words. to: a standard stream, or the user of QEMU. decided: whether a
    # test of what the guest chose leads there, none at all, one of the device's state after such a test, or,
    # in a callback, one of a descriptor in guest memory.
    FileCheck(
        "guest-print",
        "guest",
        (event("guest-print", "callee", "access", to="stream report", decided="access always state data"),),
        run,
    ),
)
