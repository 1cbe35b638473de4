# SPDX-License-Identifier: GPL-2.0-or-later
"""Transformations of the order of control: returns and jumps, loops, switches, blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from rewrites.body import (
    GUARDED,
    LEAVING,
    LOOPS,
    SCOPED,
    Body,
    Change,
    Edit,
    ends,
    over,
    rewrite,
    statements_of,
    walk,
)
from rewrites.conditions import ifs, negated, operands

_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*|-?\d\w*|'.'")
_LONGEST_TAIL = 500


def _labels(body: Body) -> list[Node]:
    return body.each("labeled_statement")


def _rest(statements: list[Node], place: int) -> list[Node]:
    return statements[place + 1 :]


@rewrite("else-after-return")
def else_after_return(body: Body) -> Iterator[Change]:
    """if (c) { return e; } rest as if (c) { return e; } else { rest }."""
    for owner, statements in body.lists:
        for place, node in enumerate(statements):
            rest = _rest(statements, place)
            if node.type != "if_statement" or not rest or owner.type != "compound_statement":
                continue
            then = body.field(node, "consequence")
            if then is None or body.field(node, "alternative") is not None or not ends(then):
                continue
            if any(body.holds(one, "labeled_statement", "case_statement") for one in rest):
                continue
            end = rest[-1].end_byte
            indent = body.indent(node)
            edits = (
                Edit(node.start_byte, then.end_byte, f"{body.text[node.start_byte : then.end_byte]} else {{"),
                Edit(end, end, f"\n{indent}}}"),
            )
            yield Change(edits)


@rewrite("unwrap-else")
def unwrap_else(body: Body) -> Iterator[Change]:
    """if (c) { return e; } else { rest } as if (c) { return e; } rest."""
    for node, _, then, other in ifs(body):
        if other is not None and ends(then) and body.in_list(node):
            inner = body.inside(other) if other.type == "compound_statement" else body.of(other)
            text = f"{body.text[node.start_byte : then.end_byte]}\n{body.indent(node)}{inner}"
            yield Change((over(node, text),))


@rewrite("guard-to-block")
def guard_to_block(body: Body) -> Iterator[Change]:
    """if (c) { continue; } rest, or return; of a void function, as if (!c) { rest }."""
    for owner, statements in body.lists:
        parent = owner.parent
        for place, node in enumerate(statements):
            rest = _rest(statements, place)
            then, condition = body.field(node, "consequence"), body.condition(node)
            if node.type != "if_statement" or not rest or then is None or condition is None or parent is None:
                continue
            words = body.inside(then)
            loop = parent.type in LOOPS and words == "continue;"
            whole = owner == body.body and words == "return;"
            if body.field(node, "alternative") is not None or not (loop or whole):
                continue
            if any(body.holds(one, "labeled_statement", "case_statement") for one in rest):
                continue
            indent = body.indent(node)
            yield Change(
                (
                    over(node, f"if ({negated(body, condition)}) {{"),
                    Edit(rest[-1].end_byte, rest[-1].end_byte, f"\n{indent}}}"),
                )
            )


@rewrite("block-to-guard")
def block_to_guard(body: Body) -> Iterator[Change]:
    """A last if of a void function or of a loop's body as a guard in front of its statements."""
    for owner, statements in body.lists:
        node = statements[-1] if statements else None
        if node is None or node.type != "if_statement" or owner.parent is None:
            continue
        then, condition = body.field(node, "consequence"), body.condition(node)
        if then is None or condition is None or body.field(node, "alternative") is not None:
            continue
        word = "continue" if owner.parent.type in ("for_statement", "while_statement") else ""
        if owner == body.body and body.result is None:
            word = "return"
        if word:
            indent = body.indent(node)
            guard = f"if ({negated(body, condition)}) {{\n{indent}    {word};\n{indent}}}"
            yield Change((over(node, f"{guard}\n{indent}{body.inside(then)}"),))


@rewrite("return-to-goto")
def return_to_goto(body: Body) -> Iterator[Change]:
    """Every return as a jump to a label at the end."""
    returns = body.each("return_statement")
    statements = statements_of(body.body)
    if len(returns) < 2 or SCOPED.search(body.text) or not statements:
        return
    name, label = body.fresh("result"), body.fresh("finish")
    edits, closing = [], f"{label}:\n    return;\n"
    if body.result is not None:
        first = statements[0]
        edits.append(Edit(first.start_byte, first.start_byte, f"{body.result}{name};\n    "))
        closing = f"{label}:\n    return {name};\n"
    for node in returns:
        value = node.named_children[0] if node.named_child_count else None
        store = f"{name} = {body.of(value)};" if value is not None else ""
        jump = "" if node == statements[-1] else f"goto {label};"
        text = " ".join(part for part in (store, jump) if part)
        in_list = node.parent is not None and node.parent.type in ("compound_statement", "case_statement")
        edits.append(over(node, text if in_list or not store else f"{{ {text} }}"))
    if len({edit.start for edit in edits}) < len(edits):
        return
    edits.append(Edit(body.body.end_byte - 1, body.body.end_byte - 1, closing))
    yield Change(tuple(edits))


@rewrite("goto-to-return")
def goto_to_return(body: Body) -> Iterator[Change]:
    """goto out; as a copy of what stands behind the label, to the function's end."""
    if GUARDED.search(body.text):
        return
    tails = {}
    for label in _labels(body):
        if label.parent != body.body:
            continue
        name = body.of(body.field(label, "label"))
        inner = [
            child for child in label.named_children if child.type not in ("comment", "statement_identifier")
        ]
        start = inner[0].start_byte if inner else label.end_byte
        text = body.text[start : body.body.end_byte - 1].strip()
        if len(text) > _LONGEST_TAIL or "goto " in text or "\n#" in text:
            continue
        text = re.sub(r"\n *\w+:(?=\n)", "", text)
        if not re.search(r"return\b[^;{}]*;$", text):
            text += "\n    return;"
        tails[name] = text
    for node in body.each("goto_statement"):
        tail = tails.get(body.of(body.field(node, "label")))
        if tail is not None:
            in_list = node.parent is not None and node.parent.type in ("compound_statement", "case_statement")
            yield Change((over(node, tail if in_list else f"{{ {tail} }}"),), twice=True)


@rewrite("while-to-for")
def while_to_for(body: Body) -> Iterator[Change]:
    """while (c) as for (; c;)."""
    for node in body.each("while_statement"):
        condition, inner = body.condition(node), body.field(node, "body")
        if condition is not None and inner is not None and body.of(node).startswith("while"):
            always = body.of(condition) in ("1", "true")
            yield Change(
                (over(node, f"for (;{'' if always else ' ' + body.of(condition)};) {body.of(inner)}"),)
            )


@rewrite("while-to-do")
def while_to_do(body: Body) -> Iterator[Change]:
    """while (c) A as if (c) { do A while (c); }."""
    for node in body.each("while_statement"):
        condition, inner = body.condition(node), body.field(node, "body")
        if condition is None or inner is None or not body.of(node).startswith("while"):
            continue
        indent, test = body.indent(node), body.of(condition)
        loop = f"do {body.block(inner, indent)} while ({test});"
        yield Change((over(node, f"if ({test}) {{\n{indent}    {loop}\n{indent}}}"),), twice=True)


@rewrite("for-to-while")
def for_to_while(body: Body) -> Iterator[Change]:
    """for (a; b; c) A as a; while (b) { A c; }."""
    for node in body.each("for_statement"):
        inner = body.field(node, "body")
        if inner is None or not body.of(node).startswith("for"):
            continue
        if body.escapes(inner, ("continue_statement",)):
            continue
        start = body.of(body.field(node, "initializer"))
        update, test = body.of(body.field(node, "update")), body.of(body.field(node, "condition")) or "true"
        indent = body.indent(node)
        step = f"\n{indent}        {update};" if update else ""
        first = f"{start.rstrip(';')};\n{indent}    " if start else ""
        loop = f"while ({test}) {{\n{indent}        {body.inside(inner)}{step}\n{indent}    }}"
        yield Change((over(node, f"{{\n{indent}    {first}{loop}\n{indent}}}"),))


def _groups(body: Body, switch: Node) -> list[tuple[list[str], bool, list[Node]]] | None:
    """The cases of a switch that share statements: their values, whether default is one, the statements."""
    holder = body.field(switch, "body")
    groups: list[tuple[list[str], bool, list[Node]]] = []
    values: list[str] = []
    default = False
    for case in holder.named_children if holder is not None else []:
        if case.type == "comment":
            continue
        if case.type != "case_statement":
            return None
        value = body.field(case, "value")
        default = default or value is None
        values += [body.of(value)] if value is not None else []
        statements = statements_of(case)
        if statements:
            groups.append((values, default, statements))
            values, default = [], False
    return groups


def _without_break(body: Body, statements: list[Node], last: bool) -> str | None:
    """The statements of a case without the break at their end, None where they fall through."""
    if len(statements) == 1 and statements[0].type == "compound_statement":
        statements = statements_of(statements[0])
        if not statements:
            return ""
    if not ends(statements[-1]) and not last:
        return None
    kept = statements[:-1] if statements[-1].type == "break_statement" else statements
    if any(body.escapes(one, ("break_statement",)) for one in kept):
        return None
    return body.text[kept[0].start_byte : kept[-1].end_byte] if kept else ""


def _equals(subject: str, value: str) -> str:
    first, dots, second = value.partition("...")
    if dots:
        return f"({subject} >= {first.strip()} && {subject} <= {second.strip()})"
    return f"{subject} == {value}"


@rewrite("switch-to-ifs")
def switch_to_ifs(body: Body) -> Iterator[Change]:
    """switch (x) as a chain of ifs."""
    for node in body.each("switch_statement"):
        subject, groups = body.condition(node), _groups(body, node)
        if subject is None or not groups or body.holds(subject, "call_expression", "assignment_expression"):
            continue
        text = body.of(subject)
        text = text if subject.type in ("identifier", "field_expression") else f"({text})"
        indent, parts, other = body.indent(node), [], None
        for place, (values, default, statements) in enumerate(groups):
            inside = _without_break(body, statements, place == len(groups) - 1)
            if inside is None:
                break
            block = f"{{\n{indent}    {inside}\n{indent}}}"
            if default:
                other = block
            else:
                parts.append(f"if ({' || '.join(_equals(text, value) for value in values)}) {block}")
        else:
            if parts:
                parts += [other] if other is not None else []
                yield Change((over(node, " else ".join(parts)),))


@rewrite("ifs-to-switch")
def ifs_to_switch(body: Body) -> Iterator[Change]:
    """A chain of ifs that compare one value with constants as a switch."""
    inner_ones = {other.id for _, _, _, other in ifs(body) if other is not None}
    chain = {node.id: (node, condition, then, other) for node, condition, then, other in ifs(body)}
    for first in list(chain.values()):
        if first[0].id in inner_ones:
            continue
        cases, subject, link = [], None, first
        indent = body.indent(first[0])
        while True:
            _, condition, then, other = link
            sides = operands(body, condition, "==")
            if sides is None or not _CONSTANT.fullmatch(body.of(sides[1])) or body.of(sides[1]) == "NULL":
                break
            if body.of(sides[0]) != (subject or body.of(sides[0])) or body.escapes(
                then, ("break_statement",)
            ):
                break
            subject = body.of(sides[0])
            stop = "" if ends(then) else f"\n{indent}    break;"
            cases.append(f"case {body.of(sides[1])}:\n{indent}    {body.inside(then)}{stop}")
            if other is not None and other.id in chain:
                link = chain[other.id]
                continue
            if other is not None and body.escapes(other, ("break_statement",)):
                break
            last = f"{body.inside(other)}\n{indent}    break;" if other is not None else "break;"
            cases.append(f"default:\n{indent}    {last}")
            yield Change(
                (
                    over(
                        first[0],
                        f"switch ({subject}) {{\n{indent}" + f"\n{indent}".join(cases) + f"\n{indent}}}",
                    ),
                )
            )
            break


def _plain(node: Node) -> bool:
    return node.type in ("expression_statement", "if_statement")


@rewrite("do-while-zero")
def do_while_zero(body: Body) -> Iterator[Change]:
    """A statement in do { } while (0)."""
    for _, statements in body.lists:
        for node in statements:
            if _plain(node) and not body.escapes(node) and not body.holds(node, "labeled_statement"):
                yield Change((body.enclosed(node, "do {", "} while (0);"),))


@rewrite("block")
def block(body: Body) -> Iterator[Change]:
    """A statement in braces of its own."""
    for _, statements in body.lists:
        for node in statements:
            if _plain(node):
                yield Change((body.enclosed(node, "{", "}"),))


@rewrite("return-at-end")
def return_at_end(body: Body) -> Iterator[Change]:
    """A return; at the end of a void function, or without it."""
    statements = statements_of(body.body)
    if body.result is None and statements:
        last = statements[-1]
        if last.type == "return_statement":
            yield Change((over(last, ";"),))
        elif last.type not in LEAVING and last.type != "labeled_statement":
            yield Change((Edit(body.end(last), body.end(last), "\n    return;"),))


@rewrite("common-tail")
def common_tail(body: Body) -> Iterator[Change]:
    """if (c) {A} else {B} rest as if (c) {A rest} else {B rest}, of a rest that is short and leaves."""
    for owner, statements in body.lists:
        for place, node in enumerate(statements):
            rest = _rest(statements, place)
            if node.type != "if_statement" or owner.type != "compound_statement" or not 1 <= len(rest) <= 3:
                continue
            parts = (
                next(one for one in ifs(body) if one[0] == node) if body.condition(node) is not None else None
            )
            if (
                parts is None
                or not ends(rest[-1])
                or (parts[3] is not None and parts[3].type == "if_statement")
            ):
                continue
            if any(one.type == "declaration" or body.holds(one, "labeled_statement") for one in rest):
                continue
            then, other, indent = parts[2], parts[3], body.indent(node)
            text = body.text[rest[0].start_byte : rest[-1].end_byte]
            first = body.inside(then) if ends(then) else f"{body.inside(then)}\n{indent}    {text}"
            second = (
                text
                if other is None
                else body.inside(other)
                if ends(other)
                else f"{body.inside(other)}\n{indent}    {text}"
            )
            branches = f"{{\n{indent}    {first}\n{indent}}} else {{\n{indent}    {second}\n{indent}}}"
            whole = f"if ({body.of(parts[1])}) {branches}"
            yield Change((Edit(node.start_byte, rest[-1].end_byte, whole),), twice=True)


def declared_within(node: Node) -> bool:
    """Whether a statement declares something."""
    return any(one.type == "declaration" for one in walk(node))
