# SPDX-License-Identifier: GPL-2.0-or-later
"""dropped-error: an Error is printed, freed or never asked for, and the caller gets none."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from qerrlint.absint.trace import Trail, is_joined, places
from qerrlint.checks.check import Check, event
from qerrlint.checks.comments import admits
from qerrlint.checks.errors.failing_labels import failed_call
from qerrlint.checks.errors.occurrences import of_kind
from qerrlint.checks.errors.printed_failures import prints_failures, reported_and_passed_over
from qerrlint.checks.errors.return_states import passes_null_errp, printed_calls, unset_failures
from qerrlint.checks.errors.value_source import (
    branches,
    deciding,
    is_result,
    leaves_right_after,
    tests_of,
    written_value,
)
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.bodies_elsewhere import bodies_elsewhere
from qerrlint.checks.subject import Subject
from qerrlint.domain.conventions import FAILURE, SUCCESS, fails_by, succeeds_by
from qerrlint.domain.error import ErrorState
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.result import ReturnState
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import ANY, NONZERO, Call, Const, Var
from qerrlint.model.summary import Summary


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Errors that end in the function itself, in a callee, or in a callback that gets NULL."""
    yield from _at_failures(analysed)
    yield from _replaced(analysed)
    yield from _of_callbacks(analysed)
    yield from _admitted(analysed)
    yield from _silent(analysed)
    yield from _below(analysed)
    yield from _forgiven(analysed)
    yield from _passed_over(analysed)


def _at_failures(analysed: AnalysedFunction) -> Iterator[Observation]:
    """Failing returns without an Error where a callee had one, or would have had one."""
    for leaving in analysed.once(unset_failures):
        for call in printed_calls(analysed, leaving):
            effect = analysed.unit.effect(call)
            if passes_null_errp(analysed, call):
                yield _dropped(analysed, leaving, call, call.name, "null")
            elif effect.consumes is not None:
                how = "report" if effect.how == "report" else "free"
                yield _dropped(analysed, leaving, call, _setter(analysed, call), how)
        if leaving.printed or analysed.kind == "void" or leaving.origin < 0:
            continue
        origin = analysed.function.calls[leaving.origin]
        if passes_null_errp(analysed, origin):
            yield _dropped(analysed, leaving, origin, origin.name, "null")


def _dropped(
    analysed: AnalysedFunction, leaving: ReturnState, call: Call, setter: str, how: str
) -> Observation:
    """The Error of `setter` ends in `call`; `how` is null where it was never asked for (no more than likely
    a mistake), report or free where it is consumed."""
    step = Step(leaving.span, "the function fails here without an Error")
    return _seen(analysed, how, setter, Subject((call,), returned=leaving), (step,), call.span)


def _replaced(analysed: AnalysedFunction) -> Iterator[Observation]:
    """An Error was printed, here or by a callee that keeps it, and the function sets one of its own instead.

    No test lies between the two: a later one may be about another failure.
    """
    if analysed.errp is None:
        return
    for leaving in analysed.result.returns:
        error = leaving.error
        if error.state is not ErrorState.SET or not error.sure or error.origin < 0:
            continue
        own = analysed.function.calls[error.origin]
        if analysed.unit.effect(own).evidence != "setter":
            continue
        before = _up_to(places(leaving.trail), own)
        branches = [at for at, place in enumerate(before) if place.kind == "branch"]
        if not branches or _comes_anyway(analysed, before[branches[-1]], own):
            continue
        step = Step(own.span, f"{own.name}() sets another Error here, which does not say what happened")
        gone = {place.span for place in before[branches[-1] :] if place.kind == "gone"}
        for number in leaving.printed:
            call = analysed.function.calls[number]
            if call.span in gone and _reports(analysed.unit.effect(call).how, call.name):
                setter = _setter(analysed, call)
                subject = Subject((call,), returned=leaving)
                yield _seen(analysed, "replaced", setter, subject, (step,), ("replaced", call.span))
        yield from _replaced_below(analysed, leaving, before[branches[-1]], step)


def _up_to(way: list[Trail], call: Call) -> list[Trail]:
    """The places of a path before the one where a call has set an Error."""
    at = next((at for at, place in enumerate(way) if place.span == call.span), len(way))
    return way[:at]


def _comes_anyway(analysed: AnalysedFunction, branch: Trail, own: Call) -> bool:
    """Whether the other side of a branch leads straight to the same call: it is not about what was seen."""
    blocks = analysed.function.blocks
    todo = [
        edge.target
        for edge in analysed.function.edges()
        if edge.span == branch.span and edge.taken is not branch.taken
    ]
    seen: set[int] = set()
    while todo:
        number = todo.pop()
        if own in blocks[number].events:
            return True
        if number not in seen and len(blocks[number].edges) == 1:
            todo.append(blocks[number].edges[0].target)
        seen.add(number)
    return False


def _replaced_below(
    analysed: AnalysedFunction, leaving: ReturnState, branch: Trail, step: Step
) -> Iterator[Observation]:
    """The branch has seen the failure of a callee that printed the reason."""
    for call, summary in analysed.once(_keepers):
        swallow = next((s for s in summary.swallows if _reports(s.how, s.printer)), None)
        kind = _kind_of(analysed, call)
        failing = any(
            is_result(analysed, test.subject, call, branch.span)
            and test.allow & FAILURE.get(kind, 0)
            and not (test.allow & SUCCESS.get(kind, ANY) and test.allow != NONZERO)
            for test in tests_of(analysed, branch)
        )
        if swallow is not None and failing:
            steps = (
                Step(swallow.printer_span, f"{call.name}() prints the Error of {swallow.setter}() here"),
                step,
            )
            subject = Subject((call,), returned=leaving)
            yield _seen(analysed, "replaced-below", swallow.setter, subject, steps, ("replaced", call.name))


def _reports(how: str, printer: str) -> bool:
    """Whether an Error was reported as one; a warning is about what the function can do without."""
    return how == "report" and not printer.startswith("warn")


def _setter(analysed: AnalysedFunction, consumer: Call) -> str:
    """Who had set the Error that a consumer took, "" where that is not known."""
    for occurrence in of_kind(analysed, OccurrenceKind.CONSUMED):
        if occurrence.call == consumer.index and occurrence.first.origin >= 0:
            return analysed.function.calls[occurrence.first.origin].name
    return ""


def _of_callbacks(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A call that runs a callback with errp gets NULL, and its failure is acted on without words."""
    for call in analysed.function.calls:
        if not call.used or not passes_null_errp(analysed, call):
            continue
        callback = next(_callbacks(analysed, call), None)
        if callback is None:
            continue
        yield _seen(analysed, "callback", callback, Subject((call,)))


def _admitted(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A call gets NULL, its failure is met, and a comment says that it is still to be handled."""
    for call in analysed.function.calls if analysed.errp is not None else ():
        if call.used and passes_null_errp(analysed, call) and admits(analysed.unit, call.span):
            yield _seen(analysed, "admitted", call.name, Subject((call,)), group=call.span)


def _silent(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A function without errp tells the user of its failures, but not of one whose Error it never asks for.

    It counts only where it fails nowhere else without a word.
    """
    if analysed.errp is not None or analysed.kind not in ("int", "bool"):
        return
    failing = [e for e in analysed.result.returns if fails_by(analysed.kind, e.signs)]
    calls = analysed.function.calls
    mute = [e for e in failing if all(passes_null_errp(analysed, calls[n]) for n in e.printed)]
    told = {e.span for e in failing} - {e.span for e in mute}
    if not told or not all(e.printed for e in mute):
        return
    for leaving in mute:
        for number in leaving.printed:
            call = calls[number]
            step = Step(leaving.span, "the function fails here without giving the reason")
            subject = Subject((call,), returned=leaving)
            yield _seen(analysed, "silent", call.name, subject, (step,), call.span)


def _callbacks(analysed: AnalysedFunction, call: Call) -> Iterator[str]:
    """The functions with errp among the arguments; not those whose body is known and sets no Error."""
    for arg in call.args:
        if not isinstance(arg, Var) or not arg.path.isidentifier():
            continue
        signature = analysed.unit.signature(arg.path)
        if signature is None or signature.out_error is None:
            continue
        summary = _summary(analysed, arg.path)
        if summary is None and signature.errp is not None:
            if not bodies_elsewhere(analysed.unit).ignores(analysed.unit, arg.path, signature.errp):
                yield arg.path
        elif summary is None or summary.may_set:
            yield arg.path


def _below(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A callee without errp prints or frees an Error and fails, and a caller with errp drops its result."""
    if analysed.errp is None:
        return
    for occurrence in of_kind(analysed, OccurrenceKind.DROPPED_RESULT):
        call = analysed.function.calls[occurrence.call]
        summary = _keeper(analysed, call)
        if summary is None or _kind_of(analysed, call) not in ("int", "bool"):
            continue
        swallow = summary.swallows[0]
        steps = (
            Step(swallow.setter_span, f"{call.name}() receives an Error from {swallow.setter}() here"),
            Step(swallow.printer_span, f"and does not pass it on here, with {swallow.printer}()"),
        )
        yield _seen(analysed, "below", swallow.setter, Subject((call,), occurrence), steps)


def _forgiven(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A callee without errp prints why it fails, and its caller with errp returns a success right after."""
    if analysed.errp is None or analysed.kind not in ("int", "bool"):
        return
    for leaving in analysed.result.returns:
        tests = branches(leaving)
        constant = isinstance(written_value(analysed, leaving), Const)
        success = constant and succeeds_by(analysed.kind, leaving.signs)
        if not tests or not success or leaving.error.state is not ErrorState.NULL or leaving.printed:
            continue
        if not leaves_right_after(analysed, tests[-1], leaving):
            continue
        call = failed_call(analysed, deciding(analysed, tests)[-1])
        printer = prints_failures(analysed, call) if call is not None else None
        if call is None or printer is None:
            continue
        steps = (
            Step(printer.span, f"{call.name}() prints the reason here"),
            Step(leaving.span, f"{analysed.name}() returns success here"),
        )
        yield _seen(analysed, "forgiven", printer.name, Subject((call,), returned=leaving), steps, call.span)


def _passed_over(analysed: AnalysedFunction) -> Iterator[Observation]:
    """An Error is reported here, and the function goes on as after a success."""
    for call, work in reported_and_passed_over(analysed):
        step = Step(work.span, f"{analysed.name}() goes on here as if nothing had failed")
        yield _seen(analysed, "success", _setter(analysed, call), Subject((call,)), (step,), call.span)


def _keepers(analysed: AnalysedFunction) -> tuple[tuple[Call, Summary], ...]:
    """The calls of a function that keep an Error to themselves, each with the summary of its callee."""
    found = ((call, _keeper(analysed, call)) for call in analysed.function.calls)
    return tuple((call, summary) for call, summary in found if summary is not None)


def _keeper(analysed: AnalysedFunction, call: Call) -> Summary | None:
    """The summary of a callee without errp that keeps an Error to itself and fails; None for any other."""
    unit, name = analysed.unit, call.name
    signature = unit.signature(name)
    if signature is None or signature.errp is not None:
        return None
    if name in unit.functions and not unit.definitions.deal_with_errors(name):
        return None
    summary = _summary(analysed, name)
    return summary if summary is not None and summary.swallows and summary.fails else None


def _kind_of(analysed: AnalysedFunction, call: Call) -> str:
    """What the result of a call is, by the signature of its callee."""
    signature = analysed.unit.signature(call.name)
    return analysed.unit.scope.result_kind(signature)


def _summary(analysed: AnalysedFunction, name: str) -> Summary | None:
    """The summary of a function of this file, or of another file that is read."""
    unit = analysed.unit
    return unit.interpretation.summary(name) if name in unit.functions else unit.program.summary(name)


def _seen(
    analysed: AnalysedFunction,
    how: str,
    setter: str,
    subject: Subject,
    steps: tuple[Step, ...] = (),
    group: Hashable = None,
) -> Observation:
    """The Error of `setter` is lost at the call of the subject, on its path where it has one."""
    (call,) = subject.calls
    path = subject.returned or subject.occurrence
    return Observation(
        "dropped-error",
        analysed.name,
        call.span,
        call.text,
        {
            "function": analysed.name,
            "printer": call.name,
            "setter": setter,
            "how": how,
            "errp": "NULL" if how == "callback" else analysed.errp or "",
        },
        steps,
        "high" if how in ("report", "free") else "medium",
        whole=path is not None and not is_joined(path.trail),
        subject=subject,
        group=group,
    )


DROPPED_ERROR = event(
    "dropped-error",
    "function",
    "printer",
    "setter",
    "errp",
    path_sensitive=True,
    how="report free null callback below replaced replaced-below admitted silent forgiven success retold "
    "printed-below",
)
"""printer: who prints or frees; setter: whose Error it was ("" where that is not known)."""

CHECKS = (
    Check(
        "dropped-error",
        "errors",
        (DROPPED_ERROR,),
        run,
    ),
)
