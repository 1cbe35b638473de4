# SPDX-License-Identifier: GPL-2.0-or-later
"""What a function acquires through static functions of its file: a helper that sets up a part of the object
that it is handed, or that only passes a call of the API on.

A helper counts where each of its successful paths acquires the object: the call is in no other statement,
and no path to a return that tells of no failure leads past it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from qerrlint.c.declarations.types import Signature, result_kind
from qerrlint.domain.ownership import RESULT, Move, Pair, place_of_object
from qerrlint.ir.code import Addr, Call, Function, Result, Var, root
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.transfer.objects import Handling

_FAILS = {"int": "errno", "bool": "zero"}
_ENDS = (b";", b"{", b"}")
_WAY_OUT = lazy_re(rb"\b(?:return|goto)\b")


class HelperAcquires:
    """The static functions of one file that acquire something for their callers, by name."""

    def __init__(self, unit: TranslationUnit, pairs: Sequence[Pair]) -> None:
        self._unit = unit
        # What is prepared or kept beside is a matter of several calls.
        self._pairs = [
            pair
            for pair in pairs
            if not (pair.local or pair.shown or pair.prepare or pair.balanced)
            and any(move.call.encode() in unit.text.words for move in pair.acquire)
        ]
        self._names = frozenset(self._acquiring_functions())
        self._known: dict[str, tuple[Handling, ...]] = {}

    def _acquiring_functions(self) -> Iterator[str]:
        for pair in self._pairs:
            for found in pair.acquiring.finditer(self._unit.data):
                name = self._unit.definitions.function_at(found.start())
                if name and self._unit.is_static(name):
                    yield name

    def pairs_of(self, call: Call, of: str) -> list[Pair]:
        """The pairs of what a call acquires for a function."""
        return [handling.pair for handling in self._of(call, of)]

    def handlings(self, call: Call, of: str) -> Iterator[Handling]:
        """What a call acquires for a function, by the paths of the caller."""
        taken = self._of(call, of)
        signature = self._unit.signature(call.name) if taken else None
        for handling in taken:
            if handling.move.object == RESULT:
                yield replace(handling, object=f"#{call.index}")
                continue
            position = handling.move.object - 1
            arg = call.args[position] if signature is not None and position < len(call.args) else None
            if not isinstance(arg, (Addr, Var)):
                continue
            rest = handling.object
            path = arg.path
            if isinstance(arg, Addr) and rest.startswith("->"):
                rest = "." + rest[2:]
            if "[" not in path and not path.startswith("*"):
                yield replace(handling, object=path + rest)

    def _of(self, call: Call, of: str) -> tuple[Handling, ...]:
        name = call.name
        if not call.direct or name not in self._names or name == of:
            return ()
        if name not in self._known:
            self._known[name] = ()
            function = self._unit.lowering.function(self._unit.functions[name])
            signature = self._unit.signature(name)
            if function is not None and signature is not None:
                self._known[name] = tuple(self._taken(function, signature))
        return self._known[name]

    def _taken(self, function: Function, signature: Signature) -> Iterator[Handling]:
        """What a helper acquires: `object` is the path after the parameter that the move's argument is."""
        unit = self._unit
        kind = result_kind(signature, unit.scope.typedefs)
        fails = "error" if kind == "void" and signature.errp is not None else _FAILS.get(kind, "never")
        params = [param.name for param in signature.params]
        piece = unit.functions[function.name]
        body = unit.data[piece.body : piece.span.end]
        for pair in self._pairs:
            if pair.releasing.search(body):
                continue
            for call in function.calls:
                for move in pair.acquire:
                    if move.call != call.name or move.null or not move.applies(unit.signature(call.name)):
                        continue
                    if _is_returned(function, call) and move.object == RESULT:
                        yield Handling("acquire", pair, Move(function.name, RESULT, fails=move.fails), "")
                        continue
                    passed = _is_returned(function, call) and kind == "int"
                    path = _stored(function, call) if move.object == RESULT else _place(move, call)
                    first = root(path) if path else ""
                    if first not in params or "[" in path or (move.fails != "never" and not passed):
                        continue
                    if passed or self._is_on_each_way(piece.body, call, fails):
                        how = move.fails if passed else fails
                        place = Move(function.name, params.index(first) + 1, fails=how)
                        yield Handling("acquire", pair, place, path[len(first) :])

    def _is_on_each_way(self, body: int, call: Call, fails: str) -> bool:
        """Whether a call stands in no other statement, with no return before it but that of a failure."""
        data = self._unit.data
        before = data[body : call.span.start]
        start = max(before.rfind(mark) for mark in _ENDS) + 1
        if before.count(b"{") - before.count(b"}") != 1 or b"(" in before[start:].replace(b"(void)", b""):
            return False
        return fails != "never" or _WAY_OUT.search(before) is None


def _place(move: Move, call: Call) -> str:
    return place_of_object(move.moved(call))


def _stored(function: Function, call: Call) -> str:
    """The member that gets the result of a call; "" for none."""
    target = next(function.holders(call.index), "")
    return target if "->" in target else ""


def _is_returned(function: Function, call: Call) -> bool:
    """Whether a function does nothing but return what a call returns."""
    given = [event.value for event in function.returns() if not event.implicit]
    return len(function.calls) == 1 and given == [Result(call.index)]


@lru_cache(maxsize=4)
def helper_acquires(unit: TranslationUnit, pairs: tuple[Pair, ...]) -> HelperAcquires:
    """The helpers of a unit, worked out once."""
    return HelperAcquires(unit, pairs)
