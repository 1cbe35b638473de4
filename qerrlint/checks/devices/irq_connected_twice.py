# SPDX-License-Identifier: GPL-2.0-or-later
"""The event irq-connected-twice: two outputs of devices are connected to one input line.

The text of a function tells which calls name the same input; where two do, its graph tells whether one path
makes both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.absint.reachability import blocks_after, place_of
from qerrlint.c.cut import Piece
from qerrlint.c.lexis import closing_paren, without_comments
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Function
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.span import Span

_CONNECTS = lazy_re(rb"sysbus_connect_irq(?=\s*\()|qdev_connect_gpio_out(?:_named)?(?=\s*\()")
# What names an input: a device and a number, a function that looks one up, an element of an array. A variable
# may be any line.
_INPUT = lazy_re(
    r"qdev_get_gpio_in(?:_named)?\(|(?!\w*(?:alloc|invert|split|new))\w+_irq\(|[\w>.-]*\w\[\w+\]\Z"
)
_WORD = lazy_re(r'"[^"]*"|[A-Za-z_]\w*')
_LOOP = lazy_re(r"\bfor\s*\(([^{}]*?)\)\s*\{?\s*\Z")
_MOST = 600


@record(frozen=True, slots=True)
class Connection:
    """A call that connects an output: `line` is the text of the input, `output` that of the other arguments,
    both without blanks; `at` is its place in the function's text. The subject of exemptions."""

    span: Span
    at: int
    output: str
    line: str


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The inputs that one path through a function of the file connects to two outputs."""
    unit = file.unit
    if b"connect" not in unit.data:
        return
    pieces: dict[int, tuple[Piece, list[Connection]]] = {}
    for found in file.asked.matches(_CONNECTS):
        piece = unit.definitions.around(found.start())
        if piece is None:
            continue
        one = _connection(unit.path, unit.data, piece, found.start(), found.end())
        if one is not None:
            pieces.setdefault(piece.span.start, (piece, []))[1].append(one)
    for _, (piece, connections) in sorted(pieces.items()):
        text = unit.data[piece.span.start : piece.span.end].decode("latin-1")
        pairs = [pair for pair in _pairs(connections) if _is_same_line(text, *pair)]
        function = unit.with_definition(piece).lowering.function(piece) if pairs else None
        if function is not None:
            for first, second in pairs:
                if _is_one_path(function, first, second):
                    yield _observation(piece, first, second)


def _connection(path: str, data: bytes, piece: Piece, start: int, name_end: int) -> Connection | None:
    opens = data.index(b"(", name_end)
    end = closing_paren(data, opens, _MOST)
    if end < 0:
        return None
    text = without_comments(data[opens + 1 : end - 1].decode("latin-1"))
    depth, comma = 0, -1
    for place, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if character == "," and not depth:
            comma = place
    output, line = re.sub(r"\s+", "", text[:comma]), re.sub(r"\s+", "", text[comma + 1 :])
    if comma < 0 or not _INPUT.match(line):
        return None
    return Connection(Span(path, start, end), start - piece.span.start, output, line)


def _pairs(connections: list[Connection]) -> Iterator[tuple[Connection, Connection]]:
    """The connections of one input, each with the next one that has another output."""
    for number, first in enumerate(connections):
        for second in connections[number + 1 :]:
            if first.line == second.line:
                if first.output != second.output:
                    yield first, second
                break


def _is_same_line(text: str, first: Connection, second: Connection) -> bool:
    """Whether the text of an input means the same line at both places: its variables get no other value.

    The variable of a loop may, where both places stand in loops that begin alike.
    """
    between = text[first.at : second.at]
    loops = [_LOOP.search(text[: one.at]) for one in (first, second)]
    alike = loops[0] is not None and loops[1] is not None and loops[0][1] == loops[1][1]
    for word in set(_WORD.findall(first.line)):
        if word.startswith('"'):
            continue
        given = re.search(rf"(?<![\w.>]){word}\s*(?:[-+*/|&]?=(?!=)|\+\+|--)|&\s*{word}\b(?!\s*->)", between)
        if given is None:
            continue
        counted = alike and loops[0] is not None and re.match(rf"\s*(?:\w+\s+)?{word}\s*=", loops[0][1])
        if not counted:
            return False
    return True


def _is_one_path(function: Function, first: Connection, second: Connection) -> bool:
    """Whether a path makes both connections, and no loop has them both."""
    calls = {call.span.start: call.index for call in function.calls}
    places = [
        place_of(function, calls[one.span.start]) if one.span.start in calls else None
        for one in (first, second)
    ]
    if places[0] is None or places[1] is None:
        return False
    ahead = places[0][0] == places[1][0] or places[1][0] in blocks_after(function, places[0][0])
    back = places[0][0] in blocks_after(function, places[1][0])
    return ahead and not back


def _observation(piece: Piece, first: Connection, second: Connection) -> Observation:
    return Observation(
        event="irq-connected-twice",
        function=piece.name,
        primary=second.span,
        key=f"{second.output} {second.line}",
        slots={"line": second.line, "first": _words(first.output), "second": _words(second.output)},
        trail=(Step(first.span, f"{_words(first.output)} is connected to the same input here"),),
        certainty="medium",
        subject=(first, second),
        group=("irq-connected-twice", piece.name, second.line),
    )


def _words(output: str) -> str:
    """An output as words: of a device its number, or its name and number."""
    depth = 0
    for place, character in enumerate(output):
        depth += (character in "([") - (character in ")]")
        if character == "," and not depth:
            device, rest = output[:place], output[place + 1 :].replace(",", ", ")
            return f"output {rest} of {device}"
    return output


IRQ_CONNECTED_TWICE = event("irq-connected-twice", "line", "first", "second")
"""line: the input; first, second: the outputs, with the numbers of their lines."""

CHECKS = (FileCheck("irq-connected-twice", "devices", (IRQ_CONNECTED_TWICE,), run),)
