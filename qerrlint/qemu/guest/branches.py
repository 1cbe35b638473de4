# SPDX-License-Identifier: GPL-2.0-or-later
"""Branches: which samples of a walk take which edge after a block, by what the test there comes to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from qerrlint.c.expressions.parser import Binary, Node, Path, paths
from qerrlint.c.expressions.typed import UNKNOWN, Column, Number
from qerrlint.ir.code import Edge, Event, Function
from qerrlint.qemu.guest.sample_scope import FileNames, SampleScope
from qerrlint.qemu.guest.states import State
from qerrlint.qemu.guest.tried_values import feasible
from qerrlint.records import record


@record(frozen=True, slots=True)
class Decision:
    """A test that decided: whether its value was known for a sample, and the names that it reads."""

    edge: Edge
    known: bool
    reads: frozenset[str]


# An edge, the state after it, and the test that decides it.
Branch = tuple[Edge, State, Decision | None]


class Branches:
    """The edges after the blocks of one file's functions.

    `reached` is told of each test, with the state before it.
    """

    def __init__(
        self, names: FileNames, reached: Callable[[Function, Event | Edge, State], None] | None
    ) -> None:
        self._names = names
        self._reached = reached

    def of(self, function: Function, number: int, state: State) -> list[Branch]:
        """The edges of a block, each with the state after it and with the test that decides it."""
        edges = function.blocks[number].edges
        out: list[Branch] = []
        cases = [edge for edge in edges if edge.case is not None]
        if cases:
            return self._switched(function, edges, cases, state)
        for edge in edges:
            if edge.span is None or not edge.tests:  # no condition, or an assertion of a constant
                out.append((edge, state, None))
                continue
            if self._reached is not None:
                self._reached(function, edge, state)
            node = self._names.node(edge.span)
            column = SampleScope(self._names, function, state.columns).evaluated(node)
            wanted = bool(edge.taken)
            alive = state.alive
            numbers = column.numbers
            if isinstance(numbers, tuple):
                wrong = tuple([number is not None and bool(number) is not wanted for number in numbers])
                alive = frozenset([index for index in alive if not wrong[index]])
            elif numbers is not None and bool(numbers) is not wanted:
                alive = frozenset()
            reads = self._names.reads(edge.span)
            out.append(self.narrowed(edge, state, alive, column, reads))
        return out

    def narrowed(
        self, edge: Edge, state: State, alive: frozenset[int], column: Column, reads: frozenset[str]
    ) -> Branch:
        """The state on an edge that `alive` take by the value of `column`. A constant decides nothing."""
        numbers = column.numbers
        if isinstance(numbers, int):
            return edge, State(alive, state.columns, state.sure & alive, state.below & alive), None
        decided = frozenset([i for i in alive if numbers[i] is not None] if numbers is not None else ())
        sure = state.sure if alive is state.alive else state.sure & alive
        below = state.below & alive
        if len(decided) < len(alive) and any(path in state.columns for path in reads):
            below = (below & decided) | (sure - decided if self._is_below(edge, state) else frozenset())
            sure &= decided
        return edge, State(alive, state.columns, sure, below), Decision(edge, bool(decided), reads)

    def _is_below(self, edge: Edge, state: State) -> bool:
        """Whether a test asks if a name that something is known of is below what nothing is known of."""
        node = self._names.node(edge.span) if edge.span is not None else None
        if not isinstance(node, Binary) or node.sign not in ("<", "<=", ">", ">="):
            return False
        low, high = (node.left, node.right) if node.sign[0] == "<" else (node.right, node.left)
        if edge.taken is False:
            low, high = high, low
        return isinstance(low, Path) and low.text in state.columns and not paths(high) & state.columns.keys()

    def _switched(
        self, function: Function, edges: Sequence[Edge], cases: Sequence[Edge], state: State
    ) -> list[Branch]:
        """The edges of a `switch`, each with the samples that take it, the default last."""
        scope = SampleScope(self._names, function, state.columns)
        assert cases[0].span is not None
        node = self._names.node(cases[0].span)
        subject = scope.evaluated(node)
        reads = paths(node) if node is not None else frozenset()
        ranges = [self._names.case(function, edge.case) if edge.case is not None else None for edge in cases]
        known = subject.numbers is not None
        out: list[Branch] = []
        by_value = _by_value(subject, state.alive)
        undecided = by_value.pop(None, [])
        rest = set(state.alive)
        for edge, bounds in zip(cases, ranges, strict=True):
            if not known or bounds is None:
                alive = state.alive
            elif bounds[0] == bounds[1]:
                taken = by_value.get(bounds[0], [])
                alive = frozenset([*taken, *undecided])
                rest.difference_update(taken)
            else:
                within = (v for v in by_value if v is not None and bounds[0] <= v <= bounds[1])
                taken = [index for value in within for index in by_value[value]]
                alive = frozenset([*taken, *undecided])
                rest.difference_update(taken)
            # Which samples take a case whose bounds are not known is open.
            out.append(self.narrowed(edge, state, alive, subject if bounds is not None else UNKNOWN, reads))
        for edge in edges:
            if edge.case is None:
                alive = frozenset(rest)
                if None in ranges or (not known and self._exhausted(function, state, node, ranges)):
                    # What the cases are is not known, or they are all that the subject can be.
                    alive = frozenset()
                out.append(self.narrowed(edge, state, alive, subject, reads))
        return out

    def _exhausted(
        self,
        function: Function,
        state: State,
        node: Node | None,
        ranges: Sequence[tuple[int, int] | None],
    ) -> bool:
        """Whether the cases are all values that an expression over one unknown can have."""
        return not feasible(
            self._names,
            function,
            state.columns,
            node,
            lambda v: all(not a <= v <= b for a, b in ranges),  # type: ignore[misc]
        )


def _by_value(subject: Column, alive: frozenset[int]) -> dict[Number, list[int]]:
    """The samples by the value that an expression has for them."""
    numbers = subject.numbers
    if not isinstance(numbers, tuple):
        return {numbers: list(alive)} if alive else {}
    out: dict[Number, list[int]] = defaultdict(list)
    for index in alive:
        out[numbers[index]].append(index)
    return out
