# SPDX-License-Identifier: GPL-2.0-or-later
"""The event redundant-error-code: NULL checks, Error locals and guards that can be removed without effect.

Statements are recognised in the function's bytes with comments and literals blanked, what a call does to its
Error comes from its effects; a shape that does not match exactly is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.text.propagated_locals import GUARDS, propagated_locals, redundant
from qerrlint.checks.text.statement_text import Text, null_checked
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Edit, Observation
from qerrlint.ir.code import Call, Var
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span
from qerrlint.transfer.sites import is_trace

# Both do nothing with NULL; the number is that of the argument (include/qapi/error.h).
_NULL_SAFE = {"error_propagate": 1, "error_free": 0}


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The redundant code of one function."""
    names = {call.name for call in analysed.function.calls}
    if names.isdisjoint((*GUARDS, *_NULL_SAFE)):
        return
    text = Text(analysed)
    propagated = list(propagated_locals(text))
    yield from propagated
    edited = [edit.span for observation in propagated for edit in observation.edits]
    places = {observation.primary for observation in propagated}
    for observation in _null_checks(text):
        # The NULL checks of a local go with the local: one finding for both.
        inside = any(_overlap(observation.primary, span) for span in edited)
        if not inside and observation.primary not in places:
            yield observation
    if not names.isdisjoint(GUARDS):
        yield from _needless_guard(text)
        yield from _read_for_nothing(analysed, text)


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
        yield redundant(text, "null-check", text.span(start, head[1]), name, call.name, edits)


# -- guards ---------------------------------------------------------------------------------------


def _needless_guard(text: Text) -> Iterator[Observation]:
    """ERRP_GUARD() in a function that neither dereferences errp nor adds to its Error's text."""
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
    if not end:
        return
    edit = text.removed(text.offset(guard.span.start), end)
    edits = (edit,) if edit is not None else ()
    yield replace(redundant(text, "guard", guard.span, errp, guard.name, edits), subject=guard)


def _read_for_nothing(analysed: AnalysedFunction, text: Text) -> Iterator[Observation]:
    """`if (*errp)` after a call that was given errp, and whose result tells as much.

    Clean-up in between, such as freeing an argument, changes neither.
    """
    if text.errp is None:
        return
    pointee, seen = Var(f"*{text.errp}"), set()
    for block in analysed.function.blocks:
        calls = [event for event in block.events if isinstance(event, Call) and not is_trace(event)]
        spans = {
            e.span for e in block.edges if e.span is not None and any(t.subject == pointee for t in e.tests)
        }
        if not calls or not spans:
            continue
        place = min(spans)
        call = next((c for c in reversed(calls) if not word_list("releases").matches(c.name)), calls[-1])
        at = text.unit.effect(call).errp
        given = call.args[at] if at is not None and 0 <= at < len(call.args) else None
        if given == Var(text.errp) and place not in seen and _result_tells(text.unit, call):
            seen.add(place)
            yield redundant(text, "errp-read", place, f"*{text.errp}", call.name, ())


def _result_tells(unit: TranslationUnit, call: Call) -> bool:
    """Whether the results with an Error and those without have no sign in common."""
    effect = unit.effect(call)
    if effect.kind not in ("bool", "int", "pointer") or effect.evidence == "guess":
        return False
    failing, succeeding = effect.signs_by_error() or (0, 0)
    return bool(failing) and bool(succeeding) and not failing & succeeding


def _leaves_alone(unit: TranslationUnit, call: Call) -> bool:
    """Whether a callee does not rely on its caller's guard: it sets Errors and reads none."""
    extends = word_list("extends-error").matches
    if not call.direct or extends(call.name):
        return False
    effect = unit.effect(call)
    if effect.evidence == "guess" or effect.keeps:
        return False
    if effect.into is None and effect.errp is None:
        return False
    if call.name in unit.functions:
        result = unit.result(call.name)
        if result is None or any(s.kind is OccurrenceKind.DEREF for s in result.occurrences):
            return False
        return not any(extends(inner.name) for inner in result.function.calls)
    return True


CHECKS = (
    Check(
        "redundant-error-code",
        "text",
        (  # error: the Error pointer (of a guard: errp); callee: who takes or sets it, or the guard.
            event(
                "redundant-error-code",
                "error",
                "callee",
                "errp",
                form="null-check carried result-tells guard errp-read",
            ),
        ),
        run,
    ),
)
