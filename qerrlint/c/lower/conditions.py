# SPDX-License-Identifier: GPL-2.0-or-later
"""Conditions to edges: every test on an edge is atomic, a subject and the signs that it may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qerrlint.c.lower.calls import TRANSPARENT
from qerrlint.c.lower.expressions import COMPARISONS, Expressions
from qerrlint.ir.code import ANY, NEG, NONZERO, POS, TRUE, ZERO, Const, Opaque, Value, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_SWAPPED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
# Signs left on either side of a comparison with zero: (when it holds, when it does not).
_AGAINST_ZERO = {
    "==": (ZERO, NONZERO),
    "!=": (NONZERO, ZERO),
    "<": (NEG, ZERO | POS),
    "<=": (NEG | ZERO, POS),
    ">": (POS, NEG | ZERO),
    ">=": (ZERO | POS, NEG),
}
# The same against a positive number n (what can be said of the sign alone).
_AGAINST_POSITIVE = {
    "==": (POS, ANY),
    "!=": (ANY, POS),
    "<": (ANY, POS),
    "<=": (ANY, POS),
    ">": (POS, ANY),
    ">=": (POS, ANY),
}
# Against a negative constant such as -1 or -EINVAL.
_AGAINST_NEGATIVE = {
    "==": (NEG, ANY),
    "!=": (ANY, NEG),
    "<": (NEG, ANY),
    "<=": (NEG, ANY),
    ">": (ANY, NEG),
    ">=": (ANY, NEG),
}


class Conditions(Expressions):
    """Lowers conditions; the statement lowering builds on it."""

    def branch(self, node: Node, yes: int, no: int) -> None:
        """Edges for a condition: to `yes` where it holds, to `no` where not. Ends the current block."""
        kind = node.type
        if kind == "parenthesized_expression":
            children = [child for child in node.named_children if child.type != "comment"]
            if len(children) == 1:
                self.branch(children[0], yes, no)
                return
        elif kind == "unary_expression":
            argument, operator = node.child_by_field_name("argument"), node.child(0)
            if argument is not None and operator is not None and operator.type == "!":
                self.branch(argument, no, yes)
                return
        elif kind == "binary_expression":
            if self._branch_binary(node, yes, no):
                return
        elif kind == "comma_expression":
            children = node.named_children
            for child in children[:-1]:
                self.value(child, used=False)
            self.branch(children[-1], yes, no)
            return
        elif kind == "call_expression":
            function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
            if function is not None and arguments is not None and self.raw(function) in TRANSPARENT:
                named = arguments.named_children
                if named:
                    self.branch(named[0], yes, no)
                    return
        subject = self.value(node)
        if isinstance(subject, Const) and subject.signs in (ZERO, NEG, POS):
            self.out.jump(no if subject.signs == ZERO else yes)
            return
        self.fork(((subject, NONZERO),), ((subject, ZERO),), yes, no, self.span(node))

    def _branch_binary(self, node: Node, yes: int, no: int) -> bool:
        operator = node.child_by_field_name("operator")
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if operator is None or left is None or right is None:
            return False
        kind = operator.type
        if kind in ("&&", "||"):
            middle = self.out.new()
            if kind == "&&":
                self.branch(left, middle, no)
            else:
                self.branch(left, yes, middle)
            self.out.here = middle
            self.branch(right, yes, no)
            return True
        if kind not in COMPARISONS:
            return False
        a, b = self.value(left), self.value(right)
        if isinstance(a, Const) and not isinstance(b, Const):
            a, b, kind = b, a, _SWAPPED[kind]
        holds, fails = compare(a, kind, b)
        self.fork(holds, fails, yes, no, self.span(node))
        return True


def compare(
    subject: Value, operator: str, other: Value
) -> tuple[tuple[tuple[Value, int], ...], tuple[tuple[Value, int], ...]]:
    """The tests under which `subject operator other` holds, and those under which it does not."""
    if isinstance(other, Const):
        if other.signs == ZERO:
            holds, fails = _AGAINST_ZERO[operator]
            return ((subject, holds),), ((subject, fails),)
        if other is TRUE:
            holds, fails = (NONZERO, ZERO) if operator == "==" else (ZERO, NONZERO)
            return ((subject, holds),), ((subject, fails),)
        if other.number == 1 and operator in ("<", ">="):
            holds, fails = (NEG | ZERO, POS) if operator == "<" else (POS, NEG | ZERO)
            return ((subject, holds),), ((subject, fails),)
        if other.number == -1 and operator in ("==", "!=", ">", "<="):
            # -1 stands for any failure where a result is compared with it.
            below = operator in ("==", "<=")
            holds, fails = (NEG, ZERO | POS) if below else (ZERO | POS, NEG)
            return ((subject, holds),), ((subject, fails),)
        table = {POS: _AGAINST_POSITIVE, NEG: _AGAINST_NEGATIVE}.get(other.signs)
        holds, fails = table[operator] if table is not None else (ANY, ANY)
    else:
        holds, fails = ANY, ANY
    positive = {"==": True, "!=": False, "<": True, ">=": False, ">": True, "<=": False}[operator]
    name = {"!=": "==", ">=": "<", "<=": ">"}.get(operator, operator)
    fact = Opaque(f"{text_of(subject)}{name}{text_of(other)}")
    return (
        ((fact, POS if positive else ZERO), (subject, holds)),
        ((fact, ZERO if positive else POS), (subject, fails)),
    )
