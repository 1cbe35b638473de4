# SPDX-License-Identifier: GPL-2.0-or-later
"""The event left-held of what only a local variable holds: a path that does not release it.

Every function is looked at, also those that have nothing to do with errors; the bytes tell which of them take
something into a local variable at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from qerrlint.c.cut import Piece
from qerrlint.c.lexis import WORD
from qerrlint.checks.asked_text import AskedText
from qerrlint.checks.check import FileCheck
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.ownership.bodies_elsewhere import bodies_elsewhere
from qerrlint.checks.ownership.filled_locals import PREPENDS
from qerrlint.checks.ownership.held import Mistakes
from qerrlint.checks.ownership.left_held import LEFT_HELD
from qerrlint.checks.ownership.local_acquires import (
    HEAP,
    QAPI,
    SHOWN,
    TEXTS,
    LocalAcquires,
    Makers,
    returns_what_it_makes,
)
from qerrlint.checks.ownership.local_uses import LocalUses
from qerrlint.checks.ownership.out_parameters import out_parameters
from qerrlint.checks.trace_steps import path_steps
from qerrlint.domain.ownership import RESULT, Pair
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Function, Result
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.records import record
from qerrlint.transfer.local_ownership import Owners, follow_locals, may_be_left
from qerrlint.transfer.objects import Handling, ObjectsSeen, Seen

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
# The end of the name of a function that makes something.
_MAKING = lazy_re(r"_(?:new|create|alloc)(?:_\w{1,40})?\Z")
_QUERY = lazy_re(rb"^qmp_query_\w*$", re.MULTILINE)
_TEXT_LATER = lazy_re(rb"char[ \t]{0,9}\*[ \t]{0,9}(\w{1,80})[ \t]{0,9};")
_FREES = tuple(
    lazy_re(word + rb"\w{0,60}[ \t]{0,9}\([ \t]{0,9}(?:[A-Z_]{1,60}\()?([A-Za-z_]\w{0,80})[ \t]{0,9}\)")
    for word in (b"free", b"unref", b"destroy", b"cleanup", b"close")
)
_WAY_OUT = lazy_re(rb"\b(?:return|goto|break|continue)\b")
_LISTED = r"=\s{0,80}(?:\([^()]{0,200}\)\s{0,80})?\{[^;]{0,2000}\b%s\b(?!\s{0,9}(?:->|\[|\.))"


@record(frozen=True, slots=True)
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
    for piece in _pieces(file, _taking(pairs), pairs):
        yield from _left(file.unit, piece, pairs, makers)


def _pieces(
    file: AnalysedFile, taking: tuple[frozenset[bytes], frozenset[bytes]], pairs: Sequence[Pair]
) -> list[Piece]:
    """The functions that take something into a local variable, by their text."""
    unit, asked = file.unit, file.asked
    wanted: dict[int, Piece] = {}
    makers: set[bytes] = set()

    def add(offset: int) -> None:
        piece = unit.definitions.around(offset)
        if piece is not None and offset > piece.body and (file.only is None or piece.name in file.only):
            wanted[piece.span.start] = piece

    for at, is_result in _taken(_with_callees(file), unit.data, *taking):
        piece = unit.definitions.around(at)
        if is_result and not _is_put_into_local(unit.data, at):
            if piece is None or not unit.data[max(at - _NEAR, 0) : at].rstrip().endswith(b"return"):
                continue
        else:
            add(at)
        if piece is not None and returns_what_it_makes(unit, piece):
            makers.add(piece.name.encode())
    for found in asked.matches(_TEXT):
        if _begins_word(unit.data, found.start()):
            add(found.start())
    for at in (*_made_elsewhere(file), *_filled(file), *_destroyed(file, pairs), *_texts(file)):
        add(at)
    for at in (at for maker in makers for at, _ in asked.naming(maker) if _is_given(unit, at, maker)):
        add(at)
    for pattern in _FREES:
        for found in asked.matches(pattern):
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
    """The offsets of variables for a text that get what a call returns to its caller."""
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


def _taken(
    text: AskedText, data: bytes, results: frozenset[bytes], addresses: frozenset[bytes]
) -> Iterator[tuple[int, bool]]:
    """The offsets of acquiring calls, and whether what they return is the object."""
    queries = frozenset(_QUERY.findall(text.vocabulary))
    for names, opens, is_result in ((results | queries, _CALLED, True), (addresses, _HANDED, False)):
        for name in names & text.words:
            for at, _ in text.naming(name):
                if opens.match(data, at + len(name)):
                    yield at, is_result


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
def _taking(pairs: tuple[Pair, ...]) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """The acquiring calls: those that return the object, and those that are handed an address."""
    moves = [move for pair in pairs for move in pair.acquire]
    return (
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


def _left(
    unit: TranslationUnit, piece: Piece, pairs: Sequence[Pair], makers: Makers
) -> Iterator[Observation]:
    """What local variables of one function hold where a path ends, or where they get another value."""
    unit = unit.with_definition(piece)
    function = unit.lowering.function(piece)
    if function is None:
        return
    uses = LocalUses(unit, function)
    handlings = LocalAcquires(unit, function, pairs, uses, makers).handlings
    if not any(handling.role == "acquire" for found in handlings.values() for handling in found):
        return
    owners = Owners(uses.calls, uses.assigns, uses.returns, uses.is_own)
    if not may_be_left(function, handlings, owners):
        return
    signature = unit.signature(function.name)
    kind = unit.scope.result_kind(signature)
    held = follow_locals(function, signature, kind, unit.effect, handlings, owners)
    releasing: dict[tuple[str, int], str] = {}
    for one in held.seen:
        if one.kind == "released":
            name = next(c.name for c in function.calls if c.span == one.span)
            releasing.setdefault((one.pair.name, one.call), name)
    left: list[LocalObject] = []
    for one in sorted(held.seen, key=lambda s: (s.span, s.object, s.call)):
        release = releasing.get((one.pair.name, one.call), "")
        if not release and one.pair.name == SHOWN and function.locals.get(one.object) == "int":
            release = _releases_later(function, handlings, one)
        if (
            one.kind in ("released", "unheld")
            or one.status != "held"
            or (one.pair.name == SHOWN and not release)
        ):
            continue
        if not _is_elsewhere(function, one, _text_before(unit, function, piece, one)):
            release = release or _frees_query(unit, function, one) or _frees_struct(unit, function, one)
            left.append(LocalObject(function, uses, one, release))
    mistakes = Mistakes(subject.seen for subject in left)
    for subject in left:
        yield observation_of(unit, subject, held, mistakes)


def _text_before(unit: TranslationUnit, function: Function, piece: Piece, one: Seen) -> str:
    """The text of a function up to where an object is left; all of it where a loop may lead back to there."""
    ends_there = one.kind == "exit" and any(
        event.span == one.span for block in function.blocks if not block.edges for event in block.events
    )
    end = one.span.end if ends_there else piece.span.end
    return unit.data[piece.body : end].decode("latin-1")


def _releases_later(function: Function, handlings: Mapping[int, Sequence[Handling]], one: Seen) -> str:
    """The call that closes a descriptor once something that it was handed to has refused it.

    "" where another call fills the variable as well: what is closed may be of that one.
    """
    made = {
        number
        for number, found in handlings.items()
        for handling in found
        if handling.role == "acquire" and handling.pair is one.pair
        if one.object in (handling.object, next(function.holders(number), ""))
    }
    if made != {one.call}:
        return ""
    return next(
        (
            function.calls[number].name
            for number, found in sorted(handlings.items())
            for handling in found
            if handling.role == "release" and handling.object == one.object
        ),
        "",
    )


def _frees_query(unit: TranslationUnit, function: Function, one: Seen) -> str:
    """The function that frees what a query of the QMP server returns; "" for other objects."""
    signature = unit.signature(function.calls[one.call].name) if one.pair.name == QAPI else None
    return f"qapi_free_{signature.returns.rstrip(' *')}" if signature is not None else ""


def _frees_struct(unit: TranslationUnit, function: Function, one: Seen) -> str:
    """The function that gives back what a callee makes, by its name beside the callee's and by its parameter;
    "" where the tree declares none, and plain memory is freed."""
    name = function.calls[one.call].name
    signature, found = unit.signature(name), _MAKING.search(name)
    if one.pair.name != HEAP or found is None or signature is None or signature.returns in TEXTS:
        return ""
    for end in word_list("giving-back").words:
        other = unit.signature(f"{name[: found.start()]}_{end}")
        if other is not None and other.params and other.params[0].type == signature.returns:
            return other.name
    return ""


def _is_elsewhere(function: Function, seen: Seen, text: str) -> bool:
    """Whether an object may have another owner that the lowered form does not show: it stands in the list of
    an initialiser, or no variable gets the result and no call is handed it."""
    if not seen.object.startswith(("#", "$")):
        return re.search(_LISTED % re.escape(seen.object), text) is not None
    result = Result(seen.call)
    given = [call for call in function.calls if result in call.args]
    # A macro may declare a variable of its argument.
    return not given or any(call.name.isupper() for call in given)


def observation_of(
    unit: TranslationUnit, subject: LocalObject, held: ObjectsSeen, mistakes: Mistakes
) -> Observation:
    """The observation of what a path of a function leaves behind; `mistakes` are those of all of it."""
    seen, function = subject.seen, subject.function
    call = function.calls[seen.call]
    named = not seen.object.startswith(("#", "$"))
    lost = "lost" if named else "unkept"
    when = lost if seen.kind == "lost" else "failing" if seen.failing else "return"
    what = seen.object if named else "what it returns"
    end = {
        "failing": "the function fails here without releasing it",
        "return": "the function returns here without releasing it",
        "unkept": "nothing refers to it any more here",
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
            "release": f"{subject.released or seen.pair.release_of(call.name)}()",
            "when": when,
            "elsewhere": "yes",
        },
        trail=(
            Step(call.span, f"{call.name}() acquires {what} here"),
            *(step for step in path_steps(unit, seen.trail, "", None) if step.span.start >= call.span.start),
            Step(seen.span, end.get(when, f"{what} gets another value here")),
            *(
                Step(other.span, f"{other.name}() acquires {what} here, on another path")
                for other in map(function.calls.__getitem__, mistakes.others(seen))
            ),
        ),
        certainty="medium" if held.complete else "low",
        subject=subject,
        group=(function.name, mistakes.group(seen)),
    )


CHECKS = (
    FileCheck(
        "left-in-local",
        "ownership",
        (LEFT_HELD,),
        run,
    ),
)
