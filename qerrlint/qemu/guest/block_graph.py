# SPDX-License-Identifier: GPL-2.0-or-later
"""BlockGraph: in which order a walk takes the blocks of a function, and which lead to what is sought."""

from __future__ import annotations

from collections.abc import Callable

from qerrlint.ir.code import Edge, Event, Function


class BlockGraph:
    """The shape of a function's blocks: which are dead ends of assertions, in which order to walk them."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self.order = [len(function.blocks)] * len(function.blocks)
        """The place of each block in reverse postorder."""
        self.leads = [True] * len(function.blocks)
        """Whether a path leads on from each block to what is sought."""
        self._number()

    def narrow(self, sought: Callable[[Event | Edge], bool], assertions: bool) -> None:
        """Only blocks lead on from which an event or a test that is sought can be reached, or, where
        `assertions` says so, the end of a failing assertion."""
        blocks = self._function.blocks
        before: list[list[int]] = [[] for _ in blocks]
        for number, block in enumerate(blocks):
            for edge in block.edges:
                before[edge.target].append(number)
        waiting = [
            number
            for number, block in enumerate(blocks)
            if (assertions and self.is_dead(number)) or any(sought(e) for e in (*block.events, *block.edges))
        ]
        self.leads = [False] * len(blocks)
        while waiting:
            number = waiting.pop()
            if not self.leads[number]:
                self.leads[number] = True
                waiting += before[number]

    def is_dead(self, block: int) -> bool:
        """Whether a block is where a failing assertion ends."""
        found = self._function.blocks[block]
        return not found.events and not found.edges

    def _number(self) -> None:
        blocks = self._function.blocks
        seen: set[int] = set()
        post: list[int] = []
        stack: list[tuple[int, int]] = [(0, 0)]
        seen.add(0)
        while stack:
            block, at = stack.pop()
            edges = blocks[block].edges
            while at < len(edges) and edges[at].target in seen:
                at += 1
            if at < len(edges):
                stack.append((block, at + 1))
                seen.add(edges[at].target)
                stack.append((edges[at].target, 0))
            else:
                post.append(block)
        for number, block in enumerate(reversed(post)):
            self.order[block] = number
