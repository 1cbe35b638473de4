# SPDX-License-Identifier: GPL-2.0-or-later
"""The wire layout of a description: what it puts into the migration stream, as values that compare.

Names of fields are not on the wire. A nested struct lies in the place of its field, so that a description
that is split in two, or two that are joined, have equal layouts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from qerrlint.c.expressions.int_types import int_type
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.vmstate.description import Description, VMField
from qerrlint.records import record

_COUNT = lazy_re(r"[0-9]{1,64}")
_INTEGER = lazy_re(r"vmstate_info_u?int(8|16|32|64)(_\w+)?\Z")
# Bytes of the infos of migration/vmstate-types.c that are no integers.
_WIDTHS = {"vmstate_info_bool": 1, "vmstate_info_timer": 8, "vmstate_info_cpudouble": 8}
_UNUSED = "vmstate_info_unused_buffer"
_BYTES = frozenset({"vmstate_info_buffer", _UNUSED})
_WIDTH = lazy_re(r"(\d+) bytes?\Z")
# VMSTATE_UINTTL and the like: include/hw/core/cpu.h, migration/cpu.h.
_OF_TARGET = lazy_re(r"INTTL")
_DEEPEST = 8
_UNKNOWN_FLAGS = frozenset({"VMS_VARRAY_INT32", "VMS_VARRAY_UINT8", "VMS_VARRAY_UINT16", "VMS_VARRAY_UINT32"})

Evaluate = Callable[[str], "int | None"]
Resolve = Callable[[str], "Description | None"]


@record(frozen=True, slots=True)
class WireItem:
    """One run of equal elements on the wire.

    `kind` is what an element is ("4 bytes", "bytes", the name of another VMStateInfo, or "list" with the
    items of one element in `inner`), `count` the number of elements as a number or a text, "" for one.
    `version` is the version_id from which on it is there, `condition` the function that decides whether it
    is. `name` is for the reader and does not take part in comparisons of layouts. `unused`: the bytes are
    sent and skipped (VMSTATE_UNUSED of include/migration/vmstate.h). `of_target`: the width of an element is
    that of the target's words, which no file says.
    """

    kind: str
    count: str = ""
    version: int = 0
    condition: str = ""
    inner: tuple[WireItem, ...] = ()
    name: str = ""
    unused: bool = False
    of_target: bool = False

    def wire(self) -> tuple[object, ...]:
        """What is on the wire, without the name."""
        return (self.kind, self.count, self.condition, tuple(one.wire() for one in self.inner))

    def size(self) -> int | None:
        """The bytes of all elements; None where they are not known or not always there."""
        if self.condition or not _is_number(self.count):
            return None
        count = int(self.count or "1")
        if self.kind == "bytes":
            return count
        if self.kind == "list":
            inner = [one.size() for one in self.inner]
            return None if None in inner else count * sum(size for size in inner if size is not None)
        width = _WIDTH.match(self.kind)
        return count * int(width[1]) if width is not None else None


def layout(one: Description, evaluate: Evaluate, resolve: Resolve, depth: int = 0) -> tuple[WireItem, ...]:
    """The items of a description in order, nested structs in the place of their fields."""
    out: list[WireItem] = []
    for field in one.fields or ():
        out += _items(field, evaluate, resolve, depth)
    return tuple(out)


def _items(field: VMField, evaluate: Evaluate, resolve: Resolve, depth: int) -> list[WireItem]:
    version = evaluate(field.version) if field.version else 0
    since = version if version is not None else 0
    count = _count(field, evaluate)
    if field.vmsd:
        inner = resolve(field.vmsd) if depth < _DEEPEST else None
        if inner is None:
            return [WireItem(field.vmsd, count, since, field.exists, name=field.name)]
        # A nested description is loaded with its own version_id, whatever is on the wire.
        own = evaluate(inner.version or "0")
        items = tuple(
            replace(item, version=0)
            for item in layout(inner, evaluate, resolve, depth + 1)
            if own is None or item.version <= own
        )
        if not count and not field.exists and not since:
            return [*items]
        return [WireItem("list", count, since, field.exists, items, field.name)]
    if field.info in _BYTES:
        size = evaluate(field.size)
        text = str(size) if size is not None else field.size or field.counter
        unused, target = field.info == _UNUSED, "target_" in field.size
        return [
            WireItem("bytes", text, since, field.exists, name=field.name, unused=unused, of_target=target)
        ]
    if not field.info:
        return []  # a validation puts nothing on the wire
    width = width_of(field)
    kind = f"{width} byte{'s' if width != 1 else ''}" if width is not None else field.info
    target = _OF_TARGET.search(field.macro) is not None
    return [WireItem(kind, count, since, field.exists, name=field.name, of_target=target)]


def width_of(field: VMField) -> int | None:
    """The bytes of one element on the wire; None where the VMStateInfo is not one of plain numbers."""
    found = _INTEGER.match(field.info)
    if found is not None and found[2] in (None, "_equal", "_le"):
        return int(found[1]) // 8
    if field.info in _WIDTHS:
        return _WIDTHS[field.info]
    known = int_type(field.type) if field.info.startswith("vmstate_info_u") else None
    return known.bits // 8 if known is not None else None


def _count(field: VMField, evaluate: Evaluate) -> str:
    if field.flags & _UNKNOWN_FLAGS:
        return field.counter or "?"
    if not field.count:
        return ""
    number = evaluate(field.count)
    return str(number) if number is not None else "".join(field.count.split())


def common(items: Sequence[WireItem], others: Sequence[WireItem]) -> list[WireItem]:
    """The items without those that a function decides on and that the other side does not have."""
    known = {item.wire() for item in others}
    # What gives way to unused bytes under the same condition, or the reverse.
    sizes = {(item.condition, replace(item, condition="").size(), item.unused) for item in others}
    inner = {item.name: item.inner for item in others if item.inner}
    return [
        replace(item, inner=tuple(common(item.inner, inner.get(item.name, ())))) if item.inner else item
        for item in items
        if not item.condition
        or item.wire() in known
        or (item.condition, replace(item, condition="").size(), not item.unused) in sizes
    ]


def without_new_conditions(items: Sequence[WireItem], before: Sequence[WireItem]) -> list[WireItem]:
    """The items, those without their conditions that were there before without one: what a function decides
    on now may still be in the streams of the machines that had it (40a23ef643)."""
    known = {item.name: item for item in before}
    out = []
    for position, item in enumerate(items):
        # A member that only carries the value of old streams has a name of its own.
        other = known.get(item.name) or (before[position] if position < len(before) else None)
        if other is not None and _is_made_conditional(item, other):
            item = replace(item, condition="", count=other.count)
        elif other is not None and item.kind == other.kind == "list":
            item = replace(item, inner=tuple(without_new_conditions(item.inner, other.inner)))
        out.append(item)
    return out


def _is_made_conditional(item: WireItem, before: WireItem) -> bool:
    """Whether an item is what was there without a condition, as far as its count is known."""
    count = item.count if _is_number(item.count) and _is_number(before.count) else before.count
    return not before.condition and replace(item, condition="", count=count).wire() == before.wire()


def _is_number(count: str) -> bool:
    return not count or _COUNT.fullmatch(count) is not None


@record(frozen=True, slots=True)
class Change:
    """What changed of a description, as a sentence.

    `breaks`: a stream of the old side cannot be loaded by the new one, or the reverse where the version is
    the same. `form` is "back" where only version_id tells.
    """

    breaks: bool
    text: str
    form: str = ""


def changes(
    old: Description,
    new: Description,
    was: Sequence[WireItem],
    now: Sequence[WireItem],
    numbers: tuple[int | None, int | None, int | None],
) -> list[Change]:
    """What changed on the wire from one description to another.

    `was` and `now` are the layouts, `numbers` the old version_id, the new one and the new minimum_version_id.
    """
    before, after, minimum = numbers
    out: list[Change] = []
    same = before == after and [(item.version, item.wire()) for item in was] == [
        (item.version, item.wire()) for item in now
    ]
    if before is not None and minimum is not None and minimum > before:
        out.append(Change(True, f"streams of version {before} are refused: minimum_version_id is {minimum}"))
    elif before is not None and not same:
        out += changes_of_version(was, now, before, after)
        added = [item.name or item.kind for item in now if item.version > before]
        if not out and added:
            out.append(Change(False, f"new in version {after}: {', '.join(added)}"))
    if before is not None and after is not None and after < before:
        out.append(Change(True, f"version_id goes back from {before} to {after}", "back"))
    before_names = {name for name, _ in old.sections}
    after_names = {name for name, _ in new.sections}
    out += [Change(True, f"the subsection {name} is gone") for name in sorted(before_names - after_names)]
    out += [
        Change(False, f"a new subsection {name}, which old versions refuse where it is sent")
        for name in sorted(after_names - before_names)
    ]
    return out


def changes_of_version(
    was: Sequence[WireItem], now: Sequence[WireItem], before: int, after: int | None
) -> list[Change]:
    """What differs of two layouts for streams of the old version.

    What a function decides on may be switched off for old machines, and what is not a number is taken to be
    the same.
    """
    now, was = without_new_conditions(now, was), without_new_conditions(was, now)
    one, other = common(was, now), common(now, was)
    asked = sorted(
        {item.condition for item in (*was, *now)} - {item.condition for item in (*one, *other)} - {""}
    )
    one, other = (_in_place([item for item in items if item.version <= before]) for items in (one, other))
    found = first_difference(one, other, before, after)
    if not found:
        known = {item.wire() for item in was}
        new = [item for item in now if item.condition and item.wire() not in known]
        return [Change(False, f"{described(item)} is new") for item in new]
    # A buffer before what is added at the end, or gone from there, may have become as many bytes shorter, or
    # longer.
    unknown = any(item.kind == "bytes" and not _is_number(item.count) for item in (*one, *other))
    if unknown and (" is added" in found[0].text or " is gone" in found[0].text):
        return [Change(False, f"{change.text}, if no buffer gives way to it") for change in found]
    if asked:
        decides = ", ".join(f"{name}()" for name in asked)
        return [Change(False, f"{change.text}; so far as {decides} does not decide") for change in found]
    return found


def _in_place(items: Sequence[WireItem]) -> list[WireItem]:
    """The items with those of single structs, which are there in any case, in the place of the struct."""
    out: list[WireItem] = []
    for item in items:
        single = item.kind == "list" and not item.count and not item.condition
        out += _in_place(item.inner) if single else [item]
    return out


def first_difference(
    was: Sequence[WireItem], now: Sequence[WireItem], before: int, after: int | None
) -> list[Change]:
    """The first place at which two layouts of one version differ; unused bytes may stand for any others."""
    found = _difference(was, now)
    if found is None:
        return []
    position, one, other = found
    same = f" with the same version_id {before}" if before == after else f" for streams of version {before}"
    if one is None:
        return [Change(True, f"{_more(now, was, other)}{same}")] if other is not None else []
    if other is None:
        return [Change(True, f"{_more(was, now, one, gone=True)}{same}")]
    if one.kind == other.kind == "list" and described(one) == described(other):
        inner = first_difference(one.inner, other.inner, before, after)
        return [replace(change, text=f"in {described(one)}: {change.text}") for change in inner]
    doubt = _doubt(one, other)
    text = f"in place {position + 1} {described(one)} becomes {described(other)}{same}"
    return [Change(not doubt, text + (f"; {doubt}" if doubt else ""))]


def _more(
    items: Sequence[WireItem], others: Sequence[WireItem], last: WireItem, *, gone: bool = False
) -> str:
    """What one side has more than the other, where the layouts are the same up to the item `last`: that, or
    an equal item further up whose name the other side does not know."""
    known = {item.name for item in others}
    new = next((item for item in items if item.name not in known and item.wire() == last.wire()), last)
    if new is not last:
        return f"{described(new)} is {'gone' if gone else 'added'}"
    return f"{described(last)} is {'gone from' if gone else 'added at'} the end"


def _doubt(one: WireItem, other: WireItem) -> str:
    """Why two items that differ may be the same on the wire; "" where they are not."""
    if one.of_target or other.of_target:
        return "one of them has the width of the target's words"
    # A VMStateInfo of the device's own may write what the plain one has written.
    own = [item.kind for item in (one, other) if item.kind.startswith("vmstate_") and not item.inner]
    if own and one.kind != other.kind:
        return f"what {own[0]} writes is not known"
    return ""


def _difference(
    was: Sequence[WireItem], now: Sequence[WireItem]
) -> tuple[int, WireItem | None, WireItem | None] | None:
    """The first items that differ, with the old one's place; None for one that is not there."""
    position = there = 0
    while position < len(was) or there < len(now):
        one = was[position] if position < len(was) else None
        other = now[there] if there < len(now) else None
        if one is None or other is None:
            return position, one, other
        if _alike(one, other):
            position, there = position + 1, there + 1
        elif filled := _covered(one, now[there:]):
            position, there = position + 1, there + filled
        elif replaced := _covered(other, was[position:]):
            position, there = position + replaced, there + 1
        else:
            return position, one, other
    return None


def _alike(one: WireItem, other: WireItem) -> bool:
    """Whether two items are the same on the wire, as far as their counts are known, or structs that differ in
    unused bytes only."""
    if not (_is_number(one.count) and _is_number(other.count)):
        one, other = replace(one, count="?"), replace(other, count="?")
    if one.wire() == other.wire():
        return True
    if one.condition == other.condition and one.unused != other.unused:
        sizes = {replace(item, condition="").size() for item in (one, other)}
        return len(sizes) == 1 and None not in sizes
    return (
        one.kind == other.kind == "list"
        and (one.count, one.condition) == (other.count, other.condition)
        and _difference(one.inner, other.inner) is None
    )


def _covered(unused: WireItem, items: Sequence[WireItem]) -> int:
    """How many of the first items take just as many bytes as an unused item; 0 where none do.

    The same for a number in the place of which unused bytes and a number of the rest stand.
    """
    # Or a number in whose upper part only zeroes were: VMSTATE_UNUSED and a number of the rest.
    split = bool(items) and items[0].unused and _WIDTH.match(unused.kind) is not None
    left = unused.size() if unused.unused or split else None
    for number, item in enumerate(items if left else (), 1):
        size = item.size()
        if size is None or left is None or size > left:
            return 0
        left -= size
        if not left:
            return number
    return 0


def described(item: WireItem) -> str:
    """An item in words: "level (4 bytes)", "pc (a word of the target)"."""
    what = item.kind if item.kind != "list" else f"{len(item.inner)} items"
    if item.of_target:
        what = "a word of the target"
    many = f" x {item.count}" if item.count else ""
    if item.kind == "bytes":
        what, many = f"{item.count} bytes", ""
    when = f", if {item.condition}()" if item.condition else ""
    # What the macro does not make of a member is written as a string.
    name = item.name.strip('"') or "a field"
    return f"{name} ({what}{many}{when})"
