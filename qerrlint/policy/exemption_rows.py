# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of rules/exemptions.toml as data: what `explain` shows, without the checks and the predicates.

A row names the events it covers, a predicate (a function of policy/predicates/), its effect, its reason with
a source, the word lists that the predicate reads (`words`, which may be left out), and the fixture that fails
without it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from qerrlint.domain.word_lists import word_lists
from qerrlint.errors import UsageError
from qerrlint.records import record
from qerrlint.source.bundled import read_table, rules_folder

DROP = "drop"
EFFECTS = (DROP, "low", "medium")
"""What an exemption does: drop the observation, or bound its certainty."""

_KEYS = frozenset(("id", "events", "predicate", "effect", "reason", "source", "fixture"))
_OPTIONAL = frozenset(("words",))


@record(frozen=True, slots=True)
class Exemption:
    """One row. `fixture` is a path below fixtures/ whose expectations fail without the exemption; `words` are
    the names of the word lists that the predicate reads."""

    id: str
    events: frozenset[str]
    predicate: str
    effect: str
    reason: str
    source: str
    fixture: str
    words: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def exemption_rows() -> tuple[Exemption, ...]:
    """The rows of the bundled file, in its order.

    Raises UsageError naming the file and the row when the file cannot be read, or a row lacks a key, has one
    that is not known, or names an effect or a word list that does not exist.
    """
    file = exemptions_file()
    tables = read_table(file, "exemptions").get("exemption", [])
    lists = {known.name for known in word_lists()}
    rows = tuple(_row(table, f"{file}: exemption {number}", lists) for number, table in enumerate(tables, 1))
    idents = [row.id for row in rows]
    for ident in idents:
        if idents.count(ident) > 1:
            raise UsageError(f"{file}: two exemptions have the id {ident!r}")
    return rows


def exemptions_file() -> Path:
    """The bundled file."""
    return rules_folder() / "exemptions.toml"


def _row(table: Mapping[str, Any], at: str, lists: Collection[str]) -> Exemption:
    if not isinstance(table, dict) or set(table) - _OPTIONAL != _KEYS:
        raise UsageError(f"{at}: needs exactly the keys {', '.join(sorted(_KEYS))}")
    at = f"{at} ({table['id']})"
    if table["effect"] not in EFFECTS:
        raise UsageError(f"{at}: effect {table['effect']!r} is not one of {', '.join(EFFECTS)}")
    for key in ("reason", "source", "fixture"):
        if not isinstance(table[key], str) or not table[key].strip():
            raise UsageError(f"{at}: {key!r} is empty")
    words = tuple(table.get("words", ()))
    for name in words:
        if name not in lists:
            raise UsageError(f"{at}: unknown word list {name!r}")
    return Exemption(**{**table, "events": frozenset(table["events"]), "words": words})
