# SPDX-License-Identifier: GPL-2.0-or-later
"""How calls write their migration modes: in lists, one by one or in sets of bits, as the tree declares it."""

from __future__ import annotations

from qerrlint.c.expressions.arithmetic import NotUnderstoodError
from qerrlint.checks.function import AnalysedFunction
from qerrlint.findings import Observation
from qerrlint.ir.code import Call, Function, Var
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.mode_values import MODE, Evaluator
from qerrlint.qemu.registrations import ModeArguments, mode_arguments
from qerrlint.records import record
from qerrlint.source.span import Span

REGISTRATION = lazy_re(rb"\b(?:migrate_add_blocker\w*|migration_add_notifier\w*)\s*\(")
"""Finds the calls that register a blocker or a notifier for migration modes."""


@record(frozen=True, slots=True)
class Written:
    """An argument (or what is assigned to the local that stands there) as text, and its place."""

    text: str
    span: Span


@record(frozen=True, slots=True)
class ModeCall:
    """A call that takes modes: its arguments, where its declaration takes modes, and whether as a list."""

    call: Call
    arguments: tuple[Written, ...]
    taken: ModeArguments | None
    variadic: bool

    def seen(self, analysed: AnalysedFunction, event: str, span: Span, key: str, **slots: str) -> Observation:
        """The observation of one flaw of the arguments."""
        return Observation(
            event=event,
            function=analysed.name,
            primary=span,
            key=f"{self.call.text} {key}",
            slots={"callee": self.call.name, **slots},
            subject=self,
        )


def mode_calls(analysed: AnalysedFunction) -> tuple[ModeCall, ...]:
    """The calls that take modes, of a function that registers blockers or notifiers."""
    unit, piece = analysed.unit, analysed.piece
    if not REGISTRATION.search(unit.data, piece.body, piece.span.end):
        return ()
    out = []
    for call in analysed.function.calls:
        signature = unit.signature(call.name) if call.direct else None
        if signature is None or not call.name.endswith(("_modes", "_mode")):
            continue
        arguments = tuple(Written(unit.text.on_one_line(span), span) for span in call.arg_spans)
        out.append(ModeCall(call, arguments, mode_arguments(signature), signature.variadic))
    return tuple(out)


def written_sets(analysed: AnalysedFunction, mode_call: ModeCall) -> tuple[Written, ...]:
    """The sets of bits that a call takes: the argument, and all that is assigned to a local in its place.

    Empty for a call that takes no set, or whose set is missing.
    """
    taken = mode_call.taken
    if taken is None or mode_call.variadic or taken.form != "set" or taken.first >= len(mode_call.arguments):
        return ()
    value = mode_call.call.args[taken.first]
    assigned = _assignments(analysed, value.path) if isinstance(value, Var) else ()
    return (mode_call.arguments[taken.first], *assigned)


def _assignments(analysed: AnalysedFunction, local: str) -> tuple[Written, ...]:
    """The expressions that the function assigns to a local."""
    return tuple(
        Written(analysed.unit.text.on_one_line(event.span).partition("=")[2].strip(" ;"), event.span)
        for event in analysed.function.assignments(local)
        if event.stated
    )


def is_bit_of_mode(text: str) -> bool:
    """Whether a text is BIT() of a mode."""
    return text.startswith("BIT(") and MODE.search(text) is not None


def terms(text: str) -> list[str]:
    """The terms of an or-expression, without the parentheses around each; `a | (b | c)` has two."""
    out, depth, start = [], 0, 0
    text = _bare(text)
    for at, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        if char == "|" and depth == 0 and text[at - 1 : at] != "|" and text[at + 1 : at + 2] != "|":
            out.append(text[start:at])
            start = at + 1
    return [_bare(term) for term in (*out, text[start:])]


def _bare(text: str) -> str:
    """Text without the parentheses around all of it."""
    text = text.strip()
    while text.startswith("(") and text.endswith(")"):
        depth = 0
        for at, char in enumerate(text):
            depth += (char == "(") - (char == ")")
            if depth == 0 and at < len(text) - 1:
                return text
        text = text[1:-1].strip()
    return text


def single_bit(evaluator: Evaluator, function: Function, term: str) -> int | None:
    """The number of the one bit that a term stands for, None for anything else."""
    try:
        numbers = evaluator.text(function, term)
    except NotUnderstoodError:
        return None
    number = next(iter(numbers)) if len(numbers) == 1 else 0
    return number.bit_length() - 1 if number > 0 and number & (number - 1) == 0 else None
