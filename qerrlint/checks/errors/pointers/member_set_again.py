# SPDX-License-Identifier: GPL-2.0-or-later
"""A member Error that a method fills each time it runs, and that another function of the file empties.

The method is stored in a function pointer of a driver or a class that is no phase of the object's life
cycle, so that it may run any number of times. Nothing is said where something before the set asks:
for the member, for a member that the method itself leaves behind, or a callee that is handed the object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.checks.function import AnalysedFunction
from qerrlint.domain.ownership import tail
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import Addr, Assign, Call, Value, Var, identifiers, root, text_of
from qerrlint.lazy_patterns import lazy_re
from qerrlint.source.span import Span

_RESULT = lazy_re(r"#(\d+)")
_TAKES = (
    rb"(?:error_free|error_report_err|error_reportf_err|warn_report_err|error_propagate\w*|g_clear_pointer)"
)


def members_set_again(analysed: AnalysedFunction) -> Iterator[tuple[Call, str, str]]:
    """Each error_setg() on such a member, with its path and the function that empties it."""
    slots = analysed.unit.uses.slots_of(analysed.name)
    once = word_list("slots-that-run-once")
    if not slots or any(once.matches(slot) for slot in slots):
        return
    for call in analysed.function.calls:
        if analysed.unit.effect(call).evidence != "setter" or not isinstance(call.args[0], Addr):
            continue
        path = call.args[0].path
        member = tail(path)
        if (
            "->" not in path
            or _mentions_elsewhere(analysed, call, member)
            or _is_asked(analysed, call, root(path))
        ):
            continue
        other = _emptied_by(analysed, member)
        if other:
            yield call, path, other


def _mentions_elsewhere(analysed: AnalysedFunction, call: Call, member: str) -> bool:
    """Whether the method mentions the member before the set, or takes or empties it after it."""
    data, function = analysed.unit.data, analysed.function
    word = re.compile(rb"\b%s\b" % re.escape(member.encode()))
    if word.search(data, function.body, call.span.start):
        return True
    taken = rb"%s\s*\([^;]*\b%s\b|\b%s\s*=[^=]" % (_TAKES, member.encode(), member.encode())
    return re.compile(taken).search(data, call.span.end, function.span.end) is not None


def _is_asked(analysed: AnalysedFunction, call: Call, owner: str) -> bool:
    """Whether a condition before the set asks for what an earlier run may have left behind."""
    assigned: dict[str, Span] = {}
    for event in analysed.function.events():
        if isinstance(event, Assign) and "->" in event.target:
            assigned[event.target] = min(event.span, assigned.get(event.target, event.span))
    for edge in analysed.function.edges():
        if edge.span is None or edge.span.start > call.span.start:
            continue
        # What the method itself has just stored says nothing of an earlier run.
        before = {path for path, span in assigned.items() if edge.span < span}
        if any(_asks(analysed, test.subject, owner, before) for test in edge.tests):
            return True
    return False


def _asks(analysed: AnalysedFunction, subject: Value, owner: str, assigned: set[str]) -> bool:
    """Whether a tested value depends on what the method leaves behind, or a callee is handed the object."""
    text = text_of(subject)
    asked = _RESULT.match(text)
    if asked is not None:
        call = analysed.function.calls[int(asked.group(1))]
        fallible = analysed.unit.effect(call).errp is not None
        handed = any(isinstance(arg, (Var, Addr)) and root(arg.path) == owner for arg in call.args)
        return handed and not fallible
    return any(path in text for path in assigned) or (owner in identifiers(text) and "->" not in text)


def _emptied_by(analysed: AnalysedFunction, member: str) -> str:
    """The first other function of the file that frees the member, or hands it to a consumer; "" for none."""
    unit = analysed.unit
    empties = re.compile(rb"%s\s*\([^;]*(?:->|\.)%s\b" % (_TAKES, re.escape(member.encode())))
    for name, piece in unit.functions.items():
        if name != analysed.name and empties.search(unit.data, piece.body, piece.span.end):
            return name
    return ""
