# SPDX-License-Identifier: GPL-2.0-or-later
"""The event left-held of what a function of the file makes and returns, where a call drops the result."""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.c.cut import Piece
from qerrlint.checks.check import FileCheck
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.ownership.filled_locals import MAKES
from qerrlint.checks.ownership.held import Mistakes
from qerrlint.checks.ownership.left_held import LEFT_HELD
from qerrlint.checks.ownership.left_in_local import LocalObject, observation_of
from qerrlint.checks.ownership.local_acquires import SHOWN, Makers
from qerrlint.checks.ownership.local_uses import LocalUses
from qerrlint.domain.ownership import Pair
from qerrlint.findings import Observation
from qerrlint.ir.code import Call, Function
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.transfer.objects import ObjectsSeen, Seen

# A call that is a statement of its own; a cast to void drops the result on purpose.
_STATEMENT = lazy_re(rb"(?:[;{}]|\belse|\)|\*/)\s{1,200}\Z")
_VOID = lazy_re(rb"\(\s{0,9}void\s{0,9}\)\s{0,200}\Z")
_CALLED = lazy_re(rb"[ \t]{0,9}\(")
_NEAR = 240


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The calls of one file that drop what a function of the file has made for them."""
    pairs = tuple(pair for pair in file.pairs if pair.local)
    makers = Makers(file.unit, pairs)
    for maker, piece in _dropping(file):
        made = makers.by(maker, 1)
        if not made or maker in makers.keeping:
            continue
        unit = file.unit.with_definition(piece)
        function = unit.lowering.function(piece)
        # What its maker frees on another path may have had another owner before.
        pair = next((pair for pair in pairs if pair.name in made and pair.name != SHOWN), None)
        if function is not None and pair is not None:
            yield from _of_function(unit, function, maker, pair)


def _dropping(file: AnalysedFile) -> Iterator[tuple[str, Piece]]:
    """The functions that may make what they return, each with a function that drops it, by the text."""
    unit = file.unit
    for name, piece in unit.functions.items():
        head = unit.data[piece.span.start : piece.body].partition(b"(")[0]
        if (
            name.encode() not in file.asked.words
            or b"*" not in head
            or not MAKES.search(unit.data, piece.body, piece.span.end)
        ):
            continue
        seen: set[int] = set()
        for at, user in file.asked.naming(name.encode()):
            before = unit.data[max(at - _NEAR, 0) : at]
            if not _STATEMENT.search(before) or _VOID.search(before):
                continue
            if user.span.start in seen or user.name == name:
                continue
            if _CALLED.match(unit.data, at + len(name)):
                seen.add(user.span.start)
                yield name, user


def _of_function(unit: TranslationUnit, function: Function, maker: str, pair: Pair) -> Iterator[Observation]:
    uses = LocalUses(unit, function)
    for call in function.calls:
        if call.name == maker and call.direct and not call.used and not _is_hidden(function, call):
            seen = Seen("lost", pair, f"#{call.index}", "held", call.index, call.span, None)
            subject = LocalObject(function, uses, seen, "")
            yield observation_of(unit, subject, ObjectsSeen((seen,), complete=True), Mistakes((seen,)))


def _is_hidden(function: Function, call: Call) -> bool:
    """Whether a variable of the function has the name of what is called."""
    return call.name in function.locals


CHECKS = (FileCheck("dropped-makers", "ownership", (LEFT_HELD,), run),)
