# SPDX-License-Identifier: GPL-2.0-or-later
"""null-dereference: a function asks whether a pointer is NULL, and looks into it where it is, or has done so.

Blocks are walked, not paths, and only what holds on every way counts: behind the branch for NULL each way
looks into the pointer, or each way to the question has done so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.absint.reachability import first_ahead, loop_around
from qerrlint.c.cut import Piece
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.ending_calls import any_may_end, may_end
from qerrlint.checks.errors.results.null_after_report import reports
from qerrlint.checks.errors.results.null_tests import suspects
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import (
    NONZERO,
    ZERO,
    Addr,
    Assign,
    Block,
    Call,
    Declare,
    Deref,
    Edge,
    Event,
    Function,
    Result,
    Return,
    Test,
    Value,
    Var,
    is_cast,
    text_of,
)
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

_UNEVALUATED = lazy_re(r"\b(?:sizeof|typeof|__typeof__|offsetof)\b")
_BEGINS = lazy_re(rb"\bif \(!?\(?\Z")
# Ways of which more states than these are met are taken to be open.
_MOST_STATES = 2000
_ENDS = frozenset({"error_fatal", "error_abort"})


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The pointers of one file that are looked into although the function knows that they may be NULL."""
    unit = file.unit
    wanted: dict[int, tuple[Piece, set[str]]] = {}
    for at, name in suspects(unit.data, file.asked):
        piece = unit.definitions.around(at)
        if piece is None or at < piece.body:
            continue
        wanted.setdefault(piece.span.start, (piece, set()))[1].add(name)
    for _, (piece, names) in sorted(wanted.items()):
        own = unit.with_definition(piece)
        function = own.lowering.function(piece)
        for name in sorted(names) if function is not None else ():
            assert function is not None
            if _is_plain_pointer(own, function, name):
                yield from _Pointer(own, function, name).observations()


def _is_plain_pointer(unit: TranslationUnit, function: Function, name: str) -> bool:
    """Whether a name is that of one local pointer or parameter, whose address the function does not take."""
    signature = unit.signature(function.name)
    params = [p.type for p in signature.params if p.name == name] if signature is not None else []
    if len(params) + (name in function.locals) != 1:
        return False
    declared, taken = 0, False
    for one in function.events():
        declared += isinstance(one, Declare) and one.path == name
        values = one.args if isinstance(one, Call) else (one.value,) if isinstance(one, Assign) else ()
        taken = taken or Addr(name) in values
    return declared < 2 and not taken


def _may_change(one: Event, name: str) -> bool:
    """Whether an event may give a variable another value."""
    if isinstance(one, Call):
        return Addr(name) in one.args or (one.name.isupper() and Var(name) in one.args)
    return (isinstance(one, Assign) and one.target == name) or (isinstance(one, Declare) and one.path == name)


def _narrowed(
    known: frozenset[tuple[str, bool]], edge: Edge, asked: set[str]
) -> frozenset[tuple[str, bool]] | None:
    """What is known of variables (whether each is 0) behind an edge; None where it cannot be taken."""
    facts = dict(known)
    for test in edge.tests:
        subject = test.subject
        if not isinstance(subject, Var) or subject.path not in asked or test.allow not in (ZERO, NONZERO):
            continue
        if facts.setdefault(subject.path, test.allow == ZERO) != (test.allow == ZERO):
            return None
    return frozenset(facts.items())


class _Pointer:
    """One pointer of a function: where it is looked into, and where it is asked about."""

    def __init__(self, unit: TranslationUnit, function: Function, name: str) -> None:
        self._unit = unit
        self._function = function
        self._name = name
        word = rf"(?<![\w.&])(?<!->){re.escape(name)}"
        self._pattern = re.compile(rf"{word}(?:->)")
        # The rest of an expression is evaluated only where it is not NULL.
        self._guard = re.compile(rf"(?:!{word}|{word}==NULL|NULL=={word})\|\||{word}(?:!=NULL)?(?:&&|\?)")

    def observations(self) -> Iterator[Observation]:
        """What is said of the pointer: first what is certain to crash."""
        looks = self._always_looks()
        # What nothing declares may end the program: what is seen only where it returns is not certain.
        surely = self._always_looks(ends_too=True) if any_may_end(self._unit, self._function) else looks
        found = False
        for number, block in enumerate(self._function.blocks):
            for edge in block.edges:
                if self._is_null(edge) and looks[edge.target] and not self._leaves_loop(number, edge):
                    look = self._first_look(edge.target)
                    if look is None or edge.span is None or self._reports(edge.target):
                        continue
                    if self._is_feasible(number, edge):
                        found = True
                        certainty = "high" if surely[edge.target] else "low"
                        yield self._observation(look, edge.span, "null", certainty)
        if not found:
            yield from self._too_late()

    def _observation(self, look: Span, asked: Span, how: str, certainty: str) -> Observation:
        name = self._name
        steps = {
            "null": (Step(asked, f"{name} is NULL on this branch"),),
            "late": (Step(look, f"{name} is dereferenced here, and gets no other value afterwards"),),
        }
        at = look if how == "null" else asked
        return Observation(
            "null-dereference",
            self._function.name,
            at,
            f"{name} {self._unit.text.on_one_line(at)}",
            {"function": self._function.name, "pointer": name, "how": how},
            steps[how],
            certainty,
            whole=True,
            group=(name, at),
        )

    # -- behind the branch for NULL ---------------------------------------------------------------------

    def _is_null(self, edge: Edge) -> bool:
        """Whether an edge is taken where the pointer is NULL, by what its condition asks first."""
        if edge.span is None or not any(
            test.subject == Var(self._name) and test.allow == ZERO for test in edge.tests
        ):
            return False
        return _BEGINS.search(self._unit.data, max(0, edge.span.start - 8), edge.span.start) is not None

    def _is_feasible(self, number: int, edge: Edge) -> bool:
        """Whether some way from the entry leads to an edge of a block, by what it has asked of variables.

        Of two that may be NULL one cannot be where the function has left for that before.
        """
        asked = {
            test.subject.path
            for test in self._function.tests()
            if isinstance(test.subject, Var) and test.subject.path.isidentifier()
        }
        start: tuple[int, frozenset[tuple[str, bool]]] = (0, frozenset())
        seen, todo = {start}, [start]
        while todo and len(seen) < _MOST_STATES:
            at, known = todo.pop()
            for event_ in self._function.blocks[at].events:
                known = known - {fact for fact in known if _may_change(event_, fact[0])}
            for one in self._function.blocks[at].edges:
                after = _narrowed(known, one, asked)
                if after is None:
                    continue
                if at == number and one is edge:
                    return True
                if (one.target, after) not in seen:
                    seen.add((one.target, after))
                    todo.append((one.target, after))
        return bool(todo)

    def _leaves_loop(self, number: int, edge: Edge) -> bool:
        """Whether an edge ends a loop: who looks for an element mostly knows that there is one."""
        around = loop_around(self._function, number)
        return bool(around) and edge.target not in around

    def _always_looks(self, ends_too: bool = False) -> list[bool]:
        """For each block whether every way on from its start looks into the pointer while it is NULL.

        `ends_too`: a call that may end the program does.
        """
        out = [True] * len(self._function.blocks)
        changed = True
        while changed:
            changed = False
            for number, block in enumerate(self._function.blocks):
                if out[number] and not self._looks_from(block, out, ends_too):
                    out[number] = False
                    changed = True
        return out

    def _looks_from(self, block: Block, known: list[bool], ends_too: bool) -> bool:
        for one in block.events:
            if self._looks(one):
                return True
            if self._ends(one) or (ends_too and isinstance(one, Call) and may_end(self._unit, one)):
                return False
        if any(self._tests(edge.tests) for edge in block.edges):
            return True
        ways = [edge for edge in block.edges if not self._is_other(edge)]
        return bool(ways) and all(known[edge.target] for edge in ways)

    def _is_other(self, edge: Edge) -> bool:
        """Whether an edge is taken only where the pointer is not NULL."""
        return any(test.subject == Var(self._name) and not test.allow & ZERO for test in edge.tests)

    def _first_look(self, start: int) -> Span | None:
        """The first place from a block on that looks into the pointer."""

        def looks(one: Event | Edge) -> bool:
            return self._tests(one.tests) if isinstance(one, Edge) else self._looks(one)

        def is_other(one: Event | Edge) -> bool:
            return isinstance(one, Edge) and self._is_other(one)

        return first_ahead(self._function, start, 0, looks, is_other)

    def _reports(self, number: int) -> bool:
        """Whether a block tells of a failure first: that is what null-after-report speaks of."""
        events = self._function.blocks[number].events
        return any(isinstance(one, Call) and reports(self._unit, one) for one in events)

    # -- before the question ----------------------------------------------------------------------------

    def _too_late(self) -> Iterator[Observation]:
        """The questions that each way has looked into the pointer before, where it is the first question."""
        if self._comes_with_error():
            return
        looked = self._has_looked()
        asked_at = [e.span for e in self._function.edges() if e.span and self._asks(e.tests)]
        first = min(asked_at, default=None)
        for number, block in enumerate(self._function.blocks):
            last = looked[number]
            for one in block.events:
                last = self._after(one, last)
            asked = next((e.span for e in block.edges if self._asks(e.tests) and e.span is not None), None)
            if last is not None and asked is not None and asked == first and last < asked:
                yield self._observation(last, asked, "late", "medium")

    def _comes_with_error(self) -> bool:
        """Whether a call with an Error returns the pointer: that nobody has asked is unchecked-call."""
        calls = self._function.calls
        return any(
            isinstance(one.value, Result) and self._unit.effect(calls[one.value.call]).errp is not None
            for one in self._function.assignments(self._name)
        )

    def _has_looked(self) -> list[Span | None]:
        """For each block the last place that has looked into the pointer, if every way to it has."""
        blocks = self._function.blocks
        unknown = Span("", -1, -1)
        out: list[Span | None] = [None, *[unknown] * (len(blocks) - 1)]
        todo = [0]
        while todo:
            number = todo.pop()
            last = out[number]
            for one in blocks[number].events:
                last = self._after(one, last)
            for edge in blocks[number].edges:
                looks = edge.span if self._tests(edge.tests) else None
                given = looks or last
                old = out[edge.target]
                new = given if old in (unknown, given) else None
                if new != old:
                    out[edge.target] = new
                    todo.append(edge.target)
        return [None if one == unknown else one for one in out]

    def _after(self, one: Event, last: Span | None) -> Span | None:
        if self._looks(one):
            last = one.span
        return None if self._sets(one) else last

    def _asks(self, tests: tuple[Test, ...]) -> bool:
        return any(test.subject == Var(self._name) for test in tests)

    # -- events -----------------------------------------------------------------------------------------

    def _looks(self, one: Event) -> bool:
        """Whether an event looks into what the pointer points to; what a macro does that is no cast is not
        known."""
        if isinstance(one, Deref):
            return one.path == self._name
        if isinstance(one, Assign):
            return self._through(one.value) or self._through(Var(one.target))
        if isinstance(one, Return):
            return one.value is not None and self._through(one.value)
        if not isinstance(one, Call) or (one.name.isupper() and not is_cast(one)):
            return False
        return any(map(self._through, one.args)) or (not one.direct and self._through(Var(one.name)))

    def _through(self, value: Value) -> bool:
        text = text_of(value)
        found = self._pattern.search(text)
        if found is None or _UNEVALUATED.search(text):
            return False
        return self._guard.search(text, 0, found.start()) is None

    def _tests(self, tests: tuple[Test, ...]) -> bool:
        return any(self._through(test.subject) for test in tests)

    def _sets(self, one: Event) -> bool:
        """Whether the pointer may have another value after an event."""
        if isinstance(one, Call):
            return one.name.isupper() and Var(self._name) in one.args
        return (isinstance(one, Assign) and one.target == self._name) or (
            isinstance(one, Declare) and one.path == self._name
        )

    def _ends(self, one: Event) -> bool:
        """Whether an event ends the way on which the pointer is NULL."""
        if isinstance(one, Call):
            ends = any(isinstance(arg, Addr) and arg.path in _ENDS for arg in one.args)
            return ends or self._sets(one) or self._unit.effect(one).noreturn
        return isinstance(one, Return) or self._sets(one)


CHECKS = (
    FileCheck(
        "null-dereference",
        "errors",
        # pointer: the variable; how: looked into where it is NULL, or before it is asked about.
        (event("null-dereference", "function", "pointer", how="null late"),),
        run,
    ),
)
