# SPDX-License-Identifier: GPL-2.0-or-later
"""Expressions to values; knows C's operators and a few transparent macros, not how a condition splits a path.

`Expressions.value` emits what an expression does (calls, assignments, dereferences) and returns what it
comes to.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qerrlint.c.lower.atoms import Atoms
from qerrlint.c.lower.calls import Calls
from qerrlint.ir.code import (
    FALSE,
    NEG,
    NONZERO,
    POS,
    TRUE,
    ZERO,
    Addr,
    Assign,
    Const,
    Deref,
    Op,
    Opaque,
    Value,
    Var,
    text_of,
)

if TYPE_CHECKING:
    from tree_sitter import Node

_TYPE = re.compile(r"\((?:\w+_t|int|long|hwaddr|unsigned)\)$")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*$")
_SIGN_OPERATORS = frozenset({"|", "&", "+", "-"})
COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})


class Expressions(Atoms, Calls):
    """Lowers the expressions of one function into a Builder."""

    # -- values -------------------------------------------------------------------------------

    def value(self, node: Node, used: bool = True) -> Value:
        """Emit what the expression does; return what it comes to."""
        method = self._METHODS.get(node.type)
        if method is not None:
            return method(self, node, used)
        for child in node.named_children:
            self.value(child)
        return Opaque(self.text(node))

    def _parenthesized(self, node: Node, used: bool) -> Value:
        inner: Value = Opaque(self.text(node))
        for child in node.named_children:
            if child.type == "compound_statement":
                self.statement(child)
                return Opaque(self.text(node))
            if child.type != "comment":
                inner = self.value(child, used)
        return inner

    def _cast(self, node: Node, used: bool) -> Value:
        inner = node.child_by_field_name("value")
        return self.value(inner, used) if inner is not None else Opaque(self.text(node))

    def _field(self, node: Node, _used: bool) -> Value:
        base = node.child_by_field_name("argument")
        while base is not None and base.type in ("field_expression", "parenthesized_expression"):
            base = base.child_by_field_name("argument") or (
                base.named_children[0] if base.named_children else None
            )
        if base is not None and base.type not in ("identifier", "this"):
            self.value(base)
        return Var(self.lvalue(node))

    def _subscript(self, node: Node, _used: bool) -> Value:
        base, index = node.child_by_field_name("argument"), node.child_by_field_name("index")
        if base is not None and base.type != "identifier":
            self.value(base)
        if index is not None:
            number = self.value(index)
            if base is not None and base.type == "identifier" and number == Const("0", ZERO, 0):
                path = self.raw(base)
                self.out.emit(Deref(path, self.span(node)))
        return Var(self.lvalue(node))

    def _pointer(self, node: Node, _used: bool) -> Value:
        argument = node.child_by_field_name("argument")
        operator = node.child(0)
        if argument is None or operator is None:
            return Opaque(self.text(node))
        if operator.type == "&":
            if argument.type not in ("identifier", "field_expression"):
                self.value(argument)
            path = self.lvalue(argument)
            return Var(path[1:]) if path.startswith("*") else Addr(path)
        inner = self.value(argument)
        if isinstance(inner, Addr):
            return Var(inner.path)
        if isinstance(inner, Var):
            self.out.emit(Deref(inner.path, self.span(node)))
            return Var("*" + inner.path)
        return Opaque(self.text(node))

    def _unary(self, node: Node, _used: bool) -> Value:
        argument, operator = node.child_by_field_name("argument"), node.child(0)
        if argument is None or operator is None:
            return Opaque(self.text(node))
        if operator.type == "!" and self._has_effect(argument):
            return self._by_branches(node)
        inner = self.value(argument)
        if operator.type == "-":
            if isinstance(inner, Const):
                flipped = (
                    (inner.signs & ZERO)
                    | (NEG if inner.signs & POS else 0)
                    | (POS if inner.signs & NEG else 0)
                )
                return Const("-" + inner.text, flipped, -inner.number if inner.number is not None else None)
            if isinstance(inner, Var) and inner.path == "errno":
                # errno is never 0 after a failure, which is the only time -errno is written.
                return Const("-errno", NEG)
            return Op("-", inner)
        if operator.type == "!":
            return Op("!", inner)
        return Opaque(self.text(node)) if operator.type != "+" else inner

    def _binary(self, node: Node, _used: bool) -> Value:
        operator = node.child_by_field_name("operator")
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if operator is None or left is None or right is None:
            return Opaque(self.text(node))
        kind = operator.type
        if kind in ("-", "&") and _TYPE.match(self.text(left)):
            # `(off_t)-1` looks like a subtraction to a grammar that knows no typedefs.
            return self._signed(right, kind, node)
        if kind in ("&&", "||") or (kind in COMPARISONS and self._has_effect(node)):
            if self._has_effect(node):
                return self._by_branches(node)
            return Opaque(self.text(node))
        a, b = self.value(left), self.value(right)
        if kind in _SIGN_OPERATORS:
            return Op(kind, a, b)
        return Opaque(f"{text_of(a)}{kind}{text_of(b)}")

    def _signed(self, operand: Node, operator: str, node: Node) -> Value:
        inner = self.value(operand)
        if operator == "-" and isinstance(inner, Const) and inner.number is not None:
            return Const("-" + inner.text, NEG if inner.number > 0 else inner.signs, -inner.number)
        return Opaque(self.text(node))

    def _conditional(self, node: Node, used: bool) -> Value:
        condition = node.child_by_field_name("condition")
        first, second = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
        if condition is None or second is None:
            return Opaque(self.text(node))
        name = self.out.name_temporary()
        if first is None:  # a ?: b gives a itself where it is not zero
            subject = self.value(condition)
            yes, no = self.out.new(), self.out.new()
            self.fork(((subject, NONZERO),), ((subject, ZERO),), yes, no, self.span(condition))
        else:
            subject = None
            yes, no = self.out.new(), self.out.new()
            self.branch(condition, yes, no)
        done = self.out.new()
        for block, arm in ((yes, first), (no, second)):
            self.out.here = block
            got = self.value(arm, used) if arm is not None else subject
            if got is not None:
                self.out.emit(Assign(name, got, self.span(node), stated=False))
            self.out.jump(done)
        self.out.here = done
        return Var(name)

    def _by_branches(self, node: Node) -> Value:
        """A condition as a value: true on one way, false on the other, so that links survive."""
        name = self.out.name_temporary()
        yes, no, done = self.out.new(), self.out.new(), self.out.new()
        self.branch(node, yes, no)
        for block, got in ((yes, TRUE), (no, FALSE)):
            self.out.here = block
            self.out.emit(Assign(name, got, self.span(node), stated=False))
            self.out.jump(done)
        self.out.here = done
        return Var(name)

    def truth(self, node: Node) -> Value:
        """A value to be stored or returned: comparisons and ! are split by branches."""
        inner = node
        while inner.type == "parenthesized_expression" and inner.named_child_count == 1:
            inner = inner.named_children[0]
        if inner.type == "binary_expression":
            operator = inner.child_by_field_name("operator")
            if operator is not None and (operator.type in COMPARISONS or operator.type in ("&&", "||")):
                return self._by_branches(inner)
        if inner.type == "unary_expression" and self.raw(inner).startswith("!"):
            return self._by_branches(inner)
        return self.value(inner)

    def _assignment(self, node: Node, _used: bool) -> Value:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        if left is None or right is None:
            return Opaque(self.text(node))
        got = self.truth(right)
        target = self.lvalue(left)
        if left.type == "pointer_expression" and target.startswith("*"):
            self.out.emit(Deref(target[1:], self.span(left), written=True))
        elif left.type in ("subscript_expression", "call_expression"):
            self.value(left)
        kind = operator.type if operator is not None else "="
        if kind != "=":
            old: Value = Var(target)
            got = Op(kind[:-1], old, got) if kind[:-1] in _SIGN_OPERATORS else Opaque(self.text(node))
        self.out.emit(Assign(target, got, self.span(node)))
        return Var(target)

    def _update(self, node: Node, _used: bool) -> Value:
        argument = node.child_by_field_name("argument")
        if argument is None:
            return Opaque(self.text(node))
        target = self.lvalue(argument)
        self.out.emit(Assign(target, Opaque(self.text(node)), self.span(node)))
        return Var(target)

    def _comma(self, node: Node, used: bool) -> Value:
        got: Value = Opaque(self.text(node))
        for child in node.named_children:
            got = self.value(child, used)
        return got

    def _literal(self, node: Node, _used: bool) -> Value:
        """Initialiser lists and compound literals: only their calls matter."""
        for child in node.named_children:
            if child.type == "initializer_pair":
                inner = child.child_by_field_name("value")
                if inner is not None:
                    self.value(inner)
            elif child.type != "type_descriptor":
                self.value(child)
        return Opaque(self.text(node))

    _METHODS = {
        "identifier": Atoms._identifier,
        "number_literal": Atoms._number,
        "char_literal": Atoms._constant,
        "string_literal": Atoms._string,
        "concatenated_string": Atoms._string,
        "null": Atoms._constant,
        "true": Atoms._constant,
        "false": Atoms._constant,
        "sizeof_expression": Atoms._constant,
        "alignof_expression": Atoms._constant,
        "offsetof_expression": Atoms._constant,
        "parenthesized_expression": _parenthesized,
        "cast_expression": _cast,
        "field_expression": _field,
        "subscript_expression": _subscript,
        "pointer_expression": _pointer,
        "unary_expression": _unary,
        "binary_expression": _binary,
        "conditional_expression": _conditional,
        "assignment_expression": _assignment,
        "update_expression": _update,
        "comma_expression": _comma,
        "call_expression": Calls._call,
        "initializer_list": _literal,
        "compound_literal_expression": _literal,
    }
