# SPDX-License-Identifier: GPL-2.0-or-later
"""Structs that a file fills from guest memory: descriptors, whose members are what the guest wrote there.

A descriptor is read in one function and looked at in others, so its type tells more than its variable: a
struct whose address is handed to a function that reads guest memory, or to a function of the file that hands
that pointer on, holds guest data wherever the file reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from qerrlint.c.declarations.types import untagged
from qerrlint.ir.code import Addr, Assign, Call, Function, Result, text_of
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.file_text import NamedPattern, calls_of
from qerrlint.qemu.guest.sample_scope import FileNames
from qerrlint.qemu.guest.taint import READS_MEMORY, paths_in

# Those of taint.READS_MEMORY that do nothing else.
_READERS = {name: position for name, position in READS_MEMORY.items() if not name.endswith("_rw")}
# Functions whose result points into guest memory (system/dma.h, system/memory.h, hw/pci/pci_device.h).
_MAPS = frozenset(
    {"pci_dma_map", "dma_memory_map", "cpu_physical_memory_map", "address_space_map", "physical_memory_map"}
)
_MAPPED = calls_of(_MAPS)
READER = calls_of((*_READERS, *_MAPS))
"""What a file that reads guest memory has in its text."""
_CAST = lazy_re(r"\A\(\s*(?:const\s+)?(?:struct\s+)?\w+\s*\*+\s*\)\s*")
_LINK = lazy_re(r"->|\.")
_HANDS_ON = 3


class MemoryStructs:
    """The structs of one file that are filled from guest memory."""

    def __init__(
        self,
        names: FileNames,
        matching: Callable[[NamedPattern], Sequence[str]],
        naming: Callable[[str], Sequence[str]],
    ) -> None:
        """`matching`: which functions of the file have a match of a pattern; `naming`: which have a word."""
        self._names = names
        self._matching = matching
        self._naming = naming
        self._found: frozenset[str] | None = None

    @property
    def types(self) -> frozenset[str]:
        """The names of the structs."""
        if self._found is None:
            reads = READER.is_in(self._names.unit.text)
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
        return frozenset(path for path in found if self.is_member(function, path))

    def is_member(self, function: Function, path: str) -> bool:
        """Whether a path names a member of such a struct, or of what that holds."""
        ends = (link.start() for link in _LINK.finditer(path))
        return any(self._struct(function, path[:end]) in self.types for end in ends)

    def _mapped(self) -> Iterator[str]:
        """The structs that pointers into guest memory point to."""
        for name in self._matching(_MAPPED):
            function = self._names.unit.lowered(name)
            for block in function.blocks if function is not None else ():
                for event in block.events:
                    if not isinstance(event, Assign) or not isinstance(event.value, Result):
                        continue
                    if function is not None and function.calls[event.value.call].name in _MAPS:
                        struct = self._struct(function, event.target)
                        if self._is_declared(struct):
                            yield struct

    def _filled(self) -> Iterator[str]:
        yield from self._mapped()
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
                    if self._is_declared(struct):
                        yield struct
                    signature = unit.signature(function.name)
                    handing += [
                        (function.name, at)
                        for at, param in enumerate(signature.params if signature is not None else ())
                        if param.name == path and param.type.endswith("*") and (function.name, at) not in seen
                    ]
            seen.update(handing)
            waiting = handing

    def _is_declared(self, struct: str) -> bool:
        """Whether the file sees the members of a struct, by the name of its type or by its tag."""
        members, path = self._names.unit.environment.members, self._names.unit.path
        names = (struct, f"struct {struct}") if struct not in ("", "void") else ()
        return any(members(name, path) for name in names)

    def _calls(self, name: str) -> Iterator[tuple[Function, Call]]:
        for caller in self._naming(name):
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
        return untagged(self._names.type_of(function, path).removeprefix("const ")).rstrip(" *")
