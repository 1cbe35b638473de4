# SPDX-License-Identifier: GPL-2.0-or-later
"""Receivers: which function type a call through a pointer has, by the declared types of what it goes through.

`s->ops->start(...)` is resolved from the type of the variable `s` through the structs that the file sees. The
text of an expression is as the front end gives it, without blanks. What cannot be told gives None; nothing is
guessed from the name of a member alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from qerrlint.c.declarations.types import Declared, Signature, parse_declared
from qerrlint.c.lexis import split_at_commas
from qerrlint.domain.casts import AROUND
from qerrlint.ir.code import Call
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.environment import Environment
from qerrlint.model.types_in_scope import declared_type

_NAME = lazy_re(r"[A-Za-z_]\w*\Z")
# What a cast macro casts to (include/qom/object.h).
_CASTS_TO = lazy_re(r"\b(?:OBJECT_CHECK|OBJECT_CLASS_CHECK|OBJECT_GET_CLASS|INTERFACE_CHECK)\s*\(\s*(\w+)")
_CAST = lazy_re(r"\((?:const)?(?:struct|union)?(\w+?)(\*+)(?:const)?\)(?=[A-Za-z_(&*])")
_INDEX = lazy_re(r" ?\[[^\]]*\]")
# The place of the name in the type text of a function pointer, or of an array of such.
_POINTER = lazy_re(r"\(\*(?:const)?\s*(?:\[[^\]]*\])*\)")
_OPENING = {")": "(", "]": "["}
# Expressions nest, and typedefs stand for typedefs, at most this deep.
_DEEPEST = 12


class Receivers:
    """Types of expressions in one file; `data` is the file, `path` its name in the tree."""

    def __init__(self, environment: Environment, path: str, data: bytes) -> None:
        self._environment = environment
        self._path = path
        self._data = data
        self._variables: dict[str, str] = {}
        self._members: dict[tuple[str, str], Declared | None] = {}

    def called(self, call: Call, variables: Mapping[str, str]) -> Signature | None:
        """The signature of the function that a call through a pointer calls.

        `variables` are the types of the locals and parameters in scope, by name. The text of the call is
        looked at first, for the front end leaves casts out of the callee's path.
        """
        written, arguments = _split(call.text)
        texts = (written, call.name) if arguments.startswith("(") else (call.name,)
        found = (self.signature(text, variables) for text in dict.fromkeys(texts))
        return next((signature for signature in found if signature is not None), None)

    def signature(self, expression: str, variables: Mapping[str, str]) -> Signature | None:
        """The signature of the function that an expression points to, or None."""
        return self._signature(self._declared(expression, variables, 0))

    def type_of(self, expression: str, variables: Mapping[str, str]) -> str:
        """The type of an expression, as its declaration gives it; "" where it is not known."""
        return self._type(expression, variables, 0)

    def _signature(self, declared: Declared | None) -> Signature | None:
        if declared is None or declared.signature is not None:
            return declared.signature if declared is not None else None
        text, pointers = _POINTER.subn("(*called)", declared.type, count=1)
        if pointers:
            return next((found.signature for found in parse_declared(text)), None)
        name = _bare(_INDEX.sub("", declared.type))
        return self._environment.callback_signature(name, self._path) if _NAME.match(name) else None

    def _type(self, text: str, variables: Mapping[str, str], depth: int) -> str:
        declared = self._declared(text, variables, depth + 1)
        return declared.type if declared is not None else ""

    def _declared(self, text: str, variables: Mapping[str, str], depth: int) -> Declared | None:
        """What an expression is, as if it were a variable of that type."""
        if depth > _DEEPEST or not text:
            return None
        if text.startswith("*"):
            return _object(self._pointee(self._type(text[1:], variables, depth)))
        if text.startswith("&"):
            inner = self._type(text[1:], variables, depth)
            return _object(f"{inner} *" if inner else "")
        cast = _CAST.match(text)
        if cast is not None:
            return _object(f"{cast[1]} {cast[2]}")
        head, last = _split(text)
        if last.startswith(("->", ".")):
            return self._member(self._type(head, variables, depth), last.lstrip("->."))
        if last.startswith("["):
            return _object(self._pointee(self._type(head, variables, depth)))
        if last.startswith("("):
            inside = last[1:-1]
            return self._result(head, inside) if head else self._declared(inside, variables, depth + 1)
        return _object(variables.get(text) or self._variable(text))

    def _result(self, function: str, arguments: str) -> Declared | None:
        """What a call gives: a cast macro its type, a function what it is declared to return."""
        if function in AROUND:
            _, position = AROUND[function]
            given = split_at_commas(arguments)
            return _object(f"{given[position]} *" if position < len(given) else "")
        signature = self._environment.signature(function, self._path)
        if signature is not None:
            return _object(signature.returns)
        macro = self._environment.macro(function, self._path)
        found = _CASTS_TO.search(macro.body) if macro is not None else None
        return _object(f"{found[1]} *" if found is not None else "")

    def _member(self, of: str, name: str) -> Declared | None:
        struct = _bare(_INDEX.sub("", of))
        if not struct:
            return None
        if (struct, name) not in self._members:
            member = self._environment.member(struct, name, self._path)
            if member is None and _NAME.match(struct):
                member = self._environment.member(f"struct {struct}", name, self._path)
            self._members[struct, name] = member
        return self._members[struct, name]

    def _pointee(self, of: str) -> str:
        """The type behind a pointer, or that of an array's elements; "" for anything else."""
        for _ in range(_DEEPEST):
            if _INDEX.search(of):
                return _INDEX.sub("", of, count=1)
            if of.endswith("*"):
                return of[:-1].rstrip()
            entry = self._environment.typedef(of.removeprefix("const "), self._path) if of else None
            if entry is None or entry.kind != "alias" or entry.target == of:
                return ""
            of = entry.target
        return ""

    def _variable(self, name: str) -> str:
        """The type of a variable that the file or a header declares outside of functions; "" for none."""
        if name not in self._variables:
            found = ""
            if _NAME.match(name):
                found = declared_type(self._data, name)
                found = found or self._environment.variable_type(name, self._path)
            self._variables[name] = found
        return self._variables[name]


def _object(text: str) -> Declared | None:
    return Declared("", text, "object") if text else None


def _bare(text: str) -> str:
    """The name of a type without pointers and qualifiers."""
    return text.rstrip(" *").removeprefix("const ").removesuffix(" const")


def _split(text: str) -> tuple[str, str]:
    """An expression and its last part: `->member`, `.member`, `[index]` or `(arguments)`; "" for a name."""
    if text[-1:] in _OPENING:
        at = _opening(text)
        return (text[:at], text[at:]) if at >= 0 else (text, "")
    at = len(text)
    while at and (text[at - 1].isalnum() or text[at - 1] == "_"):
        at -= 1
    if text[:at].endswith("->"):
        return text[: at - 2], text[at - 2 :]
    if text[:at].endswith("."):
        return text[: at - 1], text[at - 1 :]
    return text, ""


def _opening(text: str) -> int:
    """The place of the bracket that the last character closes; -1 if it is not there."""
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        if text[at] in ")]":
            depth += 1
        elif text[at] in "([":
            depth -= 1
            if not depth:
                return at if text[at] == _OPENING[text[-1]] else -1
    return -1
