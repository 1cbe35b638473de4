# SPDX-License-Identifier: GPL-2.0-or-later
"""The fields of a struct or union as they are laid out: in order, unnamed inner types kept, with places.

`members.parse_members` flattens inner types, which is what a lookup by name wants; here the shape is kept,
for offsets and sizes. Types are not resolved.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qerrlint.c.declarations.types import parse_declared
from qerrlint.c.lexis import DIRECTIVE, bare, blanked
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

# Words where the name of a member may stand: at the end of its declarator.
_LAST_WORDS = lazy_re(r"\b\w+\b(?=\s*(?:$|[,;\[)=]))")
_DIMENSION = lazy_re(r"\s*\[([^\]]*)\]")
_INNER = lazy_re(r"\s*(?:const\s+)?(struct|union|enum)\b[^{;]*\{")
_NAMES = lazy_re(r"(\**)\s*([A-Za-z_]\w*)((?:\s*\[[^\]]*\])*)")
_BITS = lazy_re(r"([^:?]*[^:?\s])\s*:\s*([^:]+)\Z", re.S)
_DEEPEST = 8


@record(frozen=True, slots=True)
class Field:
    """One field.

    `type` is its canonical type without dimensions (the inner kind, "struct" or "union", where the type is
    written out in place), `dimensions` the texts between brackets, `bits` the width of a bit field or "".
    `fields` are those of a type that is written out. `start` is an offset in the file. An unnamed inner
    struct or union has the name "".
    """

    name: str
    type: str
    dimensions: tuple[str, ...]
    bits: str
    fields: tuple[Field, ...]
    start: int

    @property
    def pointer(self) -> bool:
        """Whether the field holds a pointer, or an array of pointers."""
        return self.type.endswith("*") or "(*" in self.type


def named_fields(fields: Iterable[Field]) -> Iterator[Field]:
    """The fields that have a name, in order, those of unnamed inner structs and unions among them."""
    for field in fields:
        if field.name:
            yield field
        else:
            yield from named_fields(field.fields)


def read_fields(data: bytes, start: int, end: int) -> tuple[tuple[Field, ...], bool]:
    """The fields of the body [start, end) of a file, and whether preprocessor lines stand between them."""
    text = bare(data[start:end])
    directives = list(DIRECTIVE.finditer(text))
    for found in directives:
        text = text[: found.start()] + blanked(found.group()) + text[found.end() :]
    return _fields(text.decode("latin-1"), start, 0), bool(directives)


def _fields(text: str, offset: int, level: int) -> tuple[Field, ...]:
    out: list[Field] = []
    begin = depth = 0
    for at, char in enumerate(text):
        if char in "({[":
            depth += 1
        elif char in ")}]":
            depth -= 1
        elif char == ";" and depth <= 0:
            out += _declaration(text[begin:at], offset + begin, level)
            begin, depth = at + 1, 0
    return tuple(out)


def _declaration(text: str, offset: int, level: int) -> list[Field]:
    inner = _INNER.match(text)
    closing = text.rfind("}")
    if inner is not None and closing > inner.end() - 1:
        kind = inner[1]
        fields: tuple[Field, ...] = ()
        if kind != "enum" and level < _DEEPEST:
            fields = _fields(text[inner.end() : closing], offset + inner.end(), level + 1)
        names = [m for m in _NAMES.finditer(text, closing + 1) if not m[2].isupper() and m[2] != "packed"]
        start = offset + len(text) - len(text.lstrip())
        if not names:
            return [Field("", kind, (), "", fields, start)] if kind != "enum" else []
        return [
            Field(
                m[2],
                f"{kind} {m[1]}".rstrip(),
                tuple(_DIMENSION.findall(m[3])),
                "",
                fields,
                offset + m.start(2),
            )
            for m in names
        ]
    bits = ""
    width = _BITS.match(text) if ":" in text else None
    if width is not None:
        text, bits = width[1], width[2].strip()
    out = []
    for declared in parse_declared(text):
        kind, dimensions = declared.type, ()
        at = kind.find("[")
        # A parenthesis before the bracket is that of a pointer to an array or to a function.
        if at >= 0 and "(" not in kind[:at]:
            dimensions = tuple(_DIMENSION.findall(kind[at:]))
            kind = kind[:at].rstrip()
        place = next((m.start() for m in _LAST_WORDS.finditer(text) if m[0] == declared.name), 0)
        out.append(Field(declared.name, kind, dimensions, bits, (), offset + place))
    return out
