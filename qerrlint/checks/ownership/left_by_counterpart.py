# SPDX-License-Identifier: GPL-2.0-or-later
"""The event left-held of a step that a realize or plug function leaves done where it fails, and that only the
function which undoes it (unrealize, unplug) takes back: neither runs after a failure (hw/core/qdev.c).

As in left_unwound.py the names and the objects tell which call undoes which. Steps of which a table of pairs
knows are left to the events of the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from qerrlint.absint.reachability import blocks_after, loop_around, place_of, reaches_without
from qerrlint.c.cut import Piece
from qerrlint.c.lexis import bare
from qerrlint.checks.check import Check
from qerrlint.checks.devices.phase_functions import has_types
from qerrlint.checks.failing_edges import failed_call
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.held import exits
from qerrlint.checks.ownership.left_held import LEFT_HELD
from qerrlint.checks.ownership.left_unwound import may_undo, step_left_done, undoing_names
from qerrlint.checks.ownership.release_sites import may_release
from qerrlint.domain.ownership import place_of_object
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Addr, Call, Edge, Result, Return, Value, Var
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.type_graph import QomType, graph_of
from qerrlint.records import record
from qerrlint.source.span import Span

_UNDONE_BY = {
    "realize": ("unrealize", "exit", "exitfn", "uninit"),
    "realizefn": ("unrealizefn", "exitfn"),
    "plug": ("unplug",),
}
"""What the functions are called that undo what such a function does, by a part of its name."""
_ENTRY = lazy_re(r"(?:\A|_)(realize|realizefn|plug)(?=_|\Z)")
_CALLS = lazy_re(r"\b(\w+)\s*\(\s*(&?\s*[\w.>\-]+(?:\([\w.>\-]*\))?)?")


@record(frozen=True, slots=True)
class LeftDone:
    """A call that stays done where another one, or a test, fails: `undone` is the call in the function
    `counterpart` that undoes it. The subject of exemptions."""

    done: Call
    undone: str
    counterpart: str
    failed: Call
    leaving: Edge


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The steps of a realize or plug function that stay done where it fails."""
    piece = _counterpart(analysed)
    if piece is None or not (analysed.errp is not None or analysed.kind in ("int", "bool")):
        return
    undoing = _calls_of(analysed, piece)
    known = {one.seen.call for one in exits(analysed, "held")}
    called = {call.name for call in analysed.function.calls}
    # A function that undoes something on another path is left to left_unwound.py.
    for done in analysed.function.calls if piece.name not in called else ():
        if not done.direct or not done.args or done.index in known:
            continue
        for name in undoing_names(done.name):
            if name in undoing and name not in called and _object(done.text) == _object(undoing[name][0]):
                yield from _left(analysed, done, name, piece.name, undoing[name][1])


def _counterpart(analysed: AnalysedFunction) -> Piece | None:
    """The function of the file that undoes what this one does, by their names, or by a type that has both."""
    found = _ENTRY.search(analysed.name)
    if found is None:
        return None
    for other in _UNDONE_BY[found[1]]:
        name = f"{analysed.name[: found.start(1)]}{other}{analysed.name[found.end(1) :]}"
        if name in analysed.unit.functions:
            return analysed.unit.functions[name]
    undoing = {
        phase.function
        for of in _realized(analysed)
        for phase in of.phases
        if phase.phase == "unrealize" and phase.path == analysed.unit.path
    }
    return analysed.unit.functions.get(undoing.pop()) if len(undoing) == 1 else None


def _realized(analysed: AnalysedFunction) -> list[QomType]:
    """The types of the file that the function realizes."""
    if not has_types(analysed.unit):
        return []
    return [
        of
        for of in graph_of(analysed.unit.environment).of_file(analysed.unit.path)
        if any(phase.phase == "realize" and phase.function == analysed.name for phase in of.phases)
    ]


def _calls_of(analysed: AnalysedFunction, piece: Piece) -> Mapping[str, tuple[str, Span]]:
    """The calls in a function, by name, with the text of each up to its first argument."""
    text = bare(analysed.unit.data[piece.body : piece.span.end]).decode("latin-1")
    out: dict[str, tuple[str, Span]] = {}
    for found in _CALLS.finditer(text):
        if not word_list("undone-without-effect").matches(found[1]):
            start = piece.body + found.start()
            out.setdefault(found[1], (found[0], Span(analysed.unit.path, start, piece.body + found.end())))
    return out


def _object(call: str) -> str:
    """The first argument of a call as two functions write it: the member's name, or "*" for a variable."""
    first = re.split(r"[,)]", call.partition("(")[2])[0].strip().lstrip("&").strip()
    parts = re.split(r"->|\.", first)
    return parts[-1] if len(parts) > 1 else "*"


def _left(
    analysed: AnalysedFunction, done: Call, undone: str, counterpart: str, there: Span
) -> Iterator[Observation]:
    """The first failing branch behind a call that nothing undoes."""
    function = analysed.function
    start = place_of(function, done.index)
    if start is None or loop_around(function, start[0]):
        return
    for number in sorted(_after_success(analysed, done, start[0])):
        for edge in function.blocks[number].edges:
            failed = _failing(analysed, done, start, number, edge)
            if failed is None:
                continue
            if number != start[0] and reaches_without(function, number, avoiding=start[0]):
                continue
            region = blocks_after(function, edge.target) | {edge.target}
            subject = LeftDone(done, undone, counterpart, failed, edge)
            if _is_failure(analysed, region, failed) and not _takes_back(analysed, region, subject):
                yield _observation(analysed, subject, there)
                return


def _after_success(analysed: AnalysedFunction, done: Call, start: int) -> set[int]:
    """The block of a call and those after it, without those that only a failure of the call leads to."""
    seen, waiting = {start}, [start]
    while waiting:
        number = waiting.pop()
        for edge in analysed.function.blocks[number].edges:
            failed = failed_call(analysed, number, edge)
            if edge.target not in seen and (failed is None or failed.index != done.index):
                seen.add(edge.target)
                waiting.append(edge.target)
    return seen


def _failing(
    analysed: AnalysedFunction, done: Call, start: tuple[int, int], number: int, edge: Edge
) -> Call | None:
    """What fails where an edge is taken: a call behind `done`, or a test, of which the call that sets the
    Error stands for."""
    failed = failed_call(analysed, number, edge)
    if failed is not None:
        at = place_of(analysed.function, failed.index)
        if at is None or at <= start or failed.index == done.index:
            return None
        if word_list("bool-questions").matches(failed.name):
            return None
        return failed
    if any(_is_of(analysed, test.subject, done) for test in edge.tests) or not edge.tests:
        return None
    for event in analysed.function.blocks[edge.target].events:
        if isinstance(event, Call) and event.name.startswith("error_set"):
            return event
    return None


def _is_of(analysed: AnalysedFunction, subject: Value, call: Call) -> bool:
    """Whether a test asks for the result of a call, or for the Error that it was handed."""
    if subject == Result(call.index):
        return True
    if not isinstance(subject, Var):
        return False
    handed = {arg.path for arg in call.args if isinstance(arg, (Var, Addr))}
    return subject.path.lstrip("*") in handed or any(
        event.value == Result(call.index) for event in analysed.function.assignments(subject.path)
    )


def _is_failure(analysed: AnalysedFunction, region: Iterable[int], failed: Call) -> bool:
    """Whether some blocks do nothing but tell of a failure, clean up and return one."""
    blocks = analysed.function.blocks
    events = [event for number in region for event in blocks[number].events]
    calls = [event for event in events if isinstance(event, Call)]
    returns = [event for event in events if isinstance(event, Return)]
    if not returns or any(_is_work(call) for call in calls):
        return False
    if analysed.errp is None:
        return all(event.value is not None for event in returns)
    told = [call for call in calls if call.name.startswith(("error_set", "error_propagate"))]
    return any(
        isinstance(arg, Var) and arg.path == analysed.errp for call in (failed, *told) for arg in call.args
    )


def _is_work(call: Call) -> bool:
    """Whether a call does something else than to tell of a failure or to clean up."""
    return not (
        call.name.startswith(("error_", "trace_", "warn_report", "info_report")) or may_release(call.name)
    )


def _takes_back(analysed: AnalysedFunction, region: Iterable[int], subject: LeftDone) -> bool:
    """Whether some blocks, a caller of the function, or the end of the object may undo a call."""
    unit, done, undone = analysed.unit, subject.done, subject.undone
    blocks = tuple(region)
    if may_undo(analysed, blocks, done, undone, done.args[:1]):
        return True
    events = [event for number in blocks for event in analysed.function.blocks[number].events]
    if any(isinstance(event, Call) and event.name in (undone, subject.counterpart) for event in events):
        return True
    ends = re.compile(rb"\b(?:%s|%s)\s*\(" % (undone.encode(), subject.counterpart.encode()))
    others = [name for name in unit.functions if "finalize" in name]
    for name in (*others, *unit.uses.callers_of(analysed.name)):
        piece = unit.functions.get(name)
        if piece is not None and ends.search(unit.data, piece.body, piece.span.end) is not None:
            return True
    return not _goes_on(analysed)


def _goes_on(analysed: AnalysedFunction) -> bool:
    """Whether QEMU runs on after a failure: not where no user makes such a device at run time."""
    realizing = _realized(analysed)
    return not realizing or any(
        of.flag("user_creatable", True) and of.flag("hotpluggable", True) for of in realizing
    )


def _observation(analysed: AnalysedFunction, subject: LeftDone, there: Span) -> Observation:
    done, undone = subject.done, subject.undone
    span = subject.leaving.span or subject.failed.span
    steps = (
        Step(span, f"the function fails here, and {undone}() is not called"),
        Step(there, f"{subject.counterpart}(), which does not run then, undoes it"),
    )
    taken = place_of_object(done.args[0]) or done.name
    slots = {"object": taken, "release": f"{undone}()", "when": "counterpart"}
    return step_left_done(analysed, subject, (done, subject.failed), slots, steps)


CHECKS = (Check("left-by-counterpart", "ownership", (LEFT_HELD,), run),)
