# SPDX-License-Identifier: GPL-2.0-or-later
"""Which source fits what the user named, and where the QEMU tree around a directory begins."""

from __future__ import annotations

import os

from qerrlint.errors import InputError
from qerrlint.source.source import Source

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
        if all(os.path.isfile(os.path.join(folder, mark)) for mark in _MARKS):
            return folder
        if top is None and os.path.exists(os.path.join(folder, ".git")):
            top = folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return top
        folder = parent


def looks_like_qemu(source: Source) -> bool:
    """Whether the tree has the files that mark QEMU's sources."""
    return all(source.exists(mark) for mark in _MARKS)


def require_qemu(name: str, *sources: Source) -> None:
    """Raise InputError, which begins with `name`, unless a source (one side of a change) is a QEMU tree."""
    if not any(map(looks_like_qemu, sources)):
        raise InputError(f"{name}: not a QEMU tree (no {_MARKS[1]} and {_MARKS[0]} in it)")


def _may_be_git_dir(path: str) -> bool:
    """A git directory has these three; no process is started to tell a work tree from one."""
    return (
        os.path.isfile(os.path.join(path, "HEAD"))
        and os.path.isdir(os.path.join(path, "objects"))
        and os.path.isdir(os.path.join(path, "refs"))
    )
