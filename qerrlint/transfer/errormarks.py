# SPDX-License-Identifier: GPL-2.0-or-later
"""Marks on a path: what was printed, which string was freed, which Error the function has just set itself."""

from __future__ import annotations

import re

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
from qerrlint.ir.code import ANY, NEG, NULL, ZERO, Addr, Call, Value, Var, text_of
from qerrlint.source.span import Span
from qerrlint.transfer.errorguards import Guards

# What tells the user of a failure directly; warnings and information do not count.
_PRINTS = re.compile(
    r"(?:error_report(?:_once(?:_cond)?)?|error_vreport|error_printf(?:_unless_qmp)?|perror)$"
)
# Calls that clean up, tell or ask: what follows an error_setg() without a return may do so.
_HARMLESS = re.compile(
    r"(?:trace_|error_|g_|warn_|info_|\w*print|qemu_(?:log|mutex|bh|vfree|free|put|close)|object_(?:unref|unparent)|rcu_|bql_|"
    r"[A-Z0-9_]+$|\w*(?:free|unref|close|clear|destroy|cleanup|unlock|del|remove|release|finalize|unrealize|reset|"
    r"unmap|put|disconnect|abort|cancel|exit|stop|undo|revert|restore|end|drop|detach|unregister|leave|done|fail)\w*$)"
)
_FREES = frozenset({"g_free", "free", "qemu_vfree"})


class Marks(Guards):
    """The part of the exploration that keeps marks; Calls builds on it."""

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

    def _notes(self, state: PathState, call: Call, effect: Effect) -> None:
        """Marks on the path: what was printed, which string was freed; and what they make wrong."""
        quiet = effect.errp is not None and effect.errp < len(call.args) and call.args[effect.errp] == NULL
        if self._errp is not None and not quiet and not _HARMLESS.match(call.name):
            # What was printed before other work was done is not about a failure further on.
            state.marks = frozenset(m for m in state.marks if m[0] != "printed")
        if (self._errp is not None and _PRINTS.match(call.name)) or (
            call.name == "fprintf" and self._errp is not None and call.text.startswith("fprintf(stderr")
        ):
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
        takes_errno = call.name in ("error_setg_errno", "error_setg_file_open") and len(call.args) > 1
        if takes_errno and signs_of(state, call.args[1]).signs == NEG:
            self._sight("negative-errno", call.span, text_of(call.args[1]), NULL_CELL, call.index, state)

    @staticmethod
    def _unfree(state: PathState, path: str) -> None:
        if state.marks:
            state.marks = frozenset(m for m in state.marks if m != ("freed", path))
