# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: a can_receive callback refuses packets, and nothing asks for them when that changes."""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.c.initialisers import tables_of_type
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.function_text import function_text
from qerrlint.source.span import Span

_FLUSHES = lazy_re(rb"\bqemu_flush_(?:or_purge_)?queued_packets\s*\(")
_FIELD = lazy_re(r"(?:->|\.)\s*(\w+)\b(?!\s*(?:\(|->|\.))")
_ASKED = lazy_re(r"\b(?!trace_)(\w*can_receive\w*)\s*\(")


def _run(file: AnalysedFile) -> Iterator[Observation]:
    unit = file.unit
    if b"NetClientInfo" not in unit.data or b"can_receive" not in unit.data or _FLUSHES.search(unit.data):
        return
    declarations = unit.program.environment.files.file(unit.path)
    for table in tables_of_type(unit.path, unit.data, "NetClientInfo"):
        kind = table.value.get("type")
        stored = table.value.get("can_receive") if kind is None or "NIC" in kind.text else None
        name = stored.text.lstrip("& ") if stored is not None else ""
        known = name in unit.functions and declarations is not None
        text = function_text(declarations, name) if known and declarations is not None else None
        asked = _ASKED.search(text.code) if text is not None else None
        if asked is not None and declarations is not None:
            # Another function answers; one of another file is told of where that one stands.
            text = function_text(declarations, asked[1])
        if text is None:
            continue
        fields = list(_FIELD.finditer(text.code))
        if fields:
            start = text.start + fields[-1].start(1)
            yield Observation(
                event="no-flush",
                function=text.name,
                primary=Span(unit.path, start, start + len(fields[-1][1])),
                key=name,
                slots={"field": fields[-1][1]},
            )


CHECKS = (
    FileCheck(
        "no-flush",
        "devices",
        # field: what the callback tests.
        (event("no-flush", "field"),),
        _run,
    ),
)
