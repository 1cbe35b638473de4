# SPDX-License-Identifier: GPL-2.0-or-later
"""unchecked-result: the result of a call without an Error is dropped, and nothing else tells its failure.

Every function is looked at, also those that know no Errors; the bytes tell which of them call something that
the word list names. A call that takes an Error is unchecked-call's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.cut import Piece
from qerrlint.c.lexis import occurrences
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.subject import Subject
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import Call, Function
from qerrlint.model.translation_unit import TranslationUnit

_STATEMENT = re.compile(rb"(?:[;{}:]|\*/|\belse|\))\s{0,200}\Z")
_CALLED = re.compile(rb"[ \t]{0,9}\(")
_VOID = re.compile(rb"\(\s{0,9}void\s{0,9}\)\s{0,80}\Z")
_NEAR = 240


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The calls of the list whose result is dropped."""
    unit = file.unit
    wanted = {
        name
        for name in unit.text.words
        if word_list("results-to-check").matches(name.decode("ascii", "replace"))
    }
    pieces: dict[int, Piece] = {}
    for name in wanted:
        for at in occurrences(unit.data, name):
            piece = unit.definitions.around(at)
            if piece is None or at < piece.body or (file.only is not None and piece.name not in file.only):
                continue
            before = unit.data[max(at - _NEAR, piece.body) : at]
            if (
                _CALLED.match(unit.data, at + len(name))
                and _STATEMENT.search(before)
                and not _VOID.search(before)
            ):
                pieces[piece.span.start] = piece
    for _, piece in sorted(pieces.items()):
        function = unit.with_definition(piece).lowering.function(piece)
        if function is not None:
            yield from _dropped(unit, function)


def _dropped(unit: TranslationUnit, function: Function) -> Iterator[Observation]:
    for call in function.calls:
        if call.used or not call.direct or not word_list("results-to-check").matches(call.name):
            continue
        if _VOID.search(unit.data[max(call.span.start - _NEAR, 0) : call.span.start]) or _takes_error(
            unit, call
        ):
            continue
        yield Observation(
            "unchecked-result",
            function.name,
            call.span,
            call.text,
            {"function": function.name, "callee": call.name, "how": "listed"},
            (),
            "high",
            subject=Subject((call,)),
        )


def _takes_error(unit: TranslationUnit, call: Call) -> bool:
    return unit.effect(call).errp is not None


# callee: the call whose result is dropped; how: whether a list names it, or its body shows a status.
UNCHECKED_RESULT = event("unchecked-result", "function", "callee", how="listed status")

CHECKS = (
    FileCheck(
        "unchecked-result",
        "errors",
        (UNCHECKED_RESULT,),
        run,
        ("results-to-check",),
    ),
)
