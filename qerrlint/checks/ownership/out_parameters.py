# SPDX-License-Identifier: GPL-2.0-or-later
"""OutParameters: the functions that give their caller new memory through a parameter, by their bodies.

The body is read by its words, no path is followed: each place where the parameter stands must be understood.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from qerrlint.c.cut import Piece
from qerrlint.c.declarations.types import parse_signature
from qerrlint.c.surroundings import call_around, is_asked
from qerrlint.checks.ownership.bodies_elsewhere import MAKING, BodiesElsewhere
from qerrlint.checks.ownership.local_uses import is_storing
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.environment import Environment
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.function_text import FunctionText

# The call that an argument belongs to, by the bytes before it, where none of those before it is a call.
_CALLEE = lazy_re(rb"\b([a-z_]\w{1,80})[ \t]{0,9}\((?:[^;{}()]{0,200}[\s,]){0,1}\Z")
_LONGEST = 300
_DEEPEST = 4
_POINTER = lazy_re(r"(?!const\b|Error\b|GError\b).*\*\s?\*\Z")
_GIVEN = lazy_re(r"\s*=(?!=)\s*([^;]*);")
_STOLEN = lazy_re(r"g_steal_pointer\s*\(\s*&\s*(\w+)\s*\)\Z")
_GROWN = lazy_re(r"(?:\([\w\s*]{1,60}\)\s*)?(?:g_realloc|g_try_realloc|g_renew)\s*\(")
_PLAIN = lazy_re(r"[A-Za-z_]\w*\Z")
_PART = lazy_re(r"\s*\)\s*(?:->|\.|\[)")
_SIZE = lazy_re(r"\bsizeof\s*\(\s*\**\s*\(?\s*\Z")
_NEAR = 80
# What a function does with such a parameter at one place: it puts new memory or NULL there, looks at what is
# there, or asks about the parameter alone.
_MADE, _CLEARED, _READ, _ASKED, _UNKNOWN = "made", "cleared", "read", "asked", "unknown"


def is_out_parameter(kind: str) -> bool:
    """Whether a type is that of a parameter through which a function may give a pointer, but an Error."""
    return _POINTER.match(kind) is not None


class OutParameters:
    """What is known of the parameters of one tree's functions; each answer is worked out once."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._elsewhere = environment.once(BodiesElsewhere)
        self._known: dict[Any, Any] = {}
        self._under_way: set[tuple[str, str, int]] = set()

    def filled(self, unit: TranslationUnit, name: str) -> tuple[int, ...]:
        """The positions of a function's parameters, from 0 on, that it points to new memory which the
        caller has to free."""
        signature = unit.signature(name)
        kinds = [param.type for param in signature.params] if signature is not None else []
        outs = [position for position, kind in enumerate(kinds) if is_out_parameter(kind)]
        if signature is None or not outs:
            return ()
        texts = self._elsewhere.bodies(unit.path, name, signature)
        return tuple(at for at in outs if texts and all(self._fills_memory(text, at, 0) for text in texts))

    def fills(self, unit: TranslationUnit, piece: Piece, offset: int) -> bool:
        """Whether an argument, which begins at an offset of a function, is handed to a call that may point it
        to new memory."""
        called = _CALLEE.search(unit.data, max(offset - _LONGEST, piece.body), offset)
        if called is None:
            return False
        name = called[1].decode("latin-1")
        return self._environment.asked.recall(
            self._known, (unit.path, name), lambda: bool(self.filled(unit, name))
        )

    def _fills_memory(self, text: FunctionText, position: int, depth: int) -> bool:
        key = (text.path, text.name, position)
        if depth > _DEEPEST or key in self._under_way:
            return False
        self._under_way.add(key)
        try:
            return self._environment.asked.recall(
                self._known, (*key, depth), lambda: self._is_filled(text, position, depth)
            )
        finally:
            self._under_way.discard(key)

    def _is_filled(self, text: FunctionText, position: int, depth: int) -> bool:
        own = parse_signature(text.head.encode("latin-1", "replace"), text.path, text.head_start)
        if own is None or position >= len(own.params):
            return False
        name = own.params[position].name
        if not name or not is_out_parameter(own.params[position].type):
            return False
        seen: set[str] = set()
        for found in re.finditer(rf"(?<![\w.])(?<!->){re.escape(name)}\b", text.code):
            use = self._use(text, found.start(), found.end(), depth)
            # What is looked at before anything is put there is the caller's to begin with.
            if use == _UNKNOWN or (use == _READ and not seen):
                return False
            if use != _ASKED:
                seen.add(use)
        return _MADE in seen

    def _use(self, text: FunctionText, start: int, end: int, depth: int) -> str:
        """What a function does with the parameter at one of its places."""
        code = text.code
        before, after = code[max(start - _NEAR, 0) : start].rstrip(), code[end : end + _NEAR].lstrip()
        if not before.endswith("*"):
            return self._use_of_itself(text, start, before, after, depth)
        given = _GIVEN.match(code, end)
        if given is not None and before[:-1].rstrip().endswith((";", "{", "}", ")", "else", ":")):
            return self._value(text, given[1].strip(), given.start(), given.end())
        if _SIZE.search(before):
            return _ASKED
        if _PART.match(code, end) or is_asked(before[:-1].rstrip(), after):
            return _READ
        called = call_around(code, start)
        # What only looks at the memory leaves it to the caller; what keeps it as well may free it later.
        if called is None or not called[0].islower() or is_storing(called[0]):
            return _UNKNOWN
        return _READ

    def _use_of_itself(self, text: FunctionText, start: int, before: str, after: str, depth: int) -> str:
        """As _use(), of a place where the parameter itself stands and not what it points to."""
        if is_asked(before, after):
            return _ASKED
        called = call_around(text.code, start)
        if called is None:
            return _UNKNOWN
        name, position = called
        if name in ("if", "while", "assert", "g_assert", "sizeof"):
            return _ASKED
        bodies = self._elsewhere.bodies(text.path, name, self._environment.signature(name, text.path))
        filled = bool(bodies) and all(self._fills_memory(body, position, depth + 1) for body in bodies)
        return _MADE if filled else _UNKNOWN

    def _value(self, text: FunctionText, value: str, start: int, end: int) -> str:
        """What the caller gets by an assignment of a value, which ends at an offset."""
        if value in ("NULL", "0"):
            return _CLEARED
        if (MAKING.match(value) or _GROWN.match(value)) and value.endswith(")"):
            return _MADE
        stolen = _STOLEN.match(value)
        if stolen is not None:
            # Only the owner of a pointer can hand it on like this.
            owned = rf"\bg_auto(?:free\b|ptr\b)[^;]*\b{stolen[1]}\b"
            return _MADE if re.search(owned, text.code) else _UNKNOWN
        if not _PLAIN.match(value):
            return _UNKNOWN
        rest = replace(text, code=text.code[:start] + " " * (end - start) + text.code[end:])
        return _MADE if self._elsewhere.is_new(rest, value) else _UNKNOWN


def out_parameters(unit: TranslationUnit) -> OutParameters:
    """The OutParameters of the tree that a file belongs to, made once."""
    return unit.program.environment.once(OutParameters)
