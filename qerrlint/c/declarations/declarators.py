# SPDX-License-Identifier: GPL-2.0-or-later
"""The tokens of one C declaration, read by recursive descent; attributes are skipped, no type is resolved."""

from __future__ import annotations

from functools import lru_cache

from qerrlint.c.declarations.tokens import is_attribute, says_noreturn
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record


@record(frozen=True, slots=True)
class Param:
    """One parameter: its name ("" if it has none) and its canonical type."""

    name: str
    type: str


_STORAGE = frozenset({"static", "extern", "typedef"})
_BUILTIN = frozenset(
    [
        "void",
        "char",
        "short",
        "int",
        "long",
        "float",
        "double",
        "signed",
        "unsigned",
        "_Bool",
        "__int128",
        "_Complex",
        "__signed__",
    ]
)
_TAGGED = frozenset({"struct", "union", "enum"})
# A macro that yields a type has no more tokens in its argument list.
_MACRO_TYPE = 64
_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")
_NAME = lazy_re(r"[A-Za-z_]\w*\Z")


class NotADeclarationError(Exception):
    """The tokens do not form the declaration that was expected."""


# A derivation step, read from the declared name outwards: ("*", qualifier), ("[]", size) or ("()", ...).
Op = tuple[str, str, tuple[Param, ...], bool]


class Reader:
    """Recursive descent over the tokens of one declaration."""

    __slots__ = ("at", "const", "end", "noreturn", "storage", "toks")

    def __init__(self, toks: list[str]) -> None:
        self.toks = toks
        self.at = 0
        self.end = len(toks)
        self.storage: set[str] = set()
        self.noreturn = False
        self.const = False

    def peek(self, ahead: int = 0) -> str:
        """The token `ahead` places on, or "" beyond the end."""
        at = self.at + ahead
        return self.toks[at] if at < self.end else ""

    def skip_group(self) -> None:
        """The index after the closing parenthesis or bracket that matches the one at hand."""
        opening = self.toks[self.at]
        closing = {"(": ")", "[": "]", "{": "}"}[opening]
        depth = 0
        while self.at < self.end:
            tok = self.toks[self.at]
            self.at += 1
            if tok == opening:
                depth += 1
            elif tok == closing:
                depth -= 1
                if not depth:
                    return
        raise NotADeclarationError

    def skip_attributes(self) -> None:
        """The index after attribute words and their arguments; G_NORETURN and kin are remembered."""
        while self.at < self.end and is_attribute(self.toks[self.at]):
            word = self.toks[self.at]
            self.at += 1
            if says_noreturn(word):
                self.noreturn = True
            if self.peek() == "(" and not word.endswith("_fn") and word not in ("inline", "volatile"):
                start = self.at
                self.skip_group()
                text = self.toks[start : self.at]
                if "noreturn" in text or "__noreturn__" in text:
                    self.noreturn = True
                # `GRAPH_RDLOCK_PTR (*name)(...)`: those parentheses were a declarator, not arguments.
                if len(text) > 1 and text[1] == "*":
                    self.at = start
                    return

    def specifiers(self) -> str:
        """The base type's canonical text; storage classes, const and attributes are noted aside."""
        words: list[str] = []
        base = ""
        self.const = False
        while self.at < self.end:
            self.skip_attributes()
            tok = self.peek()
            if tok in ("const", "__const"):
                self.const = True
            elif tok in _STORAGE:
                self.storage.add(tok)
                if self.peek(1).startswith('"'):
                    self.at += 1
            elif tok in _BUILTIN:
                # An unknown upper-case word before a builtin type was a macro of the project's own.
                base = ""
                words.append(tok)
            elif tok in _TAGGED and not words and not base:
                base = self._tagged()
                continue
            elif tok in ("typeof", "__typeof__"):
                base = self._applied()
                continue
            elif tok and _NAME.match(tok) and not words:
                if base and not self._another_type():
                    break
                base = tok
                if self.peek(1) == "(" and tok.isupper() and self._macro_type():
                    base = self._applied()
                    continue
            else:
                break
            self.at += 1
        if words:
            return integer_type(words)
        if not base:
            raise NotADeclarationError
        return base

    def _tagged(self) -> str:
        """The struct, union or enum at hand, with its tag; after its body if it has one."""
        base = self.peek()
        self.at += 1
        self.skip_attributes()
        if _NAME.match(self.peek()):
            base += f" {self.peek()}"
            self.at += 1
        if self.peek() == "{":
            self.skip_group()
        return base

    def _applied(self) -> str:
        """`typeof(x)` or `MACRO(x)` at hand as one text."""
        start = self.at
        self.at += 1
        if self.peek() != "(":
            raise NotADeclarationError
        self.skip_group()
        return "".join(self.toks[start : self.at])

    def _another_type(self) -> bool:
        """Whether the identifier at hand, after a base type, is a type itself (the first was a macro)."""
        ahead = 1
        while is_attribute(self.peek(ahead)):
            ahead += 1
        after = self.peek(ahead)
        return bool(_NAME.match(after)) or after == "*"

    def _macro_type(self) -> bool:
        """Whether `WORD(` at hand is a macro that yields a type: a name follows its arguments."""
        at, depth = self.at + 1, 0
        end = min(self.end, at + _MACRO_TYPE)
        while at < end:
            depth += {"(": 1, ")": -1}.get(self.toks[at], 0)
            at += 1
            if not depth:
                break
        return not depth and at < self.end and bool(_NAME.match(self.toks[at]))

    def declarator(self) -> tuple[str, list[Op]]:
        """The declared name ("" if abstract) and its derivation from the name outwards."""
        pointers: list[Op] = []
        self.skip_attributes()
        while self.peek() in ("*", "^"):
            self.at += 1
            qualifier = ""
            while True:
                self.skip_attributes()
                if self.peek() != "const":
                    break
                qualifier = "const"
                self.at += 1
            pointers.append(("*", qualifier, (), False))
        name = ""
        ops: list[Op] = []
        tok = self.peek()
        if tok == "(" and self._nested():
            self.at += 1
            name, ops = self.declarator()
            if self.peek() != ")":
                raise NotADeclarationError
            self.at += 1
        elif tok and _NAME.match(tok):
            # `TCGOp *NI name(...)`: a word before the name is an attribute that is in no table.
            while _NAME.match(self.peek(1)) and not is_attribute(self.peek(1)):
                self.at += 1
            name = self.peek()
            self.at += 1
            self.skip_attributes()
        while True:
            tok = self.peek()
            if tok == "(":
                params, variadic = self.parameters()
                ops.append(("()", "", params, variadic))
            elif tok == "[":
                start = self.at
                self.skip_group()
                ops.append(("[]", "".join(self.toks[start + 1 : self.at - 1]), (), False))
            else:
                break
        self.skip_attributes()
        ops.extend(reversed(pointers))
        return name, ops

    def _nested(self) -> bool:
        """Whether the parenthesis at hand opens an inner declarator, not a parameter list."""
        ahead = 1
        while is_attribute(self.peek(ahead)):
            ahead += 1
        tok = self.peek(ahead)
        if tok in ("*", "^", "("):
            return True
        return (
            bool(_NAME.match(tok))
            and tok not in _BUILTIN
            and self.peek(ahead + 1) in (")", "[")
            and self.peek(ahead + 2) in ("(", "")
        )

    def parameters(self) -> tuple[tuple[Param, ...], bool]:
        """A parameter list with its parentheses, and whether it ends in an ellipsis."""
        self.at += 1
        params: list[Param] = []
        if self.peek() == ")" or (self.peek() == "void" and self.peek(1) == ")"):
            self.at += 1 if self.peek() == ")" else 2
            return (), False
        while True:
            if self.peek() == "...":
                self.at += 1
                if self.peek() != ")":
                    raise NotADeclarationError
                self.at += 1
                return tuple(params), True
            end = self._end_of_parameter()
            params.append(_parameter(tuple(self.toks[self.at : end])))
            self.at = end + 1
            if self.toks[end] == ")":
                return tuple(params), False

    def _end_of_parameter(self) -> int:
        """The index of the comma or the parenthesis that ends the parameter at hand."""
        depth = 0
        for at in range(self.at, self.end):
            tok = self.toks[at]
            if tok in _OPENING:
                depth += 1
            elif tok in _CLOSING:
                if not depth:
                    if tok == ")":
                        return at
                    break
                depth -= 1
            elif tok == "," and not depth:
                return at
        raise NotADeclarationError


@lru_cache(maxsize=16384)
def _parameter(toks: tuple[str, ...]) -> Param:
    """The parameter that consists of some tokens. The same parameters stand in thousands of heads."""
    reader = Reader(list(toks))
    base = reader.specifiers()
    const = reader.const
    name, ops = reader.declarator()
    if reader.at < reader.end:
        raise NotADeclarationError
    if ops and ops[0][0] == "[]":
        ops[0] = ("*", "", (), False)
    elif ops and ops[0][0] == "()":
        ops.insert(0, ("*", "", (), False))
    return Param(name, type_text(base, const, ops))


def integer_type(words: list[str]) -> str:
    """The canonical spelling of a type made of builtin words only."""
    unsigned = "unsigned" in words
    longs = words.count("long")
    for word in ("void", "float", "_Bool", "__int128"):
        if word in words:
            return f"unsigned {word}" if unsigned else word
    if "double" in words:
        return "long double" if longs else "double"
    if "char" in words:
        return "unsigned char" if unsigned else "signed char" if "signed" in words else "char"
    size = "short" if "short" in words else " ".join(["long"] * longs) or "int"
    return f"unsigned {size}" if unsigned else size


def type_text(base: str, const: bool, ops: list[Op]) -> str:
    """The canonical text of a base type under the derivation `ops`, read from the name outwards."""
    text = ""
    for index, (kind, detail, params, variadic) in enumerate(ops):
        if kind == "*":
            # The outermost pointer is the value itself: its qualifier does not matter to a caller.
            text = f"*{'const' if detail and index else ''}{' ' if detail and index and text else ''}{text}"
            continue
        if text.startswith("*"):
            text = f"({text})"
        if kind == "[]":
            text += f"[{detail}]"
        else:
            inner = [param.type for param in params] + (["..."] if variadic else [])
            text += f"({', '.join(inner) or 'void'})"
    prefix = "const " if const and ops else ""
    # Headers that must not include qapi/error.h write the tag; the type is the same.
    base = "Error" if base == "struct Error" else base
    return f"{prefix}{base}{' ' + text if text else ''}"
