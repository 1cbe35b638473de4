# SPDX-License-Identifier: GPL-2.0-or-later
"""CallEffects: what each call in a file may do with Errors, by the best evidence at hand.

The evidence, best first: the table of the Error API, the callee's body where it stands in this file or in
another one at hand, the declaration in scope, the type of the function pointer that is called, the shape of
the arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from qerrlint.c.declarations.types import Signature, result_kind
from qerrlint.domain.conventions import by_convention
from qerrlint.domain.effects import NO_EFFECT, NORETURN, Effect, Outcome
from qerrlint.domain.error import GERROR, GERRP
from qerrlint.domain.word_lists import word_list
from qerrlint.ir.code import ANY, POS, ZERO, Addr, Call, Const, Str, Value, Var, text_of
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.file_scope import FileScope
from qerrlint.model.receivers import Receivers
from qerrlint.model.summary import Summary

# A library function that sets a GError and whose result is not tested.
_OF_LIBRARY = (Outcome(ANY, False), Outcome(ANY, True))
_UNDECLARED = Effect(evidence="guess")
_VISITOR = lazy_re(r"visit_type_(?:[A-Z]|\w+List$)")
LAST = -1
"""The index that stands for the last argument, where the parameters of a generated function are not known."""
_MEMBER = lazy_re(r"(?:->|\.)(\w+)$")


class Callees(Protocol):
    """What is known of the functions that a file can call."""

    def signature(self, name: str) -> Signature | None:
        """The signature of a function: its own definition's first, then the declaration in scope."""

    def callee_summary(self, name: str) -> Summary | None:
        """The summary of a function whose body is at hand; None for any other."""

    def variables(self, call: Call) -> Mapping[str, str]:
        """The types of the locals and parameters of the function in which a call stands, by name."""

    def is_settled(self, name: str) -> bool:
        """Whether the summary of a function is final; one that is being interpreted may still change."""

    def only_looks(self, name: str, position: int) -> bool:
        """Whether a function of the file does nothing with the pointer at a position but look behind it."""

    def takes_gerror(self, name: str, position: int) -> bool:
        """Whether a function of the file frees the GError at a position, or hands it on."""


class CallEffects:
    """The effects of the calls in one file; what does not depend on the call itself is kept by callee."""

    def __init__(self, scope: FileScope, receivers: Receivers, callees: Callees) -> None:
        self._scope = scope
        self._receivers = receivers
        self._api = scope.environment.api
        self._callees = callees
        self._known: dict[str, Effect] = {}
        self._certain: dict[str, Effect | None] = {}
        self._allowing: dict[str, int | None] = {}
        # By the identity of the call, which is kept alive with it: hashing a call hashes its arguments.
        self._of_call: dict[int, tuple[Call, Effect]] = {}

    def effect(self, call: Call) -> Effect:
        """What the call may do."""
        kept = self._of_call.get(id(call))
        if kept is not None:
            return kept[1]
        if self._names_function(call):
            known = self._known.get(call.name)
            if known is None:
                known = self._direct(call.name)
                if not self._callees.is_settled(call.name):
                    return self._made(call, known)
                self._known[call.name] = known
        else:
            known = self._pointer(call)
        effect = self._made(call, known)
        self._of_call[id(call)] = (call, effect)
        return effect

    def _made(self, call: Call, known: Effect) -> Effect:
        """The effect of a call whose callee does `known`."""
        if known.errp is None:
            of_glib = self._of_glib(call, undeclared=known.evidence == "guess")
            if of_glib is not None:
                return of_glib
            taken = self._taken_gerror(call)
            if taken is not None:
                return Effect(consumes=taken, how="body", evidence="body")
        if known.evidence == "guess":
            return self._guess(call)
        if known.kind == "pointer" and known.evidence == "signature" and self._may_find_nothing(call):
            return replace(known, outcomes=(*known.outcomes, Outcome(ZERO, False)))
        # A generated function of which only the last parameter is known.
        return replace(known, errp=len(call.args) - 1) if known.errp == LAST and call.args else known

    def _may_find_nothing(self, call: Call) -> bool:
        """Whether the caller says by an argument that NULL may be an answer: it comes without an Error."""
        if call.name not in self._allowing:
            signature = self._callees.signature(call.name) if self._names_function(call) else None
            names = [param.name for param in signature.params] if signature is not None else []
            allows = [at for at, name in enumerate(names) if word_list("allow-nothing").matches(name)]
            self._allowing[call.name] = allows[0] if allows else None
        at = self._allowing[call.name]
        return at is not None and at < len(call.args) and text_of(call.args[at]) != "false"

    def signature(self, call: Call) -> Signature | None:
        """The signature that a call is made against, if anything declares it."""
        if self._names_function(call):
            return self._callees.signature(call.name)
        typed = self._receivers.called(call, self._callees.variables(call))
        if typed is not None:
            return typed
        member = _MEMBER.search(call.name)
        return self._scope.pointer_signature(member.group(1)) if member is not None else None

    def _names_function(self, call: Call) -> bool:
        """Whether the callee is named; a local or parameter of that name holds a pointer to it."""
        return call.direct and call.name not in self._callees.variables(call)

    def asks_for_body(self, name: str) -> bool:
        """Whether the effect of a function depends on its body, where that is at hand."""
        return self._stated(name) is None

    def _stated(self, name: str) -> Effect | None:
        """What the table of the Error API or a declaration says for certain of a function, or None."""
        if name not in self._certain:
            self._certain[name] = self._state(name)
        return self._certain[name]

    def _state(self, name: str) -> Effect | None:
        stated = self._api.effect(name)
        if stated is not None:
            return stated
        if self._api.is_noreturn(name):
            return NORETURN
        # A prototype may say it where the definition does not.
        declared = (self._callees.signature(name), self._scope.signature(name))
        return NORETURN if any(one is not None and one.noreturn for one in declared) else None

    def _direct(self, name: str) -> Effect:
        stated = self._stated(name)
        if stated is not None:
            return stated
        signature = self._callees.signature(name)
        summary = self._callees.callee_summary(name)
        if summary is not None and summary.noreturn:
            return NORETURN
        if signature is None:
            wrapper = self._scope.macro_effect(name)
            return wrapper if wrapper is not None else _UNDECLARED
        if signature.errp is None:
            return _without_error(summary)
        return self._declared(name, signature, signature.errp, summary)

    def _declared(self, name: str, signature: Signature, errp: int, summary: Summary | None) -> Effect:
        """The effect of a function with an out-error, by its body or by the convention of its result."""
        if summary is not None and summary.clears:
            return Effect(clears=errp, how="body", evidence="body")
        kind = result_kind(signature, self._scope.typedefs)
        fails, returns = self._api.fails(name), self._api.returns(signature)
        if summary is not None and summary.complete and summary.decides and fails is None and returns is None:
            return Effect(
                errp=errp,
                outcomes=summary.outcomes,
                evidence="body",
                consumes=summary.consumes,
                kind=kind,
            )
        if fails is None and self._scope.is_list(signature.returns):
            fails = "error-only"  # an empty list is NULL
        outcomes = by_convention(kind, name, fails)
        if returns is not None:
            outcomes = (Outcome(ZERO | POS, False), Outcome(ANY, True))
        # A generated visitor frees and clears what it has made when it fails (docs/devel/qapi-code-gen).
        makes = 2 if _VISITOR.match(name) and errp == 3 else None
        return Effect(errp=errp, outcomes=outcomes, makes=makes, returns=returns, kind=kind)

    def _pointer(self, call: Call) -> Effect:
        variables = self._callees.variables(call)
        if not any(_may_point_to_error(arg, variables) for arg in call.args):
            return _UNDECLARED  # whatever the pointer's type is
        signature = self.signature(call)
        if signature is None or signature.errp is None or signature.errp >= len(call.args):
            return _UNDECLARED
        kind = result_kind(signature, self._scope.typedefs)
        fails = "error-only" if self._scope.is_list(signature.returns) else None
        return Effect(errp=signature.errp, outcomes=by_convention(kind, exception=fails), kind=kind)

    def _of_glib(self, call: Call, undeclared: bool) -> Effect | None:
        """The effect of a function that sets a GError, where a call hands it a local one; else None.

        A NULL there says nothing: GLib's functions are called so where their result tells enough. A library
        may declare the callee: only a function that sets a GError is handed the address of one. The meaning
        of its result is not known then, so only a call whose result is not used counts.
        """
        variables = self._callees.variables(call)
        local = [
            index
            for index, arg in enumerate(call.args)
            if isinstance(arg, Addr) and variables.get(arg.path) == GERROR
        ]
        if not local:
            return None
        signature = self.signature(call)
        params = signature.params if signature is not None else ()
        for index in local:
            if signature is not None and index < len(params) and params[index].type == GERRP:
                if self._names_function(call) and self._callees.only_looks(call.name, index):
                    return None
                kind = result_kind(signature, self._scope.typedefs)
                return Effect(errp=index, outcomes=by_convention(kind), kind=kind)
        if undeclared and not call.used:
            return Effect(errp=local[0], outcomes=_OF_LIBRARY)
        return None

    def _taken_gerror(self, call: Call) -> int | None:
        """The argument that is a GError which a function of the file frees or hands on; None for none."""
        if not self._names_function(call):
            return None
        variables = self._callees.variables(call)
        for index, arg in enumerate(call.args):
            of_glib = isinstance(arg, Var) and variables.get(arg.path) == GERROR
            if of_glib and self._callees.takes_gerror(call.name, index):
                return index
        return None

    @staticmethod
    def _guess(call: Call) -> Effect:
        """Nothing declares the callee: an argument that looks like an Error pointer may be set."""
        if not call.args:
            return NO_EFFECT
        last = len(call.args) - 1
        if _is_error_pointer(call.args[last]):
            return Effect(errp=last, outcomes=(Outcome(ANY, None),), evidence="guess")
        return NO_EFFECT


def _without_error(summary: Summary | None) -> Effect:
    """The effect of a function that has no out-error."""
    if summary is None:
        return NO_EFFECT
    if summary.consumes is not None:
        return Effect(consumes=summary.consumes, how="body", evidence="body")
    return Effect(evidence="body")


def _may_point_to_error(value: Value, variables: Mapping[str, str]) -> bool:
    """Whether an argument may be an `Error **` or a `GError **`, by what is known of its type."""
    if isinstance(value, Const):
        return value.signs == ZERO
    if isinstance(value, (Var, Addr)):
        return "Error" in variables.get(value.path, "Error")
    return not isinstance(value, Str)


def _is_error_pointer(value: Value) -> bool:
    if isinstance(value, Var):
        return value.path == "errp"
    return isinstance(value, Addr) and value.path in ("err", "local_err", "error_fatal", "error_abort")
