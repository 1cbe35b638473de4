# SPDX-License-Identifier: GPL-2.0-or-later
"""The QOM types of a tree: parents, structs, class_init, phases and flags, found when asked for.

A parent is looked for in the file itself, in the sources that have the name of the header which names it, in
the folder that belongs to that header, in the core of qdev and QOM, and last in an index of the whole tree.
Which of these finds it does not change the answer, for a name has one type.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from qerrlint.c.declarations.file import FileDeclarations, Macro
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.environment import Environment
from qerrlint.model.lookups import EVERYTHING, LookupRecorder, Lookups, Recalled
from qerrlint.qemu.class_setup import ClassSetup, Stored, class_setup
from qerrlint.qemu.function_text import FunctionText, function_text
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.type_tables import TypeRow, type_rows, type_rows_of_macros
from qerrlint.records import record
from qerrlint.source.span import Span
from qerrlint.source.tree_folders import is_core

_CORE = ("hw/core", "qom")
_NAMED = lazy_re(
    rb"(?:\.\s*name|\.\s*(?:generic|base|transitional)_name|\b\w+\.name)\s*=\s*([^,;}\n]+?)\s*[,;}\n]"
)
_TABLES = lazy_re(rb"TypeInfo\b[^;]*;|OBJECT_DEFINE_\w+\([^;{]*")
_POSITIONAL = lazy_re(rb"\{\s*(TYPE_\w+|\"[^\"\n]+\")\s*,")
_EXPANDS = lazy_re(
    rb"^[ \t]*[A-Z]\w*(?:DEFINE|MACHINE|REGISTER|TYPE)\w*\s*\(|^(?:DO_)?(?:OBJECT_)?DEFINE_\w*\s*\(", re.M
)
_DEEPEST = 24
# Texts of functions that are kept: files of one folder ask for the same ones.
_MOST_TEXTS = 1024


@record(frozen=True, slots=True)
class Phase:
    """A function that a type runs in a phase.

    `phase` is "class_init", "instance_init", "realize", "complete" (what makes an object of the user's ready
    that is no device), "unrealize", "finalize" or "reset"; `slot` is the
    member that it is stored in, `struct` the class struct of the member. `span` is the place of the store,
    `owner` the name of the type (an ancestor or the type itself).
    """

    phase: str
    function: str
    path: str
    slot: str
    struct: str
    span: Span
    owner: str


# The members of classes that hold a function of a phase.
_PHASES = {
    "realize": "realize",
    "init": "realize",
    "unrealize": "unrealize",
    "exit": "unrealize",
    "legacy_reset": "reset",
    "reset": "reset",
    "phases.enter": "reset",
    "phases.hold": "reset",
    "phases.exit": "reset",
}
# Those of classes whose objects the user makes and takes away as he likes, by commands: no bus is asked.
_COMPLETE = "complete"
_PHASES_OF = {
    ("UserCreatableClass", "complete"): _COMPLETE,
    ("EventLoopBaseClass", "init"): _COMPLETE,
    ("ChardevClass", "open"): _COMPLETE,
    ("ChardevClass", "chr_open"): _COMPLETE,
    ("NetFilterClass", "setup"): _COMPLETE,
    ("NetFilterClass", "cleanup"): "unrealize",
    ("RngBackendClass", "opened"): _COMPLETE,
    ("CryptoDevBackendClass", "init"): _COMPLETE,
    ("CryptoDevBackendClass", "cleanup"): "unrealize",
}
RESET_SLOTS = frozenset(slot for slot, phase in _PHASES.items() if phase == "reset")
"""The members of classes that hold a function of the reset."""
_OWN = {
    "class_init": "class_init",
    "instance_init": "instance_init",
    "instance_post_init": "instance_init",
    "instance_finalize": "finalize",
}


class QomType:
    """One type of the tree; what it inherits is asked of its ancestors."""

    def __init__(self, graph: TypeGraph, row: TypeRow) -> None:
        self.graph = graph
        self.row = row
        self.path = row.span.path

    @property
    def asked(self) -> LookupRecorder:
        """Which facts of the tree are looked up."""
        return self.graph.environment.asked

    @property
    def name(self) -> str:
        """The type's name as QOM knows it; the text of the table where its value is not known."""
        return self.graph.string(self.row.name, self.path) or self.row.name

    @property
    def parent(self) -> QomType | None:
        """The parent type; None for a root, and where it is not found."""
        return self.graph.find(self.row.parent, self.path) if self.row.parent else None

    @Recalled
    def lineage(self) -> tuple[QomType, ...]:
        """The type and its ancestors that are found, the type first."""
        out: list[QomType] = [self]
        while out[-1].parent is not None and out[-1].parent not in out and len(out) < _DEEPEST:
            out.append(out[-1].parent)
        return tuple(out)

    @property
    def complete(self) -> bool:
        """Whether all ancestors are found, up to one without a parent."""
        return not self.lineage[-1].row.parent

    @property
    def instance_struct(self) -> str:
        """The state struct that it allocates, own or inherited; "" where it is not known."""
        return self.struct("instance_size")

    @property
    def class_struct(self) -> str:
        """The class struct that it allocates, own or inherited; "" where it is not known."""
        return self.struct("class_size")

    def struct(self, member: str) -> str:
        """The struct whose size a member of the TypeInfo is, own or inherited; "" where it is not known."""
        for one in self.lineage:
            if member in one.row.values:
                return one.row.struct(member)
        return ""

    @Recalled
    def setup(self) -> ClassSetup:
        """What its own class_init stores into the class."""
        function = self.row.function("class_init")
        self.asked.add(f"types:{self.path}")
        declarations = self.graph.environment.files.declared(self.path)
        if not function or declarations is None:
            return ClassSetup()
        return class_setup(declarations, function)

    def stored(self, *slots: str) -> Stored | None:
        """The value that the class ends up with in one of the slots, own or inherited."""
        for one in self.lineage:
            found = one.setup.last(*slots)
            if found is not None:
                return found
        return None

    def flag(self, slot: str, default: bool) -> bool:
        """The value of a flag of the class (hotpluggable, user_creatable).

        A value that is stored on some paths only is not known: the default stays possible.
        """
        found = self.stored(slot)
        if found is None or found.conditional:
            return default
        return found.value not in ("false", "0")

    def derives_from(self, *names: str) -> bool:
        """Whether the type or an ancestor, found or only named, has one of the names (TYPE_X or a string)."""
        for one in self.lineage:
            if one.row.name in names or one.row.parent in names or one.name in names:
                return True
        return False

    @property
    def bus(self) -> str:
        """The text of the type of the bus that a device sits on; "" for none."""
        found = self.stored("bus_type")
        return found.value if found is not None else ""

    @Recalled
    def phases(self) -> tuple[Phase, ...]:
        """The functions of its phases, its own before those of its ancestors, each place of a store once."""
        out: list[Phase] = []
        for one in self.lineage:
            for member, phase in _OWN.items():
                function = one.row.function(member)
                if function:
                    span = one.row.values[member].span
                    out.append(Phase(phase, function, one.path, member, "TypeInfo", span, one.name))
            declarations = self.graph.environment.files.declared(one.path)
            for stored in one.setup.stored if declarations is not None else ():
                served = _PHASES_OF.get((stored.struct, stored.slot)) or _PHASES.get(stored.slot)
                assert declarations is not None
                out += [
                    Phase(served, name, one.path, stored.slot, stored.struct, stored.span, one.name)
                    for name in (stored.names(declarations) if served is not None else ())
                    if served is not None
                ]
        return tuple(out)


def is_inside(path: str) -> bool:
    """Whether a file is one whose types the index of a tree has."""
    return path.endswith((".c", ".c.inc")) and is_core(path)


def type_names(data: bytes) -> tuple[str, ...]:
    """The texts of the names of the types in the tables of a file, blanks left out, each place once."""
    if b"TypeInfo" not in data and b"OBJECT_DEFINE_" not in data:
        return ()
    # Only the tables are searched: they are a small part of the files.
    return tuple(
        name.decode("latin-1").replace(" ", "")
        for text in _TABLES.findall(data)
        for name in (*_NAMED.findall(text), *_POSITIONAL.findall(text))
    )


def _grouped(paths: Iterable[str], key: Callable[[str], str]) -> dict[str, Sequence[str]]:
    out: dict[str, list[str]] = {}
    for path in paths:
        out.setdefault(key(path), []).append(path)
    return {name: tuple(found) for name, found in out.items()}


def _spelt(stem: str) -> str:
    """The stem of a file's name with dashes alone: both are in use."""
    return stem.replace("_", "-")


def stem_of(path: str) -> str:
    """The name of a C file without folder and suffix, by which TypeGraph.named_like() finds it."""
    return _spelt(posixpath.basename(path).removesuffix(".c"))


def graph_of(environment: Environment) -> TypeGraph:
    """The types of a tree, one object for each Environment."""
    return environment.once(TypeGraph)


class TypeGraph:
    """The types of one tree."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._types: dict[str, tuple[tuple[QomType, ...], Lookups]] = {}
        self._found: dict[tuple[str, str], tuple[QomType | None, Lookups]] = {}
        self._functions: dict[tuple[str, str], FunctionText | None] = {}
        self._index: dict[str, list[str]] | None = None
        self._everything: tuple[QomType, ...] | None = None

    def file(self, path: str) -> FileDeclarations | None:
        """The declarations of one file of the tree."""
        return self.environment.files.file(path)

    def function(self, path: str, name: str) -> FunctionText | None:
        """The function that a file defines as `name`; None where it defines none."""
        self.environment.asked.definition(path, name)
        if (path, name) not in self._functions:
            if len(self._functions) >= _MOST_TEXTS:
                self._functions.clear()
            declarations = self.environment.files.declared(path)
            found = function_text(declarations, name) if declarations is not None else None
            self._functions[path, name] = found
        return self._functions[path, name]

    def string(self, text: str, path: str) -> str | None:
        """The string that an expression comes to, as seen from a file."""
        return layouts_of(self.environment).constants(path).string(text) if text else None

    def of_file(self, path: str) -> tuple[QomType, ...]:
        """The types that a file defines in tables and by macros such as OBJECT_DEFINE_TYPE()."""
        return self.environment.asked.recall(self._types, path, lambda: self._of_file(path))

    def _of_file(self, path: str) -> tuple[QomType, ...]:
        self.environment.asked.add(f"types:{path}")
        declarations = self.environment.files.declared(path)
        rows: list[TypeRow] = []
        if declarations is not None:
            rows += type_rows(path, declarations.data)
            if b"OBJECT_DEFINE_" in declarations.data:
                rows += self._expanded(path, declarations.data, lambda name: name.startswith("OBJECT_"))
        return tuple(QomType(self, row) for row in rows)

    def by_other_macros(self, path: str) -> tuple[QomType, ...]:
        """The types that a file defines by macros of its own or of boards: machines and their versions."""
        declarations = self.file(path)
        if declarations is None or not _EXPANDS.search(declarations.data):
            return ()
        rows = self._expanded(path, declarations.data, lambda name: not name.startswith("OBJECT_"))
        return tuple(QomType(self, row) for row in rows)

    def _expanded(self, path: str, data: bytes, wanted: Callable[[str], bool]) -> Iterator[TypeRow]:
        def lookup(name: str) -> Macro | None:
            # Names of types stay as they are written.
            return None if name.startswith("TYPE_") else self.environment.macro(name, path)

        return type_rows_of_macros(path, data, lookup, wanted)

    def find(self, text: str, from_path: str) -> QomType | None:
        """The type that an expression names, as seen from a file; None where no table defines it."""
        recall = self.environment.asked.recall
        return recall(self._found, (text, from_path), lambda: self._find(text, from_path))

    def _find(self, text: str, from_path: str) -> QomType | None:
        folded = text.replace(" ", "")
        self.environment.asked.add(f"index:{folded}")
        near = [from_path, *self._near(text, from_path)]
        for path in dict.fromkeys(near):
            for one in self.of_file(path) if self._mentions(path, text) else ():
                if one.row.name.replace(" ", "") == folded:
                    return one
        value = self.string(text, from_path)
        self.environment.asked.add(f'index:"{value}"')
        for path in dict.fromkeys((*self._indexed().get(folded, ()), *self._indexed().get(f'"{value}"', ()))):
            for one in self.of_file(path):
                if one.row.name.replace(" ", "") == folded or (value is not None and one.name == value):
                    return one
        if value is None:
            return None
        return next((one for one in self.of_file(from_path) if one.name == value), None)

    def _mentions(self, path: str, text: str) -> bool:
        declarations = self.environment.files.declared(path)
        word = text.partition("(")[0].strip().encode("latin-1", "replace")
        if declarations is None:
            return False
        data = declarations.data
        # OBJECT_DEFINE_TYPE() and its like get the name without TYPE_.
        return (b"TypeInfo" in data and word in data) or (
            b"OBJECT_DEFINE_" in data and word.removeprefix(b"TYPE_") in data
        )

    def _near(self, text: str, from_path: str) -> Iterator[str]:
        """The files that most likely define the type that a macro names."""
        macro = self.environment.macro(text, from_path) if text.isidentifier() else None
        folders = list(_CORE)
        if macro is not None:
            folder = posixpath.dirname(macro.path).removeprefix("include/")
            stem = posixpath.basename(macro.path).removesuffix(".h")
            yield f"{folder}/{stem}.c"
            yield f"{folder}/core.c"
            # A device's header may lie in another folder of include/ than its source in the tree.
            yield from self._by_stem.get(_spelt(stem), ())
            folders.insert(0, folder)
        for folder in folders:
            yield from self._in_folder(folder)

    def beside(self, path: str, pattern: bytes) -> Sequence[str]:
        """The C files in the folder of a file, that file among them, for one who looks into those only in
        which Files.contains() finds a pattern."""
        self.environment.asked.search_folder(posixpath.dirname(path), pattern)
        return self._in_folder(posixpath.dirname(path))

    def named_like(self, function: str) -> Sequence[str]:
        """The C files whose names are the longest beginning of a function's name: mcf_intc.c of
        mcf_intc_init(). The caller says what it looks for there."""
        parts = _spelt(function).split("-")
        for end in range(len(parts), 0, -1):
            stem = "-".join(parts[:end])
            self.environment.asked.add(f"stem:{stem}")
            found = self._by_stem.get(stem)
            if found:
                return found
        return ()

    def _in_folder(self, folder: str) -> Sequence[str]:
        return self._by_folder.get(folder, ())

    @cached_property
    def _sources(self) -> Sequence[str]:
        """The C files of the tree that may define types."""
        paths = self.environment.files.paths()
        return [path for path in paths if path.endswith(".c") and is_core(path)]

    @cached_property
    def _by_folder(self) -> Mapping[str, Sequence[str]]:
        return _grouped(self._sources, posixpath.dirname)

    @cached_property
    def _by_stem(self) -> Mapping[str, Sequence[str]]:
        return _grouped(self._sources, stem_of)

    def _indexed(self) -> dict[str, list[str]]:
        """For the text of each type's name, blanks left out, the files that define it."""
        if self._index is None:
            index: dict[str, list[str]] = {}
            for path, names in self._names_of_files():
                for name in names:
                    index.setdefault(name, []).append(path)
            self._index = index
        return self._index

    def _names_of_files(self) -> Iterator[tuple[str, Iterable[str]]]:
        known = self.environment.files.type_names
        if known is not None:
            yield from ((path, names) for path, names in known.items() if is_inside(path))
            return
        # Who looks a name up says which.
        yield from self.environment.files.of_every_source(type_names)

    def everything(self) -> tuple[QomType, ...]:
        """All types of the tree, by path; this reads every C file."""
        self.environment.asked.add(EVERYTHING)
        if self._everything is None:
            out: list[QomType] = []
            for path, data in self.environment.files.every_source():
                if b"TypeInfo" in data or _EXPANDS.search(data):
                    out += self.of_file(path)
                    out += self.by_other_macros(path)
            self._everything = tuple(out)
        return self._everything
