# SPDX-License-Identifier: GPL-2.0-or-later
"""Contracts: bundled declarations of QEMU's API for when there is no tree, and facts that no declaration has.

Prototypes are plain C in rules/contracts/*.h, read one by one when asked for: by the quick parser, or by
pycparser where the quick one fails (a test compares the two). Three files hold the ages of the blocker and
notifier API, the others what did not change from 7.2 to 11. The table facts.toml says which functions
consume, set or extend an Error, and which never return, in every tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from qerrlint.c.declarations.file import FileDeclarations, TypeName
from qerrlint.c.declarations.pycparser_signatures import canonical_signature
from qerrlint.c.declarations.types import Signature
from qerrlint.domain.effects import Effect, Outcome
from qerrlint.domain.word_lists import word_list
from qerrlint.errors import UsageError
from qerrlint.ir.code import ANY
from qerrlint.source.bundled import read_table, rules_folder

AGES = ("to-8.1", "8.2-to-10.1", "10.2-on")
NEWEST = AGES[-1]
_KEYS = frozenset(
    (
        "errp",
        "consumes",
        "how",
        "into",
        "clears",
        "keeps",
        "makes-error",
        "noreturn",
        "fails",
        "returns",
        "reason",
    )
)


class Contracts:
    """The bundled contracts; made by `load_contracts`."""

    def __init__(
        self,
        headers: Mapping[str, bytes],
        facts: Mapping[str, Mapping[str, Any]],
        slots: Mapping[str, Mapping[str, Any]] | None = None,
        recoverable: Mapping[str, Mapping[str, Any]] | None = None,
        statuses: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """`headers`: C text by the file's stem; `facts`: the rows of facts.toml by function; `slots`: those
        of function-pointer members, `recoverable` those of calls that fail for outer reasons, `statuses`
        those of calls whose result is the error number."""
        self._slots = slots or {}
        self._recoverable = recoverable or {}
        self._statuses = statuses or {}
        self._ages = {age: FileDeclarations(f"{age}.h", headers.get(age, b"")) for age in AGES}
        self._common = [FileDeclarations(f"{s}.h", d) for s, d in sorted(headers.items()) if s not in AGES]
        self._facts = facts
        self._effects: dict[str, Effect | None] = {}

    def contract(self, name: str, age: str = NEWEST) -> Signature | None:
        """The signature of an API function in an age of the API (one of AGES), or None.

        The age's own file wins over the common ones. Raises UsageError for an age that is none.
        """
        if age not in self._ages:
            raise UsageError(f"{age}: no age of the API (known: {', '.join(AGES)})")
        for declarations in (self._ages[age], *self._common):
            places = declarations.functions.get(name)
            if not places:
                continue
            found = declarations.signature(name)
            if found is not None:
                return replace(found, path=None, span=None)
            start = places[0][0]
            end = declarations.data.find(b";", start)
            return canonical_signature(declarations.data[start:end].decode("utf-8"))
        return None

    def names(self, age: str = NEWEST) -> tuple[str, ...]:
        """The functions that have a contract in an age, sorted."""
        found = {name for declarations in (self._ages[age], *self._common) for name in declarations.functions}
        return tuple(sorted(found))

    def type(self, name: str, age: str = NEWEST) -> TypeName | None:
        """A typedef or tag ("enum MigMode") of an age's file, or None."""
        return self._ages[age].types.get(name)

    def enumerators(self, name: str, age: str = NEWEST) -> tuple[tuple[str, int | None], ...]:
        """The constants of an enum of an age's file with their values; () if it has none of that name."""
        entry = self._ages[age].types.get(f"enum {name}")
        return self._ages[age].enumerators(entry) if entry is not None else ()

    def effect(self, name: str) -> Effect | None:
        """What facts.toml says a function does to Error objects, or None if it says nothing of that."""
        if name not in self._effects:
            row = self._facts.get(name)
            self._effects[name] = _effect(row) if row is not None else None
        return self._effects[name]

    def is_noreturn(self, name: str) -> bool:
        """Whether facts.toml says that the function never returns, or its name does."""
        return bool(self._facts.get(name, {}).get("noreturn")) or word_list("ends-the-program").matches(name)

    def fails(self, name: str) -> str | None:
        """How a function tells failure if not by the convention (true, error-only, negative or
        not-zero), else None."""
        found = self._facts.get(name, {}).get("fails")
        return str(found) if found is not None else None

    def returns(self, signature: Signature) -> int | None:
        """Index of the argument that a function of the signature returns when it fails, or None."""
        wanted = self._facts.get(signature.name, {}).get("returns")
        names = [param.name for param in signature.params]
        return names.index(wanted) if wanted in names else None

    def tolerates_unset(self, member: str) -> bool:
        """Whether the caller of a function-pointer member copes with a failure without an Error."""
        return member in self._slots

    def allows_unset(self, member: str) -> bool:
        """Whether the contract of a function-pointer member allows a failure without an Error."""
        return bool(self._slots.get(member, {}).get("contract"))

    def forbids(self, name: str, ending: str) -> str | None:
        """Where &error_abort (`ending` "abort") or &error_fatal ("fatal") is wrong for a callee: "any",
        "errp", "instance-init"; None where it is not."""
        found = self._recoverable.get(name, {}).get(ending)
        return str(found) if found is not None else None

    def returns_errno(self, name: str) -> bool:
        """Whether the function's result is the error number, so that errno itself is not promised."""
        return name in self._statuses

    def only_answers(self, name: str) -> bool:
        """Whether the result is 1 or 0, made of the error number of a call below."""
        return bool(self._statuses.get(name, {}).get("answers"))

    def reason(self, name: str) -> str:
        """Why facts.toml has a row for the function; "" if it has none."""
        return str(self._facts.get(name, {}).get("reason", ""))


def _effect(row: Mapping[str, Any]) -> Effect | None:
    if row.get("noreturn"):
        return Effect(noreturn=True)
    if not row.keys() & {"errp", "consumes", "clears", "keeps", "makes-error"}:
        return None
    setter = "errp" in row
    return Effect(
        errp=row.get("errp"),
        outcomes=(Outcome(ANY, True),) if setter else (),
        evidence="setter" if setter else "signature",
        consumes=row.get("consumes"),
        how=row.get("how", ""),
        into=row.get("into"),
        clears=row.get("clears"),
        makes_error=bool(row.get("makes-error")),
        keeps=bool(row.get("keeps")),
    )


@lru_cache(maxsize=4)
def load_contracts(folder: str | None = None) -> Contracts:
    """The contracts of `folder`, or the bundled ones; loaded once.

    Raises UsageError naming the file when facts.toml is missing, no TOML, or has a key that is not known.
    """
    base = Path(folder) if folder is not None else rules_folder() / "contracts"
    table = base / "facts.toml"
    rows = read_table(table, "contracts")
    facts, slots, recoverable, statuses = (
        rows.get("function", {}),
        rows.get("slot", {}),
        rows.get("recoverable", {}),
        rows.get("status", {}),
    )
    try:
        headers = {
            entry.name[:-2]: entry.read_bytes() for entry in base.iterdir() if entry.name.endswith(".h")
        }
    except OSError as error:
        raise UsageError(f"{base}: contracts cannot be read: {error.strerror}") from None
    if not isinstance(facts, dict):
        raise UsageError(f"{table}: [function.NAME] tables are wanted")
    for name, row in facts.items():
        unknown = sorted(set(row) - _KEYS) if isinstance(row, dict) else ["not a table"]
        if unknown or not row.get("reason"):
            what = f"unknown key {unknown[0]!r}" if unknown else "no reason given"
            raise UsageError(f"{table}: [function.{name}]: {what}")
    return Contracts(headers, facts, slots, recoverable, statuses)
