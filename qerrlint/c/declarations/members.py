# SPDX-License-Identifier: GPL-2.0-or-later
"""Members and enumerators: what stands between the braces of one struct, union or enum."""

from __future__ import annotations

from collections.abc import Iterator

from qerrlint.c.declarations.tokens import tokens
from qerrlint.c.declarations.types import Declared, declared_by
from qerrlint.lazy_patterns import lazy_re

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_SHIFT = lazy_re(r"\(?\s*1\s*[uUlL]*\s*<<\s*(\d{1,3})\s*\)?\Z")
_BIT = lazy_re(r"BIT(?:_ULL)?\s*\(\s*(\d{1,3})\s*\)\Z")
_WORDS_APART = lazy_re(r"(\w)\0(?=\w)")
# Unnamed structs inside of each other are read so deep; no type holds a number of so many digits.
_DEEPEST = 8
_LONGEST_NUMBER = 80


def parse_members(body: str) -> tuple[Declared, ...]:
    """The members of a struct or union whose body (without the outer braces) is `body`, in order.

    Members of unnamed inner structs and unions are taken for members of the outer one; a named inner
    struct is one member of the type "struct". Members that macros declare are left out.
    """
    return _members(tokens(body), 0)


def _members(toks: list[str], level: int) -> tuple[Declared, ...]:
    out: list[Declared] = []
    start = at = 0
    inner: tuple[int, int] | None = None
    depth = 0
    while at < len(toks):
        tok = toks[at]
        if tok in _CLOSING:
            if tok == "{" and not depth:
                inner = (at + 1, at + 1)
            depth += 1
        elif tok in (")", "]", "}"):
            depth -= 1
            if tok == "}" and not depth and inner is not None:
                inner = (inner[0], at)
        elif tok == ";" and depth <= 0:
            out.extend(_member(toks[start : at + 1], start, inner, level))
            start, inner, depth = at + 1, None, 0
        at += 1
    return tuple(out)


def _member(toks: list[str], start: int, inner: tuple[int, int] | None, level: int) -> tuple[Declared, ...]:
    """The members that one declaration declares; `inner` is the place of its braces' inside, which like
    `start` counts from the first token of the whole body."""
    if inner is None:
        return declared_by(toks[:-1])
    opening, closing = inner[0] - start, inner[1] - start
    behind = [tok for tok in toks[closing + 1 : -1] if tok[0].isalpha() or tok[0] == "_"]
    kind = "enum" if "enum" in toks[:opening] else "struct"
    names = [tok for tok in behind if not tok.isupper()]
    if not names and kind == "struct":
        return _members(toks[opening:closing], level + 1) if level < _DEEPEST else ()
    return tuple(Declared(name, kind, "object") for name in names[-1:])


def _enumerator_parts(body: str) -> Iterator[list[str]]:
    """The tokens of each constant of an enum's body: its name, and what stands after it up to the comma."""
    part: list[str] = []
    depth = 0
    for tok in [*tokens(body), ","]:
        if tok in _CLOSING:
            depth += 1
        elif tok in (")", "]", "}"):
            depth -= 1
        if tok != "," or depth > 0:
            part.append(tok)
            continue
        if part and (part[0][0].isalpha() or part[0][0] == "_"):
            yield part
        part = []


def parse_enumerators(body: str) -> tuple[tuple[str, int | None], ...]:
    """The constants of an enum's body in order, with values where they are plain numbers.

    Understood are numbers, `1 << n`, BIT(n) and names of earlier constants;
    any other value is None, and so are the ones that count on from it.
    """
    out: list[tuple[str, int | None]] = []
    values: dict[str, int | None] = {}
    current: int | None = -1
    for part in _enumerator_parts(body):
        if len(part) > 2 and part[1] == "=":
            current = _value(part[2:], values)
        else:
            current = None if current is None else current + 1
        values[part[0]] = current
        out.append((part[0], current))
    return tuple(out)


def enumerator_texts(body: str) -> dict[str, tuple[str, int]]:
    """For each constant of an enum's body the expression that it counts on from, and how far it is after it.

    The constants before the first expression count on from "0".
    """
    out: dict[str, tuple[str, int]] = {}
    base, behind = "0", -1
    for part in _enumerator_parts(body):
        if len(part) > 2 and part[1] == "=":
            base, behind = _WORDS_APART.sub(r"\1 ", "\0".join(part[2:])).replace("\0", ""), 0
        else:
            behind += 1
        out[part[0]] = (base, behind)
    return out


def _value(toks: list[str], known: dict[str, int | None]) -> int | None:
    if len(toks) == 1 and toks[0] in known:
        return known[toks[0]]
    text = "".join(toks)
    if len(text) > _LONGEST_NUMBER:
        return None
    try:
        return int(text.rstrip("uUlL"), 0)
    except ValueError:
        pass
    found = _SHIFT.match(text) or _BIT.match(text)
    return 1 << int(found.group(1)) if found and int(found.group(1)) < 256 else None
