# SPDX-License-Identifier: GPL-2.0-or-later
"""unchecked-result of a function of this file that returns a status, where the caller then tells success.

The callee's body shows the status: 0 where it succeeds, and a negative number where it fails. The caller
returns a status as well, fails elsewhere in the same way, and returns 0 on a path after the call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.absint.reachability import blocks_after, place_of
from qerrlint.c.cut import Piece
from qerrlint.checks.check import FileCheck
from qerrlint.checks.errors.results.unchecked_result import UNCHECKED_RESULT
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.subject import Subject
from qerrlint.domain.result import FunctionResult
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import NEG, POS, ZERO, Call, Return
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit

# A call as a whole statement, in braces: what stands before it ends a statement or a block.
_DROPPED = lazy_re(rb"[;{}]\s+([a-z_]\w+)\(")
_FAILS = lazy_re(rb"\breturn\s+-\w|=\s*-[E1]")


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The calls in one file that drop the status of another of its functions."""
    unit = file.unit
    names = {name.decode("ascii", "replace") for name in {found[1] for found in file.asked.matches(_DROPPED)}}
    for name in sorted(names & unit.functions.keys()):
        if not _FAILS.search(unit.data, unit.functions[name].body, unit.functions[name].span.end):
            continue
        if word_list("releases").matches(name) or word_list("predicates").matches(name):
            continue
        callers = [piece for piece in _callers(file, name) if _may_tell(unit.with_definition(piece), piece)]
        if callers and is_status(unit, name):
            for piece in callers:
                yield from _dropped(unit.with_definition(piece), piece, name)


def _callers(file: AnalysedFile, name: str) -> list[Piece]:
    """The functions of the file that drop what a function returns."""
    unit = file.unit
    found: dict[int, Piece] = {}
    for at, piece in file.asked.naming(name.encode()):
        if piece.name != name and re.search(rb"[;{}]\s+\Z", unit.data[max(at - 200, piece.body) : at]):
            found[piece.span.start] = piece
    return [piece for _, piece in sorted(found.items())]


def _may_tell(unit: TranslationUnit, piece: Piece) -> bool:
    """Whether a caller may return a status, by its head: nothing is interpreted for most that do not."""
    signature = unit.signature(piece.name)
    if signature is None or unit.scope.result_kind(signature) != "int":
        return False
    return not word_list("releases").matches(piece.name)


def is_status(unit: TranslationUnit, name: str) -> bool:
    """Whether a function returns 0 or a negative number, and both as a constant somewhere."""
    if name not in unit.functions:
        return False
    signature, result = unit.signature(name), unit.result(name)
    if signature is None or signature.errp is not None or result is None or not result.complete:
        return False
    if unit.scope.result_kind(signature) != "int" or any(leaving.signs == POS for leaving in result.returns):
        return False
    return _fails(result) and any(leaving.signs == ZERO for leaving in result.returns)


def _fails(result: FunctionResult) -> bool:
    return any(leaving.signs == NEG for leaving in result.returns)


def _dropped(unit: TranslationUnit, piece: Piece, name: str) -> Iterator[Observation]:
    function, result = unit.lowered(piece.name), unit.result(piece.name)
    if function is None or result is None or not _fails(result):
        return
    for call in function.calls:
        if call.name != name or call.used or not call.direct:
            continue
        if _tells_success(result, call):
            yield Observation(
                "unchecked-result",
                piece.name,
                call.span,
                call.text,
                {"function": piece.name, "callee": name, "how": "status"},
                (),
                "medium",
                subject=Subject((call,)),
            )


def _tells_success(result: FunctionResult, call: Call) -> bool:
    """Whether some return after a call returns 0."""
    at = place_of(result.function, call.index)
    if at is None:
        return False
    behind = {at[0], *blocks_after(result.function, at[0])}
    spans = {
        event.span
        for number in behind
        for event in result.function.blocks[number].events
        if isinstance(event, Return)
    }
    return any(leaving.span in spans and leaving.signs == ZERO for leaving in result.returns)


CHECKS = (FileCheck("dropped-status", "errors", (UNCHECKED_RESULT,), run),)
