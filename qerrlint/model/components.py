# SPDX-License-Identifier: GPL-2.0-or-later
"""Strongly connected components of a graph whose edges are found while it is walked (Tarjan 1972).

Nothing here is recursive: a chain of calls may be longer than Python's stack.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def components(start: Node, successors: Callable[[Node], Iterable[Node]]) -> Iterator[list[Node]]:
    """The components that can be reached from `start`, each after all others that it leads to.

    `successors` is asked once for each node, when the walk comes to it.
    """
    number = {start: 0}
    lowest = {start: 0}
    open_nodes: list[Node] = [start]
    is_open = {start}
    walk: list[tuple[Node, Iterator[Node]]] = [(start, iter(successors(start)))]
    while walk:
        node, left = walk[-1]
        entered = False
        for following in left:
            if following not in number:
                number[following] = lowest[following] = len(number)
                open_nodes.append(following)
                is_open.add(following)
                walk.append((following, iter(successors(following))))
                entered = True
                break
            if following in is_open:
                lowest[node] = min(lowest[node], number[following])
        if entered:
            continue
        walk.pop()
        if walk:
            parent = walk[-1][0]
            lowest[parent] = min(lowest[parent], lowest[node])
        if lowest[node] == number[node]:
            found: list[Node] = []
            while not found or found[-1] != node:
                found.append(open_nodes.pop())
            is_open.difference_update(found)
            yield found


def postorder(nodes: Sequence[Node], successors: Callable[[Node], Iterable[Node]]) -> list[Node]:
    """The nodes in the order in which a depth-first walk leaves them; others are not entered.

    The walk begins with the first node. In a graph without cycles each node comes after its successors.
    """
    inside, seen = set(nodes), set[Node]()
    order: list[Node] = []
    for start in nodes:
        if start in seen:
            continue
        seen.add(start)
        walk = [(start, iter(successors(start)))]
        while walk:
            node, left = walk[-1]
            following = next((one for one in left if one in inside and one not in seen), None)
            if following is None:
                walk.pop()
                order.append(node)
            else:
                seen.add(following)
                walk.append((following, iter(successors(following))))
    return order
