# SPDX-License-Identifier: GPL-2.0-or-later
"""Transformations of conditions and branches."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from tree_sitter import Node

from rewrites.body import Body, Change, Edit, ends, over, rewrite, statements_of, walk

_INVERSE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_ATOMS = (
    "identifier",
    "call_expression",
    "field_expression",
    "subscript_expression",
    "parenthesized_expression",
)


def negated(body: Body, node: Node) -> str:
    """The opposite of a condition, in the way a programmer writes it."""
    text = body.of(node)
    if node.type == "unary_expression" and text.startswith("!"):
        return body.of(body.field(node, "argument"))
    if node.type == "binary_expression":
        operator = body.of(body.field(node, "operator"))
        if operator in _INVERSE:
            left, right = body.of(body.field(node, "left")), body.of(body.field(node, "right"))
            return f"{left} {_INVERSE[operator]} {right}"
    return f"!{text}" if node.type in _ATOMS else f"!({text})"


def grouped(body: Body, node: Node) -> str:
    """A condition as an operand of && or ||."""
    alone = node.type in _ATOMS or node.type == "unary_expression"
    return body.of(node) if alone else f"({body.of(node)})"


def operands(body: Body, node: Node, operator: str) -> tuple[Node, Node] | None:
    """The two sides of a binary expression with this operator."""
    if node.type != "binary_expression" or body.of(body.field(node, "operator")) != operator:
        return None
    left, right = body.field(node, "left"), body.field(node, "right")
    return (left, right) if left is not None and right is not None else None


def ifs(body: Body) -> Iterator[tuple[Node, Node, Node, Node | None]]:
    """Each if with its condition, the statement behind it and what follows its else."""
    for node in body.each("if_statement"):
        condition, then = body.condition(node), body.field(node, "consequence")
        clause = body.field(node, "alternative")
        other = None
        if clause is not None:
            inner = statements_of(clause)
            other = inner[0] if inner else None
        if condition is not None and then is not None:
            yield node, condition, then, other


def tests(body: Body) -> Iterator[Node]:
    """Each atomic operand of a condition."""
    waiting = [
        c for n in body.each("if_statement", "while_statement") if (c := body.condition(n)) is not None
    ]
    waiting += [
        c for n in body.each("conditional_expression") if (c := body.field(n, "condition")) is not None
    ]
    while waiting:
        node = waiting.pop()
        operator = body.of(body.field(node, "operator"))
        if node.type == "parenthesized_expression" and node.named_child_count == 1:
            waiting.append(node.named_children[0])
        elif node.type == "binary_expression" and operator in ("&&", "||"):
            waiting += [side for side in node.named_children if side.type != "comment"]
        else:
            yield node


@rewrite("turn-if")
def turn_if(body: Body) -> Iterator[Change]:
    """if (!x) {A} else {B} as if (x) {B} else {A}."""
    for node, condition, then, other in ifs(body):
        if other is not None and other.type != "if_statement":
            indent = body.indent(node)
            text = (
                f"if ({negated(body, condition)}) {body.block(other, indent)} else {body.block(then, indent)}"
            )
            yield Change((over(node, text),))


@rewrite("turn-compare")
def turn_compare(body: Body) -> Iterator[Change]:
    """ret < 0 as 0 > ret."""
    for node in body.each("binary_expression"):
        operator = body.of(body.field(node, "operator"))
        if operator in _MIRRORED and not body.holds(node, "assignment_expression"):
            left, right = body.of(body.field(node, "left")), body.of(body.field(node, "right"))
            yield Change((over(node, f"{right} {_MIRRORED[operator]} {left}"),))


_STATUS = re.compile(r"(?:ret|rc|r|res|err|error|rval|status|result)\d*")


def _status_tests(body: Body) -> Iterator[tuple[Node, str]]:
    """Tests of a negative value, of the result of a call or of an int variable, that are conditions."""
    for node in tests(body):
        sides = operands(body, node, "<")
        if sides is None or body.of(sides[1]) != "0":
            continue
        left = sides[0]
        if left.type == "call_expression":
            callee = body.of(body.field(left, "function"))
            result, parameters = body.declared.functions.get(callee, ("", ""))
            if result == "int" and "Error **" in parameters:
                yield node, body.of(left)
        elif left.type == "identifier" and left.parent is not None:
            local = body.locals.get(body.of(left))
            if (
                local is not None
                and (local.base, local.stars) == ("int", 0)
                and _STATUS.fullmatch(local.name)
            ):
                yield node, body.of(left)


@rewrite("status-not-zero")
def status_not_zero(body: Body) -> Iterator[Change]:
    """ret < 0 as ret != 0, of a function that returns 0 or a negative number."""
    for node, text in _status_tests(body):
        yield Change((over(node, f"{text} != 0"),))


@rewrite("status-bare")
def status_bare(body: Body) -> Iterator[Change]:
    """ret < 0 as ret, of a function that returns 0 or a negative number."""
    for node, text in _status_tests(body):
        yield Change((over(node, text),))


def _is_pointer(body: Body, node: Node) -> bool:
    found = body.path_type(node)
    if node.type == "call_expression":
        return (body.declared.result(body.of(body.field(node, "function"))) or "").endswith("*")
    return found is not None and found[1] > 0


@rewrite("null-spelled")
def null_spelled(body: Body) -> Iterator[Change]:
    """!p as p == NULL, p as p != NULL."""
    for node in tests(body):
        inner = body.field(node, "argument") if node.type == "unary_expression" else None
        if inner is not None and body.of(node).startswith("!") and _is_pointer(body, inner):
            yield Change((over(node, f"{body.of(inner)} == NULL"),))
        elif _is_pointer(body, node):
            yield Change((over(node, f"{body.of(node)} != NULL"),))


@rewrite("null-bare")
def null_bare(body: Body) -> Iterator[Change]:
    """p == NULL as !p, p != NULL as p."""
    for node in tests(body):
        for operator, sign in (("==", "!"), ("!=", "")):
            sides = operands(body, node, operator)
            if sides is not None and body.of(sides[1]) == "NULL" and sides[0].type in _ATOMS:
                yield Change((over(node, f"{sign}{body.of(sides[0])}"),))


@rewrite("bool-spelled")
def bool_spelled(body: Body) -> Iterator[Change]:
    """!f() as f() == false, or as f() == 0 of an int; f() as f() != 0."""
    for node in tests(body):
        inner = body.field(node, "argument") if node.type == "unary_expression" else node
        if inner is None or inner.type not in ("call_expression", "identifier"):
            continue
        if inner.type == "call_expression":
            typed = (body.declared.result(body.of(body.field(inner, "function"))) or "").strip()
        else:
            local = body.locals.get(body.of(inner))
            typed = local.base if local is not None and not local.stars and not local.array else ""
        zero = {"bool": "false", "int": "0"}.get(typed)
        if zero is not None:
            sign = "==" if node is not inner else "!="
            yield Change((over(node, f"{body.of(inner)} {sign} {zero}"),))


@rewrite("double-not")
def double_not(body: Body) -> Iterator[Change]:
    """x as !!x, x == y as !(x != y)."""
    for node in tests(body):
        opposite = negated(body, node)
        alone = opposite.startswith("!") and node.type in _ATOMS
        yield Change((over(node, f"!{opposite}" if alone else f"!({opposite})"),))


@rewrite("de-morgan")
def de_morgan(body: Body) -> Iterator[Change]:
    """a || b as !(!a && !b)."""
    for node in body.each("binary_expression"):
        for operator, other in (("||", "&&"), ("&&", "||")):
            sides = operands(body, node, operator)
            if sides is not None:
                left, right = (negated(body, side) for side in sides)
                yield Change((over(node, f"!({left} {other} {right})"),))


@rewrite("and-to-nested")
def and_to_nested(body: Body) -> Iterator[Change]:
    """if (a && b) A as if (a) { if (b) A }."""
    for node, condition, then, other in ifs(body):
        sides = operands(body, condition, "&&")
        if sides is not None and other is None:
            indent = body.indent(node)
            inner = f"if ({body.of(sides[1])}) {body.block(then, indent)}"
            yield Change((over(node, f"if ({body.of(sides[0])}) {{\n{indent}    {inner}\n{indent}}}"),))


@rewrite("nested-to-and")
def nested_to_and(body: Body) -> Iterator[Change]:
    """if (a) { if (b) A } as if (a && b) A."""
    for node, condition, then, other in ifs(body):
        inner = statements_of(then) if then.type == "compound_statement" else [then]
        if other is not None or len(inner) != 1 or inner[0].type != "if_statement":
            continue
        second, action = body.condition(inner[0]), body.field(inner[0], "consequence")
        if second is not None and action is not None and body.field(inner[0], "alternative") is None:
            both = f"{grouped(body, condition)} && {grouped(body, second)}"
            yield Change((over(node, f"if ({both}) {body.of(action)}"),))


@rewrite("or-to-ifs")
def or_to_ifs(body: Body) -> Iterator[Change]:
    """if (a || b) A as if (a) A else if (b) A."""
    for node, condition, then, other in ifs(body):
        sides = operands(body, condition, "||")
        if sides is not None and other is None and not body.holds(then, "labeled_statement"):
            block = body.block(then, body.indent(node))
            joint = f"\n{body.indent(node)}if" if ends(then) and body.in_list(node) else " else if"
            text = f"if ({body.of(sides[0])}) {block}{joint} ({body.of(sides[1])}) {block}"
            yield Change((over(node, text),), twice=True)


@rewrite("ifs-to-or")
def ifs_to_or(body: Body) -> Iterator[Change]:
    """if (a) return e; if (b) return e; as if (a || b) return e;"""
    for _, statements in body.lists:
        for first, second in itertools.pairwise(statements):
            if {first.type, second.type} != {"if_statement"}:
                continue
            parts = [
                (body.condition(n), body.field(n, "consequence"), body.field(n, "alternative"))
                for n in (first, second)
            ]
            (one, then, other), (two, again, rest) = parts
            if (
                one is None
                or two is None
                or then is None
                or again is None
                or other is not None
                or rest is not None
            ):
                continue
            if ends(then) and body.inside(then).split() == body.inside(again).split():
                either = f"{grouped(body, one)} || {grouped(body, two)}"
                yield Change(
                    (Edit(first.start_byte, second.end_byte, f"if ({either}) {body.of(then)}"),), twice=True
                )


@rewrite("condition-temporary")
def condition_temporary(body: Body) -> Iterator[Change]:
    """if (c) as bool failed = c; if (failed)."""
    for node, condition, _, _ in ifs(body):
        if body.holds(condition, "assignment_expression"):
            continue
        name = body.fresh("failed")
        prefix = "" if condition.type == "binary_expression" else "!!"
        value = f"{prefix}{body.of(condition)}"
        yield Change((*body.before(node, f"bool {name} = {value};"), over(condition, name)))


def _if_else(test: str, then: str, other: str) -> str:
    return f"if ({test}) {{\n        {then};\n    }} else {{\n        {other};\n    }}"


@rewrite("ternary-to-if")
def ternary_to_if(body: Body) -> Iterator[Change]:
    """x = c ? a : b; and return c ? a : b; as an if."""
    for node in body.each("conditional_expression"):
        parent = node.parent
        while parent is not None and parent.type == "parenthesized_expression":
            parent = parent.parent
        texts = [body.of(body.field(node, name)) for name in ("condition", "consequence", "alternative")]
        if parent is None or not all(texts):
            continue
        test = texts[0][1:-1] if texts[0].startswith("(") and texts[0].endswith(")") else texts[0]
        if test.count("(") != test.count(")") or ")" in test.split("(")[0]:
            test = texts[0]
        if parent.type == "return_statement":
            yield Change(
                (over(parent, _if_else(test, f"return {texts[1]}", f"return {texts[2]}")),), twice=True
            )
        elif parent.type == "assignment_expression" and parent.parent is not None:
            statement, left = parent.parent, body.of(body.field(parent, "left"))
            if statement.type == "expression_statement" and body.of(body.field(parent, "operator")) == "=":
                text = _if_else(test, f"{left} = {texts[1]}", f"{left} = {texts[2]}")
                yield Change((over(statement, text),), twice=True)


@rewrite("if-to-ternary")
def if_to_ternary(body: Body) -> Iterator[Change]:
    """An if that chooses what is returned or stored as ?:."""

    def single(node: Node | None) -> Node | None:
        while node is not None and node.type == "compound_statement":
            inner = statements_of(node)
            node = inner[0] if len(inner) == 1 else None
        return node

    def value(node: Node | None) -> tuple[str, str] | None:
        node = single(node)
        if node is None:
            return None
        if node.type == "return_statement" and node.named_child_count == 1:
            return "return", body.of(node.named_children[0])
        inner = (
            node.named_children[0]
            if node.type == "expression_statement" and node.named_child_count == 1
            else None
        )
        if (
            inner is not None
            and inner.type == "assignment_expression"
            and body.of(body.field(inner, "operator")) == "="
        ):
            return f"{body.of(body.field(inner, 'left'))} =", body.of(body.field(inner, "right"))
        return None

    following = {a.id: b for _, many in body.lists for a, b in itertools.pairwise(many)}
    for node, condition, then, other in ifs(body):
        last = other if other is not None else following.get(node.id)
        one, two = value(then), value(last)
        if one is None or two is None or last is None or one[0] != two[0]:
            continue
        if other is None and one[0] != "return":
            continue
        text = f"{one[0]} {grouped(body, condition)} ? {one[1]} : {two[1]};"
        yield Change((Edit(node.start_byte, last.end_byte, text),), twice=True)


@rewrite("parentheses-condition")
def parentheses_condition(body: Body) -> Iterator[Change]:
    """x < 0 && y as (x < 0) && (y)."""
    for node in tests(body):
        yield Change((over(node, f"({body.of(node)})"),))


@rewrite("add-braces")
def add_braces(body: Body) -> Iterator[Change]:
    """if (c) A; as if (c) { A; }."""
    for node in body.each("if_statement", "while_statement", "for_statement"):
        for name in ("consequence", "body"):
            inner = body.field(node, name)
            if inner is not None and inner.type != "compound_statement":
                yield Change((over(inner, body.block(inner, body.indent(node))),))


@rewrite("remove-braces")
def remove_braces(body: Body) -> Iterator[Change]:
    """if (c) { A; } as if (c) A;"""
    for node in body.each("if_statement", "while_statement", "for_statement"):
        for name in ("consequence", "body"):
            inner = body.field(node, name)
            if inner is None or inner.type != "compound_statement" or "/*" in body.of(inner):
                continue
            statements = statements_of(inner)
            if len(statements) == 1 and statements[0].type in (
                "expression_statement",
                "return_statement",
                "goto_statement",
            ):
                yield Change((over(inner, body.of(statements[0])),))


def conditions_within(node: Node) -> list[Node]:
    """The calls inside of a node that the evaluation of it need not come to."""
    out = []
    for one in walk(node):
        parent = one.parent
        while one.type == "call_expression" and parent is not None and parent != node.parent:
            lazy = parent.type == "binary_expression" and any(
                not child.is_named and child.type in ("&&", "||") for child in parent.children
            )
            if lazy or parent.type == "conditional_expression":
                out.append(one)
                break
            parent = parent.parent
    return out
