# SPDX-License-Identifier: GPL-2.0-or-later
"""Definitions: the functions that one file defines, and where the file uses their names.

A name may be defined several times in a file, once in each arm of an `#if`. Each of these definitions is a
function of its own; what is asked by name is answered for all of them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property

from qerrlint.c.cut import FUNCTION, Piece, cut_file
from qerrlint.c.declarations.types import Signature, parse_signature
from qerrlint.c.gaps import ENCODING, Gap
from qerrlint.model.file_text import FileText

# The words that make a function worth interpreting: Error objects, notifiers, blockers.
ERRORISH = re.compile(
    rb"\b(?:G?Error|errp|error_\w+|local_err|NotifierWithReturn|\w*(?:_blocker|_notifier)\w*)\b"
)
_STATIC = re.compile(rb"\bstatic\b")
_STORES = re.compile(rb"(?:\.|->)\s*(\w+)\s*=\s*&?\s*([A-Za-z_]\w*)\s*[,;}]")
_WORD = re.compile(rb"[A-Za-z_]\w*")
# Registrations of callbacks that may report an Error, and the slot they end up in.
_REGISTERS = re.compile(
    rb"\b(?:(?:migration|precopy|postcopy)_add_notifier|notifier_with_return_list_add)\w*\s*\([^;]*;|"
    rb"\bnotify\s*=[^,;]*[,;]"
)


class Definitions:
    """The functions that a file defines.

    `pieces` are all braced top-level pieces of the file, `functions` those that define a function, `gaps` the
    texts that may hold functions and are no piece, all in source order; `by_name` holds the definitions of
    each name in source order.
    """

    def __init__(self, text: FileText) -> None:
        self._text = text
        found = cut_file(text.path, text.data)
        self.pieces = found.pieces
        self.gaps = found.gaps
        self.functions = tuple(piece for piece in self.pieces if piece.kind == FUNCTION)
        by_name: dict[str, tuple[Piece, ...]] = {}
        for piece in self.functions:
            by_name[piece.name] = (*by_name.get(piece.name, ()), piece)
        self.by_name = by_name
        self._starts = [piece.span.start for piece in self.functions]
        self._signatures: dict[int, Signature | None] = {}

    def around(self, offset: int) -> Piece | None:
        """The definition in which an offset lies; None for one outside of all functions."""
        at = bisect_right(self._starts, offset) - 1
        piece = self.functions[at] if at >= 0 else None
        return piece if piece is not None and offset < piece.span.end else None

    def relevant(self) -> list[Piece]:
        """The definitions that have to do with errors, notifiers or blockers, in source order."""
        return [piece for piece in self.functions if self.is_relevant(piece)]

    def relevant_gaps(self) -> list[Gap]:
        """The gaps whose text has to do with errors, notifiers or blockers, or cannot be read as C at all."""
        data = self._text.data
        return [
            gap
            for gap in self.gaps
            if gap.kind == ENCODING or ERRORISH.search(data, gap.span.start, gap.span.end) is not None
        ]

    def is_relevant(self, piece: Piece) -> bool:
        """Whether a definition has to do with errors, notifiers or blockers by its text."""
        return ERRORISH.search(self._text.data, piece.span.start, piece.span.end) is not None

    def deal_with_errors(self, name: str) -> bool:
        """Whether any definition of a name has to do with errors, notifiers or blockers by its text."""
        return any(self.is_relevant(piece) for piece in self.by_name.get(name, ()))

    def signature(self, piece: Piece) -> Signature | None:
        """The signature at the head of a definition; None where it cannot be read."""
        start = piece.span.start
        if start not in self._signatures:
            head = self._text.data[start : piece.body]
            self._signatures[start] = parse_signature(head, self._text.path, start)
        return self._signatures[start]

    def is_static(self, piece: Piece) -> bool:
        """Whether a definition has internal linkage."""
        return _STATIC.search(self._text.data, piece.span.start, piece.body) is not None


class NameUses:
    """Where a file uses the names of its functions, told by its bytes."""

    def __init__(self, text: FileText, definitions: Definitions) -> None:
        self._data = text.data
        self._definitions = definitions

    def definitions_that_mention(self, name: str) -> list[Piece]:
        """The definitions whose bodies mention `name`, those of that name left out, in source order."""
        word = re.compile(rb"\b" + re.escape(name.encode()) + rb"\b")
        return [
            piece
            for piece in self._definitions.functions
            if piece.name != name and word.search(self._data, piece.body, piece.span.end)
        ]

    def callers_of(self, name: str) -> list[str]:
        """The functions of this file whose bodies mention `name`, itself left out, in source order."""
        return list(dict.fromkeys(piece.name for piece in self.definitions_that_mention(name)))

    def mentions(self, name: str) -> int:
        """How often the file's code mentions a function beside its own declarations and definitions."""
        word = re.escape(name.encode())
        every = len(re.findall(rb"\b" + word + rb"\b", self._data))
        heads = len(re.findall(rb"^[A-Za-z_][^;{}()=]*\b" + word + rb"\s*\(", self._data, re.MULTILINE))
        return every - heads

    def is_handed_over(self, name: str) -> bool:
        """Whether the file uses a function's name without calling it: its address goes somewhere."""
        return re.search(rb"(?<![\w.>])%s\b(?!\s*\()" % re.escape(name.encode()), self._data) is not None

    def slots_of(self, name: str) -> frozenset[str]:
        """The function-pointer members that the file stores a function in."""
        return self._slots.get(name, frozenset())

    @cached_property
    def _slots(self) -> dict[str, frozenset[str]]:
        table: dict[str, set[str]] = {}
        for found in _STORES.finditer(self._data):
            table.setdefault(found.group(2).decode(), set()).add(found.group(1).decode())
        return {function: frozenset(members) for function, members in table.items()}

    def is_registered_notifier(self, name: str) -> bool:
        """Whether the file hands the function's address to a notifier registration or slot."""
        return name.encode() in self._registered

    @cached_property
    def _registered(self) -> frozenset[bytes]:
        return frozenset(
            word for found in _REGISTERS.finditer(self._data) for word in _WORD.findall(found.group())
        )
