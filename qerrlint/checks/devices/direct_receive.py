# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: a network device calls its own receive callback, so that the packet re-enters the device."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qerrlint.c.declarations.types import Signature
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

# How many functions a call is followed back through.
_MOST_CALLERS = 12
# The types of NetReceive and NetReceiveIOV (include/net/net.h), without the first parameter.
_PACKETS = {("const uint8_t *", "size_t"), ("const struct iovec *", "int")}
_STORED = lazy_re(rb"\.\s*receive(?:_iov|_raw)?\s*=\s*&?(\w+)")
_THROUGH_INFO = lazy_re(rb"\binfo\s*->\s*receive(?:_iov)?\s*\(")
_SENDS = lazy_re(rb"\bqemu_sendv?_packet\w*\s*\(")
_NIC = (b"NET_CLIENT_DRIVER_NIC", b"NET_CLIENT_OPTIONS_KIND_NIC", b"NICState", b"qemu_new_nic")
# The file that defines it is the net core, which is no NIC.
_MAKER = "qemu_new_nic"


def _run(file: AnalysedFile) -> Iterator[Observation]:
    unit = file.unit
    if b"receive" not in unit.data:
        return
    is_nic = any(word in unit.data for word in _NIC) and _MAKER not in unit.functions
    receivers = _receivers(unit) if is_nic else frozenset()
    if not receivers:
        yield from _looped_back(file)
        return
    names = b"|".join(re.escape(name.encode()) for name in sorted(receivers))
    for found in re.finditer(rb"(?<![\w.>])(%s)\s*\(" % names, unit.data):
        yield from _called(unit, found.start(1), found.end(), receivers, found[1].decode())
    for found in _THROUGH_INFO.finditer(unit.data):
        yield from _called(unit, found.start(), found.end(), receivers, "info->receive")


def _called(
    unit: TranslationUnit, start: int, end: int, receivers: frozenset[str], callee: str
) -> Iterator[Observation]:
    function = unit.definitions.function_at(start)
    if not function or _on_the_way_in(unit, function, receivers):
        return
    span = Span(unit.path, start, end)
    yield Observation(
        event="direct-receive",
        function=function,
        primary=span,
        key=unit.text.on_one_line(span),
        slots={"callee": callee},
    )


def _looped_back(file: AnalysedFile) -> Iterator[Observation]:
    """The calls through the table of a device by a function of several devices that also sends: a loopback.

    The net core, whose work it is to deliver, sends nothing where it does so.
    """
    unit = file.unit
    for found in file.asked.matches(_THROUGH_INFO) if b"info" in file.asked.words else ():
        piece = unit.definitions.around(found.start())
        if piece is not None and _SENDS.search(unit.data, piece.body, piece.span.end) is not None:
            yield from _called(unit, found.start(), found.end(), frozenset(), "info->receive")


def _receivers(unit: TranslationUnit) -> frozenset[str]:
    """The functions of the file that are its NIC's receive callbacks: stored as such, or of their type and
    visible to the file that stores them."""
    stored = {found[1].decode() for found in _STORED.finditer(unit.data)}
    names = {name for name in stored if name in unit.functions}
    for name in unit.functions:
        if name not in names and "receive" in name and not unit.is_static(name):
            signature = unit.signature(name)
            if signature is not None and _is_receive(signature):
                names.add(name)
    return frozenset(names)


def _is_receive(signature: Signature) -> bool:
    types = tuple(param.type for param in signature.params)
    return signature.returns == "ssize_t" and len(types) == 3 and types[1:] in _PACKETS


def _on_the_way_in(unit: TranslationUnit, name: str, receivers: frozenset[str]) -> bool:
    """Whether a function is a receive callback, or one that only those call: a packet stays on its way in."""
    inside: set[str] = set()
    todo = [name]
    while todo:
        one = todo.pop()
        if one in receivers or one in inside:
            continue
        inside.add(one)
        callers = (
            unit.uses.callers_of(one) if unit.is_static(one) and not unit.uses.is_handed_over(one) else []
        )
        if not callers or len(inside) > _MOST_CALLERS:
            return False
        todo += callers
    return True


CHECKS = (
    FileCheck(
        "direct-receive",
        "devices",
        # callee: the receive callback, or the member through which it is called.
        (event("direct-receive", "callee"),),
        _run,
    ),
)
