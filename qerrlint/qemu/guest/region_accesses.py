# SPDX-License-Identifier: GPL-2.0-or-later
"""Region accesses: with which offsets and sizes the memory core calls the functions of a MemoryRegionOps.

The size of the region comes from the calls that make regions of the table; which accesses are valid, and how
they are split for the functions, is that of memory_region_access_valid() and access_with_adjusted_size() in
system/memory.c.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from qerrlint.c.lexis import occurrences
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.device_tables import RegionTable, RegionUse, arguments_at, region_uses
from qerrlint.qemu.guest.sample_scope import FileNames, SampleScope, read
from qerrlint.qemu.layouts import layouts_of
from qerrlint.records import record

_SIZES = (1, 2, 4, 8)
# Offsets that are tried one by one; of larger regions only those near constants of the code.
_EVERY = 1024
# Into so many parts a larger region is cut, each of which is tried: a device has banks of equal size there.
_BANKS = 64
_SIZED = "("
# A member that holds a length; one of an embedded struct with the name of that.
_LENGTH = lazy_re(r"\b\w+->((?:\w+\.)*\w+)")
_ALIAS = lazy_re(rb"\bmemory_region_init_alias(?=\s*\()")
# The places of the region and the offset among the arguments of memory_region_init_alias() from the end.
_TARGET, _START, _SIZE = -3, -2, -1
_HELD = lazy_re(r"\w+->(\w+)\Z")


@record(frozen=True, slots=True)
class Accesses:
    """The accesses (offset, size) that the functions of a table are called with; a choice of them in a large
    region.

    `region` is the size of the largest region that the file makes of the table, None where it is not known:
    then offsets beyond the real region may be among the accesses.
    """

    pairs: tuple[tuple[int, int], ...]
    region: int | None


def region_size(unit: TranslationUnit, table: RegionTable) -> int | None:
    """The size in bytes of the largest region that the file makes of a table; None where it is not known."""
    name = table.table.name
    used = sum(1 for _ in occurrences(unit.data, name.encode())) - 1
    sizes: list[int] = []
    for use in region_uses(unit.path, unit.data):
        if use.table != name:
            continue
        used -= 1
        size = _number(unit, use)
        if size is None or size <= 0:
            return None
        sizes.append(size)
    # A table whose address goes elsewhere may be used for other regions as well.
    return max(sizes) if sizes and used == 0 else None


@record(frozen=True, slots=True)
class Region:
    """A region that a file makes: the name of its table, its size in bytes, the call that makes it."""

    table: str
    size: int
    use: RegionUse


def regions(unit: TranslationUnit) -> tuple[Region, ...]:
    """The regions of constant size that a file makes of its tables.

    A table or a size that a class holds is looked up where a function of the file stores it there; what one
    function stores belongs together.
    """
    constants = layouts_of(unit.environment).constants(unit.path)
    out: list[Region] = []
    for use in region_uses(unit.path, unit.data):
        ops, length = _HELD.match(use.ops), _HELD.match(use.size)
        plain = _number(unit, use) if length is None else None
        if ops is None and length is None:
            if use.table and plain:
                out.append(Region(use.table, plain, use))
            continue
        for piece in unit.definitions.functions:
            body = unit.data[piece.body : piece.span.end]
            table = use.table if ops is None else _stored(body, ops[1], rb"&\s*(\w+)")
            text = "" if length is None else _stored(body, length[1], rb"([^;]+)")
            size = plain if length is None else constants.number(text) if text else None
            if table and size:
                out.append(Region(table, size, use))
    return tuple(out)


def windows(unit: TranslationUnit, table: RegionTable) -> tuple[tuple[int, int], ...]:
    """The parts (offset, size) of the regions of a table that the guest sees, where the file maps none of
    them but by aliases; () where it maps one itself, or a part is not known."""
    if b"memory_region_init_alias" not in unit.text.words:
        return ()
    constants = layouts_of(unit.environment).constants(unit.path)
    made = {
        use.region.replace(" ", "") for use in region_uses(unit.path, unit.data) if use.table == table.name
    }
    out: list[tuple[int, int]] = []
    named = 0
    for found in _ALIAS.finditer(unit.data):
        given = arguments_at(unit.data, unit.data.index(b"(", found.end()))
        if given is None or given[_TARGET].replace(" ", "") not in made:
            continue
        named += 1
        start, size = constants.number(given[_START]), constants.number(given[_SIZE])
        if start is None or size is None:
            return ()
        out.append((start, size))
    uses = sum(len(re.findall(rb"%s\b" % re.escape(one.encode()), unit.data)) for one in made)
    return tuple(sorted(set(out))) if uses == named + len(made) else ()


def _number(unit: TranslationUnit, use: RegionUse) -> int | None:
    """The size of a region, in the names of the function that makes it; None where it is not constant."""
    constants = layouts_of(unit.environment).constants(unit.path)
    size = constants.number(use.size)
    if size is None and (held := _LENGTH.search(use.size)) is not None:
        # A member that gets constants wherever the file sets it: the largest of them counts.
        stored = re.finditer(rb"(?:->|\.)%s\s*=(?!=)\s*([^;,}]+)" % re.escape(held[1].encode()), unit.data)
        found = [constants.number(one[1].decode("latin-1")) for one in stored]
        known = [number for number in found if number is not None]
        if known and len(known) == len(found):
            return constants.number(use.size.replace(held[0], str(max(known))))
    piece = unit.definitions.around(use.span.start) if size is None and _SIZED in use.size else None
    function = unit.lowered(piece.name) if piece is not None else None
    if function is None:
        return size
    value = SampleScope(FileNames(unit), function, {}).evaluated(read(use.size)).numbers
    return value if isinstance(value, int) else None


def _stored(body: bytes, member: str, value: bytes) -> str:
    """The text that a function stores into a member, "" where it stores nothing of that form."""
    found = re.search(rb"->\s*%s\s*=\s*%s\s*;" % (member.encode(), value), body)
    return found[1].decode("latin-1").strip() if found is not None else ""


def accesses(
    unit: TranslationUnit,
    table: RegionTable,
    near: Collection[int],
    region: int | None,
    size: int | None = None,
) -> Accesses:
    """The accesses of a table's functions. `near` are the constants of the code, for large regions.

    `region`: the size of the region, None where it is not known. `size`: the only size there is, where the
    slot fixes it.
    """
    constants = layouts_of(unit.environment).constants(unit.path)

    def number(*members: str) -> int:
        value = table.value.get(*members)
        return (constants.number(value.text) or 0) if value is not None else 0

    valid_min, valid_max = number("valid", "min_access_size"), number("valid", "max_access_size")
    # Where the functions do not take unaligned accesses, those are cut into aligned ones.
    flags = [table.value.get(member, "unaligned") for member in ("valid", "impl")]
    unaligned = all(flag is not None and flag.text == "true" for flag in flags)
    impl_min = number("impl", "min_access_size") or 1
    impl_max = number("impl", "max_access_size") or 4
    # Without a maximum the minimum does not count, and wider accesses are cut (memory_access_size()).
    valid = [one for one in _SIZES if (one <= 4 if not valid_max else valid_min <= one <= valid_max)]
    if size is not None:
        valid, impl_min, impl_max = [one for one in valid if one == size], size, size
    parts = windows(unit, table)
    offsets = _offsets(region, {*near, *(start for start, _ in parts)})

    def seen(offset: int) -> bool:
        return not parts or any(start <= offset < start + length for start, length in parts)

    pairs: set[tuple[int, int]] = set()
    for width in valid:
        step = max(min(width, impl_max), impl_min)
        # An access that begins in the region is not cut at its end (system/physmem.c,
        # address_space_translate_internal()).
        starts = [offset for offset in offsets if (unaligned or not offset % width) and seen(offset)]
        for part in range(0, width, step):
            pairs.update([(offset + part, step) for offset in starts])
    return Accesses(tuple(sorted(pairs)), region)


def loose_accesses(near: Collection[int], size: int | None) -> tuple[tuple[int, int], ...]:
    """Accesses (offset, size) of a function that no table of the file holds; the offsets are those near the
    constants of the code."""
    sizes = (size,) if size is not None else (1, 2, 4)
    return tuple((offset, one) for offset in _offsets(None, near) for one in sizes if not offset % one)


def _offsets(region: int | None, near: Iterable[int]) -> list[int]:
    if region is not None and region <= _EVERY:
        return list(range(region))
    end = region if region is not None else 1 << 32
    found = {0, 1, 2, 4, 8, end - 8, end - 4, end - 2, end - 1}
    for constant in near:
        found.update(range(constant - 8, constant + 9))
        found.update((constant << 2, constant << 3, constant + 0x100))
    found |= {1 << bit for bit in range(3, 33)}
    if region is not None:
        found.update(range(0, region, max(region // _BANKS, 1)))
    found |= set(range(0, min(end, 0x200), 4))
    return sorted(offset for offset in found if 0 <= offset < end)
