# SPDX-License-Identifier: GPL-2.0-or-later
"""VMStateDescriptions, and what changed of them on the wire, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qerrlint.qemu.vmstate.wire import WireItem
from qerrlint.queries.vmstates import Changed, Shown


def shown(one: Shown) -> Iterator[str]:
    """A description: where it stands, whom it is for, what it puts on the wire."""
    description = one.description
    yield f'{description.variable}: "{one.name}" at {description.path}:{one.line}'
    yield f"  version {_number(one.version)}, loads from version {_number(one.minimum)} on"
    if description.structs:
        yield f"  of {', '.join(description.structs)}"
    if one.users:
        yield f"  used by {', '.join(one.users)}"
    if description.unmigratable:
        yield "  unmigratable"
    for member, function in description.callbacks.items():
        yield f"  {member}: {function}()"
    yield "  on the wire:"
    yield from _items(one.items, "    ")
    for name, _ in description.sections:
        yield f"  subsection {name}"


def _items(items: Sequence[WireItem], indent: str) -> Iterator[str]:
    for item in items:
        count = f" x {item.count}" if item.count else ""
        since = f", from version {item.version} on" if item.version else ""
        condition = f", if {item.condition}()" if item.condition else ""
        yield f"{indent}{item.name}: {item.kind}{count}{since}{condition}"
        yield from _items(item.inner, indent + "  ")


def changed(one: Changed) -> Iterator[str]:
    """What changed of a description."""
    side = one.new or one.old
    assert side is not None
    place = f"{side.description.path}:{side.line}"
    if one.old is None or one.new is None:
        yield f'{"new" if one.old is None else "gone"}: "{side.name}" ({side.description.variable}) {place}'
        return
    word = "breaks" if one.breaks else "compatible"
    yield f'{word}: "{side.name}" ({side.description.variable}) {place}'
    for change in one.changes:
        yield f"  {change.text}"


def _number(number: int | None) -> str:
    return str(number) if number is not None else "(not constant)"
