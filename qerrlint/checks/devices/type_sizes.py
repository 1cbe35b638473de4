# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: a TypeInfo that allocates less than the struct its code casts to, or a struct that does not begin
with the one of its parent (class-size, instance-size)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation, Step
from qerrlint.model.environment import Environment
from qerrlint.qemu.layouts import Layouts, layouts_of
from qerrlint.qemu.type_checkers import Checker, checker_seen
from qerrlint.qemu.type_graph import QomType, graph_of
from qerrlint.source.span import Span

_MEMBERS = (("class-size", "class_size", "ObjectClass"), ("instance-size", "instance_size", "Object"))
_ROOTS = frozenset({"Object", "ObjectClass"})


def _run(file: AnalysedFile) -> Iterator[Observation]:
    unit = file.unit
    if b"TypeInfo" not in unit.data:
        return
    environment = unit.program.environment
    types = graph_of(environment).of_file(unit.path)
    for one in types:
        yield from _foreign(one)
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
    # Types that derive from an abstract one in other files mostly give no size of a class.
    others = one.row.abstract and not any(not made.row.abstract and one in made.lineage for made in types)
    if use is not None and (concerned or others):
        certainty = "high" if concerned else "medium"
        yield _observation("class-size", one, checker.klass, one.class_struct, use, certainty=certainty)


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


def _foreign(one: QomType) -> Iterator[Observation]:
    """A struct of its own that a type allocates, and that does not begin with the struct of its parent."""
    parent = one.parent
    for event_name, member, root in _MEMBERS if parent is not None else ():
        assert parent is not None
        if member not in one.row.values:
            continue
        given, expected = one.row.struct(member), parent.struct(member)
        layouts = layouts_of(_environment(one))
        chain, wanted = layouts.chain(given, one.path), layouts.chain(expected, parent.path)
        known = (
            chain[-1] in _ROOTS or _is_no_object(layouts, chain[-1], one.path),
            wanted[-1] == root,
            len(wanted) > 1,
        )
        if given and expected and all(known) and not _begins_with(one, given, expected, parent.path):
            yield _observation(event_name, one, expected, given, parent.row.span, "foreign")


def _is_no_object(layouts: Layouts, struct: str, path: str) -> bool:
    """Whether a struct begins with a number or a pointer, and so with no object."""
    layout = layouts.of_name(struct, path)
    first = layout.first if layout is not None else None
    if first is None or first.fields or first.type in ("struct", "union"):
        return False
    kind = first.type
    return layouts.of_name(kind, path) is None and layouts.size_of(kind, path) is not None


def _begins_with(one: QomType, given: str, expected: str, path: str) -> bool:
    """Whether a struct is, or embeds first, another one, which may have several names.

    One that has, for each member of that, a member which begins with it or with what it begins with, counts.
    """
    layouts = layouts_of(_environment(one))
    place = layouts.place(expected, path)
    chain = [layouts.place(name, one.path) for name in layouts.chain(given, one.path)]
    if place is None or chain[0] is None or place in chain:
        return True
    wanted, mine = layouts.of_name(expected, path), layouts.of_name(given, one.path)
    if wanted is None or mine is None:
        return True
    members = [[field.type for field in layout.fields] for layout in (mine, wanted)]
    return len(members[0]) >= len(members[1]) and all(
        not set(layouts.chain(theirs, path)[:2]).isdisjoint(layouts.chain(own, one.path))
        for own, theirs in zip(*members, strict=False)
    )


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
        layout = layouts.of_name(name, one.path)
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


def _observation(
    name: str,
    one: QomType,
    used: str,
    given: str,
    use: Span,
    how: str = "smaller",
    certainty: str = "high",
) -> Observation:
    row = one.row
    return Observation(
        event=name,
        function=row.table,
        primary=row.span,
        key=f"{row.name} {used}",
        slots={"type": one.name, "used": used, "given": given, "how": how},
        trail=(Step(use, f"{used} is used here" if how == "smaller" else f"its parent allocates {used}"),),
        certainty=certainty,
    )


CHECKS = (
    FileCheck(
        "type-sizes",
        "devices",
        (
            # type: the type's name; used: the struct that the code casts to, or that the parent allocates;
            # given: the one allocated, which is smaller or does not begin with that.
            event("class-size", "type", "used", "given", how="smaller foreign"),
            event("instance-size", "type", "used", "given", how="smaller foreign"),
        ),
        _run,
    ),
)
