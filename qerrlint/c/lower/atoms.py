# SPDX-License-Identifier: GPL-2.0-or-later
"""Atoms: names, numbers and other expressions without parts to values; knows how C spells constants."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qerrlint.c.lower.texts import Texts
from qerrlint.ir.code import ANY, FALSE, NEG, NULL, POS, TRUE, ZERO, Const, Str, Value, Var

if TYPE_CHECKING:
    from tree_sitter import Node

_NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)(?=[uUlL]*$)")
_ERRNO = re.compile(r"E[A-Z0-9]{2,}$")
_CONSTANT = re.compile(r"_*[A-Z][A-Z0-9_]*$")


class Atoms(Texts):
    """Lowers what has no expression inside; emits nothing."""

    def _identifier(self, node: Node, _used: bool) -> Value:
        name = self.raw(node)
        if name == "NULL":
            return NULL
        if name in ("true", "TRUE"):
            return TRUE
        if name in ("false", "FALSE"):
            return FALSE
        if name in self.out.locals:
            return Var(name)
        if _ERRNO.match(name):
            return Const(name, POS)
        number = self._constant_value(name) if self._constant_value is not None else None
        if number is not None:
            return Const(name, NEG if number < 0 else POS if number else ZERO, number)
        return Const(name, ANY) if _CONSTANT.match(name) else Var(name)

    def _number(self, node: Node, _used: bool) -> Value:
        text = self.raw(node)
        negative = text.startswith("-")  # the grammar takes the sign of a literal into it
        found = _NUMBER.match(text.lstrip("-"))
        if found is None:
            return Const(text, ANY)
        digits = found.group()
        octal = digits.startswith("0") and digits.isdigit() and len(digits) > 1
        try:
            number = int(digits, 8) if octal else int(digits, 0)
        except ValueError:
            return Const(text, ANY)
        if negative and number:
            return Const(text, NEG, -number)
        return Const(text, POS if number else ZERO, number)

    def _string(self, node: Node, _used: bool) -> Value:
        return Str(self.raw(node))

    def _constant(self, node: Node, _used: bool) -> Value:
        kind = node.type
        if kind in ("null", "true", "false"):
            return {"null": NULL, "true": TRUE, "false": FALSE}[kind]
        return Const(self.text(node), POS if kind == "sizeof_expression" else ANY)
