# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a function's name stands in one C file, and as what, told by a scan of bytes; nothing is parsed.

It knows heads, calls, stores into members and arguments by their shape. Names in comments and strings,
members and variables of the same name are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.declarations.file import FileDeclarations, Slot
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

HEAD, MACRO, CALL, SLOT, ARGUMENT, OTHER = "head", "macro", "call", "slot", "argument", "other"

# What may stand on the line before the name of a function that is declared at column 0.
_HEAD_START = lazy_re(rb"[A-Za-z_][^;{}=\"'/?]*\Z")
_DEFINE = lazy_re(rb"[ \t]*#[ \t]*define[ \t]+\Z")
_STORED = lazy_re(rb"\s*=\s*&?\s*")
# A type, or a star, before a name: a variable or member of that name.
_DECLARED = lazy_re(rb"(?<!\breturn)(?<=[\w*])[ \t*]*(?<=[ \t*])\Z")
_CALLEE = lazy_re(rb"([A-Za-z_]\w*)\s*\Z")
_NO_CALLEE = frozenset(b"if while for switch return sizeof typeof".split())
# An argument further from its call's parenthesis than this is not recognised.
_FURTHEST = 2000


@record(frozen=True, slots=True)
class Mention:
    """One place of a name: `kind` is one of this module's constants, `start` a byte offset.

    `of`: the member stored into (slot), the function that is handed the name (argument), else "". `holder`:
    the type or object that has the member, "" where it cannot be told.
    """

    kind: str
    path: str
    start: int
    of: str = ""
    holder: str = ""


def mentions(path: str, data: bytes, name: str) -> Iterator[Mention]:
    """The places of `name` in the file, in order."""
    declarations: FileDeclarations | None = None
    for found in re.finditer(rb"\b%s\b" % re.escape(name.encode()), data):
        at, end = found.span()
        line = data.rfind(b"\n", 0, at) + 1
        before = data[line:at]
        if _is_no_code(data, at, before):
            continue
        behind = data[end : end + 80].lstrip()[:1]
        if _DEFINE.match(before):
            yield Mention(MACRO, path, at)
            continue
        previous = before.rstrip()[-2:]
        if behind == b"(":
            if previous == b"->" or previous[-1:] == b".":
                continue
            yield Mention(HEAD if _starts_head(before) else CALL, path, at)
            continue
        if previous == b"->" or previous[-1:] == b".":
            continue
        declarations = declarations or FileDeclarations(path, data)
        slot = next((s for s in declarations.slots if s.value == name and _is_value(data, at, s)), None)
        if slot is not None:
            yield Mention(SLOT, path, at, slot.member, slot.object or declarations.slot_type(slot))
        elif not _DECLARED.search(before):
            callee = _callee(data, at)
            yield Mention(ARGUMENT if callee else OTHER, path, at, callee)


def macro_around(data: bytes, offset: int) -> str:
    """The macro in whose #define `offset` lies, "" if it lies in none."""
    start = data.rfind(b"\n", 0, offset) + 1
    while start > 1 and data[:start].rstrip(b"\r\n").endswith(b"\\"):
        start = data.rfind(b"\n", 0, start - 1) + 1
    found = re.match(rb"[ \t]*#[ \t]*define[ \t]+(\w+)", data[start : start + 200])
    return found[1].decode("latin-1") if found else ""


def _is_no_code(data: bytes, at: int, before: bytes) -> bool:
    """Whether the offset lies in a comment, a string or an #include."""
    quotes = before.count(b'"') - before.count(b'\\"')
    if quotes % 2 or b"//" in before.replace(b"://", b""):
        return True
    if before.lstrip().startswith(b"#") and b"include" in before:
        return True
    opening = data.rfind(b"/*", 0, at)
    return opening >= 0 and data.find(b"*/", opening + 2, at) < 0


def _is_value(data: bytes, at: int, slot: Slot) -> bool:
    """Whether the name at the offset is what the slot holds: `start` is the member, or the value itself."""
    return slot.start == at or _STORED.fullmatch(data, slot.start + len(slot.member), at) is not None


def _starts_head(before: bytes) -> bool:
    """Whether a name after this start of its line is declared there: at column 0 there are no calls."""
    return not before or (_HEAD_START.match(before) is not None and before.count(b"(") == before.count(b")"))


def _callee(data: bytes, at: int) -> str:
    """The function in whose argument list the offset lies, "" if it lies in none."""
    depth = 0
    for offset in range(at - 1, max(-1, at - _FURTHEST), -1):
        byte = data[offset : offset + 1]
        if byte == b")":
            depth += 1
        elif byte == b"(":
            if depth == 0:
                found = _CALLEE.search(data, max(0, offset - 80), offset)
                if found is None:
                    continue  # a parenthesis of its own
                return found[1].decode("latin-1") if found[1] not in _NO_CALLEE else ""
            depth -= 1
        elif byte in (b";", b"{", b"}"):
            return ""
    return ""
