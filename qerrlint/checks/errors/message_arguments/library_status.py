# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong-errno: what a call of the C library returns is negated for a message, as if it were the error number.

It is -1 for every failure, and 1 is EPERM; errno has the number. Functions without Errors are looked at, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from qerrlint.checks.check import FileCheck
from qerrlint.checks.errors.message_arguments.number_sources import given_numbers, sources_of
from qerrlint.checks.errors.message_arguments.wrong_errno import WRONG_ERRNO
from qerrlint.checks.file import AnalysedFile
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import Call, Op, Var
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit

_NEGATED = lazy_re(
    rb"\bstrerror\s{0,9}\(\s{0,9}-\s{0,9}[a-z]"
    rb"|\berror_setg_(?:errno|file_open)\s{0,9}\([^,;]{1,80},\s{0,80}-\s{0,9}[a-z]"
)


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The messages of a file that get the negated result of a call of the C library."""
    is_source = partial(_is_of_library, file.unit)
    names = word_list("fails-with-minus-one").among(file.asked.vocabulary)
    for one in given_numbers(file, _NEGATED) if names else ():
        number = one.number
        if not isinstance(number, Op) or number.op != "-" or number.right is not None:
            continue
        if not isinstance(number.left, Var):
            continue
        sources = sources_of(one.function, one.call, number.left.path, is_source)
        if sources:
            last = max(sources, key=lambda source: source.span)
            yield one.observation(
                "minus-one", last, "returns -1 when it fails, and stores the number in errno"
            )


def _is_of_library(unit: TranslationUnit, call: Call) -> bool:
    """Whether a call is one of the C library that returns -1, and of no function of the file."""
    known = call.direct and word_list("fails-with-minus-one").matches(call.name)
    return known and call.name not in unit.functions


CHECKS = (FileCheck("status-of-library", "errors", (WRONG_ERRNO,), run),)
