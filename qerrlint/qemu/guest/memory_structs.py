# SPDX-License-Identifier: GPL-2.0-or-later
"""Structs that a file fills from guest memory: descriptors, whose members are what the guest wrote there.

A descriptor is read in one function and looked at in others, so its type tells more than its variable: a
struct whose address is handed to a function that reads guest memory, or to a function of the file that hands
that pointer on, holds guest data wherever the file reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from qerrlint.ir.code import Addr, Assign, Call, Function, text_of
from qerrlint.qemu.guest.sample_scope import FileNames
from qerrlint.qemu.guest.taint import READS_MEMORY, paths_in

# Those of taint.READS_MEMORY that do nothing else.
_READERS = {name: position for name, position in READS_MEMORY.items() if not name.endswith("_rw")}
READER = re.compile(rb"\b(?:%s)\s*\(" % b"|".join(name.encode() for name in _READERS))
"""What a file that reads guest memory has in its text."""
_CAST = re.compile(r"\A\(\s*(?:const\s+)?(?:struct\s+)?\w+\s*\*+\s*\)\s*")
_LINK = re.compile(r"->|\.")
_HANDS_ON = 3


class MemoryStructs:
    """The structs of one file that are filled from guest memory."""

    def __init__(self, names: FileNames, matching: Callable[[re.Pattern[bytes]], Sequence[str]]) -> None:
        """`matching`: which functions of the file have a match of a pattern."""
        self._names = names
        self._matching = matching
        self._found: frozenset[str] | None = None

    @property
    def types(self) -> frozenset[str]:
        """The names of the structs."""
        if self._found is None:
            reads = READER.search(self._names.unit.data) is not None
            self._found = frozenset(self._filled()) if reads else frozenset()
        return self._found

    def read_in(self, function: Function) -> frozenset[str]:
        """The paths that a function reads and that name a member of such a struct."""
        if not self.types:
            return frozenset()
        found: set[str] = set()
        for block in function.blocks:
            for edge in block.edges:
                if edge.span is not None and edge.tests:
                    found |= self._names.reads(edge.span)
            for event in block.events:
                if isinstance(event, Assign):
                    found |= paths_in(text_of(event.value))
                elif isinstance(event, Call):
                    found.update(path for arg in event.args for path in paths_in(text_of(arg)))
        return frozenset(path for path in found if self._is_member(function, path))

    def _is_member(self, function: Function, path: str) -> bool:
        ends = (link.start() for link in _LINK.finditer(path))
        return any(self._struct(function, path[:end]) in self.types for end in ends)

    def _filled(self) -> Iterator[str]:
        unit = self._names.unit
        waiting = list(_READERS.items())
        seen = set(waiting)
        for _ in range(_HANDS_ON):
            handing: list[tuple[str, int]] = []
            for name, position in waiting:
                for function, call in self._calls(name):
                    if not -len(call.args) <= position < len(call.args):
                        continue
                    path = self._buffer(call, position)
                    struct = self._struct(function, path) if path else ""
                    if struct and struct != "void" and unit.environment.members(struct, unit.path):
                        yield struct
                    signature = unit.signature(function.name)
                    handing += [
                        (function.name, at)
                        for at, param in enumerate(signature.params if signature is not None else ())
                        if param.name == path and param.type.endswith("*") and (function.name, at) not in seen
                    ]
            seen.update(handing)
            waiting = handing

    def _calls(self, name: str) -> Iterator[tuple[Function, Call]]:
        for caller in self._matching(re.compile(rb"\b%s\s*\(" % name.encode())):
            function = self._names.unit.lowered(caller)
            for call in function.calls if function is not None else ():
                if call.direct and call.name == name and function is not None:
                    yield function, call

    def _buffer(self, call: Call, position: int) -> str:
        """The path whose address, or whose value, a call gets as its buffer; "" for anything else."""
        arg = call.args[position]
        text = arg.path if isinstance(arg, Addr) else _CAST.sub("", text_of(arg)).lstrip("&")
        return text if paths_in(text) == {text} else ""

    def _struct(self, function: Function, path: str) -> str:
        return self._names.type_of(function, path).removeprefix("const ").removeprefix("struct ").rstrip(" *")
