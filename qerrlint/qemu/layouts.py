# SPDX-License-Identifier: GPL-2.0-or-later
"""Layouts: structs as they lie in memory, with the struct that each embeds first, offsets and sizes in bytes.

Sizes are those of a 64-bit host. What depends on a type that is not seen, or on an `#if`, has no size; the
order of the fields is always known.
"""

from __future__ import annotations

import re

from qerrlint.c.declarations.file import FileDeclarations, TypeName
from qerrlint.c.declarations.struct_body import Field, named_fields
from qerrlint.c.declarations.types import untagged
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.environment import Environment
from qerrlint.model.lookups import FIRST, LookupRecorder, Lookups, member_of, whole_body
from qerrlint.qemu.constants import Constants
from qerrlint.records import record

_POINTER = 8
_BASIC = {
    **dict.fromkeys(("char", "signed char", "unsigned char", "bool", "_Bool", "uint8_t", "int8_t"), 1),
    **dict.fromkeys(("short", "short int", "unsigned short", "unsigned short int", "uint16_t", "int16_t"), 2),
    **dict.fromkeys(("int", "unsigned int", "unsigned", "signed int", "uint32_t", "int32_t", "float"), 4),
    **dict.fromkeys(("gboolean", "gint", "guint", "float32", "socklen_t"), 4),
    **dict.fromkeys(("long", "unsigned long", "long int", "unsigned long int", "double", "float64"), 8),
    **dict.fromkeys(("long long", "long long int", "unsigned long long", "unsigned long long int"), 8),
    **dict.fromkeys(("uint64_t", "int64_t", "size_t", "ssize_t", "hwaddr", "ram_addr_t", "dma_addr_t"), 8),
    **dict.fromkeys(("uintptr_t", "intptr_t", "off_t", "time_t", "pcibus_t"), 8),
}
# Macros of include/qemu/queue.h that declare a field: their sizes.
_QUEUES = {
    "QLIST_HEAD": 8, "QLIST_ENTRY": 16, "QSLIST_HEAD": 8, "QSLIST_ENTRY": 8,
    "QSIMPLEQ_HEAD": 16, "QSIMPLEQ_ENTRY": 8, "QTAILQ_HEAD": 16, "QTAILQ_ENTRY": 16,
}  # fmt: skip
_INVOKED = lazy_re(r"(\w+)\(")
_DEEPEST = 16


@record(frozen=True, slots=True)
class Placed:
    """A field of a struct with its offset and its size in bytes, None where they are not known."""

    field: Field
    offset: int | None
    size: int | None


class Layout:
    """A struct or union: `name` as it was asked for, `path` and `start` of its declaration; `union`: its
    fields lie in one place.

    What is asked of it counts as looked up, and nothing else: a field, all fields, or its size, which
    depends on the structs that it embeds.
    """

    __slots__ = ("_declarations", "_entry", "_layouts", "name", "path", "start", "union")

    def __init__(self, layouts: Layouts, name: str, declarations: FileDeclarations, entry: TypeName) -> None:
        self._layouts = layouts
        self._declarations = declarations
        self._entry = entry
        self.name = name
        self.path = declarations.path
        self.start = entry.start
        self.union = entry.kind == "union"

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields in order."""
        self._see(whole_body(self._entry.name))
        return self._read[0]

    @property
    def first(self) -> Field | None:
        """The first field."""
        self._see(member_of(self._entry.name, FIRST))
        fields = self._read[0]
        return fields[0] if fields else None

    @property
    def extends(self) -> bool:
        """Whether the struct holds anything beyond its first field."""
        return len(self.fields) > 1

    def field(self, name: str) -> Field | None:
        """A field by its name; those of unnamed inner structs and unions count."""
        self._see(member_of(self._entry.name, name))
        return next((one for one in named_fields(self._read[0]) if one.name == name), None)

    @property
    def conditional(self) -> bool:
        """Whether preprocessor lines stand between the fields."""
        self._see(whole_body(self._entry.name))
        return self._read[1]

    @property
    def parent(self) -> str:
        """The type of the struct that is embedded as the first field, "" where the first field is none."""
        return self._layouts.parent(self)

    @property
    def size(self) -> int | None:
        """The size in bytes; None where it is not known."""
        return self._layouts.placed(self)[1]

    @property
    def placed(self) -> tuple[Placed, ...]:
        """The fields in order with their offsets and sizes."""
        return self._layouts.placed(self)[0]

    @property
    def _read(self) -> tuple[tuple[Field, ...], bool]:
        return self._declarations.fields(self._entry)

    def _see(self, key: str) -> None:
        # A body is read with what its own file sees.
        self._layouts.asked.see(key, self.path)


def layouts_of(environment: Environment) -> Layouts:
    """The layouts of a tree, one object for each Environment."""
    return environment.once(Layouts)


class Layouts:
    """Layouts of the structs of one tree, worked out when asked for."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._known: dict[tuple[str, int], tuple[tuple[tuple[Placed, ...], int | None], Lookups]] = {}
        self._alignments: dict[tuple[str, int], tuple[int, Lookups]] = {}
        self._aligning: set[tuple[str, int]] = set()
        self._constants: dict[str, Constants] = {}
        self._depth = 0

    @property
    def asked(self) -> LookupRecorder:
        """Records what is looked up."""
        return self._environment.asked

    def constants(self, path: str) -> Constants:
        """The evaluator of expressions of a file, with the sizes of the types that the file sees."""
        if path not in self._constants:
            self._constants[path] = Constants(self._environment, path, lambda text: self.size_of(text, path))
        return self._constants[path]

    def layout(self, struct: str, from_path: str) -> Layout | None:
        """A struct named by typedef or tag ("struct X"), as seen from a file; None where no body is seen."""
        found = self._environment.types.body(struct, from_path)
        if found is None or found[1].kind not in ("struct", "union"):
            return None
        return Layout(self, struct, *found)

    def placed(self, layout: Layout) -> tuple[tuple[Placed, ...], int | None]:
        """The fields of a struct with their places, and its size in bytes."""

        def laid_out() -> tuple[tuple[Placed, ...], int | None]:
            self._depth += 1
            placed, size = self._placed(layout.fields, layout.union, layout.path)
            if layout.conditional:
                placed, size = tuple(Placed(one.field, None, one.size) for one in placed), None
            self._depth -= 1
            return placed, size

        return self.asked.recall(self._known, (layout.path, layout.start), laid_out)

    def of_name(self, struct: str, from_path: str) -> Layout | None:
        """The layout of a struct by the name of its type or by its tag."""
        name = untagged(struct)
        return self.layout(name, from_path) or self.layout(f"struct {name}", from_path)

    def place(self, struct: str, from_path: str) -> tuple[str, int] | None:
        """The file and the start of a struct or union by the name of its type or by its tag; None where no
        body is seen."""
        layout = self.of_name(struct, from_path)
        return (layout.path, layout.start) if layout is not None else None

    def chain(self, struct: str, from_path: str) -> tuple[str, ...]:
        """The struct and those that it embeds first, one in the other, outermost first."""
        out = [untagged(struct)]
        path = from_path
        for _ in range(_DEEPEST):
            layout = self.of_name(out[-1], path)
            parent = layout.parent if layout is not None else ""
            if layout is None or not parent or parent in out:
                break
            out.append(parent)
            path = layout.path
        return tuple(out)

    def size_of(self, text: str, from_path: str) -> int | None:
        """The size of a type in bytes, by the text of its name; None where it is not known."""
        dimensions = re.findall(r"\[([^\]]*)\]", text)
        name = re.sub(r"\s*\[[^\]]*\]", "", text).removeprefix("const ").strip()
        return self._times(self._plain(name, from_path)[0], dimensions, from_path)

    def _plain(self, name: str, path: str) -> tuple[int | None, int]:
        """Size and alignment of a type without dimensions; alignment 8 where it is not known."""
        if name.endswith("*") or "(*" in name:
            return _POINTER, _POINTER
        known = _BASIC.get(name)
        if known is not None:
            return known, known
        if name.startswith("enum "):
            return 4, 4
        layout = self.layout(name, path)
        if layout is not None and self._depth > _DEEPEST:
            return None, _POINTER
        if layout is not None:
            return layout.size, self._alignment(layout)
        entry = self._environment.typedef(name, path)
        if entry is None:
            return None, _POINTER
        if entry.kind == "enum":
            return 4, 4
        if entry.kind == "function-pointer":
            return _POINTER, _POINTER
        target = entry.target
        if entry.kind == "alias" and target != name:
            if target.endswith("*"):
                return _POINTER, _POINTER
            if self._depth < _DEEPEST:
                self._depth += 1
                found = self._plain(target, path)
                self._depth -= 1
                return found
        return None, _POINTER

    def _alignment(self, layout: Layout) -> int:
        key = layout.path, layout.start
        if key in self._aligning:
            return 1  # a struct that holds itself, which no compiler takes

        def aligned() -> int:
            self._aligning.add(key)
            types = (
                one.type
                for field in layout.fields
                for one in (field.fields if not field.pointer else ()) or (field,)
            )
            found = max((self._plain(text, layout.path)[1] for text in types), default=1)
            self._aligning.discard(key)
            return found

        return self._environment.asked.recall(self._alignments, key, aligned)

    def _times(self, size: int | None, dimensions: list[str], path: str) -> int | None:
        for text in dimensions:
            count = self.constants(path).number(text) if text.strip() else None
            size = size * count if size is not None and count is not None else None
        return size

    def _placed(
        self, fields: tuple[Field, ...], union: bool, path: str
    ) -> tuple[tuple[Placed, ...], int | None]:
        out = []
        at: int | None = 0
        widest: int | None = 0
        aligned = 1
        for field in fields:
            size, alignment = self._field(field, path)
            aligned = max(aligned, alignment)
            if field.bits:
                # How bit fields are packed is not worked out.
                at = widest = None
            offset = 0 if union else _up(at, alignment)
            out.append(Placed(field, offset, size))
            at = offset + size if offset is not None and size is not None else None
            widest = max(widest, size) if widest is not None and size is not None else None
        end = widest if union else at
        return tuple(out), _up(end, aligned)

    def _field(self, field: Field, path: str) -> tuple[int | None, int]:
        called = _INVOKED.match(field.type)
        if called is not None and called[1] in _QUEUES:
            return _QUEUES[called[1]], _POINTER
        if field.fields and not field.pointer:
            placed, size = self._placed(field.fields, field.type.startswith("union"), path)
            alignment = max((self._field(one.field, path)[1] for one in placed), default=1)
        else:
            size, alignment = self._plain(field.type, path)
        return self._times(size, list(field.dimensions), path), alignment

    def parent(self, layout: Layout) -> str:
        """The type of the struct that a struct embeds first, "" where its first field is none."""
        first, path = layout.first, layout.path
        if first is None or first.pointer or first.dimensions or not first.name or first.fields:
            return ""
        name = untagged(first.type)
        if name in _BASIC or not re.match(r"[A-Za-z_]\w*\Z", name):
            return ""
        if self._environment.types.body(first.type, path) is not None:
            return name
        entry = self._environment.typedef(name, path)
        # A typedef of a struct whose body another file keeps still is what is embedded.
        return name if entry is None or not entry.target.endswith("*") else ""


def _up(offset: int | None, alignment: int) -> int | None:
    return None if offset is None else -(-offset // alignment) * alignment
