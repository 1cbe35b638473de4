# SPDX-License-Identifier: GPL-2.0-or-later
"""The parsed tables of the program's own files in a store (source.parsed_tables)."""

from __future__ import annotations

from qerrlint.engine.store.cache_store import Store
from qerrlint.source.parsed_tables import BUNDLED

_NAME = "tables of the program"


def recall_tables() -> None:
    """Take the tables from the store, if there is one."""
    store = Store()
    if not store.file.exists():
        return
    with store:
        text = store.note(_NAME)
    if text is not None:
        BUNDLED.recall(text)


def keep_tables(store: Store) -> None:
    """Keep the tables that the store does not have; a run that has kept nothing makes no store for them."""
    if store.file.exists():
        text = BUNDLED.to_keep()
        if text is not None:
            store.add_note(_NAME, text)
