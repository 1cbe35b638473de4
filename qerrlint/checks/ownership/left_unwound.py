# SPDX-License-Identifier: GPL-2.0-or-later
"""The event left-held of what a function undoes itself where a later step fails, and leaves done where
another step fails: a failing branch that goes to the wrong label, or returns.

No table names the two calls. That one undoes the other is told by their names (msi_init() and msi_uninit(),
foo_register() and foo_unregister()) and by their object: the same first argument, or what the first returns.
Only the graph of the function is looked at: the path out has to be one that the failure of a call decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache

from qerrlint.absint.reachability import blocks_after, loop_around, place_of
from qerrlint.c.cut import Piece
from qerrlint.c.lexis import WORD
from qerrlint.checks.check import Check
from qerrlint.checks.failing_edges import failed_call
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.left_held import LEFT_HELD
from qerrlint.checks.ownership.release_sites import may_release
from qerrlint.domain.ownership import place_of_object
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import (
    Addr,
    Assign,
    Call,
    Const,
    Edge,
    Op,
    Result,
    Return,
    Value,
    Var,
    root,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

PAIR = "what the function undoes itself"
"""The pair that has no table."""
_UNDOING = {
    "cleanup": ("init", "setup", "create", "start"),
    "close": ("open",),
    "deinit": ("init",),
    "del": ("add",),
    "delete": ("add", "create", "new"),
    "destroy": ("create", "init", "new"),
    "detach": ("attach",),
    "disable": ("enable",),
    "disconnect": ("connect",),
    "end": ("begin",),
    "exit": ("init",),
    "exitfn": ("initfn",),
    "fini": ("init",),
    "finalize": ("init",),
    "release": ("acquire", "alloc", "request"),
    "remove": ("add",),
    "stop": ("start",),
    "teardown": ("setup",),
    "thaw": ("freeze",),
    "unassign": ("assign",),
    "unbind": ("bind",),
    "uninit": ("init",),
    "unmap": ("map",),
    "unplug": ("plug",),
    "unrealize": ("realize",),
    "unregister": ("register",),
    "unset": ("set",),
}
"""What the parts of a function's name undo."""
_UNDOES = lazy_re(
    rb"_(?:%s)(?:_\w{1,40})?[ \t]{0,9}\(" % b"|".join(word.encode() for word in sorted(_UNDOING))
)

_FREES_MEMBER = lazy_re(rb"\bg_free[ \t]{0,9}\([ \t]{0,9}\w{1,60}->")


@record(frozen=True, slots=True)
class Unwound:
    """Two calls of which `undone` undoes `done`, and the branch that leaves `done` as it is: `failed` is the
    call that fails there. The subject of exemptions."""

    done: Call
    undone: Call
    failed: Call
    leaving: Edge


def undoes_a_step(data: bytes, piece: Piece) -> bool:
    """Whether a function calls something that another of its calls undoes, by its words."""
    if _FREES_MEMBER.search(data, piece.body, piece.span.end):
        return True
    names: set[str] = set()
    for found in _UNDOES.finditer(data, piece.body, piece.span.end):
        start = found.start()
        while data[start - 1] in WORD:
            start -= 1
        names.add(data[start : found.end() - 1].decode("latin-1").strip())
    return any(
        data.find(other.encode(), piece.body, piece.span.end) >= 0
        for name in names
        for other in _undone_by(name)
    )


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The failing branches of a function that skip what other failing branches undo."""
    piece, unit = analysed.piece, analysed.unit
    if analysed.kind == "unknown":
        return
    if _FREES_MEMBER.search(unit.data, piece.body, piece.span.end):
        for done, undone in _memory_of_members(analysed):
            yield from _skipping(analysed, done, undone)
    if not _UNDOES.search(unit.data, piece.body, piece.span.end):
        return
    by_name: dict[str, list[Call]] = {}
    for call in analysed.function.calls:
        if call.direct:
            by_name.setdefault(call.name, []).append(call)
    for name, undoing in by_name.items():
        for done in (call for other in _undone_by(name) for call in by_name.get(other, ())):
            same = [call for call in undoing if _is_same(analysed, done, call)]
            if len(same) == 1 and len(by_name[done.name]) == 1:
                yield from _skipping(analysed, done, same[0])


def _memory_of_members(analysed: AnalysedFunction) -> Iterator[tuple[Call, Call]]:
    """The calls that give a member new memory, each with the one call that frees what it holds."""
    function = analysed.function
    freed: dict[str, list[Call]] = {}
    made: dict[str, list[Call]] = {}
    for event in function.events():
        if isinstance(event, Call) and event.name == "g_free" and len(event.args) == 1:
            freed.setdefault(place_of_object(event.args[0]), []).append(event)
        elif isinstance(event, Assign) and "->" in event.target and isinstance(event.value, Result):
            made.setdefault(event.target, []).append(function.calls[event.value.call])
    for place, calls in made.items():
        undoing = freed.get(place, [])
        if len(calls) == len(undoing) == 1 and word_list("glib-memory").matches(calls[0].name):
            yield calls[0], undoing[0]


@lru_cache(maxsize=4096)
def _undone_by(name: str) -> tuple[str, ...]:
    """The names of the functions that a function undoes, by its own name."""
    return _with_other_part(name, lambda part: _UNDOING.get(part, ()))


@lru_cache(maxsize=4096)
def undoing_names(name: str) -> tuple[str, ...]:
    """The names that a function which undoes another one may have, by the name of that."""
    return _with_other_part(
        name, lambda part: (other for other, undone in _UNDOING.items() if part in undone)
    )


def _with_other_part(name: str, others: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    """A name with one of its parts between underscores, but the first, replaced by each of some others."""
    parts = name.split("_")
    return tuple(
        "_".join((*parts[:number], other, *parts[number + 1 :]))
        for number, part in enumerate(parts)
        if number
        for other in others(part)
    )


def _is_same(analysed: AnalysedFunction, done: Call, undone: Call) -> bool:
    """Whether all that one call is handed has been handed to, or was made by, another."""
    places = {*map(place_of_object, done.args), *analysed.function.holders(done.index)}
    wanted = [place_of_object(arg) for arg in undone.args if not isinstance(arg, Const)]
    return bool(wanted) and "" not in wanted and places.issuperset(wanted)


def _skipping(analysed: AnalysedFunction, done: Call, undone: Call) -> Iterator[Observation]:
    """The branches after `done` that a failing call decides, and that lead to a failure without `undone`."""
    function = analysed.function
    start, end = place_of(function, done.index), place_of(function, undone.index)
    if start is None or end is None or loop_around(function, start[0]) or loop_around(function, end[0]):
        return
    behind = blocks_after(function, start[0]) | {start[0]}
    undoing = blocks_after(function, end[0]) | {end[0]}
    if end[0] not in behind or not _fails(analysed, undoing, undoing):
        return
    leading = {n for n in behind - undoing if end[0] in blocks_after(function, n)}
    skipping: list[tuple[Call, Edge]] = []
    unwinds = False
    for number in sorted(leading):
        for edge in function.blocks[number].edges:
            failed = failed_call(analysed, number, edge)
            at = place_of(function, failed.index) if failed is not None else None
            if failed is None or at is None or at[0] not in behind or at <= start:
                continue
            if word_list("bool-questions").matches(failed.name):
                # No is an answer.
                continue
            if edge.target in leading | undoing:
                unwinds = True
            elif _is_way_out(analysed, edge, undoing, failed, (done, undone)):
                skipping.append((failed, edge))
    if unwinds:
        for failed, edge in skipping:
            yield _observation(analysed, Unwound(done, undone, failed, edge))


def _is_way_out(
    analysed: AnalysedFunction, edge: Edge, undoing: Collection[int], failed: Call, pair: tuple[Call, Call]
) -> bool:
    """Whether a branch that a failed call decides leads to a failure of the function and undoes nothing."""
    region = blocks_after(analysed.function, edge.target) | {edge.target}
    told = {test.subject.path for test in edge.tests if isinstance(test.subject, Var)}
    others = region - frozenset(undoing)
    return _fails(analysed, region, undoing, told, failed) and not may_undo(
        analysed, others, pair[0], pair[1].name, pair[1].args
    )


def _fails(
    analysed: AnalysedFunction,
    region: Collection[int],
    undoing: Collection[int],
    told: Collection[str] = (),
    failed: Call | None = None,
) -> bool:
    """Whether each return of some blocks is a failure, as far as its value tells.

    A variable is one where it has just been tested (`told`), or where other failures return it as well: but a
    pointer that is returned behind what undoes may be what the function has made. For a void function the
    Error tells: the call that has failed was handed it, or one of the blocks sets it.
    """
    blocks = analysed.function.blocks
    returns = [(n, event) for n in region for event in blocks[n].events if isinstance(event, Return)]
    if not returns:
        return False
    if analysed.kind == "void":
        calls = [event for n in region for event in blocks[n].events if isinstance(event, Call)]
        names = {analysed.errp, *(n for n, kind in analysed.function.locals.items() if kind == "Error *")}
        return failed is None or any(
            isinstance(arg, (Var, Addr)) and arg.path in names
            for call in (failed, *calls)
            for arg in call.args
        )
    return all(
        _is_failure(analysed.kind, event.value)
        or (
            isinstance(event.value, Var)
            and (event.value.path in told or (number in undoing and analysed.kind != "pointer"))
        )
        for number, event in returns
    )


def _is_failure(kind: str, value: Value | None) -> bool:
    if isinstance(value, Const):
        return value.text.startswith("-") if kind == "int" else value.number == 0
    return isinstance(value, Op) and value.op == "-" and value.right is None


def may_undo(
    analysed: AnalysedFunction, region: Collection[int], done: Call, undone: str, objects: Iterable[Value]
) -> bool:
    """Whether a call in some blocks may undo another one, as `undone` does with the objects: by its body, or
    by its name and its arguments."""
    unit, word = analysed.unit, undone.encode()
    roots = {root(place) for arg in objects if (place := place_of_object(arg))}
    for number in region:
        for event in analysed.function.blocks[number].events:
            if not isinstance(event, Call) or event.name in (done.name, undone):
                continue
            body = unit.functions.get(event.name) if event.direct else None
            if body is not None and word in unit.data[body.body : body.span.end]:
                return True
            handed = {root(place_of_object(arg)) for arg in event.args}
            if may_release(event.name) and (roots & handed or not handed):
                return True
    return False


def _observation(analysed: AnalysedFunction, subject: Unwound) -> Observation:
    undone, failed = subject.undone, subject.failed
    steps = (
        Step(
            subject.leaving.span or failed.span, f"{failed.name}() fails, and {undone.name}() is not called"
        ),
        Step(undone.span, "another failing path undoes it here"),
    )
    slots = {"object": place_of_object(undone.args[0]), "release": f"{undone.name}()", "when": "skipped"}
    return step_left_done(analysed, subject, (subject.done, failed), slots, steps)


def step_left_done(
    analysed: AnalysedFunction,
    subject: object,
    calls: tuple[Call, Call],
    slots: Mapping[str, str],
    steps: tuple[Step, ...],
) -> Observation:
    """The observation of a step that no pair of a rule knows and that a failure leaves done.

    `calls`: the step and what fails; `slots`: object, release and when; `steps`: what follows in the trail.
    """
    done, failed = calls
    return Observation(
        event="left-held",
        function=analysed.name,
        primary=done.span,
        key=f"{done.text} {failed.text}",
        slots={"pair": PAIR, "acquire": done.name, "elsewhere": "yes", **slots},
        trail=(Step(done.span, f"{done.name}() is called here"), *steps),
        certainty="medium",
        subject=subject,
        group=(PAIR, analysed.name, done.index),
    )


CHECKS = (Check("left-unwound", "ownership", (LEFT_HELD,), run),)
