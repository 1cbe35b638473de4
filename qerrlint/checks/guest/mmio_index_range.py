# SPDX-License-Identifier: GPL-2.0-or-later
"""The event mmio-index-range: a guest can move an index beyond the array of a device."""

from __future__ import annotations

import re
from collections.abc import Iterable

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import guest_file, told
from qerrlint.findings import Observation, Step
from qerrlint.qemu.guest.array_accesses import QUICK
from qerrlint.qemu.guest.beyond_arrays import Beyond, BeyondArrays
from qerrlint.qemu.guest.counters import COUNTED, Counters
from qerrlint.qemu.guest.entries import may_have_entries
from qerrlint.qemu.guest.member_indexes import MemberIndex, MemberIndexes
from qerrlint.source.span import Span

# Elements beside each other are one mistake.
_STEP = re.compile(r"\s+|\s*[-+]\s*(?:0x[0-9a-fA-F]+|\d+)\s*\Z")


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The accesses of one file that a guest can move beyond their array."""
    unit = file.unit
    if not may_have_entries(unit.data) or QUICK.search(unit.data) is None:
        return
    for one in BeyondArrays(file.once(guest_file)).found():
        access = one.access
        yield Observation(
            event="mmio-index-range",
            function=access.function,
            primary=access.span,
            key=unit.on_one_line(access.span),
            slots={
                "access": unit.on_one_line(access.span),
                "greatest": str(one.greatest),
                "count": str(access.count),
                "size": f"{one.region.size:#x}" if one.region is not None else "",
                "unit": "bytes" if access.bytes else "elements",
                "by": told(one.entry, one.sample),
                "form": "region" if one.region is not None else "value",
            },
            trail=tuple(_steps(file, one)),
            certainty="medium" if access.address or one.region is None else "high",
            subject=one,
            group=(access.function, access.base, _STEP.sub("", access.index)),
        )

    for index in MemberIndexes(file.once(guest_file)).found():
        access = index.access
        yield Observation(
            event="mmio-index-range",
            function=access.function,
            primary=access.span,
            key=unit.on_one_line(access.span),
            slots={
                "access": unit.on_one_line(access.span),
                "greatest": str(index.greatest),
                "count": str(access.count),
                "size": f"{index.number:#x}",
                "unit": "elements",
                "by": index.member.name,
                "form": "member",
            },
            trail=tuple(_member_steps(file, index)),
            certainty="medium",
            subject=index,
            group=(access.function, access.base, _STEP.sub("", access.index)),
        )

    for run_over in Counters(file.once(guest_file)).found() if COUNTED.search(unit.data) else ():
        access = run_over.access
        piece = unit.functions[run_over.entry.function]
        head = Span(unit.path, piece.span.start, piece.body)
        yield Observation(
            event="mmio-index-range",
            function=access.function,
            primary=access.span,
            key=unit.on_one_line(access.span),
            slots={
                "access": unit.on_one_line(access.span),
                "greatest": str(access.count),
                "count": str(access.count),
                "size": "",
                "unit": "elements",
                "by": told(run_over.entry, None),
                "form": "counter",
            },
            trail=(Step(head, f"a guest enters {run_over.entry.function}()"),),
            certainty="medium",
            subject=run_over,
            group=(access.function, access.base),
        )


def _steps(file: AnalysedFile, one: Beyond) -> Iterable[Step]:
    unit = file.unit
    if one.region is not None:
        yield Step(one.region.use.span, f"the region has {one.region.size:#x} bytes")
    piece = unit.functions[one.entry.function]
    head = Span(unit.path, piece.span.start, piece.body)
    yield Step(head, f"a guest enters {one.entry.function}() with {told(one.entry, one.sample)}")


def _member_steps(file: AnalysedFile, index: MemberIndex) -> Iterable[Step]:
    unit = file.unit
    for entry, sample in ((index.writer, index.written), (index.entry, index.sample)):
        piece = unit.functions[entry.function]
        head = Span(unit.path, piece.span.start, piece.body)
        what = f", which sets {index.member.name} to {index.number:#x}" if entry is index.writer else ""
        yield Step(head, f"a guest enters {entry.function}() with {told(entry, sample)}{what}")


CHECKS = (
    FileCheck(
        "mmio-index-range",
        "guest",
        # access: the array and its index; greatest: of the index, or of the end of the bytes; count: of
        # elements; size: the region's, or what the member has been set to; by: what the guest does, or the
        # member. form: what moves the index: the offset in the region, the written value, a counter, or a
        # member that the guest has written before.
        (
            event(
                "mmio-index-range",
                "access",
                "greatest",
                "count",
                "size",
                "unit",
                "by",
                form="region value counter member",
            ),
        ),
        run,
    ),
)
