# SPDX-License-Identifier: GPL-2.0-or-later
"""The event left-held: an object that is acquired and not released before a return, or never at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.held import HeldObject, Mistakes, exits, held
from qerrlint.checks.ownership.objects import ObjectsOfFunction, objects_of
from qerrlint.domain.ownership import tail
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import root
from qerrlint.qemu.device_lifecycle import SETUP
from qerrlint.qemu.type_graph import graph_of
from qerrlint.records import record

_EVENT = "left-held"
_ENTERING = SETUP | {"attach"}


@record(frozen=True, slots=True)
class NeverReleased:
    """A member of the object that a setup phase acquires and no function of the file releases."""

    objects: ObjectsOfFunction
    path: str


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """What the function leaves held: at its returns, and for good."""
    left = [
        one
        for one in exits(analysed, "held")
        # What no variable holds belongs to the function that it was handed to.
        if not one.seen.object.startswith("#") and not _is_followed_as_local(analysed, one)
    ]
    mistakes = Mistakes(one.seen for one in left)
    for one in left:
        yield _at_return(analysed, one, mistakes)
    yield from _never_released(analysed)


def _is_followed_as_local(analysed: AnalysedFunction, one: HeldObject) -> bool:
    """Whether left_in_local.py follows the object: it knows the calls that take over what they are handed."""
    call = analysed.function.calls[one.seen.call]
    return one.is_local and any(
        move.call == call.name for pair in analysed.pairs if pair.local for move in pair.acquire
    )


def _at_return(analysed: AnalysedFunction, one: HeldObject, mistakes: Mistakes) -> Observation:
    """The observation of an object that is held where the function returns."""
    seen, objects = one.seen, one.objects
    call = objects.function.calls[seen.call]
    sites = objects.sites
    elsewhere = one.releases_itself or sites.anywhere(seen.pair, tail(seen.object))
    # Of a function that is no setup phase itself another caller may release the object.
    is_phase = sites.only_in_setup(analysed.name) and bool(sites.phases_of(analysed.name))
    certainty = "high" if seen.sure and (is_phase or not one.outlives) else "medium"
    return one.observation(
        _EVENT,
        call,
        {
            "acquire": call.name,
            "release": objects.remedy(seen.pair),
            "when": _when(analysed, one),
            "elsewhere": "yes" if elsewhere else "no",
        },
        (
            Step(call.span, f"{call.name}() acquires {seen.object} here"),
            *one.branches(),
            Step(
                seen.span, f"the function {'fails' if seen.failing else 'returns'} here without releasing it"
            ),
            *(
                Step(other.span, f"{other.name}() acquires {seen.object} here, on another path")
                for other in map(objects.function.calls.__getitem__, mistakes.others(seen))
            ),
        ),
        certainty if analysed.once(held).complete else "low",
        group=mistakes.group(seen),
    )


def _when(analysed: AnalysedFunction, one: HeldObject) -> str:
    """Where the object is left: at a failing return, at that of a device which only a board makes, or at
    another one."""
    if not one.seen.failing:
        return "return"
    realizing = [
        of
        for of in graph_of(analysed.unit.environment).of_file(analysed.unit.path)
        if any(phase.phase == "realize" and phase.function == analysed.name for phase in of.phases)
    ]
    # The board ends QEMU where one of its devices cannot be realized.
    only_board = bool(realizing) and not any(of.flag("user_creatable", True) for of in realizing)
    return "board" if only_board else "failing"


def _never_released(analysed: AnalysedFunction) -> Iterator[Observation]:
    """A member of the object that a setup phase acquires, and that no function of the file releases.

    Only a file with a function that undoes a setup phase has objects that end before QEMU does.
    """
    objects = analysed.once(objects_of)
    if objects is None or not objects.sites.runs_in(analysed.name) & _ENTERING:
        return
    if not objects.sites.tears_down():
        return
    for call, handling in objects.calls("acquire"):
        pair, path = handling.pair, handling.object
        if call.name in analysed.unit.functions:
            # The helper that acquires it is looked at itself.
            continue
        if objects.is_static(path) or path == root(path) or objects.sites.anywhere(pair, tail(path)):
            continue
        yield Observation(
            event=_EVENT,
            function=analysed.name,
            primary=call.span,
            key=call.text,
            slots={
                "pair": pair.name,
                "object": path,
                "acquire": call.name,
                "release": objects.remedy(pair),
                "when": "never",
                "elsewhere": "no",
            },
            certainty="medium",
            subject=NeverReleased(objects, path),
        )


LEFT_HELD = event(
    _EVENT,
    "pair",
    "object",
    "acquire",
    "release",
    when="failing board return never lost unkept skipped dropped member sibling counterpart",
    elsewhere="yes no",
)
"""pair: its name in the rule files; object: the path of what is acquired; acquire, release: the calls; when:
at a failing return (board: of the realize of a device that no user makes), at any other, or no function ever
releases it, or the variable that holds it gets another value, or one failing branch skips what others undo
(counterpart: what only the function that undoes all of it does, and that does not run then),
or an element leaves its list, which nobody frees, or a member is left out where its struct or its siblings
are freed; elsewhere: whether another place of the file does."""

CHECKS = (Check(_EVENT, "ownership", (LEFT_HELD,), run),)
