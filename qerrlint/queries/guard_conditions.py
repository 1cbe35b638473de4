# SPDX-License-Identifier: GPL-2.0-or-later
"""Under which conditions a call is made: the tests around it that no way to it goes without.

A test that leads out of the function before the call, and does not stand around it, is left out: in QEMU
that is mostly the check of an earlier failure.
"""

from __future__ import annotations

import re

from qerrlint.c.lexis import bare
from qerrlint.ir.code import Call, Function
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit

_ELSE = lazy_re(rb"\s*else\b")
_SWITCH = lazy_re(rb"\bswitch\s*\Z")


def conditions(unit: TranslationUnit, function: Function, call: Call) -> tuple[str, ...]:
    """The conditions of a call in the order of the source, each as C with its negation in front."""
    home = next(
        (n for n, b in enumerate(function.blocks) if any(e is call or e == call for e in b.events)), None
    )
    if home is None:
        return ()
    tests = {
        (edge.span, edge.taken)
        for edge in function.edges()
        if edge.span is not None and edge.span.end <= call.span.start
    }
    out = []
    for span, taken in sorted(tests, key=lambda t: (t[0].start, bool(t[1]))):
        if not _encloses(unit.data[span.end : call.span.start]):
            continue
        if _reaches(function, home, (span, taken)):
            continue
        text = unit.text.on_one_line(span)
        if _SWITCH.search(unit.data[max(0, span.start - 20) : span.start]):
            out.append(f"a case of {text}")
        else:
            out.append(text if taken else _negated(text))
    return tuple(out)


def _reaches(function: Function, home: int, without: tuple[object, object]) -> bool:
    """Whether a block can be reached without the edges of a test's outcome."""
    seen, waiting = {0}, [0]
    while waiting:
        number = waiting.pop()
        if number == home:
            return True
        for edge in function.blocks[number].edges:
            if (edge.span, edge.taken) != without and edge.target not in seen:
                seen.add(edge.target)
                waiting.append(edge.target)
    return False


def _encloses(between: bytes) -> bool:
    """Whether what follows the condition up to the call is the start of its statement, or of its else."""
    text = bare(between)
    depth, at = 0, 0
    while at < len(text):
        byte = text[at : at + 1]
        depth += (byte == b"{") - (byte == b"}")
        if depth < 0 or (byte == b";" and depth == 0):
            return False
        at += 1
        if byte == b"}" and depth == 0:
            behind = _ELSE.match(text, at)
            if behind is None:
                return False
            at = behind.end()
    return True


def _negated(text: str) -> str:
    """The text of the opposite condition."""
    plain = re.fullmatch(r"!?[\w.>\-]+(?:\([^()]*\))?", text)
    if plain is None:
        return f"!({text})"
    return text[1:] if text.startswith("!") else f"!{text}"
