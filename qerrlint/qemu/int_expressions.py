# SPDX-License-Identifier: GPL-2.0-or-later
"""IntExpressions: the types of integer expressions in one function, and how great the code shows they get.

A number counts as shown where the code limits it: by a mask, a field of a register, the end of a loop, a test
that leaves the function, or the elements of an array of bytes. What only a type limits is not shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property

from qerrlint.c.cut import Piece
from qerrlint.c.expansion import TooMuchError, expanded
from qerrlint.c.expressions.int_types import INT, UINT64, IntType, resolved_int_type
from qerrlint.c.expressions.parser import (
    Binary,
    Call,
    Cast,
    Choice,
    Constant,
    Node,
    Path,
    Unary,
    UnreadableError,
    parse,
)
from qerrlint.c.lexis import code_alone
from qerrlint.domain.word_lists import word_list
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.constants import Constants, fields_of
from qerrlint.qemu.layouts import layouts_of
from qerrlint.qemu.variable_limits import VariableLimits

_TRUTH = frozenset({"&&", "||", "==", "!=", "<", ">", "<=", ">="})
_SIZES = frozenset({"sizeof", "offsetof", "ARRAY_SIZE"})
# The width of these is that of the target, of which a file may be built for several.
_OF_TARGET = lazy_re(r"\btarget_u?long\b|\babi_u?(?:long|int|ptr)\b|\btarget_\w+_t\b")
_DECLARES = lazy_re(
    r"(?<![\w.>])([A-Za-z_]\w*)(?:[ \t]+|[ \t\n]*\*[ \t]*)(?:const[ \t]+)?([A-Za-z_]\w*)[ \t]*[=;,)\[]"
)
_NO_TYPES = frozenset({"return", "goto", "else", "case", "sizeof"})
_DIMENSION = lazy_re(r"\[([^\[\]]+)\]")
_WIDTH = lazy_re(r"(8|16|32)")
# Macros and variables that stand for others nest at most this deep.
_DEEPEST = 8
_GREATEST_SHIFT = 63
# The bits of an element of an array whose type limits it.
_GREATEST_ELEMENT = 16
_UNBOUND = 1 << 64


class IntExpressions:
    """Expressions of one function; `code` is its body, from the brace on, comments, literals and preprocessor
    lines blanked."""

    def __init__(self, unit: TranslationUnit, piece: Piece) -> None:
        self._unit = unit
        self._piece = piece
        self.code = code_alone(unit.data[piece.body : piece.span.end]).decode("latin-1")
        self._environment = unit.environment
        self._receivers = unit.receivers
        self._depth = 0
        self._types: dict[str, IntType | None] = {}

    @cached_property
    def constants(self) -> Constants:
        """The evaluator of constant expressions."""
        return layouts_of(self._environment).constants(self._unit.path)

    @cached_property
    def _limits(self) -> VariableLimits:
        return VariableLimits(self.code, self.constants.number)

    @cached_property
    def _variables(self) -> Mapping[str, str]:
        return self._unit.interpretation.variables_of(self._piece)

    # -- types ------------------------------------------------------------------------------------

    def declared(self, text: str) -> IntType | None:
        """The integer type that a type's text stands for; None where the target decides its width."""
        if _OF_TARGET.search(text):
            return None
        if text.startswith("enum "):
            return IntType(32, False)
        typedefs = self._environment.typedefs(self._unit.path)

        def target(name: str) -> str | None:
            to = typedefs(name)
            return None if to is not None and _OF_TARGET.search(to) else to

        found = resolved_int_type(text, target)
        entry = self._environment.typedef(text, self._unit.path) if found is None else None
        return IntType(32, False) if entry is not None and entry.kind == "enum" else found

    def result(self) -> IntType | None:
        """What the function returns."""
        signature = self._unit.interpretation.signature_of(self._piece)
        return self.declared(signature.returns) if signature is not None else None

    def parameter(self, callee: str, index: int) -> IntType | None:
        """What a parameter of another function is declared as."""
        signature = self._environment.signature(callee, self._unit.path)
        if signature is None or index >= len(signature.params):
            return None
        return self.declared(signature.params[index].type)

    def type_of(self, node: Node) -> IntType | None:
        """The type of an expression; None where it is not known, or no integer."""
        if isinstance(node, (Constant, Cast)):
            return node.type
        if isinstance(node, Unary):
            return INT if node.sign == "!" else _promoted(self.type_of(node.operand))
        if isinstance(node, Binary):
            if node.sign in _TRUTH:
                return INT
            left = _promoted(self.type_of(node.left))
            return left if node.sign in ("<<", ">>") else _common(left, _promoted(self.type_of(node.right)))
        if isinstance(node, Choice):
            return _common(_promoted(self.type_of(node.yes)), _promoted(self.type_of(node.no)))
        return self._type_of_call(node) if isinstance(node, Call) else self._type_of_path(node.text)

    def _type_of_path(self, text: str) -> IntType | None:
        if text in self._types:
            return self._types[text]
        found = self._found_type(text)
        # Within macros that nest too deep a type may be missed.
        if not self._depth:
            self._types[text] = found
        return found

    def _found_type(self, text: str) -> IntType | None:
        if text.isidentifier() and text not in self._variables:
            macro = self._environment.macro(text, self._unit.path)
            if macro is not None:
                body = macro.body.partition("/*")[0]
                return self._type_of_text(body) if macro.params is None else None
            if self._environment.declaring_constant(text, self._unit.path) is not None:
                return INT
        elif text.isidentifier() and self._has_several_types(text):
            return None
        type_text = self._receivers.type_of(text, self._variables)
        return self.declared(type_text) if type_text else None

    def elements(self, text: str) -> tuple[int | None, str]:
        """How many elements an array has, None where it is none or that is not known; and its type."""
        if text.isidentifier() and self._has_several_types(text):
            return None, ""
        type_ = self._receivers.type_of(text, self._variables)
        found = _DIMENSION.search(type_)
        return (self.constants.number(found[1]) if found is not None else None), type_

    def _has_several_types(self, name: str) -> bool:
        """Whether blocks of the function declare variables of one name with several types."""
        return len(self._declared.get(name, ())) > 1

    @cached_property
    def _declared(self) -> Mapping[str, set[str]]:
        """The words before a name that look like the type in a declaration of it."""
        out: dict[str, set[str]] = {}
        for type_, name in _DECLARES.findall(self.code):
            if type_ not in _NO_TYPES:
                out.setdefault(name, set()).add(type_)
        return out

    def _type_of_call(self, node: Call) -> IntType | None:
        if node.name in _SIZES:
            return UINT64
        if word_list("any-number").matches(node.name):
            return IntType(_width_of(node.name), False)
        if node.name in ("MIN", "MAX") and len(node.arguments) == 2:
            return self._type_of_text("({})+({})".format(*node.arguments))
        signature = self._environment.signature(node.name, self._unit.path)
        if signature is not None:
            return self.declared(signature.returns)
        text = self._expanded(node)
        return self._type_of_text(text) if text else None

    def _expanded(self, node: Call) -> str:
        """What the invocation of a macro stands for; "" for any other call."""
        macro = self._environment.macro(node.name, self._unit.path)
        if macro is None or macro.params is None:
            return ""
        with suppress(TooMuchError):
            text = f"{node.name}({','.join(node.arguments)})"
            whole = expanded(text, lambda word: macro if word == node.name else None)
            return "" if whole.startswith(f"{node.name}(") else whole
        return ""

    def _type_of_text(self, text: str) -> IntType | None:
        self._depth += 1
        try:
            return self.type_of(parse(text)) if self._depth <= _DEEPEST else None
        except UnreadableError:
            return None
        finally:
            self._depth -= 1

    # -- numbers ----------------------------------------------------------------------------------

    def number(self, node: Node) -> int | None:
        """The number that a constant expression comes to, as a value of its type."""
        number = self.constants.number(shown(node))
        type_ = self.type_of(node) if number is not None else None
        return type_.wrap(number) if number is not None and type_ is not None else number

    def bound(self, node: Node) -> int:
        """A number that greatest() does not exceed anywhere, found without the types of variables."""
        if isinstance(node, Constant):
            return node.value
        number = self.constants.number(shown(node))
        if number is not None:
            return number if number >= 0 else _UNBOUND
        self._depth += 1
        try:
            return self._bound(node) if self._depth <= _DEEPEST else _UNBOUND
        finally:
            self._depth -= 1

    def _bound(self, node: Node) -> int:
        if isinstance(node, Cast):
            return self.bound(node.operand)
        if isinstance(node, Path):
            return self._bound_of_value(node.text)
        if isinstance(node, Binary):
            return self._bound_of(node)
        # A truth value, where it is none of these.
        return 1 if isinstance(node, Unary) else _UNBOUND

    def _bound_of(self, node: Binary) -> int:
        left, right = self.bound(node.left), self.bound(node.right)
        if node.sign == "&":
            masks = (self.constants.number(shown(side)) for side in (node.right, node.left))
            return next((mask for mask in masks if mask is not None and mask >= 0), _UNBOUND)
        if max(left, right) >= _UNBOUND or (node.sign == "<<" and right > _GREATEST_SHIFT):
            return _UNBOUND
        return left if node.sign in ("-", "/", ">>") else _WORK.get(node.sign, max)(left, right)

    def _bound_of_value(self, text: str) -> int:
        if text.endswith("]"):
            return (1 << _GREATEST_ELEMENT) - 1
        if not text.isidentifier():
            return 1
        if self._limits.is_tested(text):
            return _UNBOUND
        value = self._limits.only_given(text)
        with suppress(UnreadableError):
            # Of any other variable no more is told than that it may be a truth value.
            return self.bound(parse(value)) if value else 1
        return 1

    def greatest(self, node: Node, at: int) -> int | None:
        """The greatest number that an expression gets where it stands at an offset; None where the code does
        not show it."""
        if isinstance(node, Constant):
            return node.value
        self._depth += 1
        try:
            if self._depth > _DEEPEST:
                return None
            number = self.number(node)
            return number if number is not None else self._greatest(node, at)
        finally:
            self._depth -= 1

    def _greatest(self, node: Node, at: int) -> int | None:
        if isinstance(node, Binary):
            return 1 if node.sign in _TRUTH else self._greatest_of(node, at)
        if isinstance(node, Unary):
            return 1 if node.sign == "!" else None
        if isinstance(node, Cast):
            return self.greatest(node.operand, at)
        if isinstance(node, Choice):
            arms = self.greatest(node.yes, at), self.greatest(node.no, at)
            return max(arms[0], arms[1]) if arms[0] is not None and arms[1] is not None else None
        if isinstance(node, Call):
            return self._greatest_result(node, at)
        return self._greatest_value(node.text, at) if isinstance(node, Path) else None

    def _greatest_of(self, node: Binary, at: int) -> int | None:
        right = self.number(node.right)
        if node.sign == "&":
            return self._masked(node, at)
        if node.sign == "%":
            return right - 1 if right is not None and right > 0 else None
        left = self.greatest(node.left, at)
        other = self.greatest(node.right, at)
        if left is None or other is None or left < 0 or other < 0:
            return None
        if node.sign in ("<<", ">>") and other > _GREATEST_SHIFT:
            return None
        if node.sign in ("-", "/", ">>") and (right is None or (node.sign == "/" and not right)):
            return None
        return _WORK[node.sign](left, other) if node.sign in _WORK else None

    def _masked(self, node: Binary, at: int) -> int | None:
        for mask, masked in ((node.right, node.left), (node.left, node.right)):
            number = self.number(mask)
            if number is None or number < 0:
                continue
            limits = [number]
            within = self.type_of(masked)
            if within is not None:
                limits.append((1 << within.bits) - 1)
            known = self.greatest(masked, at)
            return min([*limits, known] if known is not None and known >= 0 else limits)
        return None

    def _greatest_result(self, node: Call, at: int) -> int | None:
        """How great the result of a call gets: a field, or bytes that are read from memory."""
        if node.name in ("extract32", "extract64") and len(node.arguments) == 3:
            length = self.constants.number(node.arguments[2])
            return (1 << length) - 1 if length is not None and 0 < length <= 64 else None
        if node.name.startswith("FIELD_EX") and len(node.arguments) == 3:
            return self._greatest_field(f"{node.arguments[1]}_{node.arguments[2]}")
        if word_list("field-reads").matches(node.name):
            return self._greatest_masked(node)
        if word_list("any-number").matches(node.name):
            return (1 << _width_of(node.name)) - 1
        text = self._expanded(node)
        with suppress(UnreadableError):
            return self.greatest(parse(text), at) if text else None
        return None

    def _greatest_masked(self, node: Call) -> int | None:
        """The greatest number of a field that a constant argument masks."""
        for text in node.arguments:
            mask = self.constants.number(text)
            if mask is not None and mask > 0:
                return mask // (mask & -mask)
        return None

    def _greatest_field(self, name: str) -> int | None:
        for declarations in self._environment.types.reached(self._unit.path):
            data = declarations.data
            field = fields_of(data).get(name) if b"FIELD(" in data else None
            if field is not None:
                length = self.constants.number(field[1])
                return (1 << length) - 1 if length is not None and 0 < length <= 64 else None
        return None

    def _greatest_value(self, text: str, at: int) -> int | None:
        """How great a variable or an element gets."""
        type_ = self.type_of(Path(text))
        if type_ is not None and type_.bits == 1:
            return 1
        if text.endswith("]"):
            small = type_ is not None and type_.bits <= _GREATEST_ELEMENT and not type_.signed
            return (1 << type_.bits) - 1 if type_ is not None and small else None
        if not text.isidentifier():
            return None
        limit = self._limits.greatest(text, at)
        return limit if limit is not None else self._greatest_local(text, at)

    def _greatest_local(self, name: str, at: int) -> int | None:
        """How great a local variable gets that the function gives a value once, before a place."""
        given = self._limits.only_value(name, at) if name in self._variables else None
        if given is None or self._is_parameter(name):
            return None
        with suppress(UnreadableError):
            return self.greatest(parse(given[0]), given[1])
        return None

    def _is_parameter(self, name: str) -> bool:
        signature = self._unit.interpretation.signature_of(self._piece)
        return signature is None or any(param.name == name for param in signature.params)


_WORK: dict[str, Callable[[int, int], int]] = {
    "*": lambda a, b: a * b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "/": lambda a, b: a // b,
    "<<": lambda a, b: a << b,
    ">>": lambda a, b: a >> b,
    "|": lambda a, b: (1 << max(a.bit_length(), b.bit_length())) - 1,
    "^": lambda a, b: (1 << max(a.bit_length(), b.bit_length())) - 1,
}


def _width_of(name: str) -> int:
    """The bits that a function reads, by its name."""
    width = _WIDTH.search(name)
    return int(width[1]) if width is not None else INT.bits


def _promoted(type_: IntType | None) -> IntType | None:
    return INT if type_ is not None and type_.bits < INT.bits else type_


def _common(left: IntType | None, right: IntType | None) -> IntType | None:
    """The type in which two promoted operands are computed (C11 6.3.1.8)."""
    if left is None or right is None:
        return None
    bits = max(left.bits, right.bits)
    return IntType(bits, not any(not side.signed and side.bits == bits for side in (left, right)))


def shown(node: Node) -> str:
    """An expression as text again; casts are left out."""
    if isinstance(node, Constant):
        return str(node.value)
    if isinstance(node, Path):
        return node.text
    if isinstance(node, Call):
        return f"{node.name}({', '.join(node.arguments)})"
    if isinstance(node, Cast):
        return shown(node.operand)
    if isinstance(node, Unary):
        return f"{node.sign}({shown(node.operand)})"
    if isinstance(node, Binary):
        return f"({shown(node.left)} {node.sign} {shown(node.right)})"
    condition = shown(node.condition) if node.condition is not None else "?"
    return f"({condition} ? {shown(node.yes)} : {shown(node.no)})"
