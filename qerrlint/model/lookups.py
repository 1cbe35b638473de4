# SPDX-License-Identifier: GPL-2.0-or-later
"""Lookups: which facts of a tree an analysis looks up, as keys; what is worked out once keeps its own.

A key names a fact as files declare it: `f:NAME` a function, `m:NAME` a macro, `t:NAME` a type, `body:NAME`
all that it declares between its braces, `member:NAME.MEMBER` one member of that, `e:NAME` a constant,
`s:WORD` a pointer member or variable, `q:NAME` and `qs:NAME` what schemas define and generate, `k:TYPE` the
cast macros of a type, `types:PATH` the tables of a file, `index:NAME` the files that define a type,
`stem:NAME` the C files of that name, `file:PATH` all of a file, `text:PATH` what searches find in it,
`dir:FOLDER` what they find in its C files, `def:PATH:NAME` (with `defs:PATH`) the text of a function in a
file, `own:PATH` what a file itself declares, `reach:PATH` what it includes. EVERYTHING stands for what has
no key.

Names are mostly looked up as one file sees them. Where that is not the file that a result is of, the name
counts as seen from there and from nowhere else: `see:PATH`, and `f:NAME@PATH` (paired_keys).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")

EVERYTHING = "*"

Search = tuple[str, bytes]
"""A file, and a regular expression that is looked for in its bytes; a folder has a slash at its end, and the
expression is looked for in each of its C files."""


FIRST = ""
"""What stands for the name of a struct's first field in member_of()."""


def whole_body(type_name: str) -> str:
    """The key of all that a struct, union or enum declares, by the name of its declaration."""
    return f"body:{type_name}"


def member_of(type_name: str, member: str) -> str:
    """The key of one member of a struct or union."""
    return f"member:{type_name}.{member}"


class Lookups:
    """The keys of one computation, and the computations that it made use of."""

    __slots__ = ("keys", "pairs", "parts", "texts")

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.pairs: set[tuple[str, str]] = set()
        self.texts: dict[Search, bool] = {}
        self.parts: set[Lookups] = set()

    def everything(self, own: str | None = None) -> tuple[set[str], dict[Search, bool]]:
        """The keys of this and of all that it made use of, and the searches with what they found.

        `own` is the file that it is about, None where that is not one file.
        """
        out: set[str] = set()
        pairs: set[tuple[str, str]] = set()
        searches: dict[Search, bool] = {}
        waiting = [self]
        seen = {self}
        while waiting:
            one = waiting.pop()
            out |= one.keys
            pairs |= one.pairs
            searches.update(one.texts)
            new = one.parts - seen
            seen |= new
            waiting += new
        out.update(paired_keys(pairs, own))
        return out, searches


def paired_keys(pairs: Iterable[tuple[str, str]], own: str | None) -> Iterator[str]:
    """The keys of names that were looked up as files see them, in a result about a file (None: of none)."""
    for key, path in pairs:
        yield key
        if own is None or path == own:
            yield f"reach:{path}"
        else:
            yield f"see:{path}"
            yield f"{key}@{path}"


class LookupRecorder:
    """Records the keys of all lookups in one tree for the computation that is under way."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = Lookups()

    def add(self, key: str) -> None:
        """A fact is looked up."""
        self.now.keys.add(key)

    def see(self, key: str, path: str) -> None:
        """A name is looked up as a file sees it."""
        self.now.pairs.add((key, path))

    def search(self, path: str, pattern: bytes, found: bool) -> None:
        """A pattern is looked for in a file, and found or not."""
        self.now.keys.add(f"text:{path}")
        self.now.texts[path, pattern] = found

    def search_folder(self, folder: str, pattern: bytes) -> None:
        """The C files of a folder are looked through for a pattern; search() says what it finds in each."""
        self.now.keys.add(f"dir:{folder}")
        self.now.texts[f"{folder}/", pattern] = False

    def definition(self, path: str, name: str) -> None:
        """The text of a function is looked for in a file."""
        self.now.keys.add(f"defs:{path}")
        self.now.keys.add(f"def:{path}:{name}")

    def begin(self) -> Lookups:
        """What is looked up from now on is for another computation; gives the one that was under way."""
        outer = self.now
        self.now = Lookups()
        return outer

    def end(self, outer: Lookups) -> Lookups:
        """The computation is done and counts as a part of the outer one, which goes on."""
        done, self.now = self.now, outer
        outer.parts.add(done)
        return done

    def recall(self, table: dict[Any, tuple[Any, Lookups]], key: Hashable, compute: Callable[[], T]) -> T:
        """compute(), remembered in a table with what it looked up, which counts for each that recalls it."""
        known = table.get(key)
        if known is not None:
            self.now.parts.add(known[1])
            return cast("T", known[0])
        outer = self.begin()
        try:
            value = compute()
        finally:
            done = self.end(outer)
        table[key] = value, done
        return value


class Recalled(Generic[T]):
    """A property worked out once, with what was looked up for it; the object has an `asked`."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    def __get__(self, instance: Any, owner: type | None = None) -> T:
        compute = self._compute
        asked: LookupRecorder = instance.asked
        known = instance.__dict__.setdefault("_recalled", {})
        return asked.recall(known, self._name, lambda: compute(instance))
