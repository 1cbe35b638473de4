# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: a function uses or frees memory after it has freed it, on a path that it can take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache, partial

from qerrlint.c.cut import Piece
from qerrlint.c.lexis import bare
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.ending_calls import any_may_end, as_ending
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.trace_steps import path_steps
from qerrlint.domain.ownership import Move, Pair
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Addr, Assign, Call, Function, Value, Var, root
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span
from qerrlint.transfer.freed_pointers import follow_freed, may_be_used
from qerrlint.transfer.objects import Handling, Seen

# A call that may free a plain variable, or a member of what one points to. All repetitions are bounded.
_FREED = lazy_re(
    rb"(?:free|unref|close|del(?:ete)?|destroy)\w{0,60}"
    rb"[ \t]{0,9}\([ \t]{0,9}([A-Za-z_][\w>.\-]{0,80})[ \t]{0,9}\)[ \t]{0,9};"
)
_ONLY_PARAM = lazy_re(rb"\(\s*[^(),]*\*\s*(\w+)\s*\)\s*\Z")
_NO_OBJECT = (
    rb"\bif\s*\(\s*(?:!\s*%s|%s\s*==\s*NULL|NULL\s*==\s*%s)\s*\)\s*(?:\{\s*return\s*;\s*\}|return\s*;)"
)
_LEAVES = lazy_re(rb"\b(?:return|goto)\b|#")
_OTHER = rb"(?<![\w.>])%s\s*=(?!=)"
_HEAD = lazy_re(rb"\w{1,80}\Z")
_PAIR = Pair("freed memory", (Move("g_free", 1),), (Move("g_free", 1),))
_HOW = {"used": "used", "freed": "again", "returned": "returned"}
_TEXT = frozenset({"char *", "gchar *"})


def _run(file: AnalysedFile) -> Iterator[Observation]:
    unit = file.unit
    frees = word_list("frees-memory")
    wanted: dict[int, Piece] = {}
    helpers = freeing_helpers(unit)
    calls = [_called(name) for name in sorted(helpers)]
    for found in (found for pattern in (_FREED, *calls) for found in file.asked.matches(pattern)):
        piece = unit.definitions.around(found.start())
        if piece is None or found.start() < piece.body or piece.span.start in wanted:
            continue
        if (
            _is_used_after(unit.data, found.end(), piece.span.end, found[1])
            or _has_part(unit.data, piece.body, found.start(), found[1])
            or _steps_through(unit.data, piece.body, found.start(), found[1])
        ):
            wanted[piece.span.start] = piece
    for _, piece in sorted(wanted.items()):
        own = unit.with_definition(piece)
        function = own.lowering.function(piece)
        if function is None:
            continue
        hidden = _hidden(own, function)
        handlings = {
            call.index: [
                Handling("acquire", _PAIR, Move(call.name, 1), one)
                for one in (place, *_pointers_into(function, place))
            ]
            for call in function.calls
            if call.direct
            and (frees.matches(call.name) or call.name in helpers)
            and call.name not in function.locals
            and (place := _place(function, call, hidden))
        }
        if handlings:
            yield from _in_function(own, function, handlings)


def freeing_helpers(unit: TranslationUnit) -> frozenset[str]:
    """The functions of a file that free their only parameter on each of their paths, by their text.

    A statement of the function's own block frees it, and nothing leaves before, but where there is no object.
    """
    found: set[str] = set()
    again = {piece.name for piece in unit.definitions.functions if piece.ordinal}
    for name, piece in unit.functions.items() if b"g_free" in unit.data else ():
        if unit.data.find(b"g_free", piece.body, piece.span.end) < 0:
            continue
        param = _ONLY_PARAM.search(unit.data[piece.span.start : piece.body])
        if param is None or name in again:
            continue
        body = bare(unit.data[piece.body : piece.span.end])
        freed = re.search(rb"[;{}]\s*g_free\s*\(\s*%s\s*\)\s*;" % param[1], body)
        if freed is None:
            continue
        before = re.sub(_NO_OBJECT % ((param[1],) * 3), b"", body[: freed.start() + 1])
        own_block = before.count(b"{") - before.count(b"}") == 1
        leaves = _LEAVES.search(before) or re.search(_OTHER % param[1], before)
        if own_block and leaves is None:
            found.add(name)
    return frozenset(found)


@lru_cache(maxsize=512)
def _called(name: str) -> re.Pattern[bytes]:
    """A call of a helper with a variable, or with a member of what one points to."""
    return re.compile(
        rb"\b%s[ \t]{0,9}\([ \t]{0,9}([A-Za-z_][\w>.\-]{0,80})[ \t]{0,9}\)[ \t]{0,9};" % name.encode()
    )


def _is_used_after(data: bytes, start: int, end: int, place: bytes) -> bool:
    """Whether the text after a call that frees has a use of the pointer, or frees it again."""
    if data.find(place, start, end) < 0:
        return False
    name = re.escape(place)
    used = (
        rb"(?<![\w.>])%s(?:->|\[)|\*[ \t]{0,9}%s\b|\([ \t]{0,9}%s[ \t]{0,9}[,)]|,\s{0,40}%s[ \t]{0,9}[,)]"
        rb"|\breturn[ \t]{1,9}%s[ \t]{0,9};"
    )
    return re.compile(used % (name, name, name, name, name)).search(data, start, end) is not None


def _has_part(data: bytes, start: int, end: int, place: bytes) -> bool:
    """Whether the text before a call that frees takes the address of a part of what the pointer points to."""
    if data.find(b"%s->" % place, start, end) < 0:
        return False
    part = rb"=[ \t]{0,9}(?:\([^()\n]{0,60}\)[ \t]{0,9})?&[ \t]{0,9}%s->" % re.escape(place)
    return re.compile(part).search(data, start, end) is not None


def _steps_through(data: bytes, start: int, end: int, place: bytes) -> bool:
    """Whether a loop before a call that frees finds its next element through the pointer."""
    loop = rb"_FOREACH\w{0,9}[ \t]{0,9}\([ \t]{0,9}%s[ \t]{0,9}," % re.escape(place)
    return data.find(b"_FOREACH", start, end) >= 0 and re.compile(loop).search(data, start, end) is not None


def _pointers_into(function: Function, place: str) -> list[str]:
    """The local variables that never hold anything but the address of a part of what a pointer points to."""
    given: dict[str, list[Value]] = {}
    for one in function.events():
        if isinstance(one, Assign) and one.target in function.locals:
            given.setdefault(one.target, []).append(one.value)
    return [
        name
        for name, values in given.items()
        if function.locals[name].endswith("*")
        and all(isinstance(value, Addr) and value.path.startswith(f"{place}->") for value in values)
    ]


def _place(function: Function, call: Call, hidden: frozenset[str]) -> str:
    """The path of what a call frees; "" where it is no variable of the function, nor a member through one."""
    arg = call.args[0] if len(call.args) == 1 else None
    if not isinstance(arg, Var) or not arg.path.replace("->", "").replace(".", "").isidentifier():
        return ""
    first = root(arg.path)
    return "" if first in function.autos or first in hidden else arg.path


def _hidden(unit: TranslationUnit, function: Function) -> frozenset[str]:
    """The parameters that a variable of an inner block hides: one name is two objects."""
    signature = unit.signature(function.name)
    params = {param.name for param in signature.params} if signature is not None else set()
    return frozenset(params & function.locals.keys())


def _reads(unit: TranslationUnit, function: Function, call: Call, position: int) -> bool:
    """Whether a callee reads a text, accesses what it is handed by what it does, or takes an element out of a
    list."""
    if word_list("list-removals").matches(call.name) or word_list("accesses-memory").matches(call.name):
        return True
    arg = call.args[position]
    effect = unit.effect(call)
    told = effect.evidence == "setter" or effect.keeps or word_list("user-messages").matches(call.name)
    if told or not call.direct:
        # What is printed of freed memory is freed-message-argument's.
        return False
    if not isinstance(arg, Var) or function.locals.get(arg.path, "") not in _TEXT:
        return False
    declared = unit.signature(call.name)
    if declared is None:
        return False
    params = declared.params
    return params[position].type == "const char *" if position < len(params) else declared.variadic


def _in_function(
    unit: TranslationUnit, function: Function, handlings: dict[int, list[Handling]]
) -> Iterator[Observation]:
    """The uses of what one function has freed."""
    signature = unit.signature(function.name)
    reads = partial(_reads, unit, function)
    if not may_be_used(function, handlings, reads):
        return
    freed = {found[0].object for found in handlings.values()}
    held = follow_freed(function, signature, unit.effect, handlings, reads)
    doubtful = bool(held.seen) and any_may_end(unit, function)

    @cache
    def surely(number: int) -> frozenset[tuple[Span, str, str, int]]:
        """What is seen where all that may end the program behind a call that frees does so."""
        ending = as_ending(unit, function.calls[number].span.end)
        certain = follow_freed(function, signature, ending, handlings, reads)
        return frozenset((one.span, one.object, one.kind, one.call) for one in certain.seen)

    told: set[tuple[Span, str, str]] = set()
    for one in sorted(held.seen, key=lambda s: (s.span, s.object, s.call)):
        # A pointer into what a call frees is not freed by it. A use of what several calls free is one defect.
        here = (one.span, one.object, one.kind)
        if one.kind in _HOW and (one.kind != "freed" or one.object in freed) and here not in told:
            told.add(here)
            certainty = "high" if held.complete else "medium"
            if doubtful and (*here, one.call) not in surely(one.call):
                certainty = "low"
            yield _observation(unit, function, one, certainty)


def _gives(function: Function, one: Seen) -> bool:
    """Whether a place is that where a FOREACH macro names the variable that it gives the elements."""
    return any(
        isinstance(event, Assign) and event.span == one.span and not event.stated
        for event in function.events()
    )


def _observation(unit: TranslationUnit, function: Function, one: Seen, certainty: str) -> Observation:
    call = function.calls[one.call]
    again = next((c.name for c in function.calls if c.span == one.span), call.name)
    # Where the loop gives the variable its elements the function only names it.
    steps = one.kind == "used" and one.span.start < call.span.start and _gives(function, one)
    return Observation(
        event="use-after-free",
        function=function.name,
        primary=one.span,
        key=f"{one.object} {unit.text.on_one_line(one.span)}",
        slots={
            "place": one.object,
            "free": call.name,
            "callee": again,
            "how": "next" if steps else _HOW[one.kind],
        },
        trail=(
            Step(call.span, f"{call.name}() frees it here"),
            *(step for step in path_steps(unit, one.trail, "", None) if step.span.start >= call.span.start),
        ),
        certainty=certainty,
        subject=one,
        group=("use-after-free", function.name, one.object, one.call),
    )


USE_AFTER_FREE = event("use-after-free", "place", "free", "callee", how="used again returned scope next")
"""place: the pointer; free: the call that frees it; callee: the call that uses it; how: read, written and
handed on, freed again, returned to the caller, returned by a variable that frees it, or read by a loop for
its next element."""

CHECKS = (
    FileCheck(
        "use-after-free",
        "devices",
        (USE_AFTER_FREE,),
        _run,
    ),
)
