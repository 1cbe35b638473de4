# SPDX-License-Identifier: GPL-2.0-or-later
"""Effect: what one call may do with the Error objects it is handed; plain data, no lookup."""

from __future__ import annotations

from qerrlint.records import record


@record(frozen=True, slots=True)
class Outcome:
    """One way in which a call returns: the signs of its result, and whether it sets its Error.

    `sets`: True (sets), False (does not), None (not known). `value`: the constant returned, where its sign
    tells nothing (MAP_FAILED). `tolerant`: the Error is handed over by error_propagate(), or set by a macro
    that asks for one before, so that one that is there already does no harm. `unset`: a failure without an
    Error, or a success with one; `sets` is None then, so that callers are not blamed for it.
    """

    signs: int
    sets: bool | None
    value: str = ""
    tolerant: bool = False
    unset: bool = False


@record(frozen=True, slots=True)
class Effect:
    """What a call does. Indexes count arguments from 0.

    errp: the out-error argument. outcomes: each way of returning. evidence: "setter" (error_setg and
    kin: it always sets), "body" (the callee's body was read), "signature" (assumed from the declaration),
    "guess" (no declaration is known). consumes: an `Error *` argument that is gone afterwards, `how`:
    "free", "report", "propagate" or "body"; `into` is the pointer that error_propagate hands it to. clears:
    an `Error **` argument that is NULL afterwards. keeps: the Error behind an argument is read or extended,
    not replaced. makes: an argument `&object` that is NULL after a failure and not NULL else. returns: the
    argument that is the result after a failure. kind: what the result is (types.result_kind).
    makes_error: the result is an Error that is never NULL.
    """

    errp: int | None = None
    outcomes: tuple[Outcome, ...] = ()
    evidence: str = "signature"
    consumes: int | None = None
    how: str = ""
    into: int | None = None
    clears: int | None = None
    noreturn: bool = False
    makes_error: bool = False
    makes: int | None = None
    returns: int | None = None
    kind: str = ""
    keeps: bool = False

    def signs_by_error(self) -> tuple[int, int] | None:
        """The signs of the results that come with an Error, and of those that come without one; None where an
        outcome may do either."""
        failing = succeeding = 0
        for outcome in self.outcomes:
            if outcome.sets is None:
                return None
            if outcome.sets:
                failing |= outcome.signs
            else:
                succeeding |= outcome.signs
        return failing, succeeding


NO_EFFECT = Effect()
NORETURN = Effect(noreturn=True)
