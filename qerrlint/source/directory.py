# SPDX-License-Identifier: GPL-2.0-or-later
"""DirectorySource: a tree as it lies in a directory; it follows no link and knows nothing of git's index."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from qerrlint.errors import InputError
from qerrlint.source.source import Source, folders

# A directory that holds one of these is the output of a build, not source.
_BUILD_MARKS = frozenset(("build.ninja", "meson-private", "config-host.mak"))

# The largest text of a QEMU tree, firmware apart, has less than 2 MB.
_LARGEST = 64 * 1024 * 1024

Stamp = tuple[int, int, int, int]
"""Size in bytes, times of change of the content and of the inode in nanoseconds, number of the inode."""


class DirectorySource(Source):
    """The regular files under a directory, without `.git`, nested repositories and build directories.

    `below`: only these files and folders are listed, by their paths from the root ("." is all of it). Raises
    InputError when `root` is not a directory that can be listed.
    """

    def __init__(self, root: str | os.PathLike[str], below: Sequence[str] = (".",)) -> None:
        self.root = os.path.realpath(os.fspath(root))
        if not os.path.isdir(self.root):
            raise InputError(f"{os.fspath(root)}: not a directory")
        self.revision = None
        self._below = tuple("" if path == "." else path for path in below)
        self._paths: tuple[str, ...] | None = None
        self._unlisted: dict[str, str] = {}
        self._plain: dict[str, bool] = {"": True}

    def read(self, path: str) -> bytes | None:
        """The file's bytes; None for what is no regular file below the root (no link is followed).

        Raises InputError for a file that cannot be read, or is larger than any source.
        """
        full = self._locate(path)
        if full is None:
            return None
        try:
            with open(full, "rb") as file:
                data = file.read(_LARGEST + 1)
        except OSError as error:
            raise InputError(f"{full}: cannot be read: {error.strerror}") from None
        if len(data) > _LARGEST:
            raise InputError(f"{full}: not read: larger than {_LARGEST >> 20} MB")
        return data

    def exists(self, path: str) -> bool:
        """Whether there is a regular file of that path."""
        return self._locate(path) is not None

    def stamp(self, path: str) -> Stamp | None:
        """What the system says of a file without reading it; None when there is no such file."""
        status = self._status(path)
        if status is None:
            return None
        return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino

    def size(self, path: str) -> int | None:
        """The size of a file in bytes, None when there is no such file."""
        stamp = self.stamp(path)
        return None if stamp is None else stamp[0]

    def paths(self) -> Sequence[str]:
        """All paths, sorted; the directory is walked once."""
        if self._paths is None:
            found: list[str] = []
            for path in self._below:
                if path and self.exists(path):
                    found.append(path)
                else:
                    self._walk(path, found)
            self._paths = tuple(sorted(set(found)))
        return self._paths

    def unlisted(self) -> dict[str, str]:
        """The directories below the root that cannot be listed, and why; what they hold is in no list."""
        self.paths()
        return dict(self._unlisted)

    def link_above(self, path: str) -> str | None:
        """The symbolic link that the path lies beyond, None where no directory on the way is one."""
        for folder in folders(path):
            try:
                mode = os.lstat(f"{self.root}/{folder}").st_mode
            except (OSError, ValueError):
                return None
            if stat.S_ISLNK(mode):
                return folder
        return None

    def _walk(self, below: str, found: list[str]) -> None:
        is_start = below in self._below
        try:
            with os.scandir(os.path.join(self.root, below)) as entries:
                listed = list(entries)
        except OSError as error:
            if is_start:
                place = os.path.join(self.root, below).rstrip("/")
                raise InputError(f"{place}: cannot be listed: {error.strerror}") from None
            self._unlisted[below] = error.strerror or str(error)
            return
        prefix = below + "/" if below else ""
        if not is_start and any(entry.name in _BUILD_MARKS or entry.name == ".git" for entry in listed):
            return
        for entry in listed:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != ".git":
                    self._walk(prefix + entry.name, found)
            elif entry.is_file(follow_symlinks=False) and (below or entry.name != ".git"):
                found.append(prefix + entry.name)

    def _locate(self, path: str) -> str | None:
        """The file's absolute path, if neither it nor a directory on the way is a link or missing."""
        return f"{self.root}/{path}" if self._status(path) is not None else None

    def _status(self, path: str) -> os.stat_result | None:
        """What the system says of a file that _locate() finds; None for any other."""
        parent, _, name = path.rpartition("/")
        if name in ("", ".", "..") or "\0" in path or not self._is_plain(parent):
            return None
        try:
            status = os.lstat(f"{self.root}/{path}")
        except (OSError, ValueError):
            return None
        return status if stat.S_ISREG(status.st_mode) else None

    def _is_plain(self, folder: str) -> bool:
        """Whether a folder and all above it are directories, no links; each is looked at once."""
        known = self._plain.get(folder)
        if known is not None:
            return known
        for place in (*folders(folder), folder):
            known = self._plain.get(place)
            if known is None:
                known = self._plain[place] = self._is_directory(place)
            if not known:
                self._plain[folder] = False
                return False
        return True

    def _is_directory(self, folder: str) -> bool:
        if folder.rpartition("/")[2] in ("", ".", ".."):
            return False
        try:
            return stat.S_ISDIR(os.lstat(f"{self.root}/{folder}").st_mode)
        except (OSError, ValueError):
            return False
