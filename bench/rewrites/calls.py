# SPDX-License-Identifier: GPL-2.0-or-later
"""Transformations across functions, and of the text between statements."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from rewrites.body import LEAVING, SCOPED, Body, Change, Edit, Local, over, rewrite, walk
from rewrites.values import used_names

_UNFIT = ("declaration", "labeled_statement", "case_statement", *LEAVING)
_NEUTRAL = (
    "static int neutral_%s(int first, int second)\n{\n    return first < second ? first : second;\n}\n\n"
)


def _root(body: Body, node: Node | None) -> str:
    """The variable that a place belongs to, where nothing is followed on the way."""
    while node is not None and node.type != "identifier":
        if node.type == "field_expression" and body.of(body.field(node, "operator")) == "->":
            return ""
        if node.type in ("call_expression", "pointer_expression"):
            return ""
        node = body.field(node, "argument") or (node.named_children[0] if node.named_child_count else None)
    return body.of(node)


def _changed(body: Body, statement: Node) -> set[str]:
    """The variables that a statement sets or whose address it takes."""
    out = set()
    for node in walk(statement):
        if node.type == "assignment_expression":
            out.add(_root(body, body.field(node, "left")))
        elif node.type == "update_expression" or (
            node.type == "pointer_expression" and body.of(node)[0] == "&"
        ):
            out.add(_root(body, body.field(node, "argument")))
    return out


def _movable(body: Body, run: list[Node]) -> list[Local] | None:
    """The parameters of a function that could hold these statements, None where there is none."""
    text = "\n".join(body.of(one) for one in run)
    if (
        any(body.holds(one, *_UNFIT) for one in run)
        or SCOPED.search(text)
        or "*errp" in text
        or "__func__" in text
    ):
        return None
    if re.search(r"\b(?:va_\w+|assert|trace_\w+_\w+_\w+)\(", text):
        return None
    names = used_names(body, run)
    changed: set[str] = set().union(*(_changed(body, one) for one in run))
    parameters = [body.locals[name] for name in names]
    if changed & set(names) or any(one.array or "static" in one.base.split() for one in parameters):
        return None
    return parameters


@rewrite("extract-helper")
def extract_helper(body: Body) -> Iterator[Change]:
    """Statements that set no variable of the function in a static function of their own."""
    for _, statements in body.lists:
        for first in range(len(statements)):
            for length in (3, 2, 1):
                run = statements[first : first + length]
                if len(run) != length or any(
                    one.type not in ("expression_statement", "if_statement") for one in run
                ):
                    continue
                parameters = _movable(body, run)
                if parameters is None:
                    continue
                name = body.fresh(f"{body.name}_part")
                inside = body.text[run[0].start_byte : run[-1].end_byte]
                head = ", ".join(
                    re.sub(r"\bg_auto\w+(\([^)]*\))?\s*", "", one.declared(one.name)) for one in parameters
                )
                front = f"static void {name}({head or 'void'})\n{{\n    {inside}\n}}\n\n"
                call = f"{name}({', '.join(one.name for one in parameters)});"
                yield Change((Edit(run[0].start_byte, run[-1].end_byte, call),), front)


@rewrite("wrap-call")
def wrap_call(body: Body) -> Iterator[Change]:
    """A call by way of a static function of one line."""
    for call in body.each("call_expression"):
        function = body.field(call, "function")
        callee = body.of(function)
        parameters = body.declared.parameters(callee)
        if function is None or function.type != "identifier" or parameters is None or callee in body.locals:
            continue
        if callee == body.name:
            continue
        name = body.fresh(f"{body.name}_call")
        result = body.declared.result(callee)
        head = ", ".join(one.declared(one.name) for one in parameters) or "void"
        inner = f"{callee}({', '.join(one.name for one in parameters)});"
        text = f"return {inner}" if result is not None else inner
        front = f"static {result or 'void '}{name}({head})\n{{\n    {text}\n}}\n\n"
        yield Change((over(function, name),), front)


@rewrite("function-in-front")
def function_in_front(body: Body) -> Iterator[Change]:
    """Another function in front of the function."""
    yield Change((), front=_NEUTRAL % body.name)


@rewrite("function-behind")
def function_behind(body: Body) -> Iterator[Change]:
    """Another function behind the function."""
    yield Change((), behind="\n\n" + (_NEUTRAL % body.name).rstrip())


def _between(body: Body, text: str) -> Iterator[Change]:
    for owner, statements in body.lists:
        for place, node in enumerate(statements):
            # A declaration must not follow a statement in old C, and a label of a case wants one.
            if (
                node.type in ("declaration", "labeled_statement")
                or SCOPED.match(body.of(node))
                or (owner.type == "case_statement" and not place)
            ):
                continue
            start = body.start(node)
            yield Change((Edit(start, start, f"{text}\n{body.indent(node)}"),))


@rewrite("comment-between")
def comment_between(body: Body) -> Iterator[Change]:
    """A comment and an empty line between statements."""
    yield from _between(body, "/* What follows needs an explanation. */\n")


@rewrite("trace-between")
def trace_between(body: Body) -> Iterator[Change]:
    """A trace point between statements."""
    yield from _between(body, "trace_neutral_step(1);")


@rewrite("assert-between")
def assert_between(body: Body) -> Iterator[Change]:
    """An assertion of something else between statements."""
    yield from _between(body, "g_assert(neutral_state == 1);")


@rewrite("string-parts")
def string_parts(body: Body) -> Iterator[Change]:
    """A string in two parts, the second on a line of its own."""
    for node in body.each("string_literal"):
        text = body.of(node)
        blank = text.find(" ", len(text) // 2)
        if (
            blank > 0
            and "\\" not in text
            and (node.parent is None or node.parent.type != "concatenated_string")
        ):
            indent = body.indent(node)
            yield Change((over(node, f'{text[: blank + 1]}"\n{indent}        "{text[blank + 1 :]}'),))


@rewrite("arguments-on-lines")
def arguments_on_lines(body: Body) -> Iterator[Change]:
    """Each argument of a call on a line of its own."""
    for node in body.each("argument_list"):
        arguments = [one for one in node.named_children if one.type != "comment"]
        if len(arguments) > 1:
            indent = body.indent(node)
            text = f",\n{indent}        ".join(body.of(one) for one in arguments)
            yield Change((over(node, f"({text})"),))
