# SPDX-License-Identifier: GPL-2.0-or-later
"""Unbuilt text: what a file hands to macros that expand to nothing, such as D(dump(s)) with `#define D(x)`.

A macro that one of its definitions makes nothing of is for debugging: what it is handed is built only by a
developer who takes another definition.
"""

from __future__ import annotations

import re
from bisect import bisect_right

from qerrlint.c.lexis import occurrences, without_comments
from qerrlint.lazy_patterns import lazy_re

_DEFINE = lazy_re(
    rb"^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)\([^()\n]{0,200}\)((?:[^\n\\]|\\.|\\\r?\n)*)", re.MULTILINE
)
# What nothing may be written as: `do { } while (0)`, `((void)0)`.
_NOTHING = lazy_re(r"(?:\bdo\b|\bwhile\b|\bvoid\b|\b0\b|[{}();\s\\])*\Z")
# How far the end of an invocation is looked for, in bytes.
_FARTHEST = 2000


class UnbuiltText:
    """The arguments in one file of macros that the file defines as nothing."""

    def __init__(self, data: bytes) -> None:
        found = sorted(
            (start, end)
            for name in _dropping(data)
            for at in occurrences(data, name)
            if (start := _opening(data, at + len(name))) and (end := _closing(data, start))
        )
        self._starts = [start for start, _ in found]
        self._ends = [end for _, end in found]

    def has(self, offset: int) -> bool:
        """Whether an offset lies in such an argument."""
        at = bisect_right(self._starts, offset) - 1
        return at >= 0 and offset < self._ends[at]


def _dropping(data: bytes) -> frozenset[bytes]:
    return frozenset(
        found[1]
        for found in _DEFINE.finditer(data)
        if _NOTHING.match(without_comments(found[2].decode("latin-1"), " "))
    )


def _opening(data: bytes, at: int) -> int:
    """The offset after the parenthesis that opens an invocation; 0 for none, and for that of a #define."""
    line = data[data.rfind(b"\n", 0, at) + 1 : at].lstrip()
    while data[at : at + 1] in (b" ", b"\t"):
        at += 1
    return at + 1 if data[at : at + 1] == b"(" and not line.startswith(b"#") else 0


def _closing(data: bytes, start: int) -> int:
    """The parenthesis that closes an invocation; 0 where it is not near."""
    depth = 1
    for at in range(start, min(len(data), start + _FARTHEST)):
        depth += (data[at] == 0x28) - (data[at] == 0x29)
        if not depth:
            return at
    return 0
