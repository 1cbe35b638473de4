# SPDX-License-Identifier: GPL-2.0-or-later
"""Interpretation: the results and summaries of one file's functions, worked out on demand and once."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from qerrlint.c.cut import Piece
from qerrlint.c.declarations.types import Signature
from qerrlint.domain.result import FunctionResult
from qerrlint.model.call_effects import CallEffects
from qerrlint.model.definitions import Definitions
from qerrlint.model.file_scope import FileScope
from qerrlint.model.lowering import Lowering
from qerrlint.model.summary import UNKNOWN, Summary, join, sum_up
from qerrlint.transfer.errorlife import interpret


class Interpretation:
    """Interprets the definitions of a file; `elsewhere` gives the summary of a function of another file."""

    def __init__(
        self,
        definitions: Definitions,
        scope: FileScope,
        lowering: Lowering,
        elsewhere: Callable[[str], Summary | None],
    ) -> None:
        self._definitions = definitions
        self._scope = scope
        self._lowering = lowering
        self._elsewhere = elsewhere
        self._results: dict[int, FunctionResult | None] = {}
        self._summaries: dict[int, Summary | None] = {}
        self._busy: set[int] = set()
        self.effects = CallEffects(scope, self)

    def signature(self, name: str) -> Signature | None:
        """A function's signature as its callers see it: its first definition's, else the scope's."""
        pieces = self._definitions.by_name.get(name)
        return self.signature_of(pieces[0]) if pieces else self._scope.signature(name)

    def signature_of(self, piece: Piece) -> Signature | None:
        """The signature of a definition; where its head cannot be read, that of a declaration in scope."""
        return self._definitions.signature(piece) or self._scope.signature(piece.name)

    def result(self, piece: Piece) -> FunctionResult | None:
        """The interpretation of a definition; None where it is damaged or being interpreted."""
        start = piece.span.start
        if start not in self._results:
            function = self._lowering.function(piece)
            if function is None or start in self._busy:
                return None
            self._busy.add(start)
            try:
                self._results[start] = interpret(function, self.signature_of(piece), self.effects.effect)
            finally:
                self._busy.discard(start)
        return self._results[start]

    def summary(self, name: str) -> Summary | None:
        """What callers may know of a function of this file: the join over all definitions of its name.

        None for a function that is damaged in all of them, or recursive.
        """
        known = [self.summary_of(piece) for piece in self._definitions.by_name.get(name, ())]
        if all(summary is None for summary in known):
            return None
        return reduce(join, (summary if summary is not None else UNKNOWN for summary in known))

    def summary_of(self, piece: Piece) -> Summary | None:
        """The summary of one definition; None where it is damaged or being interpreted."""
        start = piece.span.start
        if start not in self._summaries:
            result = self.result(piece)
            if result is None:
                return None
            self._summaries[start] = sum_up(result, self._scope.typedefs, self.effects.effect)
        return self._summaries[start]

    def callee_summary(self, name: str) -> Summary | None:
        """The summary of a function whose body is at hand; None for any other, and for one of this file that
        has nothing to do with errors."""
        if name not in self._definitions.by_name:
            return self._elsewhere(name)
        return self.summary(name) if self._definitions.deal_with_errors(name) else None

    def is_settled(self, name: str) -> bool:
        """Whether the summary of a function is final: it may be partial while another is interpreted."""
        return not self._busy
