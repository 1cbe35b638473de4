# SPDX-License-Identifier: GPL-2.0-or-later
"""Statements to blocks and edges: one parsed function becomes an ir.Function without tree objects.

Both arms of an `#if` inside a body are ways through; a loop written with a FOREACH macro runs zero or more
times, a block under a WITH_ macro runs once and `break` leaves it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qerrlint.c.lower.builder import Switch
from qerrlint.c.lower.conditions import compare
from qerrlint.c.lower.loops import Loops
from qerrlint.c.lower.texts import open_under
from qerrlint.c.normalise import ALWAYS
from qerrlint.ir.code import (
    Const,
    Function,
    Opaque,
    Return,
    Test,
    Value,
    text_of,
)
from qerrlint.source.span import Span

if TYPE_CHECKING:
    from tree_sitter import Node

    from qerrlint.c.parse import Parsed

_SKIPPED = frozenset(
    {
        "comment",
        "preproc_def",
        "preproc_function_def",
        "preproc_call",
        "preproc_include",
        "preproc_directive",
        "type_definition",
        "struct_specifier",
        "enum_specifier",
        "union_specifier",
        "gnu_asm_expression",
        ";",
    }
)


def lower(
    parsed: Parsed, data: bytes, constant: Callable[[str], int | None] | None = None
) -> Function | None:
    """The flow of a parsed function; `data` is the whole file. None where there is no function, and for one
    whose expressions or statements nest too deeply to be walked (a few hundred levels).

    `constant` gives the number behind an upper-case name, None where it is not known.
    """
    if parsed.function is None:
        return None
    body = parsed.function.child_by_field_name("body")
    if body is None:
        return None
    piece = parsed.piece
    lowering = _Lowering(data, piece.span.start, piece.span.path, parsed.normal.rewrites, constant)
    try:
        lowering.statement(body)
    except RecursionError:
        return None
    end = piece.span.start + body.end_byte
    out = lowering.out
    out.emit(Return(None, Span(piece.span.path, end - 1, end), implicit=True))
    return Function(
        name=piece.name,
        span=piece.span,
        body=piece.span.start + body.start_byte,
        blocks=tuple(out.blocks),
        calls=tuple(out.calls),
        locals=out.locals,
        autos=frozenset(out.autos),
    )


class _Lowering(Loops):
    """Lowers the statements of one function."""

    # -- dispatch -----------------------------------------------------------------------------

    def statement(self, node: Node) -> None:
        kind = node.type
        method = self._STATEMENTS.get(kind)
        if method is not None:
            method(self, node)
        elif kind.startswith("preproc_if"):
            self._preprocessed(node)
        elif kind in _SKIPPED:
            return
        elif kind == "attributed_statement":
            for child in node.named_children:
                if child.type != "attribute_declaration":
                    self.statement(child)
        elif node.is_named and not kind.endswith("_statement"):
            self.value(node, used=False)

    def _compound(self, node: Node) -> None:
        for child in node.named_children:
            self.statement(child)

    def _expression(self, node: Node) -> None:
        for child in node.named_children:
            if child.type != "comment":
                self.value(child, used=False)

    # -- branches -----------------------------------------------------------------------------

    def _if(self, node: Node) -> None:
        condition, first = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
        second = node.child_by_field_name("alternative")
        if condition is None or first is None:
            return
        rewrite = self._rewrites.get(node.start_byte)
        if rewrite is not None and rewrite.kind == ALWAYS:
            self.value(condition)
            done = self.out.new()
            self._loop_body(first, done, done)
            self.out.jump(done)
            self.out.here = done
            return
        yes, done = self.out.new(), self.out.new()
        no = self.out.new() if second is not None else done
        self.branch(condition, yes, no)
        self.out.here = yes
        self.statement(first)
        self.out.jump(done)
        if second is not None:
            self.out.here = no
            for child in second.named_children:
                if child.type != "comment":
                    self.statement(child)
            self.out.jump(done)
        self.out.here = done

    def _switch(self, node: Node) -> None:
        condition, body = node.child_by_field_name("condition"), node.child_by_field_name("body")
        if condition is None or body is None:
            return
        subject = self.value(condition)
        dispatch, done = self.out.here, self.out.new()
        switch = Switch(subject, self.span(condition), [])
        self.out.switches.append(switch)
        self.out.breaks.append(done)
        self.out.here = None
        self.statement(body)
        self.out.breaks.pop()
        self.out.switches.pop()
        self.out.jump(done)
        self.out.here = dispatch
        others: list[Test] = []
        fallback = done
        for value, block in switch.cases:
            if value is None:
                fallback = block
                continue
            holds, fails = compare(subject, "==", value)
            self.out.go(block, open_under(holds), switch.span, True)
            others.extend(open_under(fails))
        self.out.go(fallback, tuple(others), switch.span, False)
        self.out.here = done

    def _case(self, node: Node) -> None:
        value_node = node.child_by_field_name("value")
        if not self.out.switches:
            return
        block = self.out.new()
        here, self.out.here = self.out.here, None
        value: Value | None = None
        if value_node is not None:
            value = self.value(value_node)
            if not isinstance(value, Const):
                value = Opaque(text_of(value))
        self.out.here = here
        self.out.switches[-1].cases.append((value, block))
        self.out.enter(block)
        for child in node.named_children:
            if value_node is None or child.id != value_node.id:
                self.statement(child)

    def _preprocessed(self, node: Node) -> None:
        """`#if` inside a body: every arm is a way; without `#else` so is none of them."""
        done = self.out.new()
        arm: Node | None = node
        complete = False
        while arm is not None:
            following = arm.child_by_field_name("alternative")
            complete = complete or arm.type == "preproc_else"
            if self._never(arm):
                arm = following
                complete = complete or (arm is not None and arm.type == "preproc_else")
                continue
            block, other = self.out.new(), self.out.new()
            self.out.go(block)
            if following is not None or not complete:
                self.out.go(other)
            self.out.here = block
            names = [arm.child_by_field_name("name"), arm.child_by_field_name("condition")]
            heads = {n.id for n in names if n is not None}
            for child in arm.named_children:
                if child.id not in heads and child.type not in (
                    "preproc_else",
                    "preproc_elif",
                    "preproc_elifdef",
                ):
                    self.statement(child)
            self.out.jump(done)
            self.out.here = other
            arm = following
        if not complete:
            self.out.go(done)
        self.out.here = done

    def _never(self, arm: Node) -> bool:
        condition = arm.child_by_field_name("condition")
        return condition is not None and self.text(condition) == "0"

    # -- jumps --------------------------------------------------------------------------------

    def _goto(self, node: Node) -> None:
        label = node.child_by_field_name("label")
        if label is None:
            self.out.jump(None)
            return
        name = self.raw(label)
        target = self.out.label(name)
        if name in self.out.placed:  # a jump back
            self.out.blocks[target].loop = True
        self.out.jump(target)

    def _labeled(self, node: Node) -> None:
        label = node.child_by_field_name("label")
        if label is not None:
            name = self.raw(label)
            self.out.placed.add(name)
            self.out.enter(self.out.label(name))
        for child in node.named_children:
            if label is None or child.id != label.id:
                self.statement(child)

    def _return(self, node: Node) -> None:
        values = [child for child in node.named_children if child.type != "comment"]
        value = self.truth(values[0]) if values else None
        self.out.emit(Return(value, self.span(node)))
        self.out.here = None

    _STATEMENTS = {
        "compound_statement": _compound,
        "expression_statement": _expression,
        "declaration": Loops._declaration,
        "if_statement": _if,
        "switch_statement": _switch,
        "case_statement": _case,
        "while_statement": Loops._while,
        "do_statement": Loops._do,
        "for_statement": Loops._for,
        "break_statement": Loops._break,
        "continue_statement": Loops._continue,
        "goto_statement": _goto,
        "labeled_statement": _labeled,
        "return_statement": _return,
        "else_clause": _compound,
    }
