# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether run-time code uses a member of a device's state as a switch or as a latch.

A switch is set in one place and taken back in another; a latch is set and never taken back.
"""

from __future__ import annotations

from itertools import pairwise

from qerrlint.checks.migration.run_time_state import Lasting
from qerrlint.lazy_patterns import lazy_re
from qerrlint.qemu.vmstate.run_time import READ, Use
from qerrlint.qemu.vmstate.state_members import ARRAY

_ARM = lazy_re(rb"\{|[;}](\s*else\b)?")


def is_switch(data: bytes, one: Lasting, stores: list[Use], *, latch: bool) -> bool:
    """Whether run-time code sets a member and takes that back in other functions, or never does (a latch)."""
    values: dict[str, set[str]] = {}
    for use in stores:
        values.setdefault(use.value.strip(" ()"), set()).add(use.function)
    if one.member.kind == ARRAY or len(stores) < len([use for use in one.uses if use.kind != READ]):
        return False
    if not all(use.constant for use in stores) or (latch and len(values) > 1):
        return False
    return len(values) == 1 or not set.intersection(*values.values()) or _is_chosen(data, stores)


def _is_chosen(data: bytes, stores: list[Use]) -> bool:
    """Whether a function that stores one value on one path stores the other one on the other path."""
    return all(
        one.function != other.function or _is_otherwise(data[one.end : other.start])
        for one, other in pairwise(stores)
    )


def _is_otherwise(between: bytes) -> bool:
    """Whether the text after a statement leads to the other arm of the `if` that the statement is in."""
    depth = 0
    for number, found in enumerate(_ARM.finditer(between)):
        if found[0] == b"{":
            depth += 1
        elif depth > 0:
            depth -= found[0][:1] == b"}"
        elif found[0][:1] == b"}" or (found[1] and number == 0):
            return found[1] is not None
    return False
