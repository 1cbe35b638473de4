# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong-error-test: a variable that only gets results of bool functions is compared with a negative number.

Every function is looked at, by its text: the test can never be true, so a failure reads as a success.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from qerrlint.c.cut import Piece
from qerrlint.checks.check import FileCheck
from qerrlint.checks.errors.results.wrong_error_test import WRONG_ERROR_TEST
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.subject import Subject
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

# The number is looked for first; the name stands before it.
_MINUS_ONE = lazy_re(rb"[=!]=[ \t]{0,9}\(?-[ \t]{0,9}1\b(?!\s{0,9}[-+*/.])")
_NEGATIVE = lazy_re(rb"<[ \t]{0,9}0[ \t]{0,9}(?=\)|&&|\|\|)")
_NAME = lazy_re(rb"(?<![\w.>)\]])([A-Za-z_]\w{0,80})[ \t]{0,9}\Z")
_GIVEN = lazy_re(rb"(?<![\w.>])([A-Za-z_]\w{0,80})[ \t]{0,9}=(?!=)[ \t\n]{0,80}(?:(\w{1,80})[ \t]{0,9}\()?")
_CHANGED = rb"&%s\b|(?<![\w.>])%s[ \t]{0,9}(?:[-+*/|&^]=|\+\+|--)"
_NEAR = 100
_BOOLS = frozenset({"bool", "gboolean", "_Bool"})

_Given: TypeAlias = "Mapping[bytes, Sequence[re.Match[bytes]]]"


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The tests of one file that ask a bool result for a negative number."""
    unit = file.unit
    given: dict[Piece, _Given] = {}
    for pattern, form in ((_MINUS_ONE, "minus-one-of-bool"), (_NEGATIVE, "sign-of-bool")):
        for found in file.asked.matches(pattern):
            before = _NAME.search(unit.data[max(0, found.start() - _NEAR) : found.start()])
            piece = unit.definitions.around(found.start()) if before is not None else None
            if piece is None or before is None or found.start() < piece.body:
                continue
            if piece not in given:
                given[piece] = _given(unit, piece)
            made = _only_bool(unit, piece, given[piece].get(before[1], ()), found.start())
            if made is None:
                continue
            callee, at = made
            start = found.start() - len(before[0])
            span = Span(unit.path, start, found.end())
            text = unit.text.on_one_line(span).strip()
            yield Observation(
                WRONG_ERROR_TEST.name,
                piece.name,
                span,
                f"{text} {callee}",
                {"subject": text, "callee": callee, "meant": "", "form": form},
                (Step(at, f"{callee}() is called here, and returns true or false"),),
                "high",
                subject=Subject(()),
            )


def _given(unit: TranslationUnit, piece: Piece) -> _Given:
    """The assignments to each variable of a function."""
    out: dict[bytes, list[re.Match[bytes]]] = {}
    for found in _GIVEN.finditer(unit.data, piece.body, piece.span.end):
        out.setdefault(found[1], []).append(found)
    return out


def _only_bool(
    unit: TranslationUnit, piece: Piece, given: Sequence[re.Match[bytes]], test: int
) -> tuple[str, Span] | None:
    """The bool function whose result a variable with these assignments has at a test, and where it is called.

    None where the variable gets anything else in its function.
    """
    for found in given:
        callee = found[2].decode("latin-1") if found[2] is not None else ""
        signature = unit.signature(callee) if callee else None
        if signature is None or signature.returns not in _BOOLS or signature.errp is not None:
            return None
    last = next((found for found in reversed(given) if found.start() < test), None)
    if last is None:
        return None
    name = last[1]
    if re.search(_CHANGED % (name, name), unit.data[piece.body : piece.span.end]):
        return None
    return last[2].decode("latin-1"), Span(unit.path, last.start(), last.end(2))


CHECKS = (FileCheck("number-of-bool", "errors", (WRONG_ERROR_TEST,), run),)
