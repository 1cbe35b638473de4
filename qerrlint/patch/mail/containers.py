# SPDX-License-Identifier: GPL-2.0-or-later
"""Files in packed ones: gzip, bzip2, xz, zip and tar, also one in another; bounded in what comes out."""

from __future__ import annotations

import bz2
import lzma
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from qerrlint.errors import InputError

LARGEST = 512 * 1024 * 1024
"""More bytes than this are no thread but a whole archive (or a bomb)."""

# Mails and patches shrink to a tenth; what grows more than this, beyond some megabytes, was made to.
_RATIO = 100
_FREE = 32 * 1024 * 1024
_CHUNK = 1024 * 1024
_BITE = 4096
# A parallel packer makes a stream of each megabyte or so; each costs its machine, however little is in it.
_MOST_STREAMS = {"gzip": 20_000, "bzip2": 1_000, "xz": 1_000}
_DEEPEST = 4
_MOST_MEMBERS = 20_000
_LONGEST_NAME = 200
_XZ_MEMORY = 256 * 1024 * 1024
PATCH_SUFFIXES = (".patch", ".diff", ".eml", ".mbox", ".mbx", ".cover", ".mail", ".txt", ".html", ".htm")
PACKED_SUFFIXES = (".gz", ".tgz", ".bz2", ".tbz", ".tbz2", ".xz", ".txz", ".zip", ".tar")
# Files of these are named, and not read.
OTHER_SUFFIXES = (".zst", ".lz", ".lz4", ".lzma", ".7z", ".rar")
_OTHERS = (
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"LZIP", "lzip"),
    (b"\x5d\0\0", "lzma"),
    (b"\x1f\x9d", "compress"),
)


class _Inflating(Protocol):
    """What the decompressors of zlib, bz2 and lzma have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


@dataclass(slots=True)
class _Budget:
    """How many bytes may still come out of a packed file, with all that is packed in it."""

    left: int

    def take(self, count: int, origin: str) -> None:
        self.left -= count
        if self.left < 0:
            raise InputError(f"{origin}: it is packed so that it becomes far larger; not read")


def packed_kind(data: bytes) -> str:
    """gzip, bzip2, xz, zip or tar; "" for anything else."""
    if data.startswith(b"\x1f\x8b"):
        return "gzip"
    if data.startswith(b"BZh") and data[4:10] == b"1AY&SY":
        return "bzip2"
    if data.startswith(b"\xfd7zXZ\0"):
        return "xz"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    return "tar" if data[257:262] == b"ustar" else ""


def other_packer(data: bytes) -> str:
    """The program that has packed the data in a way that is not read; "" for anything else."""
    return next((name for mark, name in _OTHERS if data.startswith(mark)), "")


File = tuple[str, "bytes | InputError"]
"""A file's name for messages, and its bytes or why they cannot be had."""


def contents(data: bytes, origin: str) -> list[File]:
    """The files in a packed file; of one that is not packed itself.

    Of an archive those are taken whose names are a patch's or a mail's, or all where none is. Raises
    InputError for data that is damaged, encrypted, or becomes far larger than it is.
    """
    budget = _Budget(min(LARGEST, max(_FREE, _RATIO * len(data))))
    return list(_contents(data, origin, budget, 0))


def _contents(data: bytes, origin: str, budget: _Budget, depth: int) -> Iterator[File]:
    kind = packed_kind(data)
    if not kind:
        yield origin, data
        return
    if depth == _DEEPEST:
        raise InputError(f"{origin}: packed more than {_DEEPEST} times over; not read")
    if kind not in ("zip", "tar"):
        yield from _contents(_inflated(kind, data, origin, budget), origin, budget, depth + 1)
        return
    members = list(_zip(data, origin, budget) if kind == "zip" else _tar(data, origin))
    chosen = [pair for pair in members if is_patch_name(pair[0])] or members
    if not chosen:
        raise InputError(f"{origin}: no file in this {kind} archive")
    for name, raw in sorted(chosen, key=lambda pair: order_of_name(pair[0])):
        inner = f"{origin}: {_shown(name)}"
        yield from _or_why(inner, partial(_contents, raw, inner, budget, depth + 1), len(chosen) > 1)


def _or_why(origin: str, read: Callable[[], Iterator[File]], others: bool) -> list[File]:
    """The files in one of an archive; where there are others, one that cannot be read is named."""
    try:
        return list(read())
    except InputError as error:
        if not others:
            raise
        return [(origin, error)]


def is_patch_name(path: str) -> bool:
    """Whether a file is a mail or a patch by its name, or may hold some."""
    folder, _, name = path.rpartition("/")
    lower = name.lower()
    if name.startswith(".") or "__MACOSX" in path:
        return False
    return (
        lower.endswith(PATCH_SUFFIXES + PACKED_SUFFIXES + OTHER_SUFFIXES)
        or (name.isascii() and name.isdigit())
        or folder.rpartition("/")[2] in ("cur", "new")
    )


def order_of_name(path: str) -> tuple[str, int, str]:
    """Numbers (of an MH folder) by their value, other names as text."""
    folder, name = os.path.split(path)
    return folder, int(name) if name.isascii() and name.isdigit() and len(name) < 19 else 0, name


def _inflated(kind: str, data: bytes, origin: str, budget: _Budget) -> bytes:
    """What is packed in the data. Files of these kinds can be strung together; after the last is padding."""
    out: list[bytes] = []
    at = 0
    try:
        for _ in range(_MOST_STREAMS[kind]):
            at = _one_stream(kind, data, at, origin, budget, out)
            if packed_kind(data[at : at + 10]) != kind:
                return b"".join(out)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError, MemoryError):
        raise InputError(f"{origin}: damaged {kind} data") from None
    raise InputError(f"{origin}: more than {_MOST_STREAMS[kind]} {kind} files in one; not read")


def _one_stream(kind: str, data: bytes, at: int, origin: str, budget: _Budget, out: list[bytes]) -> int:
    """Inflate the stream that begins at a place into `out`; returns where it ends."""
    machine = _machine(kind)
    idle = 0
    while idle < 3:
        # In small bites: what is left of one when the stream ends is copied.
        bite = data[at : at + _BITE] if getattr(machine, "needs_input", True) else b""
        piece = machine.decompress(bite, _CHUNK)
        budget.take(len(piece), origin)
        out.append(piece)
        if machine.eof:
            return at + len(bite) - len(machine.unused_data)
        at += len(bite) - len(getattr(machine, "unconsumed_tail", b""))
        idle = 0 if piece or bite else idle + 1
    raise EOFError


def _machine(kind: str) -> _Inflating:
    if kind == "gzip":
        return zlib.decompressobj(31)
    return bz2.BZ2Decompressor() if kind == "bzip2" else lzma.LZMADecompressor(memlimit=_XZ_MEMORY)


def _tar(data: bytes, origin: str) -> Iterator[tuple[str, bytes]]:
    """The regular files of a tar archive: ustar, with the long names of GNU and pax."""
    at = count = 0
    long_name = ""
    while at + 512 <= len(data):
        head = data[at : at + 512]
        if not head.strip(b"\0"):
            return
        size = _octal(head[124:136])
        body = at + 512
        if size is None or body + size > len(data):
            raise InputError(f"{origin}: damaged tar archive")
        raw = data[body : body + size]
        kind = head[156:157]
        if kind == b"L":
            long_name = _text(raw)
        elif kind == b"x":
            long_name = _pax_path(raw) or long_name
        elif kind in (b"0", b"\0", b"7"):
            prefix = _text(head[345:500]) if head[257:263] == b"ustar\0" else ""
            name = long_name or "/".join(part for part in (prefix, _text(head[:100])) if part)
            if not name.endswith("/"):
                yield name, raw
                count += 1
            long_name = ""
        elif kind != b"g":
            long_name = ""
        if count > _MOST_MEMBERS:
            raise InputError(f"{origin}: an archive of more than {_MOST_MEMBERS} files; not read")
        at = body + (size + 511) // 512 * 512


def _shown(name: str) -> str:
    """An archive member's name for messages: on one line, and not as long as its maker likes."""
    text = " ".join(name.split())
    return text if len(text) <= _LONGEST_NAME else f"...{text[-_LONGEST_NAME:]}"


def _octal(field: bytes) -> int | None:
    text = field.strip(b" \0")
    if text.isdigit() and not text.strip(b"01234567"):
        return int(text, 8)
    return None if text else 0


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _pax_path(raw: bytes) -> str:
    """The path of a pax header: records of "length key=value" with a newline."""
    for record in raw.split(b"\n"):
        _, _, pair = record.partition(b" ")
        if pair.startswith(b"path="):
            return pair[5:].decode("utf-8", "surrogateescape")
    return ""


def _zip(data: bytes, origin: str, budget: _Budget) -> Iterator[tuple[str, bytes]]:
    """The files of a zip archive, by its central directory; stored, deflated, bzip2 or lzma."""
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557))
    if end < 0 or end + 22 > len(data):
        raise InputError(f"{origin}: damaged zip archive")
    count, _, at = struct.unpack_from("<HII", data, end + 10)
    if count > _MOST_MEMBERS or at == 0xFFFFFFFF:
        raise InputError(f"{origin}: an archive of more than {_MOST_MEMBERS} files; not read")
    for _ in range(count):
        if data[at : at + 4] != b"PK\x01\x02" or at + 46 > len(data):
            raise InputError(f"{origin}: damaged zip archive")
        flags, method = struct.unpack_from("<HH", data, at + 8)
        packed, size, name_size, extra, comment = struct.unpack_from("<IIHHH", data, at + 20)
        (place,) = struct.unpack_from("<I", data, at + 42)
        raw_name = data[at + 46 : at + 46 + name_size]
        at += 46 + name_size + extra + comment
        name = raw_name.decode("utf-8", "replace").replace("\\", "/")
        if name.endswith("/"):
            continue
        if flags & 1:
            raise InputError(f"{origin}: {_shown(name)}: it is encrypted")
        inner = f"{origin}: {_shown(name)}"
        raw = _zip_member(data, place, packed, inner)
        yield name, _unzipped(raw, method, size, inner, budget)


def _zip_member(data: bytes, place: int, packed: int, origin: str) -> bytes:
    """The bytes of a file as they are packed."""
    if data[place : place + 4] != b"PK\x03\x04" or place + 30 > len(data):
        raise InputError(f"{origin}: damaged zip archive")
    name_size, extra = struct.unpack_from("<HH", data, place + 26)
    start = place + 30 + name_size + extra
    raw = data[start : start + packed]
    if len(raw) < packed:
        raise InputError(f"{origin}: damaged zip archive")
    return raw


def _unzipped(raw: bytes, method: int, size: int, origin: str, budget: _Budget) -> bytes:
    """What is packed in the bytes of a file, by a method of the zip format (APPNOTE.TXT, 4.4.5)."""
    if method == 0:
        budget.take(len(raw), origin)
        return raw
    try:
        if method == 8:
            return _deflated(raw, origin, budget)
        if method == 12:
            return _sized(bz2.BZ2Decompressor(), raw, size, origin, budget)
        if method == 14:
            # In front: a version (2 bytes), the size of the properties (2 bytes), the properties.
            (length,) = struct.unpack_from("<H", raw, 2)
            machine = _raw_lzma(raw[4 : 4 + length])
            return _sized(machine, raw[4 + length :], size, origin, budget)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, struct.error, ValueError, MemoryError):
        raise InputError(f"{origin}: damaged zip archive") from None
    raise InputError(f"{origin}: it is packed in a way that is not read (zip method {method})")


def _deflated(raw: bytes, origin: str, budget: _Budget) -> bytes:
    machine = zlib.decompressobj(-15)
    out: list[bytes] = []
    rest = raw
    while not machine.eof:
        piece = machine.decompress(rest, _CHUNK)
        budget.take(len(piece), origin)
        out.append(piece)
        rest = machine.unconsumed_tail
        if not piece and not rest:
            break
    return b"".join(out)


def _raw_lzma(properties: bytes) -> lzma.LZMADecompressor:
    """The decompressor for LZMA's five bytes of properties; raises ValueError or struct.error for others."""
    first, dictionary = struct.unpack("<BI", properties)
    if first >= 9 * 5 * 5 or dictionary > _XZ_MEMORY:
        raise ValueError
    lc, lp, pb = first % 9, first // 9 % 5, first // 45
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": dictionary, "lc": lc, "lp": lp, "pb": pb}]
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)


def _sized(
    machine: bz2.BZ2Decompressor | lzma.LZMADecompressor, raw: bytes, size: int, origin: str, budget: _Budget
) -> bytes:
    """The output, of the size that the archive states; raises EOFError where it is another one."""
    out: list[bytes] = []
    got = 0
    while got < size and not machine.eof:
        piece = machine.decompress(raw, _CHUNK)
        raw = b""
        budget.take(len(piece), origin)
        out.append(piece)
        got += len(piece)
        if not piece:
            break
    if got != size:
        raise EOFError
    return b"".join(out)
