# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls, and the macros that look like one but do more or less; knows their names, not what callees do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qerrlint.c.lower.texts import Texts
from qerrlint.ir.code import NULL, Addr, Assign, Call, Deref, Opaque, Result, Value, Var, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

# Macros that give their argument back unchanged (include/qemu/compiler.h, GLib).
TRANSPARENT = frozenset(
    {"likely", "unlikely", "G_LIKELY", "G_UNLIKELY", "__builtin_expect", "RETRY_ON_EINTR", "TFR"}
)
# Macros that end the program when their condition is false.
_ASSERTIONS = frozenset({"assert", "g_assert", "g_assert_true", "g_assert_nonnull", "tcg_debug_assert"})
_NEGATED_ASSERTIONS = frozenset({"g_assert_false", "g_assert_null"})
_COMPARED_ASSERTIONS = frozenset({"g_assert_cmpint", "g_assert_cmpuint", "g_assert_cmphex"})


class Calls(Texts):
    """Lowers the calls of one function; Expressions builds on it."""

    def _call(self, node: Node, used: bool) -> Value:
        function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is None or arguments is None:
            return Opaque(self.text(node))
        while function.type == "parenthesized_expression" and function.named_child_count == 1:
            function = function.named_children[0]
        direct = function.type == "identifier"
        name = self.lvalue(function)
        nodes = [child for child in arguments.named_children if child.type != "comment"]
        if direct:
            special = self._special(name, nodes, node)
            if special is not None:
                return special
        elif function.type not in ("field_expression", "pointer_expression", "subscript_expression"):
            self.value(function)
        args = tuple(self.value(child) for child in nodes)
        index = len(self.out.calls)
        call = Call(
            index=index,
            name=name.lstrip("*") if not direct else name,
            direct=direct,
            args=args,
            arg_spans=tuple(self.span(child) for child in nodes),
            span=self.span(node),
            text=self.text(node),
            used=used,
        )
        self.out.calls.append(call)
        self.out.emit(call)
        return Result(index)

    def _special(self, name: str, nodes: list[Node], node: Node) -> Value | None:
        """Macros that are more or less than a call."""
        if name in TRANSPARENT and nodes:
            return self.value(nodes[0])
        if nodes and (name in _ASSERTIONS or (name in _COMPARED_ASSERTIONS and len(nodes) == 1)):
            return self._asserted(name, nodes[0], True)
        if nodes and name in _NEGATED_ASSERTIONS:
            return self._asserted(name, nodes[0], False)
        if name.isupper() and len(nodes) == 1 and nodes[0].type == "call_expression":
            return self.value(nodes[0])  # a QOM cast of a result
        if name == "g_steal_pointer" and len(nodes) == 1:
            argument = self.value(nodes[0])
            path = argument.path if isinstance(argument, Addr) else "*" + text_of(argument)
            if not isinstance(argument, Addr) and isinstance(argument, Var):
                self.out.emit(Deref(argument.path, self.span(node), written=True))
            held = self.out.temporary(Var(path), self.span(node))
            self.out.emit(Assign(path, NULL, self.span(node), stated=False))
            return held
        return None

    def _asserted(self, name: str, condition: Node, wanted: bool) -> Value:
        """The path goes on only where the condition is what is wanted."""
        going, dead = self.out.new(), self.out.new()
        if wanted:
            self.branch(condition, going, dead)
        else:
            self.branch(condition, dead, going)
        self.out.here = going
        return Opaque(name)
