# SPDX-License-Identifier: GPL-2.0-or-later
"""Bounded disjunctive exploration: a set of path states for each block, steered by a Domain.

The loss is written down: when a block has seen more states than the limit allows, further states are
joined, and the exploration is marked incomplete.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from qerrlint.ir.code import Edge, Event, Function

S = TypeVar("S")

STATE_LIMIT = 128


class Domain(Protocol[S]):
    """What an exploration needs to know of its states; states are never changed in place."""

    def step(self, state: S, event: Event) -> Iterable[S]:
        """The states after an event; none where the path ends."""

    def assume(self, state: S, edge: Edge) -> S | None:
        """The state on the other side of an edge, or None where its tests cannot hold."""

    def arrive(self, state: S, block: int, loop: bool) -> S:
        """The state as a block starts: facts that no longer matter are dropped."""

    def key(self, state: S) -> Hashable:
        """Equal keys: nothing that happens later can tell the states apart."""

    def join(self, state: S) -> S:
        """A coarser state, used above the limit; must end up in finitely many keys."""


@dataclass(frozen=True, slots=True)
class Explored:
    """How an exploration went; `complete` is False when states were joined or given up, `states` counts the
    states that reached a block's end."""

    complete: bool
    states: int


def explore(function: Function, entry: S, domain: Domain[S], limit: int = STATE_LIMIT) -> Explored:
    """Walk every way through the function, block by block in reverse postorder."""
    blocks = function.blocks
    rank = _reverse_postorder(function)
    seen: list[set[Hashable]] = [set() for _ in blocks]
    waiting: list[list[S]] = [[] for _ in blocks]
    complete, states = True, 0
    alone = _with_one_way_in(function)
    start = domain.arrive(entry, 0, loop=False)
    seen[0].add(domain.key(start))
    waiting[0].append(start)
    queue = [(rank[0], 0)]
    queued = {0}
    while queue:
        _, index = heapq.heappop(queue)
        queued.discard(index)
        block = blocks[index]
        current, waiting[index] = waiting[index], []
        for event in block.events:
            after: list[S] = []
            for state in current:
                after.extend(domain.step(state, event))
            # Events that split nothing are left to the next place where ways meet.
            current = after if len(after) <= len(current) else _distinct(after, domain)
            if not current:
                break
        states += len(current)
        for state in current:
            for edge in block.edges:
                passed = domain.assume(state, edge)
                if passed is None:
                    continue
                target = edge.target
                arrived = domain.arrive(passed, target, blocks[target].loop)
                if alone[target] and len(waiting[target]) < limit:
                    # Ways meet where a block has several ways in: only there are states compared.
                    waiting[target].append(arrived)
                    if target not in queued:
                        queued.add(target)
                        heapq.heappush(queue, (rank[target], target))
                    continue
                key = domain.key(arrived)
                if key in seen[target]:
                    continue
                if len(seen[target]) >= limit:
                    complete = False
                    arrived = domain.join(arrived)
                    key = domain.key(arrived)
                    if key in seen[target] or len(seen[target]) >= 4 * limit:
                        continue
                seen[target].add(key)
                waiting[target].append(arrived)
                if target not in queued:
                    queued.add(target)
                    heapq.heappush(queue, (rank[target], target))
    return Explored(complete, states)


def _with_one_way_in(function: Function) -> list[bool]:
    """For each block whether a single edge leads to it: what arrives there has been told apart before."""
    ways = [0] * len(function.blocks)
    for block in function.blocks:
        for edge in block.edges:
            ways[edge.target] += 1
    return [count == 1 for count in ways]


def _distinct(states: list[S], domain: Domain[S]) -> list[S]:
    out: dict[Hashable, S] = {}
    for state in states:
        out.setdefault(domain.key(state), state)
    return list(out.values())


def _reverse_postorder(function: Function) -> list[int]:
    """The rank of each block; unreachable blocks come last."""
    blocks = function.blocks
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
