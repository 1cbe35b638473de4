# SPDX-License-Identifier: GPL-2.0-or-later
"""The event left-held of what only a local variable holds: a way out of the function that leaves it there.

Every function is looked at, also those that have nothing to do with errors; the bytes tell which of them take
something into a local variable at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from qerrlint.c.cut import Piece
from qerrlint.c.declarations.types import result_kind
from qerrlint.checks.check import FileCheck
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.ownership.left_held import LEFT_HELD
from qerrlint.checks.ownership.local_acquires import SHOWN, LocalAcquires, Makers
from qerrlint.checks.ownership.local_uses import LocalUses
from qerrlint.checks.trace_steps import path_steps
from qerrlint.domain.ownership import RESULT, Pair
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Function, Result
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.transfer.local_ownership import Owners, follow_locals
from qerrlint.transfer.ownership import Held, Seen

# Every repetition is bounded: a hostile file must not cost more than its length.
_NEAR = 300
_VARIABLE = re.compile(rb"(?<![\w.>\])])\w{1,80}\Z")
_TEXT = re.compile(rb"\bg?char[ \t]{0,9}\*[ \t]{0,9}\w{1,80}[ \t]{0,9}=[ \t\n]{0,80}\w{1,80}[ \t]{0,9}\(")
_FREES = re.compile(
    rb"(?:free|unref|destroy|cleanup|close)\w{0,60}[ \t]{0,9}\([ \t]{0,9}(?:[A-Z_]{1,60}\()?"
    rb"([A-Za-z_]\w{0,80})[ \t]{0,9}\)"
)
_WAY_OUT = re.compile(rb"\b(?:return|goto|break|continue)\b")
_LISTED = r"=\s{0,80}(?:\([^()]{0,200}\)\s{0,80})?\{[^;]{0,2000}\b%s\b(?!\s{0,9}(?:->|\[|\.))"


@dataclass(frozen=True, slots=True)
class LocalObject:
    """What a local variable, or no variable at all, holds where a path ends; the subject of exemptions.

    `released`: the call that releases it on another path of the function, "" where none does.
    """

    function: Function
    uses: LocalUses
    seen: Seen
    released: str


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The objects that local variables of the file's functions hold where a path ends."""
    pairs = tuple(pair for pair in file.pairs if pair.local)
    makers = Makers(file.unit, pairs)
    for piece in _pieces(file, _taking(pairs)):
        yield from _left(file.unit, piece, pairs, makers)


def _pieces(file: AnalysedFile, taking: re.Pattern[bytes]) -> list[Piece]:
    """The functions that take something into a local variable, by their text."""
    unit = file.unit
    wanted: dict[int, Piece] = {}
    makers: set[bytes] = set()

    def add(offset: int) -> None:
        piece = unit.definitions.around(offset)
        if piece is not None and offset > piece.body and (file.only is None or piece.name in file.only):
            wanted[piece.span.start] = piece

    for found in taking.finditer(unit.data):
        if found.group().endswith(b"(") and not _is_put_into_local(unit.data, found.start()):
            continue
        add(found.start())
        piece = unit.definitions.around(found.start())
        if piece is not None and b"*" in unit.data[piece.span.start : piece.body].partition(b"(")[0]:
            makers.add(piece.name.encode())
    for found in _TEXT.finditer(unit.data):
        add(found.start())
    if makers:
        for found in re.finditer(rb"=\s*(?:%s)\s*\(" % b"|".join(sorted(makers)), unit.data):
            add(found.start())
    for found in _FREES.finditer(unit.data):
        piece = unit.definitions.around(found.start())
        if piece is not None and piece.span.start not in wanted and _fills(unit, piece, found[1]):
            add(found.start())
    return [piece for _, piece in sorted(wanted.items())]


def _fills(unit: TranslationUnit, piece: Piece, name: bytes) -> bool:
    """Whether a function fills a variable by a call, and has a way out beside its end."""
    filled = re.compile(rb"(?<![\w.>])%s\s*=\s*\w+\s*\(|&%s\s*[,)]" % (name, name))
    start, end = piece.body, piece.span.end
    return (
        filled.search(unit.data, start, end) is not None
        and _WAY_OUT.search(unit.data, start, end) is not None
    )


@lru_cache(maxsize=4)
def _taking(pairs: tuple[Pair, ...]) -> re.Pattern[bytes]:
    """A pattern that finds acquiring calls: those that return the object, and those that are handed an
    address."""
    results: set[bytes] = set()
    addresses: set[bytes] = set()
    for pair in pairs:
        for move in pair.acquire:
            (results if move.object == RESULT else addresses).add(re.escape(move.call).encode())
    return re.compile(
        rb"\b(?:%s)[ \t]{0,9}\(|\b(?:%s)[ \t]{0,9}\([^;()]{0,200}&\w{1,80}[,)]"
        % (b"|".join(sorted(results)) or b"(?!)", b"|".join(sorted(addresses)) or b"(?!)")
    )


def _is_put_into_local(data: bytes, offset: int) -> bool:
    """Whether the call at an offset gives its result to a plain variable or to another call."""
    before = data[max(offset - _NEAR, 0) : offset]
    start = max(before.rfind(mark) for mark in (b";", b"{", b"}")) + 1
    statement = before[start:].rstrip()
    if statement.endswith((b"(", b",")):
        return True
    target, equals, _ = statement.rpartition(b"=")
    return bool(equals) and _VARIABLE.search(target.rstrip()[-_NEAR:]) is not None


def _left(
    unit: TranslationUnit, piece: Piece, pairs: Sequence[Pair], makers: Makers
) -> Iterator[Observation]:
    unit = unit.with_definition(piece)
    function = unit.lowering.function(piece)
    if function is None:
        return
    uses = LocalUses(unit, function)
    handlings = LocalAcquires(unit, function, pairs, uses, makers).handlings
    if not any(handling.role == "acquire" for found in handlings.values() for handling in found):
        return
    signature = unit.signature(function.name)
    kind = result_kind(signature, unit.typedefs) if signature is not None else "unknown"
    owners = Owners(uses.calls, uses.assigns, uses.returns, uses.is_own)
    held = follow_locals(function, signature, kind, unit.effect, handlings, owners)
    releasing: dict[tuple[str, int], str] = {}
    for one in held.seen:
        if one.kind == "released":
            name = next(c.name for c in function.calls if c.span == one.span)
            releasing.setdefault((one.pair.name, one.call), name)
    text = unit.data[piece.body : piece.span.end].decode("latin-1")
    for one in sorted(held.seen, key=lambda s: (s.span, s.object)):
        release = releasing.get((one.pair.name, one.call), "")
        if one.kind == "released" or one.status != "held" or (one.pair.name == SHOWN and not release):
            continue
        if not _is_elsewhere(function, one, text):
            yield _observation(unit, LocalObject(function, uses, one, release), held)


def _is_elsewhere(function: Function, seen: Seen, text: str) -> bool:
    """Whether an object may have another owner that the lowered form does not show: it stands in the list of
    an initialiser, or no variable gets the result and no call is handed it."""
    if not seen.object.startswith(("#", "$")):
        return re.search(_LISTED % re.escape(seen.object), text) is not None
    result = Result(seen.call)
    given = [call for call in function.calls if result in call.args]
    # A macro may declare a variable of its argument.
    return not given or any(call.name.isupper() for call in given)


def _observation(unit: TranslationUnit, subject: LocalObject, held: Held) -> Observation:
    seen, function = subject.seen, subject.function
    call = function.calls[seen.call]
    named = not seen.object.startswith(("#", "$"))
    when = "lost" if seen.kind == "lost" else "failing" if seen.failing else "return"
    what = seen.object if named else "what it returns"
    end = {
        "failing": "the function fails here and leaves it so",
        "return": "the function returns here and leaves it so",
    }
    return Observation(
        event="left-held",
        function=function.name,
        primary=call.span,
        key=f"{seen.object if named else ''} {call.text}".strip(),
        slots={
            "pair": seen.pair.name,
            "object": seen.object if named else "the result",
            "acquire": call.name,
            "release": f"{subject.released or seen.pair.release[0].call}()",
            "when": when,
            "elsewhere": "yes",
        },
        trail=(
            Step(call.span, f"{call.name}() makes {what} here"),
            *(step for step in path_steps(unit, seen.trail, "", None) if step.span.start >= call.span.start),
            Step(seen.span, end.get(when, f"{what} gets another value here")),
        ),
        certainty="medium" if held.complete else "low",
        subject=subject,
        group=(function.name, seen.pair.name, seen.object, seen.call),
    )


CHECKS = (
    FileCheck(
        "left-in-local",
        "ownership",
        (LEFT_HELD,),
        run,
        words=(
            *("borrowed-arguments", "borrowing-prefixes", "frees", "keeps-constant-arguments", "lookups"),
            *("releases", "returns-its-argument"),
        ),
    ),
)
