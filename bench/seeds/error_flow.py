# SPDX-License-Identifier: GPL-2.0-or-later
"""Defects of what follows a failure: tests that are gone, failures without an Error, successes with one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rewrites.body import Change, Edit, over, statements_of
from rewrites.conditions import ifs
from tree_sitter import Node

from seeds.failure_tests import (
    SETS,
    FailureTest,
    behind,
    callee,
    error_argument,
    failure_tests,
    goes_on,
    leaving,
    without,
)
from seeds.seed import SeedFunction, function_kind

_CALLS = r"\berrp\)|&\w*err\w*\)"


def _gone(function: SeedFunction, node: Node) -> Edit:
    return Edit(*without(function, node), "")


@function_kind("return-dropped", "errors", _CALLS)
def return_dropped(function: SeedFunction) -> Iterator[Change]:
    """The return or goto behind a failed call is gone, and the function goes on with its work."""
    for test in failure_tests(function):
        last = leaving(test.then)
        if last is None or test.then.type != "compound_statement" or len(statements_of(test.then)) < 2:
            continue
        if goes_on(function, test.node) and test.error == function.errp:
            yield Change((_gone(function, last),))


@function_kind("check-dropped", "errors", _CALLS)
def check_dropped(function: SeedFunction) -> Iterator[Change]:
    """The test of a call that is handed errp is gone, the call stays."""
    for test in failure_tests(function):
        if test.error == function.errp and goes_on(function, test.node):
            yield _unchecked(function, test)


@function_kind("own-check-dropped", "errors", _CALLS)
def own_check_dropped(function: SeedFunction) -> Iterator[Change]:
    """The test of a call that is handed a local Error is gone: the Error leaks, or is set again."""
    for test in failure_tests(function):
        if test.error != function.errp and goes_on(function, test.node):
            yield _unchecked(function, test)


def _unchecked(function: SeedFunction, test: FailureTest) -> Change:
    if test.stored is not None:
        return Change((_gone(function, test.node),))
    return Change((over(test.node, f"{function.of(test.call)};"),))


@function_kind("result-dropped", "errors", r"return \w+\([^;]*errp\);")
def result_dropped(function: SeedFunction) -> Iterator[Change]:
    """return f(errp) becomes f(errp); return true, or return 0: success with an Error."""
    for node in function.each("return_statement"):
        call = node.named_children[0] if node.named_children else None
        if call is None or call.type != "call_expression" or not function.in_list(node):
            continue
        argument = error_argument(function, call)
        success = {"bool ": "true", "int ": "0"}.get(function.result or "")
        if argument is None or function.of(argument) != function.errp or success is None:
            continue
        if (function.returns(callee(function, call)) or "").strip() in ("bool", "int"):
            indent = function.indent(node)
            yield Change((over(node, f"{function.of(call)};\n{indent}return {success};"),))


def _set_and_left(function: SeedFunction) -> Iterator[tuple[Node, Node]]:
    """Each error_setg(errp) with the return or goto right behind it."""
    for node in function.each("expression_statement"):
        inner = node.named_children[0] if node.named_children else None
        if inner is None or inner.type != "call_expression" or not SETS.fullmatch(callee(function, inner)):
            continue
        if not re.match(rf"\w+\({function.errp},", function.of(inner)):
            continue
        last = behind(node)
        if last and last[0].type in ("return_statement", "goto_statement"):
            yield node, last[0]


_FAILING = re.compile(r"return (?:false|NULL|-\w+);")


@function_kind("set-dropped", "errors", r"error_setg\w*\(errp")
def set_dropped(function: SeedFunction) -> Iterator[Change]:
    """The error_setg() before a failing return is gone: failure without an Error."""
    for node, last in _set_and_left(function):
        if _FAILING.fullmatch(function.of(last)):
            yield Change((_gone(function, node),))


@function_kind("success-returned", "errors", r"error_setg\w*\(errp")
def success_returned(function: SeedFunction) -> Iterator[Change]:
    """The failing return behind an error_setg() becomes one of success."""
    for _, last in _set_and_left(function):
        text = function.of(last)
        if text == "return false;" and (function.result or "").strip() == "bool":
            yield Change((over(last, "return true;"),))
        elif re.fullmatch(r"return -\w+;", text):
            yield Change((over(last, "return 0;"),))


@function_kind("set-return-dropped", "errors", r"error_setg\w*\(errp")
def set_return_dropped(function: SeedFunction) -> Iterator[Change]:
    """The return behind an error_setg(errp) is gone, and the function goes on with its work."""
    for _, last in _set_and_left(function):
        block = last.parent
        outer = block.parent if block is not None else None
        if block is None or outer is None or outer.type != "if_statement":
            continue
        if goes_on(function, outer) and function.field(outer, "alternative") is None:
            yield Change((_gone(function, last),))


@function_kind("loop-goes-on", "errors", r"\b(?:for|while) \(")
def loop_goes_on(function: SeedFunction) -> Iterator[Change]:
    """The return behind a failed call in a loop becomes continue: the next round meets the set Error."""
    for test in failure_tests(function):
        last = leaving(test.then, "return_statement")
        owner = test.node.parent.parent if test.node.parent is not None else None
        if last is None or owner is None or owner.type not in ("for_statement", "while_statement"):
            continue
        if test.error == function.errp:
            yield Change((over(last, "continue;"),))


@function_kind("null-test-dropped", "errors", r"->")
def null_test_dropped(function: SeedFunction) -> Iterator[Change]:
    """The test of a pointer that is NULL after a failure is gone, and the pointer is followed."""
    for test in failure_tests(function):
        if test.stored is None or test.style != "not":
            continue
        name = function.of(test.condition).removeprefix("!").split(" ")[0]
        if _followed(function, test.node, name):
            yield Change((_gone(function, test.node),))


@function_kind("null-return-dropped", "errors", r"error_setg\w*\(errp")
def null_return_dropped(function: SeedFunction) -> Iterator[Change]:
    """A pointer that is NULL is reported, and followed, since the return is gone."""
    for node, condition, then, other in ifs(function):
        last = leaving(then, "return_statement")
        found = re.fullmatch(r"!(\w+)|(\w+) == NULL", function.of(condition))
        if last is None or other is not None or found is None or last.parent == node:
            continue
        if "error_setg" not in function.of(then) or len(statements_of(then)) != 2:
            continue
        if _followed(function, node, found[1] or found[2]):
            yield Change((_gone(function, last),))


def _followed(function: SeedFunction, node: Node, name: str) -> bool:
    """Whether a statement right behind one follows a pointer, without a test of it before."""
    if name not in function.locals:
        return False
    for statement in behind(node)[:3]:
        text = function.of(statement)
        if re.search(rf"\b{name}\b(?!->)", text) or statement.type not in (
            "expression_statement",
            "declaration",
        ):
            return False
        if re.search(rf"(?<!&)\b{name}->", text):
            return True
    return False


@function_kind("set-twice", "errors", _CALLS)
def set_twice(function: SeedFunction) -> Iterator[Change]:
    """A failed call has set errp, and error_setg() sets it again."""
    for test in failure_tests(function):
        inner = statements_of(test.then) if test.then.type == "compound_statement" else []
        if test.error == function.errp and len(inner) == 1:
            indent = function.indent(inner[0])
            new = f'error_setg(errp, "cannot go on");\n{indent}'.replace("errp", function.errp or "errp", 1)
            yield Change((Edit(inner[0].start_byte, inner[0].start_byte, new),))


@function_kind("printed-not-set", "errors", r"error_setg\(errp")
def printed_not_set(function: SeedFunction) -> Iterator[Change]:
    """error_setg(errp) before a failing return becomes error_report()."""
    for node, last in _set_and_left(function):
        text = function.of(node)
        if _FAILING.fullmatch(function.of(last)) and text.startswith("error_setg(errp, "):
            yield Change((over(node, text.replace("error_setg(errp, ", "error_report(", 1)),))


@function_kind("failure-forgotten", "errors", _CALLS)
def failure_forgotten(function: SeedFunction) -> Iterator[Change]:
    """The failing return behind a failed call becomes one of success."""
    success = {"bool ": "true", "int ": "0"}.get(function.result or "")
    for test in failure_tests(function):
        last = leaving(test.then, "return_statement")
        if success is not None and last is not None and test.error == function.errp:
            yield Change((over(last, f"return {success};"),))


@function_kind("status-dropped", "errors", r"error_setg\w*\(errp")
def status_dropped(function: SeedFunction) -> Iterator[Change]:
    """The status between an error_setg() and a goto is not stored: it may still say success."""
    for node in function.each("goto_statement"):
        front = node.prev_named_sibling
        block = node.parent
        if front is None or block is None or not re.fullmatch(r"\w+ = (?:-\w+|false);", function.of(front)):
            continue
        if re.search(rf"error_setg\w*\({function.errp}\b", function.of(block)):
            yield Change((_gone(function, front),))


@function_kind("other-error-tested", "errors", r"&\w*err\w*\)")
def other_error_tested(function: SeedFunction) -> Iterator[Change]:
    """A call gets errp, and the test behind it is still that of a local Error."""
    for test in failure_tests(function):
        argument = error_argument(function, test.call)
        if test.style == "error" and test.error != function.errp and function.errp and argument is not None:
            yield Change((over(argument, function.errp),))
