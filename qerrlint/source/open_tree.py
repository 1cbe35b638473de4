# SPDX-License-Identifier: GPL-2.0-or-later
"""Which source fits what the user named, and where the QEMU tree around a directory begins."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qerrlint.errors import InputError
from qerrlint.source.source import Source

if TYPE_CHECKING:
    from qerrlint.source.directory import DirectorySource

# At the top of the tree in QEMU to 5.2.
_OLD_MARK = "vl.c"
# These two have been in every QEMU release since 2.5 and in hardly any other tree.
_MARKS = ("VERSION", "include/qapi/error.h")


def open_tree(path: str | os.PathLike[str], rev: str | None = None) -> Source:
    """The tree at `path`: its files as they lie, or git's objects at `rev`.

    Without `rev`, a bare repository or a plain git directory is read at HEAD. Raises InputError when
    `path` is no directory, when `rev` is given and there is no repository at `path`, or when the
    repository does not know `rev`.
    """
    text = os.fspath(path)
    if not os.path.isdir(text):
        raise InputError(f"{text}: {'not a directory' if os.path.exists(text) else 'no such directory'}")
    if rev is None and not _may_be_git_dir(text):
        from qerrlint.source.directory import DirectorySource

        return DirectorySource(text)
    from qerrlint.source.git_tree import GitSource

    return GitSource(text, rev or "HEAD")


def find_root(start: str | os.PathLike[str]) -> str | None:
    """The QEMU tree that `start` lies in, else the top of the git work tree around it, else None."""
    folder = os.path.realpath(os.fspath(start))
    top = None
    while True:
        if _is_qemu(folder):
            return folder
        if top is None and os.path.exists(os.path.join(folder, ".git")):
            top = folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return top
        folder = parent


def tree_of(paths: Sequence[str]) -> str | None:
    """The QEMU tree that all of the files and folders lie in; None where none of them lies in one.

    Raises InputError, which names a path, where they do not all lie in the same tree.
    """
    trees: dict[str, str | None] = {}
    for path in paths:
        # The place of a link counts, not what it leads to.
        folder = path if os.path.isdir(path) else os.path.dirname(os.path.abspath(path))
        trees[path] = _qemu_around(folder)
    first = trees[paths[0]]
    for path, tree in trees.items():
        if tree != first:
            other = (
                f"in no QEMU tree, and {paths[0]} lies in {first}"
                if first
                else f"in {tree}, and {paths[0]} in none"
            )
            raise InputError(f"{path}: lies {other}: give files of one tree")
    return first


def folder_of(paths: Sequence[str]) -> DirectorySource:
    """The files and folders that lie in no tree, as a source that lists nothing else.

    Its root is the current directory, or where they do not lie below it the deepest folder that holds all of
    them. Raises InputError where no path exists.
    """
    from qerrlint.source.directory import DirectorySource

    real = [os.path.realpath(path) for path in paths if os.path.exists(path)]
    if not real:
        raise InputError(f"{paths[0]}: no such file or folder")
    root = os.path.commonpath([path if os.path.isdir(path) else os.path.dirname(path) for path in real])
    here = os.path.realpath(".")
    if os.path.commonpath([root, here]) == here:
        root = here
    return DirectorySource(root, [os.path.relpath(path, root).replace(os.sep, "/") for path in real])


def _qemu_around(folder: str) -> str | None:
    root = find_root(folder)
    return root if root is not None and _is_qemu(root) else None


def _is_qemu(folder: str) -> bool:
    return all(os.path.isfile(os.path.join(folder, mark)) for mark in _MARKS)


def looks_like_qemu(source: Source) -> bool:
    """Whether the tree has the files that mark QEMU's sources."""
    return len(source.present(_MARKS)) == len(_MARKS)


def require_qemu(name: str, *sources: Source) -> None:
    """Raise InputError, which begins with `name`, unless a source (one side of a change) is a QEMU tree."""
    if not any(map(looks_like_qemu, sources)):
        if any(source.exists(_MARKS[0]) and source.exists(_OLD_MARK) for source in sources):
            raise InputError(f"{name}: a QEMU tree from before {_MARKS[1]} (QEMU 1.4), which is not analysed")
        raise InputError(f"{name}: not a QEMU tree (no {_MARKS[1]} and {_MARKS[0]} in it)")


def _may_be_git_dir(path: str) -> bool:
    """A git directory has these three; no process is started to tell a work tree from one."""
    return (
        os.path.isfile(os.path.join(path, "HEAD"))
        and os.path.isdir(os.path.join(path, "objects"))
        and os.path.isdir(os.path.join(path, "refs"))
    )
