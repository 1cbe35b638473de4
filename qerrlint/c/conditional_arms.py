# SPDX-License-Identifier: GPL-2.0-or-later
"""Conditional compilation inside one piece: which arms of an #if to drop so that the rest parses.

The grammar takes an #if only where its arms are whole statements. Here the first arm of any other #if is
kept; of `#if 0` the last.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from qerrlint.c.lexis import DIRECTIVE, next_code, previous_code
from qerrlint.lazy_patterns import lazy_re

# Arms of deeper groups are not examined: a limit keeps hostile nesting from costing its square.
_DEEPEST = 20
_NEVER = lazy_re(rb"[ \t]*#[ \t]*if[ \t]+0\b")
_BRACKETS = lazy_re(rb"[{}()\[\]]")
_OPENS = {b"{": b"}", b"(": b")", b"[": b"]"}
_ELSE = lazy_re(rb"else\b")


@dataclass(slots=True)
class _Group:
    """One #if ... #endif: the (start, end) of its directive lines; each arm lies between two of them."""

    lines: list[tuple[int, int]] = field(default_factory=list)
    depth: int = 0
    closed: bool = False

    def arms(self) -> list[tuple[int, int]]:
        return [(a[1], b[0]) for a, b in zip(self.lines, self.lines[1:], strict=False)]


def _groups(bare: bytes) -> tuple[list[_Group], list[tuple[int, int]]]:
    """The #if groups by their start, outer before inner, and the lines of those that are not whole."""
    groups: list[_Group] = []
    stack: list[_Group] = []
    stray: list[tuple[int, int]] = []
    for match in DIRECTIVE.finditer(bare):
        word = match.group(1)
        if word.startswith(b"if"):
            stack.append(_Group([match.span()], len(stack)))
            groups.append(stack[-1])
        elif word in {b"elif", b"else", b"endif"}:
            if not stack:
                stray.append(match.span())
                continue
            stack[-1].lines.append(match.span())
            if word == b"endif":
                stack.pop().closed = True
    for group in groups:
        if not group.closed:
            stray.extend(group.lines)
    return [group for group in groups if group.closed], sorted(stray)


def stray_directives(bare: bytes) -> Iterator[tuple[int, int]]:
    """(start, end) of the #if, #else, #endif lines whose other half lies outside the piece."""
    yield from _groups(bare)[1]


def dropped_arms(bare: bytes, every: bool) -> Iterator[tuple[int, int, str | None]]:
    """(start, end, directive) of what to blank: a dropped arm with the directive before it, or a directive
    line with None.

    Groups whose arms are all whole statements stay, unless `every` is set.
    """
    groups = _groups(bare)[0]
    starts = [group.lines[0][0] for group in groups]
    gone = bytearray(len(groups))  # groups inside dropped arms
    for index, group in enumerate(groups):
        arms = group.arms()
        if gone[index] or (not every and _is_whole(bare, group, arms)):
            continue
        keep = 0
        if _NEVER.match(bare, group.lines[0][0]):
            keep = len(arms) - 1 if len(arms) > 1 else -1
        for number, (line, (start, end)) in enumerate(zip(group.lines, arms, strict=False)):
            yield *line, None
            if number != keep and bare[start:end].strip():
                yield start, end, "#" + _word(bare, line)
                first, last = bisect_left(starts, start), bisect_left(starts, end)
                gone[first:last] = b"\1" * (last - first)
        yield *group.lines[-1], None


def _word(bare: bytes, line: tuple[int, int]) -> str:
    match = DIRECTIVE.match(bare, line[0])
    return match.group(1).decode("ascii") if match else ""


def _is_whole(bare: bytes, group: _Group, arms: list[tuple[int, int]]) -> bool:
    """Whether each arm is a run of whole statements, in a place where a statement may stand."""
    if group.depth > _DEEPEST:
        return False
    before = previous_code(bare, group.lines[0][0])
    if before >= 0 and bare[before] not in b"{};:":
        return False
    after = next_code(bare, group.lines[-1][1])
    if _ELSE.match(bare, after) or bare[after : after + 1] in (b")", b",", b"]", b"|", b"&", b"?"):
        return False
    return all(_is_statements(bare[start:end]) for start, end in arms)


def _is_statements(arm: bytes) -> bool:
    code = DIRECTIVE.sub(b"", arm).strip()
    if not code:
        return True
    if _ELSE.match(code) or code[-1:] not in b";}:":
        return False
    open_brackets: list[bytes] = []
    for match in _BRACKETS.finditer(code):
        token = match.group()
        if token in _OPENS:
            open_brackets.append(_OPENS[token])
        elif not open_brackets or open_brackets.pop() != token:
            return False
    return not open_brackets
