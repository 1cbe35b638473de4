# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions of a file that, by their text, may look into a pointer that they find to be NULL.

The text is taken as it is indented: what stands as far to the left as a condition, or further, is reached
whatever the condition says. Few functions of a tree are left, and only these are parsed.
"""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.checks.asked_text import AskedText
from qerrlint.lazy_patterns import lazy_re

_IF = lazy_re(rb"\bif \(([^\n]{1,200})")
_ATOM = lazy_re(rb"(?:\A|&& |\|\| )(!?)\(?([A-Za-z_]\w*)( [!=]= NULL)?(?=\)| &&| \|\|)")
_JUMPS = lazy_re(rb"\b(?:return|goto|break|continue|\w*(?:abort|exit|assert|unreachable)\w*)\b")


def suspects(data: bytes, asked: AskedText) -> Iterator[tuple[int, str]]:
    """The conditions in what is asked about that ask whether a pointer is NULL, by offset, with its name,
    where the text round them may look into it all the same."""
    for found in asked.matches(_IF):
        for atom in _ATOM.finditer(found[1]):
            name = atom[2]
            look = name + b"->"
            # The first letters of a name rule out most of what follows.
            if data.find(look, max(0, found.start() - 4000), found.end() + 4000) < 0:
                continue
            null = (atom[1] == b"!") != (atom[3] == b" == NULL")
            if _may_look(data, found.start(), found.end(1), name, null):
                yield found.start(), name.decode()


def _may_look(data: bytes, at: int, behind: int, name: bytes, null: bool) -> bool:
    """Whether the text may look into a pointer of this name before a condition, in its NULL branch, or after
    it; `null`: the branch is taken for NULL."""
    look, given = name + b"->", name + b" = "
    begin, end = data.rfind(b"\n{", 0, at), data.find(b"\n}", at)
    if begin < 0 or end < 0:
        return False
    margin = _margin(data, at)
    before = data.rfind(look, begin, at)
    if before >= 0 and _margin(data, before) <= margin and given not in data[before:at]:
        return True
    if data.find(look, behind, end) < 0:
        return False
    close = data.find(b"\n" + data[_line(data, at) : _line(data, at) + margin] + b"}", behind, end)
    body = data[behind : close if close >= 0 else data.find(b";", behind, end)]
    if null and look in body and given not in body[: body.find(look)]:
        return True
    if null and _JUMPS.search(body) is not None:
        return False
    after = data.find(look, behind + len(body), end)
    while after >= 0:
        if _margin(data, after) <= margin:
            return given not in data[behind:after]
        after = data.find(look, after + 1, end)
    return False


def _line(data: bytes, at: int) -> int:
    return data.rfind(b"\n", 0, at) + 1


def _margin(data: bytes, at: int) -> int:
    """How far the line of an offset is indented."""
    line = data[_line(data, at) : at + 1]
    return len(line) - len(line.lstrip())
