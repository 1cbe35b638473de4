# SPDX-License-Identifier: GPL-2.0-or-later
"""Device state: what the types of a file keep for their guest, and what their reset sets of it.

Read from the texts of the functions: a member counts as set by a function that names it at all, for a helper
may set it by address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache

from qerrlint.c.expressions.int_types import is_int_type
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.device_tables import property_rows
from qerrlint.qemu.function_text import FunctionText
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.type_graph import RESET_SLOTS, Phase, QomType, graph_of

_DEEPEST = 4
# USBDeviceClass (include/hw/usb.h) has a slot of its own.
_OWN_RESETS = RESET_SLOTS | {"handle_reset"}
_CORE = lazy_re(r"(?:^|_)reset\Z")
# What a function of a core is given, and what it makes of an opaque pointer.
_POINTER = lazy_re(rb"\b([A-Za-z_]\w*)\s*\*\s*(?:const\s+)?\w+\s*[,)]")
_OPAQUE = lazy_re(rb"\b([A-Za-z_]\w*)\s*\*\s*\w+\s*=\s*(?:\([^()]*\)\s*)?opaque\s*;")
_REGISTERED = lazy_re(rb"\bqemu_register_reset\w*\s*\(\s*(\w+)")
# What stands round the name of a member that is only read: no assignment, no address, no part of it, and no
# macro that may store into it.
_NAMED = lazy_re(r"(?:->|\.)\s*(\w+)")
_USED = lazy_re(r"\s*(?:->|\.|\+\+|--|\[|(?:[-+*/%&|^]|<<|>>)?=(?!=))")
_HANDED = lazy_re(r"(?:(?<!&)&|\+\+|--)\s*\(*\s*\Z")
_TWO_OPERANDS = lazy_re(r"[\w)\]]\s*&\s*\(*\s*\Z")
_ROOT = lazy_re(r"[A-Za-z_][\w>.\[\]\s-]*?\Z")
_MACRO_CALL = lazy_re(r"\b[A-Z][A-Z0-9_]+\s*\([^();]*\Z")
_BEFORE_STAR = lazy_re(r"(\w+)\s*\*")
# A whole object that is cleared or copied.
_MEMBER = lazy_re(r"(?:->|\.)\s*(\w+)")
_WHOLE = lazy_re(
    r"\bmemset\s*\(\s*(?:\w+\s*,|&\s*\w+(?:->|\.)\w+\s*,[^;]*(?:offsetof\b|&\s*\w+(?:->|\.)\w+\s*-))"
    r"|[;{}]\s*\*\s*\w+\s*=\s*[(*]"
)


class DeviceState:
    """The state of the types of one file."""

    def __init__(self, unit: TranslationUnit) -> None:
        self.unit = unit
        self.graph = graph_of(unit.environment)

    @cached_property
    def allocating(self) -> tuple[QomType, ...]:
        """The types of the file that allocate a state struct of their own, devices or not."""
        if b"TypeInfo" not in self.unit.data and b"OBJECT_DEFINE_" not in self.unit.data:
            return ()
        listed = self.graph.of_file(self.unit.path)
        return tuple(of for of in listed if of.row.struct("instance_size"))

    @cached_property
    def properties(self) -> frozenset[str]:
        """The members that properties set."""
        return frozenset(row.field for row in property_rows(self.unit.path, self.unit.data) if row.field)

    def members(self, struct: str) -> Mapping[str, bool]:
        """The numbers, and arrays of numbers (allocated ones too), of a struct: whether each is an array."""
        layout = layouts_of(self.unit.environment).of_name(struct, self.unit.path)
        return {
            field.name: field.pointer or bool(field.dimensions)
            for field in (layout.fields if layout is not None else ())
            if is_int_type(field.type.rstrip(" *"), self.unit.scope.typedefs)
        }

    def family(self, of: QomType) -> Iterator[QomType]:
        """A type and those of its folder that derive from it."""
        yield of
        word = of.row.name.strip('"').encode("latin-1", "replace")
        for path in (self.unit.path, *self.graph.beside(self.unit.path, re.escape(word))):
            for other in self.graph.of_file(path) if self._mentions(path, word) else ():
                if other is not of and of in other.lineage:
                    yield other

    def _mentions(self, path: str, word: bytes) -> bool:
        files = self.graph.environment.files
        return files.contains(path, re.escape(word), (word,)) and files.contains(
            path, b"TypeInfo", (b"TypeInfo",)
        )

    def resets(self, of: QomType) -> list[Phase]:
        """The functions of the reset phase of a type, those of its ancestors among them."""
        # That of TYPE_DEVICE itself, to 10.0, calls the function of the class.
        return [one for one in of.phases if one.phase == "reset" and one.owner != "device"]

    def reached(self, path: str, name: str) -> dict[str, FunctionText]:
        """A function of a file and those that it calls there, and in files beside it where the name says that
        they reset something."""
        out: dict[str, FunctionText] = {}
        level = [name]
        for _ in range(_DEEPEST):
            following: list[str] = []
            for one in level:
                text = self.graph.function(path, one) if one not in out else None
                if text is not None:
                    out[one] = text
                    following += sorted(text.called())
            level = following
        for one in {called for text in out.values() for called in text.called()} - out.keys():
            if "reset" in one.lower():
                text = self._beside(path, one)
                if text is not None:
                    out[one] = text
        return out

    def _beside(self, path: str, name: str) -> FunctionText | None:
        """A function that another file of the folder defines."""
        word = name.encode()
        files = self.graph.environment.files
        for other in self.graph.beside(path, re.escape(word)):
            if other == path or not files.contains(other, re.escape(word), (word,)):
                continue
            text = self.graph.function(other, name)
            if text is not None:
                return text
        return None

    @cached_property
    def own_resets(self) -> dict[str, FunctionText]:
        """The functions that the resets which the file's types store or register reach, by name."""
        out: dict[str, FunctionText] = {}
        for of in self.graph.of_file(self.unit.path):
            for stored in of.setup.stored if b"reset" in self.unit.data else ():
                if stored.name and stored.slot in _OWN_RESETS:
                    out |= self.reached(self.unit.path, stored.name)
        for found in _REGISTERED.finditer(self.unit.data) if self.allocating else ():
            out |= self.reached(self.unit.path, found[1].decode())
        return out

    @cached_property
    def reset_texts(self) -> dict[str, FunctionText]:
        """The same, with those that the types inherit."""
        out = dict(self.own_resets)
        for of in self.graph.of_file(self.unit.path):
            for one in self.resets(of):
                out |= self.reached(one.path, one.function)
        return out

    @cached_property
    def core_resets(self) -> Mapping[str, dict[str, FunctionText]]:
        """By structs, what the functions reach by which others reset a struct that the file works with: a
        core that several devices share."""
        out: dict[str, dict[str, FunctionText]] = {}
        for name, piece in self.unit.functions.items():
            head = self.unit.data[piece.span.start : piece.body]
            if _CORE.search(name) is None or b"static" in head:
                continue
            found = _POINTER.search(head)
            if found is not None and found[1] == b"void":
                found = _OPAQUE.search(self.unit.data, piece.body, piece.span.end)
            if found is not None:
                out.setdefault(found[1].decode(), {}).update(self.reached(self.unit.path, name))
        return out

    def handles(self, text: FunctionText, struct: str) -> bool:
        """Whether a function has a pointer to a struct."""
        word = struct.rpartition(" ")[2]
        return any(word in code and word in _pointed(code) for code in (text.head, text.code))


@lru_cache(maxsize=256)
def _pointed(code: str) -> frozenset[str]:
    """The words before a star in a piece of code."""
    return frozenset(_BEFORE_STAR.findall(code))


def clears_all(code: str) -> bool:
    """Whether a function's code clears or copies a whole object."""
    return _WHOLE.search(code) is not None


def members_named(code: str) -> frozenset[str]:
    """The members of objects that a function's code names."""
    return frozenset(_MEMBER.findall(code))


def members_only_read(code: str) -> frozenset[str]:
    """The members of objects that a function's code names and whose numbers it only reads."""
    read: set[str] = set()
    other: set[str] = set()
    for found in _NAMED.finditer(code):
        (read if _is_read(code, found.start(), found.end()) else other).add(found[1])
    return frozenset(read - other)


def _is_read(code: str, at: int, end: int) -> bool:
    """Whether a member, named at a place, is read there as a number."""
    if _USED.match(code, end):
        return False
    root = _ROOT.search(code, max(0, at - 80), at)
    start = root.start() if root is not None else at
    before = code[max(0, start - 30) : start]
    if _HANDED.search(before) is not None and _TWO_OPERANDS.search(before) is None:
        return False
    return _MACRO_CALL.search(code, max(0, start - 80), start) is None


def names_member(code: str, member: str) -> bool:
    """Whether a function's code names a member of an object."""
    return member in code and member in _MEMBER.findall(code)
