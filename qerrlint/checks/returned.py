# SPDX-License-Identifier: GPL-2.0-or-later
"""The ways in which one function returns, told apart by the convention; judges none of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.absint.trace import is_joined
from qerrlint.checks.comments import excused
from qerrlint.domain.error import ErrorState
from qerrlint.domain.result import FunctionResult, ReturnState
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import ANY, NEG, POS, ZERO, Const, Op, Var
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

# Functions that answer a question or look something up: false and NULL are answers there.
_ASKS = re.compile(
    r"(?:^|_)(?:is|has|have|can|should|needs?|find|lookup|look|get|next|first|peek|search|match|probe|check|"
    r"supported|supports|enabled|blocked|exists|contains|try|maybe)(?:_|$)"
)
_STATUS = re.compile(r"(?:ret|rc|r|res|err|error|status|rv|retval)\d*$")


class Returned:
    """One function's returns; remembers what has been said of them."""

    def __init__(self, unit: TranslationUnit, result: FunctionResult, kind: str, errp: str) -> None:
        self._unit = unit
        self._life = result
        self._kind = kind
        self._errp = errp
        self._told: set[tuple[str, Span]] = set()
        # false and NULL are failures where the function itself sets an Error with them.
        self._zero_fails = (
            any(e.signs == ZERO and e.error.state is ErrorState.SET and e.error.sure for e in result.returns)
            or self._never_uses_errp()
        ) and not _ASKS.search(result.function.name)

    def _never_uses_errp(self) -> bool:
        """Whether the function leaves its errp alone and makes something, or gives NULL on another path."""
        word = re.compile(rf"\b{re.escape(self._errp)}\b".encode())
        function = self._life.function
        text = self._unit.data[function.body : function.span.end]
        return (
            self._kind in ("pointer", "bool")
            and not word.search(text)
            and any(e.signs == POS or e.signs == ZERO | POS or e.signs == ANY for e in self._life.returns)
        )

    def fails(self, leaving: ReturnState) -> bool:
        """Whether the result is a failure by the convention."""
        if leaving.soft:
            return False
        if self._kind == "int":
            # `if (ret) { return ret; }` passes a failure on as well.
            passed = isinstance(leaving.value, Var) and bool(_STATUS.match(leaving.value.path))
            return leaving.signs == NEG or (leaving.signs == NEG | POS and passed)
        if self._kind in ("bool", "pointer") and leaving.printed and leaving.signs == ZERO:
            return isinstance(leaving.value, Const) and not _ASKS.search(self._life.function.name)
        if self._kind == "pointer":
            # A variable that is NULL may be an empty list; only NULL as it is written counts.
            return isinstance(leaving.value, Const) and leaving.signs == ZERO and self._zero_fails
        if self._kind == "bool":
            return leaving.signs == ZERO and self._zero_fails
        if self._kind == "void":
            return bool(leaving.printed) and not leaving.implicit
        return False

    def succeeds(self, leaving: ReturnState) -> bool:
        """Whether the result is a success by the convention."""
        if self._kind == "int":
            # `return -ret` of a negative ret: a failure that has become a positive number.
            turned = isinstance(leaving.value, Op) and leaving.value.op == "-" and leaving.value.right is None
            return (leaving.signs == ZERO or (leaving.signs == POS and turned)) and self._negative_fails
        return self._kind in ("bool", "pointer") and leaving.signs == POS and self._zero_fails

    @property
    def _negative_fails(self) -> bool:
        """Whether an int is a status: the function itself returns a negative value with an Error. A result
        that is a value (a slot's number), or that nobody looks at (a QMP command's), is none."""
        if self._life.function.name.startswith("qmp_"):
            return False
        if all(e.signs in (ZERO, ZERO | POS) for e in self._life.returns):
            return True
        return any(
            not e.signs & ZERO and e.signs & NEG and e.error.state is ErrorState.SET
            for e in self._life.returns
        )

    def _make(
        self,
        event: str,
        span: Span,
        key: str,
        slots: dict[str, str],
        steps: tuple[Step, ...],
        certainty: str = "high",
        leaving: ReturnState | None = None,
    ) -> Iterator[Observation]:
        """An Observation, once for each place; `leaving` is the return whose path it rests on."""
        if (event, span) in self._told or excused(self._unit, span):
            return
        self._told.add((event, span))
        yield Observation(
            event,
            self._life.function.name,
            span,
            key,
            {**slots, "errp": self._errp},
            steps,
            certainty,
            whole=leaving is not None and not is_joined(leaving.trail),
        )
