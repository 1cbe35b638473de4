# SPDX-License-Identifier: GPL-2.0-or-later
"""record: the decorator of classes whose objects are never changed.

The initialiser of a frozen dataclass takes three times as long as a plain one, since it goes round its own
`__setattr__` for each field; and the class itself takes twice as long to make, which counts at the start, as
there are some 250 of them. A class decorated with `@record(frozen=True, slots=True)` is a frozen dataclass
for mypy, which refuses to set its fields, and a plain one with a hash when the program runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:

    def record(*, frozen, slots, order=False):
        """The decorator; `frozen` has to be True: it says what the type checker holds."""
        assert frozen
        return dataclass(slots=slots, order=order, unsafe_hash=True)


__all__ = ["record"]
