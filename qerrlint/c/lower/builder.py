# SPDX-License-Identifier: GPL-2.0-or-later
"""The control-flow graph of a function while it is built: blocks, edges, jump targets and local variables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qerrlint.ir.code import ANY, Assign, Block, Call, Edge, Event, Test, Value, Var
from qerrlint.source.span import Span

# A condition as subjects with the signs that each may have; all must hold.
Signs = tuple[tuple[Value, int], ...]


@dataclass(slots=True)
class Switch:
    """A switch being lowered: its cases so far as (value or None for default, its place, block)."""

    subject: Value
    span: Span
    cases: list[tuple[Value | None, Span | None, int]]


def tests_of(signs: Iterable[tuple[Value, int]]) -> tuple[Test, ...]:
    """The tests of an edge; a subject that may have any sign needs no test."""
    return tuple([Test(value, mask) for value, mask in signs if mask != ANY])


class Builder:
    """Appends events and edges to blocks.

    `here` is the block that takes the next event; None where the code cannot be reached. `breaks` and
    `continues` are the targets of the enclosing loops and switches, `placed` the labels already defined.
    `renamed`: what labels are called in the arm of an #if that another arm of it has as well.
    """

    __slots__ = (
        "_temporaries",
        "autos",
        "blocks",
        "breaks",
        "calls",
        "continues",
        "here",
        "labels",
        "locals",
        "placed",
        "renamed",
        "switches",
    )

    def __init__(self) -> None:
        self.blocks: list[Block] = [Block()]
        self.here: int | None = 0
        self.calls: list[Call] = []
        self.locals: dict[str, str] = {}
        self.autos: set[str] = set()
        self.labels: dict[str, int] = {}
        self.placed: set[str] = set()
        self.renamed: dict[str, str] = {}
        self.breaks: list[int] = []
        self.continues: list[int] = []
        self.switches: list[Switch] = []
        self._temporaries = 0

    def new(self) -> int:
        """Add an empty block; return its number."""
        self.blocks.append(Block())
        return len(self.blocks) - 1

    def emit(self, event: Event) -> None:
        """Append an event to the current block; dropped in unreachable code."""
        if self.here is not None:
            self.blocks[self.here].events.append(event)

    def go(
        self,
        target: int,
        tests: tuple[Test, ...] = (),
        span: Span | None = None,
        taken: bool | None = None,
        case: Span | None = None,
    ) -> None:
        """Add an edge from the current block to `target`."""
        if self.here is not None:
            self.blocks[self.here].edges.append(Edge(target, tests, span, taken, case))

    def jump(self, target: int | None) -> None:
        """Add an edge to `target`, if there is one; the code that follows is unreachable."""
        if target is not None:
            self.go(target)
        self.here = None

    def enter(self, block: int) -> None:
        """Add an edge to `block` and continue there."""
        self.go(block)
        self.here = block

    def fork(self, holds: Signs, fails: Signs, yes: int, no: int, span: Span) -> None:
        """Add the two edges of a condition at `span`, each with its tests; ends the current block."""
        if self.here is not None:
            edges = self.blocks[self.here].edges
            edges.append(Edge(yes, tests_of(holds), span, True))
            edges.append(Edge(no, tests_of(fails), span, False))
            self.here = None

    def label(self, name: str) -> int:
        """The block of a label, added at its first mention."""
        if name not in self.labels:
            self.labels[name] = self.new()
        return self.labels[name]

    def temporary(self, value: Value, span: Span) -> Var:
        """Assign `value` to a new temporary variable; return the variable."""
        name = self.name_temporary()
        self.emit(Assign(name, value, span, stated=False))
        return Var(name)

    def name_temporary(self) -> str:
        """The name of a new temporary variable, which the caller assigns."""
        self._temporaries += 1
        return f"${self._temporaries}"
