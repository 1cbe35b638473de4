# SPDX-License-Identifier: GPL-2.0-or-later
"""Code for errors that does nothing: needless NULL checks, go-between Error locals, guards without use.

Statements are recognised in the function's bytes with comments and literals blanked, what calls do comes
from the facts; a shape that is not matched exactly is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.checks.gobetween import GUARDS, carried_errors
from qerrlint.checks.statement_text import Text, null_checked
from qerrlint.findings import Edit, Observation
from qerrlint.ir.code import Call, Function, Var
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

_NULL_SAFE = {"error_propagate": 1, "error_free": 0}
_HELPERS = re.compile(r"prepend|append|hint|g_clear_pointer")
# The file that defines this function implements the Error API.
_API_FUNCTION = "error_propagate"


def redundant_code(unit: TranslationUnit, function: Function) -> Iterator[Observation]:
    """The observations of one function."""
    names = {call.name for call in function.calls}
    if _API_FUNCTION in unit.functions or names.isdisjoint((*GUARDS, *_NULL_SAFE)):
        return
    text = Text(unit, function)
    carried = list(carried_errors(text))
    yield from carried
    mended = [edit.span for observation in carried for edit in observation.edits]
    said = {observation.primary for observation in carried}
    for observation in _null_checks(text):
        # An Error local that goes away takes its checks along.
        inside = any(_overlap(observation.primary, span) for span in mended)
        if not inside and observation.primary not in said:
            yield observation
    if not names.isdisjoint(GUARDS):
        yield from _needless_guard(text)


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


# -- NULL checks ----------------------------------------------------------------------------------


def _null_checks(text: Text) -> Iterator[Observation]:
    """`if (err) { error_free(err); }` and the same with error_propagate()."""
    for call in text.function.calls:
        at = _NULL_SAFE.get(call.name, -1)
        if not call.direct or at < 0 or len(call.args) != at + 1 or not isinstance(call.args[at], Var):
            continue
        found = null_checked(text, call)
        if found is None:
            continue
        start, end = found
        head = (start, text.offset(call.span.start))
        semicolon = text.code.index(b";", text.offset(call.span.end)) + 1
        edits: tuple[Edit, ...] = ()
        if (
            text.is_plain(*head)
            and text.is_plain(semicolon, end)
            and b"\n" not in text.code[head[1] : semicolon]
        ):
            edits = tuple(Edit(text.span(a, b), "") for a, b in (head, (semicolon, end)) if a < b)
        name = call.text[call.text.index("(") + 1 : -1].rpartition(",")[2]
        yield text.seen("null-check", text.span(start, head[1]), name, call.name, edits, "high")


# -- guards ---------------------------------------------------------------------------------------


def _needless_guard(text: Text) -> Iterator[Observation]:
    """ERRP_GUARD() in a function that neither looks behind errp nor adds to its text."""
    errp = text.errp
    if errp is None:
        return
    unit, function = text.unit, text.function
    handed: set[int] = set()
    guards = []
    for call in function.calls:
        if call.name in GUARDS:
            guards.append(call)
            continue
        for arg, span in zip(call.args, call.arg_spans, strict=True):
            if arg == Var(errp) and _leaves_alone(unit, call):
                handed.add(text.offset(span.start))
    if len(guards) != 1 or set(text.words(errp)) - handed:
        return
    guard = guards[0]
    end = text.code.find(b";", text.offset(guard.span.end)) + 1
    line_end = text.code.find(b"\n", end)
    if not end or not text.is_plain(end, line_end if line_end >= 0 else len(text.code)):
        return  # a comment beside it says why it is there
    edit = text.removed(text.offset(guard.span.start), end)
    yield text.seen("guard", guard.span, errp, guard.name, (edit,) if edit is not None else (), "high")


def _leaves_alone(unit: TranslationUnit, call: Call) -> bool:
    """Whether a callee does not rely on its caller's guard: it sets Errors and reads none."""
    if not call.direct or _HELPERS.search(call.name):
        return False
    effect = unit.effect(call)
    if effect.evidence == "guess" or effect.keeps:
        return False
    if effect.into is None and effect.errp is None:
        return False
    if call.name in unit.functions:
        result = unit.result(call.name)
        if result is None or any(s.kind == "deref" for s in result.occurrences):
            return False
        return not any(_HELPERS.search(inner.name) for inner in result.function.calls)
    return True
