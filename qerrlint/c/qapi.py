# SPDX-License-Identifier: GPL-2.0-or-later
"""The definitions of qapi/*.json, which is QAPI's commented dialect of JSON.

Expressions are Python-like literals of strings, lists and objects with `#` comments; that is how QEMU's own
generator reads them. Conditions (`if`) and features are ignored: a conditional member counts as present.
"""

from __future__ import annotations

import re

from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

_TOKEN = lazy_re(rb"#[^\n]*|'([^'\\\n]*(?:\\.[^'\\\n]*)*)'?|([{}\[\]:,])|(true|false)|\s+|(.)")
_DEFINITION = lazy_re(rb"^\{\s*'(enum|struct|union|alternate|command|event|type)'\s*:\s*'([^'\n]+)'", re.M)


@record(frozen=True, slots=True)
class QapiNames:
    """The names that one schema file defines, by kind."""

    kinds: dict[str, str]

    def kind(self, name: str) -> str | None:
        """enum, struct, union, alternate, command or event; None for a name not defined here."""
        return self.kinds.get(name)


def qapi_names(data: bytes) -> QapiNames:
    """The names that the schema text `data` defines."""
    return QapiNames({m[2].decode("latin-1"): m[1].decode("latin-1") for m in _DEFINITION.finditer(data)})


def qapi_constants(data: bytes, name: str) -> list[tuple[str, int]]:
    """The C constants of the enum `name` with their values, the count (NAME__MAX) last; [] if not defined."""
    members, prefix = _enum(data, name)
    if not members:
        return []
    out = [(constant_name(name, member, prefix), value) for value, member in enumerate(members)]
    return [*out, (f"{prefix or upper_case(name)}__MAX", len(members))]


@record(frozen=True, slots=True)
class QapiMember:
    """A member of a struct, or an argument of a command; the type of a list of T is "TList"."""

    name: str
    type: str
    optional: bool = False


@record(frozen=True, slots=True)
class QapiCommand:
    """A command: its arguments or the name of the struct that holds them, and the type of its result.

    `returns` is "" where there is no result. `boxed`: the struct is handed over as one pointer. `generated`:
    QAPI generates the prototype of its function. `sure` is False where a condition (`if`) or an unknown form
    of an argument leaves open what the arguments are.
    """

    arguments: tuple[QapiMember, ...] | str
    returns: str
    boxed: bool
    generated: bool
    sure: bool


def qapi_command(data: bytes, name: str) -> QapiCommand | None:
    """The command `name` of a schema; None where the schema defines none of that name."""
    found = _expression(data, "command", name)
    if not isinstance(found, dict):
        return None
    given = found.get("data", {})
    members = given if isinstance(given, str) else _members(given)
    return QapiCommand(
        arguments=members if members is not None else (),
        returns=_type_name(found.get("returns", "")) or "",
        boxed=found.get("boxed") is True,
        generated=found.get("gen") is not False,
        sure=members is not None,
    )


def qapi_members(data: bytes, struct: str) -> tuple[str, tuple[QapiMember, ...]] | None:
    """The base ("" for none) and the own members of a struct of a schema; None where they cannot be told."""
    found = _expression(data, "struct", struct)
    if not isinstance(found, dict):
        return None
    members, base = _members(found.get("data", {})), found.get("base", "")
    return (base, members) if members is not None and isinstance(base, str) else None


def _members(given: object) -> tuple[QapiMember, ...] | None:
    """The members of a `data` object; None where some of them depend on a condition or are not understood."""
    if not isinstance(given, dict):
        return None
    out = []
    for key, value in given.items():
        if isinstance(value, dict):
            if "if" in value:
                return None
            value = value.get("type")
        kind = _type_name(value)
        if not kind:
            return None
        out.append(QapiMember(key.lstrip("*"), kind, key.startswith("*")))
    return tuple(out)


def _type_name(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        return f"{value[0]}List"
    return None


def c_name(name: str) -> str:
    """A name of the schema as a C identifier (without what QAPI does for C's own words)."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


def _enum(data: bytes, name: str) -> tuple[list[str], str | None]:
    expression = _expression(data, "enum", name)
    if not isinstance(expression, dict):
        return [], None
    members = expression.get("data")
    out: list[str] = []
    for member in members if isinstance(members, list) else ():
        if isinstance(member, dict):
            member = member.get("name")
        if isinstance(member, str):
            out.append(member)
    prefix = expression.get("prefix")
    return out, prefix if isinstance(prefix, str) else None


def constant_name(enum: str, member: str, prefix: str | None = None) -> str:
    """The C constant of an enum's member: MigMode and cpr-transfer give MIG_MODE_CPR_TRANSFER."""
    return f"{prefix or upper_case(enum)}_{re.sub(r'[^A-Za-z0-9]', '_', member).upper()}"


def upper_case(name: str) -> str:
    """CamelCase to CAMEL_CASE as QAPI does it: a run of capitals is one word (QCryptoTLS: QCRYPTO_TLS)."""
    out = ""
    for at, char in enumerate(name):
        before = name[at - 1] if at else ""
        after = name[at + 1] if at + 1 < len(name) else ""
        starts = char.isupper() and at > 0 and before != "_"
        if starts and (before.islower() or before.isdigit() or (after.islower() and at > 1)):
            out += "_"
        out += char
    return out.replace("-", "_").upper()


def _expression(data: bytes, kind: str, name: str) -> object:
    pattern = rb"\{\s*'%s'\s*:\s*'%s'" % (re.escape(kind.encode()), re.escape(name.encode()))
    for m in re.finditer(pattern, data):
        line = data.rfind(b"\n", 0, m.start()) + 1
        if b"#" in data[line : m.start()]:
            continue
        return _Literal(data, m.start()).value()
    return None


class _Literal:
    """One literal of the schema, read from an offset on; damaged text ends it early."""

    def __init__(self, data: bytes, start: int) -> None:
        self._data = data
        self._at = start

    def _next(self) -> str:
        """The next token: a bracket, colon, comma or boolean as it is, a string after a quote mark."""
        while self._at < len(self._data):
            m = _TOKEN.match(self._data, self._at)
            if m is None:
                break
            self._at = m.end()
            if m[1] is not None:
                return "'" + m[1].decode("utf-8", "replace")
            for group in (m[2], m[3], m[4]):
                if group is not None:
                    return group.decode("latin-1")
        return ""

    def value(self, tok: str | None = None, depth: int = 0) -> object:
        tok = self._next() if tok is None else tok
        if depth > 40 or not tok:
            return None
        if tok.startswith("'"):
            return tok[1:]
        if tok in ("{", "["):
            return self._collection(tok, depth)
        return {"true": True, "false": False}.get(tok)

    def _collection(self, opening: str, depth: int) -> object:
        closing = "}" if opening == "{" else "]"
        items: list[object] = []
        pairs: dict[str, object] = {}
        while True:
            tok = self._next()
            if tok in (closing, ""):
                return pairs if opening == "{" else items
            if tok == ",":
                continue
            if opening == "[":
                items.append(self.value(tok, depth + 1))
            elif self._next() == ":":
                pairs[tok.lstrip("'")] = self.value(None, depth + 1)
