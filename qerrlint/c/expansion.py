# SPDX-License-Identifier: GPL-2.0-or-later
"""Macro expansion of a short text: arguments, `#`, `##`, variable arguments, rescanning. No directives."""

from __future__ import annotations

import re
from collections.abc import Callable

from qerrlint.c.declarations.file import Macro
from qerrlint.lazy_patterns import lazy_re

Lookup = Callable[[str], "Macro | None"]

_TOKEN = lazy_re(
    r'"[^"\\]*(?:\\.[^"\\]*)*"?|\'[^\'\\]*(?:\\.[^\'\\]*)*\'?|[A-Za-z_]\w*|\d[\w.]*|##|\s+|[^\s\w]', re.S
)
# Limits for hostile text: expansions of real macros stay far below.
_MOST_TOKENS = 20_000
_DEEPEST = 24


class TooMuchError(Exception):
    """The expansion does not end within its bounds."""


def expanded(text: str, lookup: Lookup) -> str:
    """`text` with every macro expanded that `lookup` knows; raises TooMuchError."""
    return "".join(_Expander(lookup).run(_TOKEN.findall(text), frozenset(), 0))


def applied(macro: Macro, arguments: list[str], lookup: Lookup) -> str:
    """The body of a function-like macro with these arguments put in, and expanded; raises TooMuchError."""
    expander = _Expander(lookup)
    body = expander.substituted(macro, [_TOKEN.findall(text) for text in arguments], frozenset(), 0)
    return "".join(expander.run(body, frozenset({macro.name}), 1))


def split_arguments(tokens: list[str]) -> list[list[str]]:
    """The arguments between the parentheses of an invocation."""
    out: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token in "([{") - (token in ")]}")
        if token == "," and not depth:
            out.append([])
        else:
            out[-1].append(token)
    return out


class _Expander:
    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._left = _MOST_TOKENS

    def run(self, tokens: list[str], busy: frozenset[str], depth: int) -> list[str]:
        """The tokens fully expanded; names in `busy` are not expanded again."""
        if depth > _DEEPEST:
            raise TooMuchError
        out: list[str] = []
        todo = [(token, busy) for token in reversed(tokens)]
        while todo:
            token, hidden = todo.pop()
            self._left -= 1
            if self._left < 0:
                raise TooMuchError
            known = token[0].isalpha() or token[0] == "_"
            macro = self._lookup(token) if known and token not in hidden else None
            if macro is None:
                out.append(token)
                continue
            arguments: list[list[str]] = []
            if macro.params is not None:
                taken = self._invocation(todo)
                if taken is None:
                    out.append(token)
                    continue
                arguments = taken
            body = self.substituted(macro, arguments, hidden, depth)
            inner = hidden | {token}
            todo += [(one, inner) for one in reversed(body)]
        return out

    @staticmethod
    def _invocation(todo: list[tuple[str, frozenset[str]]]) -> list[list[str]] | None:
        """The arguments that follow, taken off `todo`; None where no parenthesis follows or closes."""
        at = len(todo) - 1
        while at >= 0 and todo[at][0].isspace():
            at -= 1
        if at < 0 or todo[at][0] != "(":
            return None
        depth = 1
        inside: list[str] = []
        at -= 1
        while at >= 0:
            token = todo[at][0]
            depth += (token == "(") - (token == ")")
            if not depth:
                del todo[at:]
                return split_arguments(inside)
            inside.append(token)
            at -= 1
        return None

    def substituted(
        self, macro: Macro, arguments: list[list[str]], busy: frozenset[str], depth: int
    ) -> list[str]:
        """The tokens of a macro's body with the arguments put in; not yet rescanned."""
        values = self._values(macro, arguments)
        body = list(_TOKEN.findall(macro.body))
        out: list[str] = []
        at = 0
        while at < len(body):
            token = body[at]
            if token == "##":
                while out and out[-1].isspace():
                    out.pop()
                at += 1
                while at < len(body) and body[at].isspace():
                    at += 1
                if at < len(body):
                    pasted = values.get(body[at], [body[at]])
                    pasted = _stripped(pasted)
                    if out and pasted and _is_word(out[-1]) and _is_word(pasted[0]):
                        out[-1] += pasted[0]
                        pasted = pasted[1:]
                    elif out and out[-1] == "," and not pasted:
                        out.pop()
                    out += pasted
            elif token == "#" and macro.params is not None:
                at += 1
                while at < len(body) and body[at].isspace():
                    at += 1
                text = "".join(_stripped(values.get(body[at], []))) if at < len(body) else ""
                out.append('"' + text.replace('"', '\\"') + '"')
            elif token in values:
                raw = values[token]
                following = next((one for one in body[at + 1 :] if not one.isspace()), "")
                out += _stripped(raw) if following == "##" else self.run(raw, busy, depth + 1)
            else:
                out.append(token)
            at += 1
        return out

    @staticmethod
    def _values(macro: Macro, arguments: list[list[str]]) -> dict[str, list[str]]:
        params = macro.params or ()
        values: dict[str, list[str]] = {}
        for position, name in enumerate(params):
            if name.endswith("..."):
                rest: list[str] = []
                for number, argument in enumerate(arguments[position:]):
                    rest += [",", *argument] if number else argument
                values[name[:-3].strip() or "__VA_ARGS__"] = rest
            else:
                values[name] = arguments[position] if position < len(arguments) else []
        return values


def _is_word(token: str) -> bool:
    return token[0].isalnum() or token[0] == "_"


def _stripped(tokens: list[str]) -> list[str]:
    first, last = 0, len(tokens)
    while first < last and tokens[first].isspace():
        first += 1
    while last > first and tokens[last - 1].isspace():
        last -= 1
    return tokens[first:last]
