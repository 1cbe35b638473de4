# SPDX-License-Identifier: GPL-2.0-or-later
"""Declarations in a body: what they declare, and what their initialisers do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qerrlint.c.lower.conditions import Conditions
from qerrlint.ir.code import Assign, Declare, Opaque

if TYPE_CHECKING:
    from tree_sitter import Node


class Locals(Conditions):
    """Lowers the declarations of one function; Loops builds on it."""

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
