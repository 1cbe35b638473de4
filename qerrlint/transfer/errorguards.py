# SPDX-License-Identifier: GPL-2.0-or-later
"""How a test narrows a path: results against the Errors they decide, Error pointers, repeated conditions."""

from __future__ import annotations

import re
from dataclasses import replace

from qerrlint.absint.trace import Trail, places
from qerrlint.domain.effects import Effect
from qerrlint.domain.result import Recorder
from qerrlint.domain.state import NULL_CELL, UNKNOWN_CELL, Cell, ErrorState, Fact, PathState, signs_of
from qerrlint.ir.code import (
    ANY,
    NEG,
    NONZERO,
    POS,
    ZERO,
    Addr,
    Assign,
    Call,
    Edge,
    Function,
    Op,
    Opaque,
    Result,
    Test,
    Var,
    root,
    text_of,
)
from qerrlint.source.span import Span

ERROR = "Error *"
ERRP = "Error **"
FATAL = frozenset({"error_abort", "error_fatal"})
# Result codes that are no failure: the callee has not set its Error when it returns them.
SOFT = re.compile(
    r"(?:^|==)(?:-EAGAIN|-EINTR|-EWOULDBLOCK|-EINPROGRESS|-ECANCELED|-?\w*(?:ERR_BLOCK|PREMATURE_TERMINATION)\w*)$"
)
# Predicates: asked twice with the same arguments they answer the same.
_PREDICATE = re.compile(
    r"(?:^|_)(?:is|has|have|can|enabled|needs?|supports?|supported|allowed|empty|EMPTY|present)(?:_|$)"
)
_PATH = re.compile(r"[A-Za-z_]\w*(?:(?:->|\.)\w+)*$")
_EQUATION = re.compile(r"(.+)==(-?(?:[A-Z_][A-Z0-9_]*|\d\w*))$")


def is_predicate(call: Call) -> bool:
    """Whether a call, by its name, asks a question that has the same answer when asked again."""
    return bool(_PREDICATE.search(call.name))


def casts(function: Function) -> list[tuple[str, str]]:
    """Variables that are another one under a QOM cast: `FooState *s = FOO(dev)` makes s the object dev."""
    out: list[tuple[str, str]] = []
    for block in function.blocks:
        for event in block.events:
            if isinstance(event, Assign) and isinstance(event.value, Result):
                call = function.calls[event.value.call]
                if call.name.isupper() and len(call.args) == 1 and isinstance(call.args[0], Var):
                    out.append((event.target, root(call.args[0].path)))
    return out


class Guards:
    """The part of the exploration that passes edges; ErrorDomain builds on it."""

    def __init__(
        self, function: Function, types: dict[str, str], errp: str | None, effects: list[Effect]
    ) -> None:
        self._function = function
        self._types = types
        self._errp = errp
        self._effects = effects
        self._book = Recorder()
        self._fatal: set[int] = set()
        self._casts = dict(casts(function))
        # Whether errp is extended somewhere: then it matters who has had it before.
        self._extends = errp is not None and any(
            effect.keeps and call.args and call.args[0] == Var(errp)
            for call, effect in zip(function.calls, effects, strict=True)
        )
        # Calls that were handed NULL in the place of errp.
        self._silent: set[int] = set()
        # The place of the tests that are being narrowed by.
        self._tested: Span | None = None

    def assume(self, state: PathState, edge: Edge) -> PathState | None:
        """The state on the other side of an edge, or None where its tests cannot hold."""
        if not edge.tests:
            return state
        if edge.span is not None:
            self._look(state, edge)
        new = state.copy()
        soft = any(
            isinstance(t.subject, Opaque) and t.allow == POS and SOFT.search(t.subject.text)
            for t in edge.tests
        )
        self._tested = edge.span
        for test in edge.tests:
            if not self._hold(new, test, soft):
                return None
        if edge.span is not None:
            new.trail = Trail(state.trail, "branch", edge.span, taken=edge.taken)
        return new

    def _look(self, state: PathState, edge: Edge) -> None:
        """Write down what the tests of an edge meet, whichever way they go."""
        assert edge.span is not None
        for test in edge.tests:
            subject = test.subject
            if not isinstance(subject, (Var, Result)):
                continue
            if isinstance(subject, Var):
                path = self.cell_path(state, subject.path)
                cell = state.cells.get(path)
                if cell is not None:
                    self._book.condition(edge.span, path, cell.state)
                    if cell.state is ErrorState.UNINIT:
                        self._book.sight("uninit", edge.span, path, cell, -1, state.trail)
                    continue
                if path == self._errp and test.allow == NONZERO:
                    behind = state.cells.get(state.points.get(path, ""))
                    if behind is not None and behind.state is ErrorState.SET and not behind.sure:
                        self._book.sight("errp-tested", edge.span, path, behind, -1, state.trail)
            fact = signs_of(state, subject)
            if fact.origin not in self._fatal:
                self._book.way(edge.span, bool(edge.taken), fact.origin, is_open=True)
            if fact.origin < 0:
                continue
            kind = self._effects[fact.origin].kind
            if kind in ("bool", "pointer") and test.allow in (NEG, ZERO | POS):
                self._book.sight("sign-tested", edge.span, kind, UNKNOWN_CELL, fact.origin, state.trail)
            if fact.origin in self._fatal:
                failure = test.allow == (NEG if kind == "int" else ZERO)
                self._book.way(
                    edge.span, bool(edge.taken), fact.origin, bool(fact.signs & test.allow) or not failure
                )

    def _hold(self, state: PathState, test: Test, soft: bool) -> bool:
        """Narrow `state` (a fresh copy) by a test; False where it cannot hold."""
        subject, allow = test.subject, test.allow
        if isinstance(subject, Op) and subject.right is None and subject.op == "!":
            turned = (ZERO if allow & NONZERO else 0) | (NONZERO if allow & ZERO else 0)
            return self._hold(state, Test(subject.left, turned), soft)
        if isinstance(subject, Var):
            path = self.cell_path(state, subject.path)
            cell = state.cells.get(path)
            if cell is None and self._types.get(path) == ERROR:
                cell = UNKNOWN_CELL
            if cell is not None:
                return self._hold_cell(state, path, cell, allow)
        elif (
            isinstance(subject, Opaque)
            and allow == POS
            and (self._contradicts(state, subject.text) or not self._equal(state, subject.text))
        ):
            return False
        if soft and isinstance(subject, Opaque):
            known = state.facts.get(subject.text.rpartition("==")[0])
            if known is not None and known.origin >= 0:
                self._confirm(state, known.origin, soft)
        if isinstance(subject, Var) and allow == ZERO and subject.path in state.points:
            # No pointer, no Error behind it.
            state.cells[state.points[subject.path]] = UNKNOWN_CELL
        fact = signs_of(state, subject)
        signs = fact.signs & allow
        if not signs:
            return False
        if fact.signs == NONZERO and allow == ZERO | POS:
            # What is not 0 has failed: `rc < 0 ? ... : ...` behind `if (rc)` does not ask for above 0.
            return False
        of_int = fact.origin >= 0 and self._effects[fact.origin].kind == "int"
        if of_int and allow == NONZERO and fact.signs == ZERO | POS and not fact.signed:
            # `if (ret)` of an int result is the test for a failure: that it is above 0 is not what it asks,
            # unless somebody has asked before whether it is below.
            return False
        if isinstance(subject, (Var, Result, Opaque)):
            signed = fact.signed or (of_int and allow in (NEG, ZERO | POS))
            state.facts[text_of(subject)] = Fact(signs, fact.origin, signed)
            if isinstance(subject, Result):
                call = self._function.calls[subject.call]
                if is_predicate(call):
                    state.facts[call.text] = Fact(signs)
        if fact.origin >= 0:
            self._confirm(state, fact.origin, soft)
            self._unseen(state, fact.origin, signs)
        elif isinstance(subject, Var) and not subject.path.isidentifier() and allow in (ZERO, NONZERO):
            self._doubt(state, subject.path)
        return True

    def _unseen(self, state: PathState, origin: int, signs: int) -> None:
        """A call that got NULL for errp is seen to have failed: only its result tells."""
        if self._errp is None or origin not in self._silent:
            return
        kind = self._effects[origin].kind
        if (kind == "int" and signs in (NEG, NONZERO)) or (kind in ("bool", "pointer") and signs == ZERO):
            state.marks |= {("printed", origin)}

    def _equal(self, state: PathState, text: str) -> bool:
        """Two variables are the same: each has only the signs that the other has; False if there are none."""
        left, equals, right = text.partition("==")
        if not equals or not _PATH.match(left) or not _PATH.match(right):
            return True
        a, b = signs_of(state, Var(left)), signs_of(state, Var(right))
        both = a.signs & b.signs
        if not both:
            return False
        if a.origin >= 0 and a.signs == NEG and b.signs == ANY:
            # A result that is just what was wanted is no failure.
            self._confirm(state, a.origin, soft=True)
        for path, fact in ((left, a), (right, b)):
            if path not in state.cells and both != fact.signs:
                state.facts[path] = Fact(both, fact.origin)
                if fact.origin >= 0:
                    self._confirm(state, fact.origin, soft=False)
        return True

    def _doubt(self, state: PathState, tested: str) -> None:
        """A member of something that a setter was handed is tested: that may be how its failure shows."""
        owner = root(tested)
        owners = {owner, self._casts.get(owner, owner)}
        for path, cell in list(state.cells.items()):
            if cell.state is ErrorState.SET and not cell.sure and cell.origin >= 0:
                setter = self._function.calls[cell.origin]
                if self._leads_to(state, setter):
                    continue
                # A result that is kept is what its caller looks at, unless it tests an out-parameter.
                if (not setter.used or tested.startswith("*")) and any(
                    isinstance(arg, (Var, Addr)) and root(arg.path) in owners for arg in setter.args
                ):
                    state.cells[path] = Cell(ErrorState.MAYBE, cell.origin)

    def _leads_to(self, state: PathState, setter: Call) -> bool:
        """Whether the test, met again in a loop, is what the setter stands behind: no look at its outcome."""
        span = self._tested
        if span is None or not span < setter.span:
            return False
        return any(place.kind == "branch" and place.span == span for place in places(state.trail))

    def _hold_cell(self, state: PathState, path: str, cell: Cell, allow: int) -> bool:
        if cell.state is ErrorState.MAYBE:
            if not allow & ZERO:
                state.cells[path] = Cell(ErrorState.SET, cell.origin, sure=cell.origin >= 0)
            elif not allow & POS:
                state.cells[path] = NULL_CELL
            return True
        if cell.state is ErrorState.NULL:
            return bool(allow & ZERO)
        if cell.state is ErrorState.UNINIT:
            return True
        if not allow & POS:
            return False
        if cell.state is ErrorState.SET and not cell.sure and not allow & ZERO:
            state.cells[path] = replace(cell, sure=True)
        return True

    def _confirm(self, state: PathState, origin: int, soft: bool) -> None:
        """The result of call `origin` was looked at, so what it did to its Error is now certain."""
        for path, cell in list(state.cells.items()):
            if cell.origin != origin or cell.state not in (ErrorState.SET, ErrorState.NULL):
                continue
            if soft:
                state.cells[path] = Cell(ErrorState.MAYBE, origin)
            elif not cell.sure:
                state.cells[path] = replace(cell, sure=True)

    @staticmethod
    def _contradicts(state: PathState, text: str) -> bool:
        """Whether `x == A` cannot hold because the path has `x == B` with another constant."""
        found = _EQUATION.match(text)
        if found is None:
            return False
        start = found.group(1) + "=="
        return any(
            fact.signs == POS and other != text and other.startswith(start) and _EQUATION.match(other)
            for other, fact in state.facts.items()
        )

    def is_shared(self, text: str) -> bool:
        """Whether others can change what the text reads: anything but plain locals and parameters."""
        return not (text.isidentifier() and text in self._types) and not text.startswith("$")

    @staticmethod
    def cell_path(state: PathState, path: str) -> str:
        """The Error pointer behind a path: `*errp` is what errp points to."""
        if path.startswith("*"):
            return state.points.get(path[1:], path)
        return path
