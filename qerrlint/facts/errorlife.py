# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of every Error object on every path of one function: the one exploration behind many rules.

ErrorLife is a flow Domain: it steps a PathState through calls, assignments and returns (its tests are those of
Guards), and writes down what it sights and every way in which the function returns. It words nothing and
judges nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable

from qerrlint.facts.effects import Effect
from qerrlint.facts.errorguards import ERROR, ERRP, FATAL, SOFT, Guards, is_predicate
from qerrlint.facts.errorstate import (
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
from qerrlint.facts.sightings import Exit, Life
from qerrlint.flow.explore import explore
from qerrlint.flow.liveness import live_texts
from qerrlint.flow.trail import Trail
from qerrlint.source.span import Span
from qerrlint.syntax.ir import (
    ANY,
    NEG,
    NULL,
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
from qerrlint.syntax.types import Signature

# What tells the user of a failure directly; warnings and information do not count.
_PRINTS = re.compile(
    r"(?:error_report(?:_once(?:_cond)?)?|error_vreport|error_printf(?:_unless_qmp)?|perror)$"
)
# Consumers that look into the Error and crash on NULL (util/error.c, util/qemu-error.c).
_NEEDS_ERROR = frozenset({"error_report_err", "error_reportf_err", "warn_report_err", "warn_reportf_err"})
# Calls that clean up, tell or ask: what follows an error_setg() without a return may do so.
_HARMLESS = re.compile(
    r"(?:trace_|error_|g_|warn_|info_|\w*print|qemu_(?:log|mutex|bh|vfree|free|put|close)|object_(?:unref|unparent)|rcu_|bql_|"
    r"[A-Z0-9_]+$|\w*(?:free|unref|close|clear|destroy|cleanup|unlock|del|remove|release|finalize|unrealize|reset|"
    r"unmap|put|disconnect|abort|cancel|exit|stop|undo|revert|restore|end|drop|detach|unregister|leave|done|fail)\w*$)"
)
_FREES = frozenset({"g_free", "free", "qemu_vfree"})


def live_through(function: Function, signature: Signature | None, effect: Callable[[Call], Effect]) -> Life:
    """Explore the function; `effect` tells what a call does."""
    domain = ErrorLife(function, signature, effect)
    explored = explore(function, domain.entry(), domain)
    return domain.life(explored.complete, explored.states)


class ErrorLife(Guards):
    """The Domain; one for each exploration."""

    def __init__(
        self, function: Function, signature: Signature | None, effect: Callable[[Call], Effect]
    ) -> None:
        types = dict(function.locals)
        self._signature = signature
        self._params = signature.params if signature is not None else ()
        for param in self._params:
            types.setdefault(param.name, param.type)
        errp = None
        if signature is not None and signature.errp is not None and signature.errp >= 0:
            errp = self._params[signature.errp].name
        super().__init__(function, types, errp, [effect(call) for call in function.calls])
        self._live = live_texts(function, self._reads)

    def life(self, complete: bool, states: int) -> Life:
        """What has been written down."""
        life = Life(self._function, self._signature, complete=complete, states=states)
        self._book.write_into(life)
        return life

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
        return PathState(state.cells, {}, state.points, state.trail, state.marks)

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
            yield f"typeof({text_of(call.args[0])})=="
        returned = self._effects[call.index].returns
        for position, arg in enumerate(call.args):
            if isinstance(arg, Var) and (position == returned or "error" in call.name):
                yield arg.path

    def _sight(self, kind: str, span: Span, cell: str, first: Cell, call: int, state: PathState) -> None:
        self._book.sight(kind, span, cell, first, call, state.trail)

    def _cell(self, state: PathState, path: str) -> Cell:
        return state.cells.get(path, UNKNOWN_CELL)

    def _target(self, state: PathState, value: Value) -> str | None:
        """The Error pointer that an `Error **` argument names; None for NULL and the unknown."""
        if isinstance(value, Addr):
            return value.path
        if isinstance(value, Var):
            known = state.points.get(value.path)
            if known is not None or value.path.startswith("$"):
                return known
            if state.facts.get(value.path, Fact(ANY)).signs == ZERO:
                return None
            return "*" + value.path
        return None

    # -- calls --------------------------------------------------------------------------------

    def _call(self, state: PathState, call: Call) -> Iterable[PathState]:
        effect = self._effects[call.index]
        if effect.noreturn:
            self._sight("exits", call.span, call.name, NULL_CELL, call.index, state)
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
        of = f"typeof({text_of(call.args[0])})"
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
                    cell = self._cell(state, behind)
                    if cell.state is ErrorState.NULL and (cell.sure or cell.origin < 0):
                        self._sight("null-reported", call.span, behind, cell, call.index, state)
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

    def _notes(self, state: PathState, call: Call, effect: Effect) -> None:
        """Marks on the path: what was printed, which string was freed; and what they make wrong."""
        quiet = effect.errp is not None and effect.errp < len(call.args) and call.args[effect.errp] == NULL
        if self._errp is not None and not quiet and not _HARMLESS.match(call.name):
            # What was printed before other work was done is not about a failure further on.
            state.marks = frozenset(m for m in state.marks if m[0] != "printed")
        if self._errp is not None and (_PRINTS.match(call.name) or effect.prints):
            state.marks |= {("printed", call.index)}
        elif call.name == "fprintf" and self._errp is not None and call.text.startswith("fprintf(stderr"):
            state.marks |= {("printed", call.index)}
        if call.name in _FREES and call.args and isinstance(call.args[0], Var):
            state.marks |= {("freed", call.args[0].path)}
        after = next((where for what, where in state.marks if what == "set-by"), None)
        if after is not None and effect.errp is None and not _HARMLESS.match(call.name):
            state.marks -= {("set-by", after)}
            self._sight(
                "goes-on",
                call.span,
                call.name,
                Cell(ErrorState.SET, int(after), sure=True),
                call.index,
                state,
            )
        if (
            call.name in ("strerror", "g_strerror")
            and call.args
            and signs_of(state, call.args[0]).signs == NEG
        ):
            self._sight("negative-errno", call.span, text_of(call.args[0]), NULL_CELL, call.index, state)
        if effect.evidence != "setter" and not effect.keeps and not _PRINTS.match(call.name):
            return
        for arg in call.args:
            if isinstance(arg, Var) and ("freed", arg.path) in state.marks:
                self._sight("freed-argument", call.span, arg.path, NULL_CELL, call.index, state)
        if effect.evidence != "setter" or not call.args:
            return
        if self._errp is not None and self._target(state, call.args[0]) == "*" + self._errp:
            state.marks |= {("set-by", call.index)}
        if call.name in ("error_setg_errno", "error_setg_file_open") and len(call.args) > 1:
            if signs_of(state, call.args[1]).signs == NEG:
                self._sight("negative-errno", call.span, text_of(call.args[1]), NULL_CELL, call.index, state)

    @staticmethod
    def _unfree(state: PathState, path: str) -> None:
        if state.marks:
            state.marks = frozenset(m for m in state.marks if m != ("freed", path))

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
            elif before.state is ErrorState.NULL and target in self._function.locals:
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
        elif cell.state is ErrorState.NULL and call.name in _NEEDS_ERROR and (cell.sure or cell.origin < 0):
            self._sight("null-reported", call.span, path, cell, call.index, state)
        elif cell.state is ErrorState.SET and effect.how in ("report", "free") and self._errp is not None:
            state.marks |= {("printed", call.index)}

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
        if fact.signs != ANY or fact.origin >= 0:
            new.facts[target] = fact
        if isinstance(value, Const) and not value.text.lstrip("-(").isdigit():
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
            Exit(
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
            )
        )
        for path, cell in state.cells.items():
            if cell.origin == OWNED_CELL.origin and value != Var(path):
                self._sight("left-owned", event.span, path, cell, -1, state)
            if cell.state is not ErrorState.SET or path not in self._function.locals or root(path) != path:
                continue
            if path in self._function.autos or value == Var(path):
                continue
            self._sight("left-set", event.span, path, cell, -1, state)
