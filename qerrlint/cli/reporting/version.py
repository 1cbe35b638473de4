# SPDX-License-Identifier: GPL-2.0-or-later
"""The version with the commit that the program is, where that is known."""

from __future__ import annotations

import os
import subprocess

import qerrlint
from qerrlint import __version__

_FOLDER = os.path.dirname(os.path.abspath(qerrlint.__file__))


def described_version() -> str:
    """The version, and in parentheses the commit: from the build, or of the checkout that is run."""
    commit = _built_from() or _checked_out()
    return f"{__version__} ({commit})" if commit else __version__


def _built_from() -> str | None:
    try:
        with open(os.path.join(_FOLDER, "_commit"), encoding="ascii") as file:
            return file.read().strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _checked_out() -> str | None:
    """The commit of the work tree whose folder `qerrlint` this is; -dirty where files differ from it."""
    top = os.path.dirname(_FOLDER)
    # The package may lie in a virtual environment below some other repository.
    if not os.path.exists(os.path.join(top, ".git")):
        return None
    command = ("git", "-C", top, "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12")
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
