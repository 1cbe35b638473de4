# SPDX-License-Identifier: GPL-2.0-or-later
"""Control dependence: which blocks decide whether another block runs, and which branches matter to given
blocks.

Post-dominators are found as Cooper, Harvey and Kennedy describe ("A Simple, Fast Dominance Algorithm"),
control dependence as Ferrante, Ottenstein and Warren do. Sets of blocks are bit masks.
"""

from __future__ import annotations

from collections.abc import Sequence


def controlled(successors: Sequence[Sequence[int]]) -> list[int]:
    """For each block the mask of the blocks that are control dependent on it.

    `successors[b]` are the blocks that the edges of block b lead to; block 0 is the entry, a block without
    successors leaves the graph. A block from which no path leaves the graph controls all blocks, since
    nothing is known of what follows it.
    """
    exit_ = len(successors)
    parents = _post_dominators(successors)
    out = [0] * exit_
    for block, targets in enumerate(successors):
        if len(targets) < 2:
            continue
        if parents[block] < 0 or any(parents[target] < 0 for target in targets):
            out[block] = -1
            continue
        stop = parents[block]
        mask = 0
        for target in targets:
            walked = target
            while walked not in (stop, exit_):
                mask |= 1 << walked
                walked = parents[walked]
        out[block] = mask
    return out


def _post_dominators(successors: Sequence[Sequence[int]]) -> list[int]:
    """The immediate post-dominator of each block; len(successors) is the exit, -1 is for a block without
    any."""
    exit_ = len(successors)
    edges: list[Sequence[int]] = [targets or (exit_,) for targets in successors]
    sources: list[list[int]] = [[] for _ in range(exit_ + 1)]
    for block, targets in enumerate(edges):
        for target in targets:
            sources[target].append(block)
    order = _postorder(sources, exit_)
    rank = {block: place for place, block in enumerate(order)}
    parents = [-1] * (exit_ + 1)
    parents[exit_] = exit_
    changed = True
    while changed:
        changed = False
        for block in reversed(order[:-1]):
            new = -1
            for target in edges[block]:
                if parents[target] >= 0:
                    new = target if new < 0 else _meet(new, target, parents, rank)
            if new != parents[block]:
                parents[block] = new
                changed = True
    return parents


def _meet(one: int, other: int, parents: list[int], rank: dict[int, int]) -> int:
    """The nearest common post-dominator of two blocks."""
    while one != other:
        while rank[one] < rank[other]:
            one = parents[one]
        while rank[other] < rank[one]:
            other = parents[other]
    return one


def _postorder(sources: Sequence[Sequence[int]], start: int) -> list[int]:
    """The blocks that reach the exit, in postorder of the reversed graph."""
    order: list[int] = []
    visited = {start}
    stack = [(start, iter(sources[start]))]
    while stack:
        block, rest = stack[-1]
        for source in rest:
            if source not in visited:
                visited.add(source)
                stack.append((source, iter(sources[source])))
                break
        else:
            order.append(block)
            stack.pop()
    return order
