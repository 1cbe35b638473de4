# SPDX-License-Identifier: GPL-2.0-or-later
"""Expressions to values: constants, operators, assignments; what they do is emitted as events."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from qerrlint.c.lower.lowering import ExpressionHandler, Lowering
from qerrlint.ir.code import (
    ANY,
    FALSE,
    NEG,
    NONZERO,
    NULL,
    POS,
    TRUE,
    ZERO,
    Addr,
    Assign,
    Const,
    Deref,
    Op,
    Opaque,
    Str,
    Value,
    Var,
    text_of,
)
from qerrlint.lazy_patterns import lazy_re

if TYPE_CHECKING:
    from tree_sitter import Node

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_LOGICAL = frozenset({"&&", "||"})
# Operators of which the sign of the result can be worked out.
_SIGN_OPERATORS = frozenset({"|", "&", "+", "-"})
_NUMBER = lazy_re(r"(?:0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)(?=[uUlL]*$)")
# No type of C holds a number of so many digits, and Python prints none of a few thousand.
_LONGEST_NUMBER = 80
_ERRNO = lazy_re(r"E[A-Z0-9]{2,}$")
_CONSTANT = lazy_re(r"_*[A-Z][A-Z0-9_]*$")
_TYPE = lazy_re(r"\((?:\w+_t|int|long|hwaddr|unsigned)\)$")
_FIRST_ELEMENT = Const("0", ZERO, 0)


def truth(fn: Lowering, node: Node) -> Value:
    """The value of an expression that is stored or returned; comparisons and `!` are split by branches."""
    inner = node
    while inner.type == "parenthesized_expression" and inner.named_child_count == 1:
        inner = inner.named_children[0]
    kind = inner.type
    if kind == "binary_expression":
        operator = inner.child_by_field_name("operator")
        if operator is not None and (operator.type in COMPARISONS or operator.type in _LOGICAL):
            return _by_branches(fn, inner)
    elif kind == "unary_expression" and fn.source.start_of(inner, 1) == "!":
        return _by_branches(fn, inner)
    return fn.value(inner)


# -- expressions without parts --------------------------------------------------------------------


def _identifier(fn: Lowering, node: Node, _used: bool) -> Value:
    name = fn.source.raw(node)
    value = fn.names.get(name)
    if value is None:
        value = fn.names[name] = _named(fn, name)
    return value


def _named(fn: Lowering, name: str) -> Value:
    """What a name stands for that is neither a keyword nor a local variable declared so far."""
    upper = name[:1] < "a"  # a capital letter, _ or $
    if upper and _ERRNO.match(name):
        return Const(name, POS)
    number = fn.constant(name) if fn.constant is not None else None
    if number is not None:
        return Const(name, NEG if number < 0 else POS if number else ZERO, number)
    return Const(name, ANY) if upper and _CONSTANT.match(name) else Var(name)


def _number(fn: Lowering, node: Node, _used: bool) -> Value:
    text = fn.source.raw(node)
    return _number_of(text) if len(text) <= _LONGEST_NUMBER else Const(text, ANY)


@lru_cache(maxsize=1024)
def _number_of(text: str) -> Const:
    found = _NUMBER.match(text.lstrip("-"))  # the grammar takes the sign of a literal into it
    if found is None:
        return Const(text, ANY)
    digits = found.group()
    octal = digits.startswith("0") and digits.isdigit() and len(digits) > 1
    try:
        number = int(digits, 8) if octal else int(digits, 0)
    except ValueError:  # 08
        return Const(text, ANY)
    if number and text.startswith("-"):
        return Const(text, NEG, -number)
    return Const(text, POS if number else ZERO, number)


def _string(fn: Lowering, node: Node, _used: bool) -> Value:
    return Str(fn.source.raw(node))


def _null(_fn: Lowering, _node: Node, _used: bool) -> Value:
    return NULL


def _true(_fn: Lowering, _node: Node, _used: bool) -> Value:
    return TRUE


def _false(_fn: Lowering, _node: Node, _used: bool) -> Value:
    return FALSE


def _size(fn: Lowering, node: Node, _used: bool) -> Value:
    return Const(fn.source.text(node), POS)


def _unknown_constant(fn: Lowering, node: Node, _used: bool) -> Value:
    return Const(fn.source.text(node), ANY)


# -- operands in parentheses, casts, members ------------------------------------------------------


def _parenthesized(fn: Lowering, node: Node, used: bool) -> Value:
    inner: Value | None = None
    for child in node.named_children:
        if child.type == "compound_statement":
            fn.statement(child)
            return Opaque(fn.source.text(node))
        if child.type != "comment":
            inner = fn.value(child, used)
    return inner if inner is not None else Opaque(fn.source.text(node))


def _cast(fn: Lowering, node: Node, used: bool) -> Value:
    inner = node.child_by_field_name("value")
    return fn.value(inner, used) if inner is not None else Opaque(fn.source.text(node))


def _field(fn: Lowering, node: Node, _used: bool) -> Value:
    path = fn.source.members(node)
    if path is not None:
        return Var(path)
    base = node.child_by_field_name("argument")
    while base is not None and base.type in ("field_expression", "parenthesized_expression"):
        inner = base.child_by_field_name("argument")
        if inner is None:
            named = base.named_children
            inner = named[0] if named else None
        base = inner
    if base is not None and base.type not in ("identifier", "this"):
        fn.value(base)
    return Var(fn.source.lvalue(node))


def _subscript(fn: Lowering, node: Node, _used: bool) -> Value:
    base, index = node.child_by_field_name("argument"), node.child_by_field_name("index")
    named = base is not None and base.type == "identifier"
    if base is not None and not named:
        fn.value(base)
    if index is not None:
        number = fn.value(index)
        if base is not None and named and number == _FIRST_ELEMENT:
            fn.out.emit(Deref(fn.source.raw(base), fn.source.span(node)))
    return Var(fn.source.lvalue(node))


# -- operators ------------------------------------------------------------------------------------


def _pointer(fn: Lowering, node: Node, _used: bool) -> Value:
    argument, operator = node.child_by_field_name("argument"), node.child(0)
    if argument is None or operator is None:
        return Opaque(fn.source.text(node))
    if operator.type == "&":
        if argument.type not in ("identifier", "field_expression"):
            fn.value(argument)
        path = fn.source.lvalue(argument)
        return Var(path[1:]) if path.startswith("*") else Addr(path)
    inner = fn.value(argument)
    if isinstance(inner, Addr):
        return Var(inner.path)
    if isinstance(inner, Var):
        fn.out.emit(Deref(inner.path, fn.source.span(node)))
        return Var("*" + inner.path)
    return Opaque(fn.source.text(node))


def _unary(fn: Lowering, node: Node, _used: bool) -> Value:
    argument, operator = node.child_by_field_name("argument"), node.child(0)
    if argument is None or operator is None:
        return Opaque(fn.source.text(node))
    kind = operator.type
    if kind == "!" and fn.has_effect(argument):
        return _by_branches(fn, node)
    inner = fn.value(argument)
    if kind == "-":
        return _negated(inner)
    if kind == "!":
        return Op("!", inner)
    return inner if kind == "+" else Opaque(fn.source.text(node))


def _negated(value: Value) -> Value:
    if isinstance(value, Const):
        signs = value.signs
        flipped = (signs & ZERO) | (NEG if signs & POS else 0) | (POS if signs & NEG else 0)
        return Const("-" + value.text, flipped, -value.number if value.number is not None else None)
    if isinstance(value, Var) and value.path == "errno":
        # errno is never 0 after a failure, which is the only time -errno is written.
        return Const("-errno", NEG)
    return Op("-", value)


def _binary(fn: Lowering, node: Node, _used: bool) -> Value:
    operator = node.child_by_field_name("operator")
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if operator is None or left is None or right is None:
        return Opaque(fn.source.text(node))
    kind = operator.type
    if kind in ("-", "&") and left.type == "parenthesized_expression" and _TYPE.match(fn.source.text(left)):
        # `(off_t)-1` looks like a subtraction to a grammar without typedefs.
        return _signed(fn, right, kind, node)
    logical = kind in _LOGICAL
    if logical or kind in COMPARISONS:
        if fn.has_effect(node):
            return _by_branches(fn, node)
        if logical:
            return Opaque(fn.source.text(node))
    a, b = fn.value(left), fn.value(right)
    if kind in _SIGN_OPERATORS:
        return Op(kind, a, b)
    return Opaque(f"{text_of(a)}{kind}{text_of(b)}")


def _signed(fn: Lowering, operand: Node, operator: str, node: Node) -> Value:
    inner = fn.value(operand)
    if operator == "-" and isinstance(inner, Const) and inner.number is not None:
        return Const("-" + inner.text, NEG if inner.number > 0 else inner.signs, -inner.number)
    return Opaque(fn.source.text(node))


def _by_branches(fn: Lowering, node: Node) -> Value:
    """A condition as a value: true after one branch, false after the other, which keeps what they tested."""
    out = fn.out
    name = out.name_temporary()
    span = fn.source.span(node)
    yes, no, done = out.new(), out.new(), out.new()
    fn.branch(node, yes, no)
    for block, got in ((yes, TRUE), (no, FALSE)):
        out.here = block
        out.emit(Assign(name, got, span, stated=False))
        out.jump(done)
    out.here = done
    return Var(name)


def _conditional(fn: Lowering, node: Node, used: bool) -> Value:
    condition = node.child_by_field_name("condition")
    first, second = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
    if condition is None or second is None:
        return Opaque(fn.source.text(node))
    out = fn.out
    name = out.name_temporary()
    subject: Value | None = None
    if first is None:  # a ?: b gives a itself where it is not zero
        subject = fn.value(condition)
        yes, no = out.new(), out.new()
        out.fork(((subject, NONZERO),), ((subject, ZERO),), yes, no, fn.source.span(condition))
    else:
        yes, no = out.new(), out.new()
        fn.branch(condition, yes, no)
    done = out.new()
    for block, arm in ((yes, first), (no, second)):
        out.here = block
        got = fn.value(arm, used) if arm is not None else subject
        if got is not None:
            out.emit(Assign(name, got, fn.source.span(node), stated=False))
        out.jump(done)
    out.here = done
    return Var(name)


# -- assignments and lists ------------------------------------------------------------------------


def _assignment(fn: Lowering, node: Node, _used: bool) -> Value:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    operator = node.child_by_field_name("operator")
    source = fn.source
    if left is None or right is None:
        return Opaque(source.text(node))
    got = truth(fn, right)
    target = source.lvalue(left)
    if left.type == "pointer_expression" and target.startswith("*"):
        fn.out.emit(Deref(target[1:], source.span(left), written=True))
    elif left.type in ("subscript_expression", "call_expression"):
        fn.value(left)
    kind = operator.type if operator is not None else "="
    if kind != "=":
        plain = kind[:-1]
        got = Op(plain, Var(target), got) if plain in _SIGN_OPERATORS else Opaque(source.text(node))
    fn.out.emit(Assign(target, got, source.span(node)))
    return Var(target)


def _update(fn: Lowering, node: Node, _used: bool) -> Value:
    argument = node.child_by_field_name("argument")
    if argument is None:
        return Opaque(fn.source.text(node))
    target = fn.source.lvalue(argument)
    fn.out.emit(Assign(target, Opaque(fn.source.text(node)), fn.source.span(node)))
    return Var(target)


def _comma(fn: Lowering, node: Node, used: bool) -> Value:
    got: Value | None = None
    for child in node.named_children:
        got = fn.value(child, used)
    return got if got is not None else Opaque(fn.source.text(node))


def _literal(fn: Lowering, node: Node, _used: bool) -> Value:
    """Initialiser lists and compound literals: only the calls in them matter."""
    for child in node.named_children:
        if child.type == "initializer_pair":
            inner = child.child_by_field_name("value")
            if inner is not None:
                fn.value(inner)
        elif child.type != "type_descriptor":
            fn.value(child)
    return Opaque(fn.source.text(node))


EXPRESSIONS: dict[str, ExpressionHandler] = {
    "identifier": _identifier,
    "number_literal": _number,
    "char_literal": _unknown_constant,
    "string_literal": _string,
    "concatenated_string": _string,
    "null": _null,
    "true": _true,
    "false": _false,
    "sizeof_expression": _size,
    "alignof_expression": _unknown_constant,
    "offsetof_expression": _unknown_constant,
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
    "initializer_list": _literal,
    "compound_literal_expression": _literal,
}
