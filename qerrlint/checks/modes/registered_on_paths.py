# SPDX-License-Identifier: GPL-2.0-or-later
"""Which blockers and notifiers are registered together where a path of the function ends."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from qerrlint.absint.solver import explore
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.modes.mode_arguments import REGISTRATION
from qerrlint.ir.code import Call, Edge, Event, Return, Var
from qerrlint.qemu.registrations import BLOCKER, NOTIFIER, Object, Registration, object_of, registrations
from qerrlint.records import record

_REMOVALS = frozenset({"migrate_del_blocker", "migration_remove_notifier"})


@record(frozen=True, slots=True)
class Present:
    """A registration that stands at the end of a path, and the number of the function's call that made it.

    `by_callee`: the call is that of a function of the file which registers for what it is handed.
    """

    index: int
    registration: Registration
    by_callee: bool


@record(frozen=True, slots=True)
class PathEnd:
    """What stands where a path ends: a blocker that is understood, and the notifiers of its object."""

    blocker: Present
    notifiers: tuple[Present, ...]


@record(frozen=True, slots=True)
class Together:
    """The ends of all paths: the calls (by number) whose registrations stand at each, and the PathEnds."""

    calls: tuple[frozenset[int], ...] = ()
    ends: tuple[PathEnd, ...] = ()


def registered(analysed: AnalysedFunction) -> tuple[Registration, ...]:
    """The blockers and notifiers that a function registers itself, in the order of its calls."""
    unit, piece = analysed.unit, analysed.piece
    if not REGISTRATION.search(unit.data, piece.body, piece.span.end):
        return ()
    return tuple(r for r in registrations(unit, analysed.function) if r.kind in (BLOCKER, NOTIFIER))


def together(analysed: AnalysedFunction) -> Together:
    """The blockers of a function with the notifiers that are registered when it returns.

    Empty for a function that registers no blocker, or no notifier, by itself and by its callees.
    """
    own = analysed.once(registered)
    if not any(r.kind == BLOCKER for r in own):
        return Together()
    known: dict[int, tuple[Present, ...]] = {
        r.call.index: (Present(r.call.index, r, by_callee=False),) for r in own
    }
    known.update(_of_callees(analysed))
    if not any(p.registration.kind == NOTIFIER for several in known.values() for p in several):
        return Together()
    gone = {
        call.index: object_of(analysed.unit, analysed.function, call.args[0])
        for call in analysed.function.calls
        if call.name in _REMOVALS and call.args
    }
    paths = _Paths(known, gone)
    explore(analysed.function, frozenset(), paths)
    calls = tuple(sorted(paths.ends, key=lambda end: (-len(end), sorted(end))))
    return Together(calls, tuple(_path_ends(known, calls)))


def _path_ends(
    known: Mapping[int, tuple[Present, ...]], calls: Iterable[frozenset[int]]
) -> Iterator[PathEnd]:
    for end in calls:
        present = [one for index in sorted(end) for one in known[index]]
        for one in present:
            if one.registration.kind == BLOCKER and one.registration.choices:
                root = one.registration.object.root
                notifiers = (
                    other
                    for other in present
                    if other.registration.kind == NOTIFIER and other.registration.object.root == root
                )
                yield PathEnd(one, tuple(notifiers))


def _of_callees(analysed: AnalysedFunction) -> Iterator[tuple[int, tuple[Present, ...]]]:
    """The notifiers that functions of this file register for what they are handed, by the call's number."""
    unit, function = analysed.unit, analysed.function
    for call in function.calls:
        piece = unit.functions.get(call.name) if call.direct and call.name != function.name else None
        if piece is None or not REGISTRATION.search(unit.data, piece.body, piece.span.end):
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
                out.append(Present(call.index, replace(one, object=of), by_callee=True))
        if out:
            yield call.index, tuple(out)


class _Paths:
    """A Domain whose state is the set of calls on a path whose registrations still stand."""

    def __init__(self, known: Mapping[int, tuple[Present, ...]], gone: Mapping[int, Object]) -> None:
        self._known = known
        self._gone = gone
        self.ends: set[frozenset[int]] = set()

    def step(self, state: frozenset[int], event: Event) -> Sequence[frozenset[int]]:
        if isinstance(event, Call):
            if event.index in self._known:
                return (state | {event.index},)
            if event.index in self._gone:
                removed = self._gone[event.index]
                return (frozenset(i for i in state if self._stands(i, removed)),)
        elif isinstance(event, Return):
            self.ends.add(state)
        return (state,)

    def _stands(self, index: int, removed: Object) -> bool:
        return all(one.registration.object != removed for one in self._known[index])

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


# -- wording ----------------------------------------------------------------------------------------


def object_name(analysed: AnalysedFunction, end: PathEnd) -> str:
    """The variable of the object whose blocker stands at the end of a path; the function for none."""
    return end.blocker.registration.object.variable or analysed.name


def word(mode: str) -> str:
    """A mode as users write it: cpr-transfer for MIG_MODE_CPR_TRANSFER."""
    return mode.removeprefix("MIG_MODE_").lower().replace("_", "-")


def listed(modes: frozenset[str], every: Iterable[str]) -> str:
    """Some of the modes as users write them, in the order of the tree's enum."""
    return ", ".join(word(mode) for mode in every if mode in modes)
