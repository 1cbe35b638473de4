# SPDX-License-Identifier: GPL-2.0-or-later
"""Defects of single calls: wrong arguments for the Error, tests that do not fit the result, messages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rewrites.body import Change, Edit, over

from seeds.failure_tests import arguments, callee, calls, error_argument, failure_tests
from seeds.seed import SeedFunction, function_kind

_CALLS = r"\berrp\)"


def _passed(function: SeedFunction, text: str) -> Iterator[Change]:
    for test in failure_tests(function):
        argument = error_argument(function, test.call)
        if test.error == function.errp and argument is not None:
            yield Change((over(argument, text),))


@function_kind("abort-passed", "errors", _CALLS)
def abort_passed(function: SeedFunction) -> Iterator[Change]:
    """&error_abort instead of errp to a call whose failure the function handles."""
    yield from _passed(function, "&error_abort")


@function_kind("fatal-passed", "errors", _CALLS)
def fatal_passed(function: SeedFunction) -> Iterator[Change]:
    """&error_fatal instead of errp to a call whose failure the function handles."""
    yield from _passed(function, "&error_fatal")


@function_kind("null-passed", "errors", _CALLS)
def null_passed(function: SeedFunction) -> Iterator[Change]:
    """NULL instead of errp to a call behind whose failure the function returns: no Error is set."""
    for test in failure_tests(function):
        argument = error_argument(function, test.call)
        if test.error == function.errp and argument is not None and "error_" not in function.of(test.then):
            yield Change((over(argument, "NULL"),))


@function_kind("bool-compared", "errors", _CALLS)
def bool_compared(function: SeedFunction) -> Iterator[Change]:
    """The result of a bool function is tested with < 0."""
    for test in failure_tests(function):
        if test.style == "not" and (function.returns(callee(function, test.call)) or "").strip() == "bool":
            inner = function.field(test.condition, "argument")
            yield Change((over(test.condition, f"{function.of(inner)} < 0"),))


@function_kind("int-negated", "errors", _CALLS)
def int_negated(function: SeedFunction) -> Iterator[Change]:
    """The result of an int function that fails with a negative number is tested with !."""
    for test in failure_tests(function):
        if (
            test.style == "negative"
            and (function.returns(callee(function, test.call)) or "").strip() == "int"
        ):
            left = function.field(test.condition, "left")
            yield Change((over(test.condition, f"!{function.of(left)}"),))


@function_kind("bool-inverted", "errors", _CALLS)
def bool_inverted(function: SeedFunction) -> Iterator[Change]:
    """The test of a bool function is turned round: success is taken for failure."""
    for test in failure_tests(function):
        if test.style == "not" and (function.returns(callee(function, test.call)) or "").strip() == "bool":
            yield Change((over(test.condition, function.of(function.field(test.condition, "argument"))),))


@function_kind("pointer-compared", "errors", _CALLS)
def pointer_compared(function: SeedFunction) -> Iterator[Change]:
    """The result of a function that fails with NULL is tested with < 0."""
    for test in failure_tests(function):
        returned = function.returns(callee(function, test.call)) or ""
        if test.style == "not" and returned.strip().endswith("*"):
            name = function.of(test.condition).removeprefix("!").split(" ")[0]
            yield Change((over(test.condition, f"{name} < 0"),))


@function_kind("errno-sign", "errors", r"error_setg_errno\(")
def errno_sign(function: SeedFunction) -> Iterator[Change]:
    """error_setg_errno() gets a number with the wrong sign."""
    for call in calls(function, function.body):
        given = arguments(function, call)
        if callee(function, call) != "error_setg_errno" or len(given) < 3:
            continue
        text = function.of(given[1])
        if text == "errno" or re.fullmatch(r"E[A-Z]+", text):
            yield Change((over(given[1], f"-{text}"),))
        elif re.fullmatch(r"-\w+", text):
            yield Change((over(given[1], text[1:]),))


def _message_end(function: SeedFunction, new: str) -> Iterator[Change]:
    for call in calls(function, function.body):
        given = arguments(function, call)
        place = {"error_setg": 1, "error_setg_errno": 2, "error_report": 0}.get(callee(function, call))
        if place is None or len(given) <= place:
            continue
        message = given[place]
        if message.type == "string_literal" and re.search(r'\w"$', function.of(message)):
            yield Change((Edit(message.end_byte - 1, message.end_byte - 1, new),))


@function_kind("message-newline", "errors", r"error_setg|error_report")
def message_newline(function: SeedFunction) -> Iterator[Change]:
    """A message ends in a newline."""
    yield from _message_end(function, "\\n")


@function_kind("message-dot", "errors", r"error_setg|error_report")
def message_dot(function: SeedFunction) -> Iterator[Change]:
    """A message ends in a full stop."""
    yield from _message_end(function, ".")
