# SPDX-License-Identifier: GPL-2.0-or-later
"""The one place that writes files: of a tree, on the user's demand, and outputs; always as a whole."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from qerrlint.errors import InputError
from qerrlint.lazy_patterns import lazy_re
from qerrlint.source.directory import DirectorySource

_TEMPORARY = lazy_re(r"\.qerrlint-\d+-[0-9a-f]{12}")


def replace_file(source: DirectorySource, path: str, old: bytes, new: bytes) -> None:
    """Put `new` in the place of a file that still holds `old`, in one step and with the same mode.

    No link is followed, neither the file nor a directory on the way. Raises InputError, and leaves the file
    as it is, when it is gone, has changed meanwhile or cannot be written.
    """
    # A fresh look: what was a plain directory when the tree was read may be a link by now.
    if DirectorySource(source.root).read(path) != old:
        raise InputError(f"{source.root}/{path}: has changed since it was read; not written")
    full = os.path.join(source.root, path)
    try:
        with replacing(full) as stream:
            stream.write(new)
    except OSError as error:
        raise InputError(f"{full}: cannot be written: {error.strerror}") from None


@contextmanager
def replacing(path: str) -> Iterator[IO[bytes]]:
    """A stream whose bytes take the place of a file in one step, when the block ends without an error.

    A file that is there keeps its mode. A path that is no regular file (a terminal, a pipe, /dev/null) is
    written to directly. A link is followed: a caller that forbids this checks with link_within() first.
    Raises OSError.
    """
    target = os.path.realpath(path)
    mode = os.stat(target).st_mode if os.path.exists(target) else None
    if mode is not None and not stat.S_ISREG(mode):
        with open(target, "wb") as stream:
            yield stream
        return
    temporary = os.path.join(os.path.dirname(target), f".qerrlint-{os.getpid()}-{os.urandom(6).hex()}")
    # Without a mode of its own the new file gets the user's (umask).
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if mode is not None:
            os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def remove_leftovers(folder: str) -> None:
    """Delete what replacing() leaves in a folder when its process is killed; nothing else may write there.

    Raises OSError.
    """
    for name in os.listdir(folder):
        if _TEMPORARY.fullmatch(name):
            os.unlink(os.path.join(folder, name))


def link_within(root: str, path: str) -> str | None:
    """The first symbolic link on the way to a path, itself among them, below the directory `root`; None where
    there is none, or the path does not lead into the directory by its name."""
    absolute = os.path.abspath(path)
    for top in {os.path.abspath(root), os.path.realpath(root)}:
        if absolute.startswith(os.path.join(top, "")):
            at = top
            for part in os.path.relpath(absolute, top).split(os.sep):
                at = os.path.join(at, part)
                if os.path.islink(at):
                    return at
    return None
