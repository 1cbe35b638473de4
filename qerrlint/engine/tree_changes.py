# SPDX-License-Identifier: GPL-2.0-or-later
"""What has changed in a tree since its results were valid, as the keys of facts that they may have looked up.

A fact is looked up by name in the files that another one includes. So a result is as good as before where it
has looked up no name that a changed file declares otherwise, and where what it includes is the same.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from qerrlint.c.declarations.file import FileDeclarations
from qerrlint.engine.fact_changes import changed_names, changed_schema, defined_types, same_tables
from qerrlint.engine.file_facts import MENTIONS, FileFacts, number_of, unpacked_keys
from qerrlint.engine.mentions import NOT_CORE, Mentions
from qerrlint.model.asked import EVERYTHING
from qerrlint.model.include_graph import Files
from qerrlint.model.qapi_schema import SCHEMAS, Schema
from qerrlint.source.source import C_SUFFIXES


@dataclass(frozen=True, slots=True)
class _ByName:
    """Names that a file declares otherwise. Who has looked one up is concerned if he has also asked what one
    of `through` includes; through any file where that is None."""

    names: frozenset[int]
    through: frozenset[int] | None


class TreeChanges:
    """The facts that differ between two states of a tree."""

    def __init__(
        self,
        since: str,
        old: Mapping[str, FileFacts],
        new: Mapping[str, FileFacts],
        old_text: Callable[[str], bytes | None],
        new_text: Callable[[str], bytes | None],
        new_paths: Sequence[str],
    ) -> None:
        """`since` is the scene of the old state. `old` and `new` are all files that declare something; the
        texts are those of one by its path, the old one None where it is not known any more."""
        self.since = since
        self._old, self._new = old, new
        self._old_text, self._new_text = old_text, new_text
        self._paths = new_paths
        self.files = [
            path for path in {**old, **new} if old.get(path, _NO).digest != new.get(path, _NO).digest
        ]
        self._changed = frozenset(self.files)
        self._by_name: list[_ByName] = []
        always = {EVERYTHING}
        included = {posixpath.basename(name) for facts in new.values() for name in facts.includes}
        for path in self.files:
            always.update(self._of_file(path, included))
        always.update(self._of_includes())
        always.update(self._of_schemas())
        self._always = frozenset(map(number_of, always))
        searched = ("mentions", *(f"text:{path}" for path in self.files))
        self._searched = frozenset(map(number_of, searched))
        self._any = self._always.union(self._searched, *(one.names for one in self._by_name))

    def concern(self, looked_up: bytes, mentioning: Callable[[str], Sequence[str]] | None = None) -> bool:
        """Whether a result that has looked up these facts (packed_keys) may be another one now.

        `mentioning` says which files hold a name; it is asked where it has an index of that.
        """
        keys, searches = unpacked_keys(looked_up)
        if self._any.isdisjoint(keys):
            return False
        if not self._always.isdisjoint(keys):
            return True
        if not self._searched.isdisjoint(keys) and not self._found_again(searches, mentioning):
            return True
        return any(
            not one.names.isdisjoint(keys) and (one.through is None or not one.through.isdisjoint(keys))
            for one in self._by_name
        )

    def _found_again(self, searches: bytes, mentioning: Callable[[str], Sequence[str]] | None) -> bool:
        """Whether searches in changed files find what they have found before."""
        for kind, of, *rest in json.loads(searches or b"[]"):
            if kind == "mentioning" and isinstance(mentioning, Mentions) and mentioning.is_index:
                if list(mentioning(*of)) != rest[0]:
                    return False
            elif kind in MENTIONS:
                words = b"|".join(re.escape(word.encode("utf-8", "surrogateescape")) for word in of)
                holding = frozenset(rest[0])
                for path in self.files:
                    is_seen = path.endswith(C_SUFFIXES) and not (
                        kind == "mentioning" and path.startswith(NOT_CORE)
                    )
                    held = is_seen and self._holds(path, rb"\b(?:%s)\b" % words)
                    if held != (path in holding):
                        return False
            elif of in self._changed and self._holds(of, rest[0].encode("latin-1")) != rest[1]:
                return False
        return True

    def _holds(self, path: str, pattern: bytes) -> bool:
        data = self._new_text(path) if path in self._new else None
        return data is not None and re.search(pattern, data) is not None

    def _of_file(self, path: str, included: Collection[str]) -> Iterator[str]:
        yield f"file:{path}"
        before, after = self._old.get(path), self._new.get(path)
        one = self._old_text(path) if before is not None else b""
        two = (self._new_text(path) if after is not None else b"") or b""
        if path.endswith(".json"):
            return
        if before is None or after is None:
            yield f"dir:{posixpath.dirname(path)}"
        if one is None or not same_tables(path, one, two):
            yield f"types:{path}"
            listed = (
                defined_types(path, one) if one is not None else before.types if before is not None else ()
            )
            yield from (f"index:{name}" for name in {*listed} ^ {*defined_types(path, two)})
        through = None
        if posixpath.basename(path) not in included:
            through = frozenset((number_of(f"reach:{path}"),))
        names = changed_names(FileDeclarations(path, one or b""), FileDeclarations(path, two))
        if one is not None:
            self._by_name.append(_ByName(frozenset(map(number_of, names)), through))
        elif through is not None:
            self._by_name.append(_ByName(through, None))
        else:
            yield from self._reached_from([path])

    def _of_includes(self) -> Iterator[str]:
        """The files that include, directly or not, what they did not include before, or the reverse."""
        changed = [
            path for path in self.files if self._includes(self._old, path) != self._includes(self._new, path)
        ]
        moved = {
            posixpath.basename(path) for path in self.files if (path in self._old) != (path in self._new)
        }
        if moved:
            for path, facts in self._new.items():
                if any(posixpath.basename(name) in moved for name in facts.includes):
                    changed.append(path)
        return self._reached_from(changed) if changed else iter(())

    @staticmethod
    def _includes(facts: Mapping[str, FileFacts], path: str) -> tuple[str, ...]:
        return facts[path].includes if path in facts else ()

    def _reached_from(self, paths: Iterable[str]) -> Iterator[str]:
        """The files that include one of these, themselves among them."""
        waiting = list(paths)
        seen = set(waiting)
        while waiting:
            path = waiting.pop()
            yield f"reach:{path}"
            for one in self._including.get(path, ()):
                if one not in seen:
                    seen.add(one)
                    waiting.append(one)

    @cached_property
    def _including(self) -> Mapping[str, Sequence[str]]:
        """For each file those that include it directly."""
        table: dict[str, list[str]] = {}
        files = Files(_Listed(self._paths), True)
        for path, facts in self._new.items():
            for name in facts.includes:
                found = files.resolve(name, path)
                if found is not None:
                    table.setdefault(found, []).append(path)
        return table

    def _of_schemas(self) -> Iterator[str]:
        changed = [path for path in self.files if path.endswith(".json") and path.startswith(SCHEMAS)]
        if not changed:
            return
        texts = {path: self._old_text(path) if path in self._old else b"" for path in changed}
        if None in texts.values():
            yield from (f"reach:{path}" for path in self._new)
            return
        old = _Texts([path for path in self._old if path.endswith(".json")], texts, self._new_text)
        new = _Texts([path for path in self._new if path.endswith(".json")], {}, self._new_text)
        yield from changed_schema(*(Schema(Files(tree, False), True) for tree in (old, new)))


_NO = FileFacts("", (), ())


class _Listed:
    """A tree of which only the list of files is known."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = paths
        self._known = frozenset(paths)

    def read(self, path: str) -> bytes | None:
        """None: no content is known."""
        return None

    def paths(self) -> Sequence[str]:
        """All paths."""
        return self._paths

    def exists(self, path: str) -> bool:
        """Whether the path is in the list."""
        return path in self._known

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """The files that can be read."""
        for path in paths:
            data = self.read(path)
            if data is not None:
                yield path, data

    def known_id(self, path: str) -> str | None:
        """None: no digest is known."""
        return None


class _Texts(_Listed):
    """A tree of some files, with other texts for some of them."""

    def __init__(
        self, paths: Sequence[str], texts: Mapping[str, bytes | None], read: Callable[[str], bytes | None]
    ) -> None:
        super().__init__(sorted(paths))
        self._texts = texts
        self._read = read

    def read(self, path: str) -> bytes | None:
        """The file's bytes."""
        return self._texts[path] if path in self._texts else self._read(path)
