# SPDX-License-Identifier: GPL-2.0-or-later
"""The form in which a function leaves the front end: values, events, blocks; no tree, no QEMU.

A value is what an expression comes to, an event is what happens at a place, a block is a run of
events that ends in edges. Short-circuit operators, comparisons and `?:` have become edges, so the tests
on an edge are atomic: a subject and the signs that it may have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.span import Span

# Signs of a value, as bits: a pointer is ZERO or POS, false is ZERO, true is POS.
NEG, ZERO, POS = 1, 2, 4
NONZERO, ANY = NEG | POS, NEG | ZERO | POS

_IDENTIFIER = lazy_re(r"[A-Za-z_$]\w*")


@record(frozen=True, slots=True)
class Var:
    """The content of an lvalue; `path` is its text without blanks ("err", "s->err", "*errp")."""

    path: str


@record(frozen=True, slots=True)
class Const:
    """A constant: its text, the signs it may have, its number where that is written out."""

    text: str
    signs: int
    number: int | None = None


@record(frozen=True, slots=True)
class Str:
    """A string literal or a concatenation of literals and macros; text as written."""

    text: str


@record(frozen=True, slots=True)
class Addr:
    """The address of an lvalue."""

    path: str


@record(frozen=True, slots=True)
class Result:
    """What call number `call` of this function returned."""

    call: int


@record(frozen=True, slots=True)
class Op:
    """An operator over values of which the sign can be worked out (| & + - and unary ! -)."""

    op: str
    left: Value
    right: Value | None = None


@record(frozen=True, slots=True)
class Opaque:
    """Any other pure expression, known by its text without blanks."""

    text: str


Value: TypeAlias = Var | Const | Str | Addr | Result | Op | Opaque

NULL = Const("NULL", ZERO, 0)
TRUE = Const("true", POS, 1)
FALSE = Const("false", ZERO, 0)


@record(frozen=True, slots=True)
class Test:
    """`subject` has one of the signs `allow`."""

    subject: Value
    allow: int


@record(frozen=True, slots=True)
class Call:
    """Call number `index`: `name` is the callee's name, or the path of a function pointer (then not
    `direct`). `used` tells whether anything is done with the result; `text` is without blanks."""

    index: int
    name: str
    direct: bool
    args: tuple[Value, ...]
    arg_spans: tuple[Span, ...]
    span: Span
    text: str
    used: bool

    def passes_null(self, position: int | None) -> bool:
        """Whether the argument there is a NULL as it is written; False where there is none."""
        if position is None or not 0 <= position < len(self.args):
            return False
        arg = self.args[position]
        return isinstance(arg, Const) and arg.text == "NULL"


@record(frozen=True, slots=True)
class Assign:
    """`target` gets `value`; `stated` is False where the front end made the assignment up."""

    target: str
    value: Value
    span: Span
    stated: bool = True


@record(frozen=True, slots=True)
class Declare:
    """A local variable comes to result without (or before) its initialiser; type as "Error *"."""

    path: str
    type: str
    span: Span
    auto: bool = False
    static: bool = False


@record(frozen=True, slots=True)
class Deref:
    """`*path` (or path[0]) is read or written."""

    path: str
    span: Span
    written: bool = False


@record(frozen=True, slots=True)
class Return:
    """The function returns; `value` is None in a void function and at the closing brace."""

    value: Value | None
    span: Span
    implicit: bool = False


Event: TypeAlias = Call | Assign | Declare | Deref | Return


@record(frozen=True, slots=True)
class Edge:
    """The way to block `target`, open when all tests hold; `span` is the condition's place.

    `case`: of the edge from a `switch` to one of its cases the place of the case's value.
    """

    target: int
    tests: tuple[Test, ...] = ()
    span: Span | None = None
    taken: bool | None = None
    case: Span | None = None


@dataclass(slots=True)
class Block:
    """Events in order, then the edges; `loop` marks the head of a loop or a label jumped back to."""

    events: list[Event] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    loop: bool = False


@record(frozen=True, slots=True)
class Function:
    """A lowered function. Block 0 is the entry. `locals` maps a local's name to its type text,
    `calls` holds every call by number, `autos` the locals that are freed, or live on, by themselves."""

    name: str
    span: Span
    body: int
    blocks: tuple[Block, ...]
    calls: tuple[Call, ...]
    locals: dict[str, str]
    autos: frozenset[str] = frozenset()

    def events(self) -> Iterator[Event]:
        """The events of all blocks, block by block."""
        return (event for block in self.blocks for event in block.events)

    def edges(self) -> Iterator[Edge]:
        """The edges of all blocks, block by block."""
        return (edge for block in self.blocks for edge in block.edges)

    def tests(self) -> Iterator[Test]:
        """The tests on all edges, block by block."""
        return (test for edge in self.edges() for test in edge.tests)

    def assignments(self, target: str) -> Iterator[Assign]:
        """The assignments to a path, block by block."""
        return (event for event in self.events() if isinstance(event, Assign) and event.target == target)

    def holders(self, call: int) -> Iterator[str]:
        """The paths that get the result of a call by its number, block by block."""
        result = Result(call)
        return (
            event.target for event in self.events() if isinstance(event, Assign) and event.value == result
        )

    def returns(self) -> Iterator[Return]:
        """The returns, block by block."""
        return (event for event in self.events() if isinstance(event, Return))


@lru_cache(maxsize=8192)
def identifiers(text: str) -> frozenset[str]:
    """The identifiers in a path or expression text (members included)."""
    return frozenset(_IDENTIFIER.findall(text))


@lru_cache(maxsize=8192)
def root(path: str) -> str:
    """The variable that a path starts from: "s" of "*s->a[i].b"."""
    found = _IDENTIFIER.search(path)
    return found.group() if found else path


def text_of(value: Value) -> str:
    """The value as text, for keys and messages."""
    if isinstance(value, Var):
        return value.path
    if isinstance(value, (Const, Str, Opaque)):
        return value.text
    if isinstance(value, Addr):
        return "&" + value.path
    if isinstance(value, Result):
        return f"#{value.call}"
    if value.right is None:
        return value.op + text_of(value.left)
    return f"{text_of(value.left)}{value.op}{text_of(value.right)}"


def is_cast(call: Call) -> bool:
    """Whether a call is one of a cast macro (OBJECT(x)): the same pointer under another type."""
    return call.direct and call.name.isupper() and len(call.args) == 1
