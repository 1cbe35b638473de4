# SPDX-License-Identifier: GPL-2.0-or-later
"""The event vmstate-buffer-leak: loading allocates a buffer for a member (VMS_ALLOC), and that one leaks, or
the one that the member has held before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from qerrlint.c.declarations.types import untagged
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.run_time_state import device_state
from qerrlint.checks.migration.vmstates import seen, vmstates
from qerrlint.findings import Observation, Step
from qerrlint.qemu.device_state import DeviceState
from qerrlint.qemu.type_graph import QomType
from qerrlint.qemu.vmstate.description import Description, VMField
from qerrlint.source.span import Span

_LOADED = frozenset({"VMS_ALLOC", "VMS_POINTER"})
_BEFORE_LOADING = ("pre_load", "pre_load_errp")
# Who may free a buffer, or take it over, by its name.
_GIVES_AWAY = r"\w*(?:free|clear|steal|take|unref|destroy|renew|realloc|release)\w*"
_ALLOCATES = r"(?:g_(?:try_)?(?:new|malloc)\w*|g_memdup2?|qemu_(?:try_)?memalign)"


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The fields of the file's descriptions whose buffer leaks when the state is loaded."""
    if b"ALLOC" not in file.unit.data:
        return
    for one in file.once(vmstates):
        for field in one.fields or ():
            if field.flags >= _LOADED and field.struct and "[" not in field.member:
                yield from _leaks(file, one, field)


def _leaks(file: AnalysedFile, one: Description, field: VMField) -> Iterator[Observation]:
    state = file.once(device_state)
    struct = untagged(field.struct).strip()
    of = next((of for of in state.allocating if of.row.struct("instance_size") == struct), None)
    if of is None:
        return
    member = field.member.split(".")[-1]
    slots = {"field": field.member, "macro": field.macro, "acquire": "", "form": "never-freed"}
    key = f"{field.macro} {field.member}"
    made = _made_in_setup(state, of, member)
    if made is not None:
        if not _named_before_loading(file, state, member):
            call, span = made
            slots |= {"acquire": call, "form": "made-before"}
            step = Step(span, f"{call}() allocates a buffer for {field.member} here")
            yield replace(seen("vmstate-buffer-leak", one, field.span, key, slots), trail=(step,))
    elif not _given_away(state, member):
        yield seen("vmstate-buffer-leak", one, field.span, key, slots, "medium")


def _made_in_setup(state: DeviceState, of: QomType, member: str) -> tuple[str, Span] | None:
    """The allocating call whose result a setup phase of the type stores in the member, and its place."""
    stores = re.compile(rf"(?:->|\.)\s*{re.escape(member)}\s*=\s*({_ALLOCATES})\s*\(")
    for phase in of.phases:
        if phase.phase in ("instance_init", "realize") and phase.path == state.unit.path:
            for text in state.reached(phase.path, phase.function).values():
                found = stores.search(text.code)
                if found is not None:
                    return found[1], Span(text.path, text.start + found.start(1), text.start + found.end(1))
    return None


def _named_before_loading(file: AnalysedFile, state: DeviceState, member: str) -> bool:
    """Whether a function that runs before a description of the file is loaded names the member."""
    word = re.compile(rf"\b{re.escape(member)}\b")
    return any(
        word.search(text.code)
        for one in file.once(vmstates)
        for name in _BEFORE_LOADING
        if name in one.callbacks
        for text in state.reached(file.unit.path, one.callbacks[name]).values()
    )


def _given_away(state: DeviceState, member: str) -> bool:
    """Whether the file, or one beside it, may free the member or give it away under another name."""
    name = re.escape(member).encode()
    gives = (
        rb"\b%s\s*\([^;{}]*\b%s\b|=\s*&?\s*\w+(?:(?:->|\.)\w+)*(?:->|\.)%s\s*[;,]|&\s*\w+(?:->|\.)%s\b"
        % ((_GIVES_AWAY.encode(), name, name, name))
    )
    unit = state.unit
    if re.search(gives, unit.data) is not None:
        return True
    files = state.graph.environment.files
    return any(
        files.contains(path, gives, (member.encode(),))
        for path in state.graph.beside(unit.path, rb"\b%s\b" % name)
    )


CHECKS = (
    FileCheck(
        "vmstate-buffer-leak",
        "migration",
        # acquire: the call that has made the member's buffer before, "" where none has.
        (
            event(
                "vmstate-buffer-leak",
                *("description", "field", "macro", "acquire"),
                form="made-before never-freed",
            ),
        ),
        run,
    ),
)
