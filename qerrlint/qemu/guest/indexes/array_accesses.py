# SPDX-License-Identifier: GPL-2.0-or-later
"""Accesses to arrays of known length in the functions of a file: members of structs, variables, pointers that
stand for the opaque pointer of a region.

An access is an index in brackets, or a pointer that is handed to a function which reads or writes so many
bytes there (include/qemu/bswap.h, memcpy(), the accesses to guest memory).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from qerrlint.c.expressions.parser import Node, paths
from qerrlint.c.initialisers import LIST, tables
from qerrlint.c.lexis import bare, closing_bracket
from qerrlint.ir.code import Function
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.file_text import FileText, NamedPattern
from qerrlint.qemu.device_tables import arguments_at
from qerrlint.qemu.guest.members import member_of
from qerrlint.qemu.guest.sample_scope import FileNames, read
from qerrlint.qemu.layouts import layouts_of
from qerrlint.records import record
from qerrlint.source.span import Span

# Functions that read or write so many bytes at a pointer: the places of the pointers and of the number
# (include/system/memory.h, include/system/dma.h, include/hw/pci/pci_device.h).
_MOVERS: Mapping[str, tuple[tuple[int, ...], int]] = {
    "memcpy": ((0, 1), 2),
    "memmove": ((0, 1), 2),
    "memset": ((0,), 2),
    **{f"cpu_physical_memory_{way}": ((1,), 2) for way in ("read", "write", "rw")},
    **{f"physical_memory_{way}": ((1,), 2) for way in ("read", "write")},
    **{f"dma_memory_{way}": ((2,), 3) for way in ("read", "write")},
    **{f"pci_dma_{way}": ((2,), 3) for way in ("read", "write", "rw")},
    **{f"address_space_{way}": ((3,), 4) for way in ("read", "write", "rw")},
}
_NAMES = "|".join(sorted(_MOVERS))
MOVED = NamedPattern(
    lazy_re(rb"\b(?:" + _NAMES.encode() + rb"|(?:ld|st)\w+_p)\s*\("), _MOVERS, (b"_p(", b"_p (")
)
"""What a file that moves bytes by their number has."""
# One pattern for each: they begin with plain letters, which are found by a search for these.
_INDEXED = lazy_re(rb"\[[^\]\[]*[a-z][^\]\[]*\]")
_CASTS = lazy_re(rb"_t \*\)\s*[(&]")
ACCESSES = (_INDEXED, _CASTS, MOVED)
"""What a file with an access that is looked at has in its bytes: one of them."""
_AFTER = lazy_re(r"\s*(?:\+\+|--)\s*\Z")
_NAME = lazy_re(r"[A-Za-z_]\w*\Z")
_GROUP = lazy_re(r"\[[^\[\]]*\]\Z")
_MOVES = lazy_re(rf"\b(?P<name>{_NAMES}|(?:ld|st)(?P<width>u[bw]|s[bw]|[bwlq])(?:_[a-z]+)?_p)\s*\(")
# What is read or written there as a number of several bytes.
_CAST = lazy_re(r"(?<![\w)\]])\s*\*\s*\(\s*(?:const\s+)?u?int(16|32|64)_t\s*\*\s*\)\s*(?=[(&])")
_WIDTHS = {"ub": 1, "sb": 1, "b": 1, "uw": 2, "sw": 2, "w": 2, "l": 4, "q": 8}
_PLUS = lazy_re(
    r"(?:\((?P<cast>[\w\s]+)\*\s*\)\s*)?(?P<base>[A-Za-z_]\w*(?:\s*(?:->|\.)\s*\w+)*)\s*\+(?!\+)\s*(?P<offset>.+)\Z",
    re.S,
)
_ELEMENT = lazy_re(
    r"(?P<cast>)&\s*(?P<base>[A-Za-z_]\w*(?:\s*(?:->|\.)\s*\w+)*)\s*\[(?P<offset>[^\[\]]+)\]\Z", re.S
)
_PLAIN = lazy_re(r"(?:\([\w\s]+\*\s*\)\s*)?(?P<base>(?:[A-Za-z_]\w*\s*(?:->|\.)\s*)*[A-Za-z_]\w*)\Z")
# A trailing array of one element may be longer than it is declared.
_SHORTEST = 2


@record(frozen=True, slots=True)
class ArrayAccess:
    """An access in a function at `span`, whose text is `text`: beyond the array of `count` elements where
    `node` (the index, or the end of the accessed bytes) comes to more than `most`, or is negative.

    `base` is the text of the array. `bytes`: the node counts bytes. `address`: only the element's address is
    taken there.
    """

    function: str
    at: int
    span: Span
    text: str
    base: str
    index: str
    node: Node
    most: int
    count: int
    bytes: bool = False
    address: bool = False


def may_access(text: FileText) -> bool:
    """Whether a file may have an access, by its bytes."""
    return any(one.search(text.data) for one in (_INDEXED, _CASTS)) or MOVED.is_in(text)


class ArrayAccesses:
    """The accesses of one file. `opaque`: what the first parameter of an entry of the guest points to."""

    def __init__(self, names: FileNames, opaque: Mapping[str, Sequence[str]]) -> None:
        self._names = names
        self._unit = names.unit
        self._opaque = opaque
        self._counts: dict[tuple[str, str], tuple[int, int] | None] = {}

    def of(self, name: str, wanted: Callable[[str], bool]) -> tuple[ArrayAccess, ...]:
        """The accesses of a function whose index is wanted, by its text, in the order of their places."""
        piece = self._unit.functions[name]
        patterns = (_INDEXED, _CASTS, MOVED.pattern)
        if not any(one.search(self._unit.data, piece.body, piece.span.end) for one in patterns):
            return ()
        code = bare(self._unit.data[piece.body : piece.span.end]).decode("latin-1")
        found = [
            *self._indexed(name, piece.body, code, wanted),
            *self._moved(name, piece.body, code, wanted),
            *(self._cast(name, piece.body, code, wanted) if "_t *)" in code else ()),
        ]
        built = (one for one in found if not self._names.is_unbuilt(one.span))
        return tuple(sorted(built, key=lambda one: one.at))

    def _indexed(
        self, name: str, start: int, code: str, wanted: Callable[[str], bool]
    ) -> Iterator[ArrayAccess]:
        """The accesses `array[index]` in the text of one function whose index is `wanted`."""
        for found in re.finditer(r"(?<=[\w\]])\[", code):
            at = found.start()
            end = closing_bracket(code, at, "[]")
            index = code[at + 1 : end - 1]
            if not re.search(r"[a-z]", index) or not wanted(index):
                continue
            head = _base(code, at)
            if head < 0:
                continue
            # What is incremented afterwards is the index as it was before.
            node = self._varying(_AFTER.sub("", index))
            known = self._length(name, code[head:at]) if node is not None else None
            if node is None or known is None:
                continue
            span = Span(self._unit.path, start + head, start + end)
            taken = code[:head].rstrip().endswith("&") and not code[:head].rstrip().endswith("&&")
            inner = code[end:].lstrip()[:1] in ("[", ".") or code[end:].lstrip()[:2] == "->"
            yield ArrayAccess(
                *(name, start + at, span, code[head:end], code[head:at], index, node),
                *(known[0] - 1, known[0], False, taken and not inner),
            )

    def _moved(
        self, name: str, start: int, code: str, wanted: Callable[[str], bool]
    ) -> Iterator[ArrayAccess]:
        for found in _MOVES.finditer(code):
            given = arguments_at(code.encode("latin-1"), found.end() - 1)
            if given is None or not given:
                continue
            pointers, number = _MOVERS.get(found["name"], ((0,), 0))
            width = str(_WIDTHS[found["width"]]) if found["width"] else ""
            if not width and len(given) > number:
                width = given[number]
            end = closing_bracket(code, found.end() - 1)
            span = Span(self._unit.path, start + found.start(), start + end)
            for argument in (given[place] for place in pointers if place < len(given)) if width else ():
                one = self._moves(name, span, argument, width, wanted)
                if one is not None:
                    yield one

    def _cast(self, name: str, start: int, code: str, wanted: Callable[[str], bool]) -> Iterator[ArrayAccess]:
        """The accesses of several bytes at a pointer that is cast."""
        for found in _CAST.finditer(code):
            at = found.end()
            if code[at] == "(":
                end = closing_bracket(code, at)
                argument = code[at + 1 : end - 1]
            else:
                end = code.find("]", at) + 1
                argument = code[at:end]
            span = Span(self._unit.path, start + found.start(), start + end)
            one = self._moves(name, span, argument.strip(), str(int(found[1]) // 8), wanted) if end else None
            if one is not None:
                yield one

    def _moves(
        self, name: str, span: Span, argument: str, width: str, wanted: Callable[[str], bool]
    ) -> ArrayAccess | None:
        """The access of `width` bytes at a pointer, where the offset or the number is wanted."""
        place = _PLUS.match(argument) or _ELEMENT.match(argument) or _PLAIN.match(argument)
        if place is None:
            return None
        plain = "offset" not in place.groupdict()
        index = width if plain else place["offset"]
        known = self._length(name, place["base"]) if wanted(index) else None
        if known is None or not known[1]:
            return None
        step = self._size(f"{place['cast']}*") if not plain and place["cast"] else known[1]
        node = self._varying(width if plain else f"({place['offset']}) * {step} + ({width})")
        if node is None or not step:
            return None
        return ArrayAccess(
            *(name, span.start, span, argument, place["base"], index, node),
            *(known[0] * known[1], known[0], True),
        )

    def _varying(self, text: str) -> Node | None:
        """The expression, None where it cannot be read or is constant."""
        node = read(text)
        if node is None:
            return None
        names = self._names
        varying = any(not (p.isidentifier() and names.constant(p) is not None) for p in paths(node))
        return node if varying else None

    # -- lengths -----------------------------------------------------------------------------------

    def _length(self, function: str, base: str) -> tuple[int, int] | None:
        """The number of elements of what a text names, and the size of one in bytes; None if not known."""
        key = (function, "".join(base.split()))
        if key not in self._counts:
            self._counts[key] = self._found(*key)
        return self._counts[key]

    def _found(self, function: str, base: str) -> tuple[int, int] | None:
        groups = 0
        while (group := _GROUP.search(base)) is not None:
            base = base[: group.start()]
            groups += 1
        if not _NAME.match(base):
            lowered = self._unit.lowered(function)
            return self._of_member(lowered, base, groups) if lowered is not None else None
        lowered = self._unit.lowered(function)
        if lowered is None:
            return None
        if base in lowered.locals:
            return self._of_local(lowered, base, groups)
        signature = self._unit.signature(function)
        if signature is not None and any(param.name == base for param in signature.params):
            return None
        return self._of_variable(base, groups)

    def _of_member(self, function: Function, path: str, groups: int) -> tuple[int, int] | None:
        member = member_of(self._names, function, path)
        layouts = layouts_of(self._unit.environment)
        layout = layouts.of_name(member.struct, self._unit.path) if member is not None else None
        field = layout.field(member.name) if layout is not None and member is not None else None
        if layout is None or field is None or len(field.dimensions) <= groups:
            return None
        return self._times(field.type, list(field.dimensions), groups, layout.path)

    def _times(self, type_: str, dimensions: Sequence[str], groups: int, path: str) -> tuple[int, int] | None:
        layouts = layouts_of(self._unit.environment)
        count = layouts.constants(path).number(dimensions[groups])
        rest = "".join(f"[{text}]" for text in dimensions[groups + 1 :])
        size = layouts.size_of(f"{type_}{rest}", path)
        return (count, size or 0) if count is not None and count >= _SHORTEST else None

    def _of_local(self, function: Function, name: str, groups: int) -> tuple[int, int] | None:
        """The length and element size of the array that a local is, or points to; None where it is not
        known."""
        declared = function.locals[name]
        piece = self._unit.functions[function.name]
        if declared.endswith("[]"):
            text = self._unit.data[piece.body : piece.span.end].decode("latin-1")
            found = re.search(rf"\b\w+[\s*]+{name}\s*((?:\[[^\[\]]+\]\s*)+)[=;,]", text)
            dimensions = re.findall(r"\[([^\[\]]+)\]", found[1]) if found is not None else []
            if len(dimensions) <= groups:
                return None
            return self._times(declared.rstrip("[]"), dimensions, groups, self._unit.path)
        if not declared.endswith("*") or groups:
            return None
        values = list(function.assignments(name))
        if len(values) != 1 or not values[0].stated:
            return None
        span = values[0].span
        text = self._unit.data[span.start : span.end].decode("latin-1").partition("=")[2].strip()
        text = re.sub(r"\A\([\w\s*]+\)\s*", "", text)
        signature = self._unit.signature(function.name)
        if signature is not None and signature.params and signature.params[0].name == text:
            return self._of_opaque(function.name, declared)
        found = re.match(r"(?:&\s*)?([A-Za-z_]\w*(?:->|\.)[\w>.-]+?)(?:\[0\])?\Z", text)
        known = self._of_member(function, found[1], 0) if found is not None else None
        same = known is not None and known[1] == self._size(declared)
        return known if same else None

    def _size(self, pointer: str) -> int | None:
        return layouts_of(self._unit.environment).size_of(
            pointer.rstrip(" *").removeprefix("const "), self._unit.path
        )

    def _of_opaque(self, entry: str, declared: str) -> tuple[int, int] | None:
        """The array that all regions of an entry have as their opaque pointer."""
        lengths = set()
        for text in self._opaque.get(entry, ()):
            place, _, path = text.partition(":")
            function = self._unit.lowered(place)
            path = path.strip().lstrip("&").strip().removesuffix("[0]")
            lengths.add(
                self._of_member(function, path, 0)
                if function is not None and not path.isidentifier()
                else None
            )
        if len(lengths) != 1:
            return None
        known = lengths.pop()
        return known if known is not None and known[1] == self._size(declared) else None

    def _of_variable(self, name: str, groups: int) -> tuple[int, int] | None:
        declared = self._unit.environment.variable_type(name, self._unit.path)
        dimensions = re.findall(r"\[([^\[\]]*)\]", declared)
        if len(dimensions) <= groups:
            return None
        plain = declared.partition("[")[0].replace("static ", "").replace("const ", "").strip()
        if dimensions[groups].strip():
            return self._times(plain, dimensions, groups, self._unit.path)
        table = next(
            (t for t in tables(self._unit.path, self._unit.data) if t.name == name and t.array), None
        )
        if table is None or groups or table.value.kind != LIST:
            return None
        if any(one.designators or one.arms for one in table.value.elements):
            return None
        return len(table.value.elements), 0


def _base(code: str, at: int) -> int:
    """Where the name or path that is indexed by the bracket at `at` begins; -1 where it is no plain one."""
    start = at
    while True:
        while start and code[start - 1].isspace():
            start -= 1
        if start and code[start - 1] == "]":
            start = _opening(code, start - 1)
            if start < 0:
                return -1
            continue
        end = start
        while start and (code[start - 1].isalnum() or code[start - 1] == "_"):
            start -= 1
        while start < end and code[start].isdigit():
            start += 1
        if start == end:
            return -1
        before = start
        while before and code[before - 1].isspace():
            before -= 1
        if code.endswith("->", 0, before):
            start = before - 2
        elif code.endswith(".", 0, before):
            start = before - 1
        else:
            return start


def _opening(code: str, closing: int) -> int:
    depth = 0
    for at in range(closing, -1, -1):
        depth += (code[at] == "]") - (code[at] == "[")
        if not depth:
            return at
    return -1
