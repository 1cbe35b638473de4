# SPDX-License-Identifier: GPL-2.0-or-later
"""VMStateDescriptions of a tree: one by its name, and what changed of all of them between two trees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from qerrlint.model.environment import Environment
from qerrlint.model.program import Program
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.type_graph import graph_of
from qerrlint.qemu.vmstate.description import TYPE, Description, descriptions
from qerrlint.qemu.vmstate.wire import Change, WireItem, changes, layout
from qerrlint.records import record
from qerrlint.source.source import C_SUFFIXES, Source
from qerrlint.source.tree_folders import is_core


@record(frozen=True, slots=True)
class Shown:
    """A description with its layout.

    `name` is that on the wire, `line` where it stands, `version` and `minimum` its numbers (None: not
    constant), `users` the types whose class uses it.
    """

    description: Description
    name: str
    line: int
    version: int | None
    minimum: int | None
    items: tuple[WireItem, ...]
    users: tuple[str, ...] = ()


@record(frozen=True, slots=True)
class Changed:
    """A description that differs between two trees; `old` or `new` is None where it is only in the other."""

    old: Shown | None
    new: Shown | None
    changes: tuple[Change, ...]

    @property
    def breaks(self) -> bool:
        """Whether a stream of one side cannot be loaded by the other."""
        return any(change.breaks for change in self.changes)


def find(source: Source, name: str) -> list[Shown]:
    """The descriptions of a tree whose variable, or whose name on the wire, is `name`."""
    program = Program(source)
    return [
        _with_users(program.environment, one)
        for one in every(program, name)
        if name in (one.description.variable, one.name)
    ]


def compare(old: Source, new: Source, name: str | None = None) -> list[Changed]:
    """What changed on the wire between two trees, in the order of names; of one description, or of all."""
    was, now = (_by_key(every(Program(source), None), name) for source in (old, new))
    nested = {field.vmsd for one in now.values() for field in one.description.fields or ()}
    out: list[Changed] = []
    for key in sorted(was.keys() | now.keys()):
        one, other = was.get(key), now.get(key)
        if one is not None and other is not None:
            numbers = (one.version, other.version, other.minimum)
            found = changes(one.description, other.description, one.items, other.items, numbers)
            if other.description.variable in nested:
                # Its version is not on the wire.
                found = [replace(c, breaks=False) if c.form == "back" else c for c in found]
            if found:
                out.append(Changed(one, other, tuple(found)))
        else:
            out.append(Changed(one, other, ()))
    return out


def _by_key(found: Iterator[Shown], name: str | None) -> Mapping[tuple[str, str], Shown]:
    """The descriptions by name and variable; of several with both equal the first."""
    out: dict[tuple[str, str], Shown] = {}
    for one in found:
        if name is None or name in (one.name, one.description.variable):
            out.setdefault((one.name, one.description.variable), one)
    return out


def every(program: Program, word: str | None) -> Iterator[Shown]:
    """The descriptions of the program's own code, in files that hold `word` where one is given."""
    files = dict(_read(program))
    index = {one.variable: one for found in files.values() for one in found.listed}
    for found in files.values():
        if word is None or word.encode() in found.data:
            yield from (_shown(program.environment, one, found, index) for one in found.listed)


@record(frozen=True, slots=True)
class _File:
    data: bytes
    listed: tuple[Description, ...]


def _read(program: Program) -> Iterator[tuple[str, _File]]:
    source = program.source
    paths = [path for path in source.paths() if path.endswith(C_SUFFIXES) and is_core(path)]
    for path, data in source.read_many(paths):
        if TYPE.encode() in data:
            listed = descriptions(program.environment, path, data)
            yield path, _File(data, tuple(one for one in listed if one.fields is not None))


def _shown(
    environment: Environment, one: Description, file: _File, index: Mapping[str, Description]
) -> Shown:
    constants = layouts_of(environment).constants(one.path)
    own = {other.variable: other for other in file.listed}

    def resolve(name: str) -> Description | None:
        return own.get(name) or index.get(name)

    return Shown(
        description=one,
        name=constants.string(one.name) or one.name.strip('"'),
        line=file.data.count(b"\n", 0, one.span.start) + 1,
        version=constants.number(one.version or "0"),
        minimum=constants.number(one.minimum or "0"),
        items=layout(one, constants.number, resolve),
    )


def _with_users(environment: Environment, one: Shown) -> Shown:
    """The same with the types of its file whose class uses it."""
    users = []
    for kind in graph_of(environment).of_file(one.description.path):
        stored = kind.setup.last("vmsd")
        if stored is not None and stored.name == one.description.variable:
            users.append(kind.name)
    return replace(one, users=tuple(users))
