# SPDX-License-Identifier: GPL-2.0-or-later
"""What has changed in a tree since its results were valid, as the keys of facts that they may have looked up.

A fact is looked up by name in the files that another one includes. So a result is still valid where it
has looked up no name that a changed file declares otherwise, and where what it includes is the same.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from typing import NamedTuple

from qerrlint.c.declarations.file import FileDeclarations
from qerrlint.engine.changes.fact_changes import (
    changed_definitions,
    changed_names,
    changed_schema,
    declared_names,
    defined_types,
    same_tables,
)
from qerrlint.engine.changes.file_facts import (
    ABOUT,
    MENTIONS,
    FileFacts,
    number_of,
    numbers_seen,
    unpacked_keys,
)
from qerrlint.engine.changes.include_changes import IncludeChanges, IncludeGraph, Names
from qerrlint.engine.changes.listed_files import SomeTexts
from qerrlint.engine.mentions import Mentions
from qerrlint.model.definitions import Definitions
from qerrlint.model.file_text import FileText
from qerrlint.model.include_graph import Files
from qerrlint.model.lookups import EVERYTHING
from qerrlint.model.qapi_schema import SCHEMAS, Schema
from qerrlint.model.text_about import TextAbout
from qerrlint.qemu.type_graph import stem_of
from qerrlint.source.source import C_SUFFIXES
from qerrlint.source.tree_folders import is_core


class _ByName(NamedTuple):
    """Names that a file declares otherwise. A result that has looked one up is concerned if it has also
    asked what one of the files of through() includes."""

    names: Names
    through: Callable[[], tuple[Names, Mapping[int, str]]]

    def concerns(self, keys: Names, changed: Names) -> bool:
        """Whether a result with these keys has looked up one of the names so; `changed` are those of its keys
        that are names which any file declares otherwise."""
        names = self.names & changed
        if not names:
            return False
        anyhow, seen = self.through()
        return not anyhow.isdisjoint(keys) or any(
            not numbers_seen(names, seen[number]).isdisjoint(keys) for number in seen.keys() & keys
        )


class TreeChanges:
    """The facts that differ between two states of a tree."""

    def __init__(
        self,
        since: str,
        old: Mapping[str, FileFacts],
        new: Mapping[str, FileFacts],
        old_text: Callable[[str], bytes | None],
        new_text: Callable[[str], bytes | None],
        of_schemas: Iterable[str] | None = None,
        graph: IncludeGraph | None = None,
    ) -> None:
        """`since` is the scene of the old state. `old` and `new` are all files that declare something in each
        state; `old_text` and `new_text` give the text of one by its path, the old one None where it is not
        known any more. `of_schemas`: the keys of what the schemas define otherwise; with them `old` and `new`
        need hold only the files that differ, and those that a file with a result includes. `graph` tells what
        the files of the old state include, where that is known already."""
        self.since = since
        self._old, self._new = old, new
        self._old_text, self._new_text = old_text, new_text
        self.files = [
            path for path in {**old, **new} if old.get(path, _NO).digest != new.get(path, _NO).digest
        ]
        self._changed = frozenset(self.files)
        self._keys_of_schemas = of_schemas
        self._names: dict[tuple[str, bool], Names | None] = {}
        self._includes = IncludeChanges(old, new, self._declared, graph)
        self._by_name: list[_ByName] = []
        self._digests: dict[tuple[str, str], str | None] = {}
        self._text_about = lru_cache(_TEXTS)(self._read_about)
        self._defining: dict[int, list[str]] = {}
        self._unknown: set[int] = set()
        always = {EVERYTHING}
        for path in self.files:
            always.update(self._of_file(path))
        always.update(self._of_schemas())
        self._always = frozenset(self._unknown.union(map(number_of, always)))
        self._sources = [path for path in self.files if path in new and path.endswith(".c")]
        searched = {"mentions", *(f"{kind}:{path}" for kind in ("text", ABOUT) for path in self.files)}
        searched.update(f"dir:{posixpath.dirname(path)}" for path in self._sources)
        self._searched = frozenset(map(number_of, searched))
        self._affected = frozenset(self._includes.affected)
        self._names_of_any: Names = frozenset().union(*(one.names for one in self._by_name))
        self._held: dict[tuple[str, bytes], bool] = {}
        self.numbers = self._always.union(self._defining, self._searched, self._affected, self._names_of_any)
        """The keys that count: a result that has looked up none of them is the same now."""

    @property
    def graph(self) -> IncludeGraph:
        """What the files of the new state include."""
        return self._includes.graphs[1]

    def concern(self, looked_up: bytes, mentioning: Callable[[str], Sequence[str]] | None = None) -> bool:
        """Whether a result that has looked up these facts (packed_keys) may be another one now.

        `mentioning` says which files hold a name; it is asked where it has an index of that.
        """
        keys, searches = unpacked_keys(looked_up)
        return self.concern_one_of(keys, lambda: searches, mentioning)

    def concern_one_of(
        self,
        keys: Sequence[int],
        searches: Callable[[], bytes],
        mentioning: Callable[[str], Sequence[str]] | None = None,
    ) -> bool:
        """As concern(), of unpacked keys; the searches are asked for where they count."""
        if self.numbers.isdisjoint(keys):
            return False
        if not self._always.isdisjoint(keys):
            return True
        if not self._searched.isdisjoint(keys) and not self._found_again(searches(), mentioning):
            return True
        if not self._defining.keys().isdisjoint(keys) and not self._redefined.isdisjoint(keys):
            return True
        changed = self._names_of_any.intersection(keys)
        if changed:
            every = frozenset(keys)
            if any(one.concerns(every, changed) for one in self._by_name):
                return True
        return not self._affected.isdisjoint(keys) and self._sees_otherwise(keys)

    def _sees_otherwise(self, keys: Sequence[int]) -> bool:
        """Whether a name was looked up that a file with other includes sees declared otherwise."""
        affected = self._includes.affected
        for number in self._affected.intersection(keys):
            for path in affected[number]:
                names = self._includes.seen_otherwise(path)
                if names is None:
                    return True
                found = names.intersection(keys)
                if found and number == number_of(f"see:{path}"):
                    # Seen from another file these are no concern.
                    found = frozenset(numbers_seen(found, path)).intersection(keys)
                if found:
                    return True
        return False

    @cached_property
    def _redefined(self) -> Names:
        """The keys of the functions whose texts differ."""
        # Thousands of files may have changed: their texts are not kept.
        return frozenset(
            number_of(key)
            for paths in self._defining.values()
            for path in paths
            for key in changed_definitions(
                FileDeclarations(path, (self._old_text(path) if path in self._old else b"") or b""),
                FileDeclarations(path, (self._new_text(path) if path in self._new else b"") or b""),
            )
        )

    def _declared(self, path: str, now: bool) -> Names | None:
        """The numbers of all names that a file declares in a state; None where its text is not known."""
        if (path, now) not in self._names:
            same = path in self._new and path in self._old and path not in self._changed
            text = self._new_text(path) if now or same else self._old_text(path)
            self._names[path, now] = None
            if text is not None:
                names = declared_names(FileDeclarations(path, text))
                self._names[path, now] = frozenset(map(number_of, names))
        return self._names[path, now]

    def _found_again(self, searches: bytes, mentioning: Callable[[str], Sequence[str]] | None) -> bool:
        """Whether searches in changed files find what they have found before."""
        rows = json.loads(searches or b"[]")
        known = {(of, rest[0]) for kind, of, *rest in rows if kind == "text"}
        for kind, of, *rest in rows:
            if kind == "mentioning" and isinstance(mentioning, Mentions) and mentioning.is_index:
                if list(mentioning(*of)) != rest[0]:
                    return False
            elif kind in MENTIONS:
                words = [word.encode("utf-8", "surrogateescape") for word in of]
                pattern = rb"\b(?:%s)\b" % b"|".join(map(re.escape, words))
                holding = frozenset(rest[0])
                for path in self.files:
                    is_seen = path.endswith(C_SUFFIXES) and not (kind == "mentioning" and not is_core(path))
                    held = is_seen and self._holds(path, pattern, words)
                    if held != (path in holding):
                        return False
            elif kind == ABOUT:
                if of[0] in self._changed and self._about(*of) != rest[0]:
                    return False
            elif of.endswith("/"):
                # A file that has come since, or in which nothing was looked for, may be found now.
                beside = (path for path in self._sources if of == f"{posixpath.dirname(path)}/")
                left = (path for path in beside if (path, rest[0]) not in known)
                if any(self._comes_to_hold(path, rest[0].encode("latin-1")) for path in left):
                    return False
            elif of in self._changed and self._holds(of, rest[0].encode("latin-1")) != rest[1]:
                return False
        return True

    def _about(self, path: str, word: str) -> str | None:
        """What tells of a word in a changed file now."""
        if (path, word) not in self._digests:
            about = self._text_about(path)
            self._digests[path, word] = about.digest(word) if about is not None else None
        return self._digests[path, word]

    def _read_about(self, path: str) -> TextAbout | None:
        data = self._new_text(path) if path in self._new else None
        if data is None:
            return None
        text = FileText(path, data)
        return TextAbout(text, Definitions(text))

    def _holds(self, path: str, pattern: bytes, words: Sequence[bytes] = (b"",)) -> bool:
        """Whether a pattern, each of whose matches has one of some words, is found in a file now."""
        known = self._held.get((path, pattern))
        if known is None:
            data = self._new_text(path) if path in self._new else None
            known = data is not None and any(one in data for one in words) and bool(re.search(pattern, data))
            self._held[path, pattern] = known
        return known

    def _comes_to_hold(self, path: str, pattern: bytes) -> bool:
        """Whether a pattern is found in a changed file, and was not, as far as that is known."""
        if not self._holds(path, pattern):
            return False
        data = self._old_text(path) if path in self._old else None
        return data is None or re.search(pattern, data) is None

    def _of_file(self, path: str) -> Iterator[str]:
        yield f"file:{path}"
        before, after = self._old.get(path), self._new.get(path)
        if path.endswith(".c") and (before is None or after is None):
            yield f"stem:{stem_of(path)}"
        one = self._old_text(path) if before is not None else b""
        two = (self._new_text(path) if after is not None else b"") or b""
        if path.endswith(".json"):
            return
        without = before is not None and not before.tables
        if (one is None and not without) or not _same_tables(path, one or b"", two):
            yield f"types:{path}"
            listed = (
                defined_types(path, one) if one is not None else before.types if before is not None else ()
            )
            yield from (f"index:{name}" for name in {*listed} ^ {*defined_types(path, two)})
        through = partial(self._includes.through, path)
        if one is None:
            yield f"defs:{path}"
            # Any name may be another one, whoever sees it.
            self._unknown.update(*through())
            return
        self._by_name.append(_ByName(_changed_names(path, one, two), through))
        self._defining.setdefault(number_of(f"defs:{path}"), []).append(path)

    def _of_schemas(self) -> Iterator[str]:
        changed = [path for path in self.files if path.endswith(".json") and path.startswith(SCHEMAS)]
        if not changed:
            return
        if self._keys_of_schemas is not None:
            yield from self._keys_of_schemas
            return
        texts = {path: self._old_text(path) if path in self._old else b"" for path in changed}
        if None in texts.values():
            yield from (f"{kind}:{path}" for kind in ("reach", "see") for path in self._new)
            return
        old = SomeTexts([path for path in self._old if path.endswith(".json")], texts, self._new_text)
        new = SomeTexts([path for path in self._new if path.endswith(".json")], {}, self._new_text)
        before, after = (Schema(Files(tree, False), True) for tree in (old, new))
        yield from changed_schema(before, after, changed)


# A review asks about the same two contents of a file for several pairs of programs.
_same_tables = lru_cache(maxsize=64)(same_tables)


@lru_cache(maxsize=64)
def _changed_names(path: str, one: bytes, two: bytes) -> Names:
    old, new = FileDeclarations(path, one), FileDeclarations(path, two)
    return frozenset(map(number_of, changed_names(old, new)))


# Cut texts of changed files that are kept while two states are compared: a thousand files may have changed.
_TEXTS = 32
_NO = FileFacts("", (), ())
