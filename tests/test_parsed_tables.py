# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of bundled files that a store has."""

from __future__ import annotations

import json

import pytest

from qerrlint.source import parsed_tables
from qerrlint.source.parsed_tables import ParsedTables
from qerrlint.source.toml import TomlError, read_toml

TEXT = b'about = "pegs"\n[[peg]]\nlength = 3\n'


def test_tables_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []

    def counted(data: bytes) -> object:
        parsed.append(data)
        return read_toml(data)

    monkeypatch.setattr(parsed_tables, "read_toml", counted)
    first = ParsedTables()
    assert first.table(TEXT) == first.table(TEXT) == {"about": "pegs", "peg": [{"length": 3}]}
    kept = first.to_keep()
    assert kept is not None
    assert first.to_keep() is None
    second = ParsedTables()
    second.recall(kept)
    assert second.table(TEXT) == first.table(TEXT)
    assert second.to_keep() is None
    assert parsed == [TEXT]
    assert second.table(b"other = 1\n") == {"other": 1}
    assert second.to_keep() is not None


def test_what_is_no_table_is_not_taken_in() -> None:
    tables = ParsedTables()
    for text in (b"{", b"[]", b'{"a": 1}', b"\xff"):
        tables.recall(text)
    assert tables.table(TEXT)["about"] == "pegs"
    with pytest.raises(TomlError):
        tables.table(b"=")


def test_tables_of_earlier_states_are_dropped_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsed_tables, "_MOST", 2)
    old = ParsedTables()
    for number in range(2):
        old.table(b"a = %d\n" % number)
    new = ParsedTables()
    new.recall(old.to_keep() or b"")
    new.table(TEXT)
    assert len(json.loads(new.to_keep() or b"")) == 1
