# SPDX-License-Identifier: GPL-2.0-or-later
"""Inputs made of a corpus: the same for the same seed, target and number."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

# Inputs stay small: what is too slow for its size shows at this one.
LARGEST = 48 << 10
_NUMBERS = (b"0", b"1", b"-1", b"65535", b"4294967296", b"9" * 30, b"9" * 6000, b"1e999", b"0x7fffffff")
_BYTES = (
    b"\0",
    b"\xff",
    b"\xc3",
    b"\r",
    b"\r\n",
    b"\n",
    b"\t",
    b"\x1b[31m",
    b"\xe2\x80\xae",
    b"\xef\xbb\xbf",
    b"\x0c",
)

_Mutation = Callable[[random.Random, bytes, Sequence[bytes], Sequence[bytes]], bytes]


def made(corpus: Sequence[bytes], words: Sequence[bytes], seed: int, name: str, number: int) -> bytes:
    """Input `number` of a target: an item of the corpus, changed one to eight times."""
    chance = random.Random(f"{seed}/{name}/{number}")
    data = chance.choice(corpus)
    for _ in range(chance.choice((1, 1, 2, 3, 4, 8))):
        data = chance.choice(_MUTATIONS)(chance, data, corpus, words)[:LARGEST]
    return data


def _flip(chance: random.Random, data: bytes, *_: object) -> bytes:
    out = bytearray(data)
    for _bit in range(chance.choice((1, 1, 4, 16))):
        if out:
            out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
    return bytes(out)


def _span(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.choice((1, 2, 8, 64, 512, 4096)))


def _cut(chance: random.Random, data: bytes, *_: object) -> bytes:
    start, end = _span(chance, data)
    return data[:start] + data[end:]


def _truncate(chance: random.Random, data: bytes, *_: object) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _repeat(chance: random.Random, data: bytes, *_: object) -> bytes:
    """A stretch many times: what costs more than its size shows here."""
    start, end = _span(chance, data)
    return data[:end] + data[start:end] * chance.choice((1, 2, 10, 100, 1000, 5000)) + data[end:]


def _repeat_line(chance: random.Random, data: bytes, *_: object) -> bytes:
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    lines[at:at] = lines[at : at + chance.choice((1, 1, 3, 9))] * chance.choice((1, 2, 10, 100, 1000))
    return b"\n".join(lines)


def _drop_line(chance: random.Random, data: bytes, *_: object) -> bytes:
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    del lines[at : at + chance.choice((1, 1, 2, 10))]
    return b"\n".join(lines)


def _swap_lines(chance: random.Random, data: bytes, *_: object) -> bytes:
    lines = data.split(b"\n")
    first, second = (chance.randrange(len(lines)) for _ in range(2))
    lines[first], lines[second] = lines[second], lines[first]
    return b"\n".join(lines)


def _splice(chance: random.Random, data: bytes, corpus: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    other = chance.choice(corpus)
    start, end = _span(chance, other)
    at = chance.randrange(len(data) + 1)
    return data[:at] + other[start:end] + data[at:]


def _word(chance: random.Random, data: bytes, corpus: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice((*words, *_BYTES)) + data[at:]


def _number(chance: random.Random, data: bytes, *_: object) -> bytes:
    """Another number in the place of one."""
    digits = [at for at, byte in enumerate(data) if 48 <= byte <= 57]
    if not digits:
        return data
    start = end = chance.choice(digits)
    while end < len(data) and 48 <= data[end] <= 57:
        end += 1
    return data[:start] + chance.choice(_NUMBERS) + data[end:]


def _nest(chance: random.Random, data: bytes, corpus: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """Many of one kind of bracket, or of a word, at one place."""
    at = chance.randrange(len(data) + 1)
    piece = chance.choice((b"(", b"[", b"{", b"<", b">", b"/*", b'"', b"- ", b" ", *words))
    return data[:at] + piece * chance.choice((3, 30, 300, 3000)) + data[at:]


_MUTATIONS: tuple[_Mutation, ...] = (
    *(_flip, _cut, _truncate, _repeat, _repeat_line, _drop_line, _swap_lines),
    *(_splice, _word, _number, _nest),
)
