# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: a region reaches beyond the array that its handler indexes with the offset.

The greatest offset is that of the region, which must have a constant size. It is followed through the
assignments of the handler in the order of its text; any test of what carries it ends the pursuit, for only an
access that nothing bounds is told of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from qerrlint.c.declarations.types import parse_signature
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.findings import Observation, Step
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.constants import Constants
from qerrlint.qemu.device_tables import RegionTable, RegionUse, region_tables, region_uses
from qerrlint.qemu.function_text import FunctionText, function_text
from qerrlint.qemu.layouts import layouts_of
from qerrlint.source.span import Span

_EVENTS = re.compile(
    r"(?P<brace>[{}])"
    r"|\b(?P<label>case\b[^:;{}]*|default)\s*:"
    r"|\b(?P<test>if|while|for|assert|g_assert|return|switch)\s*\((?P<tested>[^;{}]*)"
    r"|(?:^|[;{}:)])\s*(?:(?:const\s+)?(?:unsigned\s+)?\w+\s+)?(?P<target>\w+)\s*(?P<op>>>|<<|/|\+|-|&|\*|\||%)?=(?!=)"
    r"\s*(?P<value>[^;]+);",
    re.M,
)
_ACCESS = re.compile(r"\b(?P<object>\w+)\s*->\s*(?P<field>\w+)\s*\[(?P<index>[^\[\]]+)\]")
_COMPARED = re.compile(r"\s*(\w+)\s*(<=?|>=?)\s*((?:[^<>=&|!]|>>|<<)+)\Z")
# The end of a block, read backwards: its last statement is a return or goto.
_LEAVES = re.compile(r"\s*;[^;{}]*\b(?:nruter|otog)\b")
_NAME = re.compile(r"\b[A-Za-z_]\w*\b")
_MONOTONE = re.compile(r"[\w\s()+*/]|>>|-\s*(?=\w)")
_CAST = re.compile(r"(?<!sizeof)(?<!sizeof )\(\s*(?:u?int\d*_t|unsigned|int|hwaddr|size_t|unsigned int)\s*\)")


def _run(file: AnalysedFile) -> Iterator[Observation]:
    unit = file.unit
    if b"MemoryRegionOps" not in unit.data or b"[" not in unit.data:
        return
    uses: dict[str, list[RegionUse]] = {}
    for use in region_uses(unit.path, unit.data):
        uses.setdefault(use.table, []).append(use)
    if not uses:
        return
    declarations = unit.program.environment.files.file(unit.path)
    constants = layouts_of(unit.program.environment).constants(unit.path)
    told: set[Span] = set()
    for region in region_tables(unit.path, unit.data):
        sizes = [
            (size, use) for use in uses.get(region.table.name, ()) if (size := constants.number(use.size))
        ]
        if not sizes or declarations is None:
            continue
        size, use = max(sizes, key=lambda pair: pair[0])
        for name in dict.fromkeys((region.read, region.write)):
            handler = function_text(declarations, name) if name in unit.functions else None
            for found in _Handler(unit, constants, handler, size).beyond() if handler is not None else ():
                if found.span not in told:
                    told.add(found.span)
                    yield found.observation(name, size, use, region)


@dataclass(frozen=True, slots=True)
class _Beyond:
    """An access whose index may be as great as `greatest`, of an array of `count` elements."""

    span: Span
    text: str
    greatest: int
    count: int

    def observation(self, function: str, size: int, use: RegionUse, region: RegionTable) -> Observation:
        """What is to be said of it."""
        return Observation(
            event="mmio-index-range",
            function=function,
            primary=self.span,
            key=self.text,
            slots={
                "access": self.text,
                "greatest": str(self.greatest),
                "count": str(self.count),
                "size": f"{size:#x}",
            },
            trail=(Step(use.span, f"the region has {size:#x} bytes"),),
            subject=region,
        )


class _Handler:
    """One read or write function, walked once in the order of its text."""

    def __init__(self, unit: TranslationUnit, constants: Constants, text: FunctionText, size: int) -> None:
        self._unit = unit
        self._constants = constants
        self._text = text
        self._greatest: dict[str, int | None] = {}
        signature = parse_signature(text.head.encode("latin-1", "replace"), text.path, text.head_start)
        if signature is not None and len(signature.params) >= 2:
            self._greatest[signature.params[1].name] = size - 1
        self._types = _pointers(text)

    def beyond(self) -> Iterator[_Beyond]:
        """The accesses that reach beyond their array."""
        code = self._text.code
        at = depth = 0
        bounded: list[int] = []  # the depths of the switches whose default leaves the function
        in_case = 0  # the depth of the case label that the text stands behind; 0 for none
        for found in _EVENTS.finditer(code):
            if not any(value is not None for value in self._greatest.values()):
                return
            if not in_case:
                yield from self._accesses(at, found.start())
            at = found.start()
            if found["brace"]:
                depth += 1 if found["brace"] == "{" else -1
                in_case = 0 if depth < in_case else in_case
                if bounded and depth == bounded[-1]:
                    # Only offsets that a case names leave the switch.
                    bounded.pop()
                    self._greatest = dict.fromkeys(self._greatest)
            elif found["label"]:
                if not in_case or depth <= in_case:
                    in_case = 0 if found["label"] == "default" else depth
            elif found["test"] == "switch":
                if self._default_leaves(found.start("tested") - 1):
                    bounded.append(depth)
            elif found["test"]:
                if found["test"] != "return":
                    self._test(found["test"], found.start("tested") - 1)
            else:
                if not in_case:
                    yield from self._accesses(at, found.end())
                at = found.end()
                self._assign(found["target"], found["op"] or "", found["value"], depth)
        if not in_case:
            yield from self._accesses(at, len(code))

    def _test(self, word: str, paren: int) -> None:
        """What a condition mentions may be bounded behind it.

        A single comparison with a constant, of which one side leaves the function, gives the bound; a test
        of another form may bound anything that carries the offset.
        """
        end = _closed(self._text.code, paren)
        tested = self._text.code[paren + 1 : end - 1]
        if not any(name in self._greatest for name in _NAME.findall(tested)):
            return
        found = _COMPARED.match(tested)
        bound = self._constants.number(found[3]) if found is not None else None
        greatest = self._greatest.get(found[1]) if found is not None else None
        leaves = _LEAVES.match(self._block(end)) is not None
        if found is not None and bound is not None and greatest is not None:
            kept = "assert" in word if found[2][0] == "<" else word == "if" and leaves
            if kept:
                self._greatest = {
                    **dict.fromkeys(self._greatest),
                    found[1]: min(greatest, bound - (found[2] in ("<", ">="))),
                }
                return
        self._greatest = dict.fromkeys(self._greatest)

    def _block(self, at: int) -> str:
        """The statement or block from `at` on, backwards from its end."""
        code = self._text.code
        rest = code[at:].lstrip()
        start = len(code) - len(rest)
        if rest.startswith("{"):
            return code[start + 1 : _closed(code, start) - 1].rstrip()[::-1]
        return code[start : code.find(";", start) + 1][::-1]

    def _default_leaves(self, paren: int) -> bool:
        """Whether the default of the switch whose parenthesis is given ends in a return, and it has one."""
        code = self._text.code
        tested = code[paren + 1 : _closed(code, paren) - 1]
        opening = code.find("{", _closed(code, paren))
        if opening < 0 or not any(self._greatest.get(name) is not None for name in _NAME.findall(tested)):
            return False
        body = code[opening : _closed(code, opening)]
        default = re.search(r"\bdefault\s*:(.*?)(?=\bcase\b|\Z)", body, re.S)
        return (
            default is not None
            and re.search(r"\b(?:return|goto|g_assert_not_reached|abort)\b", default[1]) is not None
        )

    def _assign(self, target: str, op: str, value: str, depth: int) -> None:
        whole = f"({target}) {op} ({value})" if op else value
        known = self._at_most(whole)
        if target in self._greatest or known is not None:
            # An assignment that not every path makes leaves the value open.
            self._greatest[target] = known if depth <= 1 else None

    def _at_most(self, expression: str) -> int | None:
        """The greatest value of an expression that grows with what carries the offset; None if not known."""
        text = _CAST.sub("", expression)
        carriers = [name for name in _NAME.findall(text) if self._greatest.get(name) is not None]
        plain = re.sub(r"\bsizeof\s*\([^()]*\)", "4", text)
        if not carriers or _MONOTONE.sub("", plain):
            return None
        replaced = _NAME.sub(
            lambda m: str(self._greatest[m[0]]) if self._greatest.get(m[0]) is not None else m[0], text
        )
        return self._constants.number(replaced)

    def _accesses(self, start: int, end: int) -> Iterator[_Beyond]:
        for found in _ACCESS.finditer(self._text.code, start, end):
            greatest = self._at_most(found["index"])
            if greatest is None or "?" in self._text.code[start : found.start()]:
                continue
            count = self._count(self._types.get(found["object"], ""), found["field"])
            if count is not None and greatest >= count:
                base = self._text.start
                span = Span(self._unit.path, base + found.start(), base + found.end())
                yield _Beyond(span, self._unit.on_one_line(span), greatest, count)

    def _count(self, struct: str, field: str) -> int | None:
        """How many elements an array of a struct has; None where that is not known."""
        layouts = layouts_of(self._unit.program.environment)
        layout = layouts.layout(struct, self._unit.path) if struct else None
        placed = layout.field(field) if layout is not None else None
        if layout is None or placed is None or not placed.field.dimensions:
            return None
        # The dimension is read with what the struct's own file sees.
        return layouts.constants(layout.path).number(placed.field.dimensions[0])


def _closed(code: str, opening: int) -> int:
    """The offset behind the bracket that closes the one at `opening`, or the end of the text."""
    pair = {"(": ")", "{": "}"}[code[opening]]
    depth = 0
    for at in range(opening, len(code)):
        depth += (code[at] == code[opening]) - (code[at] == pair)
        if not depth:
            return at + 1
    return len(code)


def _pointers(text: FunctionText) -> Mapping[str, str]:
    """The structs that the pointers declared in a function point to, by name."""
    found = re.findall(r"\b(?:struct\s+)?(\w+)\s*\*\s*(?:const\s+)?(\w+)\s*[=;,]", text.code)
    return {name: struct for struct, name in found}


CHECKS = (
    FileCheck(
        "mmio-index-range",
        "devices",
        # access: the array and its index; greatest: of the index; count: of elements; size: the region's.
        (event("mmio-index-range", "access", "greatest", "count", "size"),),
        _run,
    ),
)
