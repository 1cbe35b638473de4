# SPDX-License-Identifier: GPL-2.0-or-later
"""Layouts: structs as they lie in memory, with the struct that each embeds first, offsets and sizes in bytes.

Sizes are those of a 64-bit host. What depends on a type that is not seen, or on an `#if`, has no size; the
order of the fields is always known.
"""

from __future__ import annotations

import re

from qerrlint.c.declarations.struct_body import Field
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.environment import Environment
from qerrlint.model.lookups import Lookups
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


@record(frozen=True, slots=True)
class Layout:
    """A struct or union: `name` as it was asked for, `path` and `start` of its declaration.

    `fields` are in order. `size` is None where it is not known. `parent` is the type of the struct that is
    embedded as the first field, "" where the first field is none. `union`: its fields lie in one place.
    """

    name: str
    path: str
    start: int
    fields: tuple[Placed, ...]
    size: int | None
    parent: str
    union: bool = False

    @property
    def extends(self) -> bool:
        """Whether the struct holds anything beyond its first field."""
        return len(self.fields) > 1

    def field(self, name: str) -> Placed | None:
        """A field by its name; those of unnamed inner structs and unions count."""
        for placed in self.fields:
            if placed.field.name == name:
                return placed
            if not placed.field.name:
                for inner in _inside(placed.field):
                    if inner.name == name:
                        return Placed(inner, None, None)
        return None


def layouts_of(environment: Environment) -> Layouts:
    """The layouts of a tree, one object for each Environment."""
    return environment.once(Layouts)


class Layouts:
    """Layouts of the structs of one tree, worked out when asked for."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._known: dict[tuple[str, int], tuple[Layout, Lookups]] = {}
        self._first: dict[tuple[str, int], tuple[tuple[str, str], Lookups]] = {}
        self._alignments: dict[tuple[str, int], tuple[int, Lookups]] = {}
        self._aligning: set[tuple[str, int]] = set()
        self._constants: dict[str, Constants] = {}
        self._depth = 0

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
        declarations, entry = found
        key = (declarations.path, entry.body[0])
        if key not in self._known and self._depth > _DEEPEST:
            return None

        def laid_out() -> Layout:
            self._depth += 1
            fields, conditional = declarations.fields(entry)
            # A body is read with what its own file sees.
            placed, size = self._placed(fields, entry.kind == "union", declarations.path)
            if conditional:
                placed, size = tuple(Placed(one.field, None, one.size) for one in placed), None
            self._depth -= 1
            return Layout(
                struct,
                declarations.path,
                entry.start,
                placed,
                size,
                self._parent(fields, declarations.path),
                entry.kind == "union",
            )

        return self._environment.asked.recall(self._known, key, laid_out)

    def of_name(self, struct: str, from_path: str) -> Layout | None:
        """The layout of a struct by the name of its type or by its tag."""
        name = struct.removeprefix("struct ")
        return self.layout(name, from_path) or self.layout(f"struct {name}", from_path)

    def place(self, struct: str, from_path: str) -> tuple[str, int] | None:
        """The file and the start of a struct or union by the name of its type or by its tag; None where no
        body is seen. Nothing is laid out."""
        name = struct.removeprefix("struct ")
        for spelled in (name, f"struct {name}"):
            found = self._environment.types.body(spelled, from_path)
            if found is not None and found[1].kind in ("struct", "union"):
                return found[0].path, found[1].start
        return None

    def chain(self, struct: str, from_path: str) -> tuple[str, ...]:
        """The struct and those that it embeds first, one in the other, outermost first."""
        out = [struct.removeprefix("struct ")]
        path = from_path
        for _ in range(_DEEPEST):
            found = self._embedded(out[-1], path) or self._embedded(f"struct {out[-1]}", path)
            if found is None or not found[0] or found[0] in out:
                break
            out.append(found[0])
            path = found[1]
        return tuple(out)

    def _embedded(self, struct: str, from_path: str) -> tuple[str, str] | None:
        """The struct that a struct embeds first ("" for none), and the file of its body; None where no body
        is seen. Nothing else of the struct is laid out."""
        body = self._environment.types.body(struct, from_path)
        if body is None or body[1].kind not in ("struct", "union"):
            return None
        declarations, entry = body

        def first() -> tuple[str, str]:
            return self._parent(declarations.fields(entry)[0], declarations.path), declarations.path

        return self._environment.asked.recall(self._first, (declarations.path, entry.body[0]), first)

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
                for placed in layout.fields
                for one in (placed.field.fields if not placed.field.pointer else ()) or (placed.field,)
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

    def _parent(self, fields: tuple[Field, ...], path: str) -> str:
        first = fields[0] if fields else None
        if first is None or first.pointer or first.dimensions or not first.name or first.fields:
            return ""
        name = first.type.removeprefix("struct ")
        if name in _BASIC or not re.match(r"[A-Za-z_]\w*\Z", name):
            return ""
        if self._environment.types.body(first.type, path) is not None:
            return name
        entry = self._environment.typedef(name, path)
        # A typedef of a struct whose body another file keeps still is what is embedded.
        return name if entry is None or not entry.target.endswith("*") else ""


def _inside(field: Field) -> list[Field]:
    out: list[Field] = []
    for inner in field.fields:
        out += [inner] if inner.name else _inside(inner)
    return out


def _up(offset: int | None, alignment: int) -> int | None:
    return None if offset is None else -(-offset // alignment) * alignment
