# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists and members that do not fit: a removal from one list stored into another, container_of() with another
member than the one that is registered. Only what one file shows is compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.cut import Piece
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Addr, Assign, Call, Function, Result, Value, Var, root, text_of
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.registrations import object_of
from qerrlint.source.span import Span

_REMOVAL = re.compile(r"g_s?list_(?:remove(?:_all|_link)?|delete_link)\Z")
_REGISTERED = re.compile(r"notifier|blocker", re.IGNORECASE)
_CALLER = re.compile(rb"\b(?:\w*add_notifier\w*|add_migration_state_change_notifier)\s*\(|\bnotify\s*=")


def wrong_lists(unit: TranslationUnit, piece: Piece) -> Iterator[Observation]:
    """The mismatches of one function."""
    data, start, end = unit.data, piece.body, piece.span.end
    removes = data.find(b"list_remove", start, end) >= 0 or data.find(b"list_delete", start, end) >= 0
    contains = data.find(b"container_of", start, end) >= 0
    function = unit.lowered(piece.name) if removes or contains else None
    if function is None:
        return
    if removes:
        yield from _removals(unit, function)
    if contains:
        yield from _members(unit, function)


def _removals(unit: TranslationUnit, function: Function) -> Iterator[Observation]:
    """A list of notifiers or blockers that becomes what is left of another one."""
    for block in function.blocks:
        for event in block.events:
            if not isinstance(event, Assign) or not isinstance(event.value, Result):
                continue
            call = function.calls[event.value.call]
            if not call.direct or not _REMOVAL.match(call.name) or not call.args:
                continue
            source = text_of(call.args[0])
            if source == event.target or not _both_kept(unit, function, event.target, call.args[0]):
                continue
            if not any(_REGISTERED.search(text) for text in (event.target, source)):
                continue
            yield _seen(function, event.span, call, event.target, source, "list", ())


def _both_kept(unit: TranslationUnit, function: Function, target: str, source: Value) -> bool:
    """Whether both lists outlive the function: a local one may hold what is left as it likes."""
    signature = unit.signature(function.name)
    params = {param.name for param in signature.params} if signature is not None else set()

    def kept(path: str) -> bool:
        return path != root(path) or (path not in function.locals and path not in params)

    return isinstance(source, Var) and kept(target) and kept(source.path)


def _members(unit: TranslationUnit, function: Function) -> Iterator[Observation]:
    """container_of() of what a callback is handed, by another member than the one that was registered."""
    signature = unit.signature(function.name)
    if signature is None or not signature.params or not unit.is_handed_over(function.name):
        return
    handed = Var(signature.params[0].name)
    for call in function.calls:
        if call.name != "container_of" or len(call.args) != 3 or call.args[0] != handed:
            continue
        struct, member = (unit.on_one_line(span).replace(" ", "") for span in call.arg_spans[1:])
        places = list(_registered(unit, function.name, struct))
        wrong = [(name, span) for name, span in places if name != member]
        if wrong and not any(name == member for name, _ in places):
            name, span = wrong[0]
            steps = (Step(span, f"{function.name}() is registered with {name} here"),)
            yield _seen(function, call.span, call, name, member, "member", steps)


def _registered(unit: TranslationUnit, callback: str, struct: str) -> Iterator[tuple[str, Span]]:
    """The members of the struct with which a callback is registered, and where."""
    for name, piece in unit.functions.items():
        body = unit.data[piece.body : piece.span.end]
        if callback.encode() not in body or not _CALLER.search(body):
            continue
        function = unit.lowered(name)
        if function is None:
            continue
        for call in function.calls:
            if "add_notifier" in call.name and len(call.args) > 1 and _names(call.args[1], callback):
                yield from _member(unit, function, call.args[0], struct, call.span)
        for block in function.blocks:
            for event in block.events:
                if isinstance(event, Assign) and _names(event.value, callback):
                    path, dot, slot = event.target.rpartition(".")
                    if dot and slot == "notify":
                        yield from _member(unit, function, Addr(path), struct, event.span)


def _names(value: Value, callback: str) -> bool:
    return isinstance(value, (Var, Addr)) and value.path == callback


def _member(
    unit: TranslationUnit, function: Function, value: Value, struct: str, span: Span
) -> Iterator[tuple[str, Span]]:
    of = object_of(unit, function, value)
    if of.kind == "member" and of.holder == struct:
        yield of.name, span


def _seen(
    function: Function, span: Span, call: Call, first: str, second: str, form: str, steps: tuple[Step, ...]
) -> Observation:
    return Observation(
        "notifier-list-mismatch",
        function.name,
        span,
        call.text,
        {"first": first, "second": second, "callee": call.name, "form": form},
        steps,
    )
