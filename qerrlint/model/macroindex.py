# SPDX-License-Identifier: GPL-2.0-or-later
"""Which header defines a macro, as seen from a file, by an index of names; it reads no definition."""

from __future__ import annotations

from qerrlint.c.declarations.file import FileDeclarations
from qerrlint.model.include_graph import Files


class MacroIndex:
    """The macros of the headers at hand by name; a header is entered when the first file reaches it."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._where: dict[str, list[str]] = {}
        self._entered: set[str] = set()
        self._complete_for: set[str] = set()

    def defining(self, name: str, from_path: str) -> FileDeclarations | None:
        """The file that defines a macro, of those that `from_path` sees the first; None if none does."""
        own = self._files.file(from_path)
        if own is not None and name in own.macros:
            return own
        reached = self._files.reached(from_path)
        if from_path not in self._complete_for:
            self._complete_for.add(from_path)
            for path in reached:
                # The file itself was asked above; others rarely include it.
                if path != from_path:
                    self._enter(path)
        held = [path for path in self._where.get(name, ()) if path in reached]
        return self._files.file(min(held, key=reached.__getitem__)) if held else None

    def _enter(self, path: str) -> None:
        if path in self._entered:
            return
        self._entered.add(path)
        header = self._files.file(path)
        for macro in header.macros if header is not None else ():
            self._where.setdefault(macro, []).append(path)
