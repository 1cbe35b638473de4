# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong-error-test: a test that cannot tell whether a call failed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qerrlint.absint.reachability import branch_events, predecessors
from qerrlint.checks.check import Check, FileCheck, event
from qerrlint.checks.errors.errno_source import returns_errno
from qerrlint.checks.errors.occurrences import numbered, observed, of_kind
from qerrlint.checks.errors.value_source import assigned_from, own_returns
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.trace_steps import folded
from qerrlint.domain.conventions import FAILURE, fails_by
from qerrlint.domain.error import ERRP, FATAL, GERRP, ErrorState
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.result import Occurrence
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import (
    ANY,
    NEG,
    POS,
    ZERO,
    Addr,
    Assign,
    Call,
    Const,
    Edge,
    Function,
    Opaque,
    Result,
    Return,
    Value,
    Var,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

# How far after a condition the end of its block is looked for, in bytes.
_FARTHEST = 2000
_MINUS_ONE = lazy_re(r"(?:==|!=)\s*\(?-\s*1\)?\s*$")
_WORD = lazy_re(rb"[A-Za-z_]\w*")
_LEAVES = lazy_re(rb"\b(?:return|goto|break|continue)\b")
# -EPERM is -1, which is what such a call returns.
# The operator is looked for first: it is rarer than the names that may stand before it.
_COMPARED = lazy_re(rb"[=!]=[ \t]{0,9}(?:-E(?!PERM\b)|E)[A-Z0-9]{2,20}\b")
_NAME_BEFORE = lazy_re(rb"\w[ \t]{0,9}\Z")
_NUMBER = lazy_re(r"(\w+)[=!]=(-?)E[A-Z0-9]+\Z")


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Tests of errp itself, of the sign of a bool or a pointer, and of Errors that are never set."""
    yield from _errp_itself(analysed)
    yield from _sign(analysed)
    yield from _never_set(analysed)
    yield from _wrong_number(analysed)


def _errp_itself(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A test whether errp is NULL after a call that may have set what it points to."""
    for occurrence, setter, given in analysed.once(misplaced_tests):
        form = "errp-for-local" if given else "errp-itself"
        slots = {"subject": occurrence.cell, "callee": setter.name, "form": form, "meant": given}
        yield observed(analysed, "wrong-error-test", occurrence, slots, calls=(setter,), certainty="medium")


def misplaced_tests(analysed: AnalysedFunction) -> tuple[tuple[Occurrence, Call, str], ...]:
    """The tests of errp itself that are meant for the outcome of a call: each with the call, and the local
    Error that it was given ("" if it was given errp). With `*errp` on the same line a test is the guard of a
    dereference."""
    lines, found = analysed.unit.text.lines, []
    for occurrence in of_kind(analysed, OccurrenceKind.ERRP_TESTED):
        setter = numbered(analysed, occurrence.first.origin)
        line, _ = lines.position(occurrence.span.start)
        if setter is None or b"*" + occurrence.cell.encode() in lines.text(line):
            continue
        given = _error_given(analysed, setter)
        if not given or not _hands_over(analysed, occurrence.span.end, given):
            found.append((occurrence, setter, given))
    return tuple(found)


def _error_given(analysed: AnalysedFunction, setter: Call) -> str:
    """The local Error whose address a call was given; "" for errp itself."""
    position = analysed.unit.effect(setter).errp
    arg = setter.args[position] if position is not None and 0 <= position < len(setter.args) else None
    return arg.path if isinstance(arg, Addr) else ""


def _hands_over(analysed: AnalysedFunction, condition_end: int, given: str) -> bool:
    """Whether the body after a test of errp takes care of a local Error that nothing has tested.

    It does not where it leaves, nothing stands in an else, and the rest of the function does not look at the
    Error either: then each iteration leaves, as if the call had failed.
    """
    data, end = analysed.unit.data, analysed.function.span.end
    limit = _end_of_body(data, condition_end)
    if given.encode() not in _WORD.findall(data, condition_end, limit):
        return False
    looks = re.compile(rb"(?<![&\w.>])%s\b|\A[\s}]*else\b" % re.escape(given.encode()))
    leaves = _LEAVES.search(data, condition_end, limit) is not None
    return not leaves or looks.search(data[limit:end]) is not None


def _end_of_body(data: bytes, condition_end: int) -> int:
    """The end of the statement, or the block, after a condition."""
    depth = 0
    limit = min(len(data), condition_end + _FARTHEST)
    for at in range(condition_end, limit):
        depth += (data[at] == 0x7B) - (data[at] == 0x7D)
        if depth == 0 and data[at] in b";}":
            return at
    return limit


def _sign(analysed: AnalysedFunction) -> Iterator[Observation]:
    """`< 0` asked of a result that is a bool or a pointer."""
    for occurrence in of_kind(analysed, OccurrenceKind.SIGN_TESTED):
        call = numbered(analysed, occurrence.call)
        if call is None:
            continue
        slots = {
            "subject": folded(analysed.unit, occurrence.span),
            "callee": call.name,
            "form": f"sign-of-{occurrence.cell}",
            "meant": "",
        }
        yield observed(analysed, "wrong-error-test", occurrence, slots, calls=(call,))


def _never_set(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A test of a local Error pointer that is NULL on all paths; only known where all were followed."""
    if not analysed.result.complete:
        return
    # A second set of an Error ends its path: such a path would have come here with an Error.
    ended = {occurrence.cell for occurrence in of_kind(analysed, OccurrenceKind.SET_AGAIN)}
    ended |= _kept_elsewhere(analysed)
    states: dict[Span, set[ErrorState]] = {}
    cells: dict[Span, str] = {}
    for condition in analysed.result.conditions:
        if condition.cell in analysed.function.locals and condition.cell not in ended:
            states.setdefault(condition.span, set()).update(condition.states)
            cells[condition.span] = condition.cell
    for span in sorted(span for span, seen in states.items() if seen == {ErrorState.NULL}):
        yield Observation(
            "wrong-error-test",
            analysed.name,
            span,
            f"{cells[span]} {folded(analysed.unit, span)}",
            {"subject": cells[span], "callee": "", "form": "error-never-set", "meant": ""},
            (),
            "high",
            subject=Subject(),
        )


def _kept_elsewhere(analysed: AnalysedFunction) -> set[str]:
    """The locals whose address something gets that is no pointer to an Error pointer: it may be set there."""
    function = analysed.function
    return {
        one.value.path
        for one in function.events()
        if isinstance(one, Assign)
        and isinstance(one.value, Addr)
        and function.locals.get(one.target) not in (ERRP, GERRP)
    }


def _wrong_number(analysed: AnalysedFunction) -> Iterator[Observation]:
    """An int result that fails with a negative number, asked whether it is 0, or whether it is -1."""
    for number, block in enumerate(analysed.function.blocks):
        for edge in block.edges:
            if len(edge.tests) != 1 or edge.span is None or not edge.tests[0].allow & (NEG | ZERO):
                continue
            subject, allow = edge.tests[0].subject, edge.tests[0].allow
            call = _tested_call(analysed, subject, edge.span)
            if call is None:
                continue
            text = folded(analysed.unit, edge.span)
            if allow == ZERO and _asks_for_negative(analysed, subject):
                continue
            if allow == ZERO and _sets_error(analysed, edge) and _is_number_or_failure(analysed, call):
                form = "zero-of-negative"
            elif allow == ZERO and _returns_failure(analysed, edge) and _zero_succeeds(analysed, call):
                form = "zero-of-success"
            elif (
                allow == NEG
                and _MINUS_ONE.search(text)
                and returns_errno(analysed, call)
                and not _may_hold_another(analysed, number, subject, call)
            ):
                form = "minus-one-of-errno"
            else:
                continue
            yield Observation(
                "wrong-error-test",
                analysed.name,
                edge.span,
                text,
                {"subject": text, "callee": call.name, "form": form, "meant": ""},
                (Step(call.span, f"{call.name}() is called here"),),
                "medium",
                subject=Subject((call,)),
                group=edge.span,
            )


def _tested_call(analysed: AnalysedFunction, subject: Value, test: Span) -> Call | None:
    """The direct call whose int result is tested, as it is or kept in a variable."""
    if isinstance(subject, Result):
        call: Call | None = analysed.function.calls[subject.call]
    elif isinstance(subject, Var):
        call = assigned_from(analysed.result, subject.path, Span(test.path, test.end, test.end))
    else:
        call = None
    if call is None or not call.direct:
        return None
    signature = analysed.unit.signature(call.name)
    kind = analysed.unit.scope.result_kind(signature)
    return call if kind == "int" else None


def _may_hold_another(analysed: AnalysedFunction, block: int, subject: Value, call: Call) -> bool:
    """Whether a path to the end of a block leaves what is tested with another value than a call's result."""
    if not isinstance(subject, Var):
        return False
    blocks = analysed.function.blocks
    before = predecessors(analysed.function)
    seen, todo = {block}, [block]
    while todo:
        number = todo.pop()
        given = [e for e in blocks[number].events if isinstance(e, Assign) and e.target == subject.path]
        if given:
            if given[-1].value != Result(call.index):
                return True
            continue
        if number == 0:
            return True
        for source in before.get(number, ()):
            if source not in seen:
                seen.add(source)
                todo.append(source)
    return False


def _sets_error(analysed: AnalysedFunction, edge: Edge) -> bool:
    """Whether an Error is set where an edge leads to."""
    events = branch_events(analysed.function, edge.target)
    calls = [event for event in events if isinstance(event, Call)]
    return any(analysed.unit.effect(call).evidence == "setter" for call in calls)


def _returns_failure(analysed: AnalysedFunction, edge: Edge) -> bool:
    """Whether a function with errp returns a constant failure after an edge, and a success elsewhere.

    The test asks for 0 as it is written, and no Error is set after it: else 0 is a failure of its own.
    """
    test, data = edge.span, analysed.unit.data
    if test is None or analysed.errp is None or _sets_error(analysed, edge):
        return False
    if data[test.start - 1 : test.start] != b"!" and "==" not in analysed.unit.text.on_one_line(test):
        return False
    last = list(branch_events(analysed.function, edge.target))[-1:]
    value = last[0].value if last and isinstance(last[0], Return) else None
    signs = value.signs if isinstance(value, Const) else 0
    succeeds = any(leaving.signs & ~FAILURE.get(analysed.kind, ANY) for leaving in analysed.result.returns)
    return bool(signs) and fails_by(analysed.kind, signs) and succeeds


def _zero_succeeds(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether a callee with an out-error sets it with a negative result, and not with 0."""
    effect = analysed.unit.effect(call)
    given = call.args[effect.errp] if effect.errp is not None and effect.errp < len(call.args) else None
    return (
        given is not None
        and not (isinstance(given, Addr) and given.path in FATAL)
        and any(outcome.sets and outcome.signs == NEG for outcome in effect.outcomes)
        and all(outcome.sets is False for outcome in effect.outcomes if outcome.signs & ZERO)
    )


def _is_number_or_failure(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether a callee of this file without errp returns a number, or a negative constant where it fails.

    One that returns 0 as it is written returns a status: 0 is its success, or its answer.
    """
    returns = own_returns(analysed.unit, call)
    fails = any(leaving.signs == NEG and isinstance(leaving.value, Const) for leaving in returns)
    numbers = any(leaving.signs & POS and not isinstance(leaving.value, Result) for leaving in returns)
    return fails and numbers and not any(leaving.signs == ZERO for leaving in returns)


def _asks_for_negative(analysed: AnalysedFunction, subject: Value) -> bool:
    """Whether the function also asks whether a value is negative."""
    return any(
        test.subject == subject and test.allow in (NEG, ZERO | POS, NEG | ZERO, POS)
        for test in analysed.function.tests()
    )


def library_numbers(file: AnalysedFile) -> Iterator[Observation]:
    """The comparisons of a library call's result with a negative error number, and of what returns one with a
    positive."""
    unit = file.unit
    places = {
        found.start()
        for found in file.asked.matches(_COMPARED)
        if _NAME_BEFORE.search(unit.data, max(found.start() - 10, 0), found.start())
    }
    pieces = {piece.span.start: piece for at in places if (piece := unit.definitions.around(at)) is not None}
    for _, piece in sorted(pieces.items()):
        function = unit.with_definition(piece).lowering.function(piece)
        if function is not None:
            yield from _numbers_of(unit, function)


def _numbers_of(unit: TranslationUnit, function: Function) -> Iterator[Observation]:
    """The tests of one function that compare a result with an error number which the callee does not
    return."""
    told: set[Span] = set()
    for edge in function.edges():
        for test in edge.tests:
            found = _NUMBER.match(test.subject.text) if isinstance(test.subject, Opaque) else None
            if found is None or edge.span is None or edge.span in told:
                continue
            call = _only_call(function, found[1], edge.span)
            returns = _what_it_returns(unit, call, bool(found[2])) if call is not None else None
            if call is None or returns is None:
                continue
            told.add(edge.span)
            form, words = returns
            yield Observation(
                "wrong-error-test",
                function.name,
                edge.span,
                f"{found[0]} {call.name}",
                {"subject": found[0], "callee": call.name, "meant": "errno", "form": form},
                (Step(call.span, f"{call.name}() returns {words}"),),
                subject=Subject((call,)),
            )


def _what_it_returns(unit: TranslationUnit, call: Call, negative: bool) -> tuple[str, str] | None:
    """What a callee returns where it fails, if that is never the number that its result is compared with, and
    the form of the event."""
    if negative:
        fits = _is_of_library(unit, call)
        return ("number-of-library", "-1 where it fails, and sets errno") if fits else None
    plain = word_list("plain-numbers").matches(call.name)
    fits = call.direct and unit.environment.api.returns_errno(call.name) and not plain
    return ("positive-number", "a negative error number where it fails") if fits else None


def _only_call(function: Function, name: str, before: Span) -> Call | None:
    """The last call in front of a test whose result a variable got, where it only ever gets results of that
    callee."""
    given = sorted(
        (event for event in function.assignments(name) if event.span < before),
        key=lambda event: event.span,
    )
    calls = [function.calls[event.value.call] for event in given if isinstance(event.value, Result)]
    same = len(calls) == len(given) and len({call.name for call in calls}) == 1
    return calls[-1] if same else None


def _is_of_library(unit: TranslationUnit, call: Call) -> bool:
    """Whether a call is one of the C library that returns -1, and of no function of the file."""
    if not call.direct or not word_list("fails-with-minus-one").matches(call.name):
        return False
    return call.name not in unit.functions


WRONG_ERROR_TEST = event(
    "wrong-error-test",
    "subject",
    "callee",
    "meant",
    path_sensitive=True,
    form="errp-itself errp-for-local error-never-set sign-of-bool sign-of-pointer zero-of-negative "
    "zero-of-success minus-one-of-errno minus-one-of-bool number-of-library positive-number other-error "
    "unsigned",
)
"""subject: what is tested; callee: whose failure it is meant to show ("" if there is none); meant: what is
to be tested instead ("" if it is none)."""

CHECKS = (
    Check("wrong-error-test", "errors", (WRONG_ERROR_TEST,), run),
    FileCheck("number-of-library", "errors", (WRONG_ERROR_TEST,), library_numbers),
)
