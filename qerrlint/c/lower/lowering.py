# SPDX-License-Identifier: GPL-2.0-or-later
"""Lowering: the state of lowering one function, and the dispatch of its nodes to the handlers of their kinds.

The handlers are functions of (Lowering, node). They call each other through the dispatch only, so that the
modules that hold them do not import each other in a circle.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from qerrlint.c.lower.builder import Builder
from qerrlint.c.lower.node_text import NodeText
from qerrlint.c.normalise import ALWAYS, AUTO, LOOP, Rewrite
from qerrlint.ir.code import FALSE, NULL, TRUE, Opaque, Value, Var
from qerrlint.records import record

if TYPE_CHECKING:
    from tree_sitter import Node

ExpressionHandler: TypeAlias = "Callable[[Lowering, Node, bool], Value]"
StatementHandler: TypeAlias = "Callable[[Lowering, Node], None]"
BranchHandler: TypeAlias = "Callable[[Lowering, Node, int, int], None]"

_WORDS: dict[str, Value] = {"NULL": NULL, "true": TRUE, "TRUE": TRUE, "false": FALSE, "FALSE": FALSE}
_EFFECTS = frozenset({"call_expression", "assignment_expression", "update_expression"})


@record(frozen=True, slots=True)
class Handlers:
    """The handlers by the grammar's kinds of nodes.

    An expression's handler emits what the expression does and returns its value; its last argument tells
    whether that value is used. `branch` lowers a condition to edges.
    """

    expressions: Mapping[str, ExpressionHandler]
    statements: Mapping[str, StatementHandler]
    branch: BranchHandler


class Lowering:
    """One function being lowered.

    `out` is its graph, `source` its text, `rewrites` the rewrites of the normaliser by their offset.
    `constant` gives the number behind a name, None where that is not known. `names` holds the values of the
    identifiers met so far.
    """

    __slots__ = (
        "_autos",
        "_branch",
        "_effects",
        "_expressions",
        "_statements",
        "constant",
        "names",
        "out",
        "rewrites",
        "source",
    )

    def __init__(
        self,
        source: NodeText,
        rewrites: Sequence[Rewrite],
        constant: Callable[[str], int | None] | None,
        handlers: Handlers,
    ) -> None:
        self.out = Builder()
        self.source = source
        self.rewrites = {r.start: r for r in rewrites if r.kind in (LOOP, ALWAYS, AUTO)}
        self._autos = sorted([r.start for r in rewrites if r.kind == AUTO])
        self.constant = constant
        self.names = dict(_WORDS)
        self._expressions = handlers.expressions
        self._statements = handlers.statements
        self._branch = handlers.branch
        self._effects: dict[int, bool] = {}

    def value(self, node: Node, used: bool = True) -> Value:
        """Emit what an expression does; return its value."""
        handler = self._expressions.get(node.type)
        if handler is not None:
            return handler(self, node, used)
        for child in node.named_children:
            self.value(child)
        return Opaque(self.source.text(node))

    def statement(self, node: Node) -> None:
        """Lower a statement; what the grammar has as an expression there is evaluated for its effects."""
        kind = node.type
        handler = self._statements.get(kind)
        if handler is not None:
            handler(self, node)
        elif node.is_named and not kind.endswith("_statement"):
            self.value(node, used=False)

    def branch(self, node: Node, yes: int, no: int) -> None:
        """Lower a condition: edges to `yes` where it holds and to `no` where not. Ends the current block."""
        self._branch(self, node, yes, no)

    def declare(self, name: str, type_text: str) -> None:
        """Enter a local variable; from here on its name stands for it."""
        self.out.locals[name] = type_text
        if name not in _WORDS:
            self.names[name] = Var(name)

    def is_auto(self, node: Node) -> bool:
        """Whether a declaration holds g_autoptr, g_autofree or the like: its variables free themselves."""
        autos = self._autos
        if not autos:
            return False
        at = bisect_left(autos, node.start_byte)
        if at < len(autos) and autos[at] < node.end_byte:
            return True
        # One that the normaliser blanks (g_autofree) stands right before the declaration.
        return at > 0 and self.source.is_blank(autos[at - 1], node.start_byte)

    def has_effect(self, node: Node) -> bool:
        """Whether an expression contains a call or an assignment."""
        # A look at the text first: most operands hold neither a parenthesis nor an equals sign.
        if not self.source.holds(node, "(", "="):
            return False
        if node.type in _EFFECTS:
            return True
        # Kept, since each level of a nest of operators asks for all that is below it.
        known = self._effects.get(node.id)
        if known is None:
            known = False
            for child in node.named_children:
                if self.has_effect(child):
                    known = True
                    break
            self._effects[node.id] = known
        return known
