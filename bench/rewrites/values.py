# SPDX-License-Identifier: GPL-2.0-or-later
"""Transformations of values: names, declarations, temporaries, members, casts."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from tree_sitter import Node

from rewrites.body import LOOPS, SCOPED, Body, Change, Edit, over, rewrite, statements_of, walk
from rewrites.conditions import conditions_within

_HOSTS = ("expression_statement", "return_statement", "if_statement", "declaration", "switch_statement")
_SIMPLE = re.compile(r"[A-Za-z_]\w*|-?\w+")


def _names_member(body: Body, node: Node) -> bool:
    """Whether an identifier is the name of a member: the last argument of container_of() or offsetof()."""
    call = node.parent.parent if node.parent is not None else None
    if call is None or call.type not in ("call_expression", "offsetof_expression"):
        return False
    function = body.of(body.field(call, "function"))
    return function in ("container_of", "offsetof") and node.next_named_sibling is None


def _renamed(body: Body, parameters: bool) -> Iterator[Change]:
    called = {body.of(body.field(node, "function")) for node in body.each("call_expression")}
    names = {}
    for local in body.locals.values():
        if local.parameter == parameters and local.name not in called and local.name != "errp":
            names[local.name] = body.fresh("v")
    edits = [
        over(node, names[body.of(node)])
        for node in walk(body.root)
        if node.type == "identifier" and body.of(node) in names and not _names_member(body, node)
    ]
    for node in walk(body.root):
        if node.type == "sizeof_expression" and node.named_child_count == 1:
            inner = node.named_children[0]
            if inner.type == "type_descriptor" and body.of(inner) in names:
                edits.append(over(inner, names[body.of(inner)]))
    if edits:
        yield Change(tuple(edits))


@rewrite("rename-locals")
def rename_locals(body: Body) -> Iterator[Change]:
    yield from _renamed(body, False)


@rewrite("rename-parameters")
def rename_parameters(body: Body) -> Iterator[Change]:
    yield from _renamed(body, True)


def _initialised(body: Body) -> Iterator[tuple[Node, Node, str, Node]]:
    """Declarations of one variable with a value: the node, its declarator, its name, the value."""
    for node in body.each("declaration"):
        inits = node.children_by_field_name("declarator")
        if len(inits) != 1 or inits[0].type != "init_declarator" or not body.in_list(node):
            continue
        words = body.text[node.start_byte : inits[0].start_byte]
        declarator, value = body.field(inits[0], "declarator"), body.field(inits[0], "value")
        if declarator is None or value is None or value.type == "initializer_list":
            continue
        if (
            re.search(r"\b(static|const|g_auto\w*)\b", words)
            or "[" in body.of(declarator)
            or "(" in body.of(declarator)
        ):
            continue
        yield node, declarator, body.of(declarator).lstrip("* "), value


@rewrite("split-declaration")
def split_declaration(body: Body) -> Iterator[Change]:
    """T x = e; as T x; x = e;"""
    for node, declarator, name, value in _initialised(body):
        head = body.text[node.start_byte : declarator.end_byte]
        yield Change((over(node, f"{head};\n{body.indent(node)}{name} = {body.of(value)};"),))


@rewrite("join-declaration")
def join_declaration(body: Body) -> Iterator[Change]:
    """T x; ... x = e; as T x = e; where the first use is an assignment in the same block."""
    for node in body.each("declaration"):
        names = node.children_by_field_name("declarator")
        if (
            len(names) != 1
            or names[0].type not in ("identifier", "pointer_declarator")
            or node.parent is None
        ):
            continue
        name = body.of(names[0]).lstrip("* ")
        uses = [one for one in body.uses(name) if one.start_byte > node.end_byte]
        if not uses or body.each("labeled_statement") or SCOPED.search(body.of(node)):
            continue
        assign = uses[0].parent
        statement = assign.parent if assign is not None else None
        if assign is None or statement is None or assign.type != "assignment_expression":
            continue
        if statement.type != "expression_statement" or statement.parent != node.parent:
            continue
        if body.field(assign, "left") != uses[0] or body.of(body.field(assign, "operator")) != "=":
            continue
        words = body.text[node.start_byte : names[0].end_byte]
        text = f"{words} = {body.of(body.field(assign, 'right'))};"
        yield Change((over(node, ";"), over(statement, text)))


@rewrite("split-declarators")
def split_declarators(body: Body) -> Iterator[Change]:
    """T a, b; as T a; T b;"""
    for node in body.each("declaration"):
        names = node.children_by_field_name("declarator")
        if len(names) > 1 and body.in_list(node):
            words = body.text[node.start_byte : names[0].start_byte]
            yield Change(
                (over(node, f"\n{body.indent(node)}".join(f"{words}{body.of(one)};" for one in names)),)
            )


def _hosted(body: Body, call: Node) -> Node | None:
    """The statement that evaluates a call first of all; None where there is none."""
    node: Node | None = call
    while node is not None and node.type not in _HOSTS:
        if node.type in LOOPS or node.type in ("compound_statement", "else_clause", "case_statement"):
            return None
        node = node.parent
    if node is None:
        return None
    scope = body.field(node, "condition") if node.type in ("if_statement", "switch_statement") else node
    if (
        scope is None
        or not scope.start_byte <= call.start_byte < scope.end_byte
        or call in conditions_within(scope)
    ):
        return None
    if node.parent is not None and node.parent.type in LOOPS and node.type == "declaration":
        return None
    earlier = [
        one
        for one in walk(scope)
        if one.type in ("call_expression", "update_expression", "statement_expression")
    ]
    done = any(one.end_byte <= call.start_byte for one in earlier)
    outer = any(one.start_byte < call.start_byte and one.end_byte >= call.end_byte for one in earlier)
    return None if done or outer else node


def _is_stored(body: Body, call: Node) -> bool:
    """Whether the result of a call goes straight to a variable: nobody copies it first."""
    parent = call.parent
    if parent is None or parent.type not in ("assignment_expression", "init_declarator"):
        return False
    left = body.field(parent, "left")
    return left is None or left.type == "identifier"


@rewrite("call-temporary")
def call_temporary(body: Body) -> Iterator[Change]:
    """The result of a call by way of a variable of its own."""
    for call in body.each("call_expression"):
        host = _hosted(body, call)
        result = body.declared.result(body.of(body.field(call, "function")))
        if host is None or result is None or (host.type == "expression_statement" and call.parent == host):
            continue
        if host.type == "declaration" and not body.in_list(host):
            continue
        if call.parent is not None and (call.parent.type == "cast_expression" or _is_stored(body, call)):
            continue
        name = body.fresh("value")
        yield Change((*body.before(host, f"{result}{name} = {body.of(call)};"), over(call, name)))


@rewrite("return-temporary")
def return_temporary(body: Body) -> Iterator[Change]:
    """return e; as T r = e; return r;"""
    for node in body.each("return_statement"):
        if body.result is not None and node.named_child_count == 1:
            name = body.fresh("result")
            value = node.named_children[0]
            yield Change((*body.before(node, f"{body.result}{name} = {body.of(value)};"), over(value, name)))


@rewrite("fold-temporary")
def fold_temporary(body: Body) -> Iterator[Change]:
    """A variable that is set and used once, right behind: its value in its place."""
    for _, statements in body.lists:
        for first, second in itertools.pairwise(statements):
            name, value = _stored(body, first)
            if value is None or second.type not in _HOSTS or name not in body.locals:
                continue
            scope = (
                second
                if second.type not in ("if_statement", "switch_statement")
                else body.field(second, "condition")
            )
            if scope is None or body.locals[name].parameter or _is_untyped(body, value):
                continue
            uses = [one for one in body.uses(name) if one.start_byte > first.end_byte]
            if (
                len(uses) != 1
                or not scope.start_byte <= uses[0].start_byte < scope.end_byte
                or _in_loop(body, first)
            ):
                continue
            use = uses[0]
            before = [
                one for one in walk(scope) if one.type == "call_expression" and one.end_byte <= use.start_byte
            ]
            parent = use.parent
            if before or parent is None or (parent.type, body.of(parent)[:1]) == ("pointer_expression", "&"):
                continue
            if parent.type == "assignment_expression" and body.field(parent, "left") == use:
                continue
            alone = value.type in ("call_expression", "identifier", "field_expression", "number_literal")
            alone = alone or parent.type in ("subscript_expression", "argument_list")
            text = body.of(value) if alone else f"({body.of(value)})"
            gone = ";" if first.type == "expression_statement" else None
            if gone is None and any(one.start_byte != use.start_byte for one in uses):
                continue
            yield Change((over(first, ";"), over(use, text)))


def _is_untyped(body: Body, value: Node) -> bool:
    """Whether a value gets its type from the variable that it is stored in: `opaque`."""
    local = body.locals.get(body.of(value))
    return local is not None and local.base.split()[-1] == "void"


def _stored(body: Body, node: Node) -> tuple[str, Node | None]:
    """The variable that a statement sets, and the value."""
    if node.type == "declaration":
        found = next((one for one in _initialised(body) if one[0] == node), None)
        return (found[2], found[3]) if found is not None else ("", None)
    inner = (
        node.named_children[0]
        if node.type == "expression_statement" and node.named_child_count == 1
        else None
    )
    if (
        inner is None
        or inner.type != "assignment_expression"
        or body.of(body.field(inner, "operator")) != "="
    ):
        return "", None
    left = body.field(inner, "left")
    return (
        (body.of(left), body.field(inner, "right"))
        if left is not None and left.type == "identifier"
        else ("", None)
    )


def _in_loop(body: Body, node: Node) -> bool:
    parent = node.parent
    while parent is not None:
        if parent.type in LOOPS:
            return True
        parent = parent.parent
    return (
        bool(body.each("labeled_statement"))
        and any(one.start_byte > node.start_byte for one in body.each("goto_statement"))
        and any(one.start_byte < node.start_byte for one in body.each("labeled_statement"))
    )


@rewrite("assign-in-condition")
def assign_in_condition(body: Body) -> Iterator[Change]:
    """ret = f(); if (ret < 0) as if ((ret = f()) < 0)."""
    for _, statements in body.lists:
        for first, second in itertools.pairwise(statements):
            name, value = _stored(body, first)
            condition = body.condition(second) if second.type == "if_statement" else None
            if value is None or condition is None or first.type != "expression_statement":
                continue
            uses = body.uses(name, condition)
            if len(uses) == 1 and body.uses(name, condition)[0].start_byte == condition.start_byte + (
                body.of(condition).startswith("!")
            ):
                text = f"({name} = {body.of(value)})"
                yield Change((over(first, ";"), over(uses[0], text)))


@rewrite("assign-before-condition")
def assign_before_condition(body: Body) -> Iterator[Change]:
    """if ((ret = f()) < 0) as ret = f(); if (ret < 0)."""
    for node in body.each("if_statement"):
        condition = body.condition(node)
        for assign in (
            [one for one in walk(condition) if one.type == "assignment_expression"] if condition else []
        ):
            brackets = assign.parent
            assert condition is not None
            if brackets is None or brackets.type != "parenthesized_expression":
                continue
            leading = (
                condition.start_byte >= brackets.start_byte - 1 or brackets.start_byte == condition.start_byte
            )
            if leading:
                left = body.of(body.field(assign, "left"))
                target = brackets if brackets.start_byte >= condition.start_byte else assign
                yield Change((*body.before(node, f"{body.of(assign)};"), over(target, left)))


@rewrite("parentheses-value")
def parentheses_value(body: Body) -> Iterator[Change]:
    """return x; as return (x);, x = a + b; as x = (a + b);"""
    for node in body.each("return_statement"):
        if node.named_child_count == 1:
            yield Change((over(node.named_children[0], f"({body.of(node.named_children[0])})"),))
    for node in body.each("assignment_expression", "init_declarator"):
        right = body.field(node, "right") or body.field(node, "value")
        if right is not None and right.type in ("call_expression", "binary_expression", "unary_expression"):
            yield Change((over(right, f"({body.of(right)})"),))


@rewrite("cast")
def cast(body: Body) -> Iterator[Change]:
    """A value that is returned or stored in a variable, with a cast to the type that it has."""
    for node in body.each("return_statement"):
        if body.result is not None and node.named_child_count == 1:
            yield Change(
                (over(node.named_children[0], f"({body.result.strip()})({body.of(node.named_children[0])})"),)
            )
    for node in body.each("assignment_expression"):
        left, right = body.field(node, "left"), body.field(node, "right")
        local = body.locals.get(body.of(left)) if left is not None and left.type == "identifier" else None
        if local is not None and right is not None and right.type == "call_expression" and not local.array:
            typed = f"{local.base} {'*' * local.stars}".strip()
            if "g_auto" not in typed and body.of(body.field(node, "operator")) == "=":
                yield Change((over(right, f"({typed}){body.of(right)}"),))


def _statement(node: Node) -> Node | None:
    """The statement of a list that a node belongs to."""
    found: Node | None = node
    while found is not None and found.parent is not None and found.parent.type != "compound_statement":
        found = found.parent
    return found


@rewrite("member-alias")
def member_alias(body: Body) -> Iterator[Change]:
    """s->foo->x by way of Foo *f = s->foo, s->foo.x by way of Foo *f = &s->foo."""
    done = set()
    for node in body.each("field_expression"):
        inner = body.field(node, "argument")
        if inner is None or inner.type != "field_expression":
            continue
        typed, statement = body.path_type(inner), _statement(node)
        arrow = body.of(body.field(node, "operator")) == "->"
        if typed is None or statement is None or typed[1] != int(arrow) or statement.type in LOOPS:
            continue
        if (
            statement.type in ("declaration", "labeled_statement", "switch_statement")
            or (statement.id, body.of(inner)) in done
        ):
            continue
        if any(
            one.type == "assignment_expression" and body.of(body.field(one, "left")) == body.of(inner)
            for one in walk(statement)
        ):
            continue
        done.add((statement.id, body.of(inner)))
        # Only where the statement reads the member in any case: else what is not there would be read.
        if statement.type == "if_statement" and not _within(node, body.field(statement, "condition")):
            continue
        name, prefix = body.fresh("part"), "" if arrow else "&"
        same = [
            one
            for one in walk(statement)
            if one.type == "field_expression" and body.of(body.field(one, "argument")) == body.of(inner)
        ]
        edits = [
            Edit(one.start_byte, one.end_byte, f"{name}->{body.of(body.field(one, 'field'))}") for one in same
        ]
        yield Change((*body.before(statement, f"{typed[0]} *{name} = {prefix}{body.of(inner)};"), *edits))


def _within(node: Node, outer: Node | None) -> bool:
    return outer is not None and outer.start_byte <= node.start_byte and node.end_byte <= outer.end_byte


@rewrite("fold-alias")
def fold_alias(body: Body) -> Iterator[Change]:
    """A local pointer that stands for a member: the member in its place."""
    for node, _, name, value in _initialised(body):
        address = value.type == "pointer_expression" and body.of(value).startswith("&")
        inner = body.field(value, "argument") if address else value
        if (
            inner is None
            or inner.type != "field_expression"
            or body.holds(inner, "call_expression", "subscript_expression")
        ):
            continue
        uses = [one for one in body.uses(name) if one.start_byte > node.end_byte]
        wide = [one.parent for one in uses if one.parent is not None]
        if not uses or any(
            p.type in ("update_expression",)
            or (p.type == "assignment_expression" and body.of(body.field(p, "left")) == name)
            or (p.type == "pointer_expression" and body.of(p).startswith("&"))
            for p in wide
        ):
            continue
        edits = [over(node, ";")]
        for use in uses:
            parent = use.parent
            if address and parent is not None and parent.type == "field_expression":
                edits.append(over(parent, f"{body.of(inner)}.{body.of(body.field(parent, 'field'))}"))
            else:
                edits.append(over(use, body.of(value)))
        yield Change(tuple(edits))


@rewrite("address-local")
def address_local(body: Body) -> Iterator[Change]:
    """f(&s->x) by way of a local pointer."""
    for node in body.each("argument_list"):
        call = node.parent
        host = _hosted(body, call) if call is not None and call.type == "call_expression" else None
        for one in node.named_children if host is not None and body.in_list(host) else []:
            inner = body.field(one, "argument")
            if one.type != "pointer_expression" or not body.of(one).startswith("&") or inner is None:
                continue
            typed = body.path_type(inner) if inner.type == "field_expression" else None
            if typed is not None and host is not None and host.type != "declaration":
                name = body.fresh("place")
                text = f"{typed[0]} *{'*' * typed[1]}{name} = {body.of(one)};"
                yield Change((*body.before(host, text), over(one, name)))


@rewrite("argument-temporary")
def argument_temporary(body: Body) -> Iterator[Change]:
    """f(s->x) by way of a local variable."""
    for node in body.each("argument_list"):
        call = node.parent
        host = _hosted(body, call) if call is not None and call.type == "call_expression" else None
        for one in node.named_children if host is not None and body.in_list(host) else []:
            typed = body.path_type(one) if one.type == "field_expression" else None
            if typed is not None and host is not None and host.type != "declaration":
                name = body.fresh("argument")
                text = f"{typed[0]} {'*' * typed[1]}{name} = {body.of(one)};"
                yield Change((*body.before(host, text), over(one, name)))


@rewrite("arrow-to-star")
def arrow_to_star(body: Body) -> Iterator[Change]:
    """x->y as (*x).y."""
    for node in body.each("field_expression"):
        inner = body.field(node, "argument")
        if inner is not None and body.of(body.field(node, "operator")) == "->":
            yield Change((over(node, f"(*{body.of(inner)}).{body.of(body.field(node, 'field'))}"),))


@rewrite("star-index")
def star_index(body: Body) -> Iterator[Change]:
    """a[i] as *(a + i)."""
    for node in body.each("subscript_expression"):
        base, index = body.field(node, "argument"), body.field(node, "index")
        parent = node.parent
        if (
            base is None
            or index is None
            or parent is None
            or parent.type in ("field_expression", "subscript_expression")
        ):
            continue
        if not body.holds(index, "assignment_expression"):
            yield Change((over(node, f"(*({body.of(base)} + ({body.of(index)})))"),))


@rewrite("free-temporary")
def free_temporary(body: Body) -> Iterator[Change]:
    """g_free(s->x) by way of a local variable."""
    for node in body.each("call_expression"):
        host, arguments = node.parent, body.field(node, "arguments")
        if body.of(body.field(node, "function")) != "g_free" or host is None or arguments is None:
            continue
        value = arguments.named_children[0] if arguments.named_child_count == 1 else None
        if host.type == "expression_statement" and value is not None and value.type == "field_expression":
            name, value = body.fresh("old"), arguments.named_children[0]
            yield Change((*body.before(host, f"void *{name} = {body.of(value)};"), over(value, name)))


@rewrite("compound-assign")
def compound_assign(body: Body) -> Iterator[Change]:
    """x |= y as x = x | y, x++ as x += 1."""
    for node in body.each("assignment_expression"):
        operator = body.of(body.field(node, "operator"))
        if len(operator) > 1 and not body.holds(node, "call_expression", "update_expression"):
            left, right = body.of(body.field(node, "left")), body.of(body.field(node, "right"))
            right = right if _SIMPLE.fullmatch(right) else f"({right})"
            yield Change((over(node, f"{left} = {left} {operator[:-1]} {right}"),))
    for node in body.each("update_expression"):
        operator, parent = body.of(body.field(node, "operator")), node.parent
        if parent is not None and parent.type in ("expression_statement", "for_statement"):
            yield Change((over(node, f"{body.of(body.field(node, 'argument'))} {operator[0]}= 1"),))


@rewrite("number-spelled")
def number_spelled(body: Body) -> Iterator[Change]:
    """8 as 0x8, 0x10 as 16."""
    for node in body.each("number_literal"):
        text = body.of(node)
        if re.fullmatch(r"\d\d*", text) and text not in ("0", "1") and not text.startswith("0"):
            yield Change((over(node, hex(int(text))),))
        elif re.fullmatch(r"0x[0-9a-fA-F]{1,6}", text):
            yield Change((over(node, str(int(text, 16))),))


def used_names(body: Body, nodes: list[Node]) -> dict[str, list[Node]]:
    """The locals that some statements name."""
    found: dict[str, list[Node]] = {}
    for statement in nodes:
        for node in walk(statement):
            if node.type == "identifier" and body.of(node) in body.locals:
                found.setdefault(body.of(node), []).append(node)
    return found


def block_of(node: Node) -> list[Node]:
    """The statements beside a node, itself included."""
    return statements_of(node.parent) if node.parent is not None else [node]
