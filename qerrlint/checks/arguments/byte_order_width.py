# SPDX-License-Identifier: GPL-2.0-or-later
"""The event byte-order-width: a conversion of the byte order has another width than the member it is for.

Facts of the text and of the layouts: the member that a conversion reads, or that gets its result, by the
declared type of the variable before it. Where a type is not known, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

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
# A member of an initialiser, and what stands before the brace of that: a variable, or a compound literal.
_INITIALISED = lazy_re(rb"[{,]" + _SPACE + rb"\.(\w{1,80})" + _SPACE + rb"=" + _SPACE + rb"\Z")
_OF_VARIABLE = lazy_re(rb"\b([A-Za-z_]\w{0,80})[ \t]+\w{1,80}" + _SPACE + rb"=" + _SPACE + rb"\Z")
_OF_LITERAL = lazy_re(rb"\((?:const[ \t]+|struct[ \t]+)?([A-Za-z_]\w{0,80})\)" + _SPACE + rb"\Z")
# A variable that is narrower than what it gets: a wider one may hold what is put elsewhere.
_VARIABLE = lazy_re(rb"\bu?int(8|16|32)_t[ \t]+(\w{1,80})[ \t]*=" + _SPACE + rb"\Z")
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
    """A call that converts `bits` bits for a member, or for a variable: `path` is its text.

    `struct`: the type that the path begins in, where an initialiser names it; `width`: a variable's bits.
    The subject of exemptions.
    """

    span: Span
    path: bytes
    bits: int
    big: bool
    struct: str = ""
    width: int = 0


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The conversions of one file whose width is not that of their member."""
    unit = file.unit
    for one in _conversions(file):
        piece = unit.definitions.around(one.span.start)
        if piece is None or one.span.start < piece.body:
            continue
        width = _width(unit, layouts_of(unit.program.environment), piece.span.start, one)
        if width is None or width == one.bits:
            continue
        text = unit.text.on_one_line(one.span)
        yield Observation(
            event="byte-order-width",
            function=piece.name,
            primary=one.span,
            key=text,
            slots={
                "callee": text.partition("(")[0].strip(),
                "member": one.path.decode("latin-1").lstrip("."),
                "bits": str(one.bits),
                "width": str(width),
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
        end = closing_paren(data, found.end() - 1, _MOST)
        # 0 is the same in any order.
        if end >= 0 and not _ZERO.match(data, found.end()):
            yield from _given(data, Span(path, found.start(), end), found[0])


def _given(data: bytes, call: Span, text: bytes) -> Iterator[Conversion]:
    """The conversion that a call is, where a member or a variable gets its result and nothing else.

    Beside an operator or a cast the result is not all that it gets.
    """
    before = data[max(0, call.start - _NEAR) : call.start]
    behind = data[call.end : call.end + _NEAR].lstrip()[:1]
    if behind == b";" and (target := _TARGET.search(before)) is not None:
        yield _conversion(call, target[1], text)
    elif behind == b";" and (variable := _VARIABLE.search(before)) is not None:
        one = _conversion(call, variable[2], text)
        if int(variable[1]) < one.bits:
            yield replace(one, width=int(variable[1]))
    elif behind in (b",", b"}") and (member := _INITIALISED.search(before)) is not None:
        struct = _initialised(data, call.start)
        if struct:
            yield replace(_conversion(call, b"." + member[1], text), struct=struct)


def _initialised(data: bytes, at: int) -> str:
    """The type of the struct whose initialiser a place stands in, directly; "" where it is not known."""
    depth = 0
    for place in range(at - 1, max(0, at - _MOST), -1):
        depth += (data[place] in b"})") - (data[place] in b"{(")
        if data[place] == 0x7B and depth < 0:
            before = data[max(0, place - _NEAR) : place]
            found = _OF_VARIABLE.search(before) or _OF_LITERAL.search(before)
            return found[1].decode("latin-1") if found is not None else ""
        if depth < 0 or data[place] == 0x3B:
            return ""
    return ""


def _conversion(span: Span, path: bytes, text: bytes) -> Conversion:
    name = _NAME.search(text)
    assert name is not None
    return Conversion(span, path, int(name[2]), name[1] == b"b")


def _width(unit: TranslationUnit, layouts: Layouts, start: int, one: Conversion) -> int | None:
    """The bits of what a conversion is for; None where its type is not known, or is no number."""
    if one.width:
        return one.width
    name = re.match(rb"\w*", one.path)
    assert name is not None
    struct = one.struct or _declared(unit.data[start : one.span.start], name[0])
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
    size = layouts.size_of(struct, unit.path)
    return size * _BITS if size is not None else None


def _member(
    unit: TranslationUnit, layouts: Layouts, struct: str, inside: tuple[Field, ...], name: str
) -> Field | None:
    """A member of a struct, which has a name or is written out in place; None where it is not known."""
    if inside:
        return next((field for field in inside if field.name == name), None)
    layout = layouts.of_name(struct.removesuffix("*").rstrip(), unit.path) if struct else None
    return layout.field(name) if layout is not None else None


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
