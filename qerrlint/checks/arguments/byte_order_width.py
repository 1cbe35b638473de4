# SPDX-License-Identifier: GPL-2.0-or-later
"""The event byte-order-width: a conversion of the byte order has another width than the member it is for.

Facts of the text and of the layouts: the member that a conversion reads, or that gets its result, by the
declared type of the variable before it. Where a type is not known, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.declarations.struct_body import Field
from qerrlint.c.lexis import closing_paren
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.layouts import Layouts, layouts_of
from qerrlint.records import record
from qerrlint.source.span import Span

_SPACE = rb"[ \t\n]{0,80}"
_INDEX = rb"(?:\[[^\[\]\n]{0,80}\])?"
_PATH = rb"(\w{1,80}" + _INDEX + rb"(?:(?:->|\.)\w{1,80}" + _INDEX + rb"){1,8})"
# Both begin with letters that are looked for first. In place: cpu_to_le32s(&s->x).
_FROM = lazy_re(
    rb"\b[lb]e(?:16|32|64)_to_cpu(?:\(" + _SPACE + _PATH + rb"|s\(&" + _PATH + rb")" + _SPACE + rb"\)"
)
_TO = lazy_re(rb"\bcpu_to_[lb]e(?:16|32|64)(?:\(|s\(&" + _PATH + _SPACE + rb"\))")
_TARGET = lazy_re(rb"(?:\A|[;{}:)\n])" + _SPACE + _PATH + _SPACE + rb"=" + _SPACE + rb"\Z")
_ZERO = lazy_re(rb"\s{0,80}0\s{0,80}\)")
_NAME = lazy_re(rb"([lb])e(16|32|64)")
_STEP = lazy_re(rb"(->|\.|\[)(\w{0,80})")
# Types whose width the host or the target decides.
_OF_MACHINE = lazy_re(r"\blong\b|\bg?s?size_t\b|ptr_t\b|\b(?:target|abi)_u?(?:long|int)\b|\bhwaddr\b")
_NO_TYPES = frozenset({b"return", b"goto", b"else", b"case", b"sizeof"})
_NEAR = 300
_MOST = 2000
_BITS = 8


@record(frozen=True, slots=True)
class Conversion:
    """A call that converts `bits` bits for a member: `path` is its text. The subject of exemptions."""

    span: Span
    path: bytes
    bits: int
    big: bool


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The conversions of one file whose width is not that of their member."""
    unit = file.unit
    for one in _conversions(file):
        piece = unit.definitions.around(one.span.start)
        if piece is None or one.span.start < piece.body:
            continue
        width = _width(unit, layouts_of(unit.program.environment), piece.span.start, one)
        if width is None or width * _BITS == one.bits:
            continue
        text = unit.text.on_one_line(one.span)
        yield Observation(
            event="byte-order-width",
            function=piece.name,
            primary=one.span,
            key=text,
            slots={
                "callee": text.partition("(")[0].strip(),
                "member": one.path.decode("latin-1"),
                "bits": str(one.bits),
                "width": str(width * _BITS),
                "host": "little-endian" if one.big else "big-endian",
            },
            subject=one,
        )


def _conversions(file: AnalysedFile) -> Iterator[Conversion]:
    """The conversions of a file that are of one member and nothing else."""
    data, path, asked = file.unit.data, file.unit.path, file.asked
    for found in asked.matches(_FROM) if b"_to_cpu" in data else ():
        yield _conversion(Span(path, found.start(), found.end()), found[1] or found[2], found[0])
    for found in asked.matches(_TO) if b"cpu_to_" in data else ():
        if found[1] is not None:
            yield _conversion(Span(path, found.start(), found.end()), found[1], found[0])
            continue
        target = _TARGET.search(data[max(0, found.start() - _NEAR) : found.start()])
        end = closing_paren(data, found.end() - 1, _MOST)
        # Beside an operator or a cast the result is not all that the member gets.
        if _ZERO.match(data, found.end()):
            # 0 is the same in any order.
            continue
        if target is not None and end >= 0 and data[end : end + 1] == b";":
            yield _conversion(Span(path, found.start(), end), target[1], found[0])


def _conversion(span: Span, path: bytes, text: bytes) -> Conversion:
    name = _NAME.search(text)
    assert name is not None
    return Conversion(span, path, int(name[2]), name[1] == b"b")


def _width(unit: TranslationUnit, layouts: Layouts, start: int, one: Conversion) -> int | None:
    """The bytes of the member that a conversion is for; None where its type is not known, or is no number."""
    name = re.match(rb"\w+", one.path)
    assert name is not None
    struct = _declared(unit.data[start : one.span.start], name[0])
    dimensions: tuple[str, ...] = ()
    inside: tuple[Field, ...] = ()
    for number, (how, member) in enumerate(_STEP.findall(one.path, name.end())):
        if how == b"[":
            # The variable itself may be a pointer or an array.
            if dimensions:
                dimensions = dimensions[1:]
            elif struct.endswith("*"):
                struct = struct.removesuffix("*").rstrip()
            elif number:
                return None
            continue
        field = None if dimensions else _member(unit, layouts, struct, inside, member.decode())
        if field is None or field.bits:
            return None
        struct, dimensions, inside = field.type, field.dimensions, field.fields
    if dimensions or inside or struct.endswith("*") or layouts.of_name(struct, unit.path) is not None:
        return None
    if _OF_MACHINE.search(struct):
        return None
    return layouts.size_of(struct, unit.path)


def _member(
    unit: TranslationUnit, layouts: Layouts, struct: str, inside: tuple[Field, ...], name: str
) -> Field | None:
    """A member of a struct, which has a name or is written out in place; None where it is not known."""
    if inside:
        return next((field for field in inside if field.name == name), None)
    layout = layouts.of_name(struct.removesuffix("*").rstrip(), unit.path) if struct else None
    placed = layout.field(name) if layout is not None else None
    return placed.field if placed is not None else None


def _declared(text: bytes, name: bytes) -> str:
    """The type that a function declares a variable or a parameter with, by its words; "" where it is not
    known, or where there are several."""
    declared = re.compile(
        rb"(?<![\w.>])([A-Za-z_]\w*)(?:[ \t]+|[ \t\n]*\*[ \t]*)(?:const[ \t]+)?%s[ \t]*[=;,)\[]" % name
    )
    types = {found[1] for found in declared.finditer(text)} - _NO_TYPES
    return types.pop().decode() if len(types) == 1 else ""


BYTE_ORDER_WIDTH = event(
    "byte-order-width", "callee", "member", "bits", "width", host="little-endian big-endian"
)
"""callee: the conversion; member: what it is for; bits, width: how many bits the two have; host: where the
value is wrong."""

CHECKS = (FileCheck("byte-order-width", "errors", (BYTE_ORDER_WIDTH,), run),)
