# SPDX-License-Identifier: GPL-2.0-or-later
"""Summary: what the callers of a function may know of it, worked out from the interpretation of its body."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from qerrlint.absint.reachability import after, straight_ahead
from qerrlint.c.declarations.types import Signature, result_kind
from qerrlint.domain.conventions import FAILURE, SUCCESS, fails_by, succeeds_by
from qerrlint.domain.effects import Effect, Outcome
from qerrlint.domain.error import ERROR, ERRP, NOT_ASKED_CELL, ErrorState
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.result import FunctionResult, ReturnState
from qerrlint.ir.code import ANY, NEG, NULL, POS, ZERO, Assign, Call, Function, Return, Var
from qerrlint.records import record
from qerrlint.source.span import Span


@record(frozen=True, slots=True)
class Swallow:
    """A place where a body takes an Error from `setter` and prints or frees it with `printer`."""

    setter: str
    setter_span: Span
    printer: str
    printer_span: Span
    how: str


@record(frozen=True, slots=True)
class Summary:
    """How a function returns: `outcomes`, one for each combination of result signs and Error.

    consumes: index of an `Error *` parameter that is gone on some return. noreturn: no path returns.
    swallows: Errors that the body receives and keeps from its caller. fails: some path returns a value that
    the convention calls a failure. complete: every path was followed. clears: the function takes what
    its `Error **` parameter points to and leaves NULL there (no out-parameter at all).
    """

    outcomes: tuple[Outcome, ...]
    consumes: int | None
    noreturn: bool
    swallows: tuple[Swallow, ...]
    fails: bool
    complete: bool
    clears: bool = False

    @property
    def decides(self) -> bool:
        """Whether the body shows what becomes of the Error; where it is stored, other code sets it."""
        return bool(self.outcomes) and (
            any(o.sets for o in self.outcomes) or all(o.sets is False or o.unset for o in self.outcomes)
        )

    @property
    def may_set(self) -> bool:
        """Whether some way of returning sets (or may set) the out-error."""
        return any(o.sets or (o.sets is None and not o.unset) for o in self.outcomes)


BOTTOM = Summary((), None, noreturn=True, swallows=(), fails=False, complete=True, clears=True)
"""No way of returning is known (yet): the least summary, and neutral in `join`."""
UNKNOWN = Summary((), None, noreturn=False, swallows=(), fails=False, complete=False)
"""The body cannot be read: whatever the convention says may happen."""


def join(one: Summary, other: Summary) -> Summary:
    """What holds where either of two bodies may run: the least upper bound, complete only if both are."""
    if one == other:
        return one
    consumed = [index for index in (one.consumes, other.consumes) if index is not None]
    return Summary(
        outcomes=_ordered({*one.outcomes, *other.outcomes}),
        consumes=min(consumed, default=None),
        noreturn=one.noreturn and other.noreturn,
        swallows=tuple(sorted({*one.swallows, *other.swallows}, key=_place)),
        fails=one.fails or other.fails,
        complete=one.complete and other.complete,
        clears=one.clears and other.clears,
    )


def _ordered(outcomes: Iterable[Outcome]) -> tuple[Outcome, ...]:
    return tuple(
        sorted(
            outcomes, key=lambda o: (o.sets is True, o.signs, o.sets is None, o.value, o.tolerant, o.unset)
        )
    )


def _place(swallow: Swallow) -> tuple[Span, Span]:
    return swallow.setter_span, swallow.printer_span


# Ends the types of lists, GLib's and QAPI's (docs/devel/qapi-code-gen.rst) among them: NULL is the empty one.
_LIST = "List *"
_STATES = {ErrorState.SET: True, ErrorState.NULL: False}


def sum_up(
    result: FunctionResult, typedefs: Callable[[str], str | None], effect: Callable[[Call], Effect]
) -> Summary:
    """The summary of an interpreted function; `typedefs` gives the target of a typedef, `effect` is what
    the function was interpreted with."""
    signature = result.signature
    kind = result_kind(signature, typedefs) if signature is not None else "unknown"
    ways = _when_asked(outcomes_of(result, kind))
    return Summary(
        outcomes=_ordered(
            _with_number_passed_on(ways) if kind == "int" else {outcome for _, outcome in ways}
        ),
        consumes=_consumed(signature, result, effect),
        noreturn=not result.returns and result.complete,
        swallows=_swallowed(result, effect),
        fails=any(fails_by(kind, leaving.signs) for leaving, _ in ways),
        complete=result.complete,
        clears=_clears(result) or _empties(result, effect),
    )


def outcomes_of(result: FunctionResult, kind: str) -> list[tuple[ReturnState, Outcome]]:
    """Each way of returning of an interpreted function with its outcome; `kind` is that of its result."""
    inverted = kind == "bool" and _inverted(result)
    failing = _only_failure(result) if kind == "unknown" else ANY
    of_list = result.signature is not None and result.signature.returns.endswith(_LIST)
    return [
        (leaving, _outcome(leaving, kind, inverted, of_list and _is_empty_list(leaving), failing))
        for leaving in result.returns
    ]


def _when_asked(ways: list[tuple[ReturnState, Outcome]]) -> list[tuple[ReturnState, Outcome]]:
    """The ways of returning to a caller that asks for the Error: not those on which errp is NULL, where the
    others have the same results."""
    asked = [way for way in ways if way[0].error is not NOT_ASKED_CELL]
    signs = {outcome.signs for _, outcome in asked}
    return asked if all(outcome.signs in signs for _, outcome in ways) else ways


def _with_number_passed_on(ways: list[tuple[ReturnState, Outcome]]) -> set[Outcome]:
    """The outcomes of an int function, where 0 and a positive number that is a callee's are one success.

    A body that returns 0 where it succeeds, and what a callee returned where that was neither 0 nor the 1
    that it asked for, passes on a failure: `if (ret)` of its callers is a test for one.
    """
    found = {outcome for _, outcome in ways}
    success, number = Outcome(ZERO, False), Outcome(POS, False)
    if success not in found or number not in found:
        return found
    positive = [leaving for leaving, outcome in ways if outcome == number]
    if any(leaving.origin < 0 or leaving.constant for leaving in positive):
        return found
    return (found - {success, number}) | {Outcome(ZERO | POS, False)}


def _is_empty_list(leaving: ReturnState) -> bool:
    """Whether a variable is returned that nothing was put into; NULL as it is written is a failure."""
    return isinstance(leaving.value, Var) and leaving.signs == ZERO and leaving.origin < 0


def _outcome(
    leaving: ReturnState, kind: str, inverted: bool, empty: bool = False, failing: int = ANY
) -> Outcome:
    """The outcome that a return state stands for, as callers may rely on it."""
    sets = _STATES.get(leaving.error.state)
    signs = leaving.signs
    unset = sets is False and fails_by(kind, signs) and not inverted and not empty
    # An enumerator says more than its sign.
    named = bool(leaving.constant) and (signs == ANY or kind not in ("int", "bool"))
    # The constant matters where its sign says nothing, and where it is returned without an Error.
    value = leaving.constant if named or unset else ""
    if unset:
        # A failure without an Error is the callee's own defect; its callers are not to be blamed too.
        sets = None
    elif sets is True and not inverted and not named and succeeds_by(kind, signs):
        # So is a success with one.
        sets, unset = None, True
    if not named:
        # What the body does not decide the convention does: `if (ret) { error_setg(...); return ret; }`.
        expected = ANY if inverted else (FAILURE if sets is True else SUCCESS).get(kind, ANY)
        if failing != ANY and sets is False:
            expected = ANY & ~failing
        if sets is not None and signs & expected and signs & ~expected & ANY:
            signs &= expected
    return Outcome(signs, sets, value, tolerant=leaving.error.propagated, unset=unset)


def _only_failure(result: FunctionResult) -> int:
    """The sign of all results that come with an Error, where it is one, else ANY.

    That is the convention of a function whose type no header of the tree declares, such as gnutls's.
    """
    signs = {leaving.signs for leaving in result.returns if leaving.error.state is ErrorState.SET}
    one = signs.pop() if len(signs) == 1 else ANY
    return one if one in (NEG, ZERO, POS) else ANY


def _inverted(result: FunctionResult) -> bool:
    """Whether a bool function returns true where it sets an Error, and only there."""
    signs = {leaving.signs for leaving in result.returns if leaving.error.state is ErrorState.SET}
    return signs == {POS}


def _clears(result: FunctionResult) -> bool:
    if result.errp is None:
        return False
    cell = "*" + result.errp
    taken = any(s.kind is OccurrenceKind.CONSUMED and s.cell == cell for s in result.occurrences)
    return taken and all(leaving.error.state is ErrorState.NULL for leaving in result.returns)


def _empties(result: FunctionResult, effect: Callable[[Call], Effect]) -> bool:
    """Whether a body passes its `Error **` to no call, and stores NULL wherever it takes what that points to.

    The interpretation begins with NULL there, so it does not see what happens after `if (*errp)`.
    """
    if result.errp is None:
        return False
    pointee = "*" + result.errp
    takes = [
        any(
            isinstance(event, Assign) and event.target == pointee and event.value == NULL
            for event in straight_ahead(result.function, number, position)
        )
        for number, block in enumerate(result.function.blocks)
        for position, event in enumerate(block.events)
        if isinstance(event, Call) and effect(event).consumes is not None and Var(pointee) in event.args
    ]
    handed = any(Var(result.errp) in call.args for call in result.function.calls)
    return bool(takes) and all(takes) and not handed


def _consumed(
    signature: Signature | None, result: FunctionResult, effect: Callable[[Call], Effect]
) -> int | None:
    """The first `Error *` parameter that some path that returns hands to a consumer."""
    if signature is None:
        return None
    for index, param in enumerate(signature.params):
        if param.type != ERROR:
            continue
        calls = {
            s.call for s in result.occurrences if s.kind is OccurrenceKind.CONSUMED and s.cell == param.name
        }
        if any(leads_back(result.function, call, effect) for call in calls):
            return index
    return None


def leads_back(function: Function, call: int, effect: Callable[[Call], Effect]) -> bool:
    """Whether some path from a call on returns: not where the program ends after it."""
    return after(
        function,
        call,
        lambda event: isinstance(event, Return),
        barrier=lambda event: isinstance(event, Call) and effect(event).noreturn,
    )


def _swallowed(result: FunctionResult, effect_of: Callable[[Call], Effect]) -> tuple[Swallow, ...]:
    """Errors from fallible calls that end in this body instead of reaching a caller."""
    signature = result.signature
    if signature is not None and any(param.type == ERRP for param in signature.params):
        return ()
    found: dict[tuple[Span, Span], Swallow] = {}
    calls = result.function.calls
    for occurrence in result.occurrences:
        if (
            occurrence.kind is not OccurrenceKind.CONSUMED
            or occurrence.first.state is not ErrorState.SET
            or occurrence.first.origin < 0
        ):
            continue
        consumer, setter = calls[occurrence.call], calls[occurrence.first.origin]
        effect = effect_of(consumer)
        if effect.into is not None or effect.how == "propagate":
            continue
        found[setter.span, consumer.span] = Swallow(
            setter.name, setter.span, consumer.name, consumer.span, effect.how
        )
    return tuple(found[k] for k in sorted(found))
