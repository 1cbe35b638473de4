# SPDX-License-Identifier: GPL-2.0-or-later
"""Which devices realize a CPU, and hand its failure on: what a user says of the CPU can make them fail.

A device's struct tells whether it has a CPU, at most three structs deep; the texts of its realize method and
of what that calls in its file tell whether the failure comes back.
"""

from __future__ import annotations

import re

from qerrlint.c.declarations.struct_body import Field
from qerrlint.c.declarations.types import untagged
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.layouts import Layouts, layouts_of
from qerrlint.qemu.type_graph import QomType, TypeGraph

# The structs of CPUs: ARMCPU, PowerPCCPU; a device with a name of its own (CPUFoo, foo_cpu) is none.
_PROCESSOR = lazy_re(r"[A-Z]\w*CPU\Z")
_DEEPEST = 3
_BASE = "cpu"
"""The type that all CPUs derive from (TYPE_CPU, include/hw/core/cpu.h)."""


def processor_of(kind: QomType) -> str:
    """The member that holds a CPU (itself, or deeper) whose failure to realize a type hands on; "" for none.

    A CPU is its own: "self".
    """
    if kind.derives_from("TYPE_CPU", _BASE):
        return "self"
    layouts = layouts_of(kind.graph.environment)
    layout = layouts.layout(kind.instance_struct, kind.path) if kind.instance_struct else None
    if layout is None:
        return ""
    names = [one.name for one in layout.fields if _holds(layouts, one, layout.path, _DEEPEST)]
    text = _realizing(kind) if names else ""
    return next((name for name in names if _hands_on(text, name)), "")


def _holds(layouts: Layouts, field: Field, path: str, depth: int) -> bool:
    """Whether a field is a CPU, some CPUs, or a struct that has one."""
    if field.fields:
        return depth > 0 and any(_holds(layouts, inner, path, depth - 1) for inner in field.fields)
    name = untagged(field.type).rstrip(" *")
    if _PROCESSOR.match(name):
        return True
    if depth == 0 or field.pointer or "(" in name:
        return False
    layout = layouts.layout(field.type, path)
    return layout is not None and any(
        _holds(layouts, field, layout.path, depth - 1) for field in layout.fields
    )


def _realizing(kind: QomType) -> str:
    """The bodies of the realize methods of a type, and of the functions of their files that they call."""
    graph: TypeGraph = kind.graph
    texts: dict[tuple[str, str], str] = {}
    todo = [(phase.path, phase.function) for phase in kind.phases if phase.phase == "realize"]
    while todo:
        path, name = todo.pop()
        found = graph.function(path, name) if (path, name) not in texts else None
        if found is None:
            continue
        texts[path, name] = found.code
        todo += [(path, called) for called in sorted(found.called())]
    return "\n".join(texts.values())


def _hands_on(text: str, name: str) -> bool:
    """Whether a call realizes what a member holds, and its Error goes to a caller that can return it."""
    mentions = r"[^;{}]*\b" + re.escape(name) + r"\b[^;{}]*"
    call = re.compile(r"\b\w*realize\w*\s*\(" + mentions + r"(?:\berrp|&\s*(?:local_)?err)\s*\)")
    older = re.compile(
        r"\bobject_property_set_bool\s*\(" + mentions + r"(?:\berrp|&\s*(?:local_)?err)\s*\)"
    )  # to 2020
    return call.search(text) is not None or older.search(text) is not None
