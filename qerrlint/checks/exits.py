# SPDX-License-Identifier: GPL-2.0-or-later
"""What a function leaves behind where it returns: held, not freed, or freed and still pointed to.

Whether that is a defect depends on who runs after a failure: callers, callees, the object's other phases.
"""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.checks.scene import Scene
from qerrlint.checks.trace_steps import path_steps
from qerrlint.domain.ownership import Pair, tail
from qerrlint.findings import Observation, Step
from qerrlint.source.span import Span
from qerrlint.transfer.ownership import Held, Seen

_FINALIZE = frozenset({"finalize"})


def left(scene: Scene, held: Held) -> Iterator[Observation]:
    """Exits with something still held, or with what a failed attempt or a release left with the function."""
    told: set[tuple[str, str, int]] = set()
    for seen in sorted(held.seen, key=lambda s: (not s.sure, s.span, s.object, s.status)):
        ident = (seen.pair.name, seen.object, seen.call)
        if seen.kind != "exit" or not (seen.failing or seen.pair.balanced) or ident in told:
            continue
        found = None
        if seen.status == "held":
            found = _held(scene, held, seen)
        elif seen.failing and seen.status in ("released", "failed") and seen.pair.keeps:
            found = _not_discarded(scene, held, seen)
        elif seen.failing and seen.status == "discarded":
            found = _dangling(scene, held, seen)
        if found is not None:
            told.add(ident)
            yield found


def discarded(scene: Scene, held: Held) -> Iterator[Observation]:
    """Something is freed although the attempt has failed and freed it, or although it is held."""
    for seen in sorted(held.seen, key=lambda s: (s.span, s.object, s.status)):
        if seen.kind != "discarded" or seen.status not in ("failed", "held"):
            continue
        if seen.status == "failed" and seen.pair.keeps:
            continue
        taken = scene.function.calls[seen.call]
        at = next(call for call in scene.function.calls if call.span == seen.span)
        yield _observation(
            scene,
            "discarded",
            seen,
            seen.span,
            f"{seen.object} {at.text}",
            {"acquire": taken.name, "discard": at.name, "how": seen.status},
            (Step(taken.span, f"{taken.name}() has {'failed' if seen.status == 'failed' else 'taken it'}"),),
            "high" if held.complete else "medium",
        )


def _held(scene: Scene, held: Held, seen: Seen) -> Observation | None:
    pair, path, name = seen.pair, seen.object, scene.function.name
    member, releases = tail(path), scene.releases
    own = scene.releases_itself(pair, path)
    certainty = "high"
    if path.startswith("#") or (scene.is_local(path) and pair.prepare):
        return None  # out of reach by itself: blocker-unreachable
    pointer = scene.is_pointer(path, seen.call)
    if not own and (scene.is_static(path) or pointer or not seen.failing):
        return None  # one for the whole process, or somebody else's
    if not scene.is_local(path) or pointer:
        if releases.in_phase(_FINALIZE, pair, member) or releases.undone_by_callers(name, pair, member):
            return None
        if not releases.only_in_setup(name):
            if not own:
                return None
            certainty = "medium"
        elif not releases.phases_of(name):
            certainty = "medium"
    if not seen.sure:
        certainty = "medium"
    if not held.complete:
        certainty = "low"
    taken = scene.function.calls[seen.call]
    how = "fails" if seen.failing else "returns"
    return _observation(
        scene,
        "left-held",
        seen,
        taken.span,
        f"{path} {taken.text}",
        {
            "acquire": taken.name,
            "release": scene.remedy(pair),
            "when": "failing" if seen.failing else "return",
            "elsewhere": "yes" if own or releases.anywhere(pair, member) else "no",
        },
        (
            Step(taken.span, f"{taken.name}() takes {path} here"),
            *_branches(scene, seen),
            Step(seen.span, f"the function {how} here and leaves it so"),
        ),
        certainty,
    )


def _not_discarded(scene: Scene, held: Held, seen: Seen) -> Observation | None:
    """What still belongs to the function is forgotten on a failing exit."""
    pair, name, member = seen.pair, scene.function.name, tail(seen.object)
    if scene.is_static(seen.object):
        return None
    if not scene.is_local(seen.object) and not scene.releases.only_in_setup(name):
        return None
    callers = scene.releases.above(name) - {name}
    if _discarding(scene, pair, member) or any(_discards(scene, one, pair, member) for one in callers):
        return None
    call = scene.function.calls[seen.call]
    return _observation(
        scene,
        "not-discarded",
        seen,
        call.span,
        f"{seen.object} {call.text}",
        {"acquire": call.name, "discard": f"{pair.discard[0].call}()"},
        (
            Step(call.span, f"after {call.name}() {seen.object} still belongs to this function"),
            *_branches(scene, seen),
            Step(seen.span, "the function fails here"),
        ),
        "high" if seen.sure and held.complete else "medium",
    )


def _dangling(scene: Scene, held: Held, seen: Seen) -> Observation | None:
    """Something is freed and its pointer left, and a function that runs later frees it again."""
    if scene.is_local(seen.object) or scene.is_static(seen.object):
        return None
    others = _discarding(scene, seen.pair, tail(seen.object)) - scene.releases.below(scene.function.name)
    if not others:
        return None
    call, other = scene.function.calls[seen.call], min(others)
    return _observation(
        scene,
        "left-dangling",
        seen,
        call.span,
        f"{seen.object} {call.text}",
        {"discard": call.name, "other": other},
        (Step(seen.span, f"the function fails here, and {other}() runs when the object goes"),),
        "high" if seen.sure and held.complete else "medium",
    )


def _discarding(scene: Scene, pair: Pair, member: str) -> set[str]:
    """The functions that free something of that name when the object goes."""
    releases = scene.releases
    return {
        below
        for name in scene.unit.functions
        if releases.phases_of(name) & _FINALIZE
        for below in releases.below(name)
        if _discards(scene, below, pair, member)
    }


def _discards(scene: Scene, name: str, pair: Pair, member: str) -> bool:
    piece = scene.unit.functions[name]
    text = scene.unit.data[piece.body : piece.span.end]
    return bool(pair.discarding.search(text)) and member.encode() in text


def _branches(scene: Scene, seen: Seen) -> Iterator[Step]:
    """The branches of the path after the call that brought the object into its state."""
    start = scene.function.calls[seen.call].span.start
    for step in path_steps(scene.unit, seen.trail, "", None):
        if step.span.start >= start:
            yield step


def _observation(
    scene: Scene,
    kind: str,
    seen: Seen,
    span: Span,
    key: str,
    slots: dict[str, str],
    trail: tuple[Step, ...],
    certainty: str,
) -> Observation:
    named = {"pair": seen.pair.name, "object": seen.object, **slots}
    return Observation(kind, scene.function.name, span, key, named, trail, certainty)
