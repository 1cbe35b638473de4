# SPDX-License-Identifier: GPL-2.0-or-later
"""Who else in a file gives an object back: callees, callers, the phases of the object's result.

Other functions are read by their words (a releasing call and the object's last name in one body), callees of
unknown body by the word in their names that says that they clean up. It follows no path.
"""

from __future__ import annotations

import re
from functools import lru_cache

from qerrlint.domain.aliases import casts
from qerrlint.domain.ownership import Pair, tail
from qerrlint.ir.code import Addr, Call, Function, Result, Value, Var, identifiers, root
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.device_lifecycle import SETUP, TEARDOWN, calls_inside, phases

# A callee of unknown body that may give back what belongs to its argument.
_CLEANS = re.compile(
    r"(?:^|_)(?:un|de)?(?:cleanup|clean|free|unref|close|destroy|delete|del|remove|release|finalize|unrealize|"
    r"reset|unmap|put|disconnect|cancel|abort|exit|stop|undo|revert|rollback|detach|unregister|fini|finish|deinit|"
    r"uninit|teardown|shutdown|dispose|drop|uninitialize|unparent|unplug|clear|unset|disable|done|fail|failed|"
    r"error)(?:_|$)"
)
_DEPTH = 4


class Releases:
    """The functions of one file as far as they give objects back."""

    def __init__(self, unit: TranslationUnit) -> None:
        self._unit = unit
        self._spans = {name: (piece.body, piece.span.end) for name, piece in unit.functions.items()}
        self._phases: dict[str, frozenset[str]] | None = None
        self._calls: dict[str, frozenset[str]] | None = None
        self._known: dict[tuple[str, str, str], bool] = {}
        self._owners: dict[tuple[str, str], frozenset[str]] = {}

    def phases_of(self, name: str) -> frozenset[str]:
        """The phases that a function serves by the slots it is stored in."""
        if self._phases is None:
            self._phases = phases(self._unit.data, frozenset(self._spans))
        return self._phases.get(name, frozenset())

    def _inside(self, name: str) -> frozenset[str]:
        if self._calls is None:
            self._calls = calls_inside(self._unit.data, self._spans)
        return self._calls[name]

    def below(self, name: str) -> set[str]:
        """The function and those of the file that it calls, some levels deep."""
        found = level = {name}
        for _ in range(_DEPTH):
            level = {callee for one in level for callee in self._inside(one)} - found
            found = found | level
        return found

    def above(self, name: str) -> set[str]:
        """The function and those of the file that call it, some levels up."""
        found = level = {name}
        for _ in range(_DEPTH):
            level = {one for one in self._spans if self._inside(one) & level} - found
            found = found | level
        return found

    def names_release(self, name: str, pair: Pair, member: str) -> bool:
        """Whether the function's own body gives back (or discards) something of that name."""
        key = (name, pair.name, member)
        if key not in self._known:
            start, end = self._spans[name]
            data = self._unit.data
            word = re.compile(rb"\b" + member.encode() + rb"\b")
            self._known[key] = bool(pair.releasing.search(data, start, end)) and bool(
                word.search(data, start, end)
            )
        return self._known[key]

    def gives_back(self, name: str, pair: Pair, member: str) -> bool:
        """Whether the function or a callee of it in this file gives back something of that name."""
        return any(self.names_release(one, pair, member) for one in self.below(name))

    def anywhere(self, pair: Pair, member: str) -> bool:
        """Whether any function of the file gives back something of that name."""
        return any(self.names_release(name, pair, member) for name in self._spans)

    def in_phase(self, wanted: frozenset[str], pair: Pair, member: str) -> bool:
        """Whether a function of one of the phases gives back something of that name."""
        return any(
            self.phases_of(name) & wanted and self.gives_back(name, pair, member) for name in self._spans
        )

    def tears_down(self) -> bool:
        """Whether the file has a function that undoes a setup phase."""
        return any(self.phases_of(name) & TEARDOWN for name in self._spans)

    def runs_in(self, name: str) -> frozenset[str]:
        """The phases of the function and of those that call it."""
        return frozenset(phase for one in self.above(name) for phase in self.phases_of(one))

    def only_in_setup(self, name: str) -> bool:
        """Whether all that is known to call the function is a setup phase that has no other end."""
        if self.phases_of(name):
            return self.phases_of(name) <= SETUP
        if not self._unit.is_static(name):
            return False
        callers = self.above(name) - {name}
        tops = [one for one in callers if not any(self._inside(other) & {one} for other in callers - {one})]
        return bool(tops) and all(self.phases_of(one) and self.phases_of(one) <= SETUP for one in tops)

    def undone_by_callers(self, name: str, pair: Pair, member: str) -> bool:
        """Whether a caller of the function gives the object back by itself or by a callee of it."""
        return any(
            self.gives_back(one, pair, member) for one in self.above(name) - {name} if self._inside(one)
        )

    def lets_go(self, function: Function, call: Call, pair: Pair, path: str) -> bool:
        """Whether a call may give the object back, or take it over."""
        member, owner = tail(path), root(path)
        same = self._owners_of(function, owner)
        if call.direct and call.name in self._spans:
            if call.name == function.name or not self.gives_back(call.name, pair, member):
                return False
            # A callee that is not handed what holds the object finds it only where all can.
            return owner not in _own(function, self._unit) or bool(identifiers(call.text) & same)
        plain, outer = path == owner, bool(same & _params(function, self._unit))
        for arg in call.args:
            handed = self._path_of(function, arg)
            if handed is None:
                continue
            if plain and handed == path and not outer:
                return True
            if not _CLEANS.search(call.name.lower()):
                continue
            if path.startswith((f"{handed}.", f"{handed}->")) and handed != owner:
                return True
            if (handed == owner or handed in same) and not self.anywhere(pair, member):
                return True
        return False

    def _owners_of(self, function: Function, name: str) -> frozenset[str]:
        """`owners`, kept: each state of each path asks at each call."""
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
                return Releases._path_of(function, cast.args[0])
            return None
        return value.path.removeprefix("*") if isinstance(value, (Var, Addr)) else None


def owners(function: Function, name: str) -> frozenset[str]:
    """The variables that are one object under casts: `FooState *s = FOO(dev)` makes s the object dev."""
    pairs = casts(function)
    found = {name}
    for _ in pairs:
        found |= {a for a, b in pairs if b in found} | {b for a, b in pairs if a in found}
    return frozenset(found)


def _own(function: Function, unit: TranslationUnit) -> frozenset[str]:
    """The names that mean nothing outside of the function: its locals and parameters."""
    return _params(function, unit) | function.locals.keys()


def _params(function: Function, unit: TranslationUnit) -> frozenset[str]:
    signature = unit.signature(function.name)
    return frozenset(p.name for p in signature.params) if signature is not None else frozenset()


@lru_cache(maxsize=2)
def releases_of(unit: TranslationUnit) -> Releases:
    """The Releases of a unit, made once."""
    return Releases(unit)
