# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong with the taking itself: nobody looks whether it worked, or nobody can ever give it back.

It follows no path: the place of the call, the object's home and the other functions of the file decide.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from qerrlint.absint.reachability import after
from qerrlint.checks.comments import excused
from qerrlint.checks.scene import Scene
from qerrlint.domain.error import FATAL
from qerrlint.domain.ownership import FAILURES, RESULT, place_of_object, tail
from qerrlint.findings import Observation
from qerrlint.ir.code import Addr, Assign, Call, Event, Return, Var, root
from qerrlint.qemu.device_lifecycle import SETUP
from qerrlint.source.span import Span
from qerrlint.transfer.ownership import Handling

_ENTERING = SETUP | {"attach"}
# Calls after which nothing has been done yet.
_IDLE = ("trace_", "qemu_mutex_unlock", "bql_unlock", "rcu_read_unlock")


def never_released(scene: Scene) -> Iterator[Observation]:
    """Something taken in a setup phase that no function of the file ever gives back, though one could."""
    releases = scene.releases
    for call, handling in scene.all("acquire"):
        pair, path = handling.pair, handling.object
        if scene.is_static(path) or path == root(path):
            continue
        phases = releases.runs_in(scene.function.name) & _ENTERING
        if not phases or not releases.tears_down() or releases.anywhere(pair, tail(path)):
            continue
        if not _is_private(scene, path):
            continue
        slots = {"release": scene.remedy(pair), "when": "never", "elsewhere": "no"}
        yield _observation(scene, "left-held", call, handling, slots, "medium")


def _is_private(scene: Scene, path: str) -> bool:
    """Whether the file itself declares the member, so that no other file is to give it back."""
    member = tail(path).encode()
    declared = any(
        piece.kind != "function" and scene.unit.data.find(member, piece.span.start, piece.span.end) >= 0
        for piece in scene.unit.pieces
    )
    return declared and path.count(".") + path.count("->") == 1


def unchecked(scene: Scene) -> Iterator[Observation]:
    """An attempt that may fail, nobody looks whether it has, and the function goes on."""
    for call, handling in scene.all("acquire"):
        if handling.move.fails == "never" or handling.move.object == RESULT or call.used:
            continue
        effect = scene.unit.effect(call)
        target = call.args[effect.errp] if effect.errp is not None and effect.errp < len(call.args) else None
        if call.passes_null(effect.errp) or (isinstance(target, Addr) and target.path in FATAL):
            continue
        if _looked_at(scene, call, place_of_object(target)) or excused(scene.unit, call.span):
            continue
        if _goes_on(scene, call):
            yield _observation(scene, "unchecked-acquire", call, handling, {}, "high")


def _looked_at(scene: Scene, call: Call, error: str) -> bool:
    """Whether the Error that the call sets is tested, or a local one handed on, later."""
    if not error:
        return False
    result = scene.unit.result(scene.function.name)
    if result is not None and any(
        c.cell.removeprefix("*") == error and c.span.start > call.span.start for c in result.conditions
    ):
        return True
    return error in scene.function.locals and any(
        other.span.start > call.span.start and isinstance(arg, Var) and arg.path == error
        for other in scene.function.calls
        for arg in other.args
    )


def _goes_on(scene: Scene, call: Call) -> bool:
    """Whether the function does anything after the call but return and give back locks."""
    return after(scene.function, call.index, _is_work)


def _is_work(event: Event) -> bool:
    if isinstance(event, Call):
        return not event.name.startswith(_IDLE)
    return isinstance(event, Assign) and event.stated


def unreachable(scene: Scene, failing: Collection[Span]) -> Iterator[Observation]:
    """What is prepared in a local variable and taken by its address: nobody can give it back.

    Where a setup phase cannot fail any more (`failing`: its failing returns) it may be meant to stay.
    """
    for call, handling in scene.all("acquire"):
        pair, path = handling.pair, handling.object
        if not pair.prepare or pair.keeps or not scene.is_local(path):
            continue
        if not isinstance(handling.move.moved(call), Addr) or scene.releases_itself(pair, path):
            continue
        setup = scene.releases.runs_in(scene.function.name) & SETUP
        good, _ = FAILURES[handling.move.fails]
        fails = after(scene.function, call.index, lambda e: isinstance(e, Return) and e.span in failing, good)
        slots = {"release": scene.remedy(pair), "phase": "setup" if setup and fails else "other"}
        yield _observation(scene, "unreachable", call, handling, slots, "high" if setup and fails else "low")


def _observation(
    scene: Scene, kind: str, call: Call, handling: Handling, slots: dict[str, str], certainty: str
) -> Observation:
    named = {"pair": handling.pair.name, "object": handling.object, "acquire": call.name, **slots}
    return Observation(kind, scene.function.name, call.span, call.text, named, (), certainty)
