# SPDX-License-Identifier: GPL-2.0-or-later
"""overwritten-failure: after an error label the result of a clean-up call takes the place of the failure.

Every function is looked at, also those that know no Errors; the bytes tell which of them have a label, and
after it a call whose result is stored in the variable that is returned. Then only the graph of the function
is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.cut import Piece
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import (
    NEG,
    NONZERO,
    Assign,
    Block,
    Call,
    Declare,
    Edge,
    Function,
    Result,
    Return,
    Var,
    identifiers,
    text_of,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

_LABEL = lazy_re(rb"\n[ \t]{0,16}([a-z_]\w{0,60}):(?!:)")
_RETURNED = lazy_re(rb"\breturn[ \t]{1,9}\(?(\w{1,40})\)?[ \t]{0,9};")
_GOTO = lazy_re(rb"[^{}]{0,400}\{?[^{}]{0,400}?\bgoto[ \t]{1,9}(\w{1,60})[ \t]{0,9};")
_TYPED = lazy_re(rb"\b(?:int|ssize_t|long|int64_t)[ \t]{1,9}\Z")
_PRINTS = lazy_re(r"report|printf|trace|error_set|strerror|log")


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The failures that the file's functions overwrite after an error label."""
    unit = file.unit
    if b"goto" not in file.asked.words:
        return
    for piece in file.asked.pieces:
        if names := _candidates(unit.data, piece):
            function = unit.with_definition(piece).lowering.function(piece)
            if function is not None:
                yield from _overwritten(unit, piece, function, names)


def _candidates(data: bytes, piece: Piece) -> frozenset[str]:
    """The variables that a function returns and that get the result of a call after a label of it."""
    if data.find(b"goto", piece.body, piece.span.end) < 0:
        return frozenset()
    label = _LABEL.search(data, piece.body, piece.span.end)
    if label is None:
        return frozenset()
    names: set[str] = set()
    for name in {found[1] for found in _RETURNED.finditer(data, label.end(), piece.span.end)}:
        given = re.compile(
            rb"(?<![\w.>])" + name + rb"[ \t]{0,9}=[ \t\n]{0,80}[a-zA-Z_][\w.>-]{0,80}[ \t]{0,9}\("
        )
        if any(
            not _is_declared(data, at.start()) for at in given.finditer(data, label.end(), piece.span.end)
        ):
            names.add(name.decode())
    return frozenset(names)


def _is_declared(data: bytes, at: int) -> bool:
    return _TYPED.search(data[max(at - 30, 0) : at]) is not None


def _overwritten(
    unit: TranslationUnit, piece: Piece, function: Function, names: frozenset[str]
) -> Iterator[Observation]:
    """The failures in one of `names` that a call after the error label overwrites."""
    told: set[Span] = set()
    for block in function.blocks:
        for edge in block.edges:
            name = next((n for n in names if _fails(edge, n)), None)
            failed = _failed(function, block, name) if name is not None else None
            label = _jumps_to(unit.data, piece, edge) if failed is not None else None
            if name is None or failed is None or label is None:
                continue
            over = _first_result(unit, function, edge.target, name, label)
            if over is None or over.span in told or not _comes_back(function, over, name):
                continue
            told.add(over.span)
            assert isinstance(over.value, Result)
            assert edge.span is not None
            cleanup = function.calls[over.value.call]
            yield Observation(
                "overwritten-failure",
                function.name,
                cleanup.span,
                f"{name} {cleanup.text}",
                {
                    "function": function.name,
                    "value": name,
                    "callee": failed.name,
                    "cleanup": cleanup.name,
                },
                (
                    Step(failed.span, f"{failed.name}() returns its status into {name}"),
                    Step(edge.span, "it fails, and the function goes to its error label"),
                ),
                "high",
                group=("overwritten", over.span),
            )


def _fails(edge: Edge, name: str) -> bool:
    return edge.span is not None and any(
        test.subject == Var(name) and test.allow in (NEG, NONZERO) for test in edge.tests
    )


def _failed(function: Function, block: Block, name: str) -> Call | None:
    """The call whose result the block that tests a variable has put into it."""
    given = [e for e in block.events if isinstance(e, Assign) and e.target == name]
    value = given[-1].value if given else None
    return function.calls[value.call] if isinstance(value, Result) else None


def _jumps_to(data: bytes, piece: Piece, edge: Edge) -> int | None:
    """The offset of the error label, further down, that the branch after a test goes to; None if none."""
    assert edge.span is not None
    jump = _GOTO.match(data, edge.span.end, piece.span.end)
    if jump is None or not word_list("labels-of-failures").matches(jump[1].decode()):
        return None
    label = re.compile(rb"\n[ \t]{0,16}" + jump[1] + rb":").search(data, jump.end(), piece.span.end)
    return label.end() if label is not None else None


def _first_result(
    unit: TranslationUnit, function: Function, start: int, name: str, label: int
) -> Assign | None:
    """The call after a label whose result overwrites a variable, where no path reads the variable before."""
    found: Assign | None = None
    waiting, seen = [start], {start}
    while waiting:
        block = function.blocks[waiting.pop()]
        ended = False
        for one in block.events:
            if isinstance(one, Return):
                ended = True
                break
            if isinstance(one, Declare) and one.path == name:
                return None  # an inner variable of the name
            if isinstance(one, Assign) and one.target == name and one.span.start > label:
                if not isinstance(one.value, Result) or _is_declared(unit.data, one.span.start):
                    return None
                found, ended = found or one, True
                break
            if isinstance(one, Call) and _reads(one, name) and not _PRINTS.search(one.name):
                return None
        if ended:
            continue
        for edge in block.edges:
            if any(name in identifiers(text_of(test.subject)) for test in edge.tests):
                return None
            if edge.target not in seen:
                seen.add(edge.target)
                waiting.append(edge.target)
    return found


def _reads(call: Call, name: str) -> bool:
    return any(name in identifiers(text_of(arg)) for arg in call.args)


def _comes_back(function: Function, over: Assign, name: str) -> bool:
    """Whether the variable is returned with what a clean-up call gave it."""
    home = next(number for number, block in enumerate(function.blocks) if over in block.events)
    waiting = [(home, function.blocks[home].events.index(over) + 1)]
    seen: set[int] = set()
    while waiting:
        number, start = waiting.pop()
        ended = False
        for one in function.blocks[number].events[start:]:
            if isinstance(one, Return) and one.value == Var(name):
                return True
            if isinstance(one, Return) or (isinstance(one, Assign) and one.target == name):
                ended = True
                break
        if ended:
            continue
        for edge in function.blocks[number].edges:
            if not _fails(edge, name) and edge.target not in seen:
                seen.add(edge.target)
                waiting.append((edge.target, 0))
    return False


CHECKS = (
    # value: the variable; callee: the call that fails; cleanup: the call whose result overwrites the failure.
    FileCheck(
        "overwritten-failure",
        "arguments",
        (event("overwritten-failure", "function", "value", "callee", "cleanup"),),
        run,
    ),
)
