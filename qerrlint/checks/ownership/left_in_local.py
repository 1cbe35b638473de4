# SPDX-License-Identifier: GPL-2.0-or-later
"""The event left-held of what only a local variable holds: a path that does not release it.

Every function that takes something is looked at (taking_functions), also those that have nothing to do with
errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from qerrlint.c.cut import Piece
from qerrlint.checks.check import FileCheck
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.ownership.held import Mistakes
from qerrlint.checks.ownership.left_held import LEFT_HELD
from qerrlint.checks.ownership.local_acquires import (
    HEAP,
    QAPI,
    SHOWN,
    TEXTS,
    LocalAcquires,
    Makers,
)
from qerrlint.checks.ownership.local_uses import LocalUses
from qerrlint.checks.ownership.taking_functions import taking_functions
from qerrlint.checks.trace_steps import path_steps
from qerrlint.domain.ownership import Pair
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Function, Result
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.records import record
from qerrlint.transfer.local_ownership import Owners, follow_locals, may_be_left
from qerrlint.transfer.objects import Handlings, ObjectsSeen, Seen

# The end of the name of a function that makes something.
_MAKING = lazy_re(r"_(?:new|create|alloc)(?:_\w{1,40})?\Z")
# The list of an initialiser that has a variable itself in it.
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
    for piece in taking_functions(file, pairs):
        yield from _left(file.unit, piece, pairs, makers)


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
    owners = Owners(
        uses.is_passed_by_call, uses.is_passed_by_assignment, uses.is_passed_by_return, uses.is_own
    )
    if not may_be_left(function, handlings, owners):
        return
    signature = unit.signature(function.name)
    kind = unit.scope.result_kind(signature)
    held = follow_locals(function, signature, kind, unit.effect, handlings, owners)
    releasing = _releasing(function, held.seen)
    left: list[LocalObject] = []
    for one in sorted(held.seen, key=lambda s: (s.span, s.object, s.call)):
        if one.kind in ("released", "unheld") or one.status != "held":
            continue
        release = releasing.get((one.pair.name, one.call), "")
        if one.pair.name == SHOWN:
            if not release and function.locals.get(one.object) == "int":
                release = _releases_later(function, handlings, one)
            if not release:
                continue
        if not _is_elsewhere(function, one, _text_before(unit, function, piece, one)):
            release = release or _frees_query(unit, function, one) or _frees_struct(unit, function, one)
            left.append(LocalObject(function, uses, one, release))
    mistakes = Mistakes(subject.seen for subject in left)
    for subject in left:
        yield observation_of(unit, subject, held, mistakes)


def _releasing(function: Function, seen: Iterable[Seen]) -> Mapping[tuple[str, int], str]:
    """The first call that is seen to release what an acquiring call has taken, for the pair's name and the
    number of that call."""
    out: dict[tuple[str, int], str] = {}
    for one in seen:
        if one.kind == "released":
            name = next(call.name for call in function.calls if call.span == one.span)
            out.setdefault((one.pair.name, one.call), name)
    return out


def _text_before(unit: TranslationUnit, function: Function, piece: Piece, one: Seen) -> str:
    """The text of a function up to where an object is left; all of it where a loop may lead back to there."""
    ends_there = one.kind == "exit" and any(
        event.span == one.span for block in function.blocks if not block.edges for event in block.events
    )
    end = one.span.end if ends_there else piece.span.end
    return unit.data[piece.body : end].decode("latin-1")


def _releases_later(function: Function, handlings: Handlings, one: Seen) -> str:
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
