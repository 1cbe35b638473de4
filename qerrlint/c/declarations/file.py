# SPDX-License-Identifier: GPL-2.0-or-later
"""What one C file declares at column 0, found by scans of its bytes; other files are not looked at.

The scans rely on QEMU's style: a declaration, definition or typedef starts at column 0, and a struct's
closing brace stands at column 0 (or on the opening brace's line). Tables are made on first use and hold
places; a declaration's text is parsed only when asked for. No preprocessor runs: both arms of an `#if`
count, and names are looked up in all of them in the order of the file.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from qerrlint.c.declarations.members import enumerator_texts, parse_enumerators, parse_members
from qerrlint.c.declarations.struct_body import Field, read_fields
from qerrlint.c.declarations.types import Declared, Param, Signature, parse_declared, parse_signature
from qerrlint.c.lexis import without_comments
from qerrlint.c.toplevel import STATEMENT_END, TypeName, attribute_line, casts, heads, types
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

__all__ = ["FileDeclarations", "Macro", "Slot", "TypeName"]


@record(frozen=True, slots=True)
class Macro:
    """One #define: `params` is None for an object-like macro; `body` has its line continuations folded."""

    name: str
    params: tuple[str, ...] | None
    body: str
    path: str
    start: int


@record(frozen=True, slots=True)
class Slot:
    """A name stored into a member: ``.member = value,`` or ``object->member = value;``.

    `object` is the text before the arrow or dot ("" in an initialiser). The value is a plain name that
    may or may not be a function's; `start` is the offset of the member's name.
    """

    member: str
    value: str
    object: str
    start: int


_INCLUDE = lazy_re(rb"\n[ \t]*#[ \t]*include[ \t]+([\"<])([^\">\n]+)")
_DEFINE = lazy_re(rb"\n[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)")
_DEFINE_END = lazy_re(rb"[^\\\n]*(?:\\(?:\r?\n)?[^\\\n]*)*")
_SLOT = lazy_re(rb"(?:\.|->)(\w+)[ \t]*=[ \t]*\n?[ \t]*&?([A-Za-z_]\w*)\s*[,;}]")
_OBJECT = lazy_re(rb"\w+\Z")
_UNNAMED_ENUM = lazy_re(rb"^[ \t]*enum\s*\{([^{}]*)\}", re.MULTILINE)
_PARENT_REALIZE = lazy_re(rb"\bdevice_class_set_parent_(\w+)\(\s*(\w+),\s*([a-z_]\w*),")
# No head of a function, member or declaration before a name is longer.
_MAX_HEAD = 6000
# The head that counts is among so many of a name (HELPER occurs 258 times in a file, and its third parses).
_MOST_HEADS = 32
_LONGEST_COMMENT = 1 << 15


class FileDeclarations:
    """The declarations of one file; `path` and `data` are those given. Instances are not to be changed."""

    __slots__ = (
        "_casts",
        "_constants",
        "_enumerator_texts",
        "_fields",
        "_functions",
        "_includes",
        "_macros",
        "_members",
        "_signatures",
        "_slots",
        "_starts",
        "_types",
        "data",
        "path",
    )

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.data = data
        self._includes: tuple[tuple[bool, str], ...] | None = None
        self._functions: dict[str, tuple[tuple[int, int], ...]] | None = None
        self._starts: list[int] = []  # of the lines of `functions`
        self._casts: dict[str, str] | None = None
        self._macros: dict[str, int] | None = None
        self._constants: dict[str, int | None] | None = None
        self._types: dict[str, TypeName] | None = None
        self._slots: tuple[Slot, ...] | None = None
        self._enumerator_texts: dict[str, tuple[str, int]] | None = None
        self._fields: dict[int, tuple[tuple[Field, ...], bool]] = {}
        self._members: dict[int, dict[str, Declared]] = {}
        self._signatures: dict[str, Signature | None] = {}

    @property
    def includes(self) -> tuple[tuple[bool, str], ...]:
        """The #includes in order as (system, name): system is true for ``<name>``."""
        if self._includes is None:
            self._includes = tuple(
                (m[1] == b"<", m[2].decode("utf-8", "surrogateescape"))
                for m in _INCLUDE.finditer(b"\n" + self.data)
            )
        return self._includes

    @property
    def functions(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """What looks like a function's declaration, by name: (start of its line, place of its parenthesis).

        Some of them are none; `signature` gives None for those.
        """
        if self._functions is None:
            found: dict[str, list[tuple[int, int]]] = {}
            for name, start, paren in heads(self.data):
                found.setdefault(name.decode("latin-1"), []).append((start, paren))
                self._starts.append(start)
            self._functions = {name: tuple(places) for name, places in found.items()}
        return self._functions

    @property
    def casts(self) -> dict[str, str]:
        """Functions that OBJECT_DECLARE_TYPE and kin define, by name, with the type that they return."""
        if self._casts is None:
            self._casts = dict(casts(self.data)) if b"DECLARE_" in self.data else {}
        return self._casts

    @property
    def macros(self) -> dict[str, int]:
        """Where each macro is defined first, by name."""
        if self._macros is None:
            found: dict[str, int] = {}
            for m in _DEFINE.finditer(b"\n" + self.data):
                found.setdefault(m[1].decode("latin-1"), m.start())
            self._macros = found
        return self._macros

    @property
    def types(self) -> dict[str, TypeName]:
        """Typedef names, and tags as "struct X", "union X", "enum X"; a definition with a body wins."""
        if self._types is None:
            found: dict[str, TypeName] = {}
            for entry in types(self.data):
                old = found.get(entry.name)
                if old is None or (old.body[0] < 0 <= entry.body[0]):
                    found[entry.name] = entry
            self._types = found
        return self._types

    @property
    def constants(self) -> dict[str, int | None]:
        """The enumerators of all enums of this file with their values, None where those are not plain."""
        if self._constants is None:
            found: dict[str, int | None] = {}
            for entry in self.types.values() if b"enum" in self.data else ():
                if entry.kind == "enum" and entry.body[0] >= 0:
                    found.update(self.enumerators(entry))
            for unnamed in _UNNAMED_ENUM.finditer(self.data) if b"enum" in self.data else ():
                found.update(parse_enumerators(unnamed[1].decode("latin-1")))
            self._constants = found
        return self._constants

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Names stored into members, in the order of the file."""
        if self._slots is None:
            text = self.data
            found = [
                Slot(m[1].decode("latin-1"), m[2].decode("latin-1"), _object(text, m.start()), m.start(1))
                for m in _SLOT.finditer(text)
            ]
            if b"device_class_set_parent_" in text:
                found.extend(
                    Slot(m[1].decode("latin-1"), m[3].decode("latin-1"), m[2].decode("latin-1"), m.start(3))
                    for m in _PARENT_REALIZE.finditer(text)
                )
            self._slots = tuple(found)
        return self._slots

    def signature(self, name: str) -> Signature | None:
        """The signature of `name` as declared or defined in this file, or None.

        The first declaration that parses is taken; a G_NORETURN on any of them counts. It is kept: each file
        that includes a header asks it for the same functions.
        """
        if name not in self._signatures:
            self._signatures[name] = self._read_signature(name)
        return self._signatures[name]

    def _read_signature(self, name: str) -> Signature | None:
        found: Signature | None = None
        for start, paren in self.functions.get(name, ())[:_MOST_HEADS]:
            if self.in_comment(start):
                continue
            head, end, _ = self._head(start, paren)
            found = parse_signature(self.data[head:end], self.path, head)
            if found is not None and found.name == name:
                return found
            found = None
        returns = self.casts.get(name)
        if returns is not None:
            parameter = "const void *" if returns.endswith("*") else "void *"
            return Signature(name, self.path, (Param("obj", parameter),), returns, static=True)
        return None

    def pointer_members(self, name: str) -> tuple[Declared, ...]:
        """The function pointers called `name` that structs (or variables) of this file declare.

        Parameters of that name are left out. A member whose type is a typedef has no signature here.
        """
        data = self.data
        out: list[Declared] = []
        for m in re.finditer(rb"\b%s\b" % re.escape(name.encode("latin-1", "replace")), data):
            first = max(0, m.start() - _MAX_HEAD)
            end = data.find(b";", m.end(), m.end() + _MAX_HEAD)
            line = data[data.rfind(b"\n", first, m.start()) + 1 : m.start()]
            if end < 0 or not line[:1].isspace():
                continue
            behind = data[m.end() : end].lstrip()
            if behind[:1] not in (b")", b"") or self.in_comment(m.start()):
                continue
            start = max(data.rfind(mark, first, m.start()) for mark in (b";", b"{", b"}", b"*/")) + 1
            start += data[start : start + 1] == b"/"
            found = parse_declared(data[start:end].decode("latin-1"))
            out.extend(d for d in found if d.name == name and (d.signature or not behind))
        return tuple(out)

    def definition(self, name: str) -> tuple[int, int] | None:
        """(start of the head, place of the opening brace) of the function defined here as `name`, or None."""
        for start, paren in self.functions.get(name, ())[:_MOST_HEADS]:
            head, end, defined = self._head(start, paren)
            if defined and not self.in_comment(start):
                return head, end
        return None

    def macro(self, name: str) -> Macro | None:
        """The first #define of `name` in this file, or None."""
        start = self.macros.get(name)
        if start is None:
            return None
        line = _DEFINE_END.match(self.data, start)
        text = self.data[start : line.end() if line else start].decode("latin-1")
        rest = text.split(name, 1)[1]
        params: tuple[str, ...] | None = None
        if rest.startswith("("):
            inner, _, rest = rest[1:].partition(")")
            params = tuple(word.strip() for word in inner.replace("\\\n", " ").split(",") if word.strip())
        body = without_comments(re.sub(r"\\\r?\n", " ", rest), " ", lines=False)
        return Macro(name, params, " ".join(body.split()), self.path, start)

    def members(self, entry: TypeName) -> tuple[Declared, ...]:
        """The members of a struct or union of this file."""
        return parse_members(self._body(entry))

    def member(self, entry: TypeName, name: str) -> Declared | None:
        """A member of a struct or union of this file; the last one where several have the name."""
        start = entry.body[0]
        if start not in self._members:
            self._members[start] = {member.name: member for member in self.members(entry)}
        return self._members[start].get(name)

    def enumerators(self, entry: TypeName) -> tuple[tuple[str, int | None], ...]:
        """The constants of an enum of this file, with their values where they are plain."""
        return parse_enumerators(self._body(entry))

    def enumerator_text(self, name: str) -> tuple[str, int] | None:
        """The expression that an enum's constant of this file counts on from, and how far beyond it it is."""
        if self._enumerator_texts is None:
            self._enumerator_texts = {}
            for entry in self.types.values():
                if entry.kind == "enum" and entry.body[0] >= 0:
                    for constant, text in enumerator_texts(self._body(entry)).items():
                        self._enumerator_texts.setdefault(constant, text)
        return self._enumerator_texts.get(name)

    def slot_type(self, slot: Slot) -> str:
        """The type of the variable whose initialiser holds `slot` ("" if it cannot be told)."""
        if slot.object:
            return ""
        opening = self.data.rfind(b"= {", 0, slot.start)
        line = self.data.rfind(b"\n", 0, opening) + 1
        declared = parse_declared(self.data[line:opening].decode("latin-1")) if opening >= 0 else ()
        return declared[0].type.split(" [")[0].removeprefix("const ") if declared else ""

    def in_comment(self, offset: int) -> bool:
        """Whether `offset` lies inside a block comment (comment marks in strings fool it)."""
        opening = self.data.rfind(b"/*", max(0, offset - _LONGEST_COMMENT), offset)
        return opening >= 0 and self.data.find(b"*/", opening + 2, offset) < 0

    def fields(self, entry: TypeName) -> tuple[tuple[Field, ...], bool]:
        """The fields of a struct or union of this file as they are laid out (struct_body.read_fields)."""
        start, end = entry.body
        if start not in self._fields:
            self._fields[start] = read_fields(self.data, start, end) if start >= 0 else ((), False)
        return self._fields[start]

    def _body(self, entry: TypeName) -> str:
        start, end = entry.body
        return self.data[start:end].decode("latin-1") if start >= 0 else ""

    def _head(self, start: int, paren: int) -> tuple[int, int, bool]:
        """(start, end, whether a body follows) of the head whose parenthesis and line are given."""
        data = self.data
        begin = start
        for _ in range(3):
            if begin < 2:
                break
            before = data.rfind(b"\n", 0, begin - 1) + 1
            line = data[before : begin - 1].rstrip()
            if not line or not (line[:1].isalpha() or line[:1] == b"_") or line[-1:] in b";{},:\\/":
                break
            if line.endswith(b")") and not attribute_line(line):
                break
            begin = before
        index = bisect_right(self._starts, paren)
        limit = self._starts[index] if index < len(self._starts) else len(data)
        stop = STATEMENT_END.match(data, paren, min(limit, paren + _MAX_HEAD))
        end = stop.end() if stop else paren
        return begin, end, data[end : end + 1] == b"{"


def _object(data: bytes, end: int) -> str:
    """The name or index that stands directly before `end`, or ""."""
    word = _OBJECT.search(data[max(0, end - 40) : end].rstrip(b"])"))
    return word[0].decode("latin-1") if word else ""
