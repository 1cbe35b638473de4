# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong-errno: what a call of the C library returns is negated for a message, as if it were the error number.

It is -1 for every failure, and 1 is EPERM; errno has the number. Functions without Errors are looked at, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.absint.reachability import incoming_edges, place_of
from qerrlint.checks.check import FileCheck
from qerrlint.checks.errors.message_arguments.wrong_errno import WRONG_ERRNO
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.subject import Subject
from qerrlint.domain.conventions import ERRNO_ARGUMENT
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Addr, Assign, Call, Function, Op, Result, Value, Var
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit

_NEGATED = lazy_re(
    rb"\bstrerror\s{0,9}\(\s{0,9}-\s{0,9}[a-z]"
    rb"|\berror_setg_(?:errno|file_open)\s{0,9}\([^,;]{1,80},\s{0,80}-\s{0,9}[a-z]"
)


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The messages of a file that get the negated result of a call of the C library."""
    unit = file.unit
    if b"strerror" not in unit.data and b"error_setg_" not in unit.data:
        return
    names = word_list("fails-with-minus-one").among(file.asked.vocabulary)
    assigned = re.compile(rb"=\s*(?:%s)\s*\(" % b"|".join(names))
    for piece in file.asked.matching(_NEGATED) if names else ():
        if assigned.search(unit.data, piece.body, piece.span.end) is None:
            continue
        function = unit.with_definition(piece).lowering.function(piece)
        for call in function.calls if function is not None else ():
            place = ERRNO_ARGUMENT.get(call.name)
            if function is not None and place is not None and len(call.args) > place:
                yield from _judged(unit, function, call, call.args[place])


def _judged(unit: TranslationUnit, function: Function, call: Call, number: Value) -> Iterator[Observation]:
    if not isinstance(number, Op) or number.op != "-" or number.right is not None:
        return
    if not isinstance(number.left, Var):
        return
    sources = _sources(unit, function, call, number.left.path)
    if not sources:
        return
    last = max(sources, key=lambda source: source.span)
    yield Observation(
        WRONG_ERRNO.name,
        function.name,
        call.span,
        call.text,
        {"callee": call.name, "value": f"-{number.left.path}", "form": "minus-one"},
        (Step(last.span, f"{last.name}() returns -1 where it fails, and keeps the number in errno"),),
        subject=Subject((last,)),
        group=call.span,
    )


def _sources(unit: TranslationUnit, function: Function, call: Call, name: str) -> list[Call]:
    """The calls of the C library of which a variable holds the result at a call; none where it may hold
    anything else. Walks the blocks backwards to the assignments."""
    place = place_of(function, call.index)
    if place is None or name not in function.locals:
        return []
    found: dict[int, Call] = {}
    before = incoming_edges(function)
    seen: set[int] = set()
    todo = [place]
    while todo:
        number, end = todo.pop()
        given: Assign | None = None
        for event in reversed(function.blocks[number].events[:end]):
            if isinstance(event, Call) and any(isinstance(a, Addr) and a.path == name for a in event.args):
                return []
            if isinstance(event, Assign) and event.target == name:
                given = event
                break
        if given is not None:
            source = function.calls[given.value.call] if isinstance(given.value, Result) else None
            if source is None or not _is_of_library(unit, source):
                return []
            found[source.index] = source
        elif number == 0:
            return []
        else:
            for earlier, _ in before.get(number, ()):
                if earlier not in seen:
                    seen.add(earlier)
                    todo.append((earlier, len(function.blocks[earlier].events)))
    return list(found.values())


def _is_of_library(unit: TranslationUnit, call: Call) -> bool:
    """Whether a call is one of the C library that returns -1, and of no function of the file."""
    known = call.direct and word_list("fails-with-minus-one").matches(call.name)
    return known and call.name not in unit.functions


CHECKS = (FileCheck("status-of-library", "errors", (WRONG_ERRNO,), run),)
