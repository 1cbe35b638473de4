# SPDX-License-Identifier: GPL-2.0-or-later
"""Phases: when in the life cycle of an object a function runs, by the slots that its file stores it in.

A realize that fails is not followed by unrealize (hw/core/qdev.c), nor a block driver's open by close
(block.c); instance_finalize runs whenever the object is destroyed (qom/object.c).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.lexis import occurrences
from qerrlint.lazy_patterns import lazy_re

# Members of classes and drivers, and the phase in which a function stored there runs.
_MEMBERS = {
    "realize": "realize",
    "unrealize": "unrealize",
    "exit": "unrealize",
    "reset": "reset",
    "hold": "reset",
    "enter": "reset",
    "legacy_reset": "reset",
    "attach": "attach",
    "attach_device": "attach",
    "detach": "detach",
    "detach_device": "detach",
    "instance_init": "instance-init",
    "instance_finalize": "finalize",
    "bdrv_open": "open",
    "bdrv_file_open": "open",
    "bdrv_close": "close",
}
SETUP = frozenset({"realize", "open"})
"""Phases that, when they fail, are not followed by the phase that undoes them."""
RECURRING = frozenset({"reset", "state-change"})
"""Phases that one object goes through repeatedly."""
FINALIZE = frozenset({"finalize"})
"""The phase that runs whenever an object is destroyed."""
TEARDOWN = frozenset({"unrealize", "detach", "close", "finalize"})
"""Phases that undo a setup phase."""
# What stands between a member's name and the end of a store of a plain name into it.
_STORE = lazy_re(rb"[ \t]*=[ \t]*\n?[ \t]*&?([A-Za-z_]\w*)\s*[,;}]")
_PARENT = lazy_re(rb"device_class_set_parent_(\w+)\(\s*\w+,\s*(\w+),")
_LEGACY = lazy_re(rb"device_class_set_(legacy_reset)\(\s*\w+,\s*(\w+)\)")
_RESET_PHASES = lazy_re(rb"resettable_class_set_parent_phases\(\s*\w+,([^;]*);")
_HANDLER = lazy_re(rb"_add_vm_change_state_handler\w*\(([^;]*);")
# How far before a member's name the dot or the arrow may stand.
_NEAR = 16
_DEFINES = lazy_re(rb"^OBJECT_DEFINE_(?:SIMPLE_)?TYPE\w*\(", re.MULTILINE)
# What several devices realize in common is named so, beside its counterpart; other files call both.
_REALIZES = lazy_re(r"(\w+)_realize(?:_\w+|fn)?\Z")
_WORD = lazy_re(rb"[A-Za-z_]\w*")


def phases(data: bytes, functions: frozenset[str]) -> dict[str, frozenset[str]]:
    """The phases in which each function (of `functions`) runs, by the slots that its file stores it in.

    `data` are the file's bytes. A function that runs in no known phase is left out; one that no slot of the
    file holds is known by its name where its counterpart stands beside it (`X_realize`, `X_unrealize`).
    """
    found: dict[str, set[str]] = {}
    for function, phase in _stored(data):
        found.setdefault(function.decode(), set()).add(phase)
    if _DEFINES.search(data):
        # OBJECT_DEFINE_TYPE() declares NAME_finalize() and stores it (include/qom/object.h).
        for name in functions:
            if name.endswith("_finalize"):
                found.setdefault(name, set()).add("finalize")
    for name, counterpart in _helpers(functions):
        if name not in found:
            found[name] = {"realize"}
            found.setdefault(counterpart, set()).add("unrealize")
    return {name: frozenset(served) for name, served in found.items() if name in functions}


def _stored(data: bytes) -> Iterator[tuple[bytes, str]]:
    """The functions that a file stores or registers, each with the phase in which it runs there."""
    for member, phase in _MEMBERS.items():
        word = member.encode()
        for at in occurrences(data, word):
            if data[max(at - _NEAR, 0) : at].rstrip(b" \t").endswith((b".", b"->")):
                stored = _STORE.match(data, at + len(word))
                if stored is not None:
                    yield stored[1], phase
    for pattern in (_PARENT, _LEGACY):
        for stored in pattern.finditer(data):
            if stored[1].decode() in _MEMBERS:
                yield stored[2], _MEMBERS[stored[1].decode()]
    for pattern, phase in ((_RESET_PHASES, "reset"), (_HANDLER, "state-change")):
        for stored in pattern.finditer(data):
            for name in _WORD.findall(stored[1]):
                yield name, phase


def _helpers(functions: frozenset[str]) -> list[tuple[str, str]]:
    """The functions called `X_realize` with an `X_unrealize` beside them, and that."""
    out = []
    for name in sorted(functions):
        found = _REALIZES.match(name)
        if found is not None:
            start = f"{found.group(1)}_unrealize"
            counterpart = next((other for other in sorted(functions) if other.startswith(start)), None)
            if counterpart is not None:
                out.append((name, counterpart))
    return out
