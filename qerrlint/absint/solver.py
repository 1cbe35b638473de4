# SPDX-License-Identifier: GPL-2.0-or-later
"""The solver: a bounded set of states for each block of a graph (a disjunctive domain), until nothing new
arrives.

It walks the blocks in reverse postorder. The loss is written down: when a block has seen more states than the
limit allows, further states are widened, and the result is marked incomplete. The same is done between two
events of a block. In a graph that costs more than any that people write, a few states a block are followed.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from qerrlint.records import record

STATE_LIMIT = 128
# The states between two events of a block: calls that each split all states would double them each time. The
# most that a function of QEMU has is 512, and 1,824 in one main().
BETWEEN_LIMIT = 2048
# States handed to events and edges in one run. The most that a function of QEMU takes is 96,000.
WORK_LIMIT = 200_000
# The states of a block that are kept apart beyond that.
_FEW = 8


class Edge(Protocol):
    """An edge from one block to another."""

    @property
    def target(self) -> int:
        """The number of the block that it leads to."""


class Block(Protocol):
    """A run of events that ends in edges; `loop` marks a block that edges lead back to."""

    @property
    def events(self) -> Sequence[Any]:
        """The events, in order."""

    @property
    def edges(self) -> Sequence[Any]:
        """The edges that leave at the end."""

    @property
    def loop(self) -> bool:
        """Whether it is the head of a loop."""


class Graph(Protocol):
    """Blocks by number; block 0 is the entry."""

    @property
    def blocks(self) -> Sequence[Block]:
        """The blocks."""


S = TypeVar("S")
V_contra = TypeVar("V_contra", contravariant=True)
E_contra = TypeVar("E_contra", contravariant=True)


class Domain(Protocol[S, V_contra, E_contra]):
    """What the solver needs to know of states, events and edges. States are never changed in place."""

    def step(self, state: S, event: V_contra) -> Sequence[S]:
        """The states after an event; none where the path ends."""

    def assume(self, state: S, edge: E_contra) -> S | None:
        """The state on the other side of an edge, or None where its tests cannot hold."""

    def arrive(self, state: S, block: int, loop: bool) -> S:
        """The state at the start of a block, without what no longer matters there."""

    def key(self, state: S) -> Hashable:
        """States with different keys are never compared."""

    def covers(self, one: S, other: S) -> bool:
        """Of two states with equal keys: whether all that can happen from `other` on can happen from `one`
        on, so that `other` need not be followed."""

    def widen(self, state: S) -> S:
        """A state above this one, used beyond the limit; of all states it makes finitely many."""


@record(frozen=True, slots=True)
class Explored:
    """How a run went; `complete` is False when states were widened or given up, `states` counts the states
    that reached a block's end."""

    complete: bool
    states: int


def explore(
    graph: Graph,
    entry: S,
    domain: Domain[S, Any, Any],
    limit: int = STATE_LIMIT,
    between: int = BETWEEN_LIMIT,
    work: int = WORK_LIMIT,
) -> Explored:
    """Walk every path of the graph from `entry`; `limit` bounds the states of a block before widening,
    `between` those between two of its events, and `work` the states handed to events and edges in all."""
    return _Run(graph, domain, limit, between, work).run(entry)


class _Run:
    """One run of the solver: the states seen and waiting at each block, and the blocks to visit."""

    def __init__(
        self, graph: Graph, domain: Domain[Any, Any, Any], limit: int, between: int, work: int
    ) -> None:
        self._blocks = graph.blocks
        self._domain = domain
        self._limit = limit
        self._between = between
        self._work = work
        self._rank = _reverse_postorder(graph)
        self._alone = _with_one_way_in(graph)
        self._seen: list[dict[Hashable, list[Any]]] = [{} for _ in self._blocks]
        self._count = [0] * len(self._blocks)
        self._waiting: list[list[Any]] = [[] for _ in self._blocks]
        # The blocks with waiting states, by rank; one whose states were taken away again may be in it twice.
        self._queue: list[tuple[int, int]] = []
        self._complete = True

    def run(self, entry: Any) -> Explored:
        """Propagate states until no block has any waiting."""
        start = self._domain.arrive(entry, 0, loop=False)
        self._seen[0][self._domain.key(start)] = [start]
        self._put(start, 0)
        assume, arrive, blocks = self._domain.assume, self._domain.arrive, self._blocks
        waiting, alone = self._waiting, self._alone
        states = 0
        while self._queue:
            _, index = heapq.heappop(self._queue)
            block = blocks[index]
            current: Sequence[Any] = waiting[index]
            waiting[index] = []
            current = self._through(block.events, current)
            states += len(current)
            edges = block.edges
            self._work -= len(current) * len(edges)
            if self._work < 0:
                self._economise()
            for state in current:
                for edge in edges:
                    passed = assume(state, edge)
                    if passed is None:
                        continue
                    target = edge.target
                    arrived = arrive(passed, target, blocks[target].loop)
                    if alone[target] and len(waiting[target]) < self._limit:
                        # One edge in: the states were told apart where they came from.
                        self._put(arrived, target)
                    else:
                        self._arrived(arrived, target)
        return Explored(self._complete, states)

    def _through(self, events: Sequence[Any], current: Sequence[Any]) -> Sequence[Any]:
        """The states after all events of a block."""
        step = self._domain.step
        for event in events:
            number = len(current)
            if number == 1:
                after: Sequence[Any] = step(current[0], event)
            else:
                after = [following for state in current for following in step(state, event)]
            self._work -= number
            if self._work < 0:
                self._economise()
            # Events that split nothing leave equal states to the next block with several edges in.
            current = after if len(after) <= number else self._distinct(after)
            if len(current) > self._between:
                current = self._fewer(current)
            if not current:
                break
        return current

    def _economise(self) -> None:
        """Beyond the work that one graph may cost only a few states of a block are kept apart."""
        self._limit = min(self._limit, _FEW)
        self._between = min(self._between, 4 * _FEW)

    def _lose(self) -> None:
        """States are widened. Half as many are kept apart from then on: the result is incomplete anyway."""
        if self._complete:
            self._complete = False
            self._limit = max(1, self._limit // 2)

    def _fewer(self, states: Sequence[Any]) -> list[Any]:
        """As many states as a block may have seen, and of what the others are widened to as many again."""
        self._lose()
        limit = self._limit
        widened = self._distinct([*map(self._domain.widen, states[limit:])])
        return [*states[:limit], *widened[:limit]]

    def _arrived(self, state: Any, target: int) -> None:
        """Let a state wait at a block, unless one that covers it has been there."""
        key = self._domain.key(state)
        if self._is_covered(state, key, target):
            return
        if self._count[target] >= self._limit:
            self._lose()
            state = self._domain.widen(state)
            key = self._domain.key(state)
            if self._is_covered(state, key, target) or self._count[target] >= 4 * self._limit:
                return
        self._count[target] += 1
        self._seen[target].setdefault(key, []).append(state)
        self._put(state, target)

    def _is_covered(self, state: Any, key: Hashable, target: int) -> bool:
        """Whether a state that has been at a block covers this one, which has that key; those that this one
        covers need not wait."""
        alike = self._seen[target].get(key)
        if not alike:
            return False
        covers = self._domain.covers
        for old in alike:
            if covers(old, state):
                return True
        weaker = [old for old in alike if covers(state, old)]
        if weaker:
            self._waiting[target] = [
                old for old in self._waiting[target] if all(old is not w for w in weaker)
            ]
            alike[:] = [old for old in alike if all(old is not w for w in weaker)]
        return False

    def _put(self, state: Any, target: int) -> None:
        waiting = self._waiting[target]
        if not waiting:
            heapq.heappush(self._queue, (self._rank[target], target))
        waiting.append(state)

    def _distinct(self, states: Iterable[Any]) -> list[Any]:
        """The states that no other one of them covers."""
        out: dict[Hashable, list[Any]] = {}
        key, covers = self._domain.key, self._domain.covers
        for state in states:
            alike = out.setdefault(key(state), [])
            if not any(covers(old, state) for old in alike):
                alike.append(state)
        return [state for alike in out.values() for state in alike]


def _with_one_way_in(graph: Graph) -> list[bool]:
    """For each block whether a single edge leads to it, or it is the entry and none does."""
    ways = [0] * len(graph.blocks)
    # Without this one, a loop whose only edge back leads to the entry would be walked without end.
    ways[0] = 1
    for block in graph.blocks:
        for edge in block.edges:
            ways[edge.target] += 1
    return [count == 1 for count in ways]


def _reverse_postorder(graph: Graph) -> list[int]:
    """The rank of each block; unreachable blocks come last."""
    blocks = graph.blocks
    rank = [len(blocks)] * len(blocks)
    order: list[int] = []
    visited = {0}
    stack = [(0, iter(blocks[0].edges))]
    while stack:
        index, edges = stack[-1]
        for edge in edges:
            if edge.target not in visited:
                visited.add(edge.target)
                stack.append((edge.target, iter(blocks[edge.target].edges)))
                break
        else:
            order.append(index)
            stack.pop()
    for place, index in enumerate(reversed(order)):
        rank[index] = place
    return rank
