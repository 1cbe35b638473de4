# SPDX-License-Identifier: GPL-2.0-or-later
"""The event vmstate-layout-changed: a change alters what a description puts on the wire, and streams of
before are not told from those of after."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.migration.vmstates import seen
from qerrlint.findings import Observation
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.vmstate.description import TYPE, Description, descriptions
from qerrlint.qemu.vmstate.lookup import described_elsewhere
from qerrlint.qemu.vmstate.wire import WireItem, changes_of_version, layout
from qerrlint.records import record
from qerrlint.source.span import Span


@record(frozen=True, slots=True)
class LayoutChange:
    """A description before and after a change, with the units that they stand in."""

    old: Description
    new: Description
    before: TranslationUnit
    after: TranslationUnit


def run(file: AnalysedFile) -> Iterable[Observation]:
    """The descriptions of a changed file whose layout is another one for the same version."""
    before = file.before
    if before is None or TYPE.encode() not in file.unit.data or TYPE.encode() not in before.data:
        return
    old, new = _listed(before), _listed(file.unit)
    if _texts(before, old.values()) == _texts(file.unit, new.values()):
        return
    told: set[str] = set()
    for key, after in new.items():
        earlier = old.get(key)
        if earlier is not None:
            for observation in _compared(LayoutChange(earlier, after, before, file.unit), told):
                told.add(key)
                yield observation


def _listed(unit: TranslationUnit) -> dict[str, Description]:
    """The descriptions of a file that are read whole, by their variables."""
    found = descriptions(unit.environment, unit.path, unit.data)
    return {one.variable: one for one in found if one.fields is not None and not one.unknown}


def _texts(unit: TranslationUnit, listed: Iterable[Description]) -> list[bytes]:
    return [b"".join(unit.data[one.span.start : one.span.end].split()) for one in listed]


def _compared(one: LayoutChange, told: Collection[str]) -> Iterable[Observation]:
    """What changed of a description; `told` are those of which it has been said, nested ones among them."""
    version, later = (
        _number(unit, side.version) for unit, side in ((one.before, one.old), (one.after, one.new))
    )
    minimum = _number(one.after, one.new.minimum)
    if version is None or later is None or minimum is None or minimum > version or one.new.unmigratable:
        return
    was, now = _items(one.before, one.old, told), _items(one.after, one.new, told)
    found = [change.text for change in changes_of_version(was, now, version, later) if change.breaks]
    if not found and later == version:
        found = list(_always_sent(one))
    if found:
        form = "same" if later == version else "bumped"
        slots = {"change": found[0], "form": form, "version": str(version)}
        observation = seen("vmstate-layout-changed", one.new, one.new.span, one.new.variable, slots, "medium")
        start = one.new.fields_span.start
        place = Span(one.after.path, start, one.after.data.find(b"{", start) + 1)
        yield replace(observation, primary=place, subject=one)


def _always_sent(one: LayoutChange) -> Iterator[str]:
    """The new subsections that are in each stream, since nothing decides whether they are needed."""
    unit = one.after
    own = {other.variable: other for other in descriptions(unit.environment, unit.path, unit.data)}
    names = layouts_of(unit.environment).constants(unit.path)
    before = layouts_of(one.before.environment).constants(one.before.path)
    earlier = {other.variable: other for other in _listed(one.before).values()}
    sent = {before.string(earlier[variable].name) for variable, _ in one.old.sections if variable in earlier}
    known = {variable for variable, _ in one.old.sections}
    for variable, _ in one.new.sections:
        section = own.get(variable)
        if section is None or variable in known or "needed" in section.callbacks:
            continue
        if not section.unmigratable and names.string(section.name) not in sent:
            yield f"the new subsection {variable} is in each stream, for it has no .needed"


def _number(unit: TranslationUnit, text: str) -> int | None:
    return layouts_of(unit.environment).constants(unit.path).number(text or "0")


def _items(unit: TranslationUnit, one: Description, told: Collection[str]) -> list[WireItem]:
    constants = layouts_of(unit.environment).constants(unit.path)
    own = {other.variable: other for other in descriptions(unit.environment, unit.path, unit.data)}

    def resolve(name: str) -> Description | None:
        if name in told:
            return None
        return own.get(name) or described_elsewhere(unit.environment, name, unit.path)

    return list(layout(one, constants.number, resolve))


CHECKS = (
    # change: the first difference, as words. form: whether version_id stays or is raised.
    FileCheck(
        "vmstate-layout-changed",
        "migration",
        (event("vmstate-layout-changed", "description", "change", "version", form="same bumped"),),
        run,
    ),
)
