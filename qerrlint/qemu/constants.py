# SPDX-License-Identifier: GPL-2.0-or-later
"""Constants: the numbers and strings that expressions come to, by the tree's own macros and enums.

Values are those of a 64-bit host. REG8() to REG64() of hw/core/registerfields.h are known: they define the
enumerators A_NAME and R_NAME.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache

from qerrlint.c.declarations.file import Macro
from qerrlint.c.expansion import TooMuchError, expanded
from qerrlint.c.expressions.arithmetic import NotUnderstoodError, Numbers, evaluate
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.environment import Environment
from qerrlint.model.lookups import Lookups

_STRINGS = lazy_re(r'(?:\s*"[^"\\]*(?:\\.[^"\\]*)*")+\s*')
_LITERAL = lazy_re(r'"([^"\\]*(?:\\.[^"\\]*)*)"')
_SIZEOF = lazy_re(r"\bsizeof\s*\(([^()]*)\)")
_REGISTER = lazy_re(
    rb"^[ \t]*REG(8|16|32|64)\(\s*(\w+)\s*,\s*([^\n]*?)\)[ \t]*;?[ \t]*(?:/[*/][^\n]*)?$", re.M
)
# Macros of the system's headers that leave their argument as it is.
_SAME = frozenset({"INT64_C", "UINT64_C", "UINT32_C", "INT32_C", "UINT16_C", "UINT8_C", "UINTMAX_C"})
# Names that nest deeper stand for each other in a circle.
_DEEPEST = 24


@lru_cache(maxsize=64)
def registers_of(data: bytes) -> dict[bytes, tuple[int, str]]:
    """The registers that a file names by REG8() and kin (hw/registerfields.h): width in bits, address."""
    found: dict[bytes, tuple[int, str]] = {}
    for one in _REGISTER.finditer(data) if b"REG" in data else ():
        found.setdefault(one[2], (int(one[1]), one[3].decode("latin-1")))
    return found


# FIELD() of include/hw/core/registerfields.h defines R_REG_FIELD_SHIFT, _LENGTH and _MASK.
_FIELD = lazy_re(rb"^[ \t]*(?:SHARED_)?FIELD\(([^()]*(?:\([^()]*\)[^()]*)*)\)", re.MULTILINE)


@lru_cache(maxsize=64)
def fields_of(data: bytes) -> dict[str, tuple[str, str]]:
    """The fields that a file names by FIELD(), as REG_FIELD: the texts of their shift and length."""
    found: dict[str, tuple[str, str]] = {}
    for one in _FIELD.finditer(data) if b"FIELD(" in data else ():
        parts = [part.strip() for part in one[1].decode("latin-1").split(",")]
        if len(parts) == 4:
            found.setdefault(f"{parts[0]}_{parts[1]}", (parts[2], parts[3]))
    return found


class Constants:
    """Evaluates expressions as seen from one file. `size_of` gives the size of a type in bytes, if known."""

    def __init__(
        self, environment: Environment, path: str, size_of: Callable[[str], int | None] | None = None
    ) -> None:
        self._environment = environment
        self._path = path
        self._size_of = size_of
        self._numbers: dict[str, int | None] = {}
        self._looked_up: dict[str, Lookups] = {}
        self._strings: dict[str, tuple[str | None, Lookups]] = {}
        self._depth = 0

    def number(self, text: str) -> int | None:
        """The number that an expression comes to; None where it is not constant, or not known."""
        asked = self._environment.asked
        if text in self._numbers:
            asked.now.parts.add(self._looked_up[text])
            return self._numbers[text]
        outer = asked.begin()
        self._numbers[text] = None  # what stands for itself has no value
        self._looked_up[text] = asked.now
        try:
            with suppress(NotUnderstoodError, ValueError, OverflowError):
                (self._numbers[text],) = evaluate(self._with_sizes(text), self)
        finally:
            asked.end(outer)
        return self._numbers[text]

    def string(self, text: str) -> str | None:
        """The string that an expression of literals and macros comes to; None where it is not known."""
        return self._environment.asked.recall(self._strings, text, lambda: self._string(text))

    def macro(self, name: str) -> Macro | None:
        """The #define of a name that the file sees."""
        return self._environment.macro(name, self._path)

    def _string(self, text: str) -> str | None:
        try:
            whole = expanded(text, self.macro)
        except TooMuchError:
            return None
        whole = whole.strip()
        while whole.startswith("(") and whole.endswith(")"):
            whole = whole[1:-1].strip()
        # MACHINE_TYPE_NAME("x") and kin put parentheses round a part.
        whole = re.sub(r"[()]", " ", whole) if '"' in whole and "(" not in _LITERAL.sub("", whole) else whole
        whole = re.sub(r"\(((?:\s*\"[^\"]*\")+)\s*\)", r" \1 ", whole)
        if not _STRINGS.fullmatch(whole):
            return None
        return "".join(_LITERAL.findall(whole))

    def _with_sizes(self, text: str) -> str:
        if "sizeof" not in text:
            return text

        def size(found: re.Match[str]) -> str:
            known = self._size_of(found[1].strip()) if self._size_of is not None else None
            return str(known) if known is not None else found[0]

        return _SIZEOF.sub(size, text)

    # -- the names of an expression (expressions.arithmetic.Names) --

    def value(self, path: str) -> Numbers:
        """The value of a name; raises NotUnderstoodError."""
        if not path.isidentifier():
            raise NotUnderstoodError(f"`{path}` is no constant")
        self._depth += 1
        try:
            number = self._named(path) if self._depth < _DEEPEST else None
        finally:
            self._depth -= 1
        if number is None:
            raise NotUnderstoodError(f"`{path}` is no constant")
        return frozenset({number})

    def result(self, name: str, args: Sequence[str]) -> Numbers:
        """What a function-like macro comes to; raises NotUnderstoodError."""
        if name in _SAME and len(args) == 1:
            return evaluate(args[0], self)
        macro = self.macro(name)
        if macro is None or macro.params is None or self._depth >= _DEEPEST:
            raise NotUnderstoodError(f"`{name}` is no macro")
        self._depth += 1
        try:
            text = expanded(f"{name}({', '.join(args)})", lambda word: macro if word == name else None)
            if text.startswith(f"{name}("):
                raise NotUnderstoodError(f"`{name}` is no plain macro")
            return evaluate(self._with_sizes(text), self)
        except TooMuchError:
            raise NotUnderstoodError(f"`{name}` is expanded too often") from None
        finally:
            self._depth -= 1

    def _named(self, name: str) -> int | None:
        macro = self.macro(name)
        if macro is not None:
            # A comment after the body may run on over the next lines.
            body = macro.body.partition("/*")[0].strip()
            return self.number(body) if macro.params is None and body != name else None
        return self._enumerator(name)

    def _enumerator(self, name: str) -> int | None:
        declaring = self._environment.declaring_constant(name, self._path)
        register = name[2:].encode("latin-1", "replace") if name[:2] in ("R_", "A_") else b""
        self._environment.asked.see(f"e:{name}", self._path)
        for declarations in self._environment.types.seen(self._path) if register else ():
            if declarations is declaring:
                break
            data = declarations.data
            if register in data and register in (registers := registers_of(data)):
                bits, text = registers[register]
                address = self.number(text)
                divisor = bits // 8 if name[0] == "R" else 1
                return address // divisor if address is not None else None
        if declaring is None:
            return None
        known = declaring.constants[name]
        return known if known is not None else self._computed(declaring.enumerator_text(name))

    def _computed(self, given: tuple[str, int] | None) -> int | None:
        if given is None:
            return None
        base = self.number(given[0])
        return base + given[1] if base is not None else None
