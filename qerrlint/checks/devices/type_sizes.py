# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: a TypeInfo that allocates less than the struct its code casts to (class-size, instance-size)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation, Step
from qerrlint.model.environment import Environment
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.type_checkers import Checker, checker_seen
from qerrlint.qemu.type_graph import QomType, graph_of
from qerrlint.source.span import Span


def _run(file: AnalysedFile) -> Iterator[Observation]:
    unit = file.unit
    if b"TypeInfo" not in unit.data:
        return
    environment = unit.program.environment
    types = graph_of(environment).of_file(unit.path)
    for one in types:
        checker = checker_seen(environment, one.row.name, unit.path)
        if checker is None or one.row.macro:
            continue
        yield from _class(file, one, checker, types)
        yield from _instance(file, one, checker, types)


def _class(
    file: AnalysedFile, one: QomType, checker: Checker, types: tuple[QomType, ...]
) -> Iterator[Observation]:
    """A class struct that is used though the type, or its parent for it, allocates a smaller one."""
    if not checker.klass or not _smaller(one, one.class_struct, checker.klass, "class_size"):
        return
    # Objects have the class of a type that is not abstract; an abstract type's own class_init is run as well.
    concerned = any(cast.macro == f"{checker.prefix}_CLASS" for cast in one.setup.casts) or any(
        not made.row.abstract and one in made.lineage and made.class_struct == one.class_struct
        for made in types
    )
    use = _use(file, rf"\b{checker.prefix}_(?:GET_)?CLASS\s*\(")
    if use is not None and concerned:
        yield _observation("class-size", one, checker.klass, one.class_struct, use)


def _instance(
    file: AnalysedFile, one: QomType, checker: Checker, types: tuple[QomType, ...]
) -> Iterator[Observation]:
    if not checker.instance or not _smaller(one, one.instance_struct, checker.instance, "instance_size"):
        return
    # No object of an abstract type exists; those of the types that derive from it count.
    made = [
        made
        for made in types
        if not made.row.abstract and one in made.lineage and made.instance_struct == one.instance_struct
    ]
    cast = rf"(?<!_)\b{checker.prefix}\s*\((?!\s*(?:const\s+)?void)"
    use = _use(file, cast) or _use(file, rf"\bsizeof[^;]*,\s*{re.escape(checker.type)}\b")
    if made and use is not None:
        yield _observation("instance-size", one, checker.instance, one.instance_struct, use)


def _smaller(one: QomType, given: str, used: str, member: str) -> bool:
    """Whether the struct `given` is one that `used` embeds first and adds something to."""
    if not given or given == used:
        return False
    if member not in one.row.values and not one.complete:
        return False
    layouts = layouts_of(_environment(one))
    chain = layouts.chain(used, one.path)
    if given not in chain[1:]:
        return False
    # A typedef of another name for the same struct adds nothing.
    for name in chain[: chain.index(given)]:
        layout = layouts.layout(name, one.path) or layouts.layout(f"struct {name}", one.path)
        if layout is not None and layout.extends:
            return True
    return False


def _environment(one: QomType) -> Environment:
    return one.graph.environment


def _use(file: AnalysedFile, pattern: str) -> Span | None:
    """The first place inside a function of the file where the pattern is found."""
    unit = file.unit
    sought = re.compile(pattern.encode("latin-1", "replace"))
    for found in sought.finditer(unit.data):
        if unit.definitions.around(found.start()) is not None:
            return Span(unit.path, found.start(), found.end())
    return None


def _observation(name: str, one: QomType, used: str, given: str, use: Span) -> Observation:
    row = one.row
    return Observation(
        event=name,
        function=row.table,
        primary=row.span,
        key=f"{row.name} {used}",
        slots={"type": one.name, "used": used, "given": given},
        trail=(Step(use, f"here {used} is used"),),
    )


CHECKS = (
    FileCheck(
        "type-sizes",
        "devices",
        (
            # type: the type's name; used: the struct that the code casts to; given: the one allocated.
            event("class-size", "type", "used", "given"),
            event("instance-size", "type", "used", "given"),
        ),
        _run,
    ),
)
