# SPDX-License-Identifier: GPL-2.0-or-later
"""A file that the user named on the command line, read as a whole; it belongs to no tree."""

from __future__ import annotations

from pathlib import Path

from qerrlint.errors import QerrlintError


def read_named(path: str, what: str, kind: type[QerrlintError]) -> bytes:
    """The file's bytes; raises `kind`, one line that names the file and says `what` it is, if it cannot."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise kind(f"{path}: {what} cannot be read: {error.strerror}") from None
