# SPDX-License-Identifier: GPL-2.0-or-later
"""The event notifier-list-mismatch: lists, or members, that do not belong together.

A list of notifiers or blockers becomes what is left of another one; or container_of() gets from a notifier to
its object by another member than the one that was registered. Only what one file shows is compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Addr, Assign, Call, Function, Result, Value, Var, identifiers, root
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.registrations import object_of
from qerrlint.source.span import Span

_REMOVAL = lazy_re(r"g_s?list_(?:remove(?:_all|_link)?|delete_link)\Z")
_REGISTERS = lazy_re(rb"\b(?:\w*add_notifier\w*|add_migration_state_change_notifier)\s*\(|\bnotify\s*=")


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The mismatches of one function."""
    yield from _removals(analysed)
    yield from _members(analysed.unit, analysed.function)


def _removals(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A list of notifiers or blockers that becomes what a removal leaves of another one.

    Both lists outlive the function: a local variable may hold what is left of any list.
    """
    function = analysed.function
    removals = {
        call.index: call for call in function.calls if call.direct and call.args and _REMOVAL.match(call.name)
    }
    for block in function.blocks if removals else ():
        for stored in block.events:
            if not isinstance(stored, Assign) or not isinstance(stored.value, Result):
                continue
            call = removals.get(stored.value.call)
            source = call.args[0] if call is not None else None
            if call is None or not isinstance(source, Var) or source.path == stored.target:
                continue
            lists = (stored.target, source.path)
            if all(_outlives(analysed, path) for path in lists) and any(map(_is_registered_list, lists)):
                yield _mismatch(function, stored.span, call, "list", lists)


def _outlives(analysed: AnalysedFunction, path: str) -> bool:
    """Whether a path leads to something that is neither a local variable nor a parameter."""
    signature = analysed.signature
    params = {param.name for param in signature.params} if signature is not None else set()
    return path != root(path) or (path not in analysed.function.locals and path not in params)


def _is_registered_list(path: str) -> bool:
    """Whether a list is one of notifiers or blockers, by its name."""
    return any(word_list("registered-lists").matches(word.lower()) for word in identifiers(path))


def _members(unit: TranslationUnit, function: Function) -> Iterator[Observation]:
    """container_of() of a callback's first argument, by another member than the one that was registered."""
    signature = unit.signature(function.name)
    calls = [call for call in function.calls if call.name == "container_of" and len(call.args) == 3]
    if not calls or signature is None or not signature.params or not unit.uses.is_handed_over(function.name):
        return
    for call in calls:
        if call.args[0] != Var(signature.params[0].name):
            continue
        struct, member = (unit.text.on_one_line(span).replace(" ", "") for span in call.arg_spans[1:])
        places = list(_registered(unit, function.name, struct))
        wrong = [(name, span) for name, span in places if name != member]
        if wrong and not any(name == member for name, _ in places):
            name, span = wrong[0]
            steps = (Step(span, f"{function.name}() is registered with {name} here"),)
            yield _mismatch(function, call.span, call, "member", (name, member), steps)


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
        for stored in function.events():
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
    told: tuple[str, str],
    trail: tuple[Step, ...] = (),
) -> Observation:
    """The observation of two lists, or of two members, that should be the same."""
    first, second = told
    return Observation(
        event="notifier-list-mismatch",
        function=function.name,
        primary=span,
        key=call.text,
        slots={"first": first, "second": second, "callee": call.name, "form": form},
        trail=trail,
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
