# SPDX-License-Identifier: GPL-2.0-or-later
"""Definitions: the functions that one file defines, and where the file uses their names.

A name may be defined several times in a file, once in each arm of an `#if`. Each of these definitions is a
function of its own; what is asked by name is answered for all of them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from qerrlint.c.cut import FUNCTION, Piece, cut_file
from qerrlint.c.declarations.types import Signature, parse_signature
from qerrlint.c.gaps import ENCODING, Gap
from qerrlint.c.lexis import bare, occurrences
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.file_text import FileText, words_in

# The words that make a function worth interpreting: Error objects, notifiers, blockers.
ABOUT_ERRORS = lazy_re(
    rb"\b(?:G?Error|errp|error_\w+|local_err|NotifierWithReturn|\w*(?:_blocker|_notifier)\w*)\b"
)
# Each match of it holds one of these, which a plain search finds many times faster.
_ITS_PARTS = (
    b"Error",
    b"errp",
    b"error_",
    b"local_err",
    b"NotifierWithReturn",
    b"_notifier",
    b"_blocker",
)
_STATIC = lazy_re(rb"\bstatic\b")
_STORES = lazy_re(rb"(?:\.|->)\s*(\w+)\s*=\s*&?\s*([A-Za-z_]\w*)\s*[,;}]")
_WORD = lazy_re(rb"[A-Za-z_]\w*")
_CALL = lazy_re(rb"\b([A-Za-z_]\w*)\s*\(")
_CALLED = lazy_re(rb"\s*\(")
# Registrations of callbacks that may report an Error, and the slot they end up in.
_REGISTERS = lazy_re(
    rb"\b(?:(?:migration|precopy|postcopy)_add_notifier|notifier_with_return_list_add)\w*\s*\([^;]*;|"
    rb"\bnotify\s*=[^,;]*[,;]"
)
_OF_REGISTERS = (b"_add_notifier", b"notifier_with_return_list_add", b"notify")

_ENDS = lazy_re(
    rb"\b(?:_exit|abort|cpu_abort|die|errx?|exit|fatal|g_assert_not_reached|g_error|hw_error)\s*\("
)
_RETURN = lazy_re(rb"\breturn\b")


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
        self._ending: dict[str, bool] = {}
        self._words: dict[int, frozenset[bytes]] = {}

    def words(self, piece: Piece) -> frozenset[bytes]:
        """The words in the body of a definition, those in comments among them."""
        start = piece.body
        if start not in self._words:
            self._words[start] = words_in(self._text.data[start : piece.span.end])
        return self._words[start]

    def body(self, piece: Piece) -> bytes:
        """The body of a definition, comments and literals blanked."""
        return bare(self._text.data[piece.body : piece.span.end])

    def may_end_process(self, name: str) -> bool:
        """Whether each definition of a name calls something that ends the process, and has no return."""
        if name not in self._ending:
            data = self._text.data
            self._ending[name] = all(
                _ENDS.search(data, piece.body, piece.span.end)
                and not _RETURN.search(data, piece.body, piece.span.end)
                for piece in self.by_name[name]
            )
        return self._ending[name]

    def around(self, offset: int) -> Piece | None:
        """The definition in which an offset lies; None for one outside of all functions."""
        at = bisect_right(self._starts, offset) - 1
        piece = self.functions[at] if at >= 0 else None
        return piece if piece is not None and offset < piece.span.end else None

    def function_at(self, offset: int) -> str:
        """The function in whose body, and not in a comment, an offset of the file lies; "" for none."""
        piece = self.around(offset)
        if piece is None or offset <= piece.body or self._text.in_comment(offset):
            return ""
        return piece.name

    def relevant(self) -> list[Piece]:
        """The definitions that have to do with errors, notifiers or blockers, in source order."""
        return list(self._relevant.values())

    @cached_property
    def _relevant(self) -> dict[int, Piece]:
        """The relevant definitions by their starts."""
        data = self._text.data
        decided: dict[int, Piece | None] = {}
        for literal in _ITS_PARTS:
            at = data.find(literal)
            while at >= 0:
                index = bisect_right(self._starts, at) - 1
                piece = self.functions[index] if index >= 0 else None
                if piece is not None and at < piece.span.end:
                    start, end = piece.span.start, piece.span.end
                    if decided.get(start) is None:
                        decided[start] = piece if ABOUT_ERRORS.search(data, start, end) is not None else None
                    at = data.find(literal, end)
                else:
                    following = self._starts[index + 1] if index + 1 < len(self._starts) else len(data)
                    at = data.find(literal, following)
        return {start: piece for start, piece in sorted(decided.items()) if piece is not None}

    def relevant_gaps(self) -> list[Gap]:
        """The gaps whose text has to do with errors, notifiers or blockers, or cannot be read as C at all."""
        data = self._text.data
        return [
            gap
            for gap in self.gaps
            if gap.kind == ENCODING or ABOUT_ERRORS.search(data, gap.span.start, gap.span.end) is not None
        ]

    def is_relevant(self, piece: Piece) -> bool:
        """Whether a definition has to do with errors, notifiers or blockers by its text."""
        return piece.span.start in self._relevant

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
        found: dict[int, Piece] = {}
        for at in occurrences(self._data, name.encode()):
            piece = self._definitions.around(at)
            if piece is not None and piece.name != name and at >= piece.body:
                found[piece.span.start] = piece
        return list(found.values())

    def callers_of(self, name: str) -> list[str]:
        """The functions of this file whose bodies mention `name`, itself left out, in source order."""
        return list(dict.fromkeys(piece.name for piece in self.definitions_that_mention(name)))

    @cached_property
    def calls(self) -> Mapping[str, frozenset[str]]:
        """For each function of this file the others of it whose names stand before a parenthesis in its body.

        Of several definitions of one name the first counts."""
        names = {name.encode("latin-1", "replace"): name for name in self._definitions.by_name}
        return {
            name: frozenset(
                names[word]
                for word in _CALL.findall(self._data, pieces[0].body, pieces[0].span.end)
                if word in names and names[word] != name
            )
            for name, pieces in self._definitions.by_name.items()
        }

    @cached_property
    def callers(self) -> Mapping[str, Sequence[str]]:
        """For each function of this file that others of it call (`calls`) those, sorted."""
        out: dict[str, list[str]] = {}
        for caller in sorted(self.calls):
            for name in self.calls[caller]:
                out.setdefault(name, []).append(caller)
        return out

    def leading_to(self, names: Iterable[str]) -> set[str]:
        """Functions of this file and those whose bodies mention them, directly or not."""
        found: set[str] = set()
        waiting = set(names)
        while waiting:
            found |= waiting
            waiting = {caller for name in waiting for caller in self.callers_of(name)} - found
        return found

    def mentions(self, name: str) -> int:
        """How often the file's code mentions a function beside its own declarations and definitions."""
        word = re.escape(name.encode())
        every = sum(1 for _ in occurrences(self._data, name.encode()))
        heads = len(re.findall(rb"^[A-Za-z_][^;{}()=]*\b" + word + rb"\s*\(", self._data, re.MULTILINE))
        return every - heads

    def is_handed_over(self, name: str) -> bool:
        """Whether the file uses a function's name without calling it: its address goes somewhere."""
        return any(
            self._data[at - 1 : at] not in (b".", b">") and not _CALLED.match(self._data, at + len(word))
            for word in (name.encode(),)
            for at in occurrences(self._data, word)
        )

    def slots_of(self, name: str) -> frozenset[str]:
        """The function-pointer members that the file stores a function in."""
        return self._slots.get(name, frozenset())

    def stores_of(self, name: str) -> int:
        """How often the file stores a function in a function-pointer member."""
        return len(self._stores.get(name, ()))

    @cached_property
    def _slots(self) -> dict[str, frozenset[str]]:
        return {function: frozenset(members) for function, members in self._stores.items()}

    @cached_property
    def _stores(self) -> dict[str, list[str]]:
        table: dict[str, list[str]] = {}
        for found in _STORES.finditer(self._data):
            table.setdefault(found.group(2).decode(), []).append(found.group(1).decode())
        return table

    def is_registered_notifier(self, name: str) -> bool:
        """Whether the file hands the function's address to a notifier registration or slot."""
        return name.encode() in self._registered

    @cached_property
    def _registered(self) -> frozenset[bytes]:
        if not any(word in self._data for word in _OF_REGISTERS):
            return frozenset()
        return frozenset(
            word for found in _REGISTERS.finditer(self._data) for word in _WORD.findall(found.group())
        )
