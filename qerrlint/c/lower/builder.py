# SPDX-License-Identifier: GPL-2.0-or-later
"""The blocks of a function while it is lowered: where events go next, scopes and jump targets."""

from __future__ import annotations

from dataclasses import dataclass

from qerrlint.ir.code import Assign, Block, Call, Edge, Event, Test, Value, Var
from qerrlint.source.span import Span


@dataclass(slots=True)
class Switch:
    """A switch being lowered: the cases met so far as (value or None for default, block)."""

    subject: Value
    span: Span
    cases: list[tuple[Value | None, int]]


class Builder:
    """Grows blocks. `here` is the block that takes the next event, None where nothing can arrive."""

    def __init__(self) -> None:
        self.blocks: list[Block] = [Block()]
        self.here: int | None = 0
        self.calls: list[Call] = []
        self.locals: dict[str, str] = {}
        self.autos: set[str] = set()
        self.labels: dict[str, int] = {}
        self.placed: set[str] = set()  # the labels that the text has come to
        self.breaks: list[int] = []
        self.continues: list[int] = []
        self.switches: list[Switch] = []
        self._temporaries = 0

    def new(self) -> int:
        """A new empty block."""
        self.blocks.append(Block())
        return len(self.blocks) - 1

    def emit(self, event: Event) -> None:
        """Put an event at the end of the current block; dropped where nothing can arrive."""
        if self.here is not None:
            self.blocks[self.here].events.append(event)

    def go(
        self, target: int, tests: tuple[Test, ...] = (), span: Span | None = None, taken: bool | None = None
    ) -> None:
        """An edge from the current block."""
        if self.here is not None:
            self.blocks[self.here].edges.append(Edge(target, tests, span, taken))

    def jump(self, target: int | None) -> None:
        """Leave for `target`; what follows in the text is not reached from here."""
        if target is not None:
            self.go(target)
        self.here = None

    def enter(self, block: int) -> None:
        """Fall through into `block` and go on there."""
        self.go(block)
        self.here = block

    def label(self, name: str) -> int:
        """The block of a label, made at its first mention."""
        if name not in self.labels:
            self.labels[name] = self.new()
        return self.labels[name]

    def temporary(self, value: Value, span: Span) -> Var:
        """A made-up variable that holds `value` from here on."""
        self._temporaries += 1
        name = f"${self._temporaries}"
        self.emit(Assign(name, value, span, stated=False))
        return Var(name)

    def name_temporary(self) -> str:
        """The name of a made-up variable that several blocks will assign."""
        self._temporaries += 1
        return f"${self._temporaries}"
