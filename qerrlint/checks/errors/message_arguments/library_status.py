# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong-errno: what a call of the C library returns is negated for a message, as if it were the error number.

It is -1 for every failure, and 1 is EPERM; errno has the number. Functions without Errors are looked at, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from qerrlint.checks.check import FileCheck
from qerrlint.checks.errors.message_arguments.number_sources import sources_of
from qerrlint.checks.errors.message_arguments.wrong_errno import WRONG_ERRNO
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.subject import Subject
from qerrlint.domain.conventions import ERRNO_ARGUMENT
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Call, Function, Op, Value, Var
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
    sources = sources_of(function, call, number.left.path, partial(_is_of_library, unit))
    if not sources:
        return
    last = max(sources, key=lambda source: source.span)
    yield Observation(
        WRONG_ERRNO.name,
        function.name,
        call.span,
        call.text,
        {"callee": call.name, "value": f"-{number.left.path}", "form": "minus-one"},
        (Step(last.span, f"{last.name}() returns -1 when it fails, and stores the number in errno"),),
        subject=Subject((last,)),
        group=call.span,
    )


def _is_of_library(unit: TranslationUnit, call: Call) -> bool:
    """Whether a call is one of the C library that returns -1, and of no function of the file."""
    known = call.direct and word_list("fails-with-minus-one").matches(call.name)
    return known and call.name not in unit.functions


CHECKS = (FileCheck("status-of-library", "errors", (WRONG_ERRNO,), run),)
