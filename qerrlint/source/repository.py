# SPDX-License-Identifier: GPL-2.0-or-later
"""Repository: questions about commits (what changed, which commit holds these blobs); it reads no file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from qerrlint.errors import InputError
from qerrlint.source.git_tree import GitLocation, require, resolve_commit
from qerrlint.source.gitprocess import Git, hook_store

# Branches whose first-parent line is searched after HEAD's, the most recently committed first.
_BRANCHES = 4
# A patch is not looked for on bases that were left this many seconds before it was sent: two years.
_OLDEST_BASE = 2 * 365 * 86400
# Nearly all are younger than this when the patch is sent; older ones are looked for only where none fits.
_RECENT_BASE = 60 * 86400
# The beginning of the variables by which `git merge` names what it merges, the rest is a commit's id.
_MERGED = "GITHEAD_"


class PathChange(NamedTuple):
    """One changed path: status A, D, M or R; `old_path` is None for A, `new_path` for D."""

    status: str
    old_path: str | None
    new_path: str | None


class Origin(NamedTuple):
    """The commit that a line comes from: its id, the first line of its message, when (seconds since 1970)."""

    commit: str
    subject: str
    time: int


class _Step(NamedTuple):
    """A commit of a first-parent line that changed watched paths; `before` is what they were without it."""

    commit: str
    parent: str | None
    time: int
    before: dict[str, str]


class Repository:
    """The repository at `path` (the top of a work tree, a bare or a plain git directory).

    Raises InputError when there is none, when git is missing or when it refuses access. Nothing here
    writes: no ref, index, object or file.
    """

    def __init__(self, path: str | os.PathLike[str] | GitLocation) -> None:
        self.location = require(path)
        self.root = self.location.root
        self._git = Git(self.root, hook_store(self.location.git_dir))

    def resolve(self, rev: str) -> str:
        """The id of the commit `rev` names; raises InputError when it names none."""
        return resolve_commit(self._git, rev)

    def has_commit(self, rev: str) -> bool:
        """Whether `rev` names a commit that is here."""
        try:
            resolve_commit(self._git, rev)
        except InputError:
            return False
        return True

    def merge_base(self, a: str, b: str) -> str | None:
        """The best common ancestor, None for unrelated histories."""
        code, out, _ = self._git.try_run(("merge-base", self.resolve(a), self.resolve(b)))
        return out.decode("ascii").strip() if code == 0 else None

    def first_parent(self, rev: str) -> str | None:
        """The first parent of a commit, None for a root."""
        code, out, _ = self._git.try_run(
            ("rev-parse", "--verify", "--quiet", self.resolve(rev) + "^1^{commit}")
        )
        return out.decode("ascii").strip() if code == 0 else None

    def parents(self, rev: str) -> tuple[str, ...]:
        """The parents of a commit, the first one first; none for a root."""
        out = self._git.run(("rev-parse", self.resolve(rev) + "^@"))
        return tuple(out.decode("ascii").split())

    def merge_heads(self) -> tuple[str, ...]:
        """The commits that a merge under way merges into HEAD; none where there is no merge.

        They are those of MERGE_HEAD. In the hook pre-merge-commit git has not written it yet, and names
        them by variables GITHEAD_ID of the environment.
        """
        file = os.path.join(self.location.git_dir, "MERGE_HEAD")
        try:
            with open(file, encoding="ascii", errors="replace") as stream:
                named = stream.read().split()
        except OSError:
            hook = hook_store(self.location.git_dir)
            named = [name[len(_MERGED) :] for name in os.environ if hook and name.startswith(_MERGED)]
        return tuple(self.resolve(rev) for rev in named if self.has_commit(rev))

    def changed_paths(self, a: str, b: str) -> tuple[PathChange, ...]:
        """The files whose bytes differ between two commits, renames found, without symbolic links and
        submodules."""
        command = ("diff-tree", "-r", "-M", "-z", "--no-ext-diff", "--no-textconv")
        return tuple(_changes(self._git.run((*command, self.resolve(a), self.resolve(b)))))

    def changed_in_index(self, rev: str = "HEAD") -> tuple[PathChange, ...]:
        """The files whose bytes the index changes against a commit, renames found, without unmerged paths."""
        command = ("diff-index", "--cached", "-M", "-z", "--no-ext-diff", "--no-textconv")
        return tuple(_changes(self._git.run((*command, self.resolve(rev)))))

    def changed_in_worktree(self, rev: str = "HEAD") -> tuple[PathChange, ...]:
        """Tracked files whose bytes may differ from a commit's: a touched but equal file can be among them.

        Renames appear as A and D: git would have to read the work tree to find them.
        """
        command = ("diff-index", "-z", "--no-renames", "--no-ext-diff", "--no-textconv")
        arguments = (*self._without_filters(), *command, "--ignore-submodules", self.resolve(rev))
        return tuple(_changes(self._git.run(arguments)))

    def _without_filters(self) -> Iterator[str]:
        """Options that empty the commands of all filters (filter.*.clean): git runs them even to compare a
        file that was written in the same instant as the index."""
        _, out, _ = self._git.try_run(("config", "-z", "--name-only", "--get-regexp", r"^filter\."))
        names = {key.rpartition(".")[0] for key in out.decode("utf-8", "surrogateescape").split("\0") if key}
        for name in sorted(names):
            for setting in ("clean=", "smudge=", "process=", "required=false"):
                yield from ("-c", f"{name}.{setting}")

    def blame(self, rev: str, path: str, lines: Sequence[int]) -> frozenset[Origin]:
        """Where lines of a file, counted from 1, come from; none for what a shallow clone does not have."""
        ranges = [part for line in lines for part in ("-L", f"{line},{line}")]
        command = ("-c", "blame.ignoreRevsFile=", "blame", "--line-porcelain", *ranges, self.resolve(rev))
        code, out, _ = self._git.try_run((*command, "--", path))
        origins = set()
        for record in re.split(r"(?m)^\t.*\n", out.decode("utf-8", "surrogateescape")) if code == 0 else ():
            fields = dict(line.partition(" ")[::2] for line in record.splitlines())
            commit = record.partition(" ")[0]
            if commit and "boundary" not in fields:
                origins.add(Origin(commit, fields.get("summary", ""), int(fields.get("committer-time", "0"))))
        return frozenset(origins)

    def commit_before(self, time: int, tip: str) -> str | None:
        """The last commit of a first-parent line that was committed before a time (seconds since 1970)."""
        command = ("rev-list", "-1", "--first-parent", f"--until={time}", tip)
        return self._git.run(command).decode("ascii").strip() or None

    def missing_blobs(self, blobs: Iterable[str]) -> frozenset[str]:
        """Those of the (abbreviated) ids that no object here has."""
        asked = list(blobs)
        names = "".join(f"{blob}\n" for blob in asked).encode("ascii", "replace")
        answers = self._git.run(("cat-file", "--batch-check"), stdin=names).splitlines()
        # an ambiguous abbreviation is answered by "ambiguous": some object does have it
        pairs = zip(asked, answers, strict=False)
        return frozenset(blob for blob, answer in pairs if answer.endswith(b" missing"))

    def commits_containing(
        self, blobs: Mapping[str, str], limit: int = 2000, before: int | None = None
    ) -> tuple[str, ...]:
        """Commits whose tree holds all `blobs` (path to a blob id, which may be abbreviated), best first.

        The first is the newest such commit on the first-parent line of HEAD, else of another branch; with
        `before` (seconds since 1970) the newest that is not younger, where one of the same run of
        commits is old enough. Only when no such line has one are side branches searched, for commits
        that touch one of the paths. `limit` bounds the commits looked at in each of these walks; where a
        commit of the weeks before `before` fits, older ones of side branches are left out.
        """
        if not blobs or self.missing_blobs(blobs.values()):
            return ()
        seen: set[str] = set()
        for tip in self._tips():
            found = self._on_line(tip, blobs, limit, before, seen)
            if found is not None:
                return (found,)
        return self._on_side_branches(blobs, limit, before)

    def branches(self) -> str:
        """The commits that HEAD and all branches name: whatever is searched for in them has one answer."""
        _, head, _ = self._git.try_run(("rev-parse", "--verify", "--quiet", "HEAD^{commit}"))
        refs = self._git.run(
            ("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/remotes")
        )
        return (head + refs).decode("utf-8", "surrogateescape")

    def _tips(self) -> Iterator[str]:
        code, out, _ = self._git.try_run(("rev-parse", "--verify", "--quiet", "HEAD^{commit}"))
        seen = set(out.decode("ascii").split()) if code == 0 else set()
        yield from seen
        command = (
            "for-each-ref",
            "--sort=-committerdate",
            "--format=%(objectname)",
            f"--count={_BRANCHES * 2}",
        )
        for tip in self._git.run((*command, "refs/heads", "refs/remotes")).decode("ascii").split():
            if tip not in seen and len(seen) <= _BRANCHES:
                seen.add(tip)
                yield tip

    def _on_line(
        self, tip: str, blobs: Mapping[str, str], limit: int, before: int | None, seen: set[str]
    ) -> str | None:
        state = self._blobs_at(tip, blobs)
        newest: str | None = tip
        since = None if before is None else before - _OLDEST_BASE
        for step in self._steps(tip, blobs, limit, since):
            if newest is not None and _holds(state, blobs):
                return self._not_younger(newest, step.time, before) or newest
            if step.commit in seen:  # where two lines meet, the rest was searched before
                return None
            seen.add(step.commit)
            state.update(step.before)
            newest = step.parent
        return newest if newest is not None and _holds(state, blobs) else None

    def _not_younger(self, newest: str, since: int, before: int | None) -> str | None:
        """The newest first-parent ancestor of `newest` committed in [since, before]."""
        if before is None or before < since:
            return None
        command = ("rev-list", "-1", "--first-parent", f"--until={before}", f"--since={since}")
        return self._git.run((*command, newest)).decode("ascii").strip() or None

    def _blobs_at(self, commit: str, blobs: Mapping[str, str]) -> dict[str, str]:
        state = {}
        for entry in self._git.run(("ls-tree", "-z", "--full-tree", commit, "--", *blobs)).split(b"\0"):
            head, _, path = entry.partition(b"\t")
            if path:
                state[path.decode("utf-8", "surrogateescape")] = head.split()[2].decode("ascii")
        return state

    def _steps(self, tip: str, blobs: Mapping[str, str], limit: int, since: int | None) -> Iterator[_Step]:
        command = ("log", f"-n{limit}", "--first-parent", "-m", "--raw", "-z", "--no-abbrev", "--no-renames")
        form = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-notes", "--format=%x01%H %ct %P")
        bound = () if since is None else (f"--since={since}",)
        yield from map(_step, filter(None, self._git.records((*command, *form, *bound, tip, "--", *blobs))))

    def _on_side_branches(self, blobs: Mapping[str, str], limit: int, before: int | None) -> tuple[str, ...]:
        """The commits of side branches; where a recent one fits, older ones are not asked about."""
        if before is None:
            return self._on_side_branches_since(blobs, limit, None)
        recent = self._on_side_branches_since(blobs, limit, before - _RECENT_BASE)
        return recent or self._on_side_branches_since(blobs, limit, before - _OLDEST_BASE)

    def _on_side_branches_since(
        self, blobs: Mapping[str, str], limit: int, since: int | None
    ) -> tuple[str, ...]:
        heads = ("HEAD",) if self.has_commit("HEAD") else ()
        bound = () if since is None else (f"--since={since}",)
        command = ("rev-list", "--full-history", f"-n{limit}", *bound, *heads, "--branches", "--remotes")
        commits = self._git.run((*command, "--", *blobs)).decode("ascii").split()
        order = list(blobs)
        asked = "".join(f"{commit}:{path}\n" for commit in commits for path in order)
        out = self._git.run(
            ("cat-file", "--batch-check=%(objectname)"), stdin=asked.encode("utf-8", "surrogateescape")
        )
        ids = out.decode("utf-8", "surrogateescape").splitlines()
        found = []
        for number, commit in enumerate(commits):
            have = ids[number * len(order) : (number + 1) * len(order)]
            if _holds(dict(zip(order, have, strict=False)), blobs):
                found.append(commit)
        return tuple(found)


def _holds(state: Mapping[str, str], blobs: Mapping[str, str]) -> bool:
    return all(state.get(path, "").startswith(blob) for path, blob in blobs.items())


def _step(record: bytes) -> _Step:
    """One record of `git log --raw -z`: the heading, then `:modes ids status` and path by turns."""
    fields = record.decode("utf-8", "surrogateescape").split("\0")
    commit, time, *parents = fields[0].split()
    before = {}
    entries = iter(fields[1:])
    for entry in entries:
        head = entry.lstrip("\n")
        if head.startswith(":"):
            before[next(entries)] = head.split()[2]
    return _Step(commit, parents[0] if parents else None, int(time), before)


def _changes(raw: bytes) -> Iterator[PathChange]:
    """Entries of raw diff output with -z and whole ids; a change to or from a link counts as D or A of the
    file."""
    fields = iter(raw.decode("utf-8", "surrogateescape").split("\0"))
    for head in fields:
        if not head.startswith(":"):
            continue
        old_mode, new_mode, old_blob, new_blob, status = head[1:].split()
        path = next(fields)
        other = next(fields) if status[0] in "RC" else path
        old = path if old_mode.startswith("100") else None
        new = other if new_mode.startswith("100") else None
        if status[0] == "U" or old is new is None:
            continue
        if old == new and old_blob == new_blob:
            continue  # its mode alone
        if old is None or status[0] == "C":
            yield PathChange("A", None, new)
        elif new is None:
            yield PathChange("D", old, None)
        else:
            yield PathChange("R" if old != new else "M", old, new)
