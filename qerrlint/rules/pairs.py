# SPDX-License-Identifier: GPL-2.0-or-later
"""The `[[pair]]` tables of rule files: read and validate them; what a pair means is facts.pairs'.

A table holds `name`, `acquire` and `release`, and may hold `prepare`, `discard` (arrays of moves), `keeps`,
`balanced`, `local`, `setup` and `shown`.
A move is { call, object, type, fails, null }: the callee, which argument (1 is the first, 0 the result) is
the object or "process" for what no argument names, the type that the prototype must have there, which results
of an acquire are failures, and the argument that is NULL where a call releases what it acquires with another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qerrlint.domain.ownership import FAILURES, PROCESS, RESULT, Move, Pair
from qerrlint.errors import UsageError
from qerrlint.lazy_patterns import lazy_re

_KEYS = frozenset(
    ("name", "acquire", "release", "prepare", "discard", "keeps", "balanced", "local", "setup", "shown")
)
_MOVE_KEYS = frozenset(("call", "object", "type", "fails", "null", "by"))
_ROLES = ("acquire", "release", "prepare", "discard")
_CALL = lazy_re(r"[A-Za-z_]\w*\Z")
_MOST_ARGUMENTS = 32


def parse_pairs(tables: object, at: str) -> tuple[Pair, ...]:
    """The pairs of a rule file's `pair` key; raises UsageError, one line that begins with `at`."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageError(f"{at}: 'pair' is not an array of tables ([[pair]])")
    pairs = tuple(_pair(table, f"{at}: pair {n}") for n, table in enumerate(tables, 1))
    names = [pair.name for pair in pairs]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{at}: two pairs are called {name!r}")
    return pairs


def _pair(table: Mapping[str, Any], at: str) -> Pair:
    if unknown := sorted(table.keys() - _KEYS):
        raise UsageError(f"{at}: unknown key {unknown[0]!r} (known: {', '.join(sorted(_KEYS))})")
    name = table.get("name")
    if not isinstance(name, str) or not name.strip() or "\n" in name:
        raise UsageError(f"{at}: 'name' is not one line of text")
    flags = {key: table.get(key, False) for key in ("keeps", "balanced", "local", "setup", "shown")}
    for key, value in flags.items():
        if not isinstance(value, bool):
            raise UsageError(f"{at}: {key!r} is neither true nor false")
    moves = {role: _moves(table.get(role, []), role, f"{at}: {role}") for role in _ROLES}
    for role in ("acquire", "release"):
        if not moves[role]:
            raise UsageError(f"{at}: no {role!r}: needs at least one call")
    return Pair(
        name,
        keeps=flags["keeps"],
        balanced=flags["balanced"],
        local=flags["local"],
        setup=flags["setup"],
        shown=flags["shown"],
        **moves,
    )


def _moves(tables: object, role: str, at: str) -> tuple[Move, ...]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageError(f"{at}: not an array of tables with a 'call'")
    return tuple(_move(table, role, at) for table in tables)


def _move(table: Mapping[str, Any], role: str, at: str) -> Move:
    if unknown := sorted(table.keys() - _MOVE_KEYS):
        raise UsageError(f"{at}: unknown key {unknown[0]!r} (known: {', '.join(sorted(_MOVE_KEYS))})")
    call, place = table.get("call"), table.get("object", 1)
    kind, fails = table.get("type", ""), table.get("fails", "never")
    if not isinstance(call, str) or not _CALL.match(call):
        raise UsageError(f"{at}: 'call' is not a function name")
    if place == "process":
        place = PROCESS
    elif not isinstance(place, int) or isinstance(place, bool) or not RESULT <= place <= _MOST_ARGUMENTS:
        raise UsageError(
            f"{at}: {call}: 'object' is no argument (1 is the first, 0 the result) and not 'process'"
        )
    if place == RESULT and role != "acquire":
        raise UsageError(f"{at}: {call}: only an acquire returns its object")
    if not isinstance(kind, str):
        raise UsageError(f"{at}: {call}: 'type' is not a text")
    if fails not in FAILURES:
        raise UsageError(f"{at}: {call}: 'fails' is not one of {', '.join(FAILURES)}")
    if fails != "never" and role != "acquire":
        raise UsageError(f"{at}: {call}: only an acquire can fail")
    null = table.get("null", 0)
    if not isinstance(null, int) or isinstance(null, bool) or not 0 <= null <= _MOST_ARGUMENTS:
        raise UsageError(f"{at}: {call}: 'null' is no argument (1 is the first)")
    by = table.get("by", "")
    if not isinstance(by, str) or (by and (role != "acquire" or not _CALL.match(by))):
        raise UsageError(f"{at}: {call}: 'by' is no function that releases what the call acquires")
    return Move(call, place, kind, fails, null, by)
