# SPDX-License-Identifier: GPL-2.0-or-later
"""unchecked-result of a mapping of guest memory that may be shorter than what was asked for.

The call gets the address of a length and puts the one there that it has mapped. The check speaks where the
function reads that variable no more, but to undo the mapping: it then uses as much as it has asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.lexis import bare
from qerrlint.c.surroundings import call_around
from qerrlint.checks.check import FileCheck
from qerrlint.checks.errors.results.unchecked_result import UNCHECKED_RESULT, calling_functions
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.subject import Subject
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import Addr, Call, Function
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit

_LOOPS = lazy_re(r"\b(?:for|while|do|goto|\w*FOREACH\w*)\b")
_ASSIGNED = lazy_re(r"\s*=(?!=)")
_UNDOES = "_unmap"


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The calls that map memory whose length nothing reads afterwards."""
    mappings = word_list("mappings")
    for unit, function in calling_functions(file, mappings):
        for call in function.calls:
            if not call.direct or not call.used or not mappings.matches(call.name):
                continue
            length = _length(function, call)
            if length and not _is_read(unit, function, call, length):
                yield Observation(
                    UNCHECKED_RESULT.name,
                    function.name,
                    call.span,
                    call.text,
                    {"function": function.name, "callee": call.name, "how": "mapped"},
                    (),
                    "medium",
                    subject=Subject((call,)),
                )


def _length(function: Function, call: Call) -> str:
    """The local variable that a call puts the mapped length into; "" for none."""
    handed = (arg.path for arg in call.args if isinstance(arg, Addr) and arg.path in function.locals)
    return next(handed, "")


def _is_read(unit: TranslationUnit, function: Function, call: Call, name: str) -> bool:
    """Whether the function reads a variable after a call, but to hand it to what undoes a mapping."""
    piece = unit.definitions.around(call.span.start)
    end = piece.span.end if piece is not None else call.span.end
    code = bare(unit.data[function.body : end]).decode("latin-1")
    asked = call.span.end - function.body
    # What stands before the call may run after it.
    start = 0 if _LOOPS.search(code, 0, asked) else asked
    return any(
        _reads(code, found.start(), found.end())
        for found in re.compile(rf"(?<![\w.>]){name}\b").finditer(code, start)
    )


def _reads(code: str, start: int, end: int) -> bool:
    """Whether a variable is read where it stands, and not assigned, mapped with, or unmapped."""
    if _ASSIGNED.match(code, end):
        return False
    around = call_around(code, start)
    if around is None:
        return True
    return not (around[0].endswith(_UNDOES) or word_list("mappings").matches(around[0]))


CHECKS = (FileCheck("mapped-length", "errors", (UNCHECKED_RESULT,), run),)
