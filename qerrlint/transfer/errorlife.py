# SPDX-License-Identifier: GPL-2.0-or-later
"""The result of every Error object on every path of one function: the one exploration behind many rules.

ErrorDomain is a flow Domain: it steps a PathState through calls, assignments and returns (its tests are those
of Guards), and writes down what it sights and every way in which the function returns. It words nothing and
judges nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable

from qerrlint.absint.liveness import live_texts
from qerrlint.absint.solver import explore
from qerrlint.absint.trace import Trail, is_joined
from qerrlint.c.declarations.types import Signature
from qerrlint.domain.effects import Effect
from qerrlint.domain.result import FunctionResult, ReturnState
from qerrlint.domain.state import (
    NULL_CELL,
    OWNED_CELL,
    UNKNOWN_CELL,
    Cell,
    ErrorState,
    Fact,
    PathState,
    depends,
    live_only,
    signs_of,
)
from qerrlint.ir.code import (
    ANY,
    POS,
    ZERO,
    Addr,
    Assign,
    Call,
    Const,
    Declare,
    Deref,
    Event,
    Function,
    Opaque,
    Result,
    Return,
    Value,
    Var,
    root,
    text_of,
)
from qerrlint.transfer.errorcalls import Calls, typed_object
from qerrlint.transfer.errorguards import ERROR, ERRP, FATAL, SOFT, is_predicate

# Integer types without a sign: what is taken from such a variable is no negative status.
_UNSIGNED = re.compile(r"(?:uint\w*_t|uint\d*|size_t|unsigned(?: (?:int|long|short|char))*|hwaddr|bool)$")


def interpret(
    function: Function, signature: Signature | None, effect: Callable[[Call], Effect]
) -> FunctionResult:
    """Explore the function; `effect` tells what a call does."""
    domain = ErrorDomain(function, signature, effect)
    explored = explore(function, domain.entry(), domain)
    return domain.result(explored.complete, explored.states)


class ErrorDomain(Calls):
    """The Domain; one for each exploration."""

    def __init__(
        self, function: Function, signature: Signature | None, effect: Callable[[Call], Effect]
    ) -> None:
        types = dict(function.locals)
        self._signature = signature
        self._params = signature.params if signature is not None else ()
        for param in self._params:
            types.setdefault(param.name, param.type)
        errp = signature.out_error if signature is not None else None
        super().__init__(function, types, errp, [effect(call) for call in function.calls])
        self._live = live_texts(function, self._reads)

    def result(self, complete: bool, states: int) -> FunctionResult:
        """What has been written down."""
        result = FunctionResult(self._function, self._signature, complete=complete, states=states)
        self._book.write_into(result)
        return result

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
                cells[param.name] = OWNED_CELL
        return PathState(cells, {}, points)

    def key(self, state: PathState) -> Hashable:
        """All of the state but its trail."""
        return state.key()

    def arrive(self, state: PathState, block: int, loop: bool) -> PathState:
        """At a loop's head what others can change is forgotten: the loop may wait for just that."""
        state = live_only(state, self._live[block])
        if loop and any(self.is_shared(text) for text in state.facts):
            state = state.copy()
            for text in [text for text in state.facts if self.is_shared(text)]:
                del state.facts[text]
        return state

    def join(self, state: PathState) -> PathState:
        """Only the Error objects stay apart."""
        trail = state.trail if is_joined(state.trail) else Trail(state.trail, "joined", self._function.span)
        return PathState(state.cells, {}, state.points, trail, state.marks)

    def step(self, state: PathState, event: Event) -> Iterable[PathState]:
        """The states after an event."""
        if isinstance(event, Call):
            return self._call(state, event)
        if isinstance(event, Assign):
            return (self._assign(state, event),)
        if isinstance(event, Declare):
            return (self._declare(state, event),)
        if isinstance(event, Deref):
            pointed = state.points.get(event.path)
            if pointed is not None and pointed.startswith("*"):
                self._sight("deref", event.span, pointed, UNKNOWN_CELL, -1, state)
            return (state,)
        self._return(state, event)
        return ()

    def _reads(self, call: Call) -> Iterable[str]:
        """The texts whose facts decide what a call does."""
        if is_predicate(call):
            yield call.text
        if call.name == "object_dynamic_cast" and len(call.args) == 2:
            yield typed_object(call) + "=="
        returned = self._effects[call.index].returns
        for position, arg in enumerate(call.args):
            if isinstance(arg, Var) and (position == returned or "error" in call.name):
                yield arg.path

    # -- assignments --------------------------------------------------------------------------

    def _assign(self, state: PathState, event: Assign) -> PathState:
        value, target = event.value, self.cell_path(state, event.target)
        fact = signs_of(state, value)
        new = state.copy()
        is_error = target in new.cells or self._types.get(target) == ERROR
        pointed = self._pointed(state, value)
        new.forget(event.target)
        self._unfree(new, event.target)
        if not is_error:
            for path in [
                p for p in new.cells if p != target and depends(p, target) and not p.startswith("*")
            ]:
                del new.cells[path]
        if value == Opaque("{0}"):
            for path in [p for p in new.cells if depends(p, target)]:
                new.cells[path] = NULL_CELL
        if is_error or (isinstance(value, Var) and self.cell_path(state, value.path) in state.cells):
            new.cells[target] = self._moved(new, value)
            return new
        if pointed is not None:
            new.points[target] = pointed
            if not target.isidentifier() and not target.startswith("$") and pointed in new.cells:
                # Stored in an object: whoever is handed that may set it.
                new.cells[pointed] = UNKNOWN_CELL
        else:
            new.points.pop(target, None)
        for path in (target, value.path if isinstance(value, Var) else ""):
            # What is looked into is not NULL.
            owner, arrow, _ = path.partition("->")
            if arrow and owner.isidentifier() and owner not in new.facts:
                new.facts[owner] = Fact(POS)
        if fact.signs == ANY and isinstance(value, Var) and _UNSIGNED.match(self._types.get(value.path, "")):
            fact = Fact(ZERO | POS, fact.origin)
        if fact.signs != ANY or fact.origin >= 0:
            new.facts[target] = fact
        if isinstance(value, Const) and not value.text.lstrip("-(").isdigit():
            new.facts[f"{target}=={value.text}"] = Fact(POS)
        elif isinstance(value, (Var, Result)):
            self._copy_equations(state, text_of(value), new, target)
        return new

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
            source = self.cell_path(state, value.path)
            cell = state.cells.get(source)
            if cell is not None:
                if cell.state is not ErrorState.NULL:
                    state.cells[source] = UNKNOWN_CELL
                return cell
        if isinstance(value, Result) and self._effects[value.call].makes_error:
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

    # -- returns ------------------------------------------------------------------------------

    def _return(self, state: PathState, event: Return) -> None:
        fact = signs_of(state, event.value)
        error = self._cell(state, "*" + self._errp) if self._errp is not None else NULL_CELL
        value = event.value
        constant = value.text if isinstance(value, Const) and not value.text.lstrip("-(").isdigit() else ""
        if isinstance(value, (Var, Result)):
            start = text_of(value) + "=="
            for text, known in state.facts.items():
                if text.startswith(start) and known.signs == POS:
                    constant = text[len(start) :]
        soft = bool(SOFT.search(constant))
        printed = tuple(sorted(int(where) for what, where in state.marks if what == "printed"))
        self._book.leave(
            ReturnState(
                fact.signs,
                value,
                error,
                event.span,
                event.implicit,
                state.trail,
                fact.origin,
                printed,
                soft,
                constant,
                handed=("handed", self._errp or "") in state.marks,
            )
        )
        for path, cell in state.cells.items():
            if cell.origin == OWNED_CELL.origin and value != Var(path):
                self._sight("left-owned", event.span, path, cell, -1, state)
            if cell.state is ErrorState.GONE and "->" in path:
                self._sight("left-gone", event.span, path, cell, -1, state)
            if cell.state is not ErrorState.SET or path not in self._function.locals or root(path) != path:
                continue
            if path in self._function.autos or value == Var(path):
                continue
            self._sight("left-set", event.span, path, cell, -1, state)
