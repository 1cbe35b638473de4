# SPDX-License-Identifier: GPL-2.0-or-later
"""Edits that add what is missing: the guard macro, `return;`, an initial NULL."""

from __future__ import annotations

import re

from qerrlint.checks.errors.guards.errp_guard import guard_name
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.text.statement_text import ELSE, Text
from qerrlint.findings import Edit
from qerrlint.ir.code import Call
from qerrlint.lazy_patterns import lazy_re

# The macro works on a parameter of this name only (include/qapi/error.h).
_ERRP = "errp"
_INDENT = "    "
_FIRST_LINE = lazy_re(rb"\s*\n(?P<blank>[ \t]*\n)?(?P<line>[ \t]*\S[^\n]*)")
_DECLARED = lazy_re(rb"[ \t]+(?:\w+[ \t*]+)+(?P<name>\w+)\s*(?:=|;|,|\[|$)")
_LABEL = lazy_re(rb"^[ \t]*(?!default\b|case\b)\w+:(?!:)", re.MULTILINE)


def guard_edits(analysed: AnalysedFunction) -> tuple[Edit, ...]:
    """The edit that begins the function with the guard macro; none where errp has another name, the body
    begins on the line of its brace, or the tree is older than the macro."""
    guard = guard_name(analysed)
    if analysed.errp != _ERRP or not guard:
        return ()
    text = Text(analysed)
    at = text.body() + 1
    first = _FIRST_LINE.match(text.code, at)
    if first is None:
        return ()
    declared = _DECLARED.match(first["line"])
    declares = declared is not None and declared["name"].decode("latin-1") in analysed.function.locals
    gap = "" if declares or first["blank"] else "\n"
    return (Edit(text.span(at, at), f"\n{_INDENT}{guard}();{gap}"),)


def return_edits(analysed: AnalysedFunction, call: Call | None) -> tuple[Edit, ...]:
    """The edit that puts `return;` after a call that is the only statement of a braced branch of `if`.

    Only in a function that returns nothing and has no label: one that cleans up at its end is no case for a
    plain return.
    """
    if call is None or analysed.kind != "void":
        return ()
    text = Text(analysed)
    start, end = text.offset(call.span.start), text.offset(call.span.end)
    before = re.compile(rb"\bif\s*\([^{};]*\)\s*\{\s*\Z").search(text.code, text.body(), start)
    behind = re.compile(rb"\s*;(?P<gap>\s*)\}").match(text.code, end)
    if before is None or behind is None or ELSE.match(text.code, behind.end()):
        return ()
    if _LABEL.search(text.code, text.body()) or b"\n" not in behind["gap"]:
        return ()
    line = text.code.rfind(b"\n", 0, start) + 1
    indent = text.code[line:start].decode("latin-1")
    if indent.strip():
        return ()
    at = behind.start("gap")
    return (Edit(text.span(at, at), f"\n{indent}return;"),)


def null_edits(analysed: AnalysedFunction, name: str) -> tuple[Edit, ...]:
    """The edit that gives a local Error pointer an initial NULL, where its declaration is found once."""
    text = Text(analysed)
    declared = re.compile(rb"\bError\s*\*\s*%s(?=\s*;)" % re.escape(name.encode()))
    found = list(declared.finditer(text.code, text.body()))
    if len(found) != 1:
        return ()
    at = found[0].end()
    return (Edit(text.span(at, at), " = NULL"),)
