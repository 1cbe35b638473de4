# SPDX-License-Identifier: GPL-2.0-or-later
"""Nodes of one function as texts, places and lvalue paths, and the ways between the parts of the lowering.

Knows what a node is called and where it stands; what it does the classes built on this one know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from qerrlint.c.lower.builder import Builder
from qerrlint.c.normalise import ALWAYS, AUTO, LOOP, Rewrite
from qerrlint.ir.code import ANY, Test, Value
from qerrlint.source.span import Span

if TYPE_CHECKING:
    from tree_sitter import Node


def open_under(signs: Iterable[tuple[Value, int]]) -> tuple[Test, ...]:
    """The tests under which an edge is open; one that any sign passes is none."""
    return tuple(Test(value, mask) for value, mask in signs if mask != ANY)


class Texts:
    """One function being lowered into a Builder of its own: its bytes, and what its nodes are called."""

    def __init__(
        self,
        data: bytes,
        base: int,
        path: str,
        rewrites: Sequence[Rewrite],
        constant: Callable[[str], int | None] | None,
    ) -> None:
        self.out = Builder()
        self._constant_value = constant
        self._data = data
        self._base = base
        self._path = path
        self._rewrites = {r.start: r for r in rewrites if r.kind in (LOOP, ALWAYS, AUTO)}
        self._autos = sorted(r.start for r in rewrites if r.kind == AUTO)

    def span(self, node: Node) -> Span:
        """The node's place in the file."""
        return Span(self._path, self._base + node.start_byte, self._base + node.end_byte)

    def raw(self, node: Node) -> str:
        """The node's text as written (original bytes)."""
        data = self._data[self._base + node.start_byte : self._base + node.end_byte]
        return data.decode("utf-8", "replace")

    def text(self, node: Node) -> str:
        """The node's text without blanks and comments."""
        text = self.raw(node)
        if "/*" in text or "//" in text:
            text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)
        return "".join(text.split())

    def lvalue(self, node: Node) -> str:
        """The canonical path of an lvalue, or the folded text of anything else."""
        kind = node.type
        if kind in ("identifier", "field_identifier"):
            return self.raw(node)
        if kind == "field_expression":
            base, member = node.child_by_field_name("argument"), node.child_by_field_name("field")
            if base is not None and member is not None:
                inner = self.lvalue(base)
                arrow = node.child(1)
                if inner.startswith("&"):
                    return f"{inner[1:]}.{self.raw(member)}"
                dot = arrow.type if arrow is not None else "."
                return f"{inner}{dot}{self.raw(member)}"
        if kind == "parenthesized_expression" and node.named_child_count == 1:
            return self.lvalue(node.named_children[0])
        if kind == "cast_expression":
            value = node.child_by_field_name("value")
            if value is not None:
                return self.lvalue(value)
        if kind == "pointer_expression":
            argument = node.child_by_field_name("argument")
            operator = node.child(0)
            if argument is not None and operator is not None:
                inner = self.lvalue(argument)
                if operator.type == "*":
                    return inner[1:] if inner.startswith("&") else "*" + inner
                return inner[1:] if inner.startswith("*") else "&" + inner
        if kind == "subscript_expression":
            base, index = node.child_by_field_name("argument"), node.child_by_field_name("index")
            if base is not None and index is not None:
                return f"{self.lvalue(base)}[{self.text(index)}]"
        return self.text(node)

    # -- what the classes built on this one do ------------------------------------------------

    def value(self, node: Node, used: bool = True) -> Value:
        """Emit what an expression does; return what it comes to (Expressions)."""
        raise NotImplementedError

    def statement(self, node: Node) -> None:
        """Lower a statement expression's body; (the lowering of statements)."""
        raise NotImplementedError

    def branch(self, node: Node, yes: int, no: int) -> None:
        """Edges for a condition (Conditions)."""
        raise NotImplementedError

    def fork(
        self,
        holds: tuple[tuple[Value, int], ...],
        fails: tuple[tuple[Value, int], ...],
        yes: int,
        no: int,
        span: Span,
    ) -> None:
        """Two edges from the current block, each with the tests under which it is open."""
        self.out.go(yes, open_under(holds), span, True)
        self.out.go(no, open_under(fails), span, False)
        self.out.here = None

    def _has_effect(self, node: Node) -> bool:
        """Whether the expression holds a call or an assignment (by a look at its bytes first)."""
        data = self._data[self._base + node.start_byte : self._base + node.end_byte]
        if b"(" not in data and b"=" not in data:
            return False
        if node.type in ("call_expression", "assignment_expression", "update_expression"):
            return True
        return any(self._has_effect(child) for child in node.named_children)
