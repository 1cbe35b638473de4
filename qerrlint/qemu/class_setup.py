# SPDX-License-Identifier: GPL-2.0-or-later
"""What a class_init function stores into the class: methods, vmstate, properties, flags, with places.

Read from the function's text; helpers of the same file that are handed the class are followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.declarations.file import FileDeclarations
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.function_text import FunctionText, function_text
from qerrlint.records import record
from qerrlint.source.span import Span

# Functions that store their arguments into a class: the slot of each argument after the class, "" for none.
_STORES = {
    "device_class_set_props": ("props",),
    "device_class_set_props_n": ("props", ""),
    "device_class_set_legacy_reset": ("legacy_reset",),
    "device_class_set_parent_realize": ("realize", ""),
    "device_class_set_parent_unrealize": ("unrealize", ""),
    "device_class_set_parent_reset": ("legacy_reset", ""),
    "resettable_class_set_parent_phases": ("phases.enter", "phases.hold", "phases.exit", ""),
    "virtio_device_class_set_parent_realize": ("realize", ""),
}
# Flags of former releases that say the contrary of the flag that took their place, and that flag.
_CONTRARY = {
    "cannot_instantiate_with_device_add_yet": "user_creatable",  # until 2.9
    "no_user": "user_creatable",  # until 1.7
}
_ASSIGNED = lazy_re(r"\b(\w+)\s*->\s*([\w.]+)\s*=(?!=)\s*([^;]+);")
_POINTER = lazy_re(r"\b(\w+)\s*\*\s*(?:const\s+)?(\w+)\s*(?=[=;,])")
_GIVEN = lazy_re(r"\b(\w+)\s*=\s*(?:\(\s*(?:\w+\s*\*\s*\)\s*)?)?(\w+)\s*[(;,)]")
_CALLED = lazy_re(r"\b([A-Za-z_]\w*)\s*\(\s*(?:[A-Z]\w*\s*\(\s*)?(\w+)\s*\)?([^;]*);")
# The arms of a choice: `c ? a : b` and `a ?: b`.
_CHOICE = lazy_re(r"([^?]*)\?([^?:]*):([^?:]*)\Z")
# A method that a row of a table of the file's own tells.
_TOLD = lazy_re(r"\w+\s*->\s*(\w+)\Z")
_CAST = lazy_re(r"\b([A-Z][A-Z0-9_]*_CLASS)\s*\(\s*(\w+)\s*\)")
_PARAMETER = lazy_re(r"(\w+)\s*(?:,|\)|\Z)")
_DEEPEST = 4


@record(frozen=True, slots=True)
class Stored:
    """A value stored into a class: `slot` ("realize", "phases.hold", "vmsd", "hotpluggable", "props"), the
    text of the value, the class struct of the receiver ("" if not told), the function that stores it.
    `conditional`: it is stored on some paths only."""

    slot: str
    value: str
    struct: str
    function: str
    span: Span
    conditional: bool = False

    @property
    def name(self) -> str:
        """The name that is stored, without `&`; "" for NULL and for anything but a name."""
        return _name(self.value)

    def names(self, declarations: FileDeclarations) -> tuple[str, ...]:
        """The names that the value may come to: those of both arms of a choice, and of a member of a
        table's row (`info->realize`) the functions that the file's tables give that member."""
        choice = _CHOICE.match(self.value)
        arms = (self.value,) if choice is None else (choice[2] if choice[2].strip() else choice[1], choice[3])
        out: dict[str, None] = {}
        for arm in (part.strip() for part in arms):
            told = _TOLD.match(arm)
            given = rb"\.\s*%s\s*=\s*&?\s*(\w+)\s*[,}]" % told[1].encode() if told is not None else None
            for found in re.finditer(given, declarations.data) if given is not None else ():
                name = found[1].decode("latin-1")
                if name in declarations.functions:
                    out[name] = None
            if _name(arm):
                out[_name(arm)] = None
        return tuple(out)


@record(frozen=True, slots=True)
class ClassCast:
    """A cast to a class struct in a class_init function: `macro` (FOO_CLASS), and where it stands."""

    macro: str
    function: str
    span: Span


@record(frozen=True, slots=True)
class ClassSetup:
    """All that a class_init function and its helpers do to the class, in the order of the text.

    `handed`: the functions of other files that are handed the class; what they store is not seen.
    """

    stored: tuple[Stored, ...] = ()
    casts: tuple[ClassCast, ...] = ()
    handed: tuple[str, ...] = ()

    def last(self, *slots: str) -> Stored | None:
        """The last value stored into one of the slots; None where there is none."""
        return next((one for one in reversed(self.stored) if one.slot in slots), None)


def _name(value: str) -> str:
    text = value.strip("&() ")
    return text if text.isidentifier() and text != "NULL" else ""


def class_setup(declarations: FileDeclarations, function: str) -> ClassSetup:
    """What `function` of a file, a class_init, does to its class."""
    reader = _Reader(declarations)
    reader.read(function, 0)
    return ClassSetup(tuple(reader.stored), tuple(reader.casts), tuple(dict.fromkeys(reader.handed)))


class _Reader:
    """Reads a class_init function and the helpers of its file."""

    def __init__(self, declarations: FileDeclarations) -> None:
        self._declarations = declarations
        self._seen: set[str] = set()
        self.stored: list[Stored] = []
        self.casts: list[ClassCast] = []
        self.handed: list[str] = []

    def read(self, name: str, depth: int) -> None:
        """Add what a function does to the class."""
        known = name and name not in self._seen and depth < _DEEPEST
        text = function_text(self._declarations, name) if known else None
        if text is None:
            return
        self._seen.add(name)
        classes = _classes(text)
        self.casts += [
            ClassCast(found[1], name, _span(text, found.start(), found.end()))
            for found in _CAST.finditer(text.code)
            if found[2] in classes
        ]
        self.stored += _assignments(text, classes)
        for found in _CALLED.finditer(text.code):
            callee, first = found[1], found[2]
            slots = _STORES.get(callee)
            if slots is not None:
                given = [part.strip() for part in found[3].strip().removesuffix(")").strip(", \n").split(",")]
                # The places of the arguments are those of the call.
                span = _span(text, found.start(), found.end())
                self.stored += [
                    Stored(slot, " ".join(value.split()), "", name, span)
                    for slot, value in zip(slots, given, strict=False)
                    if slot
                ]
            elif first in classes and callee in self._declarations.functions:
                self.read(callee, depth + 1)
            elif first in classes and not callee.isupper() and not callee.startswith("object_class_"):
                self.handed.append(callee)


def _classes(text: FunctionText) -> dict[str, str]:
    """The variables of a class_init that point to the class, with the struct that each is declared for."""
    inside = text.head[text.head.find("(") + 1 :]
    first = _PARAMETER.search(inside)
    classes = {first[1]: "ObjectClass"} if first is not None else {}
    for found in re.finditer(r"\b(\w+)\s*\*\s*(\w+)\b", inside):
        if found[1].endswith("Class"):
            classes[found[2]] = found[1]
    pointers = {found[2]: found[1] for found in _POINTER.finditer(text.code)}
    for found in _GIVEN.finditer(text.code):
        if found[1] in pointers and (found[2] in classes or found[2].endswith("_CLASS")):
            classes[found[1]] = pointers[found[1]]
    return classes


def _assignments(text: FunctionText, classes: dict[str, str]) -> Iterator[Stored]:
    for found in _ASSIGNED.finditer(text.code):
        if found[1] in classes:
            value = " ".join(found[3].split())
            span = _span(text, found.start(), found.end())
            inside = text.code.count("{", 0, found.start()) - text.code.count("}", 0, found.start())
            slot = _CONTRARY.get(found[2])
            if slot is not None:
                value = "true" if value in ("false", "0") else "false"
            yield Stored(slot or found[2], value, classes[found[1]], text.name, span, inside > 1)


def _span(text: FunctionText, start: int, end: int) -> Span:
    return Span(text.path, text.start + start, text.start + end)
