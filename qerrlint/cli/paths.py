# SPDX-License-Identifier: GPL-2.0-or-later
"""The PATH arguments of a command: which files of a tree they name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qerrlint.result import Skipped
    from qerrlint.source.source import Source


def within(root: str, paths: Sequence[str], given: bool) -> list[str]:
    """Paths relative to the tree: as they are below it, else relative to the current directory."""
    out = []
    for path in paths:
        absolute = os.path.realpath(path)
        base = os.path.realpath(root)
        if not os.path.isabs(path) and given and not os.path.exists(path):
            out.append(os.path.normpath(path).replace(os.sep, "/"))
        elif absolute == base:
            out.append(".")
        elif absolute.startswith(os.path.join(base, "")):
            out.append(os.path.relpath(absolute, base).replace(os.sep, "/"))
        else:
            out.append(os.path.normpath(path).replace(os.sep, "/"))
    return out


def without_files(
    source: Source,
    shown: Sequence[str],
    wanted: Sequence[str],
    files: Sequence[str],
    origin: str | None = None,
) -> tuple[Skipped, ...]:
    """The paths, as the user wrote them in `shown`, that give none of the files, and why.

    Raises InputError, which names the first of them, where no path gives any. `origin`: the configuration
    that may have left some out.
    """
    from qerrlint.engine.check_files import core_files
    from qerrlint.errors import InputError
    from qerrlint.result import Skipped
    from qerrlint.review.apply_policy import left_out

    empty = []
    for written, path in zip(shown, wanted, strict=True):
        if path not in ("", ".") and not any(
            f == path or f.startswith(path.rstrip("/") + "/") for f in files
        ):
            if core_files(source, [path]):
                reason = f"left out by the `exclude` of {origin}"
            elif source.exists(path) or os.path.exists(written):
                reason = "no C file there"
            else:
                reason = "no such file or folder"
            empty.append(Skipped(written, reason))
    if empty and not files:
        raise InputError(f"{empty[0].path}: {empty[0].reason}")
    if not files:
        number = len(core_files(source, wanted))
        raise InputError(
            f"{source.root}: {left_out(number)} {origin}"
            if number
            else f"{source.root}: no C files in this folder"
        )
    return tuple(empty)
