# SPDX-License-Identifier: GPL-2.0-or-later
"""The phases of a device's life, and the functions of its file that each runs; read from the texts of the
functions.

A phase is entered at the functions that the type stores for it, and takes in the functions of the same file
that those call.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from qerrlint.checks.file import AnalysedFile
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.device_tables import property_calls
from qerrlint.qemu.function_text import FunctionText, function_text
from qerrlint.qemu.type_graph import Phase, QomType, TypeGraph, graph_of
from qerrlint.source.span import Span

COMPLETE = "complete"
"""The phase of what the user makes and takes away by commands, and that is no device: as realize, but for the
question whether it can go away."""
SETUP = ("instance_init", "realize", COMPLETE)
SETTER = "property"
"""The phase of the functions that set a property: before realize, and any number of times."""
RUNNING = "run"
"""The phase of the other functions of the file, which run as long as the device does."""
UNDOING = ("unrealize", "finalize")
_DEEPEST = 4


class PhaseFunctions:
    """The types of one file, and which of its functions each of their phases runs."""

    def __init__(self, file: AnalysedFile) -> None:
        self.unit: TranslationUnit = file.unit
        self._texts: dict[str, FunctionText | None] = {}

    @cached_property
    def graph(self) -> TypeGraph:
        """The types of the tree; what has asked for them counts as made from all that the tree declares."""
        return graph_of(self.unit.program.environment)

    @cached_property
    def types(self) -> tuple[QomType, ...]:
        """The types that the file defines."""
        if b"TypeInfo" not in self.unit.data and b"OBJECT_DEFINE_" not in self.unit.data:
            return ()
        return self.graph.of_file(self.unit.path)

    def text(self, name: str) -> FunctionText | None:
        """The text of a function that the file defines."""
        if name not in self._texts:
            declarations = self.graph.file(self.unit.path)
            known = name in self.unit.functions and declarations is not None
            self._texts[name] = function_text(declarations, name) if known and declarations else None
        return self._texts[name]

    def reached(self, names: Iterable[str]) -> tuple[str, ...]:
        """The functions of the file that these call, themselves included, the nearest first."""
        out: dict[str, None] = {}
        level = [name for name in names if self.text(name) is not None]
        for _ in range(_DEEPEST):
            following: list[str] = []
            for name in level:
                if name in out:
                    continue
                out[name] = None
                text = self.text(name)
                following += sorted(text.called() & self.unit.functions.keys()) if text is not None else []
            level = following
        return tuple(out)

    def entries(self, of: QomType, *phases: str) -> list[Phase]:
        """The functions of this file that the type itself stores for the phases."""
        stored = [
            one for one in of.phases
            if one.phase in phases and one.path == self.unit.path and one.owner == of.name
        ]  # fmt: skip
        if "realize" in phases and of.row.abstract and not any(one.phase == "realize" for one in stored):
            # The types that derive from it, in other files, call what it offers them.
            stored += [
                Phase("realize", name, self.unit.path, "realize", "", of.row.span, of.name)
                for name in self.unit.functions
                if name.endswith("_realize") and not self.unit.is_static(name)
            ]
        return stored

    def setters(self, of: QomType) -> list[Phase]:
        """The functions of the file that the type hands to a call which adds a property, getters included."""
        out: dict[str, Phase] = {}
        started = [entry.function for entry in self.entries(of, "class_init", "instance_init")]
        for name in self.reached(started) if b"property_add" in self.unit.data else ():
            text = self.text(name)
            for begin, end, words in property_calls(text.code.encode("latin-1")) if text is not None else ():
                assert text is not None
                span = Span(text.path, text.start + begin, text.start + end)
                for word in words:
                    if word in self.unit.functions:
                        out.setdefault(
                            word, Phase(SETTER, word, self.unit.path, "property", "", span, of.name)
                        )
        return list(out.values())


def has_types(unit: TranslationUnit) -> bool:
    """Whether a file defines a type at all, by its bytes."""
    return b"TypeInfo" in unit.data or b"OBJECT_DEFINE_" in unit.data
