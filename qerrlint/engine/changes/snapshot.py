# SPDX-License-Identifier: GPL-2.0-or-later
"""Snapshot: the outcomes of the files of a directory as the last run left them, folder by folder.

With them it keeps the state of the tree that they are valid in, the facts that each has looked up, and the
texts of what declares something. So a run in which files have changed knows which outcomes these concern. A
folder's outcomes are named by their digest in the snapshot's head. If two runs write at once, one leaves
folders that the head of the other does not know; they are ignored.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from qerrlint.engine.changes.file_facts import FileFacts, parted_keys, type_names_of, unpacked_keys
from qerrlint.engine.changes.tree_blobs import DECLARING, TreeBlobs
from qerrlint.engine.store.cache_key import subject
from qerrlint.engine.store.cache_store import KEPT_FOR_TREE, Entry, Store

if TYPE_CHECKING:
    from qerrlint.engine.changes.tree_changes import TreeChanges

Folder = dict[str, tuple[str, Any]]
"""For each file of a folder the digest of its content and its outcome."""

_TEXT = "text"
_KEYS, _SEARCHES = "keys", "searches"


class Snapshot:
    """What the store has for one directory and one program."""

    def __init__(
        self, store: Store, program: str, blobs: TreeBlobs, scene: str, load: Callable[[bytes], Any]
    ) -> None:
        """`scene` is the digest of all tracked files now; `load` unpickles a folder. Raises InputError."""
        self._store = store
        self._names = program, blobs.directory or ""
        self._blobs = blobs
        self._scene = scene
        self._load = load
        head = self._json("head", "")
        self._sums: dict[str, str] = head.get("folders", {})
        self._old_scene = str(head.get("scene", ""))
        self._old_facts: dict[str, FileFacts] | None = None
        self._facts: dict[str, FileFacts] | None = None
        self._folders: dict[str, Folder] = {}
        # The facts that were looked up, and apart from them the searches, which are seldom needed.
        self._keys: dict[str, dict[str, bytes]] = {}
        self._searches: dict[str, dict[str, bytes]] = {}
        self._dirty: set[str] = set()
        self.changes: TreeChanges | None = None
        """What has changed since the snapshot was made; None for nothing, or for all."""
        if self._old_scene and self._old_scene != scene:
            self._move_on()

    def outcomes(self, digests: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
        """Each of the files that has an outcome for this content which is valid now, and that."""
        wanted: dict[str, list[str]] = {}
        for path in digests:
            wanted.setdefault(folder_of(path), []).append(path)
        self._read(wanted)
        for folder, paths in wanted.items():
            known = self._folders.get(folder, {})
            for path in paths:
                entry = known.get(path)
                if entry is not None and entry[0] == digests[path]:
                    yield path, entry[1]

    @property
    def type_names(self) -> Mapping[str, tuple[str, ...]]:
        """For the files with tables of types, sorted by path, the names of the types."""
        return type_names_of(self._all_facts())

    def put(self, path: str, digest: str, outcome: Any, keys: bytes) -> None:
        """Keep an outcome that is valid now, with the facts that it has looked up."""
        folder = folder_of(path)
        self._read((folder,))
        self._folders.setdefault(folder, {})[path] = digest, outcome
        for kind, part in zip((_KEYS, _SEARCHES), parted_keys(keys), strict=True):
            self._looked_up(kind, (folder,)).setdefault(folder, {})[path] = part
        self._dirty.add(folder)

    def write(self) -> None:
        """Write what is new. Raises InputError where a file has changed meanwhile."""
        if not self._dirty and self._old_scene == self._scene:
            return
        entries = []
        instead = []
        for folder in sorted(self._dirty):
            kept = [
                ("folder", pickle.dumps(self._folders[folder], 4)),
                *(
                    (kind, pickle.dumps(self._looked_up(kind, (folder,)).get(folder, {}), 4))
                    for kind in (_KEYS, _SEARCHES)
                ),
            ]
            digest = hashlib.sha256(b"".join(text for _, text in kept)).hexdigest()[:32]
            for kind, text in kept:
                entries.append(Entry(self._subject(kind, folder), digest, b"", zlib.compress(text, 1)))
                if folder in self._sums:
                    instead.append((self._subject(kind, folder), self._sums[folder]))
            self._sums[folder] = digest
        facts = self._all_facts()
        if self._old_scene != self._scene:
            rows = {
                path: [one.digest, one.includes, one.types, int(one.tables)] for path, one in facts.items()
            }
            entries.append(self._entry("facts", self._scene, rows))
            instead.append((self._subject("facts"), self._old_scene))
            entries += self._texts(facts)
        entries.append(self._entry("head", "", {"scene": self._scene, "folders": self._sums}))
        self._store.add(entries, instead)
        self._dirty.clear()
        self._old_scene = self._scene

    # -- the tree has changed --------------------------------------------------------------------

    def _move_on(self) -> None:
        """Drop the outcomes that may be others now."""
        from qerrlint.engine.changes.tree_changes import TreeChanges

        old = self._facts_then()
        if not old:
            self._sums = {}
            return
        facts = self._all_facts()
        changes = TreeChanges(self._old_scene, old, facts, self._text_then, self._blobs.text)
        self.changes = changes
        self._read(self._sums)
        for folder, known in self._looked_up(_KEYS, self._sums).items():
            outcomes = self._folders.get(folder, {})
            for path, (digest, _) in list(outcomes.items()):
                now = facts.get(path)
                if now is None or now.digest != digest or path not in known or self._concerned(path, known):
                    del outcomes[path]
                    for kind in (_KEYS, _SEARCHES):
                        self._looked_up(kind, (folder,)).get(folder, {}).pop(path, None)
                    self._dirty.add(folder)

    def _concerned(self, path: str, keys: Mapping[str, bytes]) -> bool:
        """Whether the outcome of a file may be another one now."""
        folder = folder_of(path)

        def searches() -> bytes:
            return self._looked_up(_SEARCHES, (folder,)).get(folder, {}).get(path, b"")

        assert self.changes is not None
        return self.changes.concern_one_of(unpacked_keys(keys[path])[0], searches)

    def _text_then(self, path: str) -> bytes | None:
        facts = self._facts_then().get(path)
        if facts is None:
            return b""
        ident = _text_subject(facts.digest)
        found = self._store.exact((ident,), (_TEXT,)).get(ident)
        text = _inflated(found.result) if found is not None else None
        return text if text is not None else self._blobs.in_git(facts.digest)

    def _facts_then(self) -> Mapping[str, FileFacts]:
        if self._old_facts is None:
            rows = self._json("facts", self._old_scene) if self._old_scene else {}
            self._old_facts = {
                path: FileFacts(digest, tuple(includes), tuple(types), bool(tables))
                for path, (digest, includes, types, tables) in rows.items()
            }
        return self._old_facts

    def _all_facts(self) -> dict[str, FileFacts]:
        if self._facts is None:
            self._facts = self._blobs.facts(self._facts_then())
        return self._facts

    def _texts(self, facts: Mapping[str, FileFacts]) -> Iterator[Entry]:
        """The texts of the files that declare something or define types, and of those that have been edited,
        as far as the store has none."""
        old = self._facts_then()
        wanted = {
            one.digest: path
            for path, one in facts.items()
            if (path in old and old[path].digest != one.digest)
            or (path not in old and (path.endswith(DECLARING) or one.tables))
        }
        known = self._store.has(map(_text_subject, wanted), _TEXT)
        for digest, path in wanted.items():
            if _text_subject(digest) not in known:
                yield Entry(_text_subject(digest), _TEXT, b"", zlib.compress(self._blobs.text(path), 1))

    # -- the store -------------------------------------------------------------------------------

    def _subject(self, *parts: str) -> str:
        return f"{KEPT_FOR_TREE}{subject(*self._names, *parts)}"

    def _read(self, folders: Iterable[str]) -> None:
        for folder, text in self._texts_of("folder", folders, self._folders):
            found = self._load(text)
            self._folders[folder] = found if isinstance(found, dict) else {}

    def _looked_up(self, kind: str, folders: Iterable[str]) -> dict[str, dict[str, bytes]]:
        """What the outcomes of folders have looked up, of a kind, by folder; those that were read before are
        in it as well."""
        known = self._keys if kind == _KEYS else self._searches
        for folder, text in self._texts_of(kind, folders, known):
            found = self._load(text)
            known[folder] = found if isinstance(found, dict) else {}
        return known

    def _texts_of(
        self, kind: str, folders: Iterable[str], known: Collection[str]
    ) -> Iterator[tuple[str, bytes]]:
        wanted = {self._subject(kind, one): one for one in folders if one in self._sums and one not in known}
        sums = {self._sums[folder] for folder in wanted.values()}
        for ident, entry in self._store.exact(wanted, tuple(sums)).items():
            text = _inflated(entry.result) if entry.scene == self._sums[wanted[ident]] else None
            if text is not None:
                yield wanted[ident], text

    def _entry(self, kind: str, scene: str, value: Any) -> Entry:
        text = json.dumps(value, separators=(",", ":")).encode()
        return Entry(self._subject(kind), scene, b"", zlib.compress(text, 1))

    def _json(self, kind: str, scene: str) -> dict[str, Any]:
        ident = self._subject(kind)
        found = self._store.exact((ident,), (scene,)).get(ident)
        text = _inflated(found.result) if found is not None else None
        value = json.loads(text) if text is not None else {}
        return value if isinstance(value, dict) else {}


def folder_of(path: str) -> str:
    """The part of the tree whose outcomes are kept as one: the first two folders of a path."""
    parts = path.split("/")
    return "/".join(parts[: min(2, len(parts) - 1)])


def _text_subject(digest: str) -> str:
    return f"{KEPT_FOR_TREE}{digest}"


def _inflated(data: bytes) -> bytes | None:
    try:
        return zlib.decompress(data)
    except zlib.error:
        return None
