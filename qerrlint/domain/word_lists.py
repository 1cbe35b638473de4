# SPDX-License-Identifier: GPL-2.0-or-later
"""Word lists: names that the analysis takes a meaning from, as rows of rules/words.toml, each with a reason.

A list says how its words are compared: `part` (one of the parts of an identifier between underscores),
`prefix`, `name` and `inside` (the start, the whole, or any stretch of an identifier), `text` (a phrase in a
comment, without regard to case; blanks stand for any run of blanks, comment stars and line ends).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from qerrlint.errors import UsageError
from qerrlint.source.bundled import read_table, rules_folder

MATCHES = ("part", "prefix", "name", "inside", "text")
_KEYS = frozenset(("about", "match", "words"))
_OPTIONAL = frozenset(("events",))
_ROW_KEYS = frozenset(("word", "reason"))


@dataclass(frozen=True)
class WordList:
    """One list: its words with their reasons. The pattern is made when something is compared with it.

    `events` are those whose checks read the list; exemptions name the lists that they read themselves."""

    name: str
    about: str
    match: str
    words: Mapping[str, str]
    events: frozenset[str] = frozenset()

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return _pattern(self.match, self.words)

    @cached_property
    def _of_lines(self) -> re.Pattern[bytes]:
        pattern = self._pattern
        by_line = pattern.pattern.replace(r"\A", "^").replace(r"\Z", "$").encode("latin-1")
        return re.compile(by_line, pattern.flags & re.IGNORECASE | re.MULTILINE)

    def among(self, identifiers: bytes) -> list[bytes]:
        """Those of some identifiers, one a line, that hold one of the words."""
        out: list[bytes] = []
        found = self._of_lines.search(identifiers)
        while found is not None:
            begin = identifiers.rfind(b"\n", 0, found.start()) + 1
            end = identifiers.find(b"\n", found.end())
            end = end if end >= 0 else len(identifiers)
            out.append(identifiers[begin:end])
            found = self._of_lines.search(identifiers, end + 1)
        return out

    def matches(self, text: str) -> bool:
        """Whether an identifier (or, of a list of phrases, a text) holds one of the words."""
        return self._pattern.search(text) is not None


@lru_cache(maxsize=1)
def _lists() -> Mapping[str, WordList]:
    file = rules_folder() / "words.toml"
    tables = read_table(file, "word lists")
    return {name: _list(name, table, f"{file}: [{name}]") for name, table in tables.items()}


def word_list(name: str) -> WordList:
    """The list of that name.

    Raises KeyError for a name that is not in the file, UsageError naming the file and the list when the file
    is missing or a row is not as the module's first lines say.
    """
    return _lists()[name]


def word_lists() -> tuple[WordList, ...]:
    """All lists, in the order of the file."""
    return tuple(_lists().values())


def _list(name: str, table: Any, at: str) -> WordList:
    if not isinstance(table, dict) or set(table) - _OPTIONAL != _KEYS:
        raise UsageError(f"{at}: needs exactly the keys {', '.join(sorted(_KEYS))}")
    if table["match"] not in MATCHES:
        raise UsageError(f"{at}: match {table['match']!r} is not one of {', '.join(MATCHES)}")
    words: dict[str, str] = {}
    for row in table["words"]:
        if not isinstance(row, dict) or set(row) != _ROW_KEYS or not all(row.values()):
            raise UsageError(f"{at}: a word needs a 'word' and a 'reason'")
        if row["word"] in words:
            raise UsageError(f"{at}: {row['word']!r} is listed twice")
        words[row["word"]] = row["reason"]
    return WordList(name, table["about"], table["match"], words, frozenset(table.get("events", ())))


def _pattern(match: str, words: Mapping[str, str]) -> re.Pattern[str]:
    if not words:
        return re.compile(r"(?!)")
    if match == "text":
        alternatives = "|".join(r"[\s*]+".join(map(re.escape, word.split())) for word in words)
        return re.compile(alternatives, re.IGNORECASE)
    alternatives = "|".join(map(re.escape, words))
    if match == "part":
        return re.compile(rf"(?:^|_)(?:{alternatives})(?:_|$)")
    if match == "inside":
        return re.compile(alternatives)
    return re.compile(rf"\A(?:{alternatives})" + (r"\Z" if match == "name" else ""))
