# SPDX-License-Identifier: GPL-2.0-or-later
"""What a function takes into its local variables: by the pairs of the rules, by callees of the file that
return what they have made, by `char *` results, and by what the function itself frees on some path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from qerrlint.absint.reachability import loop_around, place_of
from qerrlint.c.declarations.types import result_kind
from qerrlint.checks.ownership.bodies_elsewhere import bodies_elsewhere
from qerrlint.checks.ownership.local_uses import LocalUses, is_storing
from qerrlint.checks.ownership.objects import handlings_of
from qerrlint.checks.ownership.release_sites import is_freeing
from qerrlint.domain.ownership import RESULT, Move, Pair
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import (
    NEG,
    NONZERO,
    NULL,
    POS,
    ZERO,
    Addr,
    Assign,
    Call,
    Const,
    Function,
    Op,
    Opaque,
    Result,
    Return,
    Value,
    Var,
    is_cast,
    text_of,
)
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.transfer.objects import Handling

HEAP = "heap memory"
"""The pair of memory that g_free() frees; results that are known to be such belong to it."""
QAPI = "QAPI result"
"""The pair of structs that a query of the QMP server returns, each with a function that frees it."""
SHOWN = "what the function frees itself"
"""The pair of pointers and descriptors that the function releases on one path: they are its own."""
DESCRIPTOR = "local descriptor"
"""The pair of file descriptors: its releases are the calls that close one."""
PREPENDS = "QAPI_LIST_PREPEND"
"""The macro that makes an element of a QAPI list (include/qapi/util.h)."""
TEXTS = frozenset({"char *", "gchar *"})
"""The types of results that are a text of the caller's."""
_FAILS = {"int": "errno", "bool": "zero", "pointer": "zero"}
_QUESTIONS = {ZERO: "zero", NONZERO: "zero", NEG: "sign", ZERO | POS: "sign"}
_ERRORS = frozenset({"Error *", "GError *"})
_MAKES = re.compile(rb"(?:alloc|new|dup|create|open|printf|load|read|parse)\w*\s*\(")
_MAKES_TEXT = re.compile(rb"g_(?:malloc|malloc0|new|new0|strdup|strndup|strdup_printf|strconcat)[ \t]*\(")
_STRUCT = re.compile(r"[A-Z]\w* \*\Z")
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
        self._acquiring = {
            number for number, found in self.handlings.items() if any(h.role == "acquire" for h in found)
        }
        uses.structs |= {
            handling.object
            for number, found in self.handlings.items()
            for handling in found
            if handling.role == "acquire"
            and isinstance(handling.move.moved(function.calls[number]), Addr)
            and not function.locals[handling.object].endswith("*")
        }
        for pair in pairs:
            if pair.name == HEAP:
                self._add_results(pair)
        for pair in pairs:
            if pair.name == SHOWN:
                self._add_shown(pair)
            elif pair.name == QAPI:
                self._add_queries(pair)

    def _is_of_local(self, handling: Handling, call: Call) -> bool:
        """Whether a call acquires what a variable of the function holds or is, or releases something."""
        if handling.role != "acquire":
            return True
        if handling.move.object == RESULT:
            # In some ages a function gives its caller memory, and in others a look at its own.
            signature = self._unit.signature(call.name)
            return signature is None or not signature.returns.startswith("const ")
        name = handling.object
        kind = self._function.locals.get(name)
        if kind is None or not isinstance(handling.move.moved(call), Addr) or not self._uses.is_own(name):
            return False
        # A pointer that holds something else already hands that to the callee.
        return not kind.endswith("*") or all(value == NULL for value in self._assigned(name))

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
                        kind = result_kind(signature, self._unit.typedefs)
                        move = Move(call.name, call.args.index(arg) + 1, fails=_FAILS.get(kind, "never"))
                        self._add(call, Handling("acquire", pair, move, name))

    def _add(self, call: Call, handling: Handling) -> None:
        self.handlings.setdefault(call.index, []).append(handling)

    # -- results that are memory ----------------------------------------------------------------------

    def _add_results(self, pair: Pair) -> None:
        """The calls that return memory, by their bodies or by their type."""
        for call in self._function.calls:
            if not call.used or call.index in self._acquiring or not _is_function(call):
                continue
            if self._returns_memory(call, pair):
                move = Move(call.name, RESULT, fails="zero")
                self._acquiring.add(call.index)
                self._add(call, Handling("acquire", pair, move, f"#{call.index}"))

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
                and not self._is_asked_about(call)
            ):
                self._add(
                    call, Handling("acquire", pair, Move(call.name, RESULT, fails="zero"), f"#{call.index}")
                )

    def _returns_memory(self, call: Call, pair: Pair) -> bool:
        unit, name = self._unit, call.name
        if name in unit.functions:
            # With an Error the body would have to tell which of its results come with one.
            if self._depth >= _DEEPEST or self._errors(call):
                return False
            if pair.name in self._made.by(name, self._depth + 1):
                return True
            if name in self._made.keeping:
                return False
            piece = unit.functions[name]
            if not _MAKES_TEXT.search(unit.data, piece.body, piece.span.end):
                return False
        elif not _looks_up(name) and bodies_elsewhere(unit).makes(unit, name):
            return True
        signature = unit.signature(name)
        if signature is None or signature.returns not in TEXTS or signature.path is None:
            return False
        return not _looks_up(name) and not any(
            "char *" in param.type and not param.type.startswith("const ") for param in signature.params
        )

    def returned(self) -> frozenset[str]:
        """The pair's name of what the function makes and returns; none where it may return another thing."""
        found: set[str] = set()
        returns = [
            event.value
            for block in self._function.blocks
            for event in block.events
            if isinstance(event, Return) and not event.implicit
        ]
        for value in returns:
            if isinstance(value, Const) and value.text in ("NULL", "0"):
                continue
            pairs = self._pairs_of(value)
            if pairs is None:
                return frozenset()
            found |= pairs
        return frozenset(found) if len(found) == 1 else frozenset()

    def keeps_what_it_returns(self) -> bool:
        """Whether the function hands what it returns to a callee that stores it, by its name."""
        events = [event for block in self._function.blocks for event in block.events]
        returned = {
            event.value.path for event in events if isinstance(event, Return) and isinstance(event.value, Var)
        }
        return any(
            isinstance(event, Call) and is_storing(event.name) and self._uses.passes(event, name)
            for event in events
            for name in returned
            if self._uses.is_own(name)
        )

    def _pairs_of(self, value: Value | None) -> set[str] | None:
        """The pairs of a value that the function has made; None where it may be something else."""
        if isinstance(value, Result):
            return {h.pair.name for h in self.handlings.get(value.call, ()) if h.role == "acquire"} or None
        if not isinstance(value, Var) or not self._uses.is_own(value.path) or self._is_kept(value.path):
            return None
        out: set[str] = set()
        for given in self._assigned(value.path):
            if given == NULL:
                continue
            pairs = self._pairs_of(given) if given != value else None
            if pairs is None:
                return None
            out |= pairs
        return out or None

    def _is_kept(self, name: str) -> bool:
        """Whether the function does more with the pointer in a variable than to return it."""
        return any(
            self._uses.passes(event, name)
            for block in self._function.blocks
            for event in block.events
            if not isinstance(event, Return) and not self._releases(event, name)
        )

    def _releases(self, event: object, name: str) -> bool:
        return isinstance(event, Call) and any(
            handling.role == "release" and handling.object == name
            for handling in self.handlings.get(event.index, ())
        )

    def _assigned(self, name: str) -> list[Value]:
        return [
            event.value
            for block in self._function.blocks
            for event in block.events
            if isinstance(event, Assign) and event.target == name
        ]

    # -- what the function frees ------------------------------------------------------------------------

    def _add_shown(self, pair: Pair) -> None:
        """The calls that fill a variable which the function frees on some path."""
        releasing: dict[str, list[Call]] = {}
        for call in self._function.calls:
            if not call.direct or not call.args:
                continue
            freed = call.args[0]
            if len(call.args) == 1:
                while isinstance(freed, Result) and is_cast(self._function.calls[freed.call]):
                    freed = self._function.calls[freed.call].args[0]
                if isinstance(freed, Var) and self._gives_back(call, freed.path):
                    releasing.setdefault(freed.path, []).append(call)
        for name, calls in releasing.items():
            plain = all(word_list("memory-releases").matches(call.name) for call in calls)
            acquiring = list(self._filling(name, plain))
            for call, move in acquiring:
                path = f"#{call.index}" if move.object == RESULT else name
                self._add(call, Handling("acquire", pair, move, path))
            if acquiring:
                for call in calls:
                    self._add(call, Handling("release", pair, Move(call.name, 1), name))

    def _errors(self, call: Call) -> set[Value]:
        """The local Errors that a call may set."""
        types = self._function.locals
        return {
            Var(arg.path) for arg in call.args if isinstance(arg, Addr) and types.get(arg.path) in _ERRORS
        }

    def _is_compared(self, call: Call) -> bool:
        """Whether a result is asked for more than one thing: it may tell what the callee has made."""
        names: set[Value] = {Result(call.index)}
        for block in self._function.blocks:
            for event in block.events:
                if isinstance(event, Assign) and event.value in names:
                    names.add(Var(event.target))
        tests = [test for block in self._function.blocks for edge in block.edges for test in edge.tests]
        asked = {_QUESTIONS.get(test.allow, "other") for test in tests if test.subject in names}
        inside = any(
            isinstance(test.subject, (Op, Opaque))
            and any(text_of(name) in text_of(test.subject) for name in names)
            for test in tests
        )
        return inside or len(asked) > 1 or "other" in asked

    def _tells_otherwise(self, call: Call) -> bool:
        """Whether what a call has filled is tested as well: the number alone does not tell a success then."""
        handed = {arg.path for arg in call.args if isinstance(arg, Addr)}
        handed |= {f"*{arg.path}" for arg in call.args if isinstance(arg, Var)}
        return any(
            isinstance(test.subject, Var) and test.subject.path in handed
            for block in self._function.blocks
            for edge in block.edges
            for test in edge.tests
        )

    def _may_make(self, call: Call) -> bool:
        """Whether a callee may give its caller something new.

        Its body makes something by its words, and no other function is asked about the Error that it sets.
        """
        if not _is_function(call):
            return False
        piece = self._unit.functions.get(call.name)
        if piece is not None and not _MAKES.search(self._unit.data, piece.body, piece.span.end):
            return False
        if self._errors(call) and piece is not None:
            return False
        return not self._is_asked_about(call)

    def _may_return_an_array(self, call: Call) -> bool:
        """Whether a callee may return an array of the function's that it is handed, as realpath() does."""
        signature = self._unit.signature(call.name)
        params = signature.params if signature is not None else ()
        return any(
            isinstance(arg, Var)
            and self._function.locals.get(arg.path, "").endswith("[]")
            and not (position < len(params) and params[position].type.startswith("const "))
            for position, arg in enumerate(call.args)
        )

    def _is_asked_about(self, call: Call) -> bool:
        """Whether another function is asked about the Error that a call sets."""
        errors = self._errors(call)
        return any(
            other.used and not errors.isdisjoint(other.args) and other.index != call.index
            for other in self._function.calls
        )

    def _has_alias(self, name: str) -> bool:
        """Whether the address of a variable is stored somewhere."""
        return any(
            isinstance(event, Assign) and event.value == Addr(name)
            for block in self._function.blocks
            for event in block.events
        )

    def _gives_back(self, call: Call, name: str) -> bool:
        """Whether a call frees the pointer in a variable, or closes the descriptor in it."""
        kind = self._function.locals.get(name, "")
        if not self._uses.is_own(name):
            return False
        if kind == "int":
            return any(
                move.call == call.name
                for pair in self._pairs
                if pair.name == DESCRIPTOR
                for move in pair.release
            )
        return kind.endswith("*") and kind not in _ERRORS and is_freeing(call.name)

    def _filling(self, name: str, memory: bool) -> Iterator[tuple[Call, Move]]:
        """The calls that fill a variable, where nothing else but NULL or -1 is ever put into it.

        `memory`: the function frees it as plain memory, so that not even a look-up leaves it with an owner.
        """
        found: list[tuple[Call, Move]] = []
        if self._has_alias(name):
            return
        is_number = self._function.locals.get(name) == "int"
        for value in self._assigned(name):
            if value == NULL or (isinstance(value, Const) and value.number == (-1 if is_number else 0)):
                continue
            while isinstance(value, Result) and is_cast(self._function.calls[value.call]):
                value = self._function.calls[value.call].args[0]
            if not isinstance(value, Result):
                return
            call = self._function.calls[value.call]
            if any(self._uses.hands(arg, name) for arg in call.args) or not self._may_make(call):
                return
            if (_looks_up(call.name) and not memory) or (is_number and self._tells_otherwise(call)):
                return
            if call.index in self._acquiring or self._may_return_an_array(call):
                return
            found.append((call, Move(call.name, RESULT, fails="negative" if is_number else "zero")))
        for call in self._function.calls if not found and not is_number else ():
            for position, arg in enumerate(call.args):
                if isinstance(arg, Addr) and arg.path == name and not call.name.startswith("g_clear_"):
                    if call.index in self._acquiring or self._frees_before(call, position):
                        return
                    signature = self._unit.signature(call.name) if call.direct else None
                    kind = result_kind(signature, self._unit.typedefs) if signature is not None else "unknown"
                    if kind not in _FAILS or not self._may_make(call):
                        return
                    if kind == "int" and self._is_compared(call):
                        return
                    found.append((call, Move(call.name, position + 1, fails=_FAILS[kind])))
        yield from found or self._listing(name)

    def _frees_before(self, call: Call, position: int) -> bool:
        """Whether a callee of this file frees what the variable holds before it puts something else there."""
        signature = self._unit.signature(call.name)
        piece = self._unit.functions.get(call.name)
        if piece is None or signature is None or position >= len(signature.params):
            return False
        param = signature.params[position].name.encode()
        freed = re.compile(rb"free\w*[ \t]*\([ \t]*\*[ \t]*%s[ \t]*\)" % re.escape(param))
        return freed.search(self._unit.data, piece.body, piece.span.end) is not None

    def _listing(self, name: str) -> Iterator[tuple[Call, Move]]:
        """The macro that puts the only element into a QAPI list of the function's own, outside of loops."""
        calls = [
            call for call in self._function.calls if call.name == PREPENDS and Var(name) in call.args[:1]
        ]
        place = place_of(self._function, calls[0].index) if len(calls) == 1 else None
        if place is not None and not loop_around(self._function, place[0]):
            yield calls[0], Move(PREPENDS, 1)


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


def _is_function(call: Call) -> bool:
    """Whether a call is one of a function, and not of a macro or of a function pointer."""
    return call.direct and not call.name.isupper() and call.name != "container_of"


def _looks_up(name: str) -> bool:
    """Whether a function returns something that has an owner already, by the parts of its name."""
    return word_list("lookups").matches(name)


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
            if b"*" in unit.data[piece.span.start : piece.body].partition(b"(")[0] and _MAKES.search(
                unit.data, piece.body, piece.span.end
            ):
                function = unit.lowering.function(piece)
                if function is not None:
                    uses = LocalUses(unit, function)
                    made = LocalAcquires(unit, function, self._pairs, uses, self, depth)
                    self._known[name, depth] = made.returned()
                    if made.keeps_what_it_returns():
                        self.keeping.add(name)
        return self._known[name, depth]
