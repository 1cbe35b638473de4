# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong-errp-argument: an argument that the prototype cannot take, or an Error pointer that nothing sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.c.declarations.types import Signature
from qerrlint.checks.check import Check, event
from qerrlint.checks.errors.occurrences import is_addressed, of_kind
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.error import ERROR, ERRP, ErrorState
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import FALSE, TRUE, Addr, Call, Const, Str, Value, Var
from qerrlint.lazy_patterns import lazy_re
from qerrlint.source.span import Span
from qerrlint.transfer.sites import is_trace

_CONSTANT = lazy_re(r"-?[A-Z][A-Z0-9_]*$")


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The first argument of each call that its prototype cannot take, as far as Errors go."""
    types = dict(analysed.function.locals)
    for param in analysed.signature.params if analysed.signature is not None else ():
        types.setdefault(param.name, param.type)
    for call in analysed.function.calls:
        signature = analysed.unit.signature(call.name) if call.direct else None
        if signature is None or signature.errp is None or signature.errp < 0:
            continue
        fault = _fault(analysed, call, signature, types)
        # A macro of that name is what is called instead; looked for last, because it takes the longest.
        if fault is not None and not analysed.unit.scope.is_macro(call.name):
            yield _observation(analysed, call, signature, *fault)
    yield from _never_set(analysed)
    yield from _other_tested(analysed)


def _fault(
    analysed: AnalysedFunction, call: Call, signature: Signature, types: dict[str, str]
) -> tuple[str, int] | None:
    """What is wrong with a call, and at which argument; None where nothing is."""
    wanted, count = len(signature.params), len(call.args)
    for position, (value, param) in enumerate(zip(call.args, signature.params, strict=False)):
        if param.type == ERRP:
            if _cannot_be_errp(value, types):
                return "not-an-error", position
        elif _is_errp(value, types) and not _takes_anything(param.type):
            return "error-elsewhere", position
    if count < wanted:
        return None if any(_is_several(analysed, arg) for arg in call.args) else ("too-few", count)
    return ("too-many", count) if count > wanted and not signature.variadic else None


def _observation(
    analysed: AnalysedFunction, call: Call, signature: Signature, problem: str, position: int
) -> Observation:
    of_call = problem.startswith("too-")
    span = call.span if of_call else call.arg_spans[position]
    return Observation(
        event="wrong-errp-argument",
        function=analysed.name,
        primary=span,
        key=f"{call.text} {position}",
        slots={
            "callee": call.name,
            "argument": "" if of_call else analysed.unit.text.on_one_line(span),
            "position": str(position + 1),
            "count": str(len(call.args)),
            "wanted": str(len(signature.params)),
            "prototype": prototype(signature),
            "problem": problem,
        },
        certainty="low" if analysed.unit.program.partial and _other_count(call, signature) else "high",
        subject=Subject((call,)),
    )


def _other_count(call: Call, signature: Signature) -> bool:
    """Whether a call does not compile with this prototype: a patch that is missing may bring another one."""
    wanted, count = len(signature.params), len(call.args)
    return count < wanted or (count > wanted and not signature.variadic)


def prototype(signature: Signature) -> str:
    """A signature as one line of C."""
    params = ", ".join(_declared(p.type, p.name) for p in signature.params) or "void"
    if signature.variadic:
        params += ", ..."
    return f"{_declared(signature.returns, signature.name)}({params})"


def _declared(type_text: str, name: str) -> str:
    return f"{type_text}{'' if type_text.endswith('*') else ' '}{name}".strip()


def _is_several(analysed: AnalysedFunction, value: Value) -> bool:
    """Whether an argument is a macro that stands for several (a class and a format)."""
    text = value.text if isinstance(value, Const) else value.path if isinstance(value, Var) else ""
    macro = analysed.unit.environment.macro(text, analysed.unit.path) if text.isidentifier() else None
    return macro is not None and macro.params is None and "," in macro.body


def _cannot_be_errp(value: Value, types: dict[str, str]) -> bool:
    """Whether an argument in the place of an `Error **` cannot be one."""
    if isinstance(value, Const):
        if value.text == "NULL":
            return False
        return value.number is not None or bool(_CONSTANT.match(value.text)) or value in (TRUE, FALSE)
    if isinstance(value, Str):
        return True
    if isinstance(value, Var):
        if value.path.startswith("*"):
            return types.get(value.path[1:]) == ERRP
        return types.get(value.path, ERRP) == ERROR
    if isinstance(value, Addr):
        return types.get(value.path) == ERRP
    return False


def _is_errp(value: Value, types: dict[str, str]) -> bool:
    """Whether an argument certainly is an `Error **`."""
    if isinstance(value, Var):
        return types.get(value.path) == ERRP
    return isinstance(value, Addr) and types.get(value.path) == ERROR


def _takes_anything(type_text: str) -> bool:
    """Whether a parameter may be handed an `Error **`: untyped pointers, kin of the type, unknown macros."""
    return "void" in type_text or "Error" in type_text or type_text in ("gpointer", "gconstpointer")


def _never_set(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A local Error that is handed on though nothing sets it: a callee was given errp instead.

    Nothing is given its address, or an Error is there and the callee that set it was given errp. That it is
    NULL on every path is known only where all were followed.
    """
    errp, calls = analysed.errp, analysed.function.calls
    if errp is None or not analysed.result.complete:
        return
    if not any(isinstance(arg, Var) and arg.path == errp for call in calls for arg in call.args):
        return
    states: dict[tuple[str, int], set[ErrorState]] = {}
    places: dict[tuple[str, int], Span] = {}
    for occurrence in of_kind(analysed, OccurrenceKind.CONSUMED):
        if occurrence.cell in analysed.function.locals:
            states.setdefault((occurrence.cell, occurrence.call), set()).add(occurrence.first.state)
            places[occurrence.cell, occurrence.call] = occurrence.span
    empty = {(o.cell, o.call) for o in of_kind(analysed, OccurrenceKind.NULL_OVER_ERROR)}
    # A return that the successful path shares is not made for this one failure.
    empty -= {(o.cell, o.call) for o in of_kind(analysed, OccurrenceKind.NULL_PROPAGATED)}
    for (cell, number), seen in states.items():
        if seen != {ErrorState.NULL} or (is_addressed(analysed, cell) and (cell, number) not in empty):
            continue
        call = calls[number]
        problem = "set-elsewhere" if is_addressed(analysed, cell) else "never-set"
        slots = {"callee": call.name, "argument": cell, "prototype": errp, "problem": problem}
        yield Observation(
            "wrong-errp-argument",
            analysed.name,
            places[cell, number],
            f"{cell} {call.text}",
            {**slots, "position": "", "count": "", "wanted": ""},
            subject=Subject((call,)),
        )


def _other_tested(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A call that is given errp, and right after it a local Error is tested that is NULL on every path.

    Another call is given that local, so that it is one that the function means to use.
    """
    errp = analysed.errp
    if errp is None or not analysed.result.complete:
        return
    ended = {occurrence.cell for occurrence in of_kind(analysed, OccurrenceKind.SET_AGAIN)}
    for condition in analysed.result.conditions:
        cell = condition.cell
        if (
            condition.states != {ErrorState.NULL}
            or cell not in analysed.function.locals
            or cell in ended
            or not is_addressed(analysed, cell)
        ):
            continue
        call = _last_call_before(analysed, condition.span)
        position = analysed.unit.effect(call).errp if call is not None else None
        if call is None or position is None or call.used or not 0 <= position < len(call.args):
            continue
        if call.args[position] != Var(errp):
            continue
        slots = {"callee": call.name, "argument": errp, "prototype": cell, "problem": "other-tested"}
        yield Observation(
            "wrong-errp-argument",
            analysed.name,
            call.span,
            f"{cell} {call.text}",
            {**slots, "position": "", "count": "", "wanted": ""},
            (Step(condition.span, f"{cell} is tested here, and nothing has set it on any path"),),
            "high",
            subject=Subject((call,)),
        )


def _last_call_before(analysed: AnalysedFunction, condition: Span) -> Call | None:
    """The last call of the block that ends in a condition."""
    for block in analysed.function.blocks:
        if any(edge.span == condition for edge in block.edges):
            calls = [event for event in block.events if isinstance(event, Call) and not is_trace(event)]
            return calls[-1] if calls else None
    return None


CHECKS = (
    Check(
        "wrong-errp-argument",
        "arguments",
        # argument: its text; position: 1-based; count/wanted: numbers of arguments; prototype: its text.
        (
            event(
                "wrong-errp-argument",
                "callee",
                "argument",
                "position",
                "count",
                "wanted",
                "prototype",
                problem="not-an-error error-elsewhere too-few too-many never-set set-elsewhere other-tested",
            ),
        ),
        run,
    ),
)
