# SPDX-License-Identifier: GPL-2.0-or-later
"""The trees that `diff` compares: those before (several in a merge), what differs, and the tree after."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from qerrlint.errors import InputError

if TYPE_CHECKING:
    from qerrlint.review.merge_review import Parent
    from qerrlint.source.repository import PathChange, Repository
    from qerrlint.source.source import Source

# git's own way to say a commit without its parents (gitrevisions(7)).
_COMMIT_ITSELF = "^!"


class Sides(NamedTuple):
    """The parents, the tree after, and all files in which it differs from the first parent."""

    parents: list[Parent]
    after: Source
    changed: frozenset[str]


def open_sides(repository: Repository, revs: str | None, staged: bool, paths: Sequence[str] = ()) -> Sides:
    """What A..B, A...B, REV^! or REV (default: HEAD) names, against the work tree or (`staged`) the index.

    `paths` are files and folders of the tree to which the changes under review are limited. Raises InputError
    for a revision that is none and for a bare repository without a range.
    """
    from qerrlint.source.git_tree import GitSource, StagedSource

    root, where = repository.root, repository.location
    if revs is not None and (revs.endswith(_COMMIT_ITSELF) or ".." in revs):
        before, commit = _ends(repository, revs)
        changed = [(GitSource(where, rev), repository.changed_paths(rev, commit)) for rev in before]
        return _sides(changed, GitSource(where, commit), paths)
    named = [revs] if revs is not None else ["HEAD", *repository.merge_heads()]
    before = [repository.resolve(rev) for rev in named]
    if staged:
        changed = [(GitSource(where, rev), repository.changed_in_index(rev)) for rev in before]
        return _sides(changed, StagedSource(where), paths)
    top = repository.location.top
    if top is None:
        raise InputError(f"{root}: a bare repository has no work tree: give a range A..B")
    changed = [(GitSource(where, rev), repository.changed_in_worktree(rev)) for rev in before]
    after = _work_tree(top, *changed[0])
    return _sides([(source, _unequal(seen, source, after)) for source, seen in changed], after, paths)


def below(path: str, paths: Sequence[str]) -> bool:
    """Whether a path of the tree is one of `paths` or lies in one of them; so without any."""
    return not paths or any(one in (".", path) or path.startswith(f"{one}/") for one in paths)


def _ends(repository: Repository, revs: str) -> tuple[list[str], str]:
    """The ids of the commits before, and of the one after."""
    if revs.endswith(_COMMIT_ITSELF):
        commit = repository.resolve(revs.removesuffix(_COMMIT_ITSELF))
        parents = repository.parents(commit)
        if not parents:
            raise InputError(f"{repository.root}: {revs}: the commit has no parent to compare it with")
        return list(parents), commit
    if "..." not in revs:
        a, _, b = revs.partition("..")
        return [repository.resolve(a or "HEAD")], repository.resolve(b or "HEAD")
    a, _, b = revs.partition("...")
    after = repository.resolve(b or "HEAD")
    base = repository.merge_base(a or "HEAD", after)
    if base is None:
        raise InputError(f"{repository.root}: {revs}: the two have no common ancestor")
    return [base], after


def _sides(
    changed: Sequence[tuple[Source, Sequence[PathChange]]], after: Source, paths: Sequence[str]
) -> Sides:
    """The sides of a change against some trees, each with what differs from it."""
    from qerrlint.review.merge_review import Parent
    from qerrlint.review.scope import FilePair

    parents = [
        Parent(before, [FilePair(c.old_path, c.new_path) for c in changes if _is_below(c, paths)])
        for before, changes in changed
    ]
    names = (path for change in changed[0][1] for path in (change.old_path, change.new_path))
    return Sides(parents, after, frozenset(path for path in names if path is not None))


def _unequal(changes: Sequence[PathChange], before: Source, after: Source) -> list[PathChange]:
    """The changes but for files that were only touched: git names them where its index does not know that."""
    return [change for change in changes if not _is_equal(change, before, after)]


def _is_equal(change: PathChange, before: Source, after: Source) -> bool:
    path = change.new_path
    return path is not None and path == change.old_path and before.blob_id(path) == after.blob_id(path)


def _is_below(change: PathChange, paths: Sequence[str]) -> bool:
    return any(path is not None and below(path, paths) for path in (change.old_path, change.new_path))


def _work_tree(top: str, head: Source, changes: Sequence[PathChange]) -> Source:
    """The files of the work tree below `top`, those that git tracks; `changes` are against `head`."""
    from qerrlint.source.overlay import OverlaySource

    files: dict[str, bytes | None] = {}
    for change in changes:
        if change.old_path is not None and change.new_path is None:
            files[change.old_path] = None
        elif change.new_path is not None:
            files[change.new_path] = _file(os.path.join(top, change.new_path))
    return OverlaySource(head, files)


def _file(path: str) -> bytes | None:
    """The bytes of a file of the work tree; None for a link, a folder, or a file that does not exist.

    Raises InputError for a file that cannot be read: taken as deleted, its findings would count as fixed.
    """
    if os.path.islink(path) or not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
