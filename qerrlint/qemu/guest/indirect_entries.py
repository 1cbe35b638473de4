# SPDX-License-Identifier: GPL-2.0-or-later
"""Indirect entries: functions that a guest enters by way of something else than a slot of the file.

They are functions with external linkage that read or write a register and that the region functions of
another file call, the functions of a table that the file calls by index or through a row, and the callbacks
of timers, bottom halves, consoles, networks and character devices, which run in the state that the guest has
made.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from qerrlint.c.declarations.declarators import Param
from qerrlint.c.expressions.int_types import int_type
from qerrlint.c.initialisers import tables, tables_of_type
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.guest.entries import GuestEntry
from qerrlint.qemu.guest.slots import DATA, OFFSET, SIZE, VALUE, Slot

CALLBACK = "callback"
"""The owner of the slots of callbacks."""
ACCESSOR = "register access"
"""The owner of the slots of functions that region functions of other files call."""
_TABLE = "register table"
# include/hw/ipmi/ipmi.h
_IPMI = "IPMICmdHandler"
_IPMI_COMMAND = Slot(_IPMI, "IPMI command", {1: DATA, 2: SIZE})
_CALLBACKS = lazy_re(
    rb"\b(?:timer_new(?:_\w+)?|timer_init\w*|ptimer_init|(?:aio|qemu|virtio)_bh_new\w*|qemu_chr_fe_set_handlers)"
    rb"\s*\(([^;]*?)\)\s*;"
)
# Tables of callbacks (include/ui/console.h, include/net/net.h).
_CALLBACK_TABLES = ("GraphicHwOps", "NetClientInfo")
_ACCESSOR = lazy_re(
    rb"^(?!static\b|typedef\b|extern\b)[A-Za-z_][\w \t*]*?\b(?:\w*(?:read|write|txrx|ioport)\w*)\s*\(",
    re.MULTILINE,
)
# What takes one callback.
_HAS_ONE = (b"timer", b"ptimer", b"aio", b"qemu_bh", b"virtio_bh")
_INDEXED_CALL = lazy_re(rb"\b([A-Za-z_]\w*)\[[^\[\];]*\]\s*\(")
# A call of what a member of a row points to; a struct that the file declares.
_POINTER_CALL = lazy_re(rb"(?:->|\.)(\w+)\s*\(")
_OWN_STRUCT = lazy_re(rb"^(?:typedef\s+)?struct\s+(\w+)\s*\{|^\}\s*(\w+)\s*;", re.MULTILINE)
_WORD = lazy_re(rb"[A-Za-z_]\w*")
_READS = lazy_re(r"(?:\A|_)\w*read[bwlq]?(?:_|\Z|\d)")
_WRITES = lazy_re(r"(?:\A|_)\w*(?:write[bwlq]?|txrx)(?:_|\Z|\d)")
_OFFSETS = frozenset({"addr", "offset", "saddr", "address", "addr1", "reg"})
_OFFSET_TYPES = frozenset({"hwaddr", "target_phys_addr_t"})
_VALUES = frozenset({"val", "value", "data", "v"})
_SIZES = frozenset({"size", "width"})


def may_have_indirect(unit: TranslationUnit) -> bool:
    """Whether a file may have an indirect entry, by its bytes and the names of its functions."""
    data = unit.data
    return (
        b"timer" in data
        or b"_bh_new" in data
        or b"qemu_chr_fe_set_handlers" in data
        or any(name.encode() in data for name in (*_CALLBACK_TABLES, _IPMI))
        or any(_is_access(name) for name in unit.functions)
    )


def indirect_entries(unit: TranslationUnit, direct: Collection[str]) -> tuple[GuestEntry, ...]:
    """The indirect entries of a file whose slots have the functions `direct`."""
    found: dict[str, GuestEntry] = {}
    for entry in (*_accessors(unit), *_of_tables(unit), *_dispatched(unit, direct), *_callbacks(unit)):
        if entry.function in unit.functions and entry.function not in direct:
            found.setdefault(entry.function, entry)
    return tuple(found.values())


def _accessors(unit: TranslationUnit) -> Iterator[GuestEntry]:
    for piece in unit.definitions.functions:
        if not _is_access(piece.name) or not _ACCESSOR.search(unit.data, piece.span.start, piece.body):
            continue
        signature = unit.signature(piece.name)
        if signature is None or len(signature.params) < 2 or not signature.params[0].type.endswith("*"):
            continue
        roles = _roles(signature.params[1:])
        writes = _WRITES.search(piece.name) is not None
        if not writes and signature.returns == "void":
            continue  # the read of a register returns what it holds
        if (roles.get(1) == OFFSET or (roles.get(1) == VALUE and "txrx" in piece.name)) and (
            writes or _READS.search(piece.name)
        ):
            yield GuestEntry(piece.name, Slot(ACCESSOR, "write" if writes else "read", roles))


def _is_access(name: str) -> bool:
    """Whether a function reads or writes something, by its name."""
    return _READS.search(name) is not None or _WRITES.search(name) is not None


def _roles(params: Collection[Param]) -> dict[int, str]:
    """What the parameters after the first one are, by their names and types."""
    roles: dict[int, str] = {}
    for position, param in enumerate(params, 1):
        plain = param.type.removeprefix("const ")
        number = int_type(plain) is not None
        if plain in _OFFSET_TYPES or (number and param.name in _OFFSETS and not plain.endswith("64_t")):
            roles.setdefault(position, OFFSET)
        elif number and param.name in _VALUES:
            roles[position] = VALUE
        elif number and param.name in _SIZES:
            roles[position] = SIZE
    return roles


def _of_tables(unit: TranslationUnit) -> Iterator[GuestEntry]:
    called = {found[1].decode("latin-1") for found in _INDEXED_CALL.finditer(unit.data)}
    if not called:
        return
    for table in tables(unit.path, unit.data):
        if not table.array or table.name not in called:
            continue
        for row in table.rows:
            name = row.value.text.lstrip("&").strip()
            yield from _of_row(unit, name)


def _dispatched(unit: TranslationUnit, direct: Collection[str]) -> Iterator[GuestEntry]:
    """The functions in the rows of a table whose struct the file declares for itself: it calls them by what
    the guest accesses or asks for, in what one of the functions `direct` reaches."""
    called = _dispatches(unit, direct)
    structs = {found[1] or found[2] for found in _OWN_STRUCT.finditer(unit.data)} if called else set()
    for name in sorted(struct.decode("latin-1") for struct in structs):
        for table in tables_of_type(unit.path, unit.data, name):
            for row in table.rows if table.array and not table.local else ():
                for element in row.value.elements:
                    yield from _of_row(unit, element.value.text.lstrip("&").strip())
    for table in tables_of_type(unit.path, unit.data, _IPMI):
        for row in table.rows:
            for element in row.value.elements[:1]:
                yield GuestEntry(element.value.text.strip(), _IPMI_COMMAND)


def _dispatches(unit: TranslationUnit, direct: Collection[str]) -> bool:
    """Whether a function that one of `direct` reaches, or one of these, calls what a member points to."""
    if not direct:
        return False
    calling = (unit.definitions.around(found.start()) for found in _POINTER_CALL.finditer(unit.data))
    return not unit.uses.leading_to(piece.name for piece in calling if piece is not None).isdisjoint(direct)


def _of_row(unit: TranslationUnit, name: str) -> Iterator[GuestEntry]:
    signature = unit.signature(name) if name in unit.functions else None
    if signature is not None:
        roles = {
            position: VALUE
            for position, param in enumerate(signature.params)
            if param.name in _VALUES and int_type(param.type) is not None
        }
        yield GuestEntry(name, Slot(_TABLE, "write" if roles else "read", roles))


def _callbacks(unit: TranslationUnit) -> Iterator[GuestEntry]:
    slot = Slot(CALLBACK, "callback", {})
    for found in _CALLBACKS.finditer(unit.data):
        for word in _WORD.findall(found[1]):
            name = word.decode("latin-1")
            if name in unit.functions:
                yield GuestEntry(name, slot)
                if found[0].startswith(_HAS_ONE):
                    break
    for type_ in _CALLBACK_TABLES:
        for table in tables_of_type(unit.path, unit.data, type_) if type_.encode() in unit.data else ():
            for element in table.value.elements:
                yield GuestEntry(element.value.text.lstrip("&").strip(), slot)
