# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of every Error object on every path of one function: the one exploration behind many rules.

ErrorLife is a flow Domain: it steps a PathState through calls, assignments and tests, and writes down what
it sights (an Error set again, a dereference, a print) and every way in which the function returns. It words
nothing and judges nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

from qerrlint.facts.effects import Effect
from qerrlint.facts.errorstate import (
    NULL_CELL,
    UNKNOWN_CELL,
    Cell,
    ErrorState,
    Fact,
    PathState,
    depends,
    live_only,
    signs_of,
)
from qerrlint.flow.explore import explore
from qerrlint.flow.liveness import live_texts
from qerrlint.flow.trail import Trail
from qerrlint.source.span import Span
from qerrlint.syntax.ir import (
    ANY,
    NEG,
    POS,
    ZERO,
    Addr,
    Assign,
    Call,
    Const,
    Declare,
    Deref,
    Edge,
    Event,
    Function,
    Op,
    Opaque,
    Result,
    Return,
    Test,
    Value,
    Var,
    root,
    text_of,
)
from qerrlint.syntax.types import Signature

ERROR = "Error *"
ERRP = "Error **"
FATAL = frozenset({"error_abort", "error_fatal"})
# Result codes that are no failure: the callee has not set its Error when it returns them.
_SOFT = re.compile(r"==(?:-EAGAIN|-EINTR|-EWOULDBLOCK|-?\w*ERR_BLOCK\w*)$")
# Predicates: asked twice with the same arguments they answer the same.
_PREDICATE = re.compile(
    r"(?:^|_)(?:is|has|have|can|enabled|needs?|supports?|supported|allowed|empty|EMPTY|present)(?:_|$)"
)
_EQUATION = re.compile(r"(.+)==(-?(?:[A-Z_][A-Z0-9_]*|\d\w*))$")


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something seen at `span`. `cell` is the Error pointer, `first` its state before, `call` the number
    of the call (-1: none); kinds: set-again, deref, consumed."""

    kind: str
    span: Span
    cell: str
    first: Cell
    call: int
    trail: Trail | None


@dataclass(frozen=True, slots=True)
class Exit:
    """One way of returning: the result's signs, the out-error's state, the return itself."""

    signs: int
    value: Value | None
    error: Cell
    span: Span
    implicit: bool
    trail: Trail | None
    origin: int = -1


@dataclass(slots=True)
class Life:
    """What the exploration of one function brought to light."""

    function: Function
    signature: Signature | None
    sightings: list[Sighting] = field(default_factory=list)
    exits: list[Exit] = field(default_factory=list)
    complete: bool = True
    states: int = 0


def is_predicate(call: Call) -> bool:
    """Whether a call, by its name, asks a question that has the same answer when asked again."""
    return bool(_PREDICATE.search(call.name))


def live_through(function: Function, signature: Signature | None, effect: Callable[[Call], Effect]) -> Life:
    """Explore the function; `effect` tells what a call does."""
    domain = ErrorLife(function, signature, effect)
    explored = explore(function, domain.entry(), domain)
    life = domain.life
    life.sightings = list(domain.seen.values())
    life.exits = list(domain.returns.values())
    life.complete, life.states = explored.complete, explored.states
    return life


class ErrorLife:
    """The Domain; one for each exploration."""

    def __init__(
        self, function: Function, signature: Signature | None, effect: Callable[[Call], Effect]
    ) -> None:
        self.life = Life(function, signature)
        self.seen: dict[Hashable, Sighting] = {}
        self.returns: dict[Hashable, Exit] = {}
        self._function = function
        self._types = dict(function.locals)
        self._params = signature.params if signature is not None else ()
        for param in self._params:
            self._types.setdefault(param.name, param.type)
        self._errp = (
            self._params[signature.errp].name
            if signature is not None and signature.errp is not None and signature.errp >= 0
            else None
        )
        self._effects: list[Effect] = [effect(call) for call in function.calls]
        self._live = live_texts(function, self._reads)

    # -- Domain -------------------------------------------------------------------------------

    def entry(self) -> PathState:
        """Every `Error **` out-parameter points to NULL (include/qapi/error.h), others are unknown."""
        cells: dict[str, Cell] = {}
        points: dict[str, str] = {}
        for param in self._params:
            if param.type == ERRP:
                points[param.name] = "*" + param.name
                cells["*" + param.name] = NULL_CELL if param.name == self._errp else UNKNOWN_CELL
            elif param.type == ERROR:
                cells[param.name] = UNKNOWN_CELL
        return PathState(cells, {}, points)

    def key(self, state: PathState) -> Hashable:
        return state.key()

    def arrive(self, state: PathState, block: int, loop: bool) -> PathState:
        state = live_only(state, self._live[block])
        if loop and any(self._is_shared(text) for text in state.facts):
            state = state.copy()
            for text in [text for text in state.facts if self._is_shared(text)]:
                del state.facts[text]
        return state

    def join(self, state: PathState) -> PathState:
        return PathState(state.cells, {}, state.points, state.trail)

    def step(self, state: PathState, event: Event) -> Iterable[PathState]:
        if isinstance(event, Call):
            return self._call(state, event)
        if isinstance(event, Assign):
            return (self._assign(state, event),)
        if isinstance(event, Declare):
            return (self._declare(state, event),)
        if isinstance(event, Deref):
            self._deref(state, event)
            return (state,)
        self._return(state, event)
        return ()

    def assume(self, state: PathState, edge: Edge) -> PathState | None:
        if not edge.tests:
            return state
        new = state.copy()
        soft = any(
            isinstance(t.subject, Opaque) and t.allow == POS and _SOFT.search(t.subject.text)
            for t in edge.tests
        )
        for test in edge.tests:
            if not self._hold(new, test, soft):
                return None
        if edge.span is not None:
            new.trail = Trail(state.trail, "branch", edge.span, taken=edge.taken)
        return new

    def _reads(self, call: Call) -> Iterable[str]:
        """The texts whose facts decide what a call does."""
        if is_predicate(call):
            yield call.text
        returned = self._effects[call.index].returns
        for position, arg in enumerate(call.args):
            if isinstance(arg, Var) and (position == returned or "error" in call.name):
                yield arg.path

    # -- tests --------------------------------------------------------------------------------

    def _hold(self, state: PathState, test: Test, soft: bool) -> bool:
        """Narrow `state` (a fresh copy) by a test; False where it cannot hold."""
        subject, allow = test.subject, test.allow
        if isinstance(subject, Op) and subject.right is None and subject.op == "!":
            turned = (ZERO if allow & (NEG | POS) else 0) | (NEG | POS if allow & ZERO else 0)
            return self._hold(state, Test(subject.left, turned), soft)
        if isinstance(subject, Var):
            path = self._cell_path(state, subject.path)
            cell = state.cells.get(path)
            if cell is None and self._types.get(path) == ERROR:
                cell = UNKNOWN_CELL
            if cell is not None:
                return self._hold_cell(state, path, cell, allow)
        elif isinstance(subject, Opaque) and allow == POS and self._contradicts(state, subject.text):
            return False
        if soft and isinstance(subject, Opaque):
            known = state.facts.get(subject.text.rpartition("==")[0])
            if known is not None and known.origin >= 0:
                self._confirm(state, known.origin, soft)
        fact = signs_of(state, subject)
        signs = fact.signs & allow
        if not signs:
            return False
        if isinstance(subject, (Var, Result, Opaque)):
            text = text_of(subject)
            state.facts[text] = Fact(signs, fact.origin)
            if isinstance(subject, Result):
                call = self._function.calls[subject.call]
                if is_predicate(call):
                    state.facts[call.text] = Fact(signs)
        if fact.origin >= 0:
            self._confirm(state, fact.origin, soft)
        elif isinstance(subject, Var) and not subject.path.isidentifier() and allow in (ZERO, NEG | POS):
            self._doubt(state, root(subject.path))
        return True

    def _doubt(self, state: PathState, owner: str) -> None:
        """A member of something that a setter was handed is tested: that may be how its failure shows."""
        for path, cell in list(state.cells.items()):
            if cell.state is ErrorState.SET and not cell.sure and cell.origin >= 0:
                setter = self._function.calls[cell.origin]
                if any(isinstance(arg, (Var, Addr)) and root(arg.path) == owner for arg in setter.args):
                    state.cells[path] = Cell(ErrorState.MAYBE, cell.origin)

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
            state.cells[path] = Cell(ErrorState.SET, cell.origin, sure=True)
        return True

    def _confirm(self, state: PathState, origin: int, soft: bool) -> None:
        """The result of call `origin` was looked at, so what it did to its Error is now certain."""
        for path, cell in list(state.cells.items()):
            if cell.origin != origin or cell.state is not ErrorState.SET:
                continue
            if soft:
                state.cells[path] = Cell(ErrorState.MAYBE, origin)
            elif not cell.sure:
                state.cells[path] = Cell(ErrorState.SET, origin, sure=True)

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

    # -- events -------------------------------------------------------------------------------

    def _is_shared(self, text: str) -> bool:
        """Whether others can change what the text reads: anything but plain locals and parameters."""
        return not (text.isidentifier() and text in self._types) and not text.startswith("$")

    def _cell_path(self, state: PathState, path: str) -> str:
        """The Error pointer behind a path: `*errp` is what errp points to."""
        if path.startswith("*"):
            return state.points.get(path[1:], path)
        return path

    def _target(self, state: PathState, value: Value) -> str | None:
        """The Error pointer that an `Error **` argument names; None for NULL and the unknown."""
        if isinstance(value, Addr):
            return value.path
        if isinstance(value, Var):
            known = state.points.get(value.path)
            if known is not None:
                return known
            if state.facts.get(value.path, Fact(ANY)).signs == ZERO:
                return None
            return "*" + value.path
        return None

    def _sight(self, kind: str, span: Span, path: str, first: Cell, call: int, state: PathState) -> None:
        ident = (kind, span, path, call)
        old = self.seen.get(ident)
        if old is None or (first.sure and not old.first.sure):
            self.seen[ident] = Sighting(kind, span, path, first, call, state.trail)

    def _call(self, state: PathState, call: Call) -> Iterable[PathState]:
        effect = self._effects[call.index]
        if effect.noreturn:
            return ()
        new = state.copy()
        for position, arg in enumerate(call.args):
            if isinstance(arg, Addr) and position != effect.errp:
                new.forget(arg.path)
                if arg.path in new.cells and position != effect.clears:
                    new.cells[arg.path] = UNKNOWN_CELL
            elif isinstance(arg, Var) and position != effect.errp and arg.path in new.points:
                if not effect.keeps and position not in (effect.into, effect.clears):
                    new.cells[new.points[arg.path]] = UNKNOWN_CELL
        result = f"#{call.index}"
        if is_predicate(call) and call.text in new.facts:
            new.facts[result] = new.facts[call.text]
        if effect.clears is not None and effect.clears < len(call.args):
            target = self._target(new, call.args[effect.clears])
            if target is not None:
                self._sight("consumed", call.span, target, self._cell(new, target), call.index, new)
                new.cells[target] = NULL_CELL
        if effect.consumes is not None and effect.consumes < len(call.args):
            return self._consume(new, call, effect)
        if effect.errp is None or effect.errp >= len(call.args):
            return (new,)
        target = self._target(new, call.args[effect.errp])
        if target is None:
            if effect.evidence != "setter" and any(o.signs != ANY for o in effect.outcomes):
                # NULL as errp: the result alone tells, and nothing needs to be told apart.
                new.facts[result] = Fact(ANY, call.index)
            return (new,)
        if target in FATAL:
            return self._survivors(new, effect, call)
        return self._may_set(new, call, effect, target)

    def _survivors(self, state: PathState, effect: Effect, call: Call) -> Iterable[PathState]:
        """&error_abort or &error_fatal: only the ways that set nothing come back."""
        out = []
        for outcome in effect.outcomes:
            if outcome.sets is not True:
                new = state.copy()
                if outcome.signs != ANY:
                    new.facts[f"#{call.index}"] = Fact(outcome.signs, call.index)
                out.append(new)
        return out

    def _may_set(self, state: PathState, call: Call, effect: Effect, target: str) -> Iterable[PathState]:
        before = self._cell(state, target)
        out = []
        certain = effect.evidence == "setter" or all(o.sets for o in effect.outcomes)
        idle = effect.evidence == "signature" and "error" in call.name and self._no_status(state, call)
        for outcome in effect.outcomes:
            if outcome.sets and idle:
                continue
            new = state.copy()
            if outcome.signs != ANY or any(o.sets for o in effect.outcomes):
                signs = outcome.signs
                if effect.returns is not None and outcome.sets and effect.returns < len(call.args):
                    signs = signs_of(state, call.args[effect.returns]).signs
                    self._copy_equations(state, text_of(call.args[effect.returns]), new, f"#{call.index}")
                new.facts[f"#{call.index}"] = Fact(signs, call.index)
            if effect.makes is not None and outcome.sets is not None and effect.makes < len(call.args):
                made = call.args[effect.makes]
                if isinstance(made, Addr):
                    new.facts[made.path] = Fact(ZERO if outcome.sets else POS, call.index)
            if outcome.value:
                new.facts[f"#{call.index}=={outcome.value}"] = Fact(POS, call.index)
            if outcome.sets:
                if before.state is ErrorState.SET:
                    # error_setv() asserts that nothing is set yet: this path ends here.
                    self._sight("set-again", call.span, target, before, call.index, state)
                    continue
                new.cells[target] = Cell(ErrorState.SET, call.index, sure=certain)
                new.trail = Trail(state.trail, "set", call.span, note=target)
            elif outcome.sets is None and before.state is not ErrorState.SET:
                new.cells[target] = Cell(ErrorState.MAYBE, call.index)
            out.append(new)
        return out

    @staticmethod
    def _no_status(state: PathState, call: Call) -> bool:
        """Whether a status that is handed over is known to be 0: then there is no Error to be made of it."""
        return any(
            isinstance(arg, Var) and state.facts.get(arg.path, Fact(ANY)).signs == ZERO for arg in call.args
        )

    def _consume(self, state: PathState, call: Call, effect: Effect) -> Iterable[PathState]:
        """A consumer takes an Error; error_propagate hands it on to another pointer."""
        assert effect.consumes is not None
        arg = call.args[effect.consumes]
        path = self._cell_path(state, arg.path) if isinstance(arg, Var) else None
        cell = self._cell(state, path) if path is not None else UNKNOWN_CELL
        states = [state]
        if path is not None:
            self._sight("consumed", call.span, path, cell, call.index, state)
            if cell.state is ErrorState.MAYBE and effect.into is not None:
                empty = state.copy()
                empty.cells[path] = NULL_CELL
                states = [state, empty]
            if cell.state is not ErrorState.NULL:
                state.cells[path] = Cell(ErrorState.GONE, call.index)
                state.trail = Trail(state.trail, "gone", call.span, note=path)
        if effect.into is not None and effect.into < len(call.args):
            target = self._target(state, call.args[effect.into])
            if target is not None and target in FATAL:
                # The program ends where there is an Error to hand on.
                return states[1:] if cell.state is not ErrorState.NULL else states
            given = cell.state in (ErrorState.SET, ErrorState.MAYBE) or path is None
            if target is not None and given and self._cell(state, target).state is not ErrorState.SET:
                sure = cell.sure if cell.state is ErrorState.SET else cell.origin >= 0
                state.cells[target] = Cell(ErrorState.SET, cell.origin if path else call.index, sure)
                state.trail = Trail(state.trail, "set", call.span, note=target)
        return states

    def _cell(self, state: PathState, path: str) -> Cell:
        return state.cells.get(path, UNKNOWN_CELL)

    def _assign(self, state: PathState, event: Assign) -> PathState:
        value, target = event.value, self._cell_path(state, event.target)
        fact = signs_of(state, value)
        new = state.copy()
        is_error = target in new.cells or self._types.get(target) == ERROR
        pointed = self._pointed(state, value)
        new.forget(event.target)
        if not is_error:
            for path in [
                p for p in new.cells if p != target and depends(p, target) and not p.startswith("*")
            ]:
                del new.cells[path]
        if value == Opaque("{0}"):
            for path in [p for p in new.cells if depends(p, target)]:
                new.cells[path] = NULL_CELL
        if is_error or (isinstance(value, Var) and self._cell_path(state, value.path) in state.cells):
            new.cells[target] = self._moved(new, value)
            return new
        if pointed is not None:
            new.points[target] = pointed
        else:
            new.points.pop(target, None)
        if fact.signs != ANY or fact.origin >= 0:
            new.facts[target] = fact
        if isinstance(value, Const) and value.number is None:
            new.facts[f"{target}=={value.text}"] = Fact(POS)
        elif isinstance(value, (Var, Result)):
            self._copy_equations(state, text_of(value), new, target)
        return new

    @staticmethod
    def _copy_equations(state: PathState, source: str, new: PathState, target: str) -> None:
        """`target` has become what `source` is: which constants that is, or is not, goes with it."""
        start = source + "=="
        for text, known in state.facts.items():
            if text.startswith(start):
                new.facts[target + text[len(start) - 2 :]] = known

    def _pointed(self, state: PathState, value: Value) -> str | None:
        """The Error pointer that a value of type `Error **` points to."""
        if isinstance(value, Addr) and (
            value.path in state.cells or value.path in FATAL or self._types.get(value.path) == ERROR
        ):
            return value.path
        if isinstance(value, Var):
            return state.points.get(value.path)
        return None

    def _moved(self, state: PathState, value: Value) -> Cell:
        """The cell that an assignment of `value` makes; the source keeps an alias nobody tracks."""
        if isinstance(value, Const) and value.signs == ZERO:
            return NULL_CELL
        if isinstance(value, Var):
            source = self._cell_path(state, value.path)
            cell = state.cells.get(source)
            if cell is not None:
                if cell.state is not ErrorState.NULL:
                    state.cells[source] = UNKNOWN_CELL
                return cell
        if isinstance(value, Result):
            makes = self._effects[value.call].makes_error
            if makes:
                return Cell(ErrorState.SET, value.call, sure=True)
        return UNKNOWN_CELL

    def _declare(self, state: PathState, event: Declare) -> PathState:
        if event.type not in (ERROR, ERRP) and not state.facts and event.path not in state.points:
            return state
        new = state.copy()
        new.forget(event.path)
        if event.type == ERROR:
            new.cells[event.path] = UNKNOWN_CELL if event.static else Cell(ErrorState.UNINIT)
        return new

    def _deref(self, state: PathState, event: Deref) -> None:
        pointed = state.points.get(event.path)
        if pointed is not None and pointed.startswith("*"):
            self._sight("deref", event.span, pointed, self._cell(state, pointed), -1, state)

    def _return(self, state: PathState, event: Return) -> None:
        fact = signs_of(state, event.value)
        error = self._cell(state, "*" + self._errp) if self._errp is not None else NULL_CELL
        ident = (event.span, fact.signs, error)
        if ident not in self.returns:
            self.returns[ident] = Exit(
                fact.signs, event.value, error, event.span, event.implicit, state.trail, fact.origin
            )
        # Kept for rules about objects that outlive their function.
        for path, cell in state.cells.items():
            if cell.state is ErrorState.SET and path in self._function.locals and root(path) == path:
                self._sight("left-set", event.span, path, cell, -1, state)
