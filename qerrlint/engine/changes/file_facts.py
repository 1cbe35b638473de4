# SPDX-License-Identifier: GPL-2.0-or-later
"""The facts of a file's content, and the facts that a result has looked up as bytes."""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from qerrlint.c.declarations.file import FileDeclarations
    from qerrlint.model.lookups import Search
    from qerrlint.model.reads import Question

NARROW, WIDE, NOWHERE = "narrow", "wide", ""
"""What bounds the reads of a result: files that declare, C files as well, or neither (TreeBlobs.scenes)."""

MENTIONS = ("containing", "mentioning")
"""The questions of which files hold some words."""

ABOUT = "about"
"""The question of what tells of a word in a file (model.text_about)."""


class FileFacts(NamedTuple):
    """What is known of a file by its content: its digest, the headers that it includes by the names in its
    lines, the names of the types in its tables, and whether it may have such tables, or set up classes, at
    all."""

    digest: str
    includes: tuple[str, ...]
    types: tuple[str, ...]
    tables: bool = False


def facts_of(path: str, digest: str, data: bytes) -> FileFacts:
    """The facts of a file of this content."""
    from qerrlint.c.declarations.file import FileDeclarations
    from qerrlint.model.include_graph import is_own
    from qerrlint.qemu.type_graph import type_names

    found = FileDeclarations(path, data).includes if b"include" in data else ()
    includes = tuple(name for system, name in found if is_own(system, name))
    tables = any(word in data for word in _OF_TABLES)
    return FileFacts(digest, includes, type_names(data) if not path.endswith(".h") else (), tables)


def include_facts(declarations: FileDeclarations) -> FileFacts:
    """What an unchanged file includes, where nothing else of it is asked: so it has no digest."""
    from qerrlint.model.include_graph import is_own

    return FileFacts("", tuple(name for system, name in declarations.includes if is_own(system, name)), ())


def type_names_of(facts: Mapping[str, FileFacts]) -> dict[str, tuple[str, ...]]:
    """For the files with tables of types, sorted by path, the names of the types."""
    return {path: one.types for path, one in sorted(facts.items()) if one.types}


# A file without these has the same tables as an empty one (engine.changes.fact_changes.same_tables).
_OF_TABLES = (b"TypeInfo", b"OBJECT_DEFINE_", b"class_init")

_NUMBERS: dict[str, int] = {}
# How many keys are remembered with their numbers. The analysis of a file looks up some hundred keys, and that
# of the next file in a folder mostly the same ones.
_MOST_NUMBERS = 50_000


def number_of(key: str) -> int:
    """A key as a number of 32 bits. That two keys share one costs work, and no result."""
    known = _NUMBERS.get(key)
    if known is None:
        if len(_NUMBERS) >= _MOST_NUMBERS:
            _NUMBERS.clear()
        known = _NUMBERS[key] = zlib.crc32(key.encode("utf-8", "surrogateescape"))
    return known


def numbers_seen(numbers: Iterable[int], path: str) -> set[int]:
    """The numbers of keys as names that a file sees: those of `KEY@PATH`."""
    more = f"@{path}".encode("utf-8", "surrogateescape")
    return {zlib.crc32(more, number) for number in numbers}


def packed_keys(keys: Iterable[str], searches: Mapping[Search, bool], asked: Mapping[Question, Any]) -> bytes:
    """What has been looked up as bytes: how many keys there are, their numbers in order, and the searches.

    `asked` are the questions of which files hold one of some words, and of what tells of a word in a file,
    with their answers.
    """
    rows: list[Any] = [
        ["text", path, text.decode("latin-1"), found] for (path, text), found in searches.items()
    ]
    rows += [[kind, of, found] for (kind, *of), found in asked.items()]
    more = {f"{ABOUT}:{of[0]}" if kind == ABOUT else "mentions" for kind, *of in asked}
    numbers = array("I", sorted({number_of(key) for key in (*keys, *more)}))
    text = json.dumps(rows).encode() if rows else b""
    return array("I", [len(numbers)]).tobytes() + numbers.tobytes() + text


def unpacked_keys(data: bytes) -> tuple[Sequence[int], bytes]:
    """The numbers of packed keys, and their searches, still packed."""
    numbers = array("I")
    size = numbers.itemsize
    numbers.frombytes(data[:size])
    end = size + size * numbers[0]
    return memoryview(data)[size:end].cast("I"), data[end:]


def parted_keys(data: bytes) -> tuple[bytes, bytes]:
    """Packed keys without their searches, and the searches."""
    size = array("I").itemsize
    end = size * (1 + int.from_bytes(data[:size], sys.byteorder))
    return data[:end], data[end:]


def keys_in(data: bytes) -> bytes:
    """The keys in packed reads."""
    return data[4 + int.from_bytes(data[:4], "little") :]


def with_keys(data: bytes, keys: bytes) -> bytes:
    """Packed reads with other keys."""
    return data[: 4 + int.from_bytes(data[:4], "little")] + keys
