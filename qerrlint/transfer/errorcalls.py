# SPDX-License-Identifier: GPL-2.0-or-later
"""What a call does to the Errors it is handed (sets, consumes, clears, borrows) and to known values."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.absint.trace import Trail
from qerrlint.domain.effects import Effect
from qerrlint.domain.state import (
    NULL_CELL,
    UNKNOWN_CELL,
    Cell,
    ErrorState,
    Fact,
    PathState,
    signs_of,
)
from qerrlint.ir.code import ANY, POS, ZERO, Addr, Call, Var, text_of
from qerrlint.transfer.errorguards import FATAL, is_predicate
from qerrlint.transfer.errormarks import Marks

# Consumers that look into the Error and crash on NULL (util/error.c, util/qemu-error.c).
_NEEDS_ERROR = frozenset({"error_report_err", "error_reportf_err", "warn_report_err", "warn_reportf_err"})


def typed_object(call: Call) -> str:
    """The key of facts on the type of the object that object_dynamic_cast() looks at, casts included."""
    return f"typeof({call.text.partition('(')[2].rpartition(',')[0]})"


class Calls(Marks):
    """The part of the exploration that steps through calls; ErrorDomain builds on it."""

    # -- calls --------------------------------------------------------------------------------

    def _call(self, state: PathState, call: Call) -> Iterable[PathState]:
        effect = self._effects[call.index]
        if effect.noreturn:
            before = self._cell(state, "*" + self._errp) if self._errp is not None else NULL_CELL
            self._sight("exits", call.span, call.name, before, call.index, state)
            return ()
        new = state.copy()
        self._arguments(new, call, effect)
        if is_predicate(call) and call.text in new.facts:
            new.facts[f"#{call.index}"] = new.facts[call.text]
        if call.name == "object_dynamic_cast" and len(call.args) == 2:
            return self._cast(new, call)
        self._notes(new, call, effect)
        if effect.clears is not None and effect.clears < len(call.args):
            target = self._target(new, call.args[effect.clears])
            if target is not None:
                self._sight("consumed", call.span, target, self._cell(new, target), call.index, new)
                new.cells[target] = NULL_CELL
        if effect.consumes is not None and effect.consumes < len(call.args):
            return self._consume(new, call, effect)
        if effect.errp is None or effect.errp >= len(call.args):
            if effect.evidence == "body" and not call.used and self._errp is not None:
                held = self._cell(new, "*" + self._errp)
                if held.state is ErrorState.NULL:
                    self._sight("dropped-result", call.span, call.name, held, call.index, new)
            return (new,)
        target = self._target(new, call.args[effect.errp])
        if target is None:
            # NULL as errp: the result alone tells.
            self._silent.add(call.index)
            new.facts[f"#{call.index}"] = Fact(ANY, call.index)
            return (new,)
        if target in FATAL:
            return self._survivors(new, effect, call)
        return self._may_set(new, call, effect, target)

    @staticmethod
    def _cast(state: PathState, call: Call) -> Iterable[PathState]:
        """Two ways for object_dynamic_cast(); an object is not of two types that one function tells apart."""
        of = typed_object(call)
        which = f"{of}=={text_of(call.args[1])}"
        out = []
        for signs in (POS, ZERO):
            known = state.facts.get(which)
            other = any(
                t.startswith(of + "==") and t != which and f.signs == POS for t, f in state.facts.items()
            )
            if (known is not None and known.signs != signs) or (signs == POS and other):
                continue
            new = state.copy()
            new.facts[f"#{call.index}"] = Fact(signs)
            new.facts[which] = Fact(signs)
            out.append(new)
        return out

    def _arguments(self, state: PathState, call: Call, effect: Effect) -> None:
        """What the arguments beside errp come to: addresses may be written to, Errors may be taken."""
        for position, arg in enumerate(call.args):
            if position in (effect.errp, effect.clears, effect.into):
                continue
            if isinstance(arg, Addr) and effect.keeps and arg.path in state.cells:
                self._extend(state, call, arg.path)
            elif isinstance(arg, Addr):
                state.forget(arg.path)
                self._unfree(state, arg.path)
                if arg.path in state.cells and not effect.keeps:
                    state.cells[arg.path] = UNKNOWN_CELL
            elif isinstance(arg, Var):
                behind = state.points.get(arg.path)
                if behind is not None and effect.keeps:
                    pointed = self._cell(state, behind)
                    if pointed.state is ErrorState.NULL and (pointed.sure or pointed.origin < 0):
                        self._sight("null-reported", call.span, behind, pointed, call.index, state)
                elif behind is not None:
                    state.cells[behind] = UNKNOWN_CELL
                cell = state.cells.get(self.cell_path(state, arg.path))
                if cell is not None and position != effect.consumes:
                    self._borrow(state, call, effect, self.cell_path(state, arg.path), cell)

    def _extend(self, state: PathState, call: Call, path: str) -> None:
        """The Error behind an address is extended: it has to be there."""
        cell = self._cell(state, path)
        if cell.state is ErrorState.GONE:
            self._sight("gone-used", call.span, path, cell, call.index, state)
        elif cell.state is ErrorState.NULL and (cell.sure or cell.origin < 0):
            self._sight("null-reported", call.span, path, cell, call.index, state)

    def _borrow(self, state: PathState, call: Call, effect: Effect, path: str, cell: Cell) -> None:
        """An Error is handed over by value to a callee that is no known consumer."""
        reads = effect.keeps or call.name.startswith("error_") or effect.evidence == "body"
        if cell.state is ErrorState.GONE:
            self._sight("gone-used", call.span, path, cell, call.index, state)
        elif (
            cell.state is ErrorState.NULL
            and call.name == "error_get_pretty"
            and (cell.sure or cell.origin < 0)
        ):
            self._sight("null-reported", call.span, path, cell, call.index, state)
        elif cell.state is ErrorState.UNINIT:
            self._sight("uninit", call.span, path, cell, call.index, state)
        elif not reads:
            # The callee may keep it: nobody can say who frees it now.
            state.cells[path] = UNKNOWN_CELL

    def _survivors(self, state: PathState, effect: Effect, call: Call) -> Iterable[PathState]:
        """&error_abort or &error_fatal: only the ways that set nothing come back."""
        self._fatal.add(call.index)
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
        self._pass(state, call, target, before)
        certain = effect.evidence == "setter" or all(o.sets for o in effect.outcomes)
        idle = effect.evidence == "signature" and "error" in call.name and self._no_status(state, call)
        out = []
        for outcome in effect.outcomes:
            if outcome.sets and idle:
                continue
            new = state.copy()
            self._result(state, new, call, effect, outcome.signs, outcome.sets, outcome.value)
            if outcome.sets:
                if before.state is ErrorState.SET and outcome.tolerant:
                    if not before.sure:
                        self._sight("tolerated", call.span, target, before, call.index, state)
                    out.append(new)
                    continue
                if before.state is ErrorState.SET:
                    # error_setv() asserts that nothing is set yet: this path ends here.
                    self._sight("set-again", call.span, target, before, call.index, state)
                    continue
                new.cells[target] = Cell(ErrorState.SET, call.index, certain, outcome.tolerant)
                new.trail = Trail(state.trail, "set", call.span, note=target)
            elif outcome.sets is None and before.state is not ErrorState.SET:
                new.cells[target] = Cell(ErrorState.MAYBE, call.index)
            elif before.state in (ErrorState.GONE, ErrorState.UNINIT):
                new.cells[target] = UNKNOWN_CELL
            elif before.state is ErrorState.NULL and (
                call.used or self._extends or target in self._function.locals
            ):
                # Whose NULL it is matters where somebody may look at the result, or at the Error itself.
                new.cells[target] = Cell(ErrorState.NULL, call.index)
            out.append(new)
        return out

    def _pass(self, state: PathState, call: Call, target: str, before: Cell) -> None:
        """A pointer that does not hold NULL is handed to a callee that requires it."""
        if before.state is ErrorState.UNINIT:
            self._sight("uninit", call.span, target, before, call.index, state)
        elif before.state is ErrorState.GONE:
            self._sight("stale", call.span, target, before, call.index, state)

    def _result(
        self,
        state: PathState,
        new: PathState,
        call: Call,
        effect: Effect,
        signs: int,
        sets: bool | None,
        value: str,
    ) -> None:
        """What is known of the result, and of what the call has made, on one way of returning."""
        result = f"#{call.index}"
        if effect.returns is not None and sets and effect.returns < len(call.args):
            signs = signs_of(state, call.args[effect.returns]).signs
            self._copy_equations(state, text_of(call.args[effect.returns]), new, result)
        new.facts[result] = Fact(signs, call.index)
        for other in effect.outcomes:
            if other.value:
                holds = POS if other.value == value else ZERO
                new.facts[f"{result}=={other.value}"] = Fact(holds, call.index)
        if effect.makes is not None and sets is not None and effect.makes < len(call.args):
            made = call.args[effect.makes]
            path = made.path if isinstance(made, Addr) else "*" + text_of(made)
            if self._types.get(path, "*").endswith("*"):
                new.facts[path] = Fact(ZERO if sets else POS, call.index)

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
        path = self.cell_path(state, arg.path) if isinstance(arg, Var) else None
        cell = self._cell(state, path) if path is not None else UNKNOWN_CELL
        states = [state]
        if path is not None:
            self._sight("consumed", call.span, path, cell, call.index, state)
            self._take(state, call, effect, path, cell)
            if cell.state is ErrorState.MAYBE and effect.into is not None and cell.origin >= 0:
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
            if target is not None and target == "*" + (self._errp or ""):
                # Whoever propagates has an Error or none; the way without one is not to be blamed.
                state.marks |= {("handed", self._errp or "")}
                for other in states[1:]:
                    other.marks |= {("handed", self._errp or "")}
            given = cell.state in (ErrorState.SET, ErrorState.MAYBE) or path is None
            if target is None or not given or self._cell(state, target).state is ErrorState.SET:
                return states
            if cell.state is not ErrorState.SET and cell.origin < 0:
                # An Error from elsewhere: whether there is one nobody here can tell.
                state.cells[target] = Cell(ErrorState.MAYBE, call.index)
            else:
                sure = cell.sure if cell.state is ErrorState.SET else cell.origin >= 0
                origin = cell.origin if path else call.index
                state.cells[target] = Cell(ErrorState.SET, origin, sure, handed=True)
                state.trail = Trail(state.trail, "set", call.span, note=target)
        return states

    def _take(self, state: PathState, call: Call, effect: Effect, path: str, cell: Cell) -> None:
        """What is wrong with consuming a cell in its state, and what the path has to remember of it."""
        if cell.state is ErrorState.GONE:
            self._sight("gone-used", call.span, path, cell, call.index, state)
        elif cell.state is ErrorState.UNINIT:
            self._sight("uninit", call.span, path, cell, call.index, state)
        elif cell.state is ErrorState.NULL and effect.into is not None and self._errp is not None:
            held = self._cell(state, "*" + self._errp)
            kind = "empty-handed" if held.state is ErrorState.SET and not held.handed else "nothing-handed"
            self._sight(kind, call.span, path, held, call.index, state)
        elif cell.state is ErrorState.NULL and call.name in _NEEDS_ERROR and (cell.sure or cell.origin < 0):
            self._sight("null-reported", call.span, path, cell, call.index, state)
        elif cell.state is ErrorState.SET and effect.how in ("report", "free") and self._errp is not None:
            state.marks |= {("printed", call.index)}

    @staticmethod
    def _copy_equations(state: PathState, source: str, new: PathState, target: str) -> None:
        """`target` has become what `source` is: which constants that is, or is not, goes with it."""
        start = source + "=="
        for text, known in state.facts.items():
            if text.startswith(start):
                new.facts[target + text[len(start) - 2 :]] = known
