# SPDX-License-Identifier: GPL-2.0-or-later
"""The event state-not-reset: a reset sets some of a device's state, and leaves other state as it is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from qerrlint.c.declarations.types import untagged
from qerrlint.c.expressions.int_types import is_int_type
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.devices.phase_functions import has_types
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.inherited_state import parents_members
from qerrlint.checks.migration.reset_functions import main_reset, named_reset
from qerrlint.checks.migration.reset_leftovers import Left, left_elements, left_fifos, left_observations
from qerrlint.checks.migration.run_time_state import device_state
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.findings import Observation
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.device_state import DeviceState, clears_all, members_named, members_only_read
from qerrlint.qemu.function_text import FunctionText
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.vmstate.state_members import ARRAY, NUMBER, TIMER, StateMember, state_members

_THROUGH = lazy_re(r"(?:->|\.)\s*(\w+)\s*(?:\[[^\]]*\]\s*\.|->)")
_CLEARED = lazy_re(r"\bmemset\s*\(\s*\w+(?:->|\.)(\w+)\s*,")


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The members that the resets of one file leave as they are."""
    unit = file.unit
    if b"reset" not in unit.data:
        return
    state = file.once(device_state)
    resets = (state.own_resets, *state.core_resets.values())
    if not file.asks(text.name for texts in resets for text in texts.values()):
        return
    structs: list[str] = []
    if has_types(unit) and any(text.path == unit.path for text in state.own_resets.values()):
        structs += _structs(file)
        for struct in structs:
            yield from _with_parts(file, struct, state.own_resets, inherits=True)
    for struct, texts in state.core_resets.items():
        if struct not in structs or not any(
            state.handles(text, struct) for text in state.own_resets.values()
        ):
            yield from _with_parts(file, struct, texts, inherits=False)


def _with_parts(
    file: AnalysedFile, struct: str, texts: Mapping[str, FunctionText], *, inherits: bool
) -> Iterator[Observation]:
    """What the resets leave of a struct, and of those that it points to."""
    for one in (struct, *_pointed_to(file, struct, texts)):
        # What a type inherits is asked for where its own reset leaves something: that reads other files.
        if not inherits:
            yield from _of_struct(file, one, texts, struct)
        elif any(_of_struct(file, one, texts, struct)):
            yield from _of_struct(file, one, file.once(device_state).reset_texts, struct)


def _pointed_to(file: AnalysedFile, struct: str, texts: Mapping[str, FunctionText]) -> Iterator[str]:
    """The structs of the file, or of its folder, that members of a struct point to and resets go through."""
    unit = file.unit
    code = "\n".join(text.code for text in texts.values() if text.path == unit.path)
    through = {found[1] for found in _THROUGH.finditer(code)} - set(_CLEARED.findall(code))
    layouts = layouts_of(unit.environment)
    layout = layouts.of_name(struct, unit.path) if through else None
    for one in layout.fields if layout is not None else ():
        kind = untagged(one.type.rstrip(" *"))
        if not one.pointer or one.name not in through or is_int_type(kind, unit.scope.typedefs):
            continue
        # Where it is declared elsewhere, the functions of the file are not all that works with it.
        if re.search(rb"\bstruct\s+%s\s*\{|\}\s*%s\s*;" % (kind.encode(), kind.encode()), unit.data):
            yield kind


def _structs(file: AnalysedFile) -> Iterator[str]:
    """The structs of the file's types, and those that its descriptions are about."""
    state = file.once(device_state)
    found = [of.row.struct("instance_size") for of in state.allocating]
    found += [untagged(name) for one in file.once(vmstates) for name in one.structs]
    yield from dict.fromkeys(found)


def _of_struct(
    file: AnalysedFile, struct: str, texts: Mapping[str, FunctionText], root: str
) -> Iterator[Observation]:
    """What resets leave of a struct that a device has, or that the device's, `root`, points to."""
    state = file.once(device_state)
    texts = {name: text for name, text in texts.items() if not _is_of_other(file, text, root)}
    own = [text for text in texts.values() if state.handles(text, root)]
    if not any(text.path == file.unit.path for text in own):
        return
    code = "\n".join(text.code for text in texts.values())
    if any(clears_all(text.code) for text in own):
        return
    members = frozenset(
        name for name, array in state.members(struct).items() if not array and name not in state.properties
    )
    listed = [*state_members(file.unit, struct), *parents_members(file, struct, (), ())]
    every = [one for one in listed if one.kind != TIMER and _is_state(state, one)]
    mentioned = members_named(code)
    yield from left_fifos(file, struct, own, mentioned)
    read = members_only_read(code)
    in_reset = {
        one
        for one in every
        if (one.name in mentioned and not (one.kind == NUMBER and one.name in read))
        or _is_set_whole(code, one)
    }
    # A table of registers says what register_reset() makes of each element (hw/core/register.c).
    by_table = "register_reset" in code
    left = {
        (one.owner, one.name): one
        for one in every
        if one not in in_reset and not _beside(one, in_reset) and not (by_table and one.kind == ARRAY)
    }
    numbers = frozenset(one.name for one in in_reset if one.kind == NUMBER)
    set_ = (members & numbers) or numbers or frozenset(one.name for one in in_reset)
    if set_:
        by_name = any("reset" in text.name for text in own)
        what = Left(struct, root, main_reset(file, own, set_), left, members, set_, read, by_name, own)
        what = replace(what, reset=named_reset(file, what.reset, texts))
        yield from left_observations(file, what, Counter(one.owner for one in in_reset)) if left else ()
        arrays = [one for one in in_reset if one.kind == ARRAY and not by_table]
        yield from left_elements(file, what, code, arrays)


def _is_of_other(file: AnalysedFile, text: FunctionText, root: str) -> bool:
    """Whether a function works with a device of another type of the file only."""
    state = file.once(device_state)
    instances = {of.row.struct("instance_size") for of in state.allocating}
    handled = [one for one in instances if state.handles(text, one)]
    return bool(handled) and not any(_are_related(file, one, root) for one in handled)


def _are_related(file: AnalysedFile, one: str, other: str) -> bool:
    """Whether two structs are the same, or one embeds or points to the other."""
    layouts = layouts_of(file.unit.environment)
    for outer, inner in ((one, other), (other, one)):
        layout = layouts.of_name(outer, file.unit.path)
        kinds = {untagged(field.type.rstrip(" *")) for field in layout.fields} if layout else set()
        if inner in kinds or inner in layouts.chain(outer, file.unit.path):
            return True
    return False


def _beside(one: StateMember, in_reset: Collection[StateMember]) -> bool:
    """Whether a reset sets another arm of the union that a member is in, and nothing of its own arm."""
    others = [other for other in in_reset if one.union and other.union == one.union]
    return bool(others) and (one.owner == one.struct or one.owner not in {other.owner for other in others})


def _is_state(state: DeviceState, one: StateMember) -> bool:
    """Whether a member has a struct of its own by which it is known, and is no property."""
    paths = {one.path, one.path.partition(".")[0]}
    return bool(one.owner) and not one.twice and not paths & state.properties


def _is_set_whole(code: str, one: StateMember) -> bool:
    """Whether a reset names the whole of something that a member lies in."""
    outer = [name for name in one.path.split(".")[:-1] if name in code]
    return any(
        re.search(rf"(?:->|\.)\s*{re.escape(name)}\b(?!\s*(?:\[[^\]]*\]\s*)*(?:\.|->))", code)
        for name in outer
    )


CHECKS = (
    # form: whether the guest writes and reads the member, or only writes it, or other code changes it in
    # steps, switches it on and off, or only stores into it; fifo: a Fifo8 or Fifo32; elements: the reset
    # sets some elements of an array.
    FileCheck(
        "state-not-reset",
        "migration",
        (
            event(
                "state-not-reset",
                *("reset", "struct", "member"),
                form="register guest count switch state fifo elements",
            ),
        ),
        run,
    ),
)
