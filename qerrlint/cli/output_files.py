# SPDX-License-Identifier: GPL-2.0-or-later
"""The files that a command writes: which it must not, and how an error of the system is reported."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO

from qerrlint.errors import UsageError


def refuse(target: str, root: str | None, inputs: Iterable[str]) -> None:
    """Raise UsageError for a file that must not be overwritten.

    That is a directory, or one in a folder that does not exist; what is reached through a link in the tree
    at `root`, which the author of the tree has put there; one of `inputs` (files, and folders with all in
    them); a source file.
    """
    from qerrlint.source.source import C_SUFFIXES
    from qerrlint.source.writing import link_within

    if os.path.isdir(target):
        raise UsageError(f"{target}: cannot be written: it is a directory")
    if not os.path.isdir(os.path.dirname(target) or "."):
        raise UsageError(f"{target}: cannot be written: there is no such directory")
    link = link_within(root, target) if root else None
    if link is not None:
        raise UsageError(f"{target}: not written: {link} is a symbolic link in the tree")
    if not os.path.exists(target):
        return
    real = os.path.realpath(target)
    if real.endswith(C_SUFFIXES) and os.path.isfile(real):
        raise UsageError(f"{target}: not written: it is a source file")
    for name in inputs:
        if os.path.exists(name) and _is_in(real, os.path.realpath(name)) and not _is_special(real):
            raise UsageError(f"{target}: not written: it is an input of this run")


def _is_in(path: str, other: str) -> bool:
    """Whether two names are of one file, or the first lies in the folder of the second."""
    return os.path.samefile(path, other) or path.startswith(os.path.join(other, ""))


def _is_special(path: str) -> bool:
    """Whether a path is a terminal, a pipe or a device: what is written to it overwrites nothing."""
    return not os.path.isfile(path)


@contextmanager
def written(target: str) -> Iterator[IO[bytes]]:
    """A stream whose bytes become the file when the block ends; raises UsageError if they cannot."""
    from qerrlint.source.writing import replacing

    try:
        with replacing(target) as stream:
            yield stream
    except OSError as error:
        raise UsageError(f"{target}: cannot be written: {error.strerror}") from None
