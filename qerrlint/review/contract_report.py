# SPDX-License-Identifier: GPL-2.0-or-later
"""The contracts that a change alters, for reviewers: what is new, who calls, who was adapted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from qerrlint.model.program import Program
from qerrlint.result import ReportedCaller, ReportedContract
from qerrlint.review.scope import ContractChange, is_c

# In more files than these callers are not counted: a name of this kind is no function of the change alone.
_FILES = 400


def contract_report(
    after: Program,
    contracts: Sequence[ContractChange],
    changed: frozenset[tuple[str, str]],
    mentioning: Sequence[str],
) -> tuple[ReportedContract, ...]:
    """One entry a function, sorted by path and line; `changed` are (path, function) of altered texts,
    `mentioning` the files in which one of the functions is named.

    A caller is a function that mentions the name, in whatever file; in one that defines a static function of
    the name it means that one.
    """
    by_name: dict[str, list[ContractChange]] = {}
    for contract in contracts:
        by_name.setdefault(contract.name, []).append(contract)
    if not by_name:
        return ()
    files = [path for path in mentioning if is_c(path)]
    callers = _callers(after, files[:_FILES], by_name) if len(files) <= _FILES else {}
    out = []
    for name, several in by_name.items():
        # The definition says more than the prototype in a header.
        first = next((one for one in several if not one.where.endswith(".h")), several[0])
        what = dict.fromkeys(text for one in [first, *several] for text in (one.what, *one.also))
        mine = callers.get(name, [])
        left = tuple(caller for caller in mine if (caller.path, caller.function) not in changed)
        short = tuple(text.removeprefix(f"{name}() ") for text in what)
        counted = len(mine) if len(files) <= _FILES else None
        out.append(ReportedContract(name, first.where, first.line, short, counted, left))
    return tuple(sorted(out, key=lambda one: (one.path, one.line, one.name)))


def _callers(after: Program, files: Iterable[str], names: Iterable[str]) -> dict[str, list[ReportedCaller]]:
    """The functions that mention each name, in order of their files and lines."""
    found: dict[str, list[ReportedCaller]] = {}
    word = re.compile(rb"\b(?:" + b"|".join(re.escape(name.encode()) for name in names) + rb")\b")
    for path in files:
        for name, caller in _in_file(after, path, word):
            found.setdefault(name, []).append(caller)
    return found


def _in_file(after: Program, path: str, word: re.Pattern[bytes]) -> Iterator[tuple[str, ReportedCaller]]:
    unit = after.unit(path)
    if unit is None:
        return
    for piece in unit.definitions.functions:
        said = {match.decode() for match in word.findall(unit.data, piece.body, piece.span.end)}
        line, _ = unit.text.lines.position(piece.span.start)
        for name in sorted(said):
            own = name in unit.functions and unit.is_static(name)
            if not own and name != piece.name:
                yield name, ReportedCaller(path, line, piece.name)
