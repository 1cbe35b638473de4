# SPDX-License-Identifier: GPL-2.0-or-later
"""EmptySource: a tree without files, the base of runs that have none."""

from __future__ import annotations

from collections.abc import Sequence

from qerrlint.source.source import Source


class EmptySource(Source):
    """No file at all; a base for overlays."""

    root = ""
    revision = None

    def read(self, path: str) -> bytes | None:
        """None: there is no such file."""
        return None

    def exists(self, path: str) -> bool:
        """False."""
        return False

    def paths(self) -> Sequence[str]:
        """No paths."""
        return ()
