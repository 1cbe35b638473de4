# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests of calls that may fail with an Error, as the edits for Errors look for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rewrites.body import Body, statements_of, walk
from rewrites.conditions import ifs
from tree_sitter import Node

from seeds.seed import SeedFunction

CLEANS = re.compile(
    r"free|unref|unlock|close|destroy|clean|release|delete|unrealize|remove|unmap|uninit|finalize|reset|abort|drain"
)
SETS = re.compile(r"error_setg\w*|error_set")
_TRIVIAL = re.compile(r"true|0|[a-z_]+")


@dataclass(frozen=True)
class FailureTest:
    """An if whose condition asks whether a call failed, and that only leaves then.

    error: the text of the argument for the Error (`errp`, `&local_err`). style: how it asks: "not" (!x,
    x == NULL), "negative" (x < 0), "nonzero" (x), "error" (the Error itself). stored: the statement in front
    that keeps the result, where the call is not in the condition.
    """

    node: Node
    condition: Node
    then: Node
    call: Node
    error: str
    style: str
    stored: Node | None

    @property
    def whole(self) -> tuple[int, int]:
        """Where the call and its test begin and end."""
        return (self.stored or self.node).start_byte, self.node.end_byte


def leaving(then: Node, *kinds: str) -> Node | None:
    """The return or jump that ends a statement."""
    last = then
    while last.type == "compound_statement":
        inner = statements_of(last)
        if not inner:
            return None
        last = inner[-1]
    return last if last.type in (kinds or ("return_statement", "goto_statement")) else None


def callee(body: Body, call: Node) -> str:
    """The name or the text of what is called."""
    return body.of(body.field(call, "function"))


def arguments(body: Body, call: Node) -> list[Node]:
    listed = body.field(call, "arguments")
    return [one for one in listed.named_children if one.type != "comment"] if listed is not None else []


def error_argument(function: SeedFunction, call: Node) -> Node | None:
    """The argument of a call through which it reports a failure."""
    wanted = {f"&{name}" for name in function.own_errors} | {function.errp}
    given = arguments(function, call)
    if not given or function.of(given[-1]) not in wanted:
        return None
    return None if callee(function, call).startswith(("error_", "warn_")) else given[-1]


def calls(body: Body, within: Node) -> list[Node]:
    return [node for node in walk(within) if node.type == "call_expression"]


def failure_tests(function: SeedFunction) -> Iterator[FailureTest]:
    """The tests of calls that may set an Error, without an else and without another condition."""
    for node, condition, then, other in ifs(function):
        if other is not None or leaving(then) is None or not function.in_list(node):
            continue
        found = _asked(function, condition)
        if found is None:
            continue
        subject, style = found
        if subject.type == "call_expression":
            argument = error_argument(function, subject)
            if argument is not None:
                yield FailureTest(node, condition, then, subject, function.of(argument), style, None)
            continue
        test = _stored(function, node, subject)
        if test is not None:
            stored, call, error, of_error = test
            yield FailureTest(node, condition, then, call, error, "error" if of_error else style, stored)


def _asked(function: SeedFunction, condition: Node) -> tuple[Node, str] | None:
    """What a condition tests, and how."""
    if condition.type == "unary_expression" and function.of(condition).startswith("!"):
        inner = function.field(condition, "argument")
        return (inner, "not") if inner is not None else None
    if condition.type == "binary_expression":
        left, right = function.field(condition, "left"), function.field(condition, "right")
        operator = function.of(function.field(condition, "operator"))
        shape = (operator, function.of(right))
        style = {("<", "0"): "negative", ("==", "NULL"): "not", ("!=", "0"): "nonzero"}.get(shape)
        return (left, style) if left is not None and style is not None else None
    if condition.type in ("identifier", "call_expression"):
        return condition, "nonzero"
    return None


def _stored(function: SeedFunction, node: Node, subject: Node) -> tuple[Node, Node, str, bool] | None:
    """The statement in front of a test that calls, the call, its Error, and whether the Error is tested."""
    front = node.prev_named_sibling
    while front is not None and front.type == "comment":
        front = front.prev_named_sibling
    if front is None or front.type not in ("expression_statement", "declaration"):
        return None
    made = [call for call in calls(function, front) if error_argument(function, call) is not None]
    if len(made) != 1:
        return None
    argument = error_argument(function, made[0])
    assert argument is not None
    error, name = function.of(argument), function.of(subject)
    if error == f"&{name}":
        return front, made[0], error, True
    text = function.of(front)
    if re.search(rf"(?:^|[\s*]){re.escape(name)}\s*=\s*{re.escape(function.of(made[0]))};", text):
        return front, made[0], error, False
    return None


def behind(node: Node) -> list[Node]:
    """The statements behind one in its list, up to a label."""
    out = []
    following = node.next_named_sibling
    while following is not None and following.type != "labeled_statement":
        if following.type != "comment":
            out.append(following)
        following = following.next_named_sibling
    return out


def works(body: Body, statement: Node) -> bool:
    """Whether a statement makes sense after success only: it calls what is no clean-up, or says so."""
    if statement.type == "return_statement":
        return body.of(statement) in ("return true;", "return 0;")
    return any(
        not CLEANS.search(callee(body, call)) and not callee(body, call).startswith(("trace_", "error_"))
        for call in calls(body, statement)
    )


def goes_on(body: Body, node: Node) -> bool:
    """Whether the very next statement behind one does real work."""
    following = behind(node)
    return bool(following) and works(body, following[0])


def without(body: Body, node: Node) -> tuple[int, int]:
    """Where a statement stands with its line, for an edit that takes it away."""
    start = body.text.rfind("\n", 0, node.start_byte)
    alone = start >= 0 and not body.text[start : node.start_byte].strip()
    return (start if alone else node.start_byte), node.end_byte
