# SPDX-License-Identifier: GPL-2.0-or-later
"""The event mmio-index-range: a guest can move an index beyond the array of a device."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import access_text, guest_file
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.guest.entries import GuestEntry, may_have_entries
from qerrlint.qemu.guest.indexes.array_accesses import ACCESSES, ArrayAccess, may_access
from qerrlint.qemu.guest.indexes.beyond_arrays import Beyond, BeyondArrays
from qerrlint.qemu.guest.indexes.bit_indexes import FINDS_BIT, BitIndex, BitIndexes
from qerrlint.qemu.guest.indexes.counters import COUNTED, Counters, Overrun
from qerrlint.qemu.guest.indexes.held_indexes import HeldIndex
from qerrlint.qemu.guest.indexes.member_indexes import MemberIndexes
from qerrlint.qemu.guest.indexes.memory_indexes import MemoryIndexes
from qerrlint.source.span import Span

# Elements beside each other are one mistake.
_STEP = lazy_re(r"\s+|\s*[-+]\s*(?:0x[0-9a-fA-F]+|\d+)\s*\Z")


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The accesses of one file that a guest can move beyond their array."""
    unit = file.unit
    if not may_have_entries(unit.data) or not may_access(unit.text):
        return
    if file.only is not None and not file.once(guest_file).places(*ACCESSES):
        return
    for one in BeyondArrays(file.once(guest_file)).found():
        access = one.access
        slots = {
            "greatest": str(one.greatest),
            "size": f"{one.region.size:#x}" if one.region is not None else "",
            "unit": "bytes" if access.bytes else "elements",
            "by": access_text(one.entry, one.sample),
            "form": "region" if one.region is not None else "value",
        }
        certainty = "medium" if access.address or one.region is None else "high"
        yield _observation(file, access, one, slots, _steps(file, one), certainty)
    for index in MemberIndexes(file.once(guest_file)).found():
        yield _held(file, index, "member", index.member.name)
    for index in MemoryIndexes(file.once(guest_file)).found():
        yield _held(file, index, "data", f"{index.member.name} of {index.member.struct}")
    for bit in BitIndexes(file.once(guest_file)).found() if FINDS_BIT.is_in(unit.text) else ():
        slots = {
            "greatest": str(bit.greatest),
            "size": f"{1 << bit.greatest:#x}",
            "unit": "elements",
            "by": bit.member.name,
            "form": "member",
        }
        yield _observation(file, bit.access, bit, slots, ())
    for run_over in Counters(file.once(guest_file)).found() if COUNTED.search(unit.data) else ():
        slots = {
            "greatest": str(run_over.access.count),
            "size": "",
            "unit": "elements",
            "by": access_text(run_over.entry, None),
            "form": "counter",
        }
        entered = Step(_head(file, run_over.entry), f"a guest enters {run_over.entry.function}()")
        yield _observation(file, run_over.access, run_over, slots, (entered,))


def _held(file: AnalysedFile, index: HeldIndex, form: str, member: str) -> Observation:
    slots = {
        "greatest": str(index.greatest),
        "size": f"{index.number:#x}",
        "unit": "bytes" if index.access.bytes else "elements",
        "by": member,
        "form": form,
    }
    return _observation(file, index.access, index, slots, _held_steps(file, index))


def _observation(
    file: AnalysedFile,
    access: ArrayAccess,
    subject: Beyond | HeldIndex | BitIndex | Overrun,
    slots: Mapping[str, str],
    steps: Iterable[Step],
    certainty: str = "medium",
) -> Observation:
    text = file.unit.text.on_one_line(access.span)
    element = () if slots["form"] == "counter" else (_STEP.sub("", access.index),)
    return Observation(
        event="mmio-index-range",
        function=access.function,
        primary=access.span,
        key=text,
        slots={"access": text, "count": str(access.count), **slots},
        trail=tuple(steps),
        certainty=certainty,
        subject=subject,
        group=(access.function, access.base, *element),
    )


def _head(file: AnalysedFile, entry: GuestEntry) -> Span:
    piece = file.unit.functions[entry.function]
    return Span(file.unit.path, piece.span.start, piece.body)


def _steps(file: AnalysedFile, one: Beyond) -> Iterable[Step]:
    if one.region is not None:
        yield Step(one.region.use.span, f"the region has {one.region.size:#x} bytes")
    yield Step(
        _head(file, one.entry),
        f"a guest enters {one.entry.function}() with {access_text(one.entry, one.sample)}",
    )


def _held_steps(file: AnalysedFile, index: HeldIndex) -> Iterable[Step]:
    entry = index.entry
    if index.writer is None:
        yield Step(_head(file, entry), f"a guest enters {entry.function}()")
        return
    said = f"a guest enters {index.writer.function}() with {access_text(index.writer, index.written)}"
    yield Step(_head(file, index.writer), f"{said}, which sets {index.member.name} to {index.number:#x}")
    yield Step(
        _head(file, entry), f"a guest enters {entry.function}() with {access_text(entry, index.sample)}"
    )


CHECKS = (
    FileCheck(
        "mmio-index-range",
        "guest",
        # access: the array and its index; greatest: of the index, or of the end of the bytes; count: of
        # elements; size: the region's, or what the member has been set to; by: what the guest does, or the
        # member. form: what moves the index: the offset in the region, the written value, a counter, a member
        # that the guest has written before, or one of data that it sends or keeps in its memory.
        (
            event(
                "mmio-index-range",
                "access",
                "greatest",
                "count",
                "size",
                "unit",
                "by",
                form="region value counter member data",
            ),
        ),
        run,
    ),
)
