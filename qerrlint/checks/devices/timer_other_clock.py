# SPDX-License-Identifier: GPL-2.0-or-later
"""The event timer-other-clock: a timer is armed with the time of another clock, or in another unit.

Read from the text of the file: which clock and unit each call that makes a timer names, and which clock the
expression reads that a timer of that name is armed with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.cut import Piece
from qerrlint.c.lexis import bare, closing_paren
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.span import Span

_TIMER = rb"([\w.>\[\]+-]{0,120}\w\]?)"
_MADE = (
    lazy_re(rb"timer_new_(ns|us|ms)\s*\(\s*(QEMU_CLOCK_\w+)"),
    lazy_re(rb"timer_init_(ns|us|ms)\s*\(\s*&\s*" + _TIMER + rb"\s*,\s*(QEMU_CLOCK_\w+)"),
)
_GIVEN = lazy_re(_TIMER + rb"\s*=\s*\Z")
_ARMED = lazy_re(rb"timer_mod(?:_anticipate)?(?=\s*\()")
_READ = lazy_re(rb"\bqemu_clock_get_(ns|us|ms)\s*\(\s*(QEMU_CLOCK_\w+)\s*\)")
_BEGINS = lazy_re(rb"\s*(\w+)\s*(?:\+|\Z)")
_LAST = lazy_re(rb"(\w+)(?:\[[^\]]*\])?\Z")
_NEAR = 160
_MOST = 400


@record(frozen=True, slots=True)
class Clock:
    """A clock and a unit of time, and where the file names them."""

    unit: str
    name: str
    span: Span

    def __str__(self) -> str:
        return f"{self.name} in {self.unit}"


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The timers of one file that are armed with a time that is not theirs."""
    unit = file.unit
    if b"timer_mod" not in unit.data or b"QEMU_CLOCK_" not in unit.data:
        return
    armed = list(file.asked.matches(_ARMED))
    made = _made(unit.path, unit.data) if armed else {}
    for found in armed if made else ():
        piece = unit.definitions.around(found.start())
        if piece is None:
            continue
        opens = unit.data.index(b"(", found.end())
        end = closing_paren(unit.data, opens, _MOST)
        timer, _, time = unit.data[opens + 1 : end - 1].partition(b",")
        name = _LAST.search(timer.strip())
        clock = made.get(name[1]) if name is not None and end >= 0 else None
        read = _read(unit.data, piece, time) if clock is not None else None
        if clock is None or read is None or not _differ(clock, read, time):
            continue
        span = Span(unit.path, found.start(), end)
        yield Observation(
            event="timer-other-clock",
            function=piece.name,
            primary=span,
            key=unit.text.on_one_line(span),
            slots={
                "timer": " ".join(timer.decode("latin-1").split()),
                "made": str(clock),
                "read": f"{read[1]} in {read[0]}",
            },
            trail=(Step(clock.span, f"the timer is made here, for {clock}"),),
        )


def _made(path: str, data: bytes) -> dict[bytes, Clock]:
    """The clock of each timer of the file, by the last part of its name; only where it has one."""
    clocks: dict[bytes, set[tuple[str, str]]] = {}
    spans: dict[bytes, Clock] = {}
    for found in _MADE[0].finditer(data):
        given = _GIVEN.search(data[max(0, found.start() - _NEAR) : found.start()])
        if given is not None:
            _add(clocks, spans, given[1], Clock(_text(found[1]), _text(found[2]), _span(path, found)))
    for found in _MADE[1].finditer(data):
        _add(clocks, spans, found[2], Clock(_text(found[1]), _text(found[3]), _span(path, found)))
    return {name: spans[name] for name, known in clocks.items() if len(known) == 1}


def _add(
    clocks: dict[bytes, set[tuple[str, str]]], spans: dict[bytes, Clock], timer: bytes, clock: Clock
) -> None:
    name = _LAST.search(timer)
    if name is not None:
        clocks.setdefault(name[1], set()).add((clock.unit, clock.name))
        spans.setdefault(name[1], clock)


def _read(data: bytes, piece: Piece, time: bytes) -> tuple[str, str] | None:
    """The unit and the clock of the time that an expression, or the variable that it begins with, has; None
    where it reads none, or several."""
    direct = _READ.findall(time)
    if not direct and (name := _BEGINS.match(time)) is not None:
        body = bare(data[piece.body : piece.span.end])
        given = re.findall(rb"(?<![\w.>])%s\s*(?:[-+*/]?=(?!=))\s*([^;]*);" % name[1], body)
        whole = _READ.fullmatch(given[0].strip()) if len(given) == 1 else None
        direct = [whole.groups()] if whole is not None else []
    return (_text(direct[0][0]), _text(direct[0][1])) if len(direct) == 1 else None


def _differ(clock: Clock, read: tuple[str, str], time: bytes) -> bool:
    """Whether a time is of another clock, or of another unit and not converted."""
    if read[1] != clock.name:
        return True
    return read[0] != clock.unit and not re.search(rb"[*/]|\b\w*(?:muldiv64|SCALE)\w*\b", time)


def _span(path: str, found: re.Match[bytes]) -> Span:
    return Span(path, found.start(), found.end())


def _text(text: bytes) -> str:
    return text.decode("latin-1")


TIMER_OTHER_CLOCK = event("timer-other-clock", "timer", "made", "read")
"""timer: its expression; made, read: the clock and the unit that it has, and those of the time."""

CHECKS = (FileCheck("timer-other-clock", "devices", (TIMER_OTHER_CLOCK,), run),)
