# SPDX-License-Identifier: GPL-2.0-or-later
"""What a function takes into its local variables: by the pairs of the rules, by callees of the file that
return what they have made, by `char *` results, and by what it frees itself (filled_locals).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from qerrlint.absint.reachability import after
from qerrlint.c.cut import Piece
from qerrlint.checks.ownership.bodies_elsewhere import bodies_elsewhere
from qerrlint.checks.ownership.filled_locals import (
    DESCRIPTOR,
    ERRORS,
    FAILS,
    MAKES,
    FilledLocals,
    errors_set_by,
    is_asked_about,
    is_function,
    looks_up,
)
from qerrlint.checks.ownership.local_uses import LocalUses, is_storing
from qerrlint.checks.ownership.objects import handlings_of
from qerrlint.checks.ownership.out_parameters import out_parameters
from qerrlint.checks.ownership.result_questions import questions_about
from qerrlint.domain.ownership import RESULT, Move, Pair
from qerrlint.ir.code import (
    NULL,
    Addr,
    Assign,
    Call,
    Const,
    Function,
    Result,
    Return,
    Value,
    Var,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.transfer.objects import Handling

HEAP = "heap memory"
"""The pair of memory that g_free() frees; results that are known to be such belong to it."""
QAPI = "QAPI result"
"""The pair of structs that a query of the QMP server returns, each with a function that frees it."""
SHOWN = "what the function frees itself"
"""The pair of pointers and descriptors that the function releases on one path: they are its own."""
TEXTS = frozenset({"char *", "gchar *"})
"""The types of results that are a text of the caller's."""
_MAKES_TEXT = lazy_re(
    rb"g_(?:malloc|malloc0|new|new0|strdup|strndup|strdup_printf|strconcat|strjoinv?)[ \t]*\("
)
_STRUCT = lazy_re(r"[A-Z]\w* \*\Z")
_DEEPEST = 2


class LocalAcquires:
    """The calls of one function that fill its local variables with something to release, by number."""

    def __init__(
        self,
        unit: TranslationUnit,
        function: Function,
        pairs: Sequence[Pair],
        uses: LocalUses,
        makers: Makers,
        depth: int = 0,
    ) -> None:
        self._unit = unit
        self._function = function
        self._pairs = pairs
        self._uses = uses
        self._made = makers
        self._depth = depth
        self.handlings = {
            number: kept
            for number, found in handlings_of(unit, function, pairs).items()
            if (kept := [h for h in found if self._is_of_local(h, function.calls[number])])
        }
        self._add_by_callees()
        self._acquiring = {number for number in self.handlings if any(self._acquires(number))}
        uses.structs |= {
            handling.object
            for number in self.handlings
            for handling in self._acquires(number)
            if isinstance(handling.move.moved(function.calls[number]), Addr)
            and not function.locals[handling.object].endswith("*")
        }
        self._add_made()
        for pair in pairs:
            if pair.name == HEAP:
                self._add_results(pair)
        filled = FilledLocals(unit, function, pairs, uses, self._acquiring)
        for pair in pairs:
            if pair.name == SHOWN:
                for call, handling in filled.handlings(pair):
                    self._add(call, handling)
            elif pair.name == QAPI:
                self._add_queries(pair)
        for pair in pairs:
            if pair.name == HEAP:
                self._add_filled(pair)

    def _is_of_local(self, handling: Handling, call: Call) -> bool:
        """Whether a call acquires what a variable of the function holds or is, or releases something."""
        if handling.role != "acquire":
            return True
        if handling.move.object == RESULT:
            if handling.pair.name == DESCRIPTOR and self._names_callback(call):
                # It is connected later: the callback gets the descriptor.
                return False
            # In some ages a function gives its caller memory, and in others a look at its own.
            signature = self._unit.signature(call.name)
            return signature is None or not signature.returns.startswith("const ")
        name = handling.object
        kind = self._function.locals.get(name)
        if kind is None or not isinstance(handling.move.moved(call), Addr) or not self._uses.is_own(name):
            return False
        # A pointer that holds something else already hands that to the callee.
        return not kind.endswith("*") or all(value == NULL for value in self._uses.assigned(name))

    def _names_callback(self, call: Call) -> bool:
        """Whether an argument of a call is a function of the file."""
        return any(isinstance(arg, Var) and arg.path in self._unit.functions for arg in call.args)

    def _add_by_callees(self) -> None:
        """The calls of functions of the file that acquire what the variable is whose address they get.

        Only what the function releases itself on some path is known to be its own.
        """
        released = {(h.pair.name, h.object) for found in self.handlings.values() for h in found}
        for call in self._function.calls:
            piece = self._unit.functions.get(call.name) if call.direct else None
            signature = self._unit.signature(call.name) if piece is not None else None
            if piece is None or signature is None or call.name == self._function.name:
                continue
            body = self._unit.data[piece.body : piece.span.end]
            for arg, param in zip(call.args, signature.params, strict=False):
                name = arg.path if isinstance(arg, Addr) else ""
                if not self._uses.is_own(name) or self._function.locals.get(name, "*").endswith("*"):
                    continue
                for pair in self._pairs:
                    if (pair.name, name) in released and _acquires(body, pair, param.name):
                        kind = self._unit.scope.result_kind(signature)
                        move = Move(call.name, call.args.index(arg) + 1, fails=FAILS.get(kind, "never"))
                        self._add(call, Handling("acquire", pair, move, name))

    def _acquires(self, call: int) -> Iterator[Handling]:
        """What is known of a call, by its number, that acquires something."""
        return (handling for handling in self.handlings.get(call, ()) if handling.role == "acquire")

    def _add(self, call: Call, handling: Handling) -> None:
        self.handlings.setdefault(call.index, []).append(handling)

    def _add_result(self, call: Call, pair: Pair, fails: str) -> None:
        """A call that returns what it acquires; `fails` as of Move."""
        self._add(call, Handling("acquire", pair, Move(call.name, RESULT, fails=fails), f"#{call.index}"))

    # -- results that are memory ----------------------------------------------------------------------

    def _add_results(self, pair: Pair) -> None:
        """The calls that return memory, by their bodies or by their type."""
        for call in self._function.calls:
            if not call.used or call.index in self._acquiring or not is_function(call):
                continue
            if self._returns_memory(call, pair):
                # A local Error that the function tests tells the failure: some texts are NULL all the same.
                told = bool(errors_set_by(self._function, call))
                self._acquiring.add(call.index)
                self._add_result(call, pair, "error" if told else "zero")

    def _add_filled(self, pair: Pair) -> None:
        """The calls that point a variable to new memory, by the bodies of the callees."""
        for call in self._function.calls:
            if not is_function(call) or is_asked_about(self._function, call):
                continue
            taken = {handling.object for handling in self._acquires(call.index)}
            kind = self._unit.scope.result_kind(self._unit.signature(call.name))
            places = [arg.path if isinstance(arg, Addr) else "" for arg in call.args]
            if kind not in FAILS or not any(self._is_empty(name) and name not in taken for name in places):
                continue
            if kind == "int" and {"zero", "sign"} <= questions_about(self._function, call):
                # One of the numbers that tell of no failure may say that there is nothing.
                continue
            for position in out_parameters(self._unit).filled(self._unit, call.name):
                name = places[position] if position < len(places) else ""
                if name not in taken and self._is_empty(name):
                    move = Move(call.name, position + 1, fails=FAILS[kind])
                    self._add(call, Handling("acquire", pair, move, name))

    def _is_empty(self, name: str) -> bool:
        """Whether a variable is a pointer of the function's own that nothing but NULL is assigned to."""
        kind = self._function.locals.get(name, "")
        return (
            kind.endswith("*")
            and kind not in ERRORS
            and self._uses.is_own(name)
            and all(value == NULL for value in self._uses.assigned(name))
        )

    def _add_made(self) -> None:
        """The calls of functions of the file that return what they have made, but for memory."""
        for call in self._function.calls:
            asked = self._depth < _DEEPEST and call.used and call.index not in self._acquiring
            if not asked or not is_function(call) or errors_set_by(self._function, call):
                continue
            made = self._made.by(call.name, self._depth + 1) if call.name in self._unit.functions else ()
            for pair in self._pairs:
                if pair.name in made and pair.name not in (HEAP, QAPI, SHOWN):
                    self._acquiring.add(call.index)
                    self._add_result(call, pair, "negative" if pair.name == DESCRIPTOR else "zero")

    def _add_queries(self, pair: Pair) -> None:
        """The calls of queries, whose result is a QAPI struct of the caller."""
        for call in self._function.calls:
            if not call.direct or call.index in self._acquiring:
                continue
            freed = call.args[0] if len(call.args) == 1 else None
            if call.name.startswith("qapi_free_") and isinstance(freed, Var):
                self._add(call, Handling("release", pair, Move(call.name, 1), freed.path))
            signature = self._unit.signature(call.name) if call.name.startswith("qmp_query_") else None
            if (
                call.used
                and signature is not None
                and _STRUCT.match(signature.returns)
                and not is_asked_about(self._function, call)
            ):
                self._add_result(call, pair, "zero")

    def _returns_memory(self, call: Call, pair: Pair) -> bool:
        """Whether a call returns memory that the caller has to free, by the body of the callee or its
        prototype."""
        unit, name = self._unit, call.name
        if name in unit.functions:
            if self._depth >= _DEEPEST:
                return False
            if errors_set_by(self._function, call) and not self._returns_text(name):
                # The body would have to tell which of its results come with the Error; a text is no object.
                return False
            if pair.name in self._made.by(name, self._depth + 1):
                return True
            if name in self._made.keeping:
                return False
            piece = unit.functions[name]
            if not _MAKES_TEXT.search(unit.data, piece.body, piece.span.end):
                return False
        elif not looks_up(name) and bodies_elsewhere(unit).makes(unit, name):
            return True
        signature = unit.signature(name)
        if signature is None or not self._returns_text(name) or signature.path is None:
            return False
        return not looks_up(name) and not any(
            "char *" in param.type and not param.type.startswith("const ") for param in signature.params
        )

    def _returns_text(self, name: str) -> bool:
        signature = self._unit.signature(name)
        return signature is not None and signature.returns in TEXTS

    def returned(self) -> frozenset[str]:
        """The pair's name of what the function makes and returns; none where it may return another thing."""
        found: set[str] = set()
        returns = [event.value for event in self._function.returns() if not event.implicit]
        for value in returns:
            if isinstance(value, Const) and (value.text in ("NULL", "0") or (value.number or 0) < 0):
                continue
            pairs = self._pairs_of(value)
            if pairs is None:
                return frozenset()
            found |= pairs
        return frozenset(found) if len(found) == 1 else frozenset()

    def keeps_what_it_returns(self) -> bool:
        """Whether the function hands what it returns to a callee that stores it, by its name."""
        returned = {one.value.path for one in self._function.returns() if isinstance(one.value, Var)}
        return any(
            is_storing(call.name) and self._uses.passes(call, name)
            for call in self._function.calls
            for name in returned
            if self._uses.is_own(name)
        )

    def _pairs_of(self, value: Value | None) -> set[str] | None:
        """The pairs of a value that the function has made; None where it may be something else."""
        if isinstance(value, Result):
            return {handling.pair.name for handling in self._acquires(value.call)} or None
        if not isinstance(value, Var) or not self._uses.is_own(value.path) or self._is_kept(value.path):
            return None
        if self._uses.is_parameter(value.path) or self._is_let_go(value.path):
            # The caller may have handed it what comes back, or something else holds it by then.
            return None
        out: set[str] = set()
        for given in self._uses.assigned(value.path):
            if given == NULL:
                continue
            pairs = self._pairs_of(given) if given != value else None
            if pairs is None:
                return None
            out |= pairs
        return out or None

    def _is_let_go(self, name: str) -> bool:
        """Whether the function releases what a variable holds, a reference of its own, and returns it."""

        def returns(event: object) -> bool:
            return isinstance(event, Return) and event.value == Var(name)

        def assigns(event: object) -> bool:
            return isinstance(event, Assign) and event.target == name

        return any(
            handling.role == "release"
            and handling.object == name
            and after(self._function, number, returns, barrier=assigns)
            for number, found in self.handlings.items()
            for handling in found
        )

    def _is_kept(self, name: str) -> bool:
        """Whether the function does more with the pointer in a variable than to return it."""
        return any(
            self._uses.passes(event, name)
            for event in self._function.events()
            if not isinstance(event, Return) and not self._releases(event, name)
        )

    def _releases(self, event: object, name: str) -> bool:
        return isinstance(event, Call) and any(
            handling.role == "release" and handling.object == name
            for handling in self.handlings.get(event.index, ())
        )


def _acquires(body: bytes, pair: Pair, param: str) -> bool:
    """Whether a function acquires what a parameter points to, by the words of its body, and keeps it."""
    handed = rb"[ \t]*\([ \t]*%s[ \t]*[,)]" % param.encode()
    acquiring = b"|".join(move.call.encode() for move in pair.acquire if move.object == 1)
    releasing = b"|".join(move.call.encode() for move in pair.release)
    return (
        bool(acquiring)
        and re.search(rb"\b(?:%s)%s" % (acquiring, handed), body) is not None
        and re.search(rb"\b(?:%s)%s" % (releasing, handed), body) is None
    )


def returns_what_it_makes(unit: TranslationUnit, piece: Piece) -> bool:
    """Whether a function may return something that it has made, by its head: a pointer, or a descriptor."""
    head = unit.data[piece.span.start : piece.body].partition(b"(")[0]
    return b"*" in head or head.startswith(b"static int")


class Makers:
    """Which functions of a file make what they return, worked out once."""

    def __init__(self, unit: TranslationUnit, pairs: Sequence[Pair]) -> None:
        self._unit = unit
        self._pairs = pairs
        self._known: dict[tuple[str, int], frozenset[str]] = {}
        # The functions that were asked about and hand what they return to something else as well.
        self.keeping: set[str] = set()

    def by(self, name: str, depth: int) -> frozenset[str]:
        """The pair's name of what a function of the file makes and returns; none where it may be another."""
        if (name, depth) not in self._known:
            self._known[name, depth] = frozenset()
            unit, piece = self._unit, self._unit.functions[name]
            # What makes nothing by its words is not parsed.
            if returns_what_it_makes(unit, piece) and MAKES.search(unit.data, piece.body, piece.span.end):
                function = unit.lowering.function(piece)
                if function is not None:
                    uses = LocalUses(unit, function)
                    made = LocalAcquires(unit, function, self._pairs, uses, self, depth)
                    self._known[name, depth] = made.returned()
                    if made.keeps_what_it_returns():
                        self.keeping.add(name)
        return self._known[name, depth]
