# SPDX-License-Identifier: GPL-2.0-or-later
"""CommitTrees: the trees of many commits of one repository; and the commits of a range with what they change.

A tree is listed once by git; the tree of a commit whose parent is known is the parent's with the paths that
the commit changes. All trees read their blobs through one git process.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence

from qerrlint.records import record
from qerrlint.source.git_tree import CommitTree, GitLocation, GitSource, require, resolve_commit
from qerrlint.source.gitprocess import BlobReader, Git, hook_store

# Lists of trees that are remembered: the heads of a few branches. One has some 11,000 entries.
_LISTS = 6
_LOG = ("--raw", "-z", "-M", "--no-abbrev", "--no-ext-diff", "--no-textconv", "--no-color", "--no-notes")
_RECORD = "--format=%x01%H %ct %P"


@record(frozen=True, slots=True)
class BlobChange:
    """A path that a commit changes: path and blob before and after, None where there is no regular file."""

    old_path: str | None
    old_blob: str | None
    new_path: str | None
    new_blob: str | None


@record(frozen=True, slots=True)
class Commit:
    """A commit with what it changes against its first parent; `time` is the committer's, in seconds since
    1970. The changes of a merge are empty where git was not asked for them."""

    id: str
    time: int
    parents: tuple[str, ...]
    changes: tuple[BlobChange, ...]


class CommitTrees:
    """The trees of the commits of the repository at `path`.

    May be pickled; raises InputError when there is no repository.
    """

    def __init__(self, path: str | os.PathLike[str] | GitLocation) -> None:
        self._location = require(path)
        self.root = self._location.root
        self._git = Git(self.root, hook_store(self._location.git_dir))
        self._reader = BlobReader(self._git)
        self._lists: OrderedDict[str, dict[str, str]] = OrderedDict()

    def resolve(self, rev: str) -> str:
        """The id of the commit that `rev` names; raises InputError when it names none."""
        return resolve_commit(self._git, rev)

    def tree(
        self, commit: str, candidates: Callable[[Sequence[str]], Iterable[str]] | None = None
    ) -> CommitTree:
        """The tree of a commit, given by its id; `candidates` as of CommitTree."""
        return CommitTree(self._git, self.root, commit, self.files(commit), self._reader, candidates)

    def files(self, commit: str) -> dict[str, str]:
        """The blob of each file of a commit; not to be changed."""
        listing = self._lists.get(commit)
        if listing is None:
            with GitSource(self._location, commit) as source:
                listing = {path: source.known_id(path) or "" for path in source.paths()}
            self._remember(commit, listing)
        else:
            self._lists.move_to_end(commit)
        return listing

    def blobs(self, blobs: Iterable[str]) -> Iterator[bytes | None]:
        """The bytes of each blob, in order; None for one that is missing."""
        return self._reader.read_many(blobs)

    def know(self, commit: Commit) -> None:
        """Derive the list of a commit's tree from that of its first parent, if that is remembered."""
        old = self._lists.get(commit.parents[0]) if commit.parents else None
        if old is None or commit.id in self._lists:
            return
        listing = dict(old)
        for change in commit.changes:
            if change.old_path is not None:
                listing.pop(change.old_path, None)
        for change in commit.changes:
            if change.new_path is not None and change.new_blob is not None:
                listing[change.new_path] = change.new_blob
        self._remember(commit.id, listing)

    def _remember(self, commit: str, listing: dict[str, str]) -> None:
        self._lists[commit] = listing
        while len(self._lists) > _LISTS:
            self._lists.popitem(last=False)

    def line(self, start: str, end: str) -> Iterator[Commit]:
        """The commits of start..end on the first-parent line of `end`, the oldest first, each with what it
        changes against its first parent."""
        yield from self._log(("--first-parent", "-m", "--reverse", f"{start}..{end}"))

    def everything(self, start: str, end: str) -> Iterator[Commit]:
        """All commits of start..end, parents before children; of a merge only what differs from each of its
        parents counts as changed."""
        yield from self._log(("-c", "--topo-order", "--reverse", f"{start}..{end}"))

    def touching(self, tip: str, path: str) -> Iterator[Commit]:
        """The commits up to `tip` that change a file, under former names too, the newest first; no merges."""
        yield from self._log(("--follow", tip, "--", path))

    def changes(self, old: str, new: str) -> tuple[BlobChange, ...]:
        """What differs between two commits, renames found."""
        command = ("diff-tree", "-r", "-M", "-z", "--no-abbrev", "--no-ext-diff", "--no-textconv", old, new)
        return tuple(_changes(self._git.run(command).decode("utf-8", "surrogateescape").split("\0")))

    def ids(self, arguments: Sequence[str]) -> list[str]:
        """The commits that `git rev-list` prints."""
        return self._git.run(("rev-list", *arguments)).decode("ascii").split()

    def heading(self, commit: str) -> tuple[int, str]:
        """The committer's time of a commit, in seconds since 1970, and the first line of its message."""
        out = self._git.run(("show", "-s", "--no-color", "--no-show-signature", "--format=%ct %s", commit))
        time, _, subject = out.decode("utf-8", "replace").strip().partition(" ")
        return int(time), subject

    def close(self) -> None:
        """End the git process."""
        self._reader.close()

    def __getstate__(self) -> GitLocation:
        return self._location

    def __setstate__(self, location: GitLocation) -> None:
        self.__init__(location)  # type: ignore[misc]

    def _log(self, arguments: Sequence[str]) -> Iterator[Commit]:
        for entry in self._git.records(("log", *_LOG, _RECORD, *arguments)):
            if entry:
                yield _commit(entry)


def _commit(record: bytes) -> Commit:
    """One record of `git log --raw -z`: the heading, then what changes."""
    head, *fields = record.decode("utf-8", "surrogateescape").split("\0")
    commit, time, *parents = head.split()
    return Commit(commit, int(time), tuple(parents), tuple(_changes(fields)))


def _changes(fields: Sequence[str]) -> Iterator[BlobChange]:
    """Entries of raw diff output; in those of a merge each parent has a mode and a blob, and one path
    stands for all."""
    entries = iter(fields)
    for entry in entries:
        head = entry.lstrip("\n")
        if not head.startswith(":"):
            continue
        words = head.lstrip(":").split()
        number = (len(words) - 1) // 2
        status = words[-1]
        path = next(entries, "")
        other = next(entries, "") if number == 2 and status[0] in "RC" else path
        old_mode, new_mode = words[0], words[number - 1]
        old_blob, new_blob = words[number], words[-2]
        is_old = old_mode.startswith("100") and status[0] != "C"
        is_new = new_mode.startswith("100")
        if is_old or is_new:
            yield BlobChange(
                path if is_old else None,
                old_blob if is_old else None,
                other if is_new else None,
                new_blob if is_new else None,
            )
