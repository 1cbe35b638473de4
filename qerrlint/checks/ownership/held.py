# SPDX-License-Identifier: GPL-2.0-or-later
"""What a function holds where it returns: the typestate of transfer.ownership over every path."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from functools import partial

from qerrlint.absint.reachability import after
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.objects import ObjectsOfFunction, objects_of
from qerrlint.checks.trace_steps import path_steps
from qerrlint.domain.conventions import fails_by
from qerrlint.domain.error import ErrorState
from qerrlint.domain.ownership import FAILURES
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Call, Event, Return
from qerrlint.records import record
from qerrlint.source.span import Span
from qerrlint.transfer.objects import Handling, ObjectsSeen, Seen
from qerrlint.transfer.ownership import follow

_NOTHING = ObjectsSeen((), complete=True)


@record(frozen=True, slots=True)
class HeldObject:
    """An object in some state where a path ends or a call meets it, with the objects of its function."""

    objects: ObjectsOfFunction
    seen: Seen

    @property
    def releases_itself(self) -> bool:
        """Whether the function releases the object on some path."""
        return self.objects.releases_itself(self.seen.pair, self.seen.object)

    @property
    def is_local(self) -> bool:
        """Whether the object is a local variable."""
        return self.objects.is_local(self.seen.object)

    @property
    def is_static(self) -> bool:
        """Whether the object is a static or global variable, or a part of one."""
        return self.objects.is_static(self.seen.object)

    @property
    def is_pointer(self) -> bool:
        """Whether the object is what a variable points to."""
        return self.objects.is_pointer(self.seen.object, self.seen.call)

    @property
    def outlives(self) -> bool:
        """Whether the object, or what it points to, still exists when the function has returned."""
        return not self.is_local or self.is_pointer

    def observation(
        self,
        event: str,
        at: Call,
        slots: dict[str, str],
        trail: tuple[Step, ...],
        certainty: str,
        once: bool = True,
        group: Hashable = None,
    ) -> Observation:
        """The observation of this object; `at` is the call to point at.

        `once`: of all paths on which the same call brought the object into such a state one is reported.
        `group`: what it has in common with the observations of one mistake, where that is something else.
        """
        seen = self.seen
        return Observation(
            event=event,
            function=self.objects.function.name,
            primary=at.span,
            key=f"{seen.object} {at.text}",
            slots={"pair": seen.pair.name, "object": seen.object, **slots},
            trail=trail,
            certainty=certainty,
            subject=self,
            group=group or ((seen.pair.name, seen.object, seen.call) if once else None),
        )

    def branches(self) -> Iterator[Step]:
        """The branches of the path after the call that brought the object into its state."""
        start = self.objects.function.calls[self.seen.call].span.start
        for step in path_steps(self.objects.unit, self.seen.trail, "", None):
            if step.span.start >= start:
                yield step


class Mistakes:
    """Which of the objects that a function leaves are one mistake: those that one missing call would release.

    A variable may be filled by several calls and be left at one return, or by one call and left at several.
    """

    def __init__(self, seen: Iterable[Seen]) -> None:
        self._calls: dict[tuple[str, str], list[set[int]]] = {}
        places: dict[tuple[str, str, Span], set[int]] = {}
        for one in seen:
            places.setdefault((*_object(one), one.span), set()).add(one.call)
        for (pair, name, _), calls in places.items():
            known = self._calls.setdefault((pair, name), [])
            joined = [other for other in known if other & calls]
            known[:] = [other for other in known if not other & calls]
            known.append(calls.union(*joined))

    def group(self, one: Seen) -> Hashable:
        """What objects of one mistake have in common: the variable, and the first call that fills it."""
        return (*_object(one), min(self._of(one)))

    def others(self, one: Seen) -> Sequence[int]:
        """The other calls that fill the variable and belong to the mistake, in the order of their numbers."""
        return sorted(self._of(one) - {one.call})

    def _of(self, one: Seen) -> set[int]:
        return next((calls for calls in self._calls.get(_object(one), ()) if one.call in calls), {one.call})


def _object(one: Seen) -> tuple[str, str]:
    return one.pair.name, one.object


def held(analysed: AnalysedFunction) -> ObjectsSeen:
    """What is seen of the function's objects on its paths, which are followed only where that may matter."""
    objects = analysed.once(objects_of)
    failing = analysed.once(failing_returns)
    if objects is None or not any(_may_matter(objects, c, h, failing) for c, h in objects.calls("acquire")):
        return _NOTHING
    lets_go = partial(objects.sites.lets_go, analysed.function)
    return follow(
        analysed.function, analysed.signature, analysed.kind, analysed.unit.effect, objects.handlings, lets_go
    )


def exits(analysed: AnalysedFunction, *statuses: str) -> Iterator[HeldObject]:
    """The objects that are in one of the states where the function returns, the surest paths first.

    The return is a failing one, but for pairs that are to be released before every return.
    """
    objects = analysed.once(objects_of)
    if objects is None:
        return
    found = analysed.once(held).seen
    for seen in sorted(found, key=lambda s: (not s.sure, s.span, s.object, s.status)):
        if seen.kind == "exit" and seen.status in statuses and (seen.failing or seen.pair.balanced):
            yield HeldObject(objects, seen)


def failing_returns(analysed: AnalysedFunction) -> frozenset[Span]:
    """The returns that are a failure on some path, by the Error or by the result."""
    return frozenset(
        leaving.span
        for leaving in analysed.result.returns
        if leaving.error.state is ErrorState.SET or fails_by(analysed.kind, leaving.signs)
    )


def _may_matter(
    objects: ObjectsOfFunction, call: Call, handling: Handling, failing: Collection[Span]
) -> bool:
    """Whether a return of interest can follow an acquiring call without a release in between."""
    pair, path = handling.pair, objects.kept_in(handling.object)
    if pair.keeps or any(True for _ in objects.calls("discard")):
        return True
    released = {c.index for c, h in objects.calls("release") if h.pair is pair and h.object == path}

    def leaves(event: Event) -> bool:
        return isinstance(event, Return) and (pair.balanced or event.span in failing)

    def releases(event: Event) -> bool:
        return isinstance(event, Call) and event.index in released

    good, _ = FAILURES[handling.move.fails]
    return after(objects.function, call.index, leaves, good, releases)
