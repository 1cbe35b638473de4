# SPDX-License-Identifier: GPL-2.0-or-later
"""The one place that writes into a tree: a file of a directory replaced as a whole, on the user's demand."""

from __future__ import annotations

import os
import stat
import tempfile

from qerrlint.errors import InputError
from qerrlint.source.directory import DirectorySource


def replace_file(source: DirectorySource, path: str, old: bytes, new: bytes) -> None:
    """Put `new` in the place of a file that still holds `old`, in one step and with the same mode.

    No link is followed, neither the file nor a directory on the way. Raises InputError, and leaves the file
    as it is, when it is gone, has changed meanwhile or cannot be written.
    """
    # A fresh look: what was a plain directory when the tree was read may be a link by now.
    if DirectorySource(source.root).read(path) != old:
        raise InputError(f"{source.root}/{path}: has changed since it was read; not written")
    full = os.path.join(source.root, path)
    temporary = None
    try:
        mode = stat.S_IMODE(os.lstat(full).st_mode)
        handle, temporary = tempfile.mkstemp(prefix=".qerrlint-", dir=os.path.dirname(full))
        with os.fdopen(handle, "wb") as file:
            file.write(new)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, full)
    except OSError as error:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
        raise InputError(f"{full}: cannot be written: {error.strerror}") from None
