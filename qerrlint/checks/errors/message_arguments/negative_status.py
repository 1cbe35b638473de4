# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong-errno: a message gets the status of a callee that returns negative error numbers as it is.

What the path tells of the sign the check wrong-errno knows. Here the callee tells it, by the table of
statuses (rules/contracts/facts.toml) or by its body, in any file. Functions without Errors are looked at
as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.cut import Piece
from qerrlint.checks.check import FileCheck
from qerrlint.checks.errors.message_arguments.number_sources import given_numbers, sources_of
from qerrlint.checks.errors.message_arguments.wrong_errno import WRONG_ERRNO
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.ownership.bodies_elsewhere import BodiesElsewhere, bodies_elsewhere
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import Call, Var
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.function_text import FunctionText

_GIVEN = lazy_re(
    rb"\bg?_?strerror\s{0,9}\(\s{0,9}[a-z]\w{0,40}\s{0,9}\)"
    rb"|\berror_setg_(?:errno|file_open)\s{0,9}\([^,;]{1,80},\s{0,80}[a-z]\w{0,40}\s{0,9},"
)
_RETURN = lazy_re(r"\breturn\b\s*([^;]*);")
_ASSIGNED = r"(?<![\w.>])%s\s*(=(?!=)|[-+*/|&^%%]=|\+\+|--)\s*([^;]*);"
_ADDRESS = r"&\s*%s\b"
_NEGATIVE = lazy_re(r"\(?\s*-\s*(?:errno|E[A-Z0-9]{2,20})\s*\)?\Z")
_CALL = lazy_re(r"([A-Za-z_]\w*)\s*\((?:[^();]|\([^();]*\))*\)\Z")
_NAME = lazy_re(r"[A-Za-z_]\w*\Z")
_DEEPEST = 3


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The messages of a file that get a negative status."""
    for one in given_numbers(file, _GIVEN):
        if not isinstance(one.number, Var):
            continue
        sources = sources_of(one.function, one.call, one.number.path, _Statuses(file.unit).is_negative)
        if sources and not _is_known(file.unit, one.piece, one.call):
            last = max(sources, key=lambda source: source.span)
            yield one.observation("negative-status", last, "returns a negative error number when it fails")


def _is_known(unit: TranslationUnit, piece: Piece, call: Call) -> bool:
    """Whether the path to the message tells that the number is negative: then the check of functions does."""
    if not unit.definitions.is_relevant(piece):
        return False
    result = unit.with_definition(piece).interpretation.result(piece)
    return result is not None and any(
        seen.kind is OccurrenceKind.NEGATIVE_ERRNO and seen.call == call.index for seen in result.occurrences
    )


class _Statuses:
    """Which callees of a file return negative error numbers."""

    def __init__(self, unit: TranslationUnit) -> None:
        self._unit = unit
        self._bodies: BodiesElsewhere = bodies_elsewhere(unit)

    def is_negative(self, call: Call) -> bool:
        """Whether all failures that a callee returns are negative error numbers."""
        return call.direct and self._by_name(self._unit.path, call.name, 0)

    def _by_name(self, path: str, name: str, depth: int) -> bool:
        api = self._unit.environment.api
        if api.returns_errno(name):
            return not api.only_answers(name) and not word_list("plain-numbers").matches(name)
        if depth > _DEEPEST:
            return False
        signature = self._unit.environment.signature(name, path)
        found = self._bodies.bodies(path, name, signature)
        return bool(found) and all(self._by_body(text, depth) for text in found)

    def _by_body(self, text: FunctionText, depth: int) -> bool:
        """Whether a body returns 0, and negative error numbers, and nothing else."""
        values = [found[1].strip() for found in _RETURN.finditer(text.code)]
        names = {value for value in values if _NAME.match(value)}
        for name in names:
            given = [*re.finditer(_ASSIGNED % name, text.code)]
            if not given or re.search(_ADDRESS % name, text.code) or any(one[1] != "=" for one in given):
                return False
            values += [one[2].strip() for one in given]
        kinds = [self._kind(text, value, depth) for value in values if value not in names]
        return "negative" in kinds and "other" not in kinds

    def _kind(self, text: FunctionText, value: str, depth: int) -> str:
        if value == "0":
            return "zero"
        if _NEGATIVE.match(value):
            return "negative"
        call = _CALL.match(value)
        is_status = call is not None and self._by_name(text.path, call[1], depth + 1)
        return "negative" if is_status else "other"


CHECKS = (FileCheck("negative-status", "errors", (WRONG_ERRNO,), run),)
