# SPDX-License-Identifier: GPL-2.0-or-later
"""Callees: what each call of a unit may do with Errors, from the best evidence at hand.

In this order: the Error API itself (a table of facts), the callee's body if it stands in this file or
in one at hand, the declaration in scope (Environment), the function-pointer type of the member called, the
shape of the arguments.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qerrlint.c.declarations.types import Signature, result_kind
from qerrlint.domain.conventions import by_convention
from qerrlint.domain.effects import NO_EFFECT, NORETURN, Effect, Outcome
from qerrlint.ir.code import ANY, POS, ZERO, Addr, Call, Value, Var

if TYPE_CHECKING:
    from qerrlint.model.translation_unit import TranslationUnit

_VISITOR = re.compile(r"visit_type_(?:[A-Z]|\w+List$)")
_MEMBER = re.compile(r"(?:->|\.)(\w+)$")


class Callees:
    """Resolves the calls of one unit; what does not depend on the call itself is remembered by callee."""

    def __init__(self, unit: TranslationUnit) -> None:
        self._unit = unit
        self._known: dict[str, Effect] = {}

    def effect(self, call: Call) -> Effect:
        """What the call may do."""
        name = call.name
        if call.direct:
            known = self._known.get(name)
            if known is None:
                known = self._direct(name)
                if not self._unit.is_busy:
                    self._known[name] = known
        else:
            known = self._pointer(call)
        if known.evidence == "guess":
            return self._guess(call)
        return known

    def signature(self, call: Call) -> Signature | None:
        """The signature that a call is made against, if anything declares it."""
        if call.direct:
            return self._unit.signature(call.name)
        member = _MEMBER.search(call.name)
        return (
            self._unit.environment.pointer_signature(member.group(1), self._unit.path)
            if member is not None
            else None
        )

    def _direct(self, name: str) -> Effect:
        unit = self._unit
        api = unit.environment.api
        stated = api.effect(name)
        if stated is not None:
            return stated
        if api.is_noreturn(name):
            return NORETURN
        signature = unit.signature(name)
        if signature is not None and signature.noreturn:
            return NORETURN
        own = name in unit.functions
        if own:
            summary = unit.summary(name) if unit.deals_with_errors(name) else None
        else:
            summary = unit.program.summary(name)
        if summary is not None and summary.noreturn:
            return NORETURN
        if signature is None:
            wrapper = unit.macro_effect(name)
            return wrapper if wrapper is not None else Effect(evidence="guess")
        errp = signature.errp
        if errp is None:
            consumes = summary.consumes if summary is not None else None
            if consumes is not None:
                return Effect(consumes=consumes, how="body", evidence="body")
            return NO_EFFECT if summary is None else Effect(evidence="body")
        if errp < 0:
            return Effect(evidence="guess")
        if summary is not None and summary.clears:
            return Effect(clears=errp, how="body", evidence="body")
        by_table = api.fails(name) is not None or api.returns(name) is not None
        if summary is not None and summary.complete and summary.decides and not by_table:
            return Effect(
                errp=errp,
                outcomes=summary.outcomes,
                evidence="body",
                consumes=summary.consumes,
                kind=result_kind(signature, unit.typedefs),
            )
        kind = result_kind(signature, unit.typedefs)
        outcomes = by_convention(kind, name, api.fails(name))
        # A generated visitor frees and clears what it has made when it fails (docs/devel/qapi-code-gen).
        returns = api.returns(name)
        if returns is not None:
            outcomes = (Outcome(ZERO | POS, False), Outcome(ANY, True))
        makes = 2 if _VISITOR.match(name) and errp == 3 else None
        return Effect(errp=errp, outcomes=outcomes, makes=makes, returns=returns, kind=kind)

    def _pointer(self, call: Call) -> Effect:
        signature = self.signature(call)
        if signature is None or signature.errp is None or signature.errp >= len(call.args):
            return Effect(evidence="guess")
        kind = result_kind(signature, self._unit.typedefs)
        return Effect(errp=signature.errp, outcomes=by_convention(kind), kind=kind)

    def _guess(self, call: Call) -> Effect:
        """Nothing declares the callee: an argument that looks like an Error pointer may be set."""
        if not call.args:
            return NO_EFFECT
        last = len(call.args) - 1
        if self._is_error_pointer(call.args[last]):
            return Effect(errp=last, outcomes=(Outcome(ANY, None),), evidence="guess")
        return NO_EFFECT

    @staticmethod
    def _is_error_pointer(value: Value) -> bool:
        if isinstance(value, Var):
            return value.path == "errp"
        return isinstance(value, Addr) and value.path in ("err", "local_err", "error_fatal", "error_abort")
