# SPDX-License-Identifier: GPL-2.0-or-later
"""Interpretation: the results and summaries of one file's functions, worked out on demand and once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce

from qerrlint.c.cut import Piece
from qerrlint.c.declarations.types import Signature
from qerrlint.domain.error import GERROR
from qerrlint.domain.result import FunctionResult
from qerrlint.ir.code import Call
from qerrlint.model.call_effects import CallEffects
from qerrlint.model.definitions import Definitions
from qerrlint.model.file_scope import FileScope
from qerrlint.model.fixpoint import Body, solved
from qerrlint.model.lowering import Lowering
from qerrlint.model.receivers import Receivers
from qerrlint.model.summary import UNKNOWN, Summary, join, sum_up
from qerrlint.source.span import Span
from qerrlint.transfer.interpretation import interpret

MORE_PATHS = "more paths than are followed"
MORE_ROUNDS = "calls itself, through others, in more ways than are followed"


class Interpretation:
    """Interprets the definitions of a file.

    `bodies_elsewhere` gives the definitions of a function in other files at hand, `elsewhere` the summary
    of a function that another file defines.
    """

    def __init__(
        self,
        definitions: Definitions,
        scope: FileScope,
        lowering: Lowering,
        receivers: Receivers,
        bodies_elsewhere: Callable[[str], Sequence[Body]],
        elsewhere: Callable[[str], Summary | None],
    ) -> None:
        self._definitions = definitions
        self._scope = scope
        self._lowering = lowering
        self._bodies_elsewhere = bodies_elsewhere
        self._elsewhere = elsewhere
        self._bodies: dict[int, Body] = {}
        self._last_variables: tuple[Span | None, Mapping[str, str]] = (None, {})
        self.effects = CallEffects(scope, receivers, self)

    def signature(self, name: str) -> Signature | None:
        """A function's signature as its callers see it: its first definition's, else the scope's."""
        pieces = self._definitions.by_name.get(name)
        return self.signature_of(pieces[0]) if pieces else self._scope.signature(name)

    def signature_of(self, piece: Piece) -> Signature | None:
        """The signature of a definition; where its head cannot be read, that of a declaration in scope."""
        return self._definitions.signature(piece) or self._scope.signature(piece.name)

    def result(self, piece: Piece) -> FunctionResult | None:
        """The interpretation of a definition; None where it is damaged."""
        return solved(self._body(piece)).result

    def incomplete(self, piece: Piece) -> str | None:
        """Why a definition was not interpreted wholly; None where it was, or where it is damaged."""
        body = solved(self._body(piece))
        if body.result is None or body.result.complete:
            return None
        return MORE_ROUNDS if body.cut else MORE_PATHS

    def summary(self, name: str) -> Summary | None:
        """What callers may know of a function of this file: the join over all definitions of its name.

        None for a function that is damaged in all of them, and for one that this file does not define.
        """
        return joined(self.bodies(name))

    def bodies(self, name: str) -> tuple[Body, ...]:
        """The definitions of a name in this file as the fixpoint sees them."""
        return tuple(map(self._body, self._definitions.by_name.get(name, ())))

    def _body(self, piece: Piece) -> Body:
        body = self._bodies.get(piece.span.start)
        if body is None:
            body = self._bodies[piece.span.start] = Body(piece, self)
        return body

    # -- what CallEffects asks ----------------------------------------------------------------------

    def callee_summary(self, name: str) -> Summary | None:
        """The summary of a function whose body is at hand; None for any other, and for one of this file that
        has nothing to do with errors, unless it never returns."""
        if name not in self._definitions.by_name:
            return self._elsewhere(name)
        if self._definitions.deal_with_errors(name):
            return self.summary(name)
        summary = self.summary(name) if self._definitions.may_end_process(name) else None
        return summary if summary is not None and summary.noreturn else None

    def variables(self, call: Call) -> Mapping[str, str]:
        """The types of the locals and parameters of the function in which a call stands, by name."""
        last, known = self._last_variables
        # Calls are mostly asked for function by function.
        if last is None or not last.start <= call.span.start < last.end:
            piece = self._definitions.around(call.span.start)
            if piece is None:
                return {}
            last, known = self._last_variables = piece.span, self.variables_of(piece)
        return known

    def variables_of(self, piece: Piece) -> Mapping[str, str]:
        """The types of the locals and parameters of a function, by name."""
        function, signature = self._lowering.function(piece), self.signature_of(piece)
        params = {param.name: param.type for param in signature.params} if signature is not None else {}
        return {**params, **function.locals} if function is not None else params

    def is_settled(self, name: str) -> bool:
        """Whether the summary of a function is final: it is not while the function's component is solved."""
        return all(body.solved for body in self._bodies_of(name))

    def only_looks(self, name: str, position: int) -> bool:
        """Whether a function of the file does nothing with the pointer at a position but look behind it, or
        free what is there: by its text, in each of its definitions."""
        pieces = self._definitions.by_name.get(name, ())
        return bool(pieces) and all(self._only_looks(piece, position) for piece in pieces)

    def _only_looks(self, piece: Piece, position: int) -> bool:
        signature = self.signature_of(piece)
        if signature is None or position >= len(signature.params) or not signature.params[position].name:
            return False
        text = self._definitions.body(piece)
        name = re.escape(signature.params[position].name.encode())
        every = len(re.findall(rb"(?<![\w.>])%s\b" % name, text))
        looks = rb"(?<![\w)\]])\s*\*\s*%s\b(?!\s*\)?\s*=(?!=|\s*NULL\b))" % name
        return 0 < every == len(re.findall(looks, text))

    def takes_gerror(self, name: str, position: int) -> bool:
        """Whether a function of the file frees the GError at a position, or hands it on: by its text."""
        return any(self._takes_gerror(piece, position) for piece in self._definitions.by_name.get(name, ()))

    def _takes_gerror(self, piece: Piece, position: int) -> bool:
        signature = self.signature_of(piece)
        params = signature.params if signature is not None else ()
        if position >= len(params) or params[position].type != GERROR or not params[position].name:
            return False
        taken = rb"\b(?:g_error_free|g_propagate\w*_error|g_task_return_error)\s*\([^;{}]{0,400}\b%s\b"
        name = re.escape(params[position].name.encode())
        return re.search(taken % name, self._definitions.body(piece)) is not None

    def _bodies_of(self, name: str) -> Sequence[Body]:
        """The bodies that `callee_summary` joins."""
        if name in self._definitions.by_name:
            asked = self._definitions.deal_with_errors(name) or self._definitions.may_end_process(name)
            return self.bodies(name) if asked else ()
        return self._bodies_elsewhere(name)

    # -- what the fixpoint asks ---------------------------------------------------------------------

    def callees(self, piece: Piece) -> list[Body]:
        """The bodies whose summaries the interpretation of a definition asks for."""
        function = self._lowering.function(piece)
        variables = self.variables_of(piece)
        calls = function.calls if function is not None else ()
        names = dict.fromkeys(call.name for call in calls if call.direct and call.name not in variables)
        asked = (name for name in names if self.effects.asks_for_body(name))
        return list(dict.fromkeys(body for name in asked for body in self._bodies_of(name)))

    def interpret(self, piece: Piece) -> FunctionResult | None:
        """Interpret a definition with the summaries of its callees as they are now; None if it is damaged."""
        function = self._lowering.function(piece)
        if function is None:
            return None
        signature, effect = self.signature_of(piece), self.effects.effect
        known = self._lowering.results(piece)
        if known is None:
            return interpret(function, signature, effect)
        # All that the interpretation of a function depends on.
        key = signature, tuple(map(effect, function.calls))
        if key not in known:
            known[key] = interpret(function, signature, effect)
        return known[key]

    def sum_up(self, result: FunctionResult) -> Summary:
        """What callers may know of a definition that was interpreted so."""
        return sum_up(result, self._scope.typedefs, self.effects.effect)


def joined(bodies: Iterable[Body]) -> Summary | None:
    """The join of the summaries of several definitions of one name; None if there is none to be had."""
    known = [solved(body).summary for body in bodies]
    if all(summary is None for summary in known):
        return None
    return reduce(join, (summary if summary is not None else UNKNOWN for summary in known))
