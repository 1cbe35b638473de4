# SPDX-License-Identifier: GPL-2.0-or-later
"""Which functions of a file take something into a local variable, found by their text; nothing is parsed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from qerrlint.c.cut import Piece
from qerrlint.c.lexis import WORD
from qerrlint.checks.asked_text import AskedText
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.ownership.bodies_elsewhere import bodies_elsewhere
from qerrlint.checks.ownership.filled_locals import PREPENDS
from qerrlint.checks.ownership.local_acquires import TEXTS, returns_what_it_makes
from qerrlint.checks.ownership.out_parameters import out_parameters
from qerrlint.domain.ownership import RESULT, Pair
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.records import record

# Every repetition is bounded: a hostile file must not cost more than its length.
_NEAR = 300
_VARIABLE = lazy_re(rb"(?<![\w.>\])])\w{1,80}\Z")
_CALLED = lazy_re(rb"[ \t]{0,9}\(")
_HANDED = lazy_re(rb"[ \t]{0,9}\([^;()]{0,200}&\w{1,80}[,)]")
_OPENS = lazy_re(rb"\s{0,80}\(")
_ADDRESS = lazy_re(rb"&(\w{1,80})\s{0,80}[,)]")
# Patterns that begin with plain letters, which are found by a search for these.
_TEXT = lazy_re(rb"char[ \t]{0,9}\*[ \t]{0,9}\w{1,80}[ \t]{0,9}=[ \t\n]{0,80}\w{1,80}[ \t]{0,9}\(")
# The names, one a line, of functions of other files that may make what they return.
_MAKER = lazy_re(
    rb"^\w{1,60}_(?:new|create|alloc|init|dup|build|parse|load|read)(?:_\w{1,40})?$", re.MULTILINE
)
_QUERY = lazy_re(rb"^qmp_query_\w*$", re.MULTILINE)
_TEXT_LATER = lazy_re(rb"char[ \t]{0,9}\*[ \t]{0,9}(\w{1,80})[ \t]{0,9};")
_FREES = tuple(
    lazy_re(word + rb"\w{0,60}[ \t]{0,9}\([ \t]{0,9}(?:[A-Z_]{1,60}\()?([A-Za-z_]\w{0,80})[ \t]{0,9}\)")
    for word in (b"free", b"unref", b"destroy", b"cleanup", b"close")
)
_WAY_OUT = lazy_re(rb"\b(?:return|goto|break|continue)\b")


@record(frozen=True, slots=True)
class _AcquiringCalls:
    """The names of calls that return the object, and of those that are handed the address of one."""

    results: frozenset[bytes]
    addresses: frozenset[bytes]


@record(frozen=True, slots=True)
class _Acquired:
    """An acquiring call: its offset, and who gets the object: a "variable", the "caller" of the function, or
    "" for anything else."""

    at: int
    taker: str


def taking_functions(file: AnalysedFile, pairs: tuple[Pair, ...]) -> list[Piece]:
    """The functions that may take something into a local variable, in source order."""
    unit = file.unit
    wanted: dict[int, Piece] = {}

    def add(offset: int) -> None:
        piece = unit.definitions.around(offset)
        if piece is not None and offset > piece.body and (file.only is None or piece.name in file.only):
            wanted[piece.span.start] = piece

    acquired = list(_acquired(_with_callees(file), unit.data, _acquiring_calls(pairs)))
    for offsets in (
        (one.at for one in acquired if one.taker == "variable"),
        _made_here(file, acquired),
        _made_elsewhere(file),
        _texts(file),
        _later_texts(file),
        _filled(file),
        _destroyed(file, pairs),
    ):
        for at in offsets:
            add(at)
    for pattern in _FREES:
        for found in file.asked.matches(pattern):
            piece = unit.definitions.around(found.start())
            if piece is not None and piece.span.start not in wanted and _fills(unit, piece, found[1]):
                add(found.start())
    return [piece for _, piece in sorted(wanted.items())]


def _with_callees(file: AnalysedFile) -> AskedText:
    """The functions that are asked about, and those of the file that they name: they may make something."""
    if file.only is None:
        return file.asked
    named = (name for name in file.unit.functions if name.encode("latin-1", "replace") in file.asked.words)
    return AskedText(file.unit, {*file.only, *named})


def _texts(file: AnalysedFile) -> Iterator[int]:
    """The offsets of declarations of a variable for a text that gets what a call returns."""
    for found in file.asked.matches(_TEXT):
        if _begins_word(file.unit.data, found.start()):
            yield found.start()


def _later_texts(file: AnalysedFile) -> Iterator[int]:
    """The offsets of variables for a text that later get what a call returns to its caller."""
    unit = file.unit
    for found in file.asked.matches(_TEXT_LATER):
        piece = unit.definitions.around(found.start())
        if piece is None or found.start() < piece.body:
            continue
        given = re.compile(rb"(?<![\w.>])%s[ \t]{0,9}=[ \t\n]{0,80}([a-z]\w{0,80})[ \t]{0,9}\(" % found[1])
        for call in given.finditer(unit.data, found.end(), piece.span.end):
            signature = unit.signature(call[1].decode("latin-1"))
            if signature is not None and signature.returns in TEXTS:
                yield found.start()
                break


def _is_given(unit: TranslationUnit, at: int, maker: bytes) -> bool:
    """Whether the name of a function at an offset is that of a call whose result something gets."""
    given = unit.data[max(at - _NEAR, 0) : at].rstrip().endswith(b"=")
    return given and _OPENS.match(unit.data, at + len(maker)) is not None


def _made_here(file: AnalysedFile, acquired: Sequence[_Acquired]) -> Iterator[int]:
    """The offsets of calls that give a variable what a function of the file has acquired."""
    unit = file.unit
    pieces = (unit.definitions.around(one.at) for one in acquired if one.taker)
    makers = {piece.name for piece in pieces if piece is not None and returns_what_it_makes(unit, piece)}
    for maker in (name.encode() for name in makers):
        for at, _ in file.asked.naming(maker):
            if _is_given(unit, at, maker):
                yield at


def _made_elsewhere(file: AnalysedFile) -> Iterator[int]:
    """The offsets of calls that give a variable what a function of another file has made."""
    unit = file.unit
    for word in _MAKER.findall(file.asked.vocabulary):
        if (name := word.decode("latin-1")) in unit.functions:
            continue
        places = [at for at, _ in file.asked.naming(word) if _is_given(unit, at, word)]
        if places and bodies_elsewhere(unit).makes(unit, name):
            yield from places


def _filled(file: AnalysedFile) -> Iterator[int]:
    """The offsets of pointers whose address a call gets that fills them with new memory."""
    unit = file.unit
    for found in file.asked.matches(_ADDRESS):
        piece = unit.definitions.around(found.start())
        if piece is None or not _is_pointer(unit.data, piece, found[1]):
            continue
        if out_parameters(unit).fills(unit, piece, found.start()):
            yield found.start()


def _is_pointer(data: bytes, piece: Piece, name: bytes) -> bool:
    """Whether a function declares a variable as a pointer, by its words, and not as an Error."""
    for mark in (b";", b",", b" =", b"="):
        at = data.find(b"*" + name + mark, piece.body, piece.span.end)
        if at >= 0:
            return not data[max(at - _NEAR, 0) : at].rstrip(b" *").endswith(b"Error")
    return False


def _destroyed(file: AnalysedFile, pairs: Sequence[Pair]) -> Iterator[int]:
    """The offsets of calls that release what a variable is: a function of the file may have set it up."""
    names = {
        move.call.encode()
        for pair in pairs
        if any(taking.object > RESULT for taking in pair.acquire)
        for move in pair.release
    }
    for name in names & file.asked.words:
        for at, _ in file.asked.naming(name):
            if _HANDED.match(file.unit.data, at + len(name)):
                yield at


def _acquired(text: AskedText, data: bytes, calls: _AcquiringCalls) -> Iterator[_Acquired]:
    """The acquiring calls in a text."""
    results = calls.results | frozenset(_QUERY.findall(text.vocabulary))
    for name in results & text.words:
        for at, _ in text.naming(name):
            if _CALLED.match(data, at + len(name)):
                yield _Acquired(at, _taker(data, at))
    for name in calls.addresses & text.words:
        for at, _ in text.naming(name):
            if _HANDED.match(data, at + len(name)):
                yield _Acquired(at, "variable")


def _taker(data: bytes, at: int) -> str:
    """What gets the result of the call at an offset: _Acquired.taker."""
    if _is_put_into_local(data, at):
        return "variable"
    return "caller" if data[max(at - _NEAR, 0) : at].rstrip().endswith(b"return") else ""


def _begins_word(data: bytes, at: int) -> bool:
    """Whether `char` or `gchar` begins at, or right before, an offset."""
    start = at - (data[at - 1 : at] == b"g")
    return not start or data[start - 1] not in WORD


def _fills(unit: TranslationUnit, piece: Piece, name: bytes) -> bool:
    """Whether a function fills a variable by a call, and has a return before its end."""
    filled = re.compile(
        rb"(?<![\w.>])%s\s*=\s*\w+\s*\(|&%s\s*[,)]|%s\(%s\s*," % (name, name, PREPENDS.encode(), name)
    )
    start, end = piece.body, piece.span.end
    return (
        filled.search(unit.data, start, end) is not None
        and _WAY_OUT.search(unit.data, start, end) is not None
    )


@lru_cache(maxsize=4)
def _acquiring_calls(pairs: tuple[Pair, ...]) -> _AcquiringCalls:
    """The acquiring calls of some pairs."""
    moves = [move for pair in pairs for move in pair.acquire]
    return _AcquiringCalls(
        frozenset(move.call.encode() for move in moves if move.object == RESULT),
        frozenset(move.call.encode() for move in moves if move.object != RESULT),
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
