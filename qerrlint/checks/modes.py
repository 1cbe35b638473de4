# SPDX-License-Identifier: GPL-2.0-or-later
"""modes: which migration modes a path blocks, for which modes it is notified, and whether the two fit.

What a registration stands for is facts/registrations.py's business, how its modes are written modeform.py's.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace

from qerrlint.absint.solver import explore
from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.modeform import written_modes
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Call, Edge, Event, Function, Return, Var
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.registered_modes import registered_for
from qerrlint.qemu.registrations import BLOCKER, NOTIFIER, Object, Registration, object_of, registrations

_REGISTRATION = re.compile(rb"\b(?:migrate_add_blocker\w*|migration_add_notifier\w*)\s*\(")
_REMOVALS = frozenset({"migrate_del_blocker", "migration_remove_notifier"})
# What blocks or serves cpr-transfer does so for cpr-exec (ee1ca09fc1).
TRANSFER, EXEC = "MIG_MODE_CPR_TRANSFER", "MIG_MODE_CPR_EXEC"
_MOST_SIBLINGS = 3


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The observations of one function."""
    unit, piece = analysed.unit, analysed.piece
    if not _REGISTRATION.search(unit.data, piece.span.start, piece.span.end):
        return
    function = unit.lowered(piece.name)
    if function is None:
        return
    twice: set[int] = set()
    for call in function.calls:
        for seen in written_modes(unit, function, call):
            if seen.event == "duplicate-mode":
                twice.add(call.index)
            yield seen
    made = registrations(unit, function)
    # Where a mode stands twice another was meant: that is said already.
    yield from _without_exec(unit, function, [one for one in made if one.call.index not in twice])
    yield from _coverage(unit, function, made)


# -- one of two modes that go together -------------------------------------------------------------


def _without_exec(
    unit: TranslationUnit, function: Function, made: list[Registration]
) -> Iterator[Observation]:
    """Registrations for cpr-transfer that leave cpr-exec out, where the tree has both."""
    both = frozenset({TRANSFER, EXEC})
    if not both <= {name for name, _ in unit.mig_modes()}:
        return
    for one in made:
        if TRANSFER not in one.sure or EXEC in one.possible or one.by_name:
            continue
        if any(_completes(other, one) for other in _of_file(unit)):
            continue
        # Who registers the same kind of thing first, then the nearest.
        siblings = sorted(
            registered_for(both, unit),
            key=lambda s: (s.kind != one.kind, not _near(s.path, unit.path), s.path, s.start),
        )
        yield Observation(
            "cpr-transfer-without-exec",
            function.name,
            one.call.span,
            # The question stays the same when the call is written otherwise.
            f"{one.kind} {one.object.name} {EXEC}",
            {
                "object": one.object.name or function.name,
                "callee": one.call.name,
                "what": one.kind,
                "siblings": _quoted([s.function for s in siblings]),
            },
            tuple(Step(s.span, f"{s.function}() names both modes") for s in siblings[:_MOST_SIBLINGS]),
            certainty="medium",
        )


def _quoted(functions: list[str]) -> str:
    """Who names both modes, as a half sentence."""
    if not functions:
        return "nothing else in sight names both"
    several = list(dict.fromkeys(functions))
    more = f" and {len(several) - 1} more" if len(several) > 1 else ""
    return f"{several[0]}(){more} name{'' if more else 's'} both"


def _completes(other: Registration, one: Registration) -> bool:
    """Whether another call of the file registers the same object for cpr-exec."""
    return (
        EXEC in other.possible
        and other.kind == one.kind
        and (other.object.kind, other.object.holder, other.object.name)
        == (one.object.kind, one.object.holder, one.object.name)
    )


def _of_file(unit: TranslationUnit) -> Iterator[Registration]:
    for name, piece in unit.functions.items():
        if _REGISTRATION.search(unit.data, piece.body, piece.span.end):
            function = unit.lowered(name)
            if function is not None:
                yield from registrations(unit, function)


def _near(path: str, other: str) -> bool:
    return path.rpartition("/")[0] == other.rpartition("/")[0]


# -- what a path blocks and what it is told --------------------------------------------------------


class _Path:
    """A flow Domain: the calls on a path that have registered something that is registered still."""

    def __init__(self, known: Mapping[int, tuple[Registration, ...]], gone: Mapping[int, Object]) -> None:
        self._known = known
        self._gone = gone
        self.ends: set[frozenset[int]] = set()

    def step(self, state: frozenset[int], event: Event) -> Iterable[frozenset[int]]:
        if isinstance(event, Call):
            if event.index in self._known:
                return (state | {event.index},)
            if event.index in self._gone:
                removed = self._gone[event.index]
                return (frozenset(i for i in state if all(r.object != removed for r in self._known[i])),)
        elif isinstance(event, Return):
            self.ends.add(state)
        return (state,)

    def assume(self, state: frozenset[int], edge: Edge) -> frozenset[int] | None:
        return state

    def arrive(self, state: frozenset[int], block: int, loop: bool) -> frozenset[int]:
        return state

    def key(self, state: frozenset[int]) -> Hashable:
        return state

    def covers(self, one: frozenset[int], other: frozenset[int]) -> bool:
        return True

    def widen(self, state: frozenset[int]) -> frozenset[int]:
        return state


def _coverage(unit: TranslationUnit, function: Function, made: list[Registration]) -> Iterator[Observation]:
    """CPR modes that a mode-selective blocker exempts without a notifier; notifiers for blocked modes."""
    known: dict[int, tuple[Registration, ...]] = {
        r.call.index: (r,) for r in made if r.kind in (BLOCKER, NOTIFIER)
    }
    if not any(r.kind == BLOCKER for r in made):
        return
    known.update(_of_callees(unit, function))
    if not any(r.kind == NOTIFIER for several in known.values() for r in several):
        return
    gone = {
        call.index: object_of(unit, function, call.args[0])
        for call in function.calls
        if call.name in _REMOVALS and call.args
    }
    path = _Path(known, gone)
    explore(function, frozenset(), path)
    ends = sorted((sorted(end) for end in path.ends), key=lambda e: (-len(e), e))
    reported: set[tuple[str, int, str]] = set()
    for end in ends:
        present = [(index, r) for index in end for r in known[index]]
        for at, blocker in present:
            if blocker.kind != BLOCKER or not blocker.choices:
                continue
            notifiers = [
                (index, r)
                for index, r in present
                if r.kind == NOTIFIER and r.object.root == blocker.object.root
            ]
            if not blocker.every:
                found = _uncovered(unit, function, blocker, [r for _, r in notifiers])
            else:
                found = []
                # A blocker of all modes under a condition of its own is a fallback.
                notifiers = [(i, r) for i, r in notifiers if all(at in e for e in ends if i in e)]
            # What a callee registers it may register under a condition.
            direct = [r for i, r in notifiers if r.call.index == i and r.call in function.calls]
            for ident, observation in (*found, *_blocked(unit, function, blocker, direct)):
                if ident not in reported:
                    reported.add(ident)
                    yield observation


def _of_callees(unit: TranslationUnit, function: Function) -> Iterator[tuple[int, tuple[Registration, ...]]]:
    """The notifiers that functions of this file register for what they are handed, by the call's number."""
    for call in function.calls:
        piece = unit.functions.get(call.name) if call.direct and call.name != function.name else None
        if piece is None or not _REGISTRATION.search(unit.data, piece.body, piece.span.end):
            continue
        callee, signature = unit.lowered(call.name), unit.signature(call.name)
        if callee is None or signature is None:
            continue
        given = {
            param.name: arg.path
            for param, arg in zip(signature.params, call.args, strict=False)
            if isinstance(arg, Var) and arg.path.isidentifier()
        }
        out = []
        for one in registrations(unit, callee):
            handed = given.get(one.object.root)
            if one.kind == NOTIFIER and handed is not None:
                of = object_of(unit, function, Var(f"{handed}->{one.object.name}"))
                out.append(replace(one, object=of))
        if out:
            yield call.index, tuple(out)


_Found = tuple[tuple[str, int, str], Observation]


def _uncovered(
    unit: TranslationUnit, function: Function, blocker: Registration, notifiers: list[Registration]
) -> list[_Found]:
    """CPR modes that the blocker exempts and no notifier of its object is registered for."""
    every = [name for name, _ in unit.mig_modes()]
    covered = frozenset().union(*(n.possible for n in notifiers))
    cpr_covered = [m for m in every if m in covered and "_CPR_" in m]
    exempt = [m for m in every if m not in blocker.possible and "_CPR_" in m]
    missing = [m for m in exempt if m not in covered]
    if not cpr_covered or not missing or not all(n.choices for n in notifiers):
        return []
    steps = [
        Step(n.call.span, f"the notifier is registered for {_listed(n.possible, every)} only")
        for n in notifiers
    ]
    slots = {
        "exempt": ", ".join(_word(m) for m in exempt),
        "covered": ", ".join(_word(m) for m in cpr_covered),
        "missing": ", ".join(_word(m) for m in missing),
    }
    key = f"{blocker.call.text} {missing}"
    seen = _seen("cpr-mode-without-notifier", function, blocker, blocker.call, key, slots, steps)
    return [(("uncovered", blocker.call.index, ""), seen)]


def _blocked(
    unit: TranslationUnit, function: Function, blocker: Registration, notifiers: list[Registration]
) -> list[_Found]:
    """CPR modes that a notifier is registered for although the blocker of its object blocks them."""
    every = [name for name, _ in unit.mig_modes()]
    step = Step(blocker.call.span, f"the blocker names {_listed(blocker.sure, every)}")
    out = []
    for notifier in notifiers:
        call = notifier.call
        for mode in every:
            if mode in notifier.sure & blocker.sure and "_CPR_" in mode:
                slots = {"mode": _word(mode), "blocker": blocker.call.name}
                seen = _seen(
                    "cpr-notifier-for-blocked-mode",
                    function,
                    blocker,
                    call,
                    f"{call.text} {mode}",
                    slots,
                    [step],
                )
                out.append((("blocked", call.index, mode), seen))
    return out


def _seen(
    kind: str,
    function: Function,
    blocker: Registration,
    call: Call,
    key: str,
    slots: dict[str, str],
    steps: list[Step],
) -> Observation:
    named = {"object": blocker.object.variable or function.name, **slots}
    return Observation(kind, function.name, call.span, key, named, tuple(steps))


def _word(mode: str) -> str:
    """A mode as users write it: cpr-transfer for MIG_MODE_CPR_TRANSFER."""
    return mode.removeprefix("MIG_MODE_").lower().replace("_", "-")


def _listed(modes: frozenset[str], every: list[str]) -> str:
    return ", ".join(_word(m) for m in every if m in modes)


CHECKS = (
    Check(
        "modes",
        "modes",
        (
            event("unterminated-mode-list", "callee", "last"),
            # mode: the constant; meaning: what the bare number is as a set of bits.
            event("mode-not-a-bit", "callee", "mode", "meaning", form="bare-mode bit-in-list bit-for-mode"),
            event("duplicate-mode", "callee", "mode"),
            # object: state struct or function; exempt, covered, missing: lists of mode names.
            event("cpr-mode-without-notifier", "object", "exempt", "covered", "missing"),
            event("cpr-notifier-for-blocked-mode", "object", "mode", "blocker"),
            # object: what is registered; siblings: a half sentence on who names both modes.
            event("cpr-transfer-without-exec", "object", "callee", "siblings", what="blocker notifier"),
        ),
        run,
    ),
)
