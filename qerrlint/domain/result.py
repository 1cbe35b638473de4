# SPDX-License-Identifier: GPL-2.0-or-later
"""The result of interpreting one function: occurrences on its paths, its return states, its branches."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from qerrlint.absint.trace import Trail
from qerrlint.c.declarations.types import Signature
from qerrlint.domain.error import Cell, ErrorState
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.out_parameter import out_parameter
from qerrlint.ir.code import Function, Value
from qerrlint.records import record
from qerrlint.source.span import Span


@record(frozen=True, slots=True)
class Occurrence:
    """Something that happens at `span` on some path.

    `cell` is the name of the Error pointer (or other variable), `first` its state before, `call` the number
    of the call at the place (-1: none).
    """

    kind: OccurrenceKind
    span: Span
    cell: str
    first: Cell
    call: int
    trail: Trail | None


@record(frozen=True, slots=True)
class ReturnState:
    """One way of returning: the result's signs, the out-error's state, the return itself.

    `origin` is the call whose result is returned (-1: none), `printed` the calls on the path that printed
    or freed an Error or a message, `soft` says that the value is a code that is no failure, `constant` which
    named constant the value is, `propagated` that an Error (or none) was propagated to errp on the path.
    """

    signs: int
    value: Value | None
    error: Cell
    span: Span
    implicit: bool
    trail: Trail | None
    origin: int
    printed: tuple[int, ...]
    soft: bool
    constant: str
    propagated: bool


@record(frozen=True, slots=True)
class Condition:
    """A test of an Error pointer: the states that paths arrive with."""

    span: Span
    cell: str
    states: frozenset[ErrorState]


@record(frozen=True, slots=True)
class DeadBranch:
    """A test of a call's result that only goes one way because the call ends the program on failure."""

    span: Span
    call: int
    taken: bool


@dataclass
class FunctionResult:
    """What the interpretation of one function found. `complete`: no state was widened; `states` counts
    them."""

    function: Function
    signature: Signature | None
    occurrences: list[Occurrence] = field(default_factory=list)
    returns: list[ReturnState] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    dead_branches: list[DeadBranch] = field(default_factory=list)
    complete: bool = True
    states: int = 0

    @cached_property
    def errp(self) -> str | None:
        """The name of the function's own out-parameter, None where it has none."""
        out = out_parameter(self.function, self.signature)
        return out.name if out is not None else None
