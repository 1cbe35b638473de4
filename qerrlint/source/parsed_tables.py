# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of the bundled TOML files, which a store may have parsed already.

To parse the rules, exemptions, word lists and contracts takes some ten times as long as to read them as JSON.
A table is found by a digest of the text that it stands for.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from qerrlint.source.toml import read_toml

# Tables of earlier states of the files are dropped when there are more than this.
_MOST = 300


class ParsedTables:
    """The tables by digest; those of a store are taken in with recall()."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}
        self._used: set[str] = set()
        self._is_new = False

    def table(self, data: bytes) -> dict[str, Any]:
        """The table in a text, which the caller does not change. Raises TomlError."""
        digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        self._used.add(digest)
        if digest not in self._known:
            self._known[digest] = read_toml(data)
            self._is_new = True
        return self._known[digest]

    def recall(self, text: bytes) -> None:
        """Take in what to_keep() gave in an earlier run."""
        try:
            found = json.loads(text)
        except ValueError:
            return
        if isinstance(found, dict) and all(isinstance(table, dict) for table in found.values()):
            self._known = {**found, **self._known}

    def to_keep(self) -> bytes | None:
        """The tables as a text; None where there are no others than those that were recalled."""
        if not self._is_new:
            return None
        self._is_new = False
        every = self._known if len(self._known) <= _MOST else self._used
        return json.dumps({digest: self._known[digest] for digest in every}).encode()


BUNDLED = ParsedTables()
"""Those of this process."""
