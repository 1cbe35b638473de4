# SPDX-License-Identifier: GPL-2.0-or-later
"""ObjectsOfFunction: what the calls of one function acquire and release, and who owns each object."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.helper_acquires import helper_acquires
from qerrlint.checks.ownership.release_sites import owners, release_sites
from qerrlint.domain.ownership import PROCESS, RESULT, Move, Pair, place_of_object
from qerrlint.ir.code import NULL, Addr, Assign, Call, Declare, Function, Var, root
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.transfer.objects import Handling

_Moves = Mapping[str, Sequence[tuple[Pair, str, Move]]]
PARTS = "part of a device"
"""The pair of functions that realize and unrealize what several devices have in common."""
_REALIZES = ("_realize", "->realize")
# A child goes with its parent; what a parent type has realized is not undone when a derived one fails.
_LEFT_ALONE = lazy_re(r"(?:qdev|sysbus|\w+->parent)_realize\Z")
_TAKING = ("acquire", "release")


def objects_of(analysed: AnalysedFunction) -> ObjectsOfFunction | None:
    """The objects of the pairs that the function acquires; None where it acquires none that matter.

    Where neither the result nor an Error tells of a failure no return is known to be one: then only pairs
    that ask for no failing return remain.
    """
    by_call, acquiring = _acquiring(analysed.pairs)
    piece, data = analysed.piece, analysed.unit.data
    found = {name.decode() for name in acquiring.findall(data, piece.body, piece.span.end)}
    helpers = helper_acquires(analysed.unit, analysed.pairs)
    through = [
        pair for call in analysed.function.calls for pair in helpers.pairs_of(call, analysed.name)
    ]  # fmt: skip
    named = [pair for name in sorted(found) for pair in by_call[name]]
    wanted = list({pair.name: pair for pair in (*named, *through)}.values())
    wanted += [made for pair in analysed.pairs if pair.name == PARTS and (made := _of_parts(analysed, pair))]
    signature = analysed.signature
    if analysed.kind in ("void", "bool", "unknown") and (signature is None or signature.errp is None):
        wanted = [pair for pair in wanted if pair.balanced or pair.prepare]
    if any(pair.setup for pair in wanted) and not release_sites(analysed.unit).only_in_setup(analysed.name):
        wanted = [pair for pair in wanted if not pair.setup]
    return ObjectsOfFunction(analysed, wanted) if wanted else None


def _of_parts(analysed: AnalysedFunction, pair: Pair) -> Pair | None:
    """The pair with the functions that realize a part of the function's own device and can be undone.

    `X_realize` is handed the device, and the tree declares `X_unrealize`; or both are methods of a class that
    the file calls. None where there is none.
    """
    names = sorted({call.name for call in analysed.function.calls if _realizes_part(analysed, call)})
    if not names:
        return None
    (acquire,), (release,) = pair.acquire, pair.release
    return replace(
        pair,
        acquire=tuple(replace(acquire, call=name) for name in names),
        release=tuple(replace(release, call=_undoing(name)) for name in names),
    )


def _realizes_part(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether a call realizes a part of the device that the function is handed, and something undoes that."""
    unit, signature = analysed.unit, analysed.signature
    if not call.name.endswith(_REALIZES) or _LEFT_ALONE.match(call.name) or signature is None:
        return False
    place = place_of_object(call.args[0] if call.args else None)
    if not place.isidentifier() or not owners(analysed.function, place) & {p.name for p in signature.params}:
        return False
    if call.direct:
        return unit.signature(_undoing(call.name)) is not None
    return _undoing(call.name).encode() in unit.data


def _undoing(name: str) -> str:
    return f"{name.removesuffix('realize')}unrealize"


@lru_cache(maxsize=4)
def _acquiring(pairs: tuple[Pair, ...]) -> tuple[Mapping[str, Sequence[Pair]], re.Pattern[bytes]]:
    """The pairs by the calls that acquire, and a pattern that finds such calls."""
    by_call: dict[str, list[Pair]] = {}
    for pair in (pair for pair in pairs if not (pair.local or pair.shown)):
        for move in pair.acquire:
            by_call.setdefault(move.call, []).append(pair)
    # The first letter in front of the alternatives: a pattern that begins with \b is slow.
    names = sorted(by_call)
    heads = {name[0] for name in names}
    alternatives = "|".join(
        rf"{head}(?:{'|'.join(re.escape(name[1:]) for name in names if name[0] == head)})\b(?=\s*\()"
        for head in sorted(heads)
    )
    return by_call, re.compile(alternatives.encode() or rb"(?!)")


def handlings_of(
    unit: TranslationUnit, function: Function, pairs: Sequence[Pair]
) -> dict[int, list[Handling]]:
    """What each call of the function, by its number, does to the objects of the pairs."""
    aliases = _aliases(function)
    by_name = _by_name(tuple(pairs))
    out: dict[int, list[Handling]] = {}
    for call in function.calls:
        if call.direct or call.name in by_name:
            for handling in _handlings(unit, call, by_name, aliases):
                out.setdefault(call.index, []).append(handling)
    taken = {(h.pair.name, h.object) for found in out.values() for h in found if h.role == "acquire"}
    # error_setg() and error_free() concern a pair only where their object is one that the function acquires.
    return {
        number: kept
        for number, found in out.items()
        if (kept := [h for h in found if h.role in _TAKING or (h.pair.name, h.object) in taken])
    }


def _handlings(
    unit: TranslationUnit, call: Call, by_name: _Moves, aliases: dict[str, str]
) -> Iterator[Handling]:
    """What a call does to the objects of the pairs: one Handling for each object that it may move."""
    for pair, role, move in by_name.get(call.name, ()):
        if move.applies(unit.signature(call.name)) and _fits(move, role, call):
            if move.object == RESULT and not call.used and any(r.object == PROCESS for r in pair.release):
                # If no variable keeps the result, the object is released by a number.
                yield Handling(role, pair, Move(call.name, PROCESS), _unnamed(pair))
                continue
            if move.object == RESULT:
                paths = {f"#{call.index}"}
            elif move.object == PROCESS:
                paths = {pair.name.replace(" ", "-")}
                if role == "release" and any(taken.object == RESULT for taken in pair.acquire):
                    paths = {_unnamed(pair)}
            else:
                paths = _paths(role, place_of_object(move.moved(call)), aliases)
            for path in sorted(paths):
                yield Handling(role, pair, move, path)
    if not call.name.startswith("g_clear"):
        return
    # g_clear_pointer(&object, releasing function)
    for arg in call.args[1:]:
        for pair, role, move in by_name.get(arg.path, ()) if isinstance(arg, Var) else ():
            if role == "release":
                for path in sorted(_paths(role, place_of_object(call.args[0]), aliases)):
                    yield Handling(role, pair, move, path)


def _fits(move: Move, role: str, call: Call) -> bool:
    """Whether the argument of a move that is NULL or not is what the role wants."""
    if not move.null:
        return True
    return len(call.args) >= move.null and (call.args[move.null - 1] == NULL) == (role == "release")


def _unnamed(pair: Pair) -> str:
    """What stands for an object that no place holds; its path has no last name."""
    return f"({pair.name})"


def _paths(role: str, path: str, aliases: dict[str, str]) -> set[str]:
    """The paths of an object.

    What a call has returned was stored in a place as it is written, so a release is of that place as well.
    The elements of an array are not distinguished.
    """
    found = {_resolved(path, aliases)} | ({path} if role == "release" else set())
    return {one for one in found if one and "[" not in one}


@lru_cache(maxsize=64)
def _by_name(pairs: tuple[Pair, ...]) -> _Moves:
    """The moves of the pairs, with their roles, by the calls that make them."""
    out: dict[str, list[tuple[Pair, str, Move]]] = {}
    for pair in pairs:
        for role, moves in pair.roles:
            for move in moves:
                out.setdefault(move.call, []).append((pair, role, move))
    return out


def _aliases(function: Function) -> dict[str, str]:
    """Locals that always hold the address of one place: `T *x = &s->y`."""
    targets: dict[str, set[str]] = {}
    for event in function.events():
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


class ObjectsOfFunction:
    """The objects of one function, and what its calls do to them.

    An object is named by the path that leads to it; "#3" is what call 3 returns.
    """

    def __init__(self, analysed: AnalysedFunction, pairs: Sequence[Pair]) -> None:
        self.analysed = analysed
        self.unit = analysed.unit
        self.function = analysed.function
        self.sites = release_sites(analysed.unit)
        self.handlings = handlings_of(self.unit, self.function, pairs)
        self._add_by_helpers(pairs)
        signature = analysed.signature
        self._params = {p.name for p in signature.params} if signature is not None else set()
        self._statics = {
            event.path for event in self.function.events() if isinstance(event, Declare) and event.static
        }

    def _add_by_helpers(self, pairs: Sequence[Pair]) -> None:
        """What static functions of the file acquire for this one."""
        helpers = helper_acquires(self.unit, self.analysed.pairs)
        names = {pair.name for pair in pairs}
        for call in self.function.calls:
            taken = helpers.handlings(call, self.function.name)
            if found := [handling for handling in taken if handling.pair.name in names]:
                self.handlings[call.index] = [*self.handlings.get(call.index, ()), *found]

    def calls(self, role: str) -> Iterator[tuple[Call, Handling]]:
        """The calls that acquire, release, prepare or discard (`role`) an object, in order."""
        for number, found in sorted(self.handlings.items()):
            for handling in found:
                if handling.role == role:
                    yield self.function.calls[number], handling

    def kept_in(self, path: str) -> str:
        """Where the function stores what a call returns; any other path as it is."""
        if not path.startswith("#"):
            return path
        return next(self.function.holders(int(path[1:])), path)

    def releases_itself(self, pair: Pair, path: str) -> bool:
        """Whether the function releases the object somewhere."""
        return any(h.pair is pair and h.object == path for _, h in self.calls("release"))

    def is_local(self, path: str) -> bool:
        """Whether the object is a local variable, which ends with the function."""
        return (
            path.isidentifier()
            and path in self.function.locals
            and path not in self._statics
            and not owners(self.function, path) & self._params
        )

    def is_static(self, path: str) -> bool:
        """Whether the object is a static or global variable, or a part of one."""
        first = root(path)
        return first in self._statics or (
            first not in self.function.locals and first not in self._params and not path.startswith("#")
        )

    def is_pointer(self, path: str, call: int) -> bool:
        """Whether `call` acquires what a variable points to, and not a part of what a parameter points to."""
        if not path.isidentifier():
            return False
        found = next(h for h in self.handlings[call] if h.role == "acquire")
        moved = found.move.moved(self.function.calls[call])
        return isinstance(moved, Var) and not owners(self.function, path) & self._params

    def remedy(self, pair: Pair) -> str:
        """The releasing calls that this tree declares, for a message."""
        return remedy(self.unit, pair)


def remedy(unit: TranslationUnit, pair: Pair) -> str:
    """The releasing calls of a pair that the tree declares, for a message."""
    declared = [move.undoing for move in pair.release if unit.signature(move.call) is not None]
    return " or ".join(dict.fromkeys(declared or [move.undoing for move in pair.release]))
