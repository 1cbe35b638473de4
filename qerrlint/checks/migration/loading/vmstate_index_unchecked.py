# SPDX-License-Identifier: GPL-2.0-or-later
"""The event vmstate-index-unchecked: a number that the migration stream gives is the index of an array, or
the number of its elements, and no function asks whether it lies in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from qerrlint.c.declarations.types import untagged
from qerrlint.c.lexis import brace_end
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.devices.phase_functions import PhaseFunctions
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.vmstates import seen, vmstates
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.function_text import FunctionText
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.vmstate.description import TYPE, Description, VMField
from qerrlint.source.span import Span

_NUMBER = lazy_re(r"vmstate_info_(u?)int(8|16|32|64)\Z")
_INDEX = rb"\b(\w+)\s*->\s*((?:\w+\s*\.\s*)*\w+)\s*\[\s*(?:\+\+|--)?\s*\1\s*->\s*%s\s*(?:\+\+|--)?\s*\]"
_LENGTH = rb"\b(\w+)\s*->\s*(\w+)\s*,\s*\1\s*->\s*%s\s*[,)]"
_LOOP = rb"\bfor\s*\([^;{}]*;\s*(\w+)\s*<\s*(\w+)\s*->\s*%s\s*;[^;{}]*\)"
_FORMS = {"index": _INDEX, "loop": _LOOP, "length": _LENGTH}
_NAMED = lazy_re(
    rb"\[\s*(?:\+\+|--)?\s*\w+\s*->\s*(\w+)\s*(?:\+\+|--)?\s*\]"
    rb"|\bfor\s*\([^;{}]*;\s*\w+\s*<\s*\w+\s*->\s*(\w+)\s*;|->\s*\w+\s*,\s*\w+\s*->\s*(\w+)\s*[,)]"
)
# What takes a number for what it is, without a test of it: an index, and the end of a loop.
_TAKEN = (
    r"\[(?:->|[^\[\]<>=?])*->\s*{0}\b(?:->|[^\[\]<>=?])*\]"
    r"|\bfor\s*\([^;{{}}]*;\s*\w+\s*<\s*\w+\s*->\s*{0}\s*;"
)
_CALLEE = lazy_re(r"(\w+)\s*\([^;{}()]*\Z")
# How far before an argument the name of its callee is looked for, in characters.
_CALL_BEFORE = 200
_BYTES = frozenset({"uint8_t", "int8_t", "char", "unsigned char", "signed char"})
# What compares a number, by an operator that is no arrow and no shift, or decides between some values of it.
_COMPARED = (
    r"\b{0}\b\s*[<>](?![<>])(?!=?\s*0\b)|(?<![<>-])[<>]=?\s*(?:\w+\s*->\s*)?{0}\b"
    r"|\bswitch\s*\([^;{{]*\b{0}\b"
)
# What gives it another value, bounds the one that it has, or finds it equal to one that has a bound.
_SET = r"==\s*(?:\w+\s*->\s*)?{0}\b|\b{0}\b\s*[|&%^+*-]?=(?!=)|\bMIN\s*\([^;]*\b{0}\b"
# A variable whose value is made of it.
_MADE_OF = r"\b(\w+)\s*=(?!=)[^;=]*->\s*{0}\b"
_STEPS = {
    "index": "uses it as an index into",
    "loop": "uses it as the end of a loop over",
    "length": "passes it as the length of",
}
_AROUND_LOADING = ("post_load", "post_load_errp", "pre_load", "pre_load_errp")


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The unchecked indexes that the descriptions of a file load."""
    if TYPE.encode() not in file.unit.data:
        return
    named = {(found[1] or found[2] or found[3]).decode() for found in _NAMED.finditer(file.unit.data)}
    loaded: _Loaded | None = None
    for one in file.once(vmstates):
        if one.unmigratable or not file.asks([one.variable]):
            continue
        loaded = loaded or _Loaded(file)
        elements = list(loaded.elements(one))
        yield from elements
        told = {found.slots["field"] for found in elements}
        yield from loaded.unchecked(one, named - told) if named else ()


class _Loaded:
    """What is loaded into the structs of a file, and how its functions use that."""

    def __init__(self, file: AnalysedFile) -> None:
        self._file = file
        self._texts = PhaseFunctions(file)
        self._layouts = layouts_of(file.unit.environment)

    @cached_property
    def _checking(self) -> list[str]:
        """The texts of the functions that run before a state is loaded, or after it."""
        callbacks = {
            name
            for one in self._file.once(vmstates)
            for slot, name in one.callbacks.items()
            if slot in _AROUND_LOADING
        }
        # What a row asks refuses the stream (VMSTATE_VALIDATE).
        every = (field for one in self._file.once(vmstates) for field in one.fields or ())
        callbacks |= {field.exists for field in every if "VMS_MUST_EXIST" in field.flags}
        # A description of another file may name a function of this one.
        callbacks |= {name for name in self._file.unit.functions if "post_load" in name}
        texts = (self._texts.text(name) for name in self._texts.reached(sorted(callbacks)))
        return [text.code for text in texts if text is not None]

    def elements(self, one: Description) -> Iterator[Observation]:
        """The arrays of which a description loads as many elements as the stream says."""
        rows = {field.member: field for field in one.fields or ()}
        if any("VMS_MUST_EXIST" in field.flags for field in rows.values()):
            return
        for field in one.fields or ():
            given = rows.get(field.counter) if any("VARRAY" in flag for flag in field.flags) else None
            most = _most(given) if given is not None else None
            count = self._count(field.struct, field.member) if most is not None else None
            if given is not None and most is not None and count is not None and most > count:
                step = Step(field.span, f"this many elements of {field.member} are loaded here")
                yield _observation(one, given, field.member, count, "elements", step)

    def unchecked(self, one: Description, named: Collection[str]) -> Iterator[Observation]:
        """The numbers of a description that are indexes, or ends of loops over arrays, without a bound."""
        for field in one.fields or ():
            most = _most(field) if field.member in named else None
            if most is not None and not any(_asks(code, field.member) for code in self._checking):
                yield from self._unbounded(one, field, most)

    def _unbounded(self, one: Description, field: VMField, most: int) -> Iterator[Observation]:
        for text, place, array, how in self._uses(field):
            count = self._count(field.struct, array)
            beyond = count is not None and (most >= count if how == "index" else most > count)
            if count is not None and beyond and not self._bounded(text, place[0], field.member):
                span = Span(text.path, text.start + place[0], text.start + place[1])
                step = Step(span, f"{text.name}() {_STEPS[how]} {array}")
                yield _observation(one, field, array, count, how, step)

    def _uses(self, field: VMField) -> Iterator[tuple[FunctionText, tuple[int, int], str, str]]:
        """Where functions of the file take a member as an index, as the end of a loop or as a length: the
        text, the place in it, the array, and which of these."""
        unit, member = self._file.unit, field.member.encode()
        for how, form in _FORMS.items():
            pattern = re.compile(form % member)
            pieces = (unit.definitions.around(found.start()) for found in pattern.finditer(unit.data))
            for name in dict.fromkeys(piece.name for piece in pieces if piece is not None):
                text = self._texts.text(name)
                for use in re.finditer(pattern.pattern.decode(), text.code) if text is not None else ():
                    assert text is not None
                    variable = use[2] if how == "loop" else use[1]
                    array = _looped_over(text.code, use) if how == "loop" else use[2]
                    if how == "length" and not self._is_length(text, use, field.struct):
                        continue
                    if array and self._is_of(text, variable, field.struct):
                        yield text, use.span(), "".join(array.split()), how

    def _is_length(self, text: FunctionText, use: re.Match[str], struct: str) -> bool:
        """Whether a call is handed an array of bytes and how many of them count."""
        callee = _CALLEE.search(text.code, max(0, use.start() - _CALL_BEFORE), use.start())
        layout = self._layouts.of_name(struct.strip(), self._file.unit.path)
        field = layout.field(use[2]) if layout is not None else None
        tells = callee is None or callee[1].startswith("trace_") or callee[1].isupper()
        return not tells and field is not None and field.type in _BYTES

    def _is_of(self, text: FunctionText, variable: str, struct: str) -> bool:
        """Whether a variable of a function is declared as a pointer to the struct."""
        declared = re.search(rf"\b(\w+)\s*\*\s*(?:const\s+)?{variable}\b", text.head + text.code)
        path, name = self._file.unit.path, untagged(struct).strip()
        if declared is None or declared[1] == name:
            return declared is not None
        place = self._layouts.place(name, path)
        return place is not None and place == self._layouts.place(declared[1], path)

    def _count(self, struct: str, array: str) -> int | None:
        """The elements of an array of a struct; None where that is no plain array of a known length."""
        layout = self._layouts.of_name(struct.strip(), self._file.unit.path)
        field = layout.field(array) if layout is not None and "." not in array else None
        if field is None or len(field.dimensions) != 1:
            return None
        return self._layouts.constants(self._file.unit.path).number(field.dimensions[0])

    def _bounded(self, text: FunctionText, at: int, member: str) -> bool:
        """Whether the function bounds or sets the number before it uses it, or one that leads there asks."""
        before = text.code[:at]
        names = [member, *re.findall(_MADE_OF.format(member), before)]
        if re.search(_SET.format(member), before) is not None:
            return True
        if any(re.search(_COMPARED.format(name), before) is not None for name in names):
            return True
        compared = re.compile(_COMPARED.format(member))
        return any(
            compared.search(caller.code)
            for name in self._file.unit.functions
            if (caller := self._texts.text(name)) is not None and text.name in caller.called()
        )


def _asks(code: str, member: str) -> bool:
    """Whether a function that runs around the loading mentions a number otherwise than to take it."""
    return re.search(rf"\b{member}\b", re.sub(_TAKEN.format(member), "", code)) is not None


def _looped_over(code: str, loop: re.Match[str]) -> str:
    """The array of the same variable that a loop goes over; "" where there is none."""
    begin = code.find("{", loop.end())
    inside = begin >= 0 and not code[loop.end() : begin].strip()
    end = brace_end(code.encode("latin-1"), begin) if inside else code.find(";", loop.end())
    used = re.search(rf"\b{loop[2]}\s*->\s*(\w+)\s*\[\s*{loop[1]}\s*\]", code[loop.end() : max(end, 0)])
    return used[1] if used is not None else ""


def _observation(
    one: Description, field: VMField, array: str, count: int, how: str, step: Step
) -> Observation:
    slots = {"field": field.member, "array": array, "count": str(count), "how": how}
    # A patch may take a number that nobody checks as the index of another array as well.
    key = f"{field.member} {array}"
    found = seen("vmstate-index-unchecked", one, field.span, key, slots, "medium")
    return replace(found, trail=(step,), group=(one.variable, key))


def _most(field: VMField) -> int | None:
    """The greatest number that the stream can give; None where the field is no plain number of a struct."""
    found = _NUMBER.match(field.info)
    if found is None or field.count or not field.member.isidentifier() or not field.struct:
        return None
    return int(2 ** int(found[2])) - 1 if found[1] else int(2 ** (int(found[2]) - 1)) - 1


CHECKS = (
    # field: the number; array: what it is for; count: how many elements that has; how: it is an index, the
    # end of a loop, a length that a callee gets, or the number of elements that are loaded.
    FileCheck(
        "vmstate-index-unchecked",
        "migration",
        (
            event(
                "vmstate-index-unchecked",
                *("description", "field", "array", "count"),
                how="index loop length elements",
            ),
        ),
        run,
    ),
)
