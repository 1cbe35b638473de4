# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptions and state that look wrong by themselves and are right in the way they are used."""

from __future__ import annotations

import re

from qerrlint.c.lexis import bare, occurrences
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.input_lines import keeping_lines
from qerrlint.checks.migration.reset_leftovers import Forgotten
from qerrlint.checks.migration.run_time_state import (
    device_state,
    ends_with_nothing,
    run_time,
    stored_before,
)
from qerrlint.checks.migration.state_not_migrated import Lost
from qerrlint.checks.migration.vmstate_layout_changed import LayoutChange
from qerrlint.checks.migration.vmstates import vmstates
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.vmstate.description import Description
from qerrlint.qemu.vmstate.run_time import CHANGE, READ, STORE
from qerrlint.qemu.vmstate.state_members import ARRAY, TIMER

_MEMBER = lazy_re(r"->|\.\w")
_CALLED = lazy_re(rb"\b([A-Za-z_]\w*)\s*\(")
_DIFFERS = lazy_re(rb"\s*\)*\s*[!=]=")
_COMMENT = lazy_re(rb"/\*.*?\*/|//[^\n]*", re.S)
# A comment that ends right above a function, and how far before that it is looked for.
_ABOVE = lazy_re(rb"/\*(?:[^*]|\*(?!/))*\*/\s*\Z")
_LONGEST_COMMENT = 2000
# include/system/block-backend-io.h
_TO_DRIVE = lazy_re(rb"\bblk_(?:aio_)?(?:pwrite\w*|write)\s*\([^;]*;")
# include/system/memory.h, include/system/dma.h, include/hw/pci/pci_device.h
_GUEST_MEMORY = lazy_re(
    rb"\b(?:(?:cpu_)?physical_memory|dma_memory|pci_dma|address_space)_(?:read|write|rw)\s*\([^;]*;"
)
_FLUSHES = b"qemu_flush_queued_packets"
_NOTHING = ("0", "false")
_TOLD_BY_HOST = lazy_re(rb"\.\s*(?:ui_info|gl_block)\s*=\s*(\w+)")
# A member that gets a constant, by its look.
_GIVEN = lazy_re(r"(?:->|\.)(\w+)\s*=(?!=)\s*(\w+)\s*;")
# I2CSlaveClass (include/hw/i2c/i2c.h)
_START_OF_TRANSFER = "event"
_ENDS = lazy_re(rb"\}|\b(?:return|break|goto|case|default)\b")
_FEWEST_OF_GUARD = 2
_STATIC = lazy_re(rb"\bstatic\b[^;{}]*\Z")
# How far before the name of a variable its declaration begins, at most.
_DECLARATION = 80
# Its definition, and a use.
_FEWEST_OF_USED = 2


def state_outlives_reset(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the state is kept on purpose, by the names of the file and of the member."""
    words = word_list("kept-over-reset")
    names = (analysed.unit.path.rpartition("hw/")[2], observation.slots.get("member", ""))
    return any(words.matches(name.lower()) for name in names)


def contents_of_buffer(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the member holds data, by its name, of which another member says how much counts.

    It is an array, or a register that no read of the guest returns.
    """
    one = observation.subject
    name = observation.slots.get("member", "").rpartition(".")[2].lower()
    if not isinstance(one, Forgotten):
        return False
    if observation.slots.get("form") == "guest" and word_list("data-registers").matches(name):
        return True
    return one.array and word_list("buffers").matches(name)


def is_set_at_the_start(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether run-time code gives what counts a first value other than 0, and nothing goes by its being 0."""
    one = observation.subject
    if not isinstance(one, Forgotten) or observation.slots.get("form") != "count":
        return False
    unit = analysed.unit
    member = one.member.rpartition(".")[2]
    stored = re.compile(rb"(?:->|\.)%s\s*=(?!=)\s*([^;]*);" % member.encode())
    pieces = (unit.functions[name] for name in analysed.once(run_time).functions)
    begins = any(
        found[1].strip() not in (b"0", b"false")
        for piece in pieces
        for found in stored.finditer(unit.data, piece.body, piece.span.end)
    )
    return begins and not ends_with_nothing(analysed, one.uses)


def is_counted_anew(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether each function that counts gives the member its first value itself, before it counts."""
    one = observation.subject
    if not isinstance(one, Forgotten) or observation.slots.get("form") != "count":
        return False
    code = analysed.once(run_time)
    stored = [use for use in one.uses if use.kind == STORE]
    steps = [use for use in one.uses if use.kind == CHANGE]
    return bool(steps) and all(stored_before(code, use, stored) for use in steps)


def is_cleared_when_it_begins(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether a function sets the count to 0 and a member on which the reset sets to another constant.

    So what is counted begins there, and the reset has ended it.
    """
    one = observation.subject
    if not isinstance(one, Forgotten) or observation.slots.get("form") != "count":
        return False
    ended = dict(_GIVEN.findall(one.reset.code))
    code = analysed.once(run_time)
    for use in one.uses:
        text = code.text(use.function) if use.kind == STORE and use.value in _NOTHING else None
        if text is None or text.name == one.reset.name:
            continue
        for member, value in _GIVEN.findall(text.code):
            differs = member != one.member and ended.get(member, value) != value
            if differs and not re.search(rf"\b{value}\s*(?:=[^=]|[,;)])", text.head + ")"):
                return True
    return False


def count_is_a_deadline(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether run-time code hands the count to what arms a timer, as the time of its next run."""
    one = observation.subject
    if not isinstance(one, Forgotten) or observation.slots.get("form") != "count":
        return False
    code = analysed.once(run_time)
    pattern = re.compile(rf"\btimer_mod\w*\s*\([^;]*(?:->|\.){re.escape(one.member.rpartition('.')[2])}\b")
    texts = [code.text(name) for name in {use.function for use in one.uses}]
    return any(text is not None and pattern.search(text.code) for text in texts)


def start_of_transfer_sets_it(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the function that the bus calls where a transfer begins stores into the register."""
    one = observation.subject
    if not isinstance(one, Forgotten) or observation.slots.get("form") != "register":
        return False
    state = analysed.once(device_state)
    stored = re.compile(rf"(?:->|\.){re.escape(one.member.rpartition('.')[2])}\s*=(?!=)")
    return any(
        stored.search(text.code)
        for of in state.graph.of_file(analysed.unit.path)
        for slot in of.setup.stored
        if slot.slot == _START_OF_TRANSFER and slot.name
        for text in state.reached(analysed.unit.path, slot.name).values()
    )


def reset_cancels_what_counts(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the reset cancels requests, and a callback by which they are cancelled sets the member."""
    one = observation.subject
    if not isinstance(one, Forgotten):
        return False
    words = word_list("cancels")
    called = any(words.matches(name) for name in one.reset.called())
    return called and any(use.kind == STORE and words.matches(use.function) for use in one.uses)


def reset_says_what_stays(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether a comment in the reset, or right above it, says that some state stays."""
    one = observation.subject
    if not isinstance(one, Forgotten) or one.reset.path != analysed.unit.path:
        return False
    data = analysed.unit.data
    above = _ABOVE.search(data, max(one.reset.head_start - _LONGEST_COMMENT, 0), one.reset.head_start)
    start = above.start() if above is not None else one.reset.head_start
    text = data[start : one.reset.start + len(one.reset.code)]
    said = b" ".join(_COMMENT.findall(text)).decode("latin-1")
    return word_list("kept-on-purpose").matches(said)


def keeps_level_of_line(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether a function that an input line calls stores the level of the line in the member."""
    one = observation.subject
    return isinstance(one, Forgotten) and bool(one.uses) and bool(keeping_lines(analysed, [one.uses]))


def contents_of_drive(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the file writes what the members hold to its drive."""
    slots = observation.slots
    members = (slots.get("members") or slots.get("member") or "").split(", ")
    written = b" ".join(found[0] for found in _TO_DRIVE.finditer(analysed.unit.data)).decode("latin-1")
    return bool(written) and all(
        re.search(rf"(?:->|\.){re.escape(one.rpartition('.')[2])}\b", written) for one in members
    )


def host_keeps_left_state(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether state that a reset leaves serves the host by its name, or tells what windows the host shows.

    The guest does not read the former.
    """
    one = observation.subject
    if isinstance(one, Forgotten) and one.uses:
        setting = {use.function for use in one.uses if use.kind != READ}
        told = {found[1].decode() for found in _TOLD_BY_HOST.finditer(analysed.unit.data)}
        if setting and setting <= told:
            return True
    return observation.slots.get("form") != "register" and state_serves_the_host(analysed, observation)


def state_tells_of_the_reset(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether each function that sets the member asks for the reset.

    Its stores are for the time after it. Others may take it back.
    """
    one = observation.subject
    if not isinstance(one, Forgotten) or not one.uses:
        return False
    unit = analysed.unit
    words = word_list("requests-of-reset")
    setting = [use for use in one.uses if use.kind != READ and use.value not in ("0", "false")]
    pieces = [unit.functions[use.function] for use in setting]
    texts = [unit.data[piece.body : piece.span.end] for piece in pieces]
    return bool(texts) and all(
        any(words.matches(name.decode()) for name in _CALLED.findall(text)) for text in texts
    )


def timer_flushes_packets(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the state is a timer whose callback asks for the packets that wait for the device."""
    one = observation.subject
    unit = analysed.unit
    if not isinstance(one, Lost) or one.member.kind != TIMER or _FLUSHES not in unit.data:
        return False
    name = one.member.name.encode()
    made = re.search(
        rb"(?:->|\.)%s\s*=\s*timer_new\w*\s*\([^;(),]*,\s*(\w+)|timer_init\w*\s*\(\s*&[^;(),]*\b%s\s*,[^;,]*,\s*(\w+)"
        % (name, name),
        unit.data,
    )
    piece = unit.functions.get((made[1] or made[2]).decode()) if made is not None else None
    return piece is not None and _FLUSHES in unit.data[piece.body : piece.span.end]


def device_blocks_migration(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the file adds a migration blocker."""
    return b"migrate_add_blocker" in analysed.unit.data


def needed_is_not_asked(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the callback is `needed` of a description that is only nested in others."""
    one = observation.subject
    assert isinstance(one, Description)
    if observation.slots["what"] != f"{one.callbacks.get('needed')}()":
        return False
    return any(
        field.vmsd == one.variable for other in analysed.once(vmstates) for field in other.fields or ()
    )


def state_is_derived(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether run-time code stores only what it works out from other members."""
    one = observation.subject
    if not isinstance(one, Lost):
        return False
    stored = [use for use in one.uses if use.kind == STORE]
    return (
        one.form == "state"
        and bool(stored)
        and not any(use.kind == CHANGE for use in one.uses)
        and all(use.constant or _MEMBER.search(use.value) is not None for use in stored)
        and not all(use.constant for use in stored)
    )


def state_is_compared_only(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether all is done in one function, which only asks whether the member differs from something."""
    one = observation.subject
    if not isinstance(one, Lost | Forgotten) or len({use.function for use in one.uses}) != 1:
        return False
    data = analysed.unit.data
    read = [use for use in one.uses if use.kind != STORE]
    return bool(read) and all(_DIFFERS.match(data, use.end) is not None for use in read)


def state_guards_one_function(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether one function alone goes by the member, which stores constants and ends with 0 or false."""
    one = observation.subject
    if not isinstance(one, Lost) or len({use.function for use in one.uses}) != 1:
        return False
    stored = [use for use in one.uses if use.kind != READ]
    if len(stored) < _FEWEST_OF_GUARD:
        return False
    return all(use.kind == STORE and use.constant for use in stored) and stored[-1].value in ("false", "0")


def state_is_taken_back(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the one function that sets the member takes that back on the same way; others only read it."""
    one = observation.subject
    if not isinstance(one, Lost) or len({use.function for use in one.uses}) == 1:
        return False
    stored = [use for use in one.uses if use.kind != READ]
    if len({use.function for use in stored}) != 1 or not all(u.kind == STORE and u.constant for u in stored):
        return False
    data = analysed.unit.data
    after = [*stored[1:], None]
    return all(
        use.value in _NOTHING
        or (then is not None and then.value in _NOTHING and _ENDS.search(data, use.end, then.start) is None)
        for use, then in zip(stored, after, strict=True)
    )


def is_moved_at_once(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the member is an array that the file hands to an access to guest memory."""
    one = observation.subject
    if not isinstance(one, Lost) or one.member.kind != ARRAY:
        return False
    handed = rb"[,(]\s*(?:\([^()]*\)\s*)?&?\w+(?:->|\.)%s\b" % one.member.name.encode()
    return any(
        re.search(handed, found[0]) is not None for found in _GUEST_MEMORY.finditer(analysed.unit.data)
    )


def loading_resets(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether post_load of the description calls a function of the file that resets something."""
    one = observation.subject
    if not isinstance(one, Lost):
        return False
    piece = analysed.unit.functions.get(one.description.callbacks.get("post_load", ""))
    if piece is None:
        return False
    called = _CALLED.findall(analysed.unit.data, piece.body, piece.span.end)
    return any(b"reset" in name.lower() and name.decode() in analysed.unit.functions for name in called)


def state_serves_the_host(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the host alone goes by the state, as the names of file and member say."""
    words = word_list("state-of-host")
    names = (analysed.unit.path.rpartition("hw/")[2], observation.slots.get("member", ""))
    return any(words.matches(name.lower()) for name in names)


def description_was_unused(analysed: AnalysedFile, observation: Observation) -> bool:
    """Whether the change begins to use a static description, which no stream has had before."""
    change = observation.subject
    if not isinstance(change, LayoutChange):
        return False
    variable = change.old.variable.encode()
    data = bare(change.before.data)
    before = list(occurrences(data, variable))
    if len(before) != 1 or len(list(occurrences(bare(change.after.data), variable))) < _FEWEST_OF_USED:
        return False
    return _STATIC.search(data, max(0, before[0] - _DECLARATION), before[0]) is not None
