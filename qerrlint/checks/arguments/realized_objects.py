# SPDX-License-Identifier: GPL-2.0-or-later
"""Of which type the object is that a call realizes, by the text of what makes it."""

from __future__ import annotations

import re

from qerrlint.ir.code import Call
from qerrlint.lazy_patterns import lazy_re

# The object of a call: its first argument, without the cast round it.
_OBJECT = lazy_re(rb"\w+\s*\(\s*(?:[A-Z][A-Z0-9_]*\s*\(\s*)?(&?\s*[A-Za-z_][\w>.\[\] +-]*?)\s*\)?\s*,")
_INDEX = lazy_re(rb"\[[^\]]*\]")
_TYPE = rb"(TYPE_\w+|\"[^\"\n]+\"|\w+->cpu_type)"
_MEMBER = lazy_re(rb"[A-Za-z_]\w*->((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)\Z")
_ANY_TYPE = rb"\bobject_initialize\w*\s*\([^;]*?"


def made_here(data: bytes, body: int, call: Call) -> tuple[str, int, int] | None:
    """The text of the type that a function, whose body begins at `body`, gave to the object of a call before
    it, and the place of that text; None where the function does not make the object itself."""
    name = _object_of(data, call)
    if name is None:
        return None
    before = _INDEX.sub(lambda index: b" " * len(index[0]), data[body : call.span.start])
    place = rb"(?<![\w>.])" + re.escape(name) + rb"\b"
    embedded = re.compile(_ANY_TYPE + place + rb"[^;]*?" + _TYPE)
    made = re.compile(place + rb"\s*=[^=;]*\b(?:object_new|qdev_new)\s*\(\s*" + _TYPE)
    hits = [hit for pattern in (embedded, made) for hit in pattern.finditer(before)]
    last = max(hits, key=lambda hit: hit.start(), default=None)
    return (last[1].decode("latin-1"), body + last.start(1), body + last.end(1)) if last is not None else None


def types_of_member(data: bytes, call: Call) -> frozenset[str]:
    """The texts of the types that a file gives to the member, of any struct, which a call realizes.

    Nothing where the call realizes no member, and where one of the places that make it names no type.
    """
    name = _object_of(data, call)
    member = _MEMBER.match(name) if name is not None else None
    if member is None:
        return frozenset()
    plain = _INDEX.sub(lambda index: b" " * len(index[0]), data)
    place = rb"->\s*" + re.escape(member[1]) + rb"\b"
    made = [hit[0] for hit in re.finditer(_ANY_TYPE + place + rb"[^;]*;", plain)]
    types = [re.search(place + rb"[^;]*?" + _TYPE, text) for text in made]
    if not types or None in types:
        return frozenset()
    return frozenset(found[1].decode("latin-1") for found in types if found is not None)


def _object_of(data: bytes, call: Call) -> bytes | None:
    """The object of a call as a place, without casts, addresses and indices."""
    found = _OBJECT.match(data, call.span.start, call.span.end)
    return _INDEX.sub(b"", found[1]).replace(b" ", b"").removeprefix(b"&") if found is not None else None
