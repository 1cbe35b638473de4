# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong-error-test: a result that is negative after a failure is compared with sizeof or a size_t.

C converts the result, too: a negative number becomes a great one, and the test for "too little" does not
notice it. Every function is looked at; the bytes tell which of them compare anything with sizeof, or call the
C library and have a size_t.
"""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.checks.check import FileCheck
from qerrlint.checks.errors.results.unchecked_result import calling_pieces
from qerrlint.checks.errors.results.wrong_error_test import WRONG_ERROR_TEST
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.subject import Subject
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import NEG, POS, ZERO, Call, Function, Opaque, Result, Var
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit

_COMPARED = lazy_re(rb"[^<]<\s{0,20}\(?\s{0,20}sizeof\b")
_TEST = lazy_re(r"(#?\w+)<\(*(\w+)")
_CAST = lazy_re(r"<\s*\(\s*\w+\s*\)\s*\(*\w")
_SIGNED = frozenset({"int", "ssize_t", "gssize", "long", "off_t", "int32_t", "int64_t"})


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The tests of one file that take a failure for more than enough."""
    unit = file.unit
    pieces = {piece.span.start: piece for piece in file.asked.matching(_COMPARED)}
    if unit.data.find(b"size_t") >= 0:
        for piece in calling_pieces(file, word_list("fails-with-minus-one")):
            if unit.data.find(b"size_t", piece.span.start, piece.span.end) >= 0:
                pieces[piece.span.start] = piece
    for _, piece in sorted(pieces.items()):
        own = unit.with_definition(piece)
        function = own.lowering.function(piece)
        if function is not None:
            yield from _tests_of(own, function)


def _tests_of(unit: TranslationUnit, function: Function) -> Iterator[Observation]:
    """The tests of one function that compare a result which may be negative with an unsigned number."""
    for edge in function.edges():
        for test in edge.tests if edge.span is not None and edge.taken else ():
            found = _TEST.match(test.subject.text) if isinstance(test.subject, Opaque) else None
            if found is None or edge.span is None or not _is_unsigned(unit, function, found[2]):
                continue
            text = unit.text.on_one_line(edge.span)
            call = _failing(unit, function, found[1]) if not _CAST.search(text) else None
            if call is None:
                continue
            yield Observation(
                WRONG_ERROR_TEST.name,
                function.name,
                edge.span,
                f"{found[0]} {call.name}",
                {
                    "subject": text,
                    "callee": call.name,
                    "meant": "",
                    "form": "unsigned",
                },
                (Step(call.span, f"{call.name}() returns a negative number when it fails"),),
                subject=Subject((call,)),
            )


def _is_unsigned(unit: TranslationUnit, function: Function, name: str) -> bool:
    """Whether what begins with a name is at least as wide as a result, and has no sign."""
    if name == "sizeof" or function.locals.get(name) == "size_t":
        return True
    signature = unit.signature(function.name)
    return signature is not None and any((p.name, p.type) == (name, "size_t") for p in signature.params)


def _failing(unit: TranslationUnit, function: Function, name: str) -> Call | None:
    """The call that a compared result comes from, or that a variable gets results of, where
    they may be negative and nothing else in the function asks for that."""
    if name.startswith("#"):
        call = function.calls[int(name[1:])]
        return call if _may_be_negative(unit, call) else None
    if function.locals.get(name) not in _SIGNED or _asks_for_sign(function, name):
        return None
    given = list(function.assignments(name))
    calls = [function.calls[e.value.call] for e in given if isinstance(e.value, Result)]
    if not calls or len(calls) < len(given) or not all(_may_be_negative(unit, call) for call in calls):
        return None
    return calls[-1]


def _asks_for_sign(function: Function, name: str) -> bool:
    """Whether a test of the function tells whether a variable is negative."""
    return any(
        isinstance(test.subject, Var)
        and test.subject.path == name
        and test.allow in (NEG, ZERO | POS, NEG | ZERO)
        for edge in function.edges()
        for test in edge.tests
        if len(edge.tests) == 1
    )


def _may_be_negative(unit: TranslationUnit, call: Call) -> bool:
    """Whether a callee is known to return a negative number where it fails: by a list, or by its Error."""
    if not call.direct:
        return False
    if word_list("fails-with-minus-one").matches(call.name) or word_list("results-to-check").matches(
        call.name
    ):
        return call.name not in unit.functions
    signature = unit.signature(call.name)
    if signature is None or unit.scope.result_kind(signature) != "int":
        return False
    if unit.environment.api.returns_errno(call.name):
        return True
    if call.name in unit.functions:
        summary = unit.interpretation.summary(call.name)
        return summary is not None and any(outcome.signs == NEG for outcome in summary.outcomes)
    return signature.errp is not None


CHECKS = (
    FileCheck(
        "unsigned-comparison",
        "errors",
        (WRONG_ERROR_TEST,),
        run,
    ),
)
