# SPDX-License-Identifier: GPL-2.0-or-later
"""Small guest programs: accesses to memory, then an endless loop, for three instruction sets of Arm.

The encodings are those of the Arm Architecture Reference Manuals. Register 0 holds the address, register 1
what is written; constants stand behind the code and are loaded relative to the program counter.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_ACCESS = re.compile(
    r"(?:(write)(8|16|32|64) (0x[0-9a-f]+) (0x[0-9a-f]+)|(read)(8|16|32|64) (0x[0-9a-f]+))\Z"
)


class ProgramError(ValueError):
    """A program that cannot be made; its text says why, in one line."""


@dataclass(frozen=True, slots=True)
class _Set:
    """An instruction set: the length of an instruction, the words of accesses, how a constant is loaded."""

    length: int
    pack: str
    accesses: Mapping[str, int]
    loop: int
    head: bytes
    load: Callable[[int, int], int]
    pipeline: int


# An M profile core takes its stack and its start (bit 0: Thumb) from the first two words.
_VECTORS = struct.pack("<II", 0x20001000, 0x41).ljust(0x40, b"\0")

_SETS: Mapping[str, _Set] = {
    "arm": _Set(
        length=4,
        pack="<I",
        accesses={
            "write32": 0xE5801000,
            "write16": 0xE1C010B0,
            "write8": 0xE5C01000,
            "read32": 0xE5902000,
            "read16": 0xE1D020B0,
            "read8": 0xE5D02000,
        },
        loop=0xEAFFFFFE,
        head=b"",
        load=lambda register, distance: 0xE59F0000 | register << 12 | distance,
        pipeline=8,
    ),
    "thumb": _Set(
        length=2,
        pack="<H",
        accesses={
            "write32": 0x6001,
            "write16": 0x8001,
            "write8": 0x7001,
            "read32": 0x6802,
            "read16": 0x8802,
            "read8": 0x7802,
        },
        loop=0xE7FE,
        head=_VECTORS,
        load=lambda register, distance: 0x4800 | register << 8 | distance >> 2,
        pipeline=4,
    ),
    "aarch64": _Set(
        length=4,
        pack="<I",
        accesses={
            "write64": 0xF9000001,
            "write32": 0xB9000001,
            "write16": 0x79000001,
            "write8": 0x39000001,
            "read64": 0xF9400002,
            "read32": 0xB9400002,
            "read16": 0x79400002,
            "read8": 0x39400002,
        },
        loop=0x14000000,
        head=b"",
        load=lambda register, distance: 0x58000000 | distance >> 2 << 5 | register,
        pipeline=0,
    ),
}


def guest_program(instruction_set: str, accesses: Sequence[str]) -> bytes:
    """The bytes of a program that does these accesses ("write32 0x1000 0x1", "read8 0x1000") and then loops.

    `instruction_set` is "arm", "thumb" (with the vectors of an M profile core at address 0) or "aarch64".
    Raises ProgramError for an unknown set, an access that is none, or one that the set does not have.
    """
    known = _SETS.get(instruction_set)
    if known is None:
        raise ProgramError(f"unknown instruction set {instruction_set!r} (known: {', '.join(_SETS)})")
    size = 8 if instruction_set == "aarch64" else 4
    code: list[tuple[int, int] | int] = []
    constants: list[int] = []
    for text in accesses:
        match = _ACCESS.match(text)
        word = known.accesses.get((match[1] or match[5]) + (match[2] or match[6])) if match else None
        if match is None or word is None:
            raise ProgramError(f"no access that {instruction_set} has: {text!r}")
        for register, value in enumerate(v for v in (match[3] or match[7], match[4]) if v):
            code.append((register, len(constants)))
            constants.append(int(value, 16) & ((1 << 8 * size) - 1))
        code.append(word)
    code.append(known.loop)
    pool = -(-len(code) * known.length // size) * size
    out = b""
    for index, item in enumerate(code):
        if isinstance(item, tuple):
            at = index * known.length + known.pipeline
            item = known.load(item[0], pool + size * item[1] - (at & ~3))
        out += struct.pack(known.pack, item)
    filled = out.ljust(pool, b"\0")
    return known.head + filled + b"".join(value.to_bytes(size, "little") for value in constants)
