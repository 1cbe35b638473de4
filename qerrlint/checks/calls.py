# SPDX-License-Identifier: GPL-2.0-or-later
"""calls: arguments and results against the types of the declarations in the tree; no paths but returns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qerrlint.c.declarations.types import Signature, result_kind
from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.domain.error import ERROR, ERRP, FATAL
from qerrlint.domain.result import FunctionResult, ReturnState
from qerrlint.findings import Observation
from qerrlint.ir.code import FALSE, NEG, TRUE, Addr, Call, Const, Function, Result, Str, Value, Var
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

_CONSTANT = re.compile(r"-?[A-Z][A-Z0-9_]*$")


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The observations of one function."""
    unit, piece = analysed.unit, analysed.piece
    result = unit.result(piece.name)
    if result is None:
        return
    for call in result.function.calls:
        if call.direct:
            for observation in _arguments(unit, result.function, result.signature, call):
                # A macro of that name may rearrange its arguments; looked for last because it is dear.
                if not unit.is_macro(call.name):
                    yield observation
        yield from _ending(unit, result, call)
    yield from _int_as_bool(unit, result)


def _ending(unit: TranslationUnit, result: FunctionResult, call: Call) -> Iterator[Observation]:
    """&error_abort or &error_fatal for a failure that the host, the user or the guest can bring about."""
    position = unit.effect(call).errp
    if position is None or position >= len(call.args):
        return
    arg = call.args[position]
    if not isinstance(arg, Addr) or arg.path not in FATAL:
        return
    place = unit.environment.api.forbids(call.name, arg.path.removeprefix("error_"))
    own = result.signature is not None and result.signature.errp is not None
    if place is None or (place == "errp" and not own):
        return
    if place == "instance-init" and "instance_init" not in unit.slots_of(result.function.name):
        return
    yield Observation(
        event="abort-on-recoverable-error",
        function=result.function.name,
        primary=call.span,
        key=call.text,
        slots={
            "callee": call.name,
            "fatal": arg.path,
            "function": result.function.name,
            "place": place,
            "kind": "setter" if unit.effect(call).evidence == "setter" else "callee",
        },
        certainty="medium",
    )


def prototype(signature: Signature) -> str:
    """A signature as one line of C."""
    params = ", ".join(_declared(p.type, p.name) for p in signature.params) or "void"
    if signature.variadic:
        params += ", ..."
    return f"{_declared(signature.returns, signature.name)}({params})"


def _declared(type_text: str, name: str) -> str:
    return f"{type_text}{'' if type_text.endswith('*') else ' '}{name}".strip()


def _arguments(
    unit: TranslationUnit, function: Function, own: Signature | None, call: Call
) -> Iterator[Observation]:
    """The first argument of the call that the prototype cannot take, as far as Errors go."""
    signature = unit.signature(call.name)
    if signature is None or signature.errp is None or signature.errp < 0:
        return
    wanted, count = len(signature.params), len(call.args)
    types = dict(function.locals)
    if own is not None:
        for param in own.params:
            types.setdefault(param.name, param.type)

    def seen(problem: str, position: int, argument: str, span: Span) -> Observation:
        return Observation(
            event="wrong-errp-argument",
            function=function.name,
            primary=span,
            key=f"{call.text} {position}",
            slots={
                "callee": call.name,
                "argument": argument,
                "position": str(position + 1),
                "count": str(count),
                "wanted": str(wanted),
                "prototype": prototype(signature),
                "problem": problem,
            },
        )

    for position, (value, span) in enumerate(zip(call.args, call.arg_spans, strict=True)):
        text = unit.on_one_line(span)
        if position >= wanted:
            break
        expected = signature.params[position].type
        if expected == ERRP:
            if _cannot_be_errp(value, types):
                yield seen("not-an-error", position, text, span)
                return
        elif _is_errp(value, types) and not _takes_anything(expected):
            yield seen("error-elsewhere", position, text, span)
            return
    if count < wanted and any(_is_several(unit, value) for value in call.args):
        return
    if count < wanted or (count > wanted and not signature.variadic):
        yield seen("too-few" if count < wanted else "too-many", count, "", call.span)


def _is_several(unit: TranslationUnit, value: Value) -> bool:
    """Whether an argument is a macro that stands for several (QERR_IO_ERROR: a class and a format)."""
    text = value.text if isinstance(value, Const) else value.path if isinstance(value, Var) else ""
    macro = unit.environment.macro(text, unit.path) if text.isidentifier() else None
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


def _int_as_bool(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """A bool function that returns an int result or an errno; an int function that returns a bool one."""
    signature = result.signature
    if signature is None:
        return
    kind = result_kind(signature, unit.typedefs)
    if kind not in ("bool", "int") or (kind == "int" and signature.errp is None):
        return
    seen: set[Span] = set()
    for leaving in result.returns:
        if leaving.value is None or leaving.span in seen:
            continue
        if kind == "bool":
            wrong = leaving.signs == NEG
        else:
            literal = leaving.value in (TRUE, FALSE) and signature.returns == "int"
            wrong = (literal and _numeric(result)) or _passes_bool(unit, result, leaving)
        if not wrong:
            continue
        seen.add(leaving.span)
        text = unit.on_one_line(leaving.span)
        yield Observation(
            event="int-as-bool",
            function=result.function.name,
            primary=leaving.span,
            key=text,
            slots={
                "value": text.removeprefix("return").strip(" ;"),
                "type": signature.returns,
                "direction": "int-from-bool-function" if kind == "bool" else "bool-from-int-function",
            },
        )


def _numeric(result: FunctionResult) -> bool:
    """Whether an int function follows the 0/negative convention somewhere (else it may be a bool)."""
    return any(
        leaving.signs == NEG or (isinstance(leaving.value, Const) and leaving.value.text == "0")
        for leaving in result.returns
    )


def _passes_bool(unit: TranslationUnit, result: FunctionResult, leaving: ReturnState) -> bool:
    """Whether the result of a fallible bool callee is returned as it is."""
    value = leaving.value
    if leaving.origin < 0 or not (
        isinstance(value, Result) or (isinstance(value, Var) and value.path[0] != "$")
    ):
        return False
    callee = result.function.calls[leaving.origin]
    signature = unit.signature(callee.name) if callee.direct else None
    return signature is not None and signature.errp is not None and signature.returns == "bool"


CHECKS = (
    Check(
        "arguments",
        "arguments",
        (  # argument: its text; position: 1-based;
            # count/wanted: numbers of arguments; prototype: its text.
            event(
                "wrong-errp-argument",
                "callee",
                "argument",
                "position",
                "count",
                "wanted",
                "prototype",
                problem="not-an-error error-elsewhere too-few too-many never-set",
            ),
            # callee: what can fail for an outer reason; fatal: error_abort or error_fatal.
            event(
                "abort-on-recoverable-error",
                "callee",
                "fatal",
                "function",
                place="any errp instance-init",
                kind="callee setter",
            ),
            # value: the returned expression; type: the function's declared return type.
            event("int-as-bool", "value", "type", direction="int-from-bool-function bool-from-int-function"),
        ),
        run,
    ),
)
