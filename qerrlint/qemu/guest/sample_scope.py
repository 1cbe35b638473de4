# SPDX-License-Identifier: GPL-2.0-or-later
"""The names of a function's expressions over samples of what a guest hands it: columns, constants, macros."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache

from qerrlint.c.declarations.types import untagged
from qerrlint.c.expansion import TooMuchError, expanded
from qerrlint.c.expressions.int_types import INT, UINT64, IntType, int_type
from qerrlint.c.expressions.parser import Node, UnreadableError, parse, paths
from qerrlint.c.expressions.typed import UNKNOWN, Column, Number, binary, evaluate
from qerrlint.c.lexis import without_comments
from qerrlint.ir.code import Assign, Function, identifiers
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.constants import Constants, fields_of
from qerrlint.qemu.guest.unbuilt import UnbuiltText
from qerrlint.qemu.layouts import layouts_of
from qerrlint.source.span import Span

_FIELD_NAME = lazy_re(r"R_(\w+)_(SHIFT|LENGTH|MASK)\Z")
_SIZED = lazy_re(r"(?P<stars>\**)(?P<path>[A-Za-z_]\w*(?:(?:->|\.)\w+)+)(?P<groups>(?:\[[^\[\]]*\])*)\Z")
_CONSTANT = lazy_re(r"\b(?:0[xX][0-9a-fA-F]+|\d+)|\b[A-Z_][A-Z0-9_]+\b")
_FILLED_INDEX = lazy_re(r"\[[^\[\]]+\]")
_LINK = lazy_re(r"->|\.")
_ENDS = 2  # of a range of cases
_DEEPEST = 12
_LONGEST_CHAIN = 6
_STEPS = {"++": " + 1", "--": " - 1"}
_WORD = lazy_re(r"[A-Za-z_]\w*\Z")

Columns = Mapping[str, Column]


class _Kept:
    """What has been worked out of the names of one file."""

    def __init__(self) -> None:
        self.fields: dict[str, tuple[str, str]] | None = None
        self.members: dict[tuple[str, str], str] = {}
        self.int_types: dict[tuple[str, str], IntType | None] = {}
        self.constants: dict[str, int | None] = {}
        self.reads: dict[Span, frozenset[str]] = {}
        self.cases: dict[Span, tuple[int, int] | None] = {}
        self.macros: dict[tuple[str, tuple[str, ...]], str | None] = {}
        self.nodes: dict[Span, Node | None] = {}
        self.compared: dict[str, frozenset[int]] = {}
        self.stored: dict[tuple[Span, str], Node | None] = {}
        self.unbuilt: UnbuiltText | None = None
        self.ending: dict[str, bool] = {}


class FileNames:
    """What the names of a file's expressions stand for, whatever the function: constants, macros, types."""

    def __init__(self, unit: TranslationUnit, beside: FileNames | None = None) -> None:
        """`beside`: other names of the same file, whose facts are used again."""
        self.unit = unit
        self._kept: _Kept = beside._kept if beside is not None else _Kept()

    @cached_property
    def _constants(self) -> Constants:
        # Late: what has asked for it counts as made from all that the tree declares.
        return layouts_of(self.unit.environment).constants(self.unit.path)

    @property
    def ending(self) -> dict[str, bool]:
        """Whether functions of the file never return, as far as that was requested."""
        return self._kept.ending

    def is_unbuilt(self, span: Span) -> bool:
        """Whether a place stands in what a macro of the file makes nothing of."""
        if self._kept.unbuilt is None:
            self._kept.unbuilt = UnbuiltText(self.unit.data)
        return self._kept.unbuilt.has(span.start)

    def node(self, span: Span) -> Node | None:
        """The expression at a place of the file; None where it is none."""
        if span not in self._kept.nodes:
            text = self.unit.data[span.start : span.end].decode("latin-1")
            self._kept.nodes[span] = read(text)
        return self._kept.nodes[span]

    def reads(self, span: Span) -> frozenset[str]:
        """The names and paths that the expression at a place of the file reads."""
        if span not in self._kept.reads:
            node = self.node(span)
            text = self.unit.data[span.start : span.end].decode("latin-1")
            self._kept.reads[span] = paths(node) if node is not None else identifiers(text)
        return self._kept.reads[span]

    def case(self, function: Function, label: Span) -> tuple[int, int] | None:
        """The first and the last number of a case label; None where they are not constant."""
        if label not in self._kept.cases:
            scope = SampleScope(self, function, {})
            parts = self.unit.data[label.start : label.end].decode("latin-1").split("...")
            ends = [scope.evaluated(read(part)).numbers for part in parts]
            numbers = [end for end in ends if isinstance(end, int)]
            known = len(numbers) == len(ends) <= _ENDS
            self._kept.cases[label] = (numbers[0], numbers[-1]) if known else None
        return self._kept.cases[label]

    def stored(self, event: Assign) -> Node | None:
        """The expression for the value that a target has after an assignment; None where there is none."""
        if not event.stated:
            return None
        key = (event.span, event.target)
        if key not in self._kept.stored:
            text = self.unit.data[event.span.start : event.span.end].decode("latin-1")
            self._kept.stored[key] = _stored(event.target, text)
        return self._kept.stored[key]

    def compared(self, function: Function) -> frozenset[int]:
        """The constants that a function compares with: the numbers of its cases and conditions."""
        if function.name not in self._kept.compared:
            spans = {span for edge in function.edges() for span in (edge.span, edge.case) if span is not None}
            text = ";".join(self.unit.data[span.start : span.end].decode("latin-1") for span in spans)
            found = {self.constant(word) for word in set(_CONSTANT.findall(text))}
            self._kept.compared[function.name] = frozenset(
                n for n in found if n is not None and 0 <= n < 1 << 40
            )
        return self._kept.compared[function.name]

    def constant(self, name: str) -> int | None:
        """The number that a name stands for; None where it is not known."""
        if name not in self._kept.constants:
            self._kept.constants[name] = self._number(name)
        return self._kept.constants[name]

    def _number(self, name: str) -> int | None:
        number = self._constants.number(name)
        found = _FIELD_NAME.match(name) if number is None else None
        if found is None:
            return number
        placed = self._placed().get(found[1])
        if placed is None:
            return None
        shift, length = (self._constants.number(text) for text in placed)
        if shift is None or length is None or not 0 < length <= 64:
            return None
        return {"SHIFT": shift, "LENGTH": length, "MASK": ((1 << length) - 1) << shift}[found[2]]

    def size(self, function: Function, text: str, elements: bool) -> int | None:
        """The size in bytes of a type or an expression; with `elements` the number of its elements."""
        number = None if elements else self._constants.number(f"sizeof({text})")
        found = _SIZED.match("".join(text.split())) if number is None else None
        if found is None:
            return number
        head, _, member = found["path"].rpartition("->" if "->" in found["path"] else ".")
        if "." in member:
            inner, _, member = member.rpartition(".")
            head = f"{head}->{inner}"
        struct = untagged(self.type_of(function, head).removeprefix("const ")).rstrip(" *")
        layouts = layouts_of(self.unit.environment)
        layout = layouts.of_name(struct, self.unit.path) if struct else None
        field = layout.field(member) if layout is not None else None
        if layout is None or field is None:
            return None
        left = field.dimensions[len(found["stars"]) + found["groups"].count("[") :]
        if len(field.dimensions) - len(left) < len(found["stars"]) + found["groups"].count("["):
            return None
        if elements:
            return layouts.constants(layout.path).number(left[0]) if left else None
        return layouts.size_of(field.type + "".join(f"[{one}]" for one in left), layout.path)

    def assumed(self, function: Function, path: str) -> Number:
        """The number that a path is taken to hold where nothing is known of it: none here."""
        return None

    def returned(self, name: str, columns: Columns) -> Number:
        """The number that a function of the file is taken to return, asked where variables hold `columns`:
        none here."""
        return None

    def _placed(self) -> Mapping[str, tuple[str, str]]:
        if self._kept.fields is None:
            self._kept.fields = {}
            # The name that is looked for has been asked for as a constant before.
            for declarations in self.unit.environment.types.reached(self.unit.path):
                self._kept.fields = {**fields_of(declarations.data), **self._kept.fields}
        return self._kept.fields

    def macro_text(self, name: str, args: Sequence[str]) -> str | None:
        """The expansion of a function-like macro; None for any other name."""
        key = (name, tuple(args))
        if key not in self._kept.macros:
            self._kept.macros[key] = self._expansion(name, args)
        return self._kept.macros[key]

    def _expansion(self, name: str, args: Sequence[str]) -> str | None:
        macro = self.unit.environment.macro(name, self.unit.path)
        if macro is None or macro.params is None:
            return None
        try:
            text = expanded(f"{name}({', '.join(args)})", lambda word: macro if word == name else None)
        except TooMuchError:
            return None
        return None if text.startswith(f"{name}(") else text

    def type_of(self, function: Function, path: str) -> str:
        """The text of the type of a path such as "s->regs.mode"; "" where it is not known."""
        if path.isidentifier():
            return self._root_type(function, path)
        # An index may be a chain of its own.
        parts = _LINK.split(_FILLED_INDEX.sub("[0]", path) if "[" in path else path)
        current = self._root_type(function, parts[0])
        for part in parts[1:]:
            current = self._member_type(current.rstrip(" *"), part)
        return current

    def _root_type(self, function: Function, name: str) -> str:
        if name in function.locals:
            return function.locals[name]
        signature = self.unit.signature(function.name)
        for param in signature.params if signature is not None else ():
            if param.name == name:
                return param.type
        return ""

    def _member_type(self, struct: str, member: str) -> str:
        name = member.partition("[")[0] if member.endswith("]") else member
        if not struct or not _WORD.match(name):
            return ""
        key = (struct, name)
        if key not in self._kept.members:
            declared = self.unit.environment.member(struct, name, self.unit.path)
            found = declared.type if declared is not None else ""
            # An element of an array has the type before the dimension.
            self._kept.members[key] = re.sub(r"\s*\[[^\]]*\]", "", found) if name != member else found
        return self._kept.members[key]

    def int_type_of(self, function: Function, path: str) -> IntType | None:
        """The integer type of a path; None where it has none, or it is not known."""
        key = (function.name, path)
        if key not in self._kept.int_types:
            text = self.type_of(function, path.removeprefix("*")).removeprefix("const ")
            if path.startswith("*"):
                text = text[:-1].rstrip() if text.endswith("*") else ""
            self._kept.int_types[key] = self._int_type(text)
        return self._kept.int_types[key]

    def _int_type(self, text: str) -> IntType | None:
        for _ in range(_LONGEST_CHAIN):
            known = int_type(text)
            if known is not None:
                return known
            if text == "enum" or text.startswith("enum "):
                return IntType(32, False)
            target = self.unit.scope.typedefs(text) if _WORD.match(text) else None
            if target is None or target == text:
                return None
            text = target
        return None


@lru_cache(maxsize=4096)
def read(text: str) -> Node | None:
    """The expression that a text is; None where it is none."""
    try:
        return parse(without_comments(text, " ").strip())
    except UnreadableError:
        return None


def _stored(target: str, text: str) -> Node | None:
    """The value of a target after the assignment, increment or decrement that a text is."""
    at = _assignment(text)
    if at is None:
        plain = text.strip()
        step = _STEPS.get(plain[-2:]) or _STEPS.get(plain[:2])
        return read(f"{target}{step}") if step else None
    operator, start = at
    return read(f"{target} {operator} ({text[start:]})" if operator else text[start:])


def _assignment(text: str) -> tuple[str, int] | None:
    """The operator ("" for a plain assignment) and the start of the value of `x OP= value`; None for none."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if char == "=" and not depth:
            if text[at + 1 : at + 2] == "=" or text[at - 1 : at] in ("!",):
                return None
            before = text[:at].rstrip()
            for operator in ("<<", ">>", "+", "-", "*", "/", "%", "&", "|", "^"):
                if text[:at].endswith(operator):
                    return operator, at + 1
            return ("", at + 1) if before else None
    return None


class SampleScope:
    """The names of one function's expressions, where locals and members hold `columns`."""

    def __init__(self, names: FileNames, function: Function, columns: Columns) -> None:
        self._names = names
        self._function = function
        self._columns = columns
        self._depth = 0

    def evaluated(self, node: Node | None) -> Column:
        """The values of an expression; UNKNOWN where there is none."""
        return evaluate(node, self) if node is not None else UNKNOWN

    def value(self, path: str) -> Column:
        """The value of a name or path (expressions.typed.Scope)."""
        known = self._columns.get(path)
        if known is not None:
            return known
        if path in ("true", "false", "TRUE", "FALSE", "NULL"):
            return Column(int(path.lower() == "true"), INT)
        if _WORD.match(path) and path not in self._function.locals:
            number = self._names.constant(path)
            if number is not None:
                return Column(number, INT if -(1 << 31) <= number < 1 << 31 else UINT64)
        declared = self._names.int_type_of(self._function, path)
        assumed = self._names.assumed(self._function, path)
        if assumed is not None:
            return Column(assumed, declared or INT)
        return Column(None, declared) if declared is not None else UNKNOWN

    def result(self, name: str, args: Sequence[str]) -> Column:
        """What a call comes to (expressions.typed.Scope); functions of include/qemu/bitops.h are known."""
        self._depth += 1
        try:
            if self._depth > _DEEPEST:
                return UNKNOWN
            known = _FUNCTIONS.get(name)
            if known is not None:
                values = [self.evaluated(read(arg)) for arg in args]
                wanted, work = known
                return work(values) if len(values) == wanted else UNKNOWN
            if name in ("sizeof", "ARRAY_SIZE") and len(args) == 1:
                number = self._names.size(self._function, args[0], name == "ARRAY_SIZE")
                return Column(number, UINT64) if number is not None else UNKNOWN
            text = self._names.macro_text(name, args)
            if text is not None:
                return self.evaluated(read(text))
            number = self._names.returned(name, self._columns)
            return Column(number) if number is not None else UNKNOWN
        finally:
            self._depth -= 1


def _extract(bits: int) -> Callable[[Sequence[Column]], Column]:
    def work(values: Sequence[Column]) -> Column:
        value, start, length = values
        to = IntType(bits, False)
        if not isinstance(start.numbers, int) or not isinstance(length.numbers, int):
            return Column(None, to)
        mask = Column((1 << length.numbers) - 1 if 0 < length.numbers <= bits else 0, to)
        return binary("&", binary(">>", value.cast(to), start), mask)

    return work


def _bit(values: Sequence[Column]) -> Column:
    return binary("<<", Column(1, UINT64), values[0])


def _extreme(sign: str) -> Callable[[Sequence[Column]], Column]:
    def work(values: Sequence[Column]) -> Column:
        a, b = values
        if isinstance(a.numbers, int) and isinstance(b.numbers, int):
            return a if (a.numbers < b.numbers) == (sign == "<") else b
        if a.numbers is None or b.numbers is None:
            return UNKNOWN
        count = len(next(c.numbers for c in (a, b) if isinstance(c.numbers, tuple)))
        pairs = [(a.at(i), b.at(i)) for i in range(count)]
        choose = min if sign == "<" else max
        return Column(tuple(None if x is None or y is None else choose(x, y) for x, y in pairs), a.type)

    return work


def _covers(values: Sequence[Column]) -> Column:
    start, length, byte = (value.cast(UINT64) for value in values)
    last = binary("-", binary("+", start, length), Column(1, UINT64))
    return binary("&&", binary(">=", byte, start), binary("<=", byte, last))


def _same(values: Sequence[Column]) -> Column:
    return values[0]


_FUNCTIONS: Mapping[str, tuple[int, Callable[[Sequence[Column]], Column]]] = {
    "extract8": (3, _extract(8)),
    "extract16": (3, _extract(16)),
    "extract32": (3, _extract(32)),
    "extract64": (3, _extract(64)),
    "BIT": (1, _bit),
    "BIT_ULL": (1, _bit),
    "BIT_MASK": (1, _bit),
    "MIN": (2, _extreme("<")),
    "MAX": (2, _extreme(">")),
    "range_covers_byte": (3, _covers),
    "likely": (1, _same),
    "unlikely": (1, _same),
    "UINT64_C": (1, _same),
    "INT64_C": (1, _same),
    # A little-endian host.
    **{f"{a}_to_{b}": (1, _same) for n in (16, 32, 64) for a, b in ((f"le{n}", "cpu"), ("cpu", f"le{n}"))},
}


def is_arithmetic(name: str) -> bool:
    """Whether a function only calculates, as those of include/qemu/bitops.h do."""
    return name in _FUNCTIONS or name in ("sizeof", "ARRAY_SIZE")
