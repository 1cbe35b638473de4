# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: a can_receive callback refuses packets, and nothing asks for them when that changes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.initialisers import tables_of_type
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.devices.phase_functions import PhaseFunctions
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.device_tables import region_tables
from qerrlint.qemu.function_text import FunctionText, function_text
from qerrlint.source.span import Span

_FLUSHES = lazy_re(rb"\bqemu_flush_(?:or_purge_)?queued_packets\s*\(")
_FIELD = lazy_re(r"(?:->|\.)\s*(\w+)\b(?!\s*(?:\(|->|\.))")
_ASKED = lazy_re(r"\b(?!trace_)(\w*can_receive\w*)\s*\(")
# A member that is asked for a bit, or as a truth value; neither an element nor a member of it.
_SWITCH = lazy_re(r"(!?)\(*\b\w+->(\w+)\)*(?:&[A-Z]\w*|&\d\w*)?\)*(?=&&|;|\)|\?)")
_STORE = lazy_re(r"->\s*(\w+)\s*\|?=(?!=)\s*([^;]+);")
_OFF = frozenset({"0", "false"})
_ON = frozenset({"1", "true"})
# Where what follows a store ends: the case of a switch, or the function.
_LEAVES = lazy_re(r"\n\s*(?:break\s*;|return\b|goto\b)")


def _run(file: AnalysedFile) -> Iterator[Observation]:
    unit = file.unit
    if b"NetClientInfo" not in unit.data or b"can_receive" not in unit.data:
        return
    flushes = _FLUSHES.search(unit.data) is not None
    for table in tables_of_type(unit.path, unit.data, "NetClientInfo"):
        kind = table.value.get("type")
        stored = table.value.get("can_receive") if kind is None or "NIC" in kind.text else None
        name = stored.text.lstrip("& ") if stored is not None else ""
        text = _answering(file, name)
        if text is not None:
            yield from _Switches(file, name, text).observations() if flushes else _never(text, name)


def _answering(file: AnalysedFile, name: str) -> FunctionText | None:
    """The function that decides for a can_receive callback: the callback, or another one that it asks."""
    declarations = file.unit.program.environment.files.file(file.unit.path)
    if name not in file.unit.functions or declarations is None:
        return None
    text = function_text(declarations, name)
    asked = _ASKED.search(text.code) if text is not None else None
    # Another function answers; one of another file is told of where that one stands.
    return text if asked is None else function_text(declarations, asked[1])


def _never(text: FunctionText, name: str) -> Iterator[Observation]:
    """What the callback tests last, in a file that flushes nowhere."""
    fields = list(_FIELD.finditer(text.code))
    if fields:
        start = text.start + fields[-1].start(1)
        yield Observation(
            event="no-flush",
            function=text.name,
            primary=Span(text.path, start, start + len(fields[-1][1])),
            key=name,
            slots={"field": fields[-1][1], "how": "never"},
        )


class _Switches:
    """What the guest turns reception on by, in a file that flushes somewhere."""

    def __init__(self, file: AnalysedFile, name: str, text: FunctionText) -> None:
        self._file = file
        self._name = name
        self._answer = text
        self._texts = PhaseFunctions(file)
        called = {
            one: body.called() & file.unit.functions.keys()
            for one in file.unit.functions
            if (body := self._texts.text(one)) is not None
        }
        flushing = {one for one in called if self._flushes_itself(one)}
        while more := {one for one in called if called[one] & flushing} - flushing:
            flushing |= more
        self._called = called
        self._flushing = re.compile(
            "|".join([*(rf"\b{one}\s*\(" for one in sorted(flushing)), _FLUSHES.pattern.decode()])
        )

    def observations(self) -> Iterator[Observation]:
        """The stores that turn reception on, and that nothing flushes after."""
        switches = self._switched()
        writes = {one.write for one in region_tables(self._file.unit.path, self._file.unit.data)}
        entered = self._texts.reached(sorted(one for one in writes if one)) if switches else ()
        for name in entered:
            text = self._texts.text(name)
            if text is None or name == self._answer.name or not self._file.asks([name]):
                continue
            for found in _STORE.finditer(text.code):
                value = "".join(found[2].split())
                turned = value not in (_ON if switches.get(found[1]) else _OFF)
                if found[1] in switches and turned and not self._flushed(text, found.end(), frozenset()):
                    yield Observation(
                        event="no-flush",
                        function=name,
                        primary=Span(text.path, text.start + found.start(1), text.start + found.end() - 1),
                        key=" ".join(found[0].split()),
                        slots={"field": found[1], "how": "here"},
                    )

    def _flushes_itself(self, name: str) -> bool:
        text = self._texts.text(name)
        return text is not None and _FLUSHES.search(text.code.encode("latin-1")) is not None

    def _switched(self) -> dict[str, bool]:
        """The members that each have to be on, or off (True), for a packet to be taken."""
        out: dict[str, bool] = {}
        for line in self._answer.code.split(";"):
            text = "".join(line.split())
            if "return" not in text or "||" in text or "if(" in text:
                continue
            for found in _SWITCH.finditer(text[text.index("return") + 6 :] + ";"):
                out[found[2]] = found[1] == "!"
        return out

    def _flushed(self, text: FunctionText, after: int, asked: frozenset[str]) -> bool:
        """Whether something flushes behind a place of a function, or behind each call of the function."""
        end = _LEAVES.search(text.code, after)
        if self._flushing.search(text.code, after, end.start() if end is not None else len(text.code)):
            return True
        callers = [one for one, called in self._called.items() if text.name in called] if not asked else []
        for name in callers:
            caller = self._texts.text(name)
            assert caller is not None
            for found in re.finditer(rf"\b{text.name}\s*\(", caller.code):
                if self._flushed(caller, found.end(), asked | {text.name}):
                    return True
        return False


CHECKS = (
    FileCheck(
        "no-flush",
        "devices",
        # field: what the callback tests. how: nothing of the file flushes, or nothing does behind this store.
        (event("no-flush", "field", how="never here"),),
        _run,
    ),
)
