# SPDX-License-Identifier: GPL-2.0-or-later
"""Declarations in a body: the local variables that they declare, and their initialisers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qerrlint.c.lower.expressions import truth
from qerrlint.c.lower.lowering import Lowering
from qerrlint.ir.code import Assign, Declare, Opaque

if TYPE_CHECKING:
    from tree_sitter import Node

_SCOPES = frozenset({"compound_statement", "for_statement"})
_ERRORS = frozenset({"Error *", "Error **", "GError *"})
_TAGGED = frozenset({"struct_specifier", "union_specifier", "enum_specifier"})


def declaration(fn: Lowering, node: Node) -> None:
    """Lower one declaration with all its declarators."""
    type_node = node.child_by_field_name("type")
    if type_node is None:
        return
    base = " ".join(_type_text(fn, type_node).split())
    static = any(
        child.type == "storage_class_specifier" and fn.source.raw(child) in ("static", "extern")
        for child in node.children
    )
    auto = fn.is_auto(node)
    for child in node.children_by_field_name("declarator"):
        _declarator(fn, child, base, static, auto)


def _type_text(fn: Lowering, node: Node) -> str:
    """A type as written, except that of a macro which the normaliser rewrote (g_autoptr)."""
    kind = node.type
    if kind in _TAGGED:
        name = node.child_by_field_name("name")
        tag = kind.partition("_")[0]
        return f"{tag} {fn.source.raw(name)}" if name is not None else tag
    return fn.source.normalised(node)


def _declarator(fn: Lowering, node: Node, base: str, static: bool, auto: bool) -> None:
    initialiser: Node | None = None
    declarator: Node | None = node
    if node.type == "init_declarator":
        initialiser = node.child_by_field_name("value")
        declarator = node.child_by_field_name("declarator")
    stars, array, function = 0, False, False
    while declarator is not None and declarator.type != "identifier":
        kind = declarator.type
        if kind == "pointer_declarator":
            stars += 1
        elif kind == "array_declarator":
            array = True
        elif kind == "function_declarator":
            function = True
        inner = declarator.child_by_field_name("declarator")
        if inner is None and declarator.named_child_count:
            inner = declarator.named_children[-1]
        declarator = inner
    if declarator is None or (function and initialiser is None):
        return
    name = fn.source.raw(declarator)
    type_text = base + (" " + "*" * stars if stars else "") + ("[]" if array else "")
    outer = fn.out.locals.get(name)
    if outer in _ERRORS and type_text not in _ERRORS:
        # An inner variable of the name that an Error has outside: two variables, kept apart by their names.
        name = fn.source.rename(declarator, _scope(declarator))
    fn.declare(name, type_text)
    if auto or static:
        fn.out.autos.add(name)
    span = fn.source.span(node)
    fn.out.emit(Declare(name, type_text, span, auto=auto, static=static))
    if initialiser is None:
        return
    if initialiser.type == "initializer_list":
        _members(fn, name, initialiser)
    else:
        fn.out.emit(Assign(name, truth(fn, initialiser), span))


def _scope(node: Node) -> Node:
    """The block, or the loop, in which a name is declared."""
    around = node
    while around.parent is not None and around.type not in _SCOPES:
        around = around.parent
    return around


def _members(fn: Lowering, name: str, node: Node) -> None:
    """`T x = { .m = v }`: x as a whole is zero first, then the members that are named get their values."""
    fn.out.emit(Assign(name, Opaque("{0}"), fn.source.span(node)))
    for child in node.named_children:
        if child.type != "initializer_pair":
            fn.value(child)
            continue
        designator, inner = child.child_by_field_name("designator"), child.child_by_field_name("value")
        if inner is None:
            continue
        got = fn.value(inner)
        if designator is not None and designator.type == "field_designator":
            fn.out.emit(Assign(name + fn.source.text(designator), got, fn.source.span(child)))
