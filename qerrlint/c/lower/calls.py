# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls, and macros that look like calls but return their argument, end the program or clear a pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qerrlint.c.lower.lowering import ExpressionHandler, Lowering
from qerrlint.ir.code import NULL, Addr, Assign, Call, Deref, Opaque, Result, Value, Var, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_sitter import Node

# Macros that give their argument back unchanged (include/qemu/compiler.h, GLib).
TRANSPARENT = frozenset(
    {"likely", "unlikely", "G_LIKELY", "G_UNLIKELY", "__builtin_expect", "RETRY_ON_EINTR", "TFR"}
)
# Macros that end the program when their condition is false.
_ASSERTIONS = ("assert", "g_assert", "g_assert_true", "g_assert_nonnull", "tcg_debug_assert")
_NEGATED_ASSERTIONS = ("g_assert_false", "g_assert_null")
# Macros of (left, operator, right), which the normaliser joins to one argument.
_COMPARED_ASSERTIONS = ("g_assert_cmpint", "g_assert_cmpuint", "g_assert_cmphex")
# Conditions that are false as they stand.
_FALSE = frozenset({"0", "false", "FALSE"})
_LVALUES = frozenset({"field_expression", "pointer_expression", "subscript_expression"})


def _call(fn: Lowering, node: Node, used: bool) -> Value:
    function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    source = fn.source
    if function is None or arguments is None:
        return Opaque(source.text(node))
    while function.type == "parenthesized_expression" and function.named_child_count == 1:
        function = function.named_children[0]
    nodes = [child for child in arguments.named_children if child.type != "comment"]
    kind = function.type
    direct = kind == "identifier"
    if direct:
        name = source.raw(function)
        value = _macro(fn, name, nodes, node)
        if value is not None:
            return value
    else:
        name = source.lvalue(function).lstrip("*")
        if kind not in _LVALUES:
            fn.value(function)
    args = tuple([fn.value(child) for child in nodes])
    out = fn.out
    index = len(out.calls)
    text = source.text(node)
    call = Call(index, name, direct, args, source.spans(nodes), source.span(node), text, used)
    out.calls.append(call)
    out.emit(call)
    return Result(index)


def _macro(fn: Lowering, name: str, nodes: list[Node], node: Node) -> Value | None:
    """The value of a macro that is more or less than a call; None for a call."""
    if not nodes:
        return None
    handler = _MACROS.get(name)
    if handler is not None:
        return handler(fn, name, nodes, node)
    if len(nodes) == 1 and nodes[0].type == "call_expression" and name.isupper():
        return fn.value(nodes[0])  # a QOM cast of a result
    return None


def _transparent(fn: Lowering, _name: str, nodes: list[Node], _node: Node) -> Value | None:
    return fn.value(nodes[0])


def _steal(fn: Lowering, _name: str, nodes: list[Node], node: Node) -> Value | None:
    """g_steal_pointer(&p): the value of p, which becomes NULL."""
    if len(nodes) != 1:
        return None
    argument = fn.value(nodes[0])
    span = fn.source.span(node)
    path = argument.path if isinstance(argument, Addr) else "*" + text_of(argument)
    if isinstance(argument, Var):
        fn.out.emit(Deref(argument.path, span, written=True))
    held = fn.out.temporary(Var(path), span)
    fn.out.emit(Assign(path, NULL, span, stated=False))
    return held


def _is_set(fn: Lowering, _name: str, nodes: list[Node], _node: Node) -> Value | None:
    """error_is_set(&err), error_is_set(errp) of QEMU 1.4 to 2.0: the Error that it points to, or NULL."""
    if len(nodes) != 1:
        return None
    argument = fn.value(nodes[0])
    return Var(argument.path if isinstance(argument, Addr) else "*" + text_of(argument))


def _asserted(fn: Lowering, name: str, nodes: list[Node], _node: Node) -> Value | None:
    going, dead = fn.out.new(), fn.out.new()
    if fn.source.raw(nodes[0]) in _FALSE:
        fn.out.go(dead, (), fn.source.span(nodes[0]), False)
        fn.out.here = None
    else:
        fn.branch(nodes[0], going, dead)
    fn.out.here = going
    return Opaque(name)


def _refuted(fn: Lowering, name: str, nodes: list[Node], _node: Node) -> Value | None:
    going, dead = fn.out.new(), fn.out.new()
    fn.branch(nodes[0], dead, going)
    fn.out.here = going
    return Opaque(name)


def _compared(fn: Lowering, name: str, nodes: list[Node], node: Node) -> Value | None:
    return _asserted(fn, name, nodes, node) if len(nodes) == 1 else None


_MACROS: dict[str, Callable[[Lowering, str, list[Node], Node], Value | None]] = {
    **dict.fromkeys(TRANSPARENT, _transparent),
    **dict.fromkeys(_ASSERTIONS, _asserted),
    **dict.fromkeys(_NEGATED_ASSERTIONS, _refuted),
    **dict.fromkeys(_COMPARED_ASSERTIONS, _compared),
    "g_steal_pointer": _steal,
    "error_is_set": _is_set,
}

CALLS: dict[str, ExpressionHandler] = {"call_expression": _call}
