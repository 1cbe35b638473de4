# SPDX-License-Identifier: GPL-2.0-or-later
"""unchecked-call: nothing asks whether a call failed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qerrlint.absint.trace import is_joined
from qerrlint.checks.check import Check, event
from qerrlint.checks.comments import admits
from qerrlint.checks.errors.occurrences import numbered, of_kind
from qerrlint.checks.errors.results.untested_results import first_look_into, first_untested_use, is_looked_at
from qerrlint.checks.errors.return_states import passes_null_errp, set_successes
from qerrlint.checks.errors.value_source import own_returns
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.bodies_elsewhere import bodies_elsewhere
from qerrlint.checks.subject import Subject
from qerrlint.checks.trace_steps import shown
from qerrlint.domain.error import ERROR
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.result import Occurrence
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import NEG, Addr, Assign, Call, Result, Var
from qerrlint.source.span import Span
from qerrlint.transfer.sites import traits


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Calls that may have set errp, and calls with NULL for errp, whose outcome is not tested."""
    yield from _result_untested(analysed)
    yield from _before_success(analysed)
    yield from _before_tolerant(analysed)
    yield from _result_dropped(analysed)
    yield from _before_work(analysed)
    yield from _admitted(analysed)
    yield from _left_empty(analysed)


def _before_success(analysed: AnalysedFunction) -> Iterator[Observation]:
    """The function returns success after a call that may have set errp."""
    for leaving in analysed.once(set_successes):
        if leaving.error.sure:
            continue  # success-with-error
        setter = analysed.function.calls[leaving.error.origin]
        if _sets_nothing(analysed, setter):
            continue
        yield Observation(
            "unchecked-call",
            analysed.name,
            setter.span,
            setter.text,
            _slots(analysed, setter, analysed.errp or ""),
            (Step(leaving.span, "the function returns success here"),),
            "medium",
            whole=not is_joined(leaving.trail),
            subject=Subject((setter,), returned=leaving),
            group=("success", setter.span),
        )


def _before_tolerant(analysed: AnalysedFunction) -> Iterator[Observation]:
    """An Error that may be set is handed to a callee that accepts one that is set already."""
    for occurrence in of_kind(analysed, OccurrenceKind.TOLERATED):
        first = numbered(analysed, occurrence.first.origin)
        if first is not None and not first.used:
            yield _tolerated(analysed, occurrence, first)


def _tolerated(analysed: AnalysedFunction, occurrence: Occurrence, first: Call) -> Observation:
    error = shown(occurrence.cell)
    taker = numbered(analysed, occurrence.call)
    # Of the function's own errp the caller sees the outcome.
    how = "again" if taker is not None and not occurrence.cell.startswith("*") else "success"
    return Observation(
        "unchecked-call",
        analysed.name,
        first.span,
        first.text,
        _slots(analysed, first, error, taker.name if taker is not None and how == "again" else "", how),
        (Step(occurrence.span, f"{error} is passed on here, possibly set"),),
        "medium",
        subject=Subject((first,), occurrence),
        group=("tolerated", occurrence.cell, first.index),
    )


def _result_dropped(analysed: AnalysedFunction) -> Iterator[Observation]:
    """errp is NULL and the result is dropped: nothing can tell the failure."""
    for call in analysed.function.calls:
        kind = analysed.unit.effect(call).kind
        # Where a callee returns nothing, only an Error could tell: a function that has one is to ask for it.
        lost = kind == "void" and analysed.errp is not None and not word_list("releases").matches(call.name)
        told_by_result = kind in ("int", "bool", "pointer")
        if (told_by_result or lost) and not call.used and passes_null_errp(analysed, call):
            yield Observation(
                "unchecked-call",
                analysed.name,
                call.span,
                call.text,
                _slots(analysed, call, "NULL", how="lost" if lost else "success"),
                certainty="medium",
                subject=Subject((call,)),
                group=("success", call.span),
            )


def _result_untested(analysed: AnalysedFunction) -> Iterator[Observation]:
    """The result is kept and used but never tested: a failure is taken for a value. errp is NULL, or handed
    over and not looked at."""
    function = analysed.function
    for number, block in enumerate(function.blocks):
        for position, at in enumerate(block.events):
            if (
                not isinstance(at, Assign)
                or not isinstance(at.value, Result)
                or at.target not in function.locals
            ):
                continue
            call = function.calls[at.value.call]
            kind = analysed.unit.effect(call).kind
            if kind not in ("int", "pointer"):
                continue
            errp = _unasked_errp(analysed, call)
            place = (number, position + 1)
            use = first_untested_use(function, *place, at.target, kind) if errp is not None else None
            if use is None and kind == "pointer":
                errp, use = _looked_into(analysed, call, place, at.target)
            if errp is None or use is None:
                continue
            yield Observation(
                "unchecked-call",
                function.name,
                call.span,
                call.text,
                _slots(analysed, call, errp, at.target, "success" if errp == "NULL" else "value"),
                (Step(use, f"{at.target} is used here, and it is never tested"),),
                "medium",
                subject=Subject((call,)),
                group=("success", call.span),
            )


def _looked_into(
    analysed: AnalysedFunction, call: Call, place: tuple[int, int], name: str
) -> tuple[str | None, Span | None]:
    """The Error that a call may have set, and where the pointer that it returned is looked into before a test
    of either."""
    position = analysed.unit.effect(call).errp
    if position is None or position >= len(call.args) or not _may_set(analysed, call):
        return None, None
    given = call.args[position]
    if _handed_errp(analysed, call):
        error = analysed.errp or ""
        asked = {"*" + error}
    elif isinstance(given, Addr) and analysed.function.locals.get(given.path) == ERROR:
        error, asked = given.path, {given.path}
    else:
        return None, None
    asked |= {arg.path for arg in call.args if isinstance(arg, Addr)}
    return error, first_look_into(analysed.function, *place, name, asked)


def _sets_nothing(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether the body of a callee in another file never mentions its errp."""
    position = analysed.unit.effect(call).errp
    return (
        call.direct
        and position is not None
        and bodies_elsewhere(analysed.unit).ignores(analysed.unit, call.name, position)
    )


def _may_set(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether a call may set its Error."""
    return any(outcome.sets for outcome in analysed.unit.effect(call).outcomes)


def _unasked_errp(analysed: AnalysedFunction, call: Call) -> str | None:
    """NULL where a call gets that for errp, the function's errp where nothing reads the Error, or None."""
    if passes_null_errp(analysed, call):
        return "NULL"
    errp = analysed.errp
    if errp is None or not _handed_errp(analysed, call):
        return None
    return errp if _may_set(analysed, call) and not is_looked_at(analysed.function, call, errp) else None


def _before_work(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A function hands errp over, nothing looks at what came of it, and other work follows."""
    # Where the Error is certainly, or perhaps, set a second time, that is the finding.
    again = {
        o.first.origin
        for kind in (OccurrenceKind.SET_AGAIN, OccurrenceKind.TOLERATED)
        for o in of_kind(analysed, kind)
    }
    told: set[int] = set()
    for occurrence in of_kind(analysed, OccurrenceKind.UNCHECKED):
        call = analysed.function.calls[occurrence.first.origin]
        if call.index in again or call.index in told or occurrence.span < call.span:
            continue
        told.add(call.index)
        if is_looked_at(analysed.function, call, analysed.errp or "") or _sets_nothing(analysed, call):
            continue
        yield Observation(
            "unchecked-call",
            analysed.name,
            call.span,
            call.text,
            _slots(analysed, call, analysed.errp or "", how="work" if analysed.kind == "void" else "result"),
            (Step(occurrence.span, "the function goes on with its work here"),),
            "medium",
            whole=not is_joined(occurrence.trail),
            subject=Subject((call,), occurrence),
            group=("success", call.span),
        )


def _admitted(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A comment at a call whose result is dropped says that the failure is still to be handled."""
    for call in analysed.function.calls:
        effect = analysed.unit.effect(call)
        if call.used or effect.evidence == "setter" or traits(call.name).harmless:
            continue
        null, errp = passes_null_errp(analysed, call), _handed_errp(analysed, call)
        signature = analysed.unit.signature(call.name) if call.direct else None
        kind = analysed.unit.scope.result_kind(signature) if signature is not None else effect.kind
        tells = errp or (kind in ("int", "bool", "pointer") and (null or analysed.errp is not None))
        asked = effect.errp is None or null or errp
        if tells and asked and admits(analysed.unit, call.span):
            yield Observation(
                "unchecked-call",
                analysed.name,
                call.span,
                call.text,
                _slots(analysed, call, analysed.errp or "NULL", how="admitted"),
                certainty="medium",
                subject=Subject((call,)),
                group=("success", call.span),
            )


def _left_empty(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A callee of this file may fail without filling a local, and nothing looks at its result.

    The local holds nothing before, and is used after it; the function has an errp to tell the failure.
    """
    for call in analysed.function.calls if analysed.errp is not None else ():
        if call.used or not any(leaving.signs & NEG for leaving in own_returns(analysed.unit, call)):
            continue
        filled = (arg.path for arg in call.args if isinstance(arg, Addr))
        local = next((path for path in filled if _is_empty_before(analysed, call, path)), None)
        signature = analysed.unit.signature(call.name)
        if local is None or signature is None or analysed.unit.scope.result_kind(signature) != "int":
            continue
        yield Observation(
            "unchecked-call",
            analysed.name,
            call.span,
            call.text,
            _slots(analysed, call, analysed.errp or "", local, "empty"),
            certainty="medium",
            subject=Subject((call,)),
            group=("success", call.span),
        )


def _is_empty_before(analysed: AnalysedFunction, call: Call, path: str) -> bool:
    """Whether a local is declared without a value, is mentioned nowhere before a call, and is after it."""
    data, function = analysed.unit.data, analysed.function
    if path not in function.locals:
        return False
    word = re.compile(rb"\b%s\b" % re.escape(path.encode()))
    before = list(word.finditer(data, function.body, call.span.start))
    declared = len(before) == 1 and data[before[0].end() :].lstrip()[:1] in (b";", b",")
    return declared and word.search(data, call.span.end, function.span.end) is not None


def _handed_errp(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether a call gets the function's own errp."""
    errp = analysed.unit.effect(call).errp
    own = analysed.errp
    return own is not None and errp is not None and errp < len(call.args) and call.args[errp] == Var(own)


def _slots(
    analysed: AnalysedFunction, call: Call, errp: str, kept: str = "", how: str = "success"
) -> dict[str, str]:
    return {"function": analysed.name, "callee": call.name, "errp": errp, "kept": kept, "how": how}


UNCHECKED_CALL = event(
    "unchecked-call",
    "function",
    "callee",
    "errp",
    "kept",
    path_sensitive=True,
    how="success work result value admitted empty overwritten round length lost handed-on again",
)
"""kept: the variable that holds the result where one does ("" else). how: what follows the call; result:
work, and what the function returns comes from elsewhere; length: the result is a length, negative on failure;
again: a call that gets the same Error, whose name is in kept;
overwritten, round: the result of the next call, or of the next iteration of the loop, takes its place."""

CHECKS = (Check("unchecked-call", "errors", (UNCHECKED_CALL,), run),)
