# SPDX-License-Identifier: GPL-2.0-or-later
"""The integer types of C, by their names: width and sign on a 64-bit host."""

from __future__ import annotations

from collections.abc import Callable

from qerrlint.records import record

# Typedefs of typedefs are followed so far.
_LONGEST_CHAIN = 4


@record(frozen=True, slots=True)
class IntType:
    """An integer type: its width in bits, and whether it has a sign."""

    bits: int
    signed: bool

    def wrap(self, number: int) -> int:
        """The number as a value of this type."""
        number &= (1 << self.bits) - 1
        return number - (1 << self.bits) if self.signed and number >> (self.bits - 1) else number


INT = IntType(32, True)
UINT64 = IntType(64, False)
_INT64 = IntType(64, True)
_UINT32 = IntType(32, False)
_NAMED = {
    "bool": IntType(1, False),
    "char": IntType(8, True),
    "int": INT,
    "short": IntType(16, True),
    "long": _INT64,
    "unsigned": _UINT32,
    "uint": _UINT32,
    "size_t": UINT64,
    "ssize_t": _INT64,
    "hwaddr": UINT64,
    "dma_addr_t": UINT64,
    "ram_addr_t": UINT64,
    "vaddr": UINT64,
    "pcibus_t": UINT64,
    **{f"int{bits}_t": IntType(bits, True) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}_t": IntType(bits, False) for bits in (8, 16, 32, 64)},
}
TYPE_WORDS = frozenset(_NAMED) | {"signed", "const"}
"""The words that the names of integer types consist of."""


def int_type(text: str) -> IntType | None:
    """The integer type that a type's text names ("uint32_t", "unsigned long"); None for any other type."""
    words = [word for word in text.split() if word not in ("const", "volatile", "static", "register")]
    if len(words) == 1:
        return _NAMED.get(words[0])
    if not words or not set(words) <= {"unsigned", "signed", "int", "char", "short", "long"}:
        return None
    bits = 8 if "char" in words else 16 if "short" in words else 64 if "long" in words else 32
    return IntType(bits, "unsigned" not in words)


def is_int_type(text: str, typedefs: Callable[[str], str | None]) -> bool:
    """Whether a type's text names an integer type, by itself or by way of typedefs; an enum is none.

    `typedefs` gives the target of a typedef, None for any other name.
    """
    return resolved_int_type(text, typedefs) is not None


def resolved_int_type(text: str, typedefs: Callable[[str], str | None]) -> IntType | None:
    """The integer type that a type's text names, by itself or by way of typedefs; None for any other type."""
    for _ in range(_LONGEST_CHAIN):
        known = int_type(text)
        if known is not None:
            return known
        target = typedefs(text) if text.isidentifier() else None
        if target is None or target == text:
            return None
        text = target
    return None


def literal_type(number: int, digits: str, suffix: str) -> IntType:
    """The type of an integer constant (C11 6.4.4.1) with these digits and this suffix in lower case."""
    bits = 64 if "l" in suffix or number >> 32 else 32
    octal = len(digits) > 1 and digits[0] == "0"
    if number >> (bits - 1) and digits.isdigit() and not octal and "u" not in suffix:
        bits = 64
    unsigned = "u" in suffix or bool(number >> (bits - 1))
    return IntType(bits, not unsigned)
