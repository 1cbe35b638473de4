# SPDX-License-Identifier: GPL-2.0-or-later
"""Conditions to edges: every test on an edge is atomic, a subject and the signs that it may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qerrlint.c.lower.builder import Signs
from qerrlint.c.lower.calls import TRANSPARENT
from qerrlint.c.lower.expressions import COMPARISONS
from qerrlint.c.lower.lowering import Lowering
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
_AGAINST = {POS: _AGAINST_POSITIVE, NEG: _AGAINST_NEGATIVE}
# Each comparison as one of three relations: (relation, whether the comparison holds when the relation does).
_RELATIONS = {
    "==": ("==", True),
    "!=": ("==", False),
    "<": ("<", True),
    ">=": ("<", False),
    ">": (">", True),
    "<=": (">", False),
}
_KNOWN = frozenset({ZERO, NEG, POS})


def branch(fn: Lowering, node: Node, yes: int, no: int) -> None:
    """Edges for a condition: to `yes` where it holds, to `no` where not. Ends the current block."""
    handler = _CONDITIONS.get(node.type)
    if handler is not None and handler(fn, node, yes, no):
        return
    subject = fn.value(node)
    if isinstance(subject, Const) and subject.signs in _KNOWN:
        fn.out.jump(no if subject.signs == ZERO else yes)
        return
    fn.out.fork(((subject, NONZERO),), ((subject, ZERO),), yes, no, fn.source.span(node))


# The handlers of conditions return whether they added the edges; False leaves it to the value's sign.


def _parenthesized(fn: Lowering, node: Node, yes: int, no: int) -> bool:
    children = [child for child in node.named_children if child.type != "comment"]
    if len(children) != 1:
        return False
    branch(fn, children[0], yes, no)
    return True


def _unary(fn: Lowering, node: Node, yes: int, no: int) -> bool:
    argument, operator = node.child_by_field_name("argument"), node.child(0)
    if argument is None or operator is None or operator.type != "!":
        return False
    branch(fn, argument, no, yes)
    return True


def _binary(fn: Lowering, node: Node, yes: int, no: int) -> bool:
    operator = node.child_by_field_name("operator")
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if operator is None or left is None or right is None:
        return False
    kind = operator.type
    if kind in ("&&", "||"):
        middle = fn.out.new()
        if kind == "&&":
            branch(fn, left, middle, no)
        else:
            branch(fn, left, yes, middle)
        fn.out.here = middle
        branch(fn, right, yes, no)
        return True
    if kind not in COMPARISONS:
        return False
    if kind in ("==", "!=") and _are_flags(fn, left, right):
        # `!a == !b`, or `a == b` of two that are bool: both are set or neither is.
        on_true, on_false = fn.out.new(), fn.out.new()
        equal, other = (yes, no) if kind == "==" else (no, yes)
        branch(fn, left, on_true, on_false)
        fn.out.here = on_true
        branch(fn, right, equal, other)
        fn.out.here = on_false
        branch(fn, right, other, equal)
        return True
    a, b = fn.value(left), fn.value(right)
    if isinstance(a, Const) and not isinstance(b, Const):
        a, b, kind = b, a, _SWAPPED[kind]
    holds, fails = compare(a, kind, b)
    fn.out.fork(holds, fails, yes, no, fn.source.span(node))
    return True


def _are_flags(fn: Lowering, left: Node, right: Node) -> bool:
    """Whether both operands are `!x`, or both are variables of type bool."""
    if _is_negation(left) and _is_negation(right):
        return not _calls(fn, right)
    return all(
        node.type == "identifier" and fn.source.declares_bool(fn.source.raw(node)) for node in (left, right)
    )


def _is_negation(node: Node) -> bool:
    """Whether an operand is `!x`."""
    if node.type != "unary_expression":
        return False
    operator = node.child(0)
    return operator is not None and operator.type == "!"


def _calls(fn: Lowering, node: Node) -> bool:
    """Whether there may be a call in an operand, which must not be lowered twice."""
    return "(" in fn.source.raw(node)


def _comma(fn: Lowering, node: Node, yes: int, no: int) -> bool:
    children = node.named_children
    for child in children[:-1]:
        fn.value(child, used=False)
    branch(fn, children[-1], yes, no)
    return True


def _call(fn: Lowering, node: Node, yes: int, no: int) -> bool:
    function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if function is None or arguments is None or fn.source.raw(function) not in TRANSPARENT:
        return False
    named = arguments.named_children
    if not named:
        return False
    branch(fn, named[0], yes, no)
    return True


_CONDITIONS = {
    "parenthesized_expression": _parenthesized,
    "unary_expression": _unary,
    "binary_expression": _binary,
    "comma_expression": _comma,
    "call_expression": _call,
}


def compare(subject: Value, operator: str, other: Value) -> tuple[Signs, Signs]:
    """The tests under which `subject operator other` holds, and those under which it does not."""
    holds = fails = ANY
    if isinstance(other, Const):
        exact = _against_constant(operator, other)
        if exact is not None:
            return ((subject, exact[0]),), ((subject, exact[1]),)
        table = _AGAINST.get(other.signs)
        if table is not None:
            holds, fails = table[operator]
    relation, positive = _RELATIONS[operator]
    fact = Opaque(f"{text_of(subject)}{relation}{text_of(other)}")
    return (
        ((fact, POS if positive else ZERO), (subject, holds)),
        ((fact, ZERO if positive else POS), (subject, fails)),
    )


def _against_constant(operator: str, other: Const) -> tuple[int, int] | None:
    """The signs of a subject when a comparison holds and when not, where those alone say all of it."""
    if other.signs == ZERO:
        return _AGAINST_ZERO[operator]
    if other is TRUE:
        return (NONZERO, ZERO) if operator == "==" else (ZERO, NONZERO)
    if other.number == 1 and operator in ("<", ">="):
        return (NEG | ZERO, POS) if operator == "<" else (POS, NEG | ZERO)
    if other.number == -1 and operator in ("==", "!=", ">", "<="):
        # -1 stands for any failure where a result is compared with it.
        return (NEG, ZERO | POS) if operator in ("==", "<=") else (ZERO | POS, NEG)
    return None
