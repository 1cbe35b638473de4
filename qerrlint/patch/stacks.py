# SPDX-License-Identifier: GPL-2.0-or-later
"""Stacks: which series of the input build on which, and what they build on that is not in the input.

It knows what mails and index lines say; it asks no repository, and applies nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qerrlint.patch.base import preimages
from qerrlint.patch.series import Series
from qerrlint.records import record

# Index lines are compared by prefixes; a shorter one proves nothing.
_LEAST_DIGITS = 7
# Versions of one series leave the same blob; more than this were made to be compared.
_MOST_MAKERS = 64


@record(frozen=True, slots=True)
class Prerequisite:
    """Something that a series says it builds on. `kind` is message-id or patch-id, `found` whether the input
    has it."""

    kind: str
    ident: str
    found: bool


@record(frozen=True, slots=True)
class Stack:
    """Series on one base, in the order in which they apply; `prerequisites` has one tuple for each."""

    series: tuple[Series, ...]
    prerequisites: tuple[tuple[Prerequisite, ...], ...]

    @property
    def missing(self) -> tuple[Prerequisite, ...]:
        """What the series build on and the input lacks."""
        return tuple(one for each in self.prerequisites for one in each if not one.found)

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence for each series that lacks something."""
        return tuple(
            note for own in self.prerequisites if (note := _note([one for one in own if not one.found]))
        )


def stacks(
    series: Sequence[Series], beneath: Sequence[Series] = (), patch_ids: Mapping[int, str] | None = None
) -> tuple[Stack, ...]:
    """The series sorted into stacks, in the order of the first series of each.

    One series builds on another when it says so (Based-on, prerequisite lines), when its index lines start
    from blobs that the other makes, or when both are bare diffs without index lines, which can only be
    taken as they stand. `beneath` are series that are applied under all of them. `patch_ids` gives the
    patch-id of a patch by its id(), where it was asked for.
    """
    ids = patch_ids or {}
    every = [*series, *beneath]
    by_message = {ident: number for number, one in enumerate(every) for ident in one.message_ids}
    by_patch = {
        ids[id(patch)]: number
        for number, one in enumerate(every)
        for patch in one.patches
        if id(patch) in ids
    }
    starts = list(map(preimages, series))
    made: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for number, one in enumerate(series):
        for path, blob in _made(one).items():
            made.setdefault((path, blob[:_LEAST_DIGITS]), []).append((number, blob))
    needs: list[list[int]] = []
    wanted: list[tuple[Prerequisite, ...]] = []
    for number, one in enumerate(series):
        own = [Prerequisite("message-id", ident, ident in by_message) for ident in one.based_on]
        own += [Prerequisite("patch-id", ident, ident in by_patch) for ident in one.prerequisites]
        wanted.append(tuple(own))
        named = [by_message[ident] for ident in one.based_on if ident in by_message]
        named += [by_patch[ident] for ident in one.prerequisites if ident in by_patch]
        implied = _continued(number, starts, made)
        if not implied and number and _bare(one) and _bare(series[number - 1]):
            implied = [number - 1]
        needs.append([n for n in dict.fromkeys([*named, *implied]) if n != number and n < len(series)])
    return tuple(
        Stack(tuple(series[n] for n in group), tuple(wanted[n] for n in group)) for group in _ordered(needs)
    )


def _ordered(needs: Sequence[Sequence[int]]) -> list[list[int]]:
    """Connected numbers, each after those that it needs; of a circle the first one comes first."""
    users: dict[int, list[int]] = {}
    for number, own in enumerate(needs):
        for need in own:
            users.setdefault(need, []).append(number)
    groups: list[list[int]] = []
    placed: set[int] = set()
    for start in range(len(needs)):
        if start in placed:
            continue
        members = {start}
        waiting = [start]
        while waiting:
            number = waiting.pop()
            for other in (*needs[number], *users.get(number, ())):
                if other not in members:
                    members.add(other)
                    waiting.append(other)
        order: list[int] = []
        seen: set[int] = set()
        for number in sorted(members):
            _place(number, needs, order, seen)
        placed |= members
        groups.append(order)
    return groups


def _place(number: int, needs: Sequence[Sequence[int]], order: list[int], seen: set[int]) -> None:
    """Append a number to `order` after those that it needs, which may need others in a row of any length."""
    if number in seen:
        return
    seen.add(number)
    way = [(number, iter(needs[number]))]
    while way:
        at, rest = way[-1]
        need = next((other for other in rest if other not in seen), None)
        if need is None:
            order.append(at)
            way.pop()
        else:
            seen.add(need)
            way.append((need, iter(needs[need])))


def _made(one: Series) -> dict[str, str]:
    """Path to the blob id that a series leaves there."""
    made: dict[str, str] = {}
    for patch in one.patches:
        for change in patch.changes:
            if change.new_path is not None and change.new_blob is not None and change.new_blob.strip("0"):
                made[change.new_path] = change.new_blob
    return made


def _continued(
    number: int,
    starts: Sequence[Mapping[str, str]],
    made: Mapping[tuple[str, str], Sequence[tuple[int, str]]],
) -> list[int]:
    """The series that leave a file as another finds it, by its index line; whose own files start from the
    same do not count. `made` has who leaves what, by path and the first digits of the blob."""
    found: set[int] = set()
    for path, blob in starts[number].items():
        for other, left in made.get((path, blob[:_LEAST_DIGITS]), ())[:_MOST_MAKERS]:
            if other != number and _same(blob, left) and not _same(starts[other].get(path, ""), left):
                found.add(other)
    return sorted(found)


def _same(a: str, b: str) -> bool:
    return min(len(a), len(b)) >= _LEAST_DIGITS and (a.startswith(b) or b.startswith(a))


def _bare(one: Series) -> bool:
    """Whether a series is a diff without mail and without index lines."""
    return all(
        patch.message.message_id is None
        and not patch.message.sender
        and all(change.old_blob is None for change in patch.changes)
        for patch in one.patches
    )


def _note(missing: Sequence[Prerequisite]) -> str:
    mails = [f"<{one.ident}>" for one in missing if one.kind == "message-id"]
    patches = [one.ident[:12] for one in missing if one.kind == "patch-id"]
    parts = []
    if mails:
        parts.append(f"the series {' and '.join(mails)}")
    if patches:
        noun = "the patch with the patch-id" if len(patches) == 1 else "the patches with the patch-ids"
        parts.append(f"{noun} {', '.join(patches)}")
    if not parts:
        return ""
    verb = "is" if len(missing) == 1 else "are"
    return f"it builds on {' and '.join(parts)}, which {verb} not in the input (name the file with --onto)"
