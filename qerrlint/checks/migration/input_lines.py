# SPDX-License-Identifier: GPL-2.0-or-later
"""Input lines: the members in which a device keeps the level of a line that other devices drive.

A handler of lines gets the level as its third parameter (include/hw/core/irq.h, qemu_irq_handler). The device
at the other end sends a level once, when it changes, so after migration nobody sends it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qerrlint.c.expressions.int_types import int_type
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.guest.places import guest_file
from qerrlint.checks.migration.run_time_state import Lasting
from qerrlint.ir.code import Assign, Function
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.file_text import NamedPattern
from qerrlint.qemu.guest.entries import GuestEntry
from qerrlint.qemu.guest.slots import VALUE, Slot
from qerrlint.qemu.guest.taint import reads, tainted
from qerrlint.qemu.vmstate.guest_state import handed_over
from qerrlint.qemu.vmstate.run_time import CHANGE, STORE, Use

INPUTS = NamedPattern(
    lazy_re(
        rb"\b(?:qdev_init_gpio_in\w*|qemu_allocate_irqs?|qemu_init_irqs?|pci_bus_irqs)\s*\(([^;]*?)\)\s*;"
    ),
    ("qemu_allocate_irq", "qemu_allocate_irqs", "qemu_init_irq", "qemu_init_irqs", "pci_bus_irqs"),
    (b"qdev_init_gpio_in",),
)
"""What a file with input lines has in its text."""
_WORD = lazy_re(rb"[A-Za-z_]\w*")
_LINE = Slot("input line", "change of an input line", {2: VALUE})
_LEVEL = 2
# A member that counts changes is no level.
_COUNTS = lazy_re(r"\+\+|--|[-+]=")


def kept_lines(file: AnalysedFile, found: Iterable[Lasting]) -> list[Lasting]:
    """Of members whose value lasts those that keep what a line is set to."""
    listed = list(found)
    return [listed[number] for number in keeping_lines(file, [one.uses for one in listed])]


def keeping_lines(file: AnalysedFile, listed: Sequence[Sequence[Use]]) -> list[int]:
    """Of members, by all that is done with each, the places of those that keep what a line is set to."""
    handlers = _handlers(file) if listed else []
    if not handlers:
        return []
    guest = file.once(guest_file)
    within = guest.calling({use.function for uses in listed for use in uses if use.kind != "read"})
    kept: set[int] = set()
    for name, seeds in handed_over(guest, [GuestEntry(one, _LINE) for one in handlers], within):
        function = file.unit.lowered(name)
        for number, uses in enumerate(listed) if function is not None else ():
            if function is not None and any(_keeps(file, function, seeds, use) for use in uses):
                kept.add(number)
    return sorted(kept)


def _handlers(file: AnalysedFile) -> list[str]:
    """The functions of the file that input lines call."""
    unit = file.unit
    words = {word.decode() for call in INPUTS.pattern.findall(unit.data) for word in _WORD.findall(call)}
    found = []
    for name in sorted(words & unit.functions.keys()):
        signature = unit.signature(name)
        params = signature.params if signature is not None else ()
        if len(params) == _LEVEL + 1 and int_type(params[_LEVEL].type) is not None:
            found.append(name)
    return found


def _keeps(file: AnalysedFile, function: Function, seeds: frozenset[str], use: Use) -> bool:
    """Whether a use of a member stores the level there, or a constant after a test of the level."""
    if use.function != function.name or use.kind not in (STORE, CHANGE):
        return False
    for number, block in enumerate(function.blocks):
        for event in block.events:
            if isinstance(event, Assign) and event.span.start <= use.start < event.span.end:
                text = file.unit.data[event.span.start : event.span.end].decode("latin-1")
                if _COUNTS.search(text) is not None:
                    return False
                known = tainted(function, seeds)
                return reads(function, event.value, known) or _is_after_test(function, number, known)
    return False


def _is_after_test(function: Function, number: int, known: frozenset[str]) -> bool:
    """Whether an edge to a block tests something that is known."""
    return any(
        reads(function, test.subject, known)
        for edge in function.edges()
        if edge.target == number
        for test in edge.tests
    )
