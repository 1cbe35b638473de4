# SPDX-License-Identifier: GPL-2.0-or-later
"""The event cpr-transfer-without-exec: a registration for cpr-transfer that leaves cpr-exec out.

Blockers and notifiers for cpr-transfer also apply to cpr-exec (commit ee1ca09fc1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.modes.mode_arguments import REGISTRATION
from qerrlint.checks.modes.registered_on_paths import registered
from qerrlint.findings import Observation, Step
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.registered_modes import registered_for
from qerrlint.qemu.registrations import Registration, registrations

_TRANSFER, _EXEC = "MIG_MODE_CPR_TRANSFER", "MIG_MODE_CPR_EXEC"
_BOTH = frozenset({_TRANSFER, _EXEC})
_MOST_SIBLINGS = 3


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Registrations for cpr-transfer without cpr-exec, where the tree has both modes.

    A registration is complete where the file registers the same object for cpr-exec by another call.
    """
    unit = analysed.unit
    for one in analysed.once(registered):
        if _TRANSFER not in one.sure or _EXEC in one.possible:
            continue
        if not _BOTH.issubset(name for name, _ in unit.scope.mig_modes()):
            return
        if any(_completes(other, one) for other in _of_file(unit)):
            continue
        # First who registers the same kind of thing, then the nearest.
        siblings = sorted(
            registered_for(_BOTH, unit),
            key=lambda s: (s.kind != one.kind, not _in_one_folder(s.path, unit.path), s.path, s.start),
        )
        yield Observation(
            event="cpr-transfer-without-exec",
            function=analysed.name,
            primary=one.call.span,
            # The question stays the same when the call is written otherwise.
            key=f"{one.kind} {one.object.name} {_EXEC}",
            slots={
                "object": one.object.name or analysed.name,
                "callee": one.call.name,
                "what": one.kind,
                "siblings": _named([s.function for s in siblings]),
            },
            trail=tuple(Step(s.span, f"{s.function}() names both modes") for s in siblings[:_MOST_SIBLINGS]),
            certainty="medium",
            subject=one,
        )


def _named(functions: Sequence[str]) -> str:
    """Who names both modes, as a half sentence."""
    if not functions:
        return "no other registration names both"
    several = list(dict.fromkeys(functions))
    more = f" and {len(several) - 1} more" if len(several) > 1 else ""
    return f"{several[0]}(){more} name{'' if more else 's'} both"


def _completes(other: Registration, one: Registration) -> bool:
    """Whether another call of the file registers the same object for cpr-exec."""
    return (
        _EXEC in other.possible
        and other.kind == one.kind
        and (other.object.kind, other.object.holder, other.object.name)
        == (one.object.kind, one.object.holder, one.object.name)
    )


def _of_file(unit: TranslationUnit) -> Iterator[Registration]:
    for name, piece in unit.functions.items():
        if REGISTRATION.search(unit.data, piece.body, piece.span.end):
            function = unit.lowered(name)
            if function is not None:
                yield from registrations(unit, function)


def _in_one_folder(path: str, other: str) -> bool:
    return path.rpartition("/")[0] == other.rpartition("/")[0]


CHECKS = (
    Check(
        "cpr-transfer-without-exec",
        "modes",
        # object: what is registered; siblings: a half sentence on who names both modes.
        (event("cpr-transfer-without-exec", "object", "callee", "siblings", what="blocker notifier"),),
        run,
    ),
)
