# SPDX-License-Identifier: GPL-2.0-or-later
"""The event vmstate-wrong-struct: a description reads the members of another struct than it is handed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from qerrlint.c.declarations.types import untagged
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.vmstates import by_variable, seen, vmstates, written
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.type_graph import graph_of
from qerrlint.qemu.vmstate.description import Description
from qerrlint.qemu.vmstate.lookup import described_elsewhere
from qerrlint.source.span import Span

# The first statement of a callback that says what the opaque pointer points to.
_OPAQUE = lazy_re(
    rb"\b(?:struct[ \t]+)?(\w+)[ \t]*\*[ \t]*(?:const[ \t]+)?\w+[ \t]*=[ \t]*(opaque|pv)[ \t]*;"
)


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The descriptions of one file that are about another struct than their users, or their parts, say."""
    for one in file.once(vmstates):
        yield from _among_fields(file, one)
        yield from _callbacks(file, one)
        yield from _nested(file, one)
    yield from _of_classes(file)


def _fits(file: AnalysedFile, one: str, other: str) -> bool:
    """Whether one struct begins with the other, or the reverse, or one of them is not known."""
    if _plain(one) == _plain(other):
        return True
    path = file.unit.path
    layouts = layouts_of(file.unit.environment)
    first, second = ([_plain(name) for name in layouts.chain(name, path)] for name in (one, other))
    if _plain(one) in second or _plain(other) in first:
        return True
    known = (layouts.layout(name, path) or layouts.layout(f"struct {name}", path) for name in (one, other))
    layout_one, layout_other = known
    if layout_one is None or layout_other is None:
        return True
    # Two names of one struct.
    return (layout_one.path, layout_one.start) == (layout_other.path, layout_other.start)


def _plain(struct: str) -> str:
    return untagged(struct).strip()


def _main(one: Description) -> str:
    """The struct that most fields of a description name; the first of several."""
    counted = Counter(field.struct for field in one.fields or () if field.struct)
    return counted.most_common(1)[0][0] if counted else ""


def _among_fields(file: AnalysedFile, one: Description) -> Iterator[Observation]:
    main = _main(one)
    for field in one.fields or ():
        if field.struct and not _fits(file, field.struct, main):
            slots = {"struct": field.struct, "wanted": main, "what": written(field), "form": "field"}
            yield seen("vmstate-wrong-struct", one, field.span, f"{field.macro} {field.member}", slots)


def _callbacks(file: AnalysedFile, one: Description) -> Iterator[Observation]:
    main = _main(one)
    unit = file.unit
    tests = {field.exists for field in one.fields or () if field.exists}
    for name in sorted({*one.callbacks.values(), *tests}):
        piece = unit.functions.get(name)
        found = _OPAQUE.search(unit.data, piece.body, piece.span.end) if piece is not None else None
        struct = found[1].decode("latin-1") if found is not None else ""
        if found is not None and main and not _fits(file, struct, main):
            slots = {"struct": struct, "wanted": main, "what": f"{name}()", "form": "callback"}
            span = Span(unit.path, found.start(1), found.end())
            yield seen("vmstate-wrong-struct", one, span, name, slots)


def _nested(file: AnalysedFile, one: Description) -> Iterator[Observation]:
    """Descriptions of this file that a field or the list of subsections hands another struct."""
    known = file.once(by_variable)
    for field in one.fields or ():
        inner = known.get(field.vmsd)
        struct = field.type.rstrip(" *")
        if inner is None or not struct or not _main(inner) or _fits(file, _main(inner), struct):
            continue
        slots = {"struct": _main(inner), "wanted": struct, "what": field.vmsd, "form": "nested"}
        yield seen("vmstate-wrong-struct", one, field.span, f"{field.macro} {field.member}", slots)
    for name, span in one.sections:
        inner = known.get(name)
        if inner is None or not _main(inner) or not _main(one) or _fits(file, _main(inner), _main(one)):
            continue
        slots = {"struct": _main(inner), "wanted": _main(one), "what": name, "form": "nested"}
        yield seen("vmstate-wrong-struct", one, span, name, slots)


def _of_classes(file: AnalysedFile) -> Iterator[Observation]:
    """Classes whose vmsd is about another struct than their instances."""
    unit = file.unit
    if b"vmsd" not in unit.data:
        return
    known = file.once(by_variable)
    for one in graph_of(unit.environment).of_file(unit.path):
        stored = one.setup.last("vmsd")
        if stored is None or not stored.name or stored.span.path != unit.path:
            continue
        own = known.get(stored.name)
        inner = own or described_elsewhere(unit.environment, stored.name, unit.path)
        struct = one.instance_struct
        if inner is None or not struct or not _main(inner) or _fits(file, _main(inner), struct):
            continue
        slots = {"struct": _main(inner), "wanted": struct, "what": stored.name, "form": "class"}
        first = next(field for field in inner.fields or () if field.struct)
        yield Observation(
            event="vmstate-wrong-struct",
            function=inner.variable if own is not None else stored.function,
            primary=first.span if own is not None else stored.span,
            key=f"vmsd {stored.name}",
            slots={"description": inner.variable, **slots},
            trail=(Step(stored.span, f"the instances of this class are of the struct {struct}"),)
            if own is not None
            else (),
            subject=inner,
        )


CHECKS = (
    # struct: what is read; wanted: what is there; what: the part of the description that is wrong.
    FileCheck(
        "vmstate-wrong-struct",
        "migration",
        (
            event(
                "vmstate-wrong-struct",
                *("description", "struct", "wanted", "what"),
                form="field callback nested class",
            ),
        ),
        run,
    ),
)
