# SPDX-License-Identifier: GPL-2.0-or-later
"""Integer expressions of C with the types of C, evaluated for many inputs at once.

An expression is read once (`parse`) and evaluated over columns: one number for each sample of the inputs,
None where the number is not known. Operands are converted, and results wrap, as in C on a 64-bit host.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Protocol, TypeAlias

from qerrlint.records import record

# Limits for hostile text, since an expression may come from a patch.
_LONGEST = 2000
_DEEPEST = 40

Number: TypeAlias = "int | None"
Node: TypeAlias = "tuple[str, object, tuple[Node, ...]]"


@record(frozen=True, slots=True)
class IntType:
    """An integer type: its width in bits, and whether it has a sign."""

    bits: int
    signed: bool

    def wrap(self, number: int) -> int:
        """The number as a value of this type."""
        number &= (1 << self.bits) - 1
        return number - (1 << self.bits) if self.signed and number >> (self.bits - 1) else number


INT = IntType(32, True)
UINT64 = IntType(64, False)
_INT64 = IntType(64, True)
_UINT32 = IntType(32, False)
_NAMED = {
    "bool": IntType(1, False),
    "char": IntType(8, True),
    "int": INT,
    "short": IntType(16, True),
    "long": _INT64,
    "unsigned": _UINT32,
    "uint": _UINT32,
    "size_t": UINT64,
    "ssize_t": _INT64,
    "hwaddr": UINT64,
    "dma_addr_t": UINT64,
    "ram_addr_t": UINT64,
    "vaddr": UINT64,
    "pcibus_t": UINT64,
    **{f"int{bits}_t": IntType(bits, True) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}_t": IntType(bits, False) for bits in (8, 16, 32, 64)},
}


def int_type(text: str) -> IntType | None:
    """The integer type that a type's text names ("uint32_t", "unsigned long"); None for any other type."""
    words = [word for word in text.split() if word not in ("const", "volatile", "static", "register")]
    if len(words) == 1:
        return _NAMED.get(words[0])
    if not words or not set(words) <= {"unsigned", "signed", "int", "char", "short", "long"}:
        return None
    bits = 8 if "char" in words else 16 if "short" in words else 64 if "long" in words else 32
    return IntType(bits, "unsigned" not in words)


@record(frozen=True, slots=True)
class Column:
    """The value of an expression for each sample (`numbers`; None: not known), or for all of them (an int).

    `numbers` None: nothing is known for any sample.
    """

    numbers: int | tuple[Number, ...] | None
    type: IntType = INT

    def at(self, index: int) -> Number:
        """The value for one sample."""
        return self.numbers[index] if isinstance(self.numbers, tuple) else self.numbers

    def cast(self, to: IntType) -> Column:
        """The values converted to another type."""
        if to.bits == 1:
            return _mapped(bool, self, to)
        return _wrapped(self, to) if to != self.type else self


UNKNOWN = Column(None)


class Scope(Protocol):
    """What the names of an expression stand for."""

    def value(self, path: str) -> Column:
        """The value of a name or a path such as "s->regs"; UNKNOWN where it is not known."""

    def result(self, name: str, args: Sequence[str]) -> Column:
        """What a call, or a function-like macro with these argument texts, comes to."""


class UnreadableError(Exception):
    """The text is no integer expression that can be read."""


_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:0[xX][0-9a-fA-F]+|0[bB][01]+|\d+)[uUlL]*)(?![\w.])"
    r"|(?P<name>[A-Za-z_$]\w*)"
    r"|(?P<char>'[^'\\]')"
    r"|(?P<string>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<sign>->|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!?:()\[\].,<>]))"
)
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!="),
    ("<", ">", "<=", ">="),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
)
_COMPARED: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_COMPUTED: dict[str, Callable[[int, int], int]] = {
    "|": operator.or_,
    "^": operator.xor,
    "&": operator.and_,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}
_TYPE_WORDS = frozenset(_NAMED) | {"signed", "const"}


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """The expression as a tree; raises UnreadableError for text that is none."""
    return _Reader(text).whole()


class _Reader:
    """Reads one expression by recursive descent."""

    def __init__(self, text: str) -> None:
        if len(text) > _LONGEST:
            raise UnreadableError
        self._text = text
        self._tokens: list[tuple[str, str, int, int]] = []
        self._depth = 0
        self._at = 0
        at, end = 0, len(text.rstrip())
        while at < end:
            found = _TOKEN.match(text, at)
            if found is None:
                raise UnreadableError
            kind = str(found.lastgroup)
            self._tokens.append((kind, found.group(kind), found.start(kind), found.end()))
            at = found.end()

    def whole(self) -> Node:
        node = self._choice()
        if self._at < len(self._tokens):
            raise UnreadableError
        return node

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at][1] if at < len(self._tokens) else ""

    def _take(self, sign: str) -> bool:
        if self._peek() == sign:
            self._at += 1
            return True
        return False

    def _want(self, sign: str) -> None:
        if not self._take(sign):
            raise UnreadableError

    def _choice(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise UnreadableError
        node = self._binary(0)
        if self._take("?"):
            yes = self._choice()
            self._want(":")
            node = ("?", None, (node, yes, self._choice()))
        self._depth -= 1
        return node

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        node = self._binary(level + 1)
        while self._peek() in _LEVELS[level]:
            sign = self._peek()
            self._at += 1
            node = ("binary", sign, (node, self._binary(level + 1)))
        return node

    def _unary(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise UnreadableError
        try:
            sign = self._peek()
            if sign in ("~", "-", "+", "!"):
                self._at += 1
                return ("unary", sign, (self._unary(),))
            cast = self._cast()
            if cast is not None:
                return ("cast", cast, (self._unary(),))
            if sign in ("*", "&"):
                start = self._tokens[self._at][2]
                self._at += 1
                self._unary()
                return ("path", self._written(start), ())
            return self._primary()
        finally:
            self._depth -= 1

    def _cast(self) -> IntType | None:
        """The type of the cast that begins here; the reader is then behind it."""
        if self._peek() != "(" or self._peek(1) not in _TYPE_WORDS:
            return None
        at = 1
        words = []
        while self._peek(at) in _TYPE_WORDS:
            words.append(self._peek(at))
            at += 1
        if self._peek(at) != ")":
            return None
        named = int_type(" ".join(words))
        if named is not None:
            self._at += at + 1
        return named

    def _primary(self) -> Node:
        if self._at >= len(self._tokens):
            raise UnreadableError
        kind, token, start, _ = self._tokens[self._at]
        self._at += 1
        if token == "(":
            node = self._choice()
            self._want(")")
            return self._postfix(node, start)
        if kind == "number":
            return ("number", _literal(token), ())
        if kind == "char":
            return ("number", (ord(token[1]), INT), ())
        if kind == "string":
            return ("path", token, ())
        if kind != "name":
            raise UnreadableError
        if self._take("("):
            return self._postfix(("call", (token, tuple(self._arguments())), ()), start)
        return self._postfix(("path", token, ()), start)

    def _postfix(self, node: Node, start: int) -> Node:
        """`node`, or the path of the member or element of it that follows."""
        behind = self._at
        while self._peek() in ("->", ".", "["):
            if self._take("["):
                depth = 1
                while depth and self._at < len(self._tokens):
                    depth += (self._peek() == "[") - (self._peek() == "]")
                    self._at += 1
            else:
                self._at += 2
        return ("path", self._written(start), ()) if self._at > behind else node

    def _written(self, start: int) -> str:
        end = self._tokens[min(self._at, len(self._tokens)) - 1][3]
        return "".join(self._text[start:end].split())

    def _arguments(self) -> list[str]:
        """The texts of the arguments; the opening parenthesis is behind."""
        out: list[str] = []
        depth, start = 0, self._tokens[self._at - 1][3]
        while self._at < len(self._tokens):
            _, token, at, end = self._tokens[self._at]
            self._at += 1
            if depth == 0 and token in (",", ")"):
                out.append(self._text[start:at].strip())
                start = end
                if token == ")":
                    return [] if out == [""] else out
            else:
                depth += (token in ("(", "[")) - (token in (")", "]"))
        raise UnreadableError


def _literal(token: str) -> tuple[int, IntType]:
    digits = token.rstrip("uUlL")
    suffix = token[len(digits) :].lower()
    octal = len(digits) > 1 and digits[0] == "0" and digits.isdigit()
    try:
        number = int(digits, 8 if octal else 0)
    except ValueError:
        raise UnreadableError from None
    bits = 64 if "l" in suffix or number >> 32 else 32
    plain_decimal = digits.isdigit() and not octal
    if number >> (bits - 1) and plain_decimal and "u" not in suffix:
        bits = 64
    unsigned = "u" in suffix or bool(number >> (bits - 1))
    return number, IntType(bits, not unsigned)


def paths(node: Node) -> frozenset[str]:
    """The names and paths that an expression reads, those in the arguments of calls as well."""
    kind, what, children = node
    if kind == "path":
        return frozenset((str(what),))
    found: frozenset[str] = frozenset()
    if kind == "call":
        assert isinstance(what, tuple)
        for argument in what[1]:
            found |= _paths_in(argument)
    for child in children:
        found |= paths(child)
    return found


def _paths_in(text: str) -> frozenset[str]:
    try:
        return paths(parse(text))
    except UnreadableError:
        return frozenset(re.findall(r"[A-Za-z_]\w*", text))


def evaluate(node: Node, scope: Scope) -> Column:
    """The values of an expression, in the names of `scope`."""
    kind, what, children = node
    if kind == "number":
        assert isinstance(what, tuple)
        return Column(what[0], what[1])
    if kind == "path":
        return scope.value(str(what))
    if kind == "call":
        assert isinstance(what, tuple)
        return scope.result(what[0], what[1])
    values = [evaluate(child, scope) for child in children]
    if kind == "cast":
        assert isinstance(what, IntType)
        return values[0].cast(what)
    if kind == "unary":
        return _unary(str(what), values[0])
    if kind == "?":
        return _chosen(*values)
    return binary(str(what), *values)


def _unary(sign: str, value: Column) -> Column:
    if sign == "!":
        return _mapped(lambda number: int(not number), value, INT)
    value = _promoted(value)
    if sign == "+":
        return value
    wrap = value.type.wrap
    if sign == "-":
        return _mapped(lambda number: wrap(-number), value, value.type)
    return _mapped(lambda number: wrap(~number), value, value.type)


def _promoted(value: Column) -> Column:
    return Column(value.numbers, INT) if value.type.bits < INT.bits else value


def binary(sign: str, left: Column, right: Column) -> Column:
    """The values of `left sign right`."""
    if sign in ("&&", "||"):
        return _logical(sign, left, right)
    left, right = _promoted(left), _promoted(right)
    if sign in ("<<", ">>"):
        return _shifted(sign, left, right)
    bits = max(left.type.bits, right.type.bits)
    unsigned = any(not side.type.signed and side.type.bits == bits for side in (left, right))
    common = IntType(bits, not unsigned)
    left, right = left.cast(common), right.cast(common)
    compared = _COMPARED.get(sign)
    if compared is not None:
        return _mapped(int, _zipped(compared, left, right, INT), INT)
    if sign in ("/", "%"):
        return _zipped(_divided(sign), left, right, common)
    if sign == "&":
        return _masked(left, right, common)
    if sign == "*" and 0 in (left.numbers, right.numbers):
        return Column(0, common)
    result = _zipped(_COMPUTED[sign], left, right, common)
    return result if sign in ("|", "^") else _wrapped(result, common)


def _masked(left: Column, right: Column, common: IntType) -> Column:
    """`left & right`: 0 where one side is known to be 0, whatever the other is."""
    if left.numbers == 0 or right.numbers == 0:
        return Column(0, common)
    return _zipped(operator.and_, left, right, common)


def _divided(sign: str) -> Callable[[int, int], Number]:
    def work(a: int, b: int) -> Number:
        if not b:
            return None
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return quotient if sign == "/" else a - b * quotient

    return work


def _shifted(sign: str, left: Column, right: Column) -> Column:
    bits, wrap = left.type.bits, left.type.wrap

    def work(a: int, b: int) -> Number:
        if not 0 <= b < bits:
            return None
        return wrap(a << b) if sign == "<<" else a >> b

    return _zipped(work, left, right, left.type)


def _logical(sign: str, left: Column, right: Column) -> Column:
    decides = sign == "||"

    def work(a: Number, b: Number) -> Number:
        for side in (a, b):
            if side is not None and bool(side) is decides:
                return int(decides)
        return None if a is None or b is None else int(not decides)

    if not isinstance(left.numbers, tuple) and not isinstance(right.numbers, tuple):
        return Column(work(left.numbers, right.numbers), INT)
    pairs = _pairs(left, right)
    return Column(tuple(work(a, b) for a, b in pairs), INT)


def _chosen(condition: Column, yes: Column, no: Column) -> Column:
    common = yes.type if yes.type.bits >= no.type.bits else no.type
    yes, no = yes.cast(common), no.cast(common)
    if not isinstance(condition.numbers, tuple):
        if condition.numbers is None:
            return Column(None, common)
        return yes if condition.numbers else no
    return Column(
        tuple(
            None if chosen is None else (yes if chosen else no).at(index)
            for index, chosen in enumerate(condition.numbers)
        ),
        common,
    )


def _pairs(left: Column, right: Column) -> list[tuple[Number, Number]]:
    """The two values of each sample."""
    length = next(len(side.numbers) for side in (left, right) if isinstance(side.numbers, tuple))
    return [(left.at(index), right.at(index)) for index in range(length)]


def _mapped(work: Callable[[int], int], value: Column, to: IntType) -> Column:
    numbers = value.numbers
    if numbers is None or isinstance(numbers, int):
        return Column(numbers if numbers is None else int(work(numbers)), to)
    return Column(tuple([None if number is None else int(work(number)) for number in numbers]), to)


def _wrapped(value: Column, to: IntType) -> Column:
    """The numbers as those of another type, all of them in one go."""
    numbers = value.numbers
    if not isinstance(numbers, tuple):
        return Column(numbers if numbers is None else to.wrap(numbers), to)
    mask = (1 << to.bits) - 1
    if not to.signed:
        return Column(tuple([None if number is None else number & mask for number in numbers]), to)
    half = 1 << (to.bits - 1)
    return Column(
        tuple([None if number is None else ((number + half) & mask) - half for number in numbers]), to
    )


def _zipped(work: Callable[[int, int], Number], left: Column, right: Column, to: IntType) -> Column:
    a, b = left.numbers, right.numbers
    if a is None or b is None:
        return Column(None, to)
    if isinstance(a, int) and isinstance(b, int):
        return Column(work(a, b), to)
    if isinstance(b, int):
        assert isinstance(a, tuple)
        return Column(tuple([None if x is None else work(x, b) for x in a]), to)
    if isinstance(a, int):
        return Column(tuple([None if y is None else work(a, y) for y in b]), to)
    return Column(
        tuple([None if x is None or y is None else work(x, y) for x, y in zip(a, b, strict=True)]), to
    )
