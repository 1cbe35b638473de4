# SPDX-License-Identifier: GPL-2.0-or-later
"""The calls that fill a local variable which the function itself frees on some path, so that it owns what
they give it.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence

from qerrlint.absint.reachability import loop_around, place_of
from qerrlint.checks.ownership.local_uses import LocalUses
from qerrlint.checks.ownership.release_sites import is_freeing
from qerrlint.checks.ownership.result_questions import questions_about
from qerrlint.domain.ownership import RESULT, Move, Pair
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import (
    NULL,
    Addr,
    Assign,
    Call,
    Const,
    Function,
    Result,
    Value,
    Var,
    is_cast,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.transfer.objects import Handling

DESCRIPTOR = "local descriptor"
"""The pair of file descriptors: its releases are the calls that close one."""
PREPENDS = "QAPI_LIST_PREPEND"
"""The macro that makes an element of a QAPI list (include/qapi/util.h)."""
FAILS = {"int": "errno", "bool": "zero", "pointer": "zero"}
"""How a function tells that it has acquired nothing, by the sort of its result."""
MAKES = lazy_re(
    rb"(?:alloc|new|dup|create|open|printf|load|read|parse|code|concat|join|build_|escape|property_get)\w*\s*\("
)
"""Calls in the body of a function that may return something new."""
ERRORS = frozenset({"Error *", "GError *"})


class FilledLocals:
    """The variables of one function that it frees on some path, and the calls that fill them.

    `acquiring` holds the numbers of the calls that are known to acquire something by another pair.
    """

    def __init__(
        self,
        unit: TranslationUnit,
        function: Function,
        pairs: Sequence[Pair],
        uses: LocalUses,
        acquiring: Container[int],
    ) -> None:
        self._unit = unit
        self._function = function
        self._pairs = pairs
        self._uses = uses
        self._acquiring = acquiring

    def handlings(self, pair: Pair) -> Iterator[tuple[Call, Handling]]:
        """The calls that fill a variable which the function frees on some path, and those that free it."""
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
                yield call, Handling("acquire", pair, move, path)
            if acquiring:
                for call in calls:
                    yield call, Handling("release", pair, Move(call.name, 1), name)

    def _tells_otherwise(self, call: Call) -> bool:
        """Whether what a call has filled is tested as well: the number alone does not tell a success then."""
        handed = {arg.path for arg in call.args if isinstance(arg, Addr)}
        handed |= {f"*{arg.path}" for arg in call.args if isinstance(arg, Var)}
        return any(
            isinstance(test.subject, Var) and test.subject.path in handed for test in self._function.tests()
        )

    def _may_make(self, call: Call) -> bool:
        """Whether a callee may give its caller something new.

        Its body makes something by its words, and no other function is asked about the Error that it sets.
        """
        if not is_function(call):
            return False
        piece = self._unit.functions.get(call.name)
        if piece is not None and not MAKES.search(self._unit.data, piece.body, piece.span.end):
            return False
        if errors_set_by(self._function, call) and piece is not None:
            return False
        return not is_asked_about(self._function, call)

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

    def _tells_of_no_object(self, call: Call) -> bool:
        """Whether what a call returns need not be an object of its own, by its arguments."""
        return self._may_return_an_array(call) or has_status(self._function, call)

    def _has_alias(self, name: str) -> bool:
        """Whether the address of a variable is stored somewhere."""
        return any(
            isinstance(event, Assign) and event.value == Addr(name) for event in self._function.events()
        )

    def _takes_reference(self, name: str) -> bool:
        """Whether the function counts one more user of what a variable holds: it gives back that, then."""
        return any(
            call.direct and call.name.endswith("_ref") and Var(name) in call.args
            for call in self._function.calls
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
        return kind.endswith("*") and kind not in ERRORS and is_freeing(call.name)

    def _filling(self, name: str, memory: bool) -> Iterator[tuple[Call, Move]]:
        """The calls that fill a variable, where nothing else but NULL or -1 is ever put into it.

        `memory`: the function frees it as plain memory, so that not even a look-up leaves it with an owner.
        """
        found: list[tuple[Call, Move]] = []
        if self._has_alias(name) or self._takes_reference(name):
            return
        is_number = self._function.locals.get(name) == "int"
        for value in self._uses.assigned(name):
            if value == NULL or (isinstance(value, Const) and value.number == (-1 if is_number else 0)):
                continue
            while isinstance(value, Result) and is_cast(self._function.calls[value.call]):
                value = self._function.calls[value.call].args[0]
            if not isinstance(value, Result):
                return
            call = self._function.calls[value.call]
            if any(self._uses.hands(arg, name) for arg in call.args) or not self._may_make(call):
                return
            if (looks_up(call.name) and not memory) or (is_number and self._tells_otherwise(call)):
                return
            if call.index in self._acquiring or self._tells_of_no_object(call):
                return
            found.append((call, Move(call.name, RESULT, fails="negative" if is_number else "zero")))
        for call in self._function.calls if not found and not is_number else ():
            for position, arg in enumerate(call.args):
                if isinstance(arg, Addr) and arg.path == name and not call.name.startswith("g_clear_"):
                    if call.index in self._acquiring or self._frees_before(call, position):
                        return
                    signature = self._unit.signature(call.name) if call.direct else None
                    kind = self._unit.scope.result_kind(signature)
                    if kind not in FAILS or not self._may_make(call):
                        return
                    asked = questions_about(self._function, call) if kind == "int" else frozenset()
                    if len(asked) > 1 or "other" in asked:
                        # The number may tell what the callee has made.
                        return
                    # A caller that asks for 0 alone takes any other number for a failure.
                    fails = "nonzero" if asked == {"zero"} else FAILS[kind]
                    found.append((call, Move(call.name, position + 1, fails=fails)))
        yield from found or self._listing(name)

    def _frees_before(self, call: Call, position: int) -> bool:
        """Whether a callee of this file frees what the variable holds before it puts something else there, or
        fills only one that is empty."""
        signature = self._unit.signature(call.name)
        piece = self._unit.functions.get(call.name)
        if piece is None or signature is None or position >= len(signature.params):
            return False
        param = signature.params[position].name.encode()
        word = re.escape(param)
        freed = re.compile(
            rb"free\w*[ \t]*\([ \t]*\*[ \t]*%s[ \t]*\)|!\s*\*\s*%s\b|\*\s*%s\s*==\s*NULL\b"
            % (word, word, word)
        )
        return freed.search(self._unit.data, piece.body, piece.span.end) is not None

    def _listing(self, name: str) -> Iterator[tuple[Call, Move]]:
        """The macro that puts the only element into a QAPI list of the function's own, outside of loops."""
        calls = [
            call for call in self._function.calls if call.name == PREPENDS and Var(name) in call.args[:1]
        ]
        place = place_of(self._function, calls[0].index) if len(calls) == 1 else None
        if place is not None and not loop_around(self._function, place[0]):
            yield calls[0], Move(PREPENDS, 1)


def errors_set_by(function: Function, call: Call) -> set[Value]:
    """The local Errors that a call may set."""
    types = function.locals
    return {Var(arg.path) for arg in call.args if isinstance(arg, Addr) and types.get(arg.path) in ERRORS}


def is_asked_about(function: Function, call: Call) -> bool:
    """Whether another function is asked about the Error that a call sets."""
    errors = errors_set_by(function, call)
    return bool(errors) and any(
        other.used and not errors.isdisjoint(other.args) and other.index != call.index
        for other in function.calls
    )


def has_status(function: Function, call: Call) -> bool:
    """Whether a call is handed the address of a local status, which tells of its failure."""
    return any(
        isinstance(arg, Addr)
        and word_list("status-variables").matches(arg.path)
        and not function.locals.get(arg.path, "*").endswith("*")
        for arg in call.args
    )


def is_function(call: Call) -> bool:
    """Whether a call is one of a function, and not of a macro or of a function pointer."""
    # A macro that is handed a type gives another view of what it is handed, as container_of() does.
    of_type = any(isinstance(arg, Var) and f"struct{arg.path}" in call.text for arg in call.args)
    return call.direct and not call.name.isupper() and call.name != "container_of" and not of_type


def looks_up(name: str) -> bool:
    """Whether a function returns something that has an owner already, by the parts of its name."""
    return word_list("lookups").matches(name)
