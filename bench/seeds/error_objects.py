# SPDX-License-Identifier: GPL-2.0-or-later
"""Defects of Error objects and of what is cleaned up on a failure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rewrites.body import Change, Edit, over, statements_of
from tree_sitter import Node

from seeds.failure_tests import (
    behind,
    failure_tests,
    leaving,
    without,
)
from seeds.seed import Defect, SeedFunction, function_kind

_ENDS = re.compile(r"(?:error_free|error_report_err|warn_report_err)\((\w+)\);")
_RELEASE = re.compile(
    r"(?:g_free|object_unref|qobject_unref|close|qemu_close|visit_free|g_strfreev|qemu_opts_del|bdrv_unref|blk_unref"
    r"|migrate_del_blocker|qapi_free_\w+|qemu_vfree|g_hash_table_unref|g_array_free)\(&?(\w+)[,)].*",
    re.DOTALL,
)


def _gone(function: SeedFunction, node: Node) -> Edit:
    return Edit(*without(function, node), "")


def _statements(function: SeedFunction, pattern: re.Pattern[str]) -> Iterator[tuple[Node, str]]:
    """The statements of a form in lists, with the variable that they name."""
    for node in function.each("expression_statement"):
        found = pattern.fullmatch(function.of(node))
        if found is not None and function.in_list(node):
            yield node, found[1]


@function_kind("free-dropped", "errors", r"error_free|error_report_err|warn_report_err")
def free_dropped(function: SeedFunction) -> Iterator[Defect]:
    """The error_free() or error_report_err() of a local Error is gone: it leaks."""
    for node, name in _statements(function, _ENDS):
        following = " ".join(function.of(one) for one in behind(node))
        if name in function.own_errors and not re.search(r"\b(?:exit|abort)\(", following):
            setters = [one.start() for one in re.finditer(rf"&{name}\b", function.text)]
            yield function.defect(Change((_gone(function, node),)), setters)


@function_kind("propagate-dropped", "errors", r"error_propagate\(errp")
def propagate_dropped(function: SeedFunction) -> Iterator[Change]:
    """The error_propagate() of a local Error is gone: it leaks, and the caller does not learn of it."""
    for node, name in _statements(function, re.compile(r"error_propagate\(errp, (\w+)\);")):
        if name in function.own_errors:
            yield Change((_gone(function, node),))


@function_kind("set-for-propagate", "errors", r"error_propagate\(errp")
def set_for_propagate(function: SeedFunction) -> Iterator[Change]:
    """Another Error is set instead of the one that a call has set, which leaks."""
    for node, name in _statements(function, re.compile(r"error_propagate\(errp, (\w+)\);")):
        front = node.parent.parent if node.parent is not None else None
        tested = front is not None and front.type == "if_statement"
        if name in function.own_errors and tested:
            yield Change((over(node, 'error_setg(errp, "cannot go on");'),))


@function_kind("freed-twice", "errors", r"error_free|error_report_err|warn_report_err")
def freed_twice(function: SeedFunction) -> Iterator[Change]:
    """A second error_free() behind the first or behind error_report_err()."""
    for node, name in _statements(function, _ENDS):
        if name in function.own_errors:
            yield Change(
                (Edit(node.end_byte, node.end_byte, f"\n{function.indent(node)}error_free({name});"),)
            )


@function_kind("reported-and-propagated", "errors", r"error_propagate\(errp")
def reported_and_propagated(function: SeedFunction) -> Iterator[Change]:
    """error_report_err() in front of error_propagate(): the Error is handed on after it is freed."""
    for node, name in _statements(function, re.compile(r"error_propagate\(errp, (\w+)\);")):
        front = node.parent.parent if node.parent is not None else None
        if name in function.own_errors and front is not None and front.type == "if_statement":
            new = f"error_report_err({name});\n{function.indent(node)}"
            yield Change((Edit(node.start_byte, node.start_byte, new),))


@function_kind("free-return-dropped", "errors", r"error_free|error_report_err|warn_report_err")
def free_return_dropped(function: SeedFunction) -> Iterator[Change]:
    """The return behind error_free() or error_report_err() is gone, and a later call is handed the Error."""
    for node, name in _statements(function, _ENDS):
        last = behind(node)
        outer = node.parent.parent if node.parent is not None else None
        if not last or last[0].type not in ("return_statement", "goto_statement") or outer is None:
            continue
        if outer.type != "if_statement" or name not in function.own_errors:
            continue
        following = " ".join(function.of(one) for one in behind(outer))
        first = re.search(rf"\b{name}\b(?!\s*=[^=])", following)
        stored = re.search(rf"\b{name}\s*=[^=]", following)
        if first is not None and (stored is None or first.start() < stored.start()):
            yield Change((_gone(function, last[0]),))


@function_kind("guard-dropped", "errors", r"ERRP_GUARD\(\);")
def guard_dropped(function: SeedFunction) -> Iterator[Defect]:
    """ERRP_GUARD() is gone from a function that reads *errp or adds to the message."""
    code = function.text[function.body.start_byte :]
    uses = [
        function.body.start_byte + found.start()
        for found in re.finditer(r"[^*/]\*errp|error_(?:v?prepend|append_hint)\(errp", code)
    ]
    for node in function.each("expression_statement") if uses else ():
        if function.of(node) == "ERRP_GUARD();":
            yield function.defect(Change((_gone(function, node),)), uses)


@function_kind("initialiser-dropped", "errors", r"Error \*\w+ = NULL;")
def initialiser_dropped(function: SeedFunction) -> Iterator[Change]:
    """A local Error has no initialiser, and its address is the first thing that is used."""
    for name in function.own_errors:
        found = re.search(rf"\n[ \t]+Error \*{name}( = NULL);", function.text)
        if found is None:
            continue
        first = re.search(rf"(&?)\b{name}\b", function.text[found.end() :])
        if first is not None and first[1]:
            yield Change((Edit(found.start(1), found.end(1), ""),))


@function_kind("prepend-unguarded", "errors", r"\berrp\)")
def prepend_unguarded(function: SeedFunction) -> Iterator[Change]:
    """error_prepend(errp) in a function without ERRP_GUARD()."""
    if "ERRP_GUARD" in function.text:
        return
    for test in failure_tests(function):
        last = leaving(test.then)
        if test.error == function.errp == "errp" and last is not None and last.parent != test.node:
            new = f'error_prepend(errp, "cannot go on: ");\n{function.indent(last)}'
            yield Change((Edit(last.start_byte, last.start_byte, new),))


@function_kind("errp-read-unguarded", "errors", r"\berrp\)")
def errp_read_unguarded(function: SeedFunction) -> Iterator[Change]:
    """The test of a result becomes one of *errp in a function without ERRP_GUARD()."""
    if "ERRP_GUARD" in function.text:
        return
    for test in failure_tests(function):
        if test.error == function.errp == "errp" and test.stored is None:
            call = f"{function.of(test.call)};\n{function.indent(test.node)}"
            yield Change(
                (Edit(test.node.start_byte, test.node.start_byte, call), over(test.condition, "*errp"))
            )


@function_kind("autofree-returned", "errors", r"g_steal_pointer\(&\w+\);")
def autofree_returned(function: SeedFunction) -> Iterator[Change]:
    """A g_autofree or g_autoptr() pointer is returned without g_steal_pointer(): it is freed by then."""
    for node in function.each("return_statement"):
        found = re.fullmatch(r"return g_steal_pointer\(&(\w+)\);", function.of(node))
        if found and re.search(rf"\bg_auto[^;]*\b{found[1]}\b[^;]*;", function.text):
            yield Change((over(node, f"return {found[1]};"),))


@function_kind("cleanup-dropped", "errors", r"\breturn\b")
def cleanup_dropped(function: SeedFunction) -> Iterator[Change]:
    """A failing exit no longer releases what a local variable holds, as another exit of the function does."""
    released = list(_statements(function, _RELEASE))
    for node, name in released:
        local = function.locals.get(name)
        last = behind(node)
        outer = node.parent.parent if node.parent is not None else None
        if local is None or local.parameter or not last or outer is None or outer.type != "if_statement":
            continue
        others = [other for other, same in released if same == name and other.parent != node.parent]
        made = re.search(rf"[\s*]{name} = [^;]*\(|&{name}\b", function.text)
        if others and made and last[-1].type == "return_statement" and _first_owner(function, name, node):
            yield Change((_gone(function, node),))


def _first_owner(function: SeedFunction, name: str, node: Node) -> bool:
    """Whether nothing in front of a statement in its block has released the variable or given it away."""
    assert node.parent is not None
    front = [one for one in statements_of(node.parent) if one.end_byte <= node.start_byte]
    return not any(name in function.of(one) for one in front)


@function_kind("unlock-dropped", "errors", r"_unlock\(")
def unlock_dropped(function: SeedFunction) -> Iterator[Change]:
    """One exit of several no longer gives back the lock."""
    unlock = re.compile(r"\w*(?:mutex|lock)\w*_unlock\((.*)\);", re.DOTALL)
    every = list(_statements(function, unlock))
    for node, name in every:
        last = behind(node)
        outer = node.parent.parent if node.parent is not None else None
        others = [other for other, same in every if same == name and other.parent != node.parent]
        locked = re.search(rf"lock\({re.escape(name)}\)", function.text[: node.start_byte])
        inside = outer is not None and outer.type == "if_statement"
        if others and locked and last and inside and last[-1].type == "return_statement":
            yield Change((_gone(function, node),))
