# SPDX-License-Identifier: GPL-2.0-or-later
"""Reset leftovers: which members a reset leaves as they are, and which of those have an effect."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from qerrlint.c.declarations.types import untagged
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import guest_file
from qerrlint.checks.migration.reset_elements import other_element, set_elements
from qerrlint.checks.migration.reset_functions import FEWEST_NAMED, TIMES, main_reset
from qerrlint.checks.migration.reset_switches import is_switch
from qerrlint.checks.migration.run_time_state import (
    Lasting,
    device_state,
    ends_with_nothing,
    lasting,
    not_at_run_time,
    of_guest,
    run_time,
)
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.device_state import members_named
from qerrlint.qemu.function_text import FunctionText
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.vmstate.guest_state import guest_members
from qerrlint.qemu.vmstate.run_time import STORE, Use
from qerrlint.qemu.vmstate.state_members import ARRAY, StateMember
from qerrlint.records import record
from qerrlint.source.span import Span

_STORE = rb"(?:->|\.)%s\s*(?:(?:[-+*/%%&|^]|<<|>>)?=(?!=)|\+\+|--)"
_COUNT = rb"(?:\+\+|--)\s*\w+(?:->|\.)%s\b|(?:->|\.)%s\s*(?:[-+]=|\+\+|--)"
_STORED = lazy_re(rb"(?:->|\.)(\w+)\b\s*(?:\[[^;=]*\]\s*)*(?:(?:[-+*/%&|^]|<<|>>)?=(?!=)|\+\+|--)")
_STEPPED = lazy_re(rb"(?:\+\+|--)\s*\(*\w+[\w.>\[\]-]*?(?:->|\.)(\w+)\b")
_OFFSET = lazy_re(rb"\boffsetof\s*\([^()]*\b(\w+)\s*(?:\[[^\]]*\]\s*)?\)")
# include/qemu/fifo8.h, include/qemu/fifo32.h
_FIFOS = frozenset({"Fifo8", "Fifo32"})
_PUSHED = rb"\bfifo(?:8|32)_push(?:_all)?\s*\(\s*&[^;,]*(?:->|\.)%s\s*,"
# So many members of what migrates, or changes by steps, a reset sets at least.
_FEWEST_SET = 2


@record(frozen=True, slots=True)
class Forgotten:
    """A member of a struct, an array or not, that a reset does not name, though it names `others`.

    `uses` is what run-time code does with it, where that has been asked.
    """

    struct: str
    member: str
    reset: FunctionText
    others: tuple[str, ...]
    array: bool = False
    uses: tuple[Use, ...] = ()


def left_fifos(
    file: AnalysedFile, struct: str, own: list[FunctionText], mentioned: frozenset[str]
) -> Iterator[Observation]:
    """The FIFOs of a struct that resets leave filled."""
    unit = file.unit
    layout = layouts_of(unit.environment).of_name(struct, unit.path) if b"fifo" in unit.data else None
    fields = layout.fields if layout is not None else ()
    for one in fields:
        if one.type not in _FIFOS or one.pointer or one.dimensions or one.name in mentioned:
            continue
        pushed = re.search(_PUSHED % one.name.encode(), unit.data)
        others = mentioned & {field.name for field in fields}
        if pushed is None or not others:
            continue
        reset = main_reset(file, own, frozenset(others))
        step = Step(Span(unit.path, pushed.start(), pushed.end()), f"{one.name} is filled here")
        forgotten = Forgotten(struct, one.name, reset, tuple(sorted(others)))
        yield replace(_observation(forgotten, "fifo", "medium"), trail=(step, *_work(forgotten)))


@record(frozen=True, slots=True)
class Left:
    """What a reset leaves of a struct: `left` by owner and name.

    `members` are the plain numbers of the struct, `set_` those of them that the reset sets, `read` the names
    of members that it only reads. `by_name`: whether
    the name of one of its functions, `own`, says that it resets something.
    """

    struct: str
    root: str
    reset: FunctionText
    left: Mapping[tuple[str, str], StateMember]
    members: frozenset[str]
    set_: frozenset[str]
    read: frozenset[str]
    by_name: bool
    own: list[FunctionText]

    def seen(
        self,
        path: str,
        step: Step,
        form: str,
        certainty: str,
        *,
        array: bool = False,
        uses: tuple[Use, ...] = (),
    ) -> Observation:
        """The observation of one member, with the place that stores into it."""
        forgotten = Forgotten(self.struct, path, self.reset, tuple(sorted(self.set_)), array, uses)
        return replace(_observation(forgotten, form, certainty), trail=(step, *_work(forgotten)))


def left_observations(file: AnalysedFile, what: Left, named: Mapping[str, int]) -> Iterator[Observation]:
    """The members that are left: registers first, then what changes at run time."""
    told: set[str] = set()
    wanted: dict[str, set[str]] = {}
    for owner, name in what.left:
        wanted.setdefault(owner, set()).add(name)
    names = {owner: frozenset(found) for owner, found in wanted.items()}
    for one in guest_members(file.once(guest_file), names):
        member = what.left[one.struct, one.member]
        told.add(member.path)
        step = Step(one.written, f"{one.writer}() stores what the guest writes in {member.path}")
        yield what.seen(member.path, step, "register", "medium", array=member.kind == ARRAY)
    state = file.once(device_state)
    instances = {of.row.struct("instance_size") for of in state.allocating} | state.core_resets.keys()
    if what.root not in instances or not what.by_name:
        return
    # What a reset reads may be how the device was set up, unless the guest sets it.
    unread = {key: one for key, one in what.left.items() if one.name not in what.read}
    what = replace(what, left=unread)
    single = {one.path for one in what.left.values()} & what.members
    registers = frozenset(told)
    weak: dict[str, Observation] = {}
    for name, place, counted in _at_run_time(file, what.struct, single - told, what.members & what.set_):
        step = Step(place, f"{name} is changed here")
        if counted:
            told.add(name)
            yield what.seen(name, step, "count", "medium", uses=_uses(file, what, name))
        else:
            weak[name] = what.seen(name, step, "state", "low")
    # A register is enough to say of a reset; the other forms tell of resets that leave none.
    for form, kept in _lasting_left(file, what, told, named) if not registers else ():
        path = kept.member.path
        weak.pop(path, None)
        told.add(path)
        place = Span(file.unit.path, kept.stored.start, kept.stored.end)
        step = Step(place, f"{kept.stored.function}() changes {path}")
        array = kept.member.kind == ARRAY
        yield what.seen(path, step, form, "medium", array=array, uses=kept.uses)
    yield from weak.values() if told or weak else _of_base(file, what, named)


def _uses(file: AnalysedFile, what: Left, path: str) -> tuple[Use, ...]:
    """What run-time code does with one of the members that a reset leaves."""
    member = next(one for one in what.left.values() if one.path == path)
    code = file.once(run_time)
    return tuple(code.uses([member], code.functions).get(member, ()))


def _of_base(file: AnalysedFile, what: Left, named: Mapping[str, int]) -> Iterator[Observation]:
    """The members of an abstract type that migrate and are left: what works with them is in other files."""
    state = file.once(device_state)
    bases = [of for of in state.allocating if of.row.struct("instance_size") == what.root]
    if not any(of.row.abstract for of in bases) or file.once(guest_file).entries:
        return
    fields = _fields(file, what.struct)
    left = [one for one in what.left.values() if one.path in fields]
    for one in left if named[what.struct] >= max(FEWEST_NAMED, TIMES * len(left)) else ():
        step = Step(
            fields[one.path], f"{one.path} migrates: it changes while a device of a derived type runs"
        )
        yield what.seen(one.path, step, "state", "medium", array=one.kind == ARRAY)


def left_elements(
    file: AnalysedFile, what: Left, code: str, arrays: Iterable[StateMember]
) -> Iterator[Observation]:
    """The arrays of registers of which resets set single elements only, while the guest writes others by
    which run-time code goes."""
    left: dict[tuple[str, str], tuple[StateMember, Use]] = {}
    for one in arrays:
        found = set_elements(code, one.name)
        used = other_element(file, one, found) if found else None
        if used is not None:
            left[one.owner, one.name] = (one, used)
    names: dict[str, frozenset[str]] = {}
    for owner, name in left:
        names[owner] = names.get(owner, frozenset()) | {name}
    for seen in guest_members(file.once(guest_file), names) if names else ():
        member, use = left[seen.struct, seen.member]
        steps = (
            Step(seen.written, f"{seen.writer}() stores what the guest writes in elements of {member.path}"),
            Step(Span(file.unit.path, use.start, use.end), f"{use.function}() depends on this element"),
        )
        here = member.name in members_named(what.reset.code) or what.reset not in what.own
        reset = what.reset if here else main_reset(file, what.own, frozenset({member.name}))
        told = replace(what, reset=reset).seen(member.path, steps[0], "elements", "medium", array=True)
        group = f"elements {member.owner} {member.name}"
        yield replace(told, trail=(*steps, *told.trail[1:]), group=group)


def _fields(file: AnalysedFile, struct: str) -> Mapping[str, Span]:
    """The members of a struct that the descriptions of the file hold, with the places of their fields."""
    return {
        re.split(r"[.\[]", field.member, maxsplit=1)[0]: field.span
        for one in file.once(vmstates)
        for field in one.fields or ()
        if untagged(field.struct) == struct
    }


def _lasting_left(
    file: AnalysedFile, what: Left, told: Collection[str], named: Mapping[str, int]
) -> Iterator[tuple[str, Lasting]]:
    """Of members that a reset leaves those that keep something which only a reset could end, each with the
    form of its observation.

    A member that run-time code only changes in steps gets no first value from anything else, and of one that
    begins with a value and ends with 0 functions may go by the 0. What the guest
    writes, and a switch that is set and taken back in different places, count where the reset sets most of
    the struct.
    """
    tables, stored_names = file.once(_in_tables), file.once(_stored_names)
    every = [
        one
        for one in what.left.values()
        if one.path not in told and one.name in stored_names and one.name not in tables
    ]
    found = lasting(file, [one for one in every if named[one.owner] >= _FEWEST_SET], ask_guest=False)
    if named[what.struct] >= FEWEST_NAMED:
        # A struct that is left as a whole counts as one member of that round it.
        whole = [one for one in every if one.owner not in named and _is_single(file, one)]
        yield from (
            ("switch", one)
            for one in lasting(file, whole, ask_guest=False)
            if len({use.value for use in one.uses if use.kind == STORE}) > 1
            and is_switch(file.unit.data, one, [use for use in one.uses if use.kind == STORE], latch=False)
        )
    left = Counter(one.member.owner for one in found)
    set_by_guest = []
    for one in found:
        owner = one.member.owner
        most = named[owner] >= max(FEWEST_NAMED, TIMES * left[owner])
        stores = [use for use in one.uses if use.kind == STORE]
        if one.member.kind != ARRAY and (not stores or ends_with_nothing(file, one.uses)):
            yield "count", one
        elif is_switch(file.unit.data, one, stores, latch=not most):
            yield "switch", one
        elif most:
            set_by_guest.append(one)
    # Each request gives anew what it sends.
    yield from (("guest", one) for one in of_guest(file, set_by_guest, sent=False))


def _is_single(file: AnalysedFile, one: StateMember) -> bool:
    """Whether the struct that a member lies in is embedded once, and is no array."""
    layout = layouts_of(file.unit.environment).of_name(one.struct, file.unit.path)
    field = layout.field(one.path.partition(".")[0]) if layout is not None else None
    return field is not None and not field.dimensions and one.path.count(".") == 1


def _in_tables(file: AnalysedFile) -> frozenset[str]:
    """The members whose offsets the file takes: a table of registers may say what a reset makes of them."""
    return frozenset(found[1].decode() for found in _OFFSET.finditer(file.unit.data))


def _stored_names(file: AnalysedFile) -> frozenset[str]:
    """The names of members into which the file stores at all."""
    data = file.unit.data
    return frozenset(found.decode() for pattern in (_STORED, _STEPPED) for found in pattern.findall(data))


def _work(one: Forgotten) -> Iterator[Step]:
    """Where a reset sets something else, and where it ends."""
    reset = one.reset
    others = "|".join(map(re.escape, one.others))
    found = re.search(rf"(?:->|\.)({others})\b", reset.code)
    if found is not None:
        place = Span(reset.path, reset.start + found.start(1), reset.start + found.end(1))
        yield Step(place, f"{found[1]} gets its power-on value here")
    end = reset.start + len(reset.code)
    yield Step(Span(reset.path, end - 1, end), f"{reset.name}() ends here: {one.member} keeps its old value")


def _at_run_time(
    file: AnalysedFile, struct: str, left: frozenset[str] | set[str], set_: frozenset[str]
) -> Iterator[tuple[str, Span, bool]]:
    """Of some members those that a description holds and that functions change while the device runs.

    Each with a place, and whether it counts there: how much there is, or how far something has come.
    """
    held = _fields(file, struct).keys()
    wanted = held & left
    if not wanted or len(held & set_) < _FEWEST_SET:
        return
    # A reset that sets few of what migrates sets the rest elsewhere.
    only_counts = len(held & set_) < len(wanted)
    outside = not_at_run_time(file) | file.once(device_state).own_resets.keys()
    data = file.unit.data
    bodies = [piece for name, piece in file.unit.functions.items() if name not in outside]
    words = file.unit.definitions.words
    for member in sorted(wanted & file.once(_stored_names)):
        word = member.encode()
        near = [(piece.body, piece.span.end) for piece in bodies if word in words(piece)]
        for pattern, counted in ((_COUNT % (word, word), True), (_STORE % word, False)):
            searched = re.compile(pattern)
            places = (searched.search(data, *body) for body in near)
            found = next((place for place in places if place is not None), None)
            if found is not None:
                if counted or not only_counts:
                    yield member, Span(file.unit.path, found.start(), found.end()), counted
                break


def _observation(one: Forgotten, form: str, certainty: str) -> Observation:
    reset = one.reset
    return Observation(
        event="state-not-reset",
        function=reset.name,
        primary=Span(reset.path, reset.head_start, reset.start),
        key=f"{one.struct} {one.member}",
        slots={"reset": reset.name, "struct": one.struct, "member": one.member, "form": form},
        certainty=certainty,
        subject=one,
    )
