# SPDX-License-Identifier: GPL-2.0-or-later
"""Scene: one function with what it takes and gives back, and whose each object is; it judges no path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qerrlint.checks.releases import Releases, owners
from qerrlint.domain.ownership import PROCESS, RESULT, Pair, place_of_object
from qerrlint.ir.code import Addr, Assign, Call, Declare, Function, Result, Var, root
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.transfer.ownership import Handling

_TAKING = ("acquire", "release")


def handlings_of(
    unit: TranslationUnit, function: Function, pairs: Sequence[Pair]
) -> dict[int, list[Handling]]:
    """What each call of the function, by its number, does to the objects of the pairs."""
    aliases = _aliases(function)
    out: dict[int, list[Handling]] = {}
    for call in function.calls:
        if call.direct:
            for handling in _handlings(unit, call, pairs, aliases):
                out.setdefault(call.index, []).append(handling)
    taken = {(h.pair.name, h.object) for found in out.values() for h in found if h.role == "acquire"}
    # error_setg() and error_free() have to do with a pair only where they meet what the function takes.
    return {
        number: kept
        for number, found in out.items()
        if (kept := [h for h in found if h.role in _TAKING or (h.pair.name, h.object) in taken])
    }


def _handlings(
    unit: TranslationUnit, call: Call, pairs: Sequence[Pair], aliases: dict[str, str]
) -> Iterator[Handling]:
    handed = {arg.path for arg in call.args[1:] if isinstance(arg, Var)}
    for pair in pairs:
        for role, moves in pair.roles:
            for move in moves:
                path = ""
                if move.call == call.name and move.applies(unit.signature(call.name)):
                    if move.object == RESULT:
                        path = f"#{call.index}"
                    elif move.object == PROCESS:
                        path = pair.name.replace(" ", "-")
                    else:
                        path = _resolved(place_of_object(move.moved(call)), aliases)
                elif role == "release" and move.call in handed and call.name.startswith("g_clear"):
                    # g_clear_pointer(&object, releasing function)
                    path = _resolved(place_of_object(call.args[0]), aliases)
                # Elements of an array are not told apart.
                if path and "[" not in path:
                    yield Handling(role, pair, move, path)


def _aliases(function: Function) -> dict[str, str]:
    """Locals that are the address of one place for good: `T *x = &s->y`."""
    targets: dict[str, set[str]] = {}
    for block in function.blocks:
        for event in block.events:
            if isinstance(event, Assign) and event.target in function.locals:
                value = event.value
                targets.setdefault(event.target, set()).add(value.path if isinstance(value, Addr) else "")
    return {
        name: place for name, places in targets.items() if len(places) == 1 and (place := next(iter(places)))
    }


def _resolved(path: str, aliases: dict[str, str]) -> str:
    """The path with its first name replaced by what it is the address of."""
    first = root(path)
    place = aliases.get(first)
    if place is None or not path.startswith(first):
        return path
    rest = path[len(first) :]
    return place + ("." + rest[2:] if rest.startswith("->") else rest)


class Scene:
    """What the judges of one function ask."""

    def __init__(
        self,
        unit: TranslationUnit,
        function: Function,
        handlings: dict[int, list[Handling]],
        releases: Releases,
    ) -> None:
        self.unit = unit
        self.function = function
        self.releases = releases
        self._handlings = handlings
        signature = unit.signature(function.name)
        self._params = {p.name for p in signature.params} if signature is not None else set()
        self._statics = {
            event.path
            for block in function.blocks
            for event in block.events
            if isinstance(event, Declare) and event.static
        }

    def all(self, role: str) -> Iterator[tuple[Call, Handling]]:
        """The calls of a role with what they do, in order."""
        for number, found in sorted(self._handlings.items()):
            for handling in found:
                if handling.role == role:
                    yield self.function.calls[number], handling

    def kept_in(self, path: str) -> str:
        """Where the function puts what a call returns; any other path as it is."""
        if not path.startswith("#"):
            return path
        returned = Result(int(path[1:]))
        for block in self.function.blocks:
            for event in block.events:
                if isinstance(event, Assign) and event.value == returned:
                    return event.target
        return path

    def releases_itself(self, pair: Pair, path: str) -> bool:
        """Whether the function gives the object back somewhere."""
        return any(h.pair is pair and h.object == path for _, h in self.all("release"))

    def is_local(self, path: str) -> bool:
        """Whether the object is a local variable, which ends with the function."""
        return (
            path.isidentifier()
            and path in self.function.locals
            and path not in self._statics
            and not owners(self.function, path) & self._params
        )

    def is_static(self, path: str) -> bool:
        """Whether the object lives outside of any other object."""
        first = root(path)
        return first in self._statics or (
            first not in self.function.locals and first not in self._params and not path.startswith("#")
        )

    def is_pointer(self, path: str, call: int) -> bool:
        """Whether what `call` takes is what a variable points to, and nothing that belongs to a parameter."""
        if not path.isidentifier():
            return False
        found = next(h for h in self._handlings[call] if h.role == "acquire")
        moved = found.move.moved(self.function.calls[call])
        return isinstance(moved, Var) and not owners(self.function, path) & self._params

    def remedy(self, pair: Pair) -> str:
        """The releasing calls that this tree declares, as a reader names them."""
        declared = [move.call for move in pair.release if self.unit.signature(move.call) is not None]
        names = dict.fromkeys(declared or [move.call for move in pair.release])
        return " or ".join(f"{name}()" for name in names)
