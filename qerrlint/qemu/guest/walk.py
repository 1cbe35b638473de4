# SPDX-License-Identifier: GPL-2.0-or-later
"""Walk: what the functions of a file do when a guest enters them, walked with samples of its accesses.

An access is a sample: an offset and a size that the memory core lets through, later also a written value. All
samples are walked at once. A state says for each block which samples can be there and what the variables
hold for each of them. A test whose value is known for a sample decides; any other test may go both ways.
Where paths meet, the states are merged sample by sample, so that a variable is known again wherever the paths
of that sample agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import itemgetter

from qerrlint.c.expressions.typed import UNKNOWN, Column, evaluate
from qerrlint.ir.code import Addr, Assign, Call, Declare, Edge, Event, Function, Return, root
from qerrlint.qemu.guest.block_graph import BlockGraph
from qerrlint.qemu.guest.branches import Branch, Branches, Decision
from qerrlint.qemu.guest.sample_scope import FileNames, SampleScope
from qerrlint.qemu.guest.states import State, forget, merged
from qerrlint.records import record
from qerrlint.source.span import Span

# How many calls deep callees in the file are followed, and how many blocks are walked for one entry.
_DEEPEST = 5
_MOST_STEPS = 4000
# So many of the tests right before a place are kept.
_MOST_DECISIONS = 8
ENDS = frozenset(
    {"abort", "exit", "_exit", "hw_error", "cpu_abort", "g_assert_not_reached", "g_abort", "g_error"}
)
"""Calls that end the program."""


@record(frozen=True, slots=True)
class Visit:
    """A place that was reached: in `function`, at `span`, by `samples`, called through `chain` (calls,
    outermost first).

    `sure` are the samples that come there by tests that are known, or read nothing that is; `below` as in
    State. `call` is the
    call there, None for the failing edge of an assertion; `decisions` are the tests right before it; where a
    function is entered, those before its call. `columns`: what variables hold there.
    """

    function: Function
    span: Span
    call: Call | None
    samples: frozenset[int]
    sure: frozenset[int]
    below: frozenset[int]
    decisions: tuple[Decision, ...]
    chain: tuple[Call, ...]
    columns: Mapping[str, Column]


# A callee, whether all tests right before its call are known, what is known of its arguments.
_Called = tuple[str, bool, tuple[tuple[str, Column], ...]]


@record(frozen=True, slots=True)
class WalkObserver:
    """Who is told of a walk, and which part of the functions is of interest.

    `visit` is told of each call and of each assertion that may fail, `returned` of each return of the
    function that is walked first, `reached` of each event and each test, with the state before it, as often
    as that grows. With `sought` only those places are walked that lead to a call that it holds of, or to an
    assertion; with `towards` only those that lead to an event or a test that it holds of.
    """

    visit: Callable[[Visit], None] | None = None
    returned: Callable[[Function, Return, State], None] | None = None
    reached: Callable[[Function, Event | Edge, State], None] | None = None
    sought: Callable[[Call], bool] | None = None
    towards: Callable[[Event | Edge], bool] | None = None


def _ignore(_visit: Visit) -> None:
    """Do nothing with a visit."""


class Walk:
    """Walks functions of one file.

    `enter` says which callees are entered. `blind` are the callees, for several walks, that have been entered
    with nothing known of their arguments.
    """

    def __init__(
        self,
        names: FileNames,
        samples: int,
        enter: Callable[[str], bool],
        observer: WalkObserver,
        blind: set[_Called] | None = None,
    ) -> None:
        self._names = names
        self._samples = samples
        self._enter = enter
        self._visit = observer.visit if observer.visit is not None else _ignore
        self._returned = observer.returned
        self._reached = observer.reached
        self._branches = Branches(names, observer.reached)
        self._sought = observer.sought
        self._towards = observer.towards
        self._graphs: dict[str, BlockGraph] = {}
        self._done: dict[_Called, frozenset[int]] = {}
        self._blind = blind if blind is not None else set()
        self._steps = 0
        self.complete = True
        self._chain: list[Call] = []

    def run(self, function: Function, columns: Mapping[str, Column]) -> None:
        """Walk a function whose parameters hold `columns`."""
        every = frozenset(range(self._samples))
        self._function(function, State(every, columns, every), ())

    def _function(self, function: Function, entry: State, before: tuple[Decision, ...]) -> None:
        """Walk the blocks of one function in order until no state changes."""
        graph = self._graph(function)
        states: dict[int, State] = {0: entry}
        decided: dict[int, tuple[Decision, ...]] = {0: before}
        waiting = {0}
        visits: dict[tuple[int, int], Visit] = {}
        calls: dict[int, list[State]] = {}
        while waiting:
            number = min(waiting, key=graph.order.__getitem__)
            waiting.discard(number)
            self._steps += 1
            if self._steps > _MOST_STEPS:
                self.complete = False
                break
            state = self._events(function, number, states[number], decided, visits, calls)
            if (
                state is None
                or self._ends_in(function, number)
                or not any(
                    graph.leads[edge.target] or (self._towards is not None and self._towards(edge))
                    for edge in function.blocks[number].edges
                )
            ):
                continue
            for edge, after, decision in self._edges(function, number, state):
                if not after.alive or not graph.leads[edge.target]:
                    continue
                told = decision is not None and not _is_asserted(function, graph, number, edge)
                reason = (decision,) if decision is not None and told else decided.get(number, ())
                if graph.is_dead(edge.target):
                    if edge.span is not None:
                        visits[number, -1 - len(visits)] = self._failing(function, edge.span, after, reason)
                    continue
                known = states.get(edge.target)
                both = after if known is None else self._merged(function, known, after)
                earlier = decided.get(edge.target)
                reasons = _added(earlier or (), reason)
                if both != known or reasons != earlier:
                    states[edge.target] = both
                    decided[edge.target] = reasons
                    waiting.add(edge.target)
        final: dict[Span, Visit] = {}
        for visit in visits.values():
            final[visit.span] = visit
        for visit in final.values():
            self._visit(visit)
        for index, found in calls.items():
            for state in found:
                self._called(function, function.calls[index], state, visits)

    def _graph(self, function: Function) -> BlockGraph:
        """The blocks of a function in order, without those that lead to nothing of interest."""
        graph = self._graphs.get(function.name)
        if graph is None:
            graph = self._graphs[function.name] = BlockGraph(function)
            if self._sought is not None or self._towards is not None:
                graph.narrow(self._leads, self._sought is not None)
        return graph

    def _failing(self, function: Function, place: Span, state: State, reason: tuple[Decision, ...]) -> Visit:
        """The visit of an assertion that may fail in a state."""
        counts = state.alive, state.sure, state.below
        return Visit(function, place, None, *counts, reason, tuple(self._chain), state.columns)

    def _edges(self, function: Function, number: int, state: State) -> list[Branch]:
        """The edges after a block, with the states there."""
        return self._branches.of(function, number, state)

    def _ends_in(self, function: Function, number: int) -> bool:
        """Whether the paths through a block are of no interest after it."""
        return False

    def _merged(self, function: Function, one: State, other: State) -> State:
        """What is known where two paths of a function meet."""
        return merged(one, other, self._samples)

    def _leads(self, one: Event | Edge) -> bool:
        """Whether an event or a test is a place to walk to."""
        if self._towards is not None and self._towards(one):
            return True
        if not isinstance(one, Call):
            return False
        return (self._sought is not None and self._sought(one)) or (one.direct and self._enter(one.name))

    def _events(
        self,
        function: Function,
        number: int,
        state: State,
        decided: Mapping[int, tuple[Decision, ...]],
        visits: dict[tuple[int, int], Visit],
        calls: dict[int, list[State]],
    ) -> State | None:
        """The state after a block's events; None where the function ends in it."""
        columns = dict(state.columns)
        for event in function.blocks[number].events:
            if self._reached is not None:
                self._reached(function, event, State(state.alive, columns, state.sure, state.below))
            if isinstance(event, Assign):
                self._assign(function, columns, event)
            elif isinstance(event, Declare):
                forget(columns, event.path)
            elif isinstance(event, Return):
                if self._returned is not None and not self._chain:
                    self._returned(function, event, State(state.alive, columns, state.sure))
                return None
            elif isinstance(event, Call):
                if (self._sought is None and self._towards is None) or self._leads(event):
                    visits[number, event.index] = Visit(
                        function,
                        event.span,
                        event,
                        state.alive,
                        state.sure,
                        state.below,
                        decided.get(number, ()),
                        tuple(self._chain),
                        dict(columns),
                    )
                if event.name in ENDS:
                    return None
                if event.direct and self._enter(event.name) and not self._names.is_unbuilt(event.span):
                    # In a loop the first iteration knows more than all of them together.
                    now = State(state.alive, dict(columns), state.sure, state.below)
                    calls[event.index] = [*calls.get(event.index, ())[:1], now]
                if event.direct and self._never_returns(event.name):
                    return None
                self._after_call(function, columns, event)
        return State(state.alive, columns, state.sure, state.below)

    def _never_returns(self, name: str) -> bool:
        """Whether all paths through a function of the file end the program."""
        if name not in self._names.ending:
            callee = self._names.unit.lowered(name) if name in self._names.unit.functions else None
            self._names.ending[name] = callee is not None and not _may_return(callee)
        return self._names.ending[name]

    def _assign(self, function: Function, columns: dict[str, Column], event: Assign) -> None:
        value = self.assigned(function, columns, event)
        forget(columns, event.target)
        if value.numbers is None:
            return
        declared = self._names.int_type_of(function, event.target)
        if declared is not None:
            columns[event.target] = value.cast(declared)
        elif event.target.startswith("$"):
            columns[event.target] = value

    def assigned(self, function: Function, columns: Mapping[str, Column], event: Assign) -> Column:
        """What an assignment stores, by what the variables hold before it."""
        node = self._names.stored(event)
        return evaluate(node, SampleScope(self._names, function, columns)) if node is not None else UNKNOWN

    def _after_call(self, function: Function, columns: dict[str, Column], call: Call) -> None:
        """Drop what a call may change: members, and locals whose address it gets."""
        given = {root(arg.path) for arg in call.args if isinstance(arg, Addr)}
        for path in list(columns):
            if root(path) in given or path != root(path):
                del columns[path]

    def _called(
        self, function: Function, call: Call, state: State, visits: Mapping[tuple[int, int], Visit]
    ) -> None:
        """Walk a callee with what its arguments hold, unless that was walked with these samples before."""
        callee = self._names.unit.lowered(call.name)
        if callee is None or len(self._chain) >= _DEEPEST or any(c.name == call.name for c in self._chain):
            return
        signature = self._names.unit.signature(call.name)
        scope = SampleScope(self._names, function, state.columns)
        columns: dict[str, Column] = {}
        for param, span in zip(
            signature.params if signature is not None else (), call.arg_spans, strict=False
        ):
            declared = self._names.int_type_of(callee, param.name)
            value = scope.evaluated(self._names.node(span))
            if declared is not None and value.numbers is not None:
                columns[param.name] = value.cast(declared)
        before = next((v.decisions for v in visits.values() if v.call is call), ())
        key = (
            call.name,
            all(decision.known for decision in before),
            tuple(sorted(columns.items(), key=itemgetter(0))),
        )
        if columns and state.alive <= self._done.get(key, frozenset()):
            return
        if not columns and key in self._blind:
            return
        self._done[key] = self._done.get(key, frozenset()) | state.alive
        if not columns:
            self._blind.add(key)
        self._chain.append(call)
        self._function(callee, State(state.alive, columns, state.sure, state.below), before)
        self._chain.pop()


def _is_asserted(function: Function, graph: BlockGraph, number: int, edge: Edge) -> bool:
    """Whether an edge is the side of an assertion that goes on: what follows is not decided by it."""
    others = [other for other in function.blocks[number].edges if other is not edge]
    return bool(others) and not graph.is_dead(edge.target) and all(graph.is_dead(o.target) for o in others)


def _may_return(function: Function) -> bool:
    """Whether some path through a function comes to a return, past no call that ends the program."""
    seen: set[int] = set()
    waiting = [0]
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        for event in function.blocks[number].events:
            if isinstance(event, Return):
                return True
            if isinstance(event, Call) and event.name in ENDS:
                break
        else:
            waiting += [edge.target for edge in function.blocks[number].edges]
    return False


def _added(earlier: tuple[Decision, ...], more: tuple[Decision, ...]) -> tuple[Decision, ...]:
    """Decisions and further ones, each once, the last ones of many."""
    fresh = tuple(one for at, one in enumerate(more) if one not in earlier and one not in more[:at])
    return (earlier + fresh if fresh else earlier)[-_MOST_DECISIONS:]
