# SPDX-License-Identifier: GPL-2.0-or-later
"""What functions of one file do to each other's Errors: dangling members, callees that exit, callbacks.

One function is judged with what its neighbours' text or exploration shows; nothing beyond the file is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.absint.trace import is_joined
from qerrlint.c.declarations.types import result_kind
from qerrlint.checks.comments import excused
from qerrlint.domain.result import FunctionResult
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Call, Var, root
from qerrlint.model.summary import Summary
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

_EXITS = re.compile(r"exit\(\s*(?!0\s*\)|EXIT_SUCCESS)")
_ENDS = re.compile(r"(?:^|_)(?:free|finalize|unref|destroy|release|delete|cleanup|exit|unrealize)(?:_|$)")
_RELEASES = re.compile(r"(?:^|_)(?:free|unref|destroy|release|delete|del)(?:_|$|\d)")


def observe(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """The observations on one function and its neighbours."""
    yield from _dangling(unit, result)
    yield from _exiting(unit, result)
    yield from _lost(unit, result)
    yield from _dropped(unit, result)


# -- members that keep pointing to an Error that is gone ----------------------------------------


def _dangling(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    told = set()
    for occurrence in result.occurrences:
        if occurrence.kind != "left-gone" or occurrence.first.origin < 0:
            continue
        consumer = result.function.calls[occurrence.first.origin]
        if (consumer.index, occurrence.cell) in told or _is_released(result, consumer, root(occurrence.cell)):
            continue
        if _ENDS.search(result.function.name):
            continue  # the object goes with its Error
        told.add((consumer.index, occurrence.cell))
        member = re.split(r"->|\.", occurrence.cell)[-1]
        found = _looks_at(unit, result.function.name, member)
        if found is None or _is_blocker(unit, member):
            continue
        other, span = found
        yield Observation(
            "error-use-after-free",
            result.function.name,
            consumer.span,
            f"{occurrence.cell} {consumer.text}",
            {"error": occurrence.cell, "callee": other, "by": consumer.name, "how": "dangling"},
            (Step(span, f"{other}() looks at {member} here"),),
            "medium",
        )


def _is_released(result: FunctionResult, consumer: Call, owner: str) -> bool:
    """Whether the function releases the object itself after its Error."""
    return any(
        call.span > consumer.span
        and (_RELEASES.search(call.name) or call.name.startswith("g_"))
        and any(isinstance(a, Var) and a.path == owner for a in call.args)
        for call in result.function.calls
    )


def _is_blocker(unit: TranslationUnit, member: str) -> bool:
    """Whether the member holds a migration blocker's reason: rules of its own follow that."""
    blocks = rb"\bmigrate_(?:add|del)_blocker\w*\s*\([^;]*\b" + re.escape(member.encode()) + rb"\b"
    return re.search(blocks, unit.data) is not None


def _looks_at(unit: TranslationUnit, name: str, member: str) -> tuple[str, Span] | None:
    """Another function of the file that frees or reports the member of that name, or tests it."""
    word = re.escape(member.encode())
    use = re.compile(
        rb"\b(?:error_(?:free|report_err|reportf_err|get_pretty|copy|propagate)|warn_report_err)\s*\((?:[^();]*,)?\s*"
        rb"\w+(?:->|\.)" + word + rb"\b"
    )
    for other, piece in unit.functions.items():
        if other == name:
            continue
        found = use.search(unit.data, piece.body, piece.span.end)
        if found is not None:
            return other, Span(unit.path, found.start(), found.end())
    return None


# -- callees that end the process ---------------------------------------------------------------


def _exiting(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """A callee of this file without errp ends the process, although its caller could report the failure."""
    if result.errp is None:
        return
    told = set()
    for call in result.function.calls:
        if not call.direct or call.name in told or call.name not in unit.functions or "nofail" in call.name:
            continue
        callee = unit.signature(call.name)
        piece = unit.functions[call.name]
        if callee is None or callee.errp is not None:
            continue
        if unit.data.find(b"exit(", piece.body, piece.span.end) < 0:
            continue
        below = unit.result(call.name)
        if below is None:
            continue
        leaves = [s for s in below.occurrences if s.kind == "exits" and s.cell == "exit"]
        leaves = [s for s in leaves if _EXITS.match(unit.on_one_line(s.span)) and _is_told(unit, s.span)]
        if (
            not leaves
            or not below.returns
            or excused(unit, call.span)
            or excused(unit, leaves[0].span, in_block=True)
        ):
            continue
        told.add(call.name)
        yield Observation(
            "error-printed-not-set",
            result.function.name,
            call.span,
            call.text,
            {
                "function": result.function.name,
                "printer": call.name,
                "form": "exit-below",
                "errp": result.errp,
            },
            (Step(leaves[0].span, f"{call.name}() ends the process here"),),
            "medium",
        )


def _is_told(unit: TranslationUnit, span: Span) -> bool:
    """Whether the statement before says with error_report() that it is an error; what only goes to stderr, or
    nowhere, tells of a flaw in the program."""
    before = unit.data[max(0, span.start - 400) : span.start]
    return b"error_report(" in before[max(before.rfind(b"{"), 0) :]


# -- callbacks whose Error nobody asks for ------------------------------------------------------


def _lost(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """A call that runs a callback with errp gets NULL, and its failure is acted on without words."""
    for call in result.function.calls:
        effect = unit.effect(call)
        if not call.used or not call.passes_null(effect.errp) or excused(unit, call.span):
            continue
        callback = next((name for name in _callbacks(unit, call)), None)
        if callback is None:
            continue
        yield Observation(
            "dropped-error",
            result.function.name,
            call.span,
            call.text,
            {
                "function": result.function.name,
                "printer": call.name,
                "setter": callback,
                "how": "callback",
                "errp": "NULL",
            },
            (),
            "medium",
        )


def _callbacks(unit: TranslationUnit, call: Call) -> Iterator[str]:
    """The functions with errp among the arguments; not those whose body is at hand and sets none."""
    for arg in call.args:
        if not isinstance(arg, Var) or not arg.path.isidentifier():
            continue
        signature = unit.signature(arg.path)
        if signature is None or signature.out_error is None:
            continue
        summary = _summary(unit, arg.path)
        if summary is None or summary.may_set:
            yield arg.path


def _summary(unit: TranslationUnit, name: str) -> Summary | None:
    """The summary of a function of this file, or of one at hand."""
    return unit.summary(name) if name in unit.functions else unit.program.summary(name)


# -- callees that keep their Error to themselves ------------------------------------------------


def _dropped(unit: TranslationUnit, result: FunctionResult) -> Iterator[Observation]:
    """A callee without errp prints or frees an Error and fails, and a caller with errp drops its result."""
    if result.errp is None:
        return
    for occurrence in result.occurrences:
        if occurrence.kind != "dropped-result":
            continue
        call = result.function.calls[occurrence.call]
        callee = unit.signature(call.name)
        summary = _summary(unit, call.name)
        if callee is None or summary is None or not summary.swallows or not summary.fails:
            continue
        if result_kind(callee, unit.typedefs) not in ("int", "bool") or excused(unit, call.span):
            continue
        if _ENDS.search(call.name):
            continue  # clean-up: what went wrong before is what counts
        swallow = summary.swallows[0]
        yield Observation(
            "dropped-error",
            result.function.name,
            call.span,
            call.text,
            {
                "function": result.function.name,
                "printer": call.name,
                "setter": swallow.setter,
                "how": "below",
                "errp": result.errp,
            },
            (
                Step(swallow.setter_span, f"{call.name}() receives an Error from {swallow.setter}() here"),
                Step(swallow.printer_span, f"and keeps it from its caller here, with {swallow.printer}()"),
            ),
            "medium",
            whole=not is_joined(occurrence.trail),
        )
