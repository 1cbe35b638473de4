# SPDX-License-Identifier: GPL-2.0-or-later
"""What the phases of a device take, and where they put it; read from the texts of the functions.

An object is known by the last member of the place that holds it, `timer` of `s->ch[i].timer`: loops, aliases
and other bases of the same member are no difference. What no member holds is known by its pair alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cached_property, lru_cache
from typing import TypeAlias

from qerrlint.c.declarations.types import untagged
from qerrlint.checks.devices.outside_phases import OutsidePhase, outside_phases
from qerrlint.checks.devices.parts_by_name import parts_by_name
from qerrlint.checks.devices.phase_functions import RUNNING, SETTER, SETUP, PhaseFunctions, has_types
from qerrlint.checks.file import AnalysedFile
from qerrlint.domain.ownership import RESULT, Move, Pair
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.file_text import NamedPattern
from qerrlint.qemu.device_tables import arguments_at
from qerrlint.qemu.function_text import FunctionText
from qerrlint.qemu.type_checkers import checker_seen
from qerrlint.qemu.type_graph import Phase, QomType
from qerrlint.records import record
from qerrlint.source.span import Span

_MEMBER = lazy_re(r"(?:->|\.)\s*(\w+)\s*(?:\[[^\]]*\]\s*)*\Z")
_BASE = lazy_re(r"[&*(\s]*(\w+)\s*(?:->|\.|\[)")
_CAST = lazy_re(r"\s*[A-Z][A-Z0-9_]*\s*\((.*)\)\s*\Z", re.S)
# A member of what a cast macro gives.
_OF_CAST = lazy_re(r"([A-Z][A-Z0-9_]*)\s*\(\s*\w+\s*\)\s*->\s*\w+")
_TARGET = lazy_re(
    r"([&\w\s\->.\[\]()*+]+?)\s*=\s*(?:\(\s*)?(?:\(\s*\w+[\s*]*\)\s*|[A-Z][A-Z0-9_]*\s*\(\s*)?\Z"
)
_BLANKS = lazy_re(r"[ \t]+")
_DIRECTIVE = lazy_re(r"(?m)^[ \t]*#(?:[^\n\\]|\\.)*$")
_LINES = lazy_re(r" ?(?:\n ?)+")
_LONGEST_TARGET = 400
_IDENTIFIER = lazy_re(r"[A-Za-z_]\w*\Z")
_INTO_MEMBER = r"[\w\->.\[\]]+(?:->|\.)\w+(?:\[[^\]]*\])*"
EMBEDDED_TIMER = "embedded timer"
"""The pair of timers in the struct: to stop one while the device runs is no end of it."""
COUNTED = "QOM reference"
"""The pair of calls that count one more user of an object."""
BY_NAME = "part that is undone by name"
"""The pair of functions of another file whose names tell that the second undoes the first."""


_Call: TypeAlias = tuple[Pair, Move, Span, str, str, str]
"""An acquiring call as `Taken` has it: the pair, the call, where it is, place, member and base."""


@record(frozen=True, slots=True)
class Taken:
    """One acquiring call in a setup phase.

    `member` is the last member of the place that holds the object, "" where no member of the device does.
    `base` is the variable that the place begins with, `place` its text. `phase` is that of the type's life in
    which the function runs, `entry` the function that is stored for the phase.
    """

    pair: Pair
    move: Move
    function: str
    span: Span
    place: str
    member: str
    base: str
    phase: str
    entry: Phase
    type: QomType


class Acquisitions(PhaseFunctions):
    """The acquiring calls of one file, by phase."""

    def __init__(self, file: AnalysedFile) -> None:
        super().__init__(file)
        self._acquired: dict[str, list[_Call]] = {}
        self._outside: dict[tuple[str, ...], tuple[OutsidePhase, ...]] = {}
        self._pairs = file.pairs

    def _is_known(self, pair: Pair) -> bool:
        """Whether the tree has a call that releases: where their types are stated, it declares one."""
        unit = self.unit
        if not all(move.type for move in pair.release):
            return True
        if not any(move.call.encode() in unit.data for move in pair.acquire):
            return False
        signatures = ((move, unit.signature(move.call)) for move in pair.release)
        return any(signature is not None and move.applies(signature) for move, signature in signatures)

    def taken(self, within: Collection[str] | None = None) -> Iterator[Taken]:
        """The acquiring calls of the setup phases, for the phase that runs each first, once for each type.

        `within`: the functions whose calls are wanted, None for all.
        """
        taking = self.acquiring(within)
        if not taking:
            return
        seen: dict[tuple[Span, str], str] = {}
        told: set[tuple[Span, str, str]] = set()
        for phase in (*SETUP, SETTER):
            for of, entry, start in self._starts(phase, taking):
                for name in self.reached([start]):
                    for one in self.acquired(name, phase, entry, of) if name in taking else ():
                        if phase == SETTER and self._is_of_new_object(one):
                            continue
                        first = seen.setdefault((one.span, one.pair.name), phase)
                        if first == phase and (one.span, one.pair.name, of.name) not in told:
                            told.add((one.span, one.pair.name, of.name))
                            yield one

    def _is_of_new_object(self, one: Taken) -> bool:
        """Whether the same function makes what holds it: what a property shows is no part of the device."""
        text = self.text(one.function)
        made = rf"\b{one.base}\s*=\s*g_(?:new|malloc)0?\s*\("
        return bool(one.base) and text is not None and re.search(made, text.code) is not None

    def taken_while_running(self, within: Collection[str] | None = None) -> Iterator[Taken]:
        """The acquiring calls of the functions that no setup phase runs, into the struct of a type itself.

        `within`: the functions whose calls are wanted, None for all.
        """
        taking = self.acquiring(within)
        setup = {
            name
            for phase in (*SETUP, SETTER)
            for _, _, start in (self._starts(phase, taking) if taking else ())
            for name in self.reached([start])
        }
        for name in taking:
            if name in setup:
                continue
            for of in self.types:
                entry = Phase(RUNNING, name, self.unit.path, "", "", self.unit.functions[name].span, of.name)
                for one in self.acquired(name, RUNNING, entry, of):
                    if one.member and self.is_of_device(one):
                        yield one

    def _starts(self, phase: str, taking: tuple[str, ...]) -> Iterator[tuple[QomType, Phase, str]]:
        """The types with a phase that runs functions of the file: what is stored for it, and which.

        Of what other files call only that counts which leads to the functions `taking`.
        """
        for of in self.types:
            for entry in self.setters(of) if phase == SETTER else self.entries(of, phase):
                yield of, entry, entry.function
        for one in self._called_outside(taking):
            if one.entry.phase == phase:
                yield one.type, one.entry, one.function

    def _called_outside(self, taking: tuple[str, ...]) -> tuple[OutsidePhase, ...]:
        """The functions of the file that lead to one of those `taking` something and that setup phases of
        other files call."""
        known = self._outside.get(taking)
        if known is None:
            wanted = frozenset(taking)
            near = self.unit.uses.leading_to(wanted)
            names = [
                name
                for name in self.unit.functions
                if name in near
                and not self.unit.is_static(name)
                and not wanted.isdisjoint(self.reached([name]))
            ]
            found = outside_phases(self.graph, self.unit.path, names, SETUP)
            known = self._outside[taking] = tuple(found)
        return known

    @property
    def outside(self) -> tuple[OutsidePhase, ...]:
        """The functions of the file that take something and that setup phases of other files call."""
        return self._called_outside(self.acquiring())

    def acquiring(self, within: Collection[str] | None = None) -> tuple[str, ...]:
        """The functions of the file, or those of them in `within`, that make an acquiring call."""
        if not self._moves:
            return ()
        return tuple(
            name for name in self.unit.functions if (within is None or name in within) and self.acquires(name)
        )

    @property
    def acquires_any(self) -> bool:
        """Whether the file makes an acquiring call at all, by its bytes."""
        return bool(self._moves)

    def acquires(self, name: str) -> bool:
        """Whether a function of the file makes an acquiring call."""
        piece = self.unit.functions[name]
        words = self.unit.definitions.words(piece)
        return self._any_acquiring.is_between(self.unit.data, piece.body, piece.span.end, words)

    def acquired(self, name: str, phase: str, entry: Phase, of: QomType) -> Iterator[Taken]:
        """The acquiring calls of a function of the file, which a phase reaches at `entry`."""
        for pair, move, span, place, member, base in self._acquired_in(name):
            taken = Taken(pair, move, name, span, place, member, base, phase, entry, of)
            # What a cast to another type gives is that type's.
            if not _OF_CAST.match(place) or self.is_of_device(taken):
                yield taken

    def _acquired_in(self, name: str) -> list[_Call]:
        """The acquiring calls of a function, worked out once: several phases of several types may run it."""
        known = self._acquired.get(name)
        if known is None:
            text = self.text(name)
            known = self._acquired[name] = [*self._found_in(text)] if text is not None else []
        return known

    def _found_in(self, text: FunctionText) -> Iterator[_Call]:
        for found in self._acquiring.finditer(text.code):
            paren = text.code.index("(", found.end())
            span = Span(text.path, text.start + found.start(), text.start + found.end())
            for pair, move in self._moves[found[0]]:
                place = self._place(text, pair, move, found.start(), paren)
                if place is not None and not _takes_away(text, move, paren):
                    member, base = _MEMBER.search(place), _BASE.match(place)
                    yield pair, move, span, place, member[1] if member else "", base[1] if base else ""

    @cached_property
    def _moves(self) -> dict[str, list[tuple[Pair, Move]]]:
        """The acquiring calls that the file makes at all, by name."""
        out: dict[str, list[tuple[Pair, Move]]] = {}
        calls, by_name = _acquiring_calls(self._pairs)
        here = sorted(row for name in calls.keys() & self.unit.text.words for row in calls[name])
        for number, position in here:
            pair = self._pairs[number]
            if self._is_known(pair):
                out.setdefault(pair.acquire[position].call, []).append((pair, pair.acquire[position]))
        for pair in by_name if has_types(self.unit) else ():
            for made in parts_by_name(self.unit, pair, out):
                out[made.acquire[0].call] = [(made, made.acquire[0])]
        return out

    @cached_property
    def _any_acquiring(self) -> NamedPattern:
        return NamedPattern(lazy_re(self._calls.encode()), self._moves)

    @cached_property
    def _acquiring(self) -> re.Pattern[str]:
        return lazy_re(self._calls)

    @property
    def _calls(self) -> str:
        names = "|".join(sorted(map(re.escape, self._moves))) or "(?!)"
        return rf"\b(?:{names})\b(?=\s*\()"

    def _place(self, text: FunctionText, pair: Pair, move: Move, start: int, paren: int) -> str | None:
        """The text of what holds the object; "" where nothing does, None where a local or a caller does."""
        if move.object == RESULT:
            before = text.code[:start]
            statement = before[max(before.rfind(mark) for mark in ";{}") + 1 :]
            statement = _DIRECTIVE.sub("", statement) if "#" in statement else statement
            # Comments are blanks here; the pattern would try each of them as a beginning.
            statement = _LINES.sub("\n", _BLANKS.sub(" ", statement))[-_LONGEST_TARGET:]
            target = _TARGET.search(statement)
            if target is None:
                return "" if not statement.strip() else None
            # What stands on lines before belongs to a directive.
            place = " ".join(target[1].strip().rpartition("\n")[2].split())
            local = place.split()[-1].lstrip("*") if place else ""
            if not _IDENTIFIER.match(local):
                # What a call gives belongs to whatever that is.
                return place if "(" not in place or _OF_CAST.fullmatch(place) else None
            # A local that is stored into a member further down, by the function or by one that it returns to.
            stored = re.search(
                rf"({_INTO_MEMBER})\s*=\s*{local}\s*;", text.code[paren:]
            ) or self._stored_by_caller(text.name, local, text.code[paren:])
            # A local that nothing stores belongs to whatever gets it, but for what no other call undoes.
            return stored[1] if stored is not None else ("" if move.type else None)
        if move.object < RESULT:
            return ""
        given = arguments_at(text.code.encode("latin-1"), paren)
        if given is None or len(given) < move.object:
            return None
        place = given[move.object - 1]
        cast = _CAST.match(place)
        if cast is not None and _MEMBER.search(cast[1].strip()):
            place = cast[1].strip()
        if pair.name == BY_NAME:
            return place
        # A reference to what no member holds may be dropped through whatever holds it.
        return place if _MEMBER.search(place) else (None if pair.name == COUNTED else "")

    def _stored_by_caller(self, name: str, local: str, rest: str) -> re.Match[str] | None:
        """The store of a caller into a member, where the function returns what a local variable holds."""
        if not self.unit.is_static(name) or not re.search(
            rf"\breturn\s+(?:[A-Z]\w*\s*\(\s*)?{local}\b", rest
        ):
            return None
        own = self.text(name)
        declared = rf"\w\s*\*+\s*(?:const\s+)?{local}\s*[=;,)]"
        if own is None or not re.search(declared, f"{own.head} {own.code}"):
            # A variable of the file keeps it.
            return None
        for caller in self.unit.uses.callers_of(name):
            text = self.text(caller)
            call = rf"({_INTO_MEMBER})\s*=\s*(?:[A-Z]\w*\s*\(\s*)?{name}\s*\("
            stored = re.search(call, text.code) if text is not None else None
            if stored is not None:
                return stored
        return None

    def is_of_device(self, one: Taken) -> bool:
        """Whether the variable that the place begins with points to the state struct of the type, or to a
        part of one that another variable points to; or whether a cast macro of the type gives the struct."""
        text = self.text(one.function)
        cast = _OF_CAST.match(one.place)
        if cast is not None:
            checker = checker_seen(self.graph.environment, one.type.row.name, one.type.path)
            return checker is not None and checker.prefix == cast[1]
        struct = re.escape(untagged(one.type.instance_struct))
        if text is None or not struct or not one.base:
            return False
        whole = f"{text.head} {text.code}"
        part = re.search(rf"\b\w+\s*\*\s*{one.base}\s*=\s*&\s*(\w+)\s*->\s*\w+\s*;", text.code)
        names = {one.base, *((part[1],) if part is not None else ())}
        return re.search(rf"\b{struct}\s*\*\s*(?:{'|'.join(sorted(names))})\b", whole) is not None


@lru_cache(maxsize=4)
def _acquiring_calls(
    pairs: tuple[Pair, ...],
) -> tuple[dict[bytes, list[tuple[int, int]]], tuple[Pair, ...]]:
    """For the name of each acquiring call the numbers of its pairs and of its place in them; and the pairs of
    what is undone by name."""
    out: dict[bytes, list[tuple[int, int]]] = {}
    for number, pair in enumerate(pairs):
        for position, move in enumerate(pair.acquire if not pair.local else ()):
            out.setdefault(move.call.encode(), []).append((number, position))
    return out, tuple(pair for pair in pairs if pair.name == BY_NAME and not pair.local)


def _takes_away(text: FunctionText, move: Move, paren: int) -> bool:
    """Whether a call hands NULL to a function that takes away with NULL what it sets with something else."""
    given = arguments_at(text.code.encode("latin-1"), paren) if move.null else None
    return given is not None and given[move.null - 1 : move.null] == ["NULL"]
