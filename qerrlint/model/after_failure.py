# SPDX-License-Identifier: GPL-2.0-or-later
"""What a function does after a call that fails and sets no Error, on the paths from that call on."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.absint.reachability import blocks_after, place_of
from qerrlint.c.cut import Piece
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import (
    POS,
    ZERO,
    Addr,
    Assign,
    Call,
    Event,
    Function,
    Opaque,
    Result,
    Return,
    Test,
    Value,
    Var,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.records import record

# Blocks times sets of names, as in absint/reachability.py.
_MOST_VISITS = 2000
_CODE = lazy_re(r"-?[A-Z]\w*")


@record(frozen=True, slots=True)
class FailingCall:
    """The call that fails, and the caller: the function in `piece` of `unit`."""

    unit: TranslationUnit
    piece: Piece
    function: Function
    call: Call


class AfterFailure:
    """The paths that lead on from a call whose result is a failure while the Error is NULL.

    `asked`: a test on them looks at the result, or it is handed on. `compared`: it is compared with `code`.
    `question`: it is kept in a variable that asks a question by its name. `error_tested`: a test looks at
    the Error. `reader`: the first call that reads the Error. `propagated`: the Error is handed to the
    caller's own. `forgiven`: the user is told right after a test of the result, and other work follows.
    `returned`: what is returned at the ends of paths on which nothing else has set the caller's
    Error, with the values that are the result there.
    """

    def __init__(self, site: FailingCall, error: Value, own: str | None, failing: int, code: str) -> None:
        self.asked = False
        self.compared = False
        self.question = False
        self.error_tested = False
        self.propagated = False
        self.forgiven = False
        self.reader: Call | None = None
        self.returned: list[tuple[Value | None, frozenset[Value]]] = []
        self._site = site
        self._error = error
        self._own = own
        self._failing = failing
        self._code = code
        # The blocks right after a test of the result.
        self._answers: set[int] = set()
        self._walk()

    def _walk(self) -> None:
        call = self._site.call
        start = place_of(self._site.function, call.index)
        if start is None:
            return
        waiting = [(start[0], start[1] + 1, frozenset[Value]((Result(call.index),)))]
        seen: set[tuple[int, frozenset[Value]]] = set()
        while waiting and len(seen) < _MOST_VISITS:
            number, position, names = waiting.pop()
            block = self._site.function.blocks[number]
            if number in self._answers:
                self.forgiven |= self._tells_and_works_on(number)
            after = self._events(block.events[position:], names)
            for edge in block.edges if after is not None else ():
                # Each test is looked at, also after one that closes the edge.
                closed = after is None or sum(not self._open(test, after) for test in edge.tests)
                if after is not None and any(_is_about(test.subject, after) for test in edge.tests):
                    self._answers.add(edge.target)
                if after is not None and not closed and (edge.target, after) not in seen:
                    seen.add((edge.target, after))
                    waiting.append((edge.target, 0, after))

    def _tells_and_works_on(self, number: int) -> bool:
        """Whether a block tells the user of a failure, and a call follows that is no clean-up."""
        told = word_list("user-messages")
        blocks = self._site.function.blocks
        names = [event.name for event in blocks[number].events if isinstance(event, Call)]
        at = next((at for at, name in enumerate(names) if told.matches(name)), None)
        if at is None:
            return False
        after = [
            event.name
            for later in blocks_after(self._site.function, number)
            for event in blocks[later].events
            if isinstance(event, Call)
        ]
        return any(
            not told.matches(name) and not word_list("releases").matches(name)
            for name in (*names[at + 1 :], *after)
        )

    def _open(self, test: Test, names: frozenset[Value]) -> bool:
        """Whether a failing result and a NULL Error may pass a test."""
        if test.subject in names:
            self.asked = True
            return bool(test.allow & self._failing)
        if test.subject == self._error:
            self.error_tested = True
            return bool(test.allow & ZERO)
        if self._own is not None and test.subject == Var(self._own):
            return bool(test.allow & POS)  # who passes NULL does not miss an Error
        if isinstance(test.subject, Opaque):
            left, _, right = test.subject.text.partition("==")
            if right and Var(left) in names:
                self.asked = True
                if self._code and right == self._code:
                    self.compared = True
                    return bool(test.allow & POS)
                return not (self._code and _CODE.fullmatch(right)) or bool(test.allow & ZERO)
        return True

    def _events(self, events: Iterable[Event], names: frozenset[Value]) -> frozenset[Value] | None:
        """The values that are the result after the events of a block; None where the path ends."""
        for event in events:
            if isinstance(event, Return):
                self.asked |= event.value in names
                self.returned.append((event.value, names))
                return None
            if isinstance(event, Assign):
                target = Var(event.target)
                if target == self._error:
                    return None
                if event.value in names:
                    self.question |= word_list("predicates").matches(event.target)
                    # A member, or what a parameter points to, outlives the function: other code tests it.
                    self.asked |= not event.target.isidentifier()
                    names |= {target}
                else:
                    names -= {target}
            elif isinstance(event, Call):
                self.asked |= any(arg in names for arg in event.args)
                if self._ends(event):
                    return None
        return names

    def _ends(self, call: Call) -> bool:
        """Whether a call ends the path: it reads the Error, or an Error is, or may be, set by it."""
        effect = self._site.unit.effect(call)
        if effect.noreturn:
            return True
        pointer = _pointer_to(self._error)
        own = Var(self._own) if self._own is not None else None
        reads = effect.keeps or word_list("consumers-that-read").matches(call.name)
        if reads and call.args and call.args[0] in (self._error, pointer):
            self.reader = self.reader or call
            return True
        if effect.into is not None and effect.consumes is not None and len(call.args) > effect.consumes:
            self.propagated |= call.args[effect.consumes] == self._error and call.args[effect.into] == own
            return False
        position = effect.errp
        if position is None or position >= len(call.args):
            return False
        return call.args[position] == pointer or (own is not None and call.args[position] == own)


def _is_about(subject: Value, names: frozenset[Value]) -> bool:
    """Whether a test looks at one of some values, by itself or beside a constant."""
    if isinstance(subject, Opaque):
        return Var(subject.text.partition("==")[0]) in names
    return subject in names


def _pointer_to(error: Value) -> Value:
    """The `Error **` that leads to an Error: `&err` to `err`, `errp` to `*errp`."""
    path = error.path if isinstance(error, Var) else ""
    return Var(path[1:]) if path.startswith("*") else Addr(path)
