# SPDX-License-Identifier: GPL-2.0-or-later
"""The matrix of what blocks which migration mode and who is told of which: what `qerrlint modes` prints.

Every call of a registration function in the files is there, with its place, or is listed as not understood
with the reason. It renders nothing and judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from qerrlint.c.cut import Piece
from qerrlint.ir.code import Call, Function
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.mode_values import callers
from qerrlint.qemu.registrations import API, LISTED, Object, Registration, object_of, registrations
from qerrlint.queries.guard_conditions import conditions
from qerrlint.queries.mentions import CALL, mentions
from qerrlint.records import record
from qerrlint.source.source import Source

_NAMES = lazy_re(rb"\b(?:%s)\b" % API.pattern.encode())
# Helpers that hand the object on are followed this far.
_DEEPEST = 3


@record(frozen=True, slots=True)
class Entry:
    """One registration: its place, the API function, the modes in order, under which conditions.

    always: modes in any case; sometimes: those of some paths or callers only. `via`: the functions that hand
    the object on to the call ("" where it stands in the function itself). `by_name`: read by the names alone.
    """

    kind: str
    path: str
    line: int
    function: str
    callee: str
    always: tuple[str, ...]
    sometimes: tuple[str, ...]
    conditions: tuple[str, ...]
    via: str = ""
    by_name: bool = False


@record(frozen=True, slots=True)
class Row:
    """One object: `holder` is the struct (or file, or function) that holds it.

    `exempt`: the modes that no blocker of it blocks, () for what is no blocker or blocks all.
    """

    kind: str
    holder: str
    name: str
    entries: tuple[Entry, ...]
    exempt: tuple[str, ...]

    def cell(self, mode: str) -> str:
        """B (blocked) or N (notified); in lower case where that is so on some paths or for some callers."""
        letter = "N" if self.entries[0].kind == "notifier" else "B"
        if all(mode in entry.always for entry in self.entries):
            return letter
        if any(mode in entry.always or mode in entry.sometimes for entry in self.entries):
            return letter.lower()
        return ""


@record(frozen=True, slots=True)
class Unclear:
    """A registration that is not in the matrix, and why."""

    path: str
    line: int
    function: str
    callee: str
    reason: str


@dataclass(slots=True)
class Matrix:
    """All of it. `modes` is () in a tree older than MigMode; `listed` are objects of lists without modes;
    `passed`: calls in the API's own functions, whose callers are the registrations."""

    modes: tuple[tuple[str, int], ...]
    rows: tuple[Row, ...] = ()
    listed: tuple[Row, ...] = ()
    passed: tuple[Unclear, ...] = ()
    unclear: tuple[Unclear, ...] = ()
    calls: int = 0
    files: int = 0


@dataclass(slots=True)
class _Found:
    entries: dict[tuple[str, str, str, str], list[Entry]] = field(default_factory=dict)
    listed: dict[tuple[str, str, str, str], list[Entry]] = field(default_factory=dict)
    passed: list[Unclear] = field(default_factory=list)
    unclear: list[Unclear] = field(default_factory=list)
    calls: int = 0
    files: int = 0


def find_matrix(source: Source, paths: Sequence[str]) -> Matrix:
    """The matrix of the files; callers of helpers are looked for in the whole tree."""
    program = Program(source, "headers")
    found = _Found()
    modes = program.environment.mig_modes()
    for path, data in source.read_many(paths):
        if _NAMES.search(data):
            unit = program.unit(path)
            if unit is not None:
                found.files += 1
                _File(unit, [name for name, _ in modes], found).collect()
    return Matrix(
        modes,
        _rows(found.entries, [name for name, _ in modes]),
        _rows(found.listed, []),
        tuple(sorted(found.passed, key=_place)),
        tuple(sorted(found.unclear, key=_place)),
        found.calls,
        found.files,
    )


def _place(one: Entry | Unclear) -> tuple[str, int]:
    return one.path, one.line


def _rows(entries: dict[tuple[str, str, str, str], list[Entry]], modes: Sequence[str]) -> tuple[Row, ...]:
    rows = []
    for (kind, holder, name, _), several in entries.items():
        ordered = tuple(sorted(several, key=_place))
        blocked = {mode for entry in ordered for mode in (*entry.always, *entry.sometimes)}
        blocks = ordered[0].kind == "blocker"
        exempt = tuple(mode for mode in modes if blocks and mode not in blocked)
        rows.append(Row(kind, holder, name, ordered, exempt))
    first: dict[str, tuple[str, int]] = {}
    for row in rows:
        start = _place(row.entries[0])
        first[row.holder] = min(start, first.get(row.holder, start))
    return tuple(sorted(rows, key=lambda r: (first[r.holder], r.holder, _place(r.entries[0]), r.name)))


class _File:
    """The registrations of one file."""

    def __init__(self, unit: TranslationUnit, modes: Sequence[str], found: _Found) -> None:
        self._unit = unit
        self._modes = modes
        self._found = found

    def collect(self) -> None:
        """Enter each call of an API function in what is found."""
        unit = self._unit
        names = sorted({match.group().decode() for match in _NAMES.finditer(unit.data)})
        starts = {
            mention.start: name
            for name in names
            for mention in mentions(unit.path, unit.data, name)
            if mention.kind == CALL
        }
        self._found.calls += len(starts)
        seen: set[int] = set()
        for piece in unit.definitions.functions:
            inside = [at for at in starts if piece.body <= at < piece.span.end]
            function = unit.lowering.function(piece) if inside else None
            if function is None:
                continue
            for one in registrations(unit.with_definition(piece), function, far=True):
                if one.call.span.start in starts:
                    seen.add(one.call.span.start)
                    self._enter(function, one)
        for at in sorted(starts.keys() - seen):
            around = next((p for p in unit.definitions.functions if p.span.start <= at < p.span.end), None)
            callee = starts[at]
            if around is not None and around.name == callee:
                self._found.calls -= 1
                continue
            self._say(self._found.unclear, at, around.name if around else "", callee, self._lost(around))

    def _lost(self, around: Piece | None) -> str:
        """Why a call is not among those of its function."""
        if around is None:
            return "it stands outside of all functions, in a macro"
        damage = self._unit.lowering.damage(around)
        if damage is not None:
            return f"{around.name}() cannot be read: {damage}"
        return "it stands in a part that is compiled away, or in a macro"

    def _say(self, into: list[Unclear], at: int, function: str, callee: str, reason: str) -> None:
        line = self._unit.text.lines.position(at)[0]
        into.append(Unclear(self._unit.path, line, function, callee, reason))

    def _enter(self, function: Function, one: Registration) -> None:
        call, found = one.call, self._found
        if not one.choices:
            self._say(found.unclear, call.span.start, function.name, call.name, one.reason)
            return
        objects = list(_objects(self._unit, function, one.object, 0))
        if API.fullmatch(function.name) and one.object.kind == "parameter":
            reason = f"{function.name}() gets the object as an argument: see its callers"
            self._say(found.passed, call.span.start, function.name, call.name, reason)
            return
        if not objects:
            what = (
                "no caller of it is in reach" if one.object.kind == "parameter" else "its object is not known"
            )
            self._say(found.unclear, call.span.start, function.name, call.name, what)
            return
        for unit, inside, at, of, via in objects:
            entry = self._entry(unit, inside, at or call, one, via)
            table = found.listed if one.kind == LISTED else found.entries
            table.setdefault(_key(unit, inside, of, one.kind), []).append(entry)

    def _entry(
        self, unit: TranslationUnit, function: Function, at: Call, one: Registration, via: str
    ) -> Entry:
        sure, possible = one.sure, one.possible
        return Entry(
            kind=one.kind,
            path=unit.path,
            line=unit.text.lines.position(at.span.start)[0],
            function=function.name,
            callee=one.call.name,
            always=tuple(mode for mode in self._modes if mode in sure),
            sometimes=tuple(mode for mode in self._modes if mode in possible - sure),
            conditions=conditions(unit, function, at),
            via=via,
            by_name=one.by_name,
        )


_Site = tuple[TranslationUnit, Function, "Call | None", Object, str]


def _objects(unit: TranslationUnit, function: Function, of: Object, depth: int) -> Iterator[_Site]:
    """The objects that a registration is for: its own, or those that callers hand to its function."""
    if of.kind == "other":
        return
    if of.kind != "parameter":
        yield unit, function, None, of, ""
        return
    signature = unit.signature(function.name)
    names = [param.name for param in signature.params] if signature is not None else []
    if of.name not in names or depth >= _DEEPEST:
        return
    position = names.index(of.name)
    for other, caller, call in callers(unit, function.name, far=True):
        if position < len(call.args):
            handed = object_of(other, caller, call.args[position])
            for site in _objects(other, caller, handed, depth + 1):
                via = f"{function.name}()" + (f", {site[4]}" if site[4] else "")
                yield (*site[:2], site[2] or call, site[3], via)


def _key(unit: TranslationUnit, function: Function, of: Object, kind: str) -> tuple[str, str, str, str]:
    """What is one row: the kind of storage, who holds it, its name, and the kind of registration."""
    if of.kind == "member" and of.holder:
        return of.kind, of.holder, of.name, kind
    if of.kind == "static":
        return of.kind, unit.path, of.name, kind
    return of.kind, f"{function.name}()", of.name, kind
