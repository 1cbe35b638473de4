# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of macros that the grammar cannot parse, loaded from macros.toml."""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from qerrlint.errors import UsageError
from qerrlint.records import record

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# What a rewrite means to lowering.
LOOP = "LOOP"
ALWAYS = "ALWAYS"
AUTO = "AUTO"
BRANCH = "BRANCH"
NORETURN = "NORETURN"
BLANK = "BLANK"
RENAME = "RENAME"
INVOCATION = "INVOCATION"

# All but the bytes of words, as blanks.
_WORDS = bytes(c if re.match(rb"\w", bytes([c])) else 0x20 for c in range(256))
_TABLE_KINDS = frozenset({LOOP, ALWAYS, AUTO, NORETURN, BLANK, RENAME})
_KEYS = frozenset({"names", "pattern", "words", "needles", "damaged", "kind", "action", "reason"})
ACTIONS = frozenset(
    {
        "blank",
        "blank-arguments",
        "while",
        "if",
        "pointer-type",
        "value-type",
        "plain-argument",
        "type-argument",
        "second-argument",
        "capital",
        "underscore",
        "identifier",
        "skip-first",
        "bit-or",
        "comparison",
        "last-operator",
        "rest",
    }
)


@record(frozen=True, slots=True)
class Macro:
    """One entry of the table.

    kind: what the rewrite means to lowering. action: how the text is changed. needles: texts of which one
    must occur before `pattern` is tried, whole words if `exact`. damaged: only for functions that did not
    parse without it.
    """

    kind: str
    action: str
    reason: str
    pattern: re.Pattern[bytes]
    needles: tuple[bytes, ...]
    exact: bool
    damaged: bool


@lru_cache(maxsize=1)
def table() -> tuple[Macro, ...]:
    """The table that ships with the package in its order, loaded once per process."""
    path = Path(__file__).with_name("macros.toml")
    return load(path.read_text(encoding="utf-8"), path.name)


@record(frozen=True, slots=True)
class _Index:
    """Where to look for entries: by the words of a text, and by parts of words or signs."""

    words: dict[bytes, tuple[int, ...]]
    parts: tuple[tuple[bytes, tuple[int, ...]], ...]


@lru_cache(maxsize=2)
def _index(damaged: bool) -> _Index:
    words: dict[bytes, tuple[int, ...]] = {}
    parts: dict[bytes, tuple[int, ...]] = {}
    for at, macro in enumerate(table()):
        if damaged or not macro.damaged:
            target = words if macro.exact else parts
            for needle in macro.needles:
                target[needle] = (*target.get(needle, ()), at)
    return _Index(words, tuple(parts.items()))


def candidates(data: bytes, damaged: bool) -> list[Macro]:
    """The entries that may occur in `data`, in the table's order; for most functions few or none.

    damaged: whether to offer the entries for functions that did not parse.
    """
    index = _index(damaged)
    # A plain substring test for each part: one alternation of all takes several times as long.
    found = [entries for part, entries in index.parts if part in data]
    words = data.translate(_WORDS).split()
    if not index.words.keys().isdisjoint(words):
        found += [index.words[word] for word in index.words.keys() & words]
    if not found:
        return []
    macros = table()
    return [macros[at] for at in sorted({at for entries in found for at in entries})]


def load(text: str, name: str) -> tuple[Macro, ...]:
    """Compiles the text of a table; raises UsageError naming the file and the entry that is wrong."""
    try:
        rows: list[dict[str, Any]] = tomllib.loads(text)["macro"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise UsageError(f"{name}: no table of macros: {error}") from None
    return tuple(_macro(row, f"{name}: macro {number}") for number, row in enumerate(rows, 1))


def _macro(row: dict[str, Any], where: str) -> Macro:
    kind, action, reason = (row.get(key) for key in ("kind", "action", "reason"))
    if kind not in _TABLE_KINDS:
        raise UsageError(f"{where}: unknown kind {kind!r}")
    if action not in ACTIONS:
        raise UsageError(f"{where}: unknown action {action!r}")
    if not reason:
        raise UsageError(f"{where}: no reason given")
    unknown = sorted(row.keys() - _KEYS)
    if unknown:
        raise UsageError(f"{where}: unknown key {unknown[0]!r}")
    names: list[str] = row.get("names", [])
    if bool(names) == ("pattern" in row):
        raise UsageError(f"{where}: needs either names or a pattern")
    words: list[str] = names or row.get("words", [])
    if bool(words) == bool(row.get("needles")) or (names and "words" in row):
        raise UsageError(f"{where}: a pattern needs words or needles, names need none")
    # The leading \b lets the search skip the inside of words, which makes it several times faster.
    source = rf"\b(?:{_alternatives(names)})\b" if names else row["pattern"]
    try:
        pattern = re.compile(source.encode("ascii"))
    except (re.error, UnicodeEncodeError) as error:
        raise UsageError(f"{where}: {error}") from None
    needles = tuple(needle.encode("ascii") for needle in words or row["needles"])
    return Macro(kind, action, reason, pattern, needles, bool(words), bool(row.get("damaged", False)))


def _alternatives(names: list[str]) -> str:
    """An alternation of the names that shares what they begin with, so that few branches are tried."""
    trie: dict[str, Any] = {}
    for name in names:
        node = trie
        for letter in name:
            node = node.setdefault(letter, {})
        node[""] = {}
    return _branches(trie)


def _branches(node: dict[str, Any]) -> str:
    # Longer names first, so that the empty rest of a name comes last.
    options = [re.escape(letter) + _branches(rest) for letter, rest in sorted(node.items()) if letter]
    if "" in node:
        options.append("")
    return options[0] if len(options) == 1 else f"(?:{'|'.join(options)})"
