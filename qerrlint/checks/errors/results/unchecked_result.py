# SPDX-License-Identifier: GPL-2.0-or-later
"""unchecked-result: the result of a call without an Error is dropped, and nothing else tells its failure.

Every function is looked at, also those that know no Errors; the bytes tell which of them call something that
the word list names. A call that takes an Error is unchecked-call's.
"""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.c.cut import Piece
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.subject import Subject
from qerrlint.domain.word_lists import WordList, word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import Call, Function
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit

_STATEMENT = lazy_re(rb"(?:[;{}:]|\*/|\belse|\))\s{0,200}\Z")
_CALLED = lazy_re(rb"[ \t]{0,9}\(")
_VOID = lazy_re(rb"\(\s{0,9}void\s{0,9}\)\s{0,80}\Z")
_NEAR = 240


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The calls of the lists whose result is dropped."""
    library = word_list("library-results-to-check")
    for words, how, certainty in (
        (word_list("results-to-check"), "listed", "high"),
        (library, "library", "medium"),
    ):
        for unit, function in calling_functions(file, words, dropped=True):
            for call in _dropped(unit, function, words):
                if how == "library" and call.name in unit.functions:
                    continue
                yield Observation(
                    "unchecked-result",
                    function.name,
                    call.span,
                    call.text,
                    {"function": function.name, "callee": call.name, "how": how},
                    (),
                    certainty,
                    subject=Subject((call,)),
                )


def calling_functions(
    file: AnalysedFile, words: WordList, dropped: bool = False
) -> Iterator[tuple[TranslationUnit, Function]]:
    """The functions of a file that call something that a word list names, in their order.

    `dropped`: only where the call looks like a statement of its own.
    """
    for piece in calling_pieces(file, words, dropped):
        own = file.unit.with_definition(piece)
        function = own.lowering.function(piece)
        if function is not None:
            yield own, function


def calling_pieces(file: AnalysedFile, words: WordList, dropped: bool = False) -> list[Piece]:
    """The definitions that calling_functions() lowers: the bytes tell which they are."""
    data = file.unit.data
    pieces: dict[int, Piece] = {}
    for name in words.among(file.asked.vocabulary):
        for at, piece in file.asked.naming(name):
            before = data[max(at - _NEAR, piece.body) : at]
            if not _CALLED.match(data, at + len(name)):
                continue
            if not dropped or (_STATEMENT.search(before) and not _VOID.search(before)):
                pieces[piece.span.start] = piece
    return [piece for _, piece in sorted(pieces.items())]


def _dropped(unit: TranslationUnit, function: Function, words: WordList) -> Iterator[Call]:
    """The calls of a list in a function whose result is dropped, and not on purpose."""
    for call in function.calls:
        if call.used or not call.direct or not words.matches(call.name) or _takes_error(unit, call):
            continue
        if not _VOID.search(unit.data[max(call.span.start - _NEAR, 0) : call.span.start]):
            yield call


def _takes_error(unit: TranslationUnit, call: Call) -> bool:
    return unit.effect(call).errp is not None


# callee: the call whose result is dropped; how: whether a list names it, or its body shows a status. length:
# the result is used as a length, and nothing asks whether it is negative. mapped: nothing looks at how much
# was mapped.
UNCHECKED_RESULT = event("unchecked-result", "function", "callee", how="listed library status length mapped")

CHECKS = (
    FileCheck(
        "unchecked-result",
        "errors",
        (UNCHECKED_RESULT,),
        run,
    ),
)
