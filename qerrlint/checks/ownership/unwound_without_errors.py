# SPDX-License-Identifier: GPL-2.0-or-later
"""The event left-held of what functions undo that have nothing to do with Errors: see left_unwound.

They tell of a failure by their result alone. Those that deal with Errors are looked at with the others.
"""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.c.cut import Piece
from qerrlint.checks.check import FileCheck
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership import left_unwound
from qerrlint.checks.ownership.left_held import LEFT_HELD
from qerrlint.domain.result import FunctionResult
from qerrlint.findings import Observation
from qerrlint.model.translation_unit import TranslationUnit


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The failing branches of functions without Errors that skip what other failing branches undo."""
    unit = file.unit
    for piece in file.asked.pieces:
        if unit.definitions.is_relevant(piece) or not left_unwound.undoes_a_step(unit.data, piece):
            continue
        analysed = _analysed(unit, piece)
        if analysed is not None and analysed.kind != "void":
            yield from left_unwound.run(analysed)


def _analysed(unit: TranslationUnit, piece: Piece) -> AnalysedFunction | None:
    """The function as left_unwound looks at it; None where it is damaged. It is not interpreted."""
    view = unit.with_definition(piece)
    function = view.lowering.function(piece)
    if function is None:
        return None
    return AnalysedFunction(view, piece, function, FunctionResult(function, view.signature(function.name)))


CHECKS = (
    FileCheck(
        "unwound-without-errors",
        "ownership",
        (LEFT_HELD,),
        run,
    ),
)
