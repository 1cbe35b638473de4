# SPDX-License-Identifier: GPL-2.0-or-later
"""GitSource and StagedSource: trees out of git's object store; the work tree is never looked at."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from qerrlint.errors import InputError
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.gitprocess import BlobReader, Git, hook_store
from qerrlint.source.source import C_SUFFIXES, Source, folders

_REGULAR = (b"100644", b"100755", b"100664")
_LINK = b"120000"
# A line that a diff adds to VERSION: 10.1.0; development has 10.1.50, and candidates 10.1.90 and up.
_RELEASE = lazy_re(rb"\+\d+\.\d+\.[0-4]?\d\s*")
_STEPS_OF_VERSION = 24
# Paths that git is asked for without a list of all, which takes as long as some questions: a run whose result
# is stored may need no more than the marks of a tree, its configuration and its baseline.
_MOST_ASKED = 5


@record(frozen=True, slots=True)
class GitLocation:
    """Where a repository lies: its git directory, and the top of its work tree or None."""

    git_dir: str
    top: str | None

    @property
    def root(self) -> str:
        """The directory to name the repository by and to run git in."""
        return self.top or self.git_dir


def locate(path: str | os.PathLike[str]) -> GitLocation | None:
    """The repository that `path` is the top or the git directory of; None when it is neither.

    Raises InputError when `path` is no directory, git is missing or refuses the repository.
    """
    found = enclosing(path)
    if found is None:
        return None
    here = os.path.realpath(os.fspath(path))
    return found if here in (os.path.realpath(found.git_dir), os.path.realpath(found.root)) else None


def enclosing(path: str | os.PathLike[str]) -> GitLocation | None:
    """The repository that git finds from `path` upwards, or None. Raises as `locate` does."""
    text = os.fspath(path)
    if not os.path.isdir(text):
        raise InputError(f"{text}: not a directory")
    _, out, _ = Git(text).try_run(
        ("rev-parse", "--is-inside-work-tree", "--absolute-git-dir", "--show-toplevel")
    )
    lines = out.decode("utf-8", "surrogateescape").splitlines()
    if len(lines) < 2:
        return None
    return GitLocation(lines[1], lines[2] if lines[0] == "true" and len(lines) > 2 else None)


def require(path: str | os.PathLike[str] | GitLocation) -> GitLocation:
    """As `locate`; raises InputError also when there is no repository at `path` itself.

    A repository that has been located is not looked for again.
    """
    if isinstance(path, GitLocation):
        return path
    found = locate(path)
    if found is not None:
        return found
    outer = enclosing(path)
    if outer is not None:
        raise InputError(f"{os.fspath(path)}: not the top of a git repository (that is {outer.root})")
    raise InputError(f"{os.fspath(path)}: not a git repository")


# Directories of repositories with ids that name a commit there: an id names the same commit for good, and
# git takes as long to start as a small review takes in all.
_COMMITS: set[tuple[str, str]] = set()


def resolve_commit(git: Git, rev: str) -> str:
    """The id of the commit that `rev` names; raises InputError when it names none."""
    if (git.directory, rev) in _COMMITS:
        return rev
    if not rev or rev.startswith("-") or "\n" in rev or "\0" in rev:
        raise InputError(f"{git.directory}: not a revision: {rev!r}")
    code, out, err = git.try_run(("rev-parse", "--verify", "--quiet", rev + "^{commit}"))
    if code == 0:
        commit = out.decode("ascii").strip()
        _COMMITS.add((git.directory, commit))
        return commit
    why = "ambiguous revision" if b"ambiguous" in err else "unknown revision"
    raise InputError(f"{git.directory}: {why}: {rev}")


def shallow_boundary(root: str) -> str:
    """The commits at which the history of a shallow clone ends, as git lists them; "" for a whole history."""
    _, out, _ = Git(root).try_run(("rev-parse", "--git-path", "shallow"))
    file = os.path.join(root, out.decode("utf-8", "surrogateescape").strip())
    try:
        with open(file, encoding="ascii", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


class _ObjectSource(Source):
    """Shared by the sources that hold a listing of path to blob id and read blobs by id."""

    def __init__(self, git: Git, root: str) -> None:
        self.root = root
        self._git = git
        self._reader = BlobReader(git)
        self._listing: dict[str, str] | None = None
        self._links: set[str] = set()
        self._paths: tuple[str, ...] | None = None

    def _list(self) -> dict[str, str]:
        raise NotImplementedError

    @property
    def _blobs(self) -> dict[str, str]:
        if self._listing is None:
            self._listing = self._list()
        return self._listing

    def read(self, path: str) -> bytes | None:
        """The blob's bytes; None when there is no such regular file."""
        blob = self._blobs.get(path)
        return None if blob is None else self._required(path, self._reader.read(blob))

    def exists(self, path: str) -> bool:
        """Whether there is a regular file of that path."""
        return path in self._blobs

    def paths(self) -> Sequence[str]:
        """All paths, sorted."""
        if self._paths is None:
            self._paths = tuple(sorted(self._blobs))
        return self._paths

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Path and bytes of each file, in the order given; blobs are asked for in batches."""
        blobs = self._blobs
        wanted = [path for path in paths if path in blobs]
        for path, data in zip(wanted, self._reader.read_many(blobs[path] for path in wanted), strict=True):
            yield path, self._required(path, data)

    def blob_id(self, path: str) -> str | None:
        """The blob's id as git has it; nothing is read."""
        return self._blobs.get(path)

    def known_id(self, path: str) -> str | None:
        """The blob's id as git has it."""
        return self._blobs.get(path)

    def link_above(self, path: str) -> str | None:
        """The symbolic link that the path lies beyond, None where no directory on the way is one."""
        known = self._links if self._blobs is not None else ()
        return next((folder for folder in folders(path) if folder in known), None)

    def close(self) -> None:
        """End the git process."""
        self._reader.close()

    def _required(self, path: str, data: bytes | None) -> bytes:
        if data is None:
            raise InputError(f"{self.root}: the object of {path} is missing (a partial clone?)")
        return data


class GitSource(_ObjectSource):
    """The tree of the commit `rev` of the repository at `path` (work tree, bare or plain git directory).

    Raises InputError when there is no repository at `path` or `rev` names no commit.
    """

    def __init__(self, path: str | os.PathLike[str] | GitLocation, rev: str = "HEAD") -> None:
        location = require(path)
        super().__init__(Git(location.root, hook_store(location.git_dir)), location.root)
        self._sizes: dict[str, int] = {}
        # The first paths that were asked for, each with its blob if it is a regular file.
        self._asked: dict[str, str | None] = {}
        # A commit never changes, and a search takes about a second.
        self._searched: dict[str, list[str]] = {}
        self._expected: Callable[[], Iterable[str]] | None = None
        self._release: str | None = None
        self.revision: str = resolve_commit(self._git, rev)

    def read(self, path: str) -> bytes | None:
        """As of every source; the first paths are asked for without a list of all."""
        blob = self._blob_of(path)
        return None if blob is None else self._required(path, self._reader.read(blob))

    def exists(self, path: str) -> bool:
        """As of every source; the first paths are asked for without a list of all."""
        return self._blob_of(path) is not None

    def present(self, paths: Sequence[str]) -> list[str]:
        """As of every source; the first paths are asked for at once."""
        self._ask(paths)
        return super().present(paths)

    def _blob_of(self, path: str) -> str | None:
        self._ask((path,))
        return self._asked[path] if path in self._asked else self._blobs.get(path)

    def _ask(self, paths: Iterable[str]) -> None:
        """Ask git for what is not known of some paths, if no list is there yet and they are few."""
        new = [path for path in paths if path not in self._asked]
        if not new or self._listing is not None or len(self._asked) + len(new) > _MOST_ASKED:
            return
        if any("\0" in path for path in new):
            return
        code, out, _ = self._git.try_run(("ls-tree", "-z", "--full-tree", self.revision, "--", *new))
        if code != 0:
            return  # a path that can be none of the tree
        self._asked.update(dict.fromkeys(new))
        for entry in out.decode("utf-8", "surrogateescape").split("\0"):
            # mode SP "blob" SP id TAB path; a path that ends in a slash brings entries of other names
            head, _, path = entry.partition("\t")
            if entry.startswith("100") and path in self._asked:
                self._asked[path] = head.split()[2]

    def _list(self) -> dict[str, str]:
        listing = {}
        out = self._git.run(("ls-tree", "-r", "-l", "-z", "--full-tree", self.revision))
        for entry in out.decode("utf-8", "surrogateescape").split("\0"):
            # mode SP "blob" SP id SP size TAB path; symbolic links are blobs too, told apart by their mode
            if entry.startswith("100"):
                head, _, path = entry.partition("\t")
                _, _, blob, size = head.split()
                listing[path] = blob
                if size.isdigit():
                    self._sizes[path] = int(size)
            elif entry.startswith("120000"):
                self._links.add(entry.partition("\t")[2])
        return listing

    def size(self, path: str) -> int | None:
        """The size of a blob in bytes; of one that is missing its content is asked for."""
        known = self._sizes.get(path) if path in self._blobs else None
        return known if known is not None else super().size(path)

    def containing(self, words: Sequence[str]) -> list[str]:
        """The C files in which one of the words stands, by git's own search over the commit.

        Raises InputError when git cannot search.
        """
        left = [word for word in words if word not in self._searched]
        if left:
            more = list(self._expected()) if self._expected is not None else []
            self._expected = None
            sought = [*left, *more] if len(more) <= _MOST_EXPECTED else left
            self._searched.update(_grep(self._git, self.revision, dict.fromkeys(sought)))
        return sorted(set().union(*(self._searched[word] for word in words)))

    def expect(self, words: Callable[[], Iterable[str]]) -> None:
        """As of Source: git searches for them together with the first one, which costs about as much."""
        self._expected = words

    def __getstate__(self) -> dict[str, Any]:
        # What is expected may know of all programs of a review.
        return {**self.__dict__, "_expected": None}

    def released(self, path: str, word: str) -> bytes | None:
        """What the last release has, by the history of the file VERSION before this commit.

        Raises InputError when git cannot search.
        """
        if self._release is None:
            self._release = _last_release(self._git, self.revision)
        if not self._release:
            return None
        data = _blob(self._git, self._release, path)
        if data is None or word.encode() not in data:
            for other in _grep(self._git, self._release, [word])[word]:
                data = _blob(self._git, self._release, other)
                if other.endswith(".c") and data is not None:
                    return data
        return data or b""


def _last_release(git: Git, revision: str) -> str:
    """The commit that made the last release before a commit, "" where its history has none."""
    form = ("--format=commit %H", "-p", "-U0", f"-n{_STEPS_OF_VERSION}")
    code, out, _ = git.try_run(("log", *form, revision, "--", "VERSION"))
    commit = ""
    for line in out.splitlines() if code == 0 else ():
        if line.startswith(b"commit "):
            commit = line[7:].decode("ascii")
        elif _RELEASE.fullmatch(line) is not None:
            return commit
    return ""


def _blob(git: Git, commit: str, path: str) -> bytes | None:
    code, out, _ = git.try_run(("cat-file", "blob", f"{commit}:{path}"))
    return out if code == 0 else None


class CommitTree(_ObjectSource):
    """The tree of a commit of which the list of files is known: path to blob.

    `reader` reads the blobs; it is shared with other trees, and closing one of them does not close it.
    `candidates`, where given, names files that may hold one of some words, all that do among them.
    """

    def __init__(
        self,
        git: Git,
        root: str,
        revision: str,
        listing: dict[str, str],
        reader: BlobReader,
        candidates: Callable[[Sequence[str]], Iterable[str]] | None = None,
    ) -> None:
        super().__init__(git, root)
        self._reader = reader
        self._listing = listing
        self._candidates = candidates
        self.revision: str = revision

    def containing(self, words: Sequence[str]) -> list[str]:
        """As of GitSource, or by a look into the candidates."""
        if self._candidates is None:
            return sorted(set().union(*_grep(self._git, self.revision, words).values()))
        pattern = re.compile(rb"\b(?:" + b"|".join(re.escape(word.encode()) for word in words) + rb")\b")
        found = self.read_many(sorted(self._candidates(words)))
        return [path for path, data in found if path.endswith(C_SUFFIXES) and pattern.search(data)]

    def close(self) -> None:
        """Nothing: the reader belongs to all trees that share it."""


_C_PATHS = tuple(f"*{suffix}" for suffix in C_SUFFIXES)
# Whatever the user's configuration wants to see beside the names (grep.lineNumber and others).
_PLAIN = ("--no-line-number", "--no-column", "--no-color", "--no-heading", "--no-break")
# `git grep -o -z`: REVISION:PATH, NUL, the text that was found.
_OCCURRENCE = lazy_re(rb"([^\0]*)\0([^\n]*)\n")
# With more words than these the search takes longer than a second one would.
_MOST_EXPECTED = 100


def _grep(git: Git, revision: str, words: Iterable[str]) -> dict[str, list[str]]:
    """For each word the C files of a commit in which it stands, sorted; raises InputError when git cannot
    search.
    """
    paths: dict[str, set[str]] = {word: set() for word in words}
    patterns = [part for word in paths for part in ("-e", word)]
    # Only C files are decompressed and searched; `*.c` is a pattern, where all other commands name paths.
    command = ("--no-literal-pathspecs", "grep", "-o", "-z", "-w", "-F", "-I", *_PLAIN)
    code, out, _ = git.try_run((*command, *patterns, revision, "--", *_C_PATHS))
    # 1 is its code for "nothing found".
    if code > 1:
        raise InputError(f"{git.directory}: git grep failed in {revision[:12]}")
    start = len(revision) + 1
    for name, word in set(_OCCURRENCE.findall(out)):
        path = name[start:].decode("utf-8", "surrogateescape")
        if path.endswith(C_SUFFIXES):
            paths[word.decode()].add(path)
    return {word: sorted(found) for word, found in paths.items()}


class StagedSource(_ObjectSource):
    """The index of the repository at `path` as it is; `unmerged` names paths in conflict, which are left out.

    Inside a hook the index that the hook was given (GIT_INDEX_FILE) counts. Raises InputError when there
    is no repository with a work tree at `path`.
    """

    def __init__(self, path: str | os.PathLike[str] | GitLocation) -> None:
        location = require(path)
        if location.top is None:
            raise InputError(f"{location.root}: a bare repository has no index")
        super().__init__(Git(location.top, hook_store(location.git_dir)), location.top)
        self.revision = None
        self._unmerged: tuple[str, ...] = ()

    @property
    def unmerged(self) -> tuple[str, ...]:
        """Paths in conflict, sorted."""
        return self._unmerged if self._blobs is not None else ()

    def _list(self) -> dict[str, str]:
        listing = {}
        conflicts = set()
        for entry in self._git.run(("ls-files", "-s", "-z")).split(b"\0"):
            head, _, raw = entry.partition(b"\t")
            words = head.split()
            path = raw.decode("utf-8", "surrogateescape")
            if len(words) == 3 and words[0] == _LINK:
                self._links.add(path)
            if len(words) != 3 or words[0] not in _REGULAR:
                continue
            if words[2] == b"0":
                listing[path] = words[1].decode("ascii")
            else:
                conflicts.add(path)
        self._unmerged = tuple(sorted(conflicts))
        return listing
