# SPDX-License-Identifier: GPL-2.0-or-later
"""Loops to blocks with a back edge, and the ways out of them; FOREACH macros run zero or more times."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qerrlint.c.lower.locals import Locals
from qerrlint.c.normalise import LOOP
from qerrlint.ir.code import POS, Assign, Const

if TYPE_CHECKING:
    from tree_sitter import Node


class Loops(Locals):
    """Lowers the loops of one function; the lowering of statements builds on it."""

    def _loop_body(self, body: Node, on_break: int, on_continue: int) -> None:
        self.out.breaks.append(on_break)
        self.out.continues.append(on_continue)
        self.statement(body)
        self.out.breaks.pop()
        self.out.continues.pop()

    def _while(self, node: Node) -> None:
        condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        if condition is None or body is None:
            return
        rewrite = self._rewrites.get(node.start_byte)
        if rewrite is not None and rewrite.kind == LOOP:
            self._foreach(node, condition, body)
            return
        head, inside, done = self.out.new(), self.out.new(), self.out.new()
        self.out.blocks[head].loop = True
        self.out.enter(head)
        self.branch(condition, inside, done)
        self.out.here = inside
        self._loop_body(body, done, head)
        self.out.jump(head)
        self.out.here = done

    def _foreach(self, node: Node, condition: Node, body: Node) -> None:
        """A FOREACH macro: its first argument takes unknown values, zero or more rounds."""
        inner = condition.named_children[0] if condition.named_child_count else condition
        first = inner
        while first.type == "comma_expression":
            left = first.child_by_field_name("left")
            if left is None:
                break
            first = left
        head, inside, done = self.out.new(), self.out.new(), self.out.new()
        self.out.blocks[head].loop = True
        self.out.enter(head)
        self.out.go(inside)
        self.out.go(done)
        self.out.here = inside
        if first.type in ("identifier", "field_expression", "pointer_expression"):
            value = Const(f"<{self.raw(node)[:24].split('(')[0].strip()}>", POS)
            self.out.emit(Assign(self.lvalue(first), value, self.span(first), stated=False))
        self._loop_body(body, done, head)
        self.out.jump(head)
        self.out.here = done

    def _do(self, node: Node) -> None:
        body, condition = node.child_by_field_name("body"), node.child_by_field_name("condition")
        if body is None or condition is None:
            return
        head, test, done = self.out.new(), self.out.new(), self.out.new()
        self.out.blocks[head].loop = self.text(condition) not in ("(0)", "(false)")
        self.out.enter(head)
        self._loop_body(body, done, test)
        self.out.enter(test)
        self.branch(condition, head, done)
        self.out.here = done

    def _for(self, node: Node) -> None:
        initialiser, condition = (
            node.child_by_field_name("initializer"),
            node.child_by_field_name("condition"),
        )
        update, body = node.child_by_field_name("update"), node.child_by_field_name("body")
        if body is None:
            return
        if initialiser is not None:
            if initialiser.type == "declaration":
                self._declaration(initialiser)
            else:
                self.value(initialiser, used=False)
        head, inside, step, done = self.out.new(), self.out.new(), self.out.new(), self.out.new()
        self.out.blocks[head].loop = True
        self.out.enter(head)
        if condition is not None:
            self.branch(condition, inside, done)
        else:
            self.out.jump(inside)
        self.out.here = inside
        self._loop_body(body, done, step)
        self.out.jump(step)
        self.out.here = step
        if update is not None:
            self.value(update, used=False)
        self.out.jump(head)
        self.out.here = done

    def _break(self, _node: Node) -> None:
        self.out.jump(self.out.breaks[-1] if self.out.breaks else None)

    def _continue(self, _node: Node) -> None:
        self.out.jump(self.out.continues[-1] if self.out.continues else None)
