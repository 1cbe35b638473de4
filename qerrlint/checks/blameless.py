# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways of failing without an Error that are no fault: answered for by a callee, documented, impossible.

Each function looks at one way of returning; none of them words or judges anything else.
"""

from __future__ import annotations

import re

from qerrlint.absint.trace import Trail, places
from qerrlint.c.declarations.types import result_kind
from qerrlint.domain.result import FunctionResult, ReturnState
from qerrlint.ir.code import NEG, NULL, POS, ZERO, Addr, Assign, Call, Const, Result, Var, identifiers, root
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

_CONTRACT = re.compile(
    r"without\s+(?:an?\s+|setting\s+|any\s+)*@?err|help|no\s+error|not\s+an\s+error|(?:errp|error)\s+(?:is\s+)?(?:not\s+|un)set|"
    r"does\s+not\s+set\s+|end.of.file|\bEOF\b",
    re.IGNORECASE,
)
_OF_FAILURE = re.compile(r"err|fail|problem|invalid|otherwise", re.IGNORECASE)
# `!result && *errp`, and `if (!f(...)) { if (err)`.
_TOGETHER = re.compile(rb"!\s*\w+\s*&&\s*\*?\w*err\w*\s*\)|\)\)\s*\{\s*if\s*\(\s*\*?\w*err\w*\s*\)")
# How far behind the head of a call its result is looked at, in bytes.
_NEARBY = 400
# A comparison with something that is not 0 or 1.
_WANTED = re.compile(r"(?:!=|<)(?!-|[01]\b|=)")
_FAILS_WITH = {"int": NEG, "bool": ZERO, "pointer": ZERO}


def documented(unit: TranslationUnit, result: FunctionResult, leaving: ReturnState) -> bool:
    """Whether the comment above the function says that it may fail so without an Error.

    In general words, or by naming the very code for something that it does not call an error while it
    describes the errors apart ("-EIO to drop the connection, any other negative value for an error").
    """
    text = unit.comment_above(result.function.name)
    if _CONTRACT.search(text):
        return True
    code = leaving.constant or (leaving.value.text if isinstance(leaving.value, Const) else "")
    if not code.startswith("-"):
        return False
    named = re.compile(rf"(?<![\w-]){re.escape(code)}(?!\w)")
    clauses = re.split(r"[,;.]\s", text)
    errors = [clause for clause in clauses if _OF_FAILURE.search(clause)]
    apart = [clause for clause in clauses if named.search(clause) and clause not in errors]
    return bool(apart) and any(re.search(r"errp|-\w|negative", clause) for clause in errors)


def helped(unit: TranslationUnit, leaving: ReturnState) -> bool:
    """Whether the path has answered a request for help, for which false and NULL without an Error stand
    (qemu_chr_new_from_opts() in include/chardev/char.h)."""
    for place in _branches(leaving):
        text = unit.on_one_line(place.span)
        if place.taken and "help" in text and not text.startswith("!"):
            return True
    return False


def bare(result: FunctionResult) -> bool:
    """Whether the function does nothing but return: a stub for what this build, or this target, lacks."""
    return not result.function.calls and not any(
        edge.tests for block in result.function.blocks for edge in block.edges
    )


def told_apart(unit: TranslationUnit, result: FunctionResult, leaving: ReturnState) -> bool:
    """Whether every caller of a static function tells this outcome from a failure: it looks at result and
    Error together, or compares the result with the very code. Then it is an answer."""
    name = result.function.name
    if not unit.is_static(name):
        return False
    code = leaving.constant or (leaving.value.text if isinstance(leaving.value, Const) else "")
    compared = re.compile(rb"==\s*" + re.escape(code.encode()) + rb"\b") if code.startswith("-E") else None
    called = re.compile(rb"\b" + re.escape(name.encode()) + rb"\s*\(")
    places_of = [
        found.end()
        for caller in unit.callers_of(name)
        for found in called.finditer(unit.data, unit.functions[caller].body, unit.functions[caller].span.end)
    ]
    return bool(places_of) and all(
        _TOGETHER.search(unit.data, at, at + _NEARBY)
        or (compared is not None and compared.search(unit.data, at, at + _NEARBY))
        for at in places_of
    )


def answered(unit: TranslationUnit, result: FunctionResult, leaving: ReturnState, errp: str) -> bool:
    """Whether the last test before the return looks at what a call that was handed errp gave back, or
    wrote: then that call has set the Error, however it tells.

    What it wrote says nothing where the path has shown by the result that the call did not fail; but for a
    pointer, which callees leave NULL only where they fail, unless their body shows a NULL being stored.
    Where nobody kept the result, members of what the call was handed are what it wrote. A number of bytes
    that is merely less than was asked for is no failure of the call.
    """
    branches = _branches(leaving)
    if not branches:
        return False
    test = branches[-1].span
    text = unit.on_one_line(test).replace(" ", "")
    asked = [
        call
        for call in result.function.calls
        if call.span.start < test.end and any(isinstance(a, Var) and a.path == errp for a in call.args)
    ]
    if not asked:
        return False
    last = max(asked, key=lambda call: call.span)
    if _falls_short(unit, last, text):
        return False
    if test.start <= last.span.start and last.span.end <= test.end:
        return True
    filled = [(position, root(a.path)) for position, a in enumerate(last.args) if isinstance(a, Addr)]
    if leaving.error.sure and leaving.error.origin == last.index:
        types = result.function.locals
        filled = [
            (position, path)
            for position, path in filled
            if types.get(path, "").endswith("*") and not _stores_null(unit, last, position)
        ]
    written = {path for _, path in filled}
    for event in _assignments(result):
        if event.value == Result(last.index):
            written.add(event.target)
    owners = {a.path for a in last.args if isinstance(a, Var) and a.path != errp}
    written |= {path for path in owners if "*" + path in text}
    if not last.used and any(re.search(rf"(?<![\w.>]){re.escape(o)}->", text) for o in owners):
        return True
    return any(re.search(rf"(?<![\w.>]){re.escape(w)}(?!\w|->|\.|\[)", text) for w in written)


def impossible(unit: TranslationUnit, result: FunctionResult, leaving: ReturnState) -> bool:
    """Whether the last test before the return is for a failure that its callee, a function of this file
    without errp, never returns."""
    branches = _branches(leaving)
    if not branches:
        return False
    test = branches[-1].span
    for name in identifiers(unit.on_one_line(test)):
        call = assigned_from(result, name, test) if name in result.function.locals else None
        if call is not None and own_returns(unit, call) and not may_fail(unit, call):
            return True
    return False


def may_fail(unit: TranslationUnit, call: Call) -> bool:
    """Whether a callee of this file without errp may, by its returns, fail; True where nobody knows."""
    signature = unit.signature(call.name)
    kind = result_kind(signature, unit.typedefs) if signature is not None else "unknown"
    failing = _FAILS_WITH.get(kind, NEG | ZERO | POS)
    return any(leaving.signs & failing for leaving in own_returns(unit, call))


def own_returns(unit: TranslationUnit, call: Call) -> tuple[ReturnState, ...]:
    """The returns of a callee of this file that has no errp; () where it is none, or not followed whole."""
    if not call.direct or call.name not in unit.functions:
        return ()
    signature = unit.signature(call.name)
    if signature is None or signature.errp is not None:
        return ()
    result = unit.result(call.name)
    return tuple(result.returns) if result is not None and result.complete else ()


def assigned_from(result: FunctionResult, path: str, before: Span) -> Call | None:
    """The call whose result was last assigned to a variable, by the order of the text; None if something
    else was."""
    last: Assign | None = None
    for event in _assignments(result):
        if event.target == path and event.span < before and (last is None or event.span > last.span):
            last = event
    return (
        result.function.calls[last.value.call]
        if last is not None and isinstance(last.value, Result)
        else None
    )


def _assignments(result: FunctionResult) -> list[Assign]:
    return [event for block in result.function.blocks for event in block.events if isinstance(event, Assign)]


def _branches(leaving: ReturnState) -> list[Trail]:
    return [place for place in places(leaving.trail) if place.kind == "branch"]


def _falls_short(unit: TranslationUnit, call: Call, test: str) -> bool:
    """Whether a test compares the number of bytes that a call has moved with the number that was wanted."""
    signature = unit.signature(call.name) if call.direct else None
    return signature is not None and signature.returns == "ssize_t" and bool(_WANTED.search(test))


def _stores_null(unit: TranslationUnit, call: Call, position: int) -> bool:
    """Whether the callee, a function of this file, stores a NULL where this argument points to."""
    if not call.direct or call.name not in unit.functions:
        return False
    callee, signature = unit.lowered(call.name), unit.signature(call.name)
    if callee is None or signature is None or position >= len(signature.params):
        return False
    target = "*" + signature.params[position].name
    return any(
        isinstance(event, Assign) and event.target == target and event.value == NULL
        for block in callee.blocks
        for event in block.events
    )
