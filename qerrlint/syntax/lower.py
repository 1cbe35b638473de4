# SPDX-License-Identifier: GPL-2.0-or-later
"""Statements to blocks and edges: one parsed function becomes an ir.Function without tree objects.

Both arms of an `#if` inside a body are ways through; a loop written with a FOREACH macro runs zero or more
times, a block under a WITH_ macro runs once and `break` leaves it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qerrlint.source.span import Span
from qerrlint.syntax.builder import Builder, Switch
from qerrlint.syntax.conditions import Conditions, compare
from qerrlint.syntax.ir import (
    ANY,
    POS,
    Assign,
    Const,
    Declare,
    Function,
    Opaque,
    Return,
    Test,
    Value,
    text_of,
)
from qerrlint.syntax.normalise import ALWAYS, AUTO, LOOP, Rewrite

if TYPE_CHECKING:
    from tree_sitter import Node

    from qerrlint.syntax.parse import Parsed

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


class _Lowering(Conditions):
    def __init__(
        self,
        data: bytes,
        base: int,
        path: str,
        rewrites: Sequence[Rewrite],
        constant: Callable[[str], int | None] | None,
    ) -> None:
        super().__init__(Builder(), data, base, path, constant)
        self._rewrites = {r.start: r for r in rewrites if r.kind in (LOOP, ALWAYS, AUTO)}
        self._autos = sorted(r.start for r in rewrites if r.kind == AUTO)
        self._placed: set[str] = set()

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

    # -- declarations -------------------------------------------------------------------------

    def _declaration(self, node: Node) -> None:
        type_node = node.child_by_field_name("type")
        if type_node is None:
            return
        base = " ".join(self._type_text(type_node).split())
        static = any(
            child.type == "storage_class_specifier" and self.raw(child) in ("static", "extern")
            for child in node.children
        )
        auto = any(node.start_byte <= start < node.end_byte for start in self._autos)
        for index, child in enumerate(node.children):
            if node.field_name_for_child(index) == "declarator":
                self._declarator(child, base, static, auto)

    def _type_text(self, node: Node) -> str:
        """A type as written, except that a macro rewritten in place (g_autoptr) shows its rewriting."""
        if node.type in ("struct_specifier", "union_specifier", "enum_specifier"):
            name = node.child_by_field_name("name")
            return node.type.split("_", maxsplit=1)[0] + (" " + self.raw(name) if name is not None else "")
        text = node.text
        return text.decode("utf-8", "replace") if text is not None else ""

    def _declarator(self, node: Node, base: str, static: bool, auto: bool) -> None:
        initialiser: Node | None = None
        declarator: Node | None = node
        if node.type == "init_declarator":
            initialiser = node.child_by_field_name("value")
            declarator = node.child_by_field_name("declarator")
        stars, array, function = 0, False, False
        while declarator is not None and declarator.type != "identifier":
            if declarator.type == "pointer_declarator":
                stars += 1
            elif declarator.type == "array_declarator":
                array = True
            elif declarator.type == "function_declarator":
                function = True
            inner = declarator.child_by_field_name("declarator")
            if inner is None and declarator.named_child_count:
                inner = declarator.named_children[-1]
            declarator = inner
        if declarator is None:
            return
        name = self.raw(declarator)
        if function and initialiser is None:
            return
        type_text = base + (" " + "*" * stars if stars else "") + ("[]" if array else "")
        self.out.locals[name] = type_text
        if auto or static:
            self.out.autos.add(name)
        span = self.span(node)
        self.out.emit(Declare(name, type_text, span, auto=auto, static=static))
        if initialiser is None:
            return
        if initialiser.type == "initializer_list":
            self._members(name, initialiser)
            return
        self.out.emit(Assign(name, self.truth(initialiser), span))

    def _members(self, name: str, node: Node) -> None:
        """`T x = { .m = v }`: the members named get their values, x as a whole is zeroed first."""
        self.out.emit(Assign(name, Opaque("{0}"), self.span(node)))
        for child in node.named_children:
            if child.type != "initializer_pair":
                self.value(child)
                continue
            designator, inner = child.child_by_field_name("designator"), child.child_by_field_name("value")
            if inner is None:
                continue
            got = self.value(inner)
            if designator is not None and designator.type == "field_designator":
                self.out.emit(Assign(name + self.text(designator), got, self.span(child)))

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
            self.out.go(block, tuple(Test(v, m) for v, m in holds if m != ANY), switch.span, True)
            others.extend(Test(v, m) for v, m in fails if m != ANY)
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

    # -- loops --------------------------------------------------------------------------------

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

    # -- jumps --------------------------------------------------------------------------------

    def _break(self, _node: Node) -> None:
        self.out.jump(self.out.breaks[-1] if self.out.breaks else None)

    def _continue(self, _node: Node) -> None:
        self.out.jump(self.out.continues[-1] if self.out.continues else None)

    def _goto(self, node: Node) -> None:
        label = node.child_by_field_name("label")
        if label is None:
            self.out.jump(None)
            return
        name = self.raw(label)
        target = self.out.label(name)
        if name in self._placed:  # a jump back
            self.out.blocks[target].loop = True
        self.out.jump(target)

    def _labeled(self, node: Node) -> None:
        label = node.child_by_field_name("label")
        if label is not None:
            name = self.raw(label)
            self._placed.add(name)
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
        "declaration": _declaration,
        "if_statement": _if,
        "switch_statement": _switch,
        "case_statement": _case,
        "while_statement": _while,
        "do_statement": _do,
        "for_statement": _for,
        "break_statement": _break,
        "continue_statement": _continue,
        "goto_statement": _goto,
        "labeled_statement": _labeled,
        "return_statement": _return,
        "else_clause": _compound,
    }
