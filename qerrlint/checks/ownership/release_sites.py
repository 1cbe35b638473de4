# SPDX-License-Identifier: GPL-2.0-or-later
"""Which functions of a file release an object: callees, callers, and those that serve the object's phases.

Other functions are read by their words (a releasing call and the object's last name in one body), callees of
unknown body by the parts of their names (rules/words.toml). No path is followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from qerrlint.domain.casts import casts
from qerrlint.domain.ownership import Pair, tail
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import Addr, Assign, Call, Function, Result, Value, Var, identifiers, root
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.device_lifecycle import FINALIZE, SETUP, TEARDOWN, phases

# How many calls away another function of the file may be.
_DEPTH = 4


class ReleaseSites:
    """The functions of one file as far as they release objects."""

    def __init__(self, unit: TranslationUnit) -> None:
        self._unit = unit
        self._spans = {name: (piece.body, piece.span.end) for name, piece in unit.functions.items()}
        self._phases: dict[str, frozenset[str]] | None = None
        self._known: dict[tuple[str, str, str], bool] = {}
        self._owners: dict[tuple[str, str], frozenset[str]] = {}

    def phases_of(self, name: str) -> frozenset[str]:
        """The phases that a function serves, by the slots that it is stored in."""
        if self._phases is None:
            self._phases = phases(self._unit.data, frozenset(self._spans))
        return self._phases.get(name, frozenset())

    def below(self, name: str) -> set[str]:
        """The function and those of the file that it calls, some levels deep."""
        found = level = {name}
        for _ in range(_DEPTH):
            level = {callee for one in level for callee in self._unit.uses.calls[one]} - found
            found = found | level
        return found

    def above(self, name: str) -> set[str]:
        """The function and those of the file that call it, some levels up."""
        found = level = {name}
        for _ in range(_DEPTH):
            level = {caller for one in level for caller in self._unit.uses.callers.get(one, ())} - found
            found = found | level
        return found

    def names_release(self, name: str, pair: Pair, member: str) -> bool:
        """Whether the function's own body releases something of that name."""
        key = (name, pair.name, member)
        if key not in self._known:
            start, end = self._spans[name]
            data = self._unit.data
            word = re.compile(rb"\b" + member.encode() + rb"\b")
            self._known[key] = bool(pair.releasing.search(data, start, end)) and bool(
                word.search(data, start, end)
            )
        return self._known[key]

    def releases(self, name: str, pair: Pair, member: str) -> bool:
        """Whether the function or a callee of it in this file releases something of that name."""
        return any(self.names_release(one, pair, member) for one in self.below(name))

    def anywhere(self, pair: Pair, member: str) -> bool:
        """Whether any function of the file releases something of that name."""
        return any(self.names_release(name, pair, member) for name in self._spans)

    def in_phase(self, wanted: frozenset[str], pair: Pair, member: str) -> bool:
        """Whether a function of one of the phases releases something of that name."""
        return any(
            self.phases_of(name) & wanted and self.releases(name, pair, member) for name in self._spans
        )

    def tears_down(self) -> bool:
        """Whether the file has a function that undoes a setup phase."""
        return any(self.phases_of(name) & TEARDOWN for name in self._spans)

    def runs_in(self, name: str) -> frozenset[str]:
        """The phases of the function and of those that call it."""
        return frozenset(phase for one in self.above(name) for phase in self.phases_of(one))

    def only_in_setup(self, name: str) -> bool:
        """Whether the function runs in nothing but setup phases, as far as the file shows its callers."""
        if self.phases_of(name):
            return self.phases_of(name) <= SETUP
        if not self._unit.is_static(name):
            return False
        callers = self.above(name) - {name}
        calls = self._unit.uses.calls
        tops = [one for one in callers if not any(one in calls[other] for other in callers - {one})]
        return bool(tops) and all(self.phases_of(one) and self.phases_of(one) <= SETUP for one in tops)

    def released_by_callers(self, name: str, pair: Pair, member: str) -> bool:
        """Whether a caller of the function releases the object by itself or by another callee."""
        calls = self._unit.uses.calls
        return any(self.releases(one, pair, member) for one in self.above(name) - {name} if calls[one])

    def discards(self, name: str, pair: Pair, member: str) -> bool:
        """Whether the function's own body discards something of that name."""
        start, end = self._spans[name]
        text = self._unit.data[start:end]
        return bool(pair.discarding.search(text)) and member.encode() in text

    def discarding_at_the_end(self, pair: Pair, member: str) -> set[str]:
        """The functions that discard something of that name when the object is destroyed."""
        return {
            below
            for name in self._spans
            if self.phases_of(name) & FINALIZE
            for below in self.below(name)
            if self.discards(below, pair, member)
        }

    def lets_go(self, function: Function, call: Call, pair: Pair, path: str) -> bool:
        """Whether a call may release the object, or take it over."""
        member, owner = tail(path), root(path)
        same = self._owners_of(function, owner)
        if call.direct and call.name in self._spans:
            if call.name == function.name or not self.releases(call.name, pair, member):
                return False
            # A callee that is not handed what holds the object can reach it only where it is global.
            return owner not in _own(function, self._unit) or bool(identifiers(call.text) & same)
        plain, outer = path == owner, bool(same & _params(function, self._unit))
        for arg in call.args:
            handed = self._path_of(function, arg)
            if handed is None:
                continue
            if plain and handed == path and not outer:
                return True
            if not may_release(call.name):
                continue
            if path.startswith((f"{handed}.", f"{handed}->")) and handed != owner:
                return True
            if (handed == owner or handed in same) and (
                not self.anywhere(pair, member) or (not outer and frees_with_members(call.name))
            ):
                return True
        return False

    def _owners_of(self, function: Function, name: str) -> frozenset[str]:
        """`owners`, remembered: each state of each path asks at each call."""
        key = (function.name, name)
        if key not in self._owners:
            self._owners[key] = owners(function, name)
        return self._owners[key]

    @staticmethod
    def _path_of(function: Function, value: Value) -> str | None:
        """The path of an argument, seen through a cast macro."""
        if isinstance(value, Result):
            cast = function.calls[value.call]
            if cast.name.isupper() and len(cast.args) == 1:
                return ReleaseSites._path_of(function, cast.args[0])
            return None
        return value.path.removeprefix("*") if isinstance(value, (Var, Addr)) else None


def may_release(name: str) -> bool:
    """Whether a function of unknown body may release what belongs to its argument, by its name."""
    return word_list("releases").matches(name.lower())


def is_freeing(name: str) -> bool:
    """Whether a function frees its argument, by the last part of its name or by that of QAPI's functions."""
    return word_list("frees").matches(name.rpartition("_")[2]) or name.startswith("qapi_free_")


def frees_with_members(name: str) -> bool:
    """Whether a function frees an object of some type, which frees what the object holds, by its name."""
    return is_freeing(name) and not word_list("memory-releases").matches(name)


def owners(function: Function, name: str) -> frozenset[str]:
    """The variables that are one object by casts: `FooState *s = FOO(dev)` makes s the object dev.

    The state that a driver finds behind its object goes with it: `s = bs->opaque`."""
    pairs = [*casts(function), *_behind(function)]
    found = {name}
    for _ in pairs:
        found |= {a for a, b in pairs if b in found} | {b for a, b in pairs if a in found}
    return frozenset(found)


def _behind(function: Function) -> Iterator[tuple[str, str]]:
    """(variable, the object whose member for the driver's own state it is) for each such assignment."""
    for event in function.events():
        if isinstance(event, Assign) and isinstance(event.value, Var):
            holder, _, member = event.value.path.rpartition("->")
            if holder.isidentifier() and word_list("driver-state").matches(member):
                yield event.target, holder


def _own(function: Function, unit: TranslationUnit) -> frozenset[str]:
    """The locals and parameters of the function."""
    return _params(function, unit) | function.locals.keys()


def _params(function: Function, unit: TranslationUnit) -> frozenset[str]:
    signature = unit.signature(function.name)
    return frozenset(p.name for p in signature.params) if signature is not None else frozenset()


@lru_cache(maxsize=2)
def release_sites(unit: TranslationUnit) -> ReleaseSites:
    """The ReleaseSites of a unit, made once."""
    return ReleaseSites(unit)
