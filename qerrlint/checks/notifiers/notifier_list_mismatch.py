# SPDX-License-Identifier: GPL-2.0-or-later
"""The event notifier-list-mismatch: lists, or members, that do not belong together.

What is left of one list is stored into another; or container_of() gets from a notifier to its object by
another member than the one that was registered. Only what one file shows is compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Addr, Assign, Call, Function, Result, Value, Var, text_of
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.registrations import object_of
from qerrlint.source.span import Span

_REMOVAL = re.compile(r"g_s?list_(?:remove(?:_all|_link)?|delete_link)\Z")
_REGISTERS = re.compile(rb"\b(?:\w*add_notifier\w*|add_migration_state_change_notifier)\s*\(|\bnotify\s*=")


@dataclass(frozen=True, slots=True)
class StoredList:
    """A list that becomes what is left of another: the path that is assigned, and the removal's first
    argument."""

    target: str
    source: Value


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The mismatches of one function."""
    yield from _removals(analysed.function)
    yield from _members(analysed.unit, analysed.function)


def _removals(function: Function) -> Iterator[Observation]:
    """A list that becomes what a removal leaves of another one."""
    removals = {
        call.index: call for call in function.calls if call.direct and call.args and _REMOVAL.match(call.name)
    }
    for block in function.blocks if removals else ():
        for stored in block.events:
            if not isinstance(stored, Assign) or not isinstance(stored.value, Result):
                continue
            call = removals.get(stored.value.call)
            if call is None or text_of(call.args[0]) == stored.target:
                continue
            lists = StoredList(stored.target, call.args[0])
            source = text_of(call.args[0])
            yield _mismatch(function, stored.span, call, "list", stored.target, source, subject=lists)


def _members(unit: TranslationUnit, function: Function) -> Iterator[Observation]:
    """container_of() of a callback's first argument, by another member than the one that was registered."""
    signature = unit.signature(function.name)
    calls = [call for call in function.calls if call.name == "container_of" and len(call.args) == 3]
    if not calls or signature is None or not signature.params or not unit.is_handed_over(function.name):
        return
    for call in calls:
        if call.args[0] != Var(signature.params[0].name):
            continue
        struct, member = (unit.on_one_line(span).replace(" ", "") for span in call.arg_spans[1:])
        places = list(_registered(unit, function.name, struct))
        wrong = [(name, span) for name, span in places if name != member]
        if wrong and not any(name == member for name, _ in places):
            name, span = wrong[0]
            steps = (Step(span, f"{function.name}() is registered with {name} here"),)
            yield _mismatch(function, call.span, call, "member", name, member, steps)


def _registered(unit: TranslationUnit, callback: str, struct: str) -> Iterator[tuple[str, Span]]:
    """The members of the struct with which a callback is registered, and where."""
    for name, piece in unit.functions.items():
        body = unit.data[piece.body : piece.span.end]
        if callback.encode() not in body or not _REGISTERS.search(body):
            continue
        function = unit.lowered(name)
        if function is None:
            continue
        for call in function.calls:
            if "add_notifier" in call.name and len(call.args) > 1 and _names(call.args[1], callback):
                yield from _member(unit, function, call.args[0], struct, call.span)
        for block in function.blocks:
            for stored in block.events:
                if isinstance(stored, Assign) and _names(stored.value, callback):
                    path, dot, slot = stored.target.rpartition(".")
                    if dot and slot == "notify":
                        yield from _member(unit, function, Addr(path), struct, stored.span)


def _names(value: Value, callback: str) -> bool:
    return isinstance(value, (Var, Addr)) and value.path == callback


def _member(
    unit: TranslationUnit, function: Function, value: Value, struct: str, span: Span
) -> Iterator[tuple[str, Span]]:
    of = object_of(unit, function, value)
    if of.kind == "member" and of.holder == struct:
        yield of.name, span


def _mismatch(
    function: Function,
    span: Span,
    call: Call,
    form: str,
    first: str,
    second: str,
    trail: tuple[Step, ...] = (),
    subject: object = None,
) -> Observation:
    return Observation(
        event="notifier-list-mismatch",
        function=function.name,
        primary=span,
        key=call.text,
        slots={"first": first, "second": second, "callee": call.name, "form": form},
        trail=trail,
        subject=subject,
    )


CHECKS = (
    Check(
        "notifier-list-mismatch",
        "notifiers",
        # first, second: the two lists, or the two members.
        (event("notifier-list-mismatch", "first", "second", "callee", form="list member"),),
        run,
    ),
)
