# SPDX-License-Identifier: GPL-2.0-or-later
"""What starts at column 0 of a file, by scans of its bytes: heads of functions, typedefs, tags, QOM's macros.

Heads are not parsed, bodies are not read, and preprocessor lines have no meaning here.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from qerrlint.c.declarations.types import Signature, parse_declared
from qerrlint.c.lexis import bare, closing_paren
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record


@record(frozen=True, slots=True)
class TypeName:
    """One typedef name or tag ("struct X", "union X", "enum X").

    `kind`: alias, function, function-pointer, array, struct, union or enum. `target` is the canonical text
    of an alias; `signature` that of a function or function pointer; `body` the bytes between the braces
    as (start, end), or (-1, -1) if they stand elsewhere.
    """

    name: str
    kind: str
    target: str
    signature: Signature | None
    start: int
    body: tuple[int, int] = (-1, -1)


_HEAD = lazy_re(rb"\n([A-Za-z_][\w \t*]*)\(")
_AFTER_ATTRIBUTE = lazy_re(rb"([\w \t*]*?)([A-Za-z_]\w*)[ \t]*\(")
# An attribute that is longer is none.
_LONGEST_ATTRIBUTE = 200
_ATTRIBUTE = lazy_re(
    rb"(?:__attribute__|__declspec|\w*_PRINTF|\w*FMT_ATTR|QEMU_\w+|G_\w+|TSA_\w+|ATTRIBUTE_\w+)\Z"
)
_NOT_A_HEAD = frozenset(b"typedef return else if while for switch case goto do sizeof".split())
_NOT_A_NAME = frozenset(b"int void char long short unsigned bool if while for switch return const".split())
_TYPEDEF = lazy_re(rb"\n((?:__extension__[ \t]+)?typedef)\b")
_TAGGED = lazy_re(rb"\n(?:(?:static|const|extern)[ \t]+)*(struct|union|enum)[ \t]+[^;(){}=]{0,2000}\{")
_CLOSING = lazy_re(rb"\n\}")
_BRACE = lazy_re(rb"[{}]")
# A member is indented: a word at column 0 in front of the brace at column 0 belongs to the next declaration.
_AT_COLUMN_0 = lazy_re(rb"\n[A-Za-z_]")
_TAG = lazy_re(
    rb"(?:struct|union|enum)(?:\s+(?:QEMU_\w+|__attribute__\s*\(\(.*?\)\)))*\s*([A-Za-z_]\w*)?[^{]*\{"
)
# Up to the `;` or `{` that ends a declaration. Each part always matches, so that nothing is read twice.
STATEMENT_END = lazy_re(
    rb"(?:[^;{/\"]+|/\*(?:[^*]+|\*+[^*/])*(?:\*+/|\**\Z)|//[^\n]*|/|\"[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"?)*", re.S
)
# The struct of every target's CPU: OBJECT_DECLARE_CPU_TYPE() of include/hw/core/cpu.h.
_CPU = "ArchCPU"
# What stands after the closing brace of a typedef.
_LONGEST_TAIL = 4096
_CAST = lazy_re(
    rb"\n((?:OBJECT_)?DECLARE_(?:SIMPLE_TYPE|TYPE|CPU_TYPE|OBJ_CHECKERS|INSTANCE_CHECKER|CLASS_CHECKERS))"
    rb"\s*\(([^)]{0,1000})\)"
)


def attribute_line(line: bytes) -> bool:
    """Whether a line that ends in a parenthesis is the first part of a head: it ends in an attribute."""
    word = line[: line.rfind(b"(")].rstrip(b"( \t").split()[-1:]
    return bool(word) and bool(_ATTRIBUTE.match(word[0].lstrip(b"*")))


def heads(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(name, start of the line, place of the parenthesis) of each line that looks like a function's head."""
    for m in _HEAD.finditer(b"\n" + data):
        words = m[1].replace(b"*", b" ").split()
        name = words[-1]
        paren = m.end() - 2
        start = m.start()
        if words[0] in _NOT_A_HEAD:
            continue
        if _ATTRIBUTE.match(name):
            end = closing_paren(data, paren, _LONGEST_ATTRIBUTE)
            later = _AFTER_ATTRIBUTE.match(data, end) if end >= 0 else None
            if later is None:
                continue
            name, paren = later[2], later.end() - 1
        elif len(words) == 1:
            # A name alone at column 0: a macro's invocation, unless the type stands on the line before.
            last = data[max(0, start - 2) : start].strip()[-1:]
            if name.isupper() or not (last.isalnum() or last in (b"_", b"*", b")")):
                continue
            if last == b")" and not attribute_line(
                data[data.rfind(b"\n", 0, start - 1) + 1 : start - 1].strip()
            ):
                continue
        if name in _NOT_A_NAME or data[paren + 1 : paren + 2] == b"*":
            continue
        yield name, start, paren


def casts(data: bytes) -> Iterator[tuple[str, str]]:
    """(name, returned type) of each function that OBJECT_DECLARE_TYPE and kin define."""
    for m in _CAST.finditer(b"\n" + data):
        kind = m[1].decode("latin-1")
        args = [word.strip() for word in m[2].decode("latin-1").split(",")]
        simple = "SIMPLE" in kind or kind == "DECLARE_INSTANCE_CHECKER"
        wanted = 2 if simple or kind == "DECLARE_CLASS_CHECKERS" else 3
        if len(args) < wanted:
            continue
        name = args[wanted - 1]
        if kind != "DECLARE_CLASS_CHECKERS":
            yield name, f"{args[0]} *"
        if not simple:
            class_type = args[wanted - 2]
            yield f"{name}_CLASS", f"{class_type} *"
            yield f"{name}_GET_CLASS", f"{class_type} *"


def types(data: bytes) -> Iterator[TypeName]:
    """The typedef names and tags that are declared at column 0."""
    text = b"\n" + data
    bodies = _Bodies(data)
    typedefs = list(_TYPEDEF.finditer(text))
    for number, m in enumerate(typedefs, 1):
        start = m.start()
        # A declaration ends before the next one begins, whatever it lacks.
        limit = typedefs[number].start() if number < len(typedefs) else len(data)
        stop = STATEMENT_END.match(data, start, limit)
        end = stop.end() if stop else start
        if data[end : end + 1] == b"{":
            yield from _braced(bodies, m.end() - 1, end, True)
            continue
        for declared in parse_declared(data[start:end].decode("latin-1")):
            kind = "alias" if declared.kind == "object" else declared.kind
            yield TypeName(declared.name, kind, declared.type, declared.signature, start)
    for m in _TAGGED.finditer(text):
        yield from _braced(bodies, m.start(1) - 1, m.end() - 2, False)
    if b"DECLARE_" in data:
        for m in _CAST.finditer(text):
            if m[1].startswith(b"OBJECT_"):
                for number, word in enumerate(m[2].split(b",")[: 1 if b"SIMPLE" in m[1] else 2]):
                    name = word.strip().decode("latin-1")
                    tag = _CPU if b"CPU_TYPE" in m[1] and not number else name
                    yield TypeName(name, "alias", f"struct {tag}", None, m.start())


class _Bodies:
    """The bodies of a file's types, each closed by a brace on its first line or at column 0.

    Braces are counted where a brace at column 0 closes another declaration: preprocessor lines can make
    a count wrong, so that the column is asked first.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._closings = [m.start() + 1 for m in _CLOSING.finditer(data)]
        # Bodies that lack their brace reach to that of another, and overlap; this much of it is read.
        self._budget = 8 * len(data)

    def end(self, opening: int) -> int:
        """The brace that closes the one at `opening`; -1 if there is none."""
        data = self.data
        line = data.find(b"\n", opening)
        row = data[opening : line if line >= 0 else len(data)]
        if row.count(b"{") == row.count(b"}"):
            return opening + row.rfind(b"}")
        index = bisect_right(self._closings, opening)
        if index == len(self._closings) or self._budget < 0:
            return -1
        close = self._closings[index]
        self._budget -= close - opening
        if _AT_COLUMN_0.search(data, opening, close):
            counted = _counted_end(data, opening, close)
            return counted if _AT_COLUMN_0.search(data, counted, close) else close
        return close


def _counted_end(data: bytes, opening: int, limit: int) -> int:
    """The brace before `limit` that closes the one at `opening` by a count of braces; else `limit`."""
    text = bare(data[opening:limit])
    depth = 0
    for found in _BRACE.finditer(text):
        depth += 1 if found[0] == b"{" else -1
        if not depth:
            return opening + found.start()
    return limit


def _braced(bodies: _Bodies, start: int, opening: int, typedef: bool) -> Iterator[TypeName]:
    """The tag, and for a typedef the names after the closing brace, of a struct, union or enum."""
    data = bodies.data
    head = _TAG.search(data, start, opening + 1)
    close = bodies.end(opening)
    if head is None or close <= opening:
        return
    kind = head[0].split(None, 1)[0].rstrip(b"{").decode("latin-1")
    body = (opening + 1, close)
    tag = head[1].decode("latin-1") if head[1] else ""
    if tag:
        yield TypeName(f"{kind} {tag}", kind, f"{kind} {tag}", None, start, body)
    elif kind == "enum" and not typedef:
        # Its constants have names though it has none; no name in C has a blank and a digit.
        yield TypeName(f"enum {start}", kind, f"enum {start}", None, start, body)
    if not typedef:
        return
    end = data.find(b";", close, close + _LONGEST_TAIL)
    rest = data[close + 1 : end if end >= 0 else close + 1].decode("latin-1")
    for declared in parse_declared(f"{kind} {tag or '_'} {rest}"):
        if tag and declared.kind == "object":
            yield TypeName(declared.name, "alias", declared.type, None, start, (-1, -1))
        elif declared.type == f"{kind} _":
            yield TypeName(declared.name, kind, kind, None, start, body)
