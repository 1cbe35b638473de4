# SPDX-License-Identifier: GPL-2.0-or-later
"""The event register-beyond-region: a case of a callback lies beyond the region that the callback serves.

Facts of the text and of the tables: what switches on the offset, the numbers of its cases, and the size of
the largest region that the file makes of the table. Where one of them is not known, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.lexis import bare, brace_end
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import guest_file
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.constants import Constants
from qerrlint.qemu.device_tables import RegionTable, region_uses
from qerrlint.qemu.guest.entries import GuestEntry, given
from qerrlint.qemu.guest.region_accesses import region_size
from qerrlint.qemu.guest.slots import OFFSET
from qerrlint.qemu.layouts import layouts_of
from qerrlint.records import record
from qerrlint.source.span import Span

_SWITCH = lazy_re(rb"\bswitch\s*\(")
_CASE = lazy_re(rb"\bcase\s+([^:?]{1,200}?)\s*(?:\.\.\.[^:?]{1,200})?:")
# The unit of an offset that is divided: "addr >> 2", "offset / 4"; a cast of it does not change it.
_UNIT = rb"(?:\(\s*\w+\s*\)\s*)?%s\s*(?:(>>|/)\s*([\w()]{1,40}))?"
_SET = (
    rb"(?<![\w.>])%s\s*(?:[-+*/%%&|^]|<<|>>)?=(?!=)|"
    rb"(?<![\w.>])%s\s*(?:\+\+|--)|(?:\+\+|--)\s*%s\b|&\s*%s\b"
)
_LOCAL = rb"(?<![\w.>])(\w+)\s*=\s*" + _UNIT + rb"\s*;"
_RESIZED = b"memory_region_set_size"


@record(frozen=True, slots=True)
class LostCase:
    """A case whose offset `at` lies beyond a region of `size` bytes. The subject of exemptions."""

    span: Span
    text: str
    at: int
    size: int


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The cases of one file's callbacks that no access of the guest comes to."""
    unit = file.unit
    if b"MemoryRegionOps" not in unit.data or _RESIZED in unit.data:
        return
    sizes: dict[str, int] = {}
    for entry in file.once(guest_file).entries:
        size = region_size(unit, entry.table) if entry.table is not None else None
        if size is not None:
            # Another table may have the same callback, and a larger region.
            sizes[entry.function] = max(size, sizes.get(entry.function, 0))
    told: set[str] = set()
    for entry in file.once(guest_file).entries:
        piece = unit.functions.get(entry.function)
        if piece is None or entry.table is None or entry.function in told:
            continue
        told.add(entry.function)
        if not file.asks([piece.name]) or not _is_alone(file, entry):
            continue
        for case in _cases(unit, entry, sizes.get(entry.function)):
            yield _observation(unit, entry, entry.table, case)


def _is_alone(file: AnalysedFile, entry: GuestEntry) -> bool:
    """Whether the size of each region of a callback is known, and nothing else of the file calls it."""
    unit = file.unit
    tables = [one.table for one in file.once(guest_file).entries if one.function == entry.function]
    known = all(table is not None and region_size(unit, table) is not None for table in tables)
    return known and not unit.uses.callers.get(entry.function)


def _cases(unit: TranslationUnit, entry: GuestEntry, size: int | None) -> Iterator[LostCase]:
    piece = unit.functions[entry.function]
    names = given(unit, entry, OFFSET)
    if size is None or len(names) != 1:
        return
    name = next(iter(names)).encode()
    body = bare(unit.data[piece.body : piece.span.end])
    if re.search(_SET % (name, name, name, name), body):
        return
    constants = layouts_of(unit.program.environment).constants(unit.path)
    for start, end, step in _switches(body, name, constants):
        for found in _own_cases(body, start, end):
            text = found[1].decode("latin-1")
            number = constants.number(text)
            if number is not None and number * step >= size:
                span = Span(unit.path, piece.body + found.start(), piece.body + found.end())
                yield LostCase(span, text, number * step, size)


def _switches(body: bytes, name: bytes, constants: Constants) -> Iterator[tuple[int, int, int]]:
    """The switches on an offset, each with its end and with how many bytes 1 stands for."""
    units = {name: 1}
    for local in re.finditer(_LOCAL % re.escape(name), body):
        step = _step(local[2], local[3], constants)
        given_again = len(re.findall(_SET % ((re.escape(local[1]),) * 4), body)) != 1
        if step is not None and not given_again:
            units[local[1]] = step
    for found in _SWITCH.finditer(body):
        for variable, unit in units.items():
            asked = re.compile(rb"\s*" + _UNIT % re.escape(variable) + rb"\s*\)\s*(?=\{)").match(
                body, found.end()
            )
            step = _step(asked[1], asked[2], constants) if asked is not None else None
            if asked is not None and step is not None:
                end = brace_end(body, asked.end())
                if end >= 0:
                    yield asked.end(), end, step * unit


def _step(operator: bytes | None, operand: bytes | None, constants: Constants) -> int | None:
    """How many bytes 1 stands for in an offset that is divided; None where it is not known."""
    if operator is None or operand is None:
        return 1
    number = constants.number(operand.decode("latin-1"))
    if number is None or not 0 <= number < 64:
        return None
    return 1 << number if operator == b">>" else number or None


def _own_cases(body: bytes, start: int, end: int) -> Iterator[re.Match[bytes]]:
    """The cases of a switch, without those of the switches inside of it."""
    inner: list[tuple[int, int]] = []
    for found in _SWITCH.finditer(body, start + 1, end):
        brace = body.find(b"{", found.end(), end)
        close = brace_end(body, brace) if brace >= 0 else -1
        if close >= 0:
            inner.append((brace, close))
    for case in _CASE.finditer(body, start, end):
        if not any(opens < case.start() < closes for opens, closes in inner):
            yield case


def _observation(unit: TranslationUnit, entry: GuestEntry, table: RegionTable, case: LostCase) -> Observation:
    made = next(use for use in region_uses(unit.path, unit.data) if use.table == table.table.name)
    return Observation(
        event="register-beyond-region",
        function=entry.function,
        primary=case.span,
        key=f"case {case.text}",
        slots={
            "register": case.text,
            "offset": f"{case.at:#x}",
            "size": f"{case.size:#x}",
            "access": entry.slot.access,
        },
        trail=(Step(made.span, f"{made.maker}() makes the region of {case.size:#x} bytes here"),),
        subject=case,
        group=("register-beyond-region", entry.function, case.text),
    )


REGISTER_BEYOND_REGION = event("register-beyond-region", "register", "offset", "size", "access")
"""register: the case; offset: where it lies; size: that of the region; access: a read or a write."""

CHECKS = (FileCheck("register-beyond-region", "guest", (REGISTER_BEYOND_REGION,), run),)
