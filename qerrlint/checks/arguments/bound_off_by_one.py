# SPDX-License-Identifier: GPL-2.0-or-later
"""The event bound-off-by-one: a test lets an index be the number of elements of the array behind it.

A test limits a variable where it leaves the function or the loop for greater numbers, asserts, guards a
branch or ends a loop. The check compares the greatest number that it lets pass with the array that the
variable then indexes, as long as the variable does not change.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from qerrlint.c.cut import Piece
from qerrlint.c.expressions.parser import Binary, Call, Node, Path, UnreadableError, parse
from qerrlint.c.lexis import body_end, closing_bracket
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.qemu.int_expressions import IntExpressions, shown
from qerrlint.records import record
from qerrlint.source.span import Span

_TEST = lazy_re(r"\b(if|assert|g_assert|for|while)\s*(?=\()")
# A variable or member in brackets; comments may stand around it.
_INDEX = lazy_re(rb"\[[\s/]*([A-Za-z_][\w.>\-]*)[\s/]*(?:\+\+[\s/]*)?[\]*]")
_QUICK = lazy_re(rb"<=|[^->]>[^=>]|\b[A-Z][A-Z0-9_]+\s*<[^<=]")
_LEAVES = lazy_re(r"\b(?:return|goto|continue|break|abort|exit)\b[^;{}]*;\s*\}?\s*\Z")
_LABEL = lazy_re(r"\n[ \t]*(?:case\b[^:;{}]*|default\s*):")
_CHANGES = (
    r"(?<![\w.>]){name}\s*(?:(?:[-+*/%&|^]|<<|>>)?=(?!=)|--)|(?:\+\+|--)\s*{name}(?![\w.\[]|->)"
    r"|(?<!&)&\s*{name}(?![\w.\[]|->)"
)
_CHOSEN = r"\bswitch\s*\(\s*{name}\s*\)"
_COUNTS_UP = r"(?<![\w.>]){name}\s*\+\+"
# The address of the element behind the last one is a place that nothing need be read from.
_INDEXES = (
    r"(?<![\w.>&])(?<!& )([A-Za-z_]\w*(?:\s*(?:->|\.)\s*\w+|\[[^\[\]]*\])*)\s*\[\s*{name}\s*(?:\+\+\s*)?\]"
)
_OTHER_TEST = r"(?<![\w.>]){name}\s*(?:==|!=|>=|<(?![<=]))\s*([^;&|()]+|\w+\([^()]*\)|\([^()]*\))"
_LONGEST = 600
_SIZES = ("sizeof", "ARRAY_SIZE", "G_N_ELEMENTS")
_BYTE = lazy_re(r"\b(?:u?int8_t|char|guchar|gchar)\s*\[")


@record(frozen=True, slots=True)
class _Limit:
    """A variable or member and the greatest number that a test lets it be, behind the test or in its body.

    `form`: how the finding calls it; `start` and `end`: where the test stands; `after` and `until`: where it
    holds.
    """

    form: str
    name: str
    bound: Node
    start: int
    end: int
    after: int
    until: int


@record(frozen=True, slots=True)
class OffByOne:
    """The access that a test does not keep within an array; the subject of exemptions."""

    access: Span


@record(frozen=True, slots=True)
class _Size:
    """How many elements an array has: as a text, and the number where the declaration tells it."""

    text: str
    number: int | None


def run(file: AnalysedFile) -> Iterator[Observation]:
    """The tests of one file that let an index pass which is too great by one."""
    data = file.unit.data
    for piece in file.asked.matching(_INDEX):
        if _QUICK.search(data, piece.body, piece.span.end) is None:
            continue
        indexes = _INDEX.findall(data, piece.body, piece.span.end)
        names = frozenset(name.decode("latin-1") for name in indexes)
        unit = file.unit.with_definition(piece)
        yield from _Function(unit, piece, names).observations()


class _Function:
    """One function: its text and the types of its expressions. `indexes` are what indexes something in it."""

    def __init__(self, unit: TranslationUnit, piece: Piece, indexes: Collection[str]) -> None:
        self._unit = unit
        self._indexes = indexes
        self._piece = piece
        self._ints = IntExpressions(unit, piece)
        self._code = self._ints.code

    def observations(self) -> Iterator[Observation]:
        """The limits that are too great by one for an array that the variable indexes."""
        for limit in self._limits():
            found = self._access(limit)
            if found is None:
                continue
            access, size = found
            unit, body = self._unit, self._piece.body
            span = Span(unit.path, body + limit.start, body + limit.end)
            place = Span(unit.path, body + access.start(), body + access.end())
            array = "".join(access[1].split())
            yield Observation(
                event="bound-off-by-one",
                function=self._piece.name,
                primary=span,
                key=unit.text.on_one_line(span),
                slots={"index": limit.name, "size": size.text, "array": array, "form": limit.form},
                trail=(Step(place, f"{limit.name} indexes {array} here, which has {size.text} elements"),),
                certainty="medium" if size.number is None else "high",
                subject=OffByOne(place),
            )

    def _limits(self) -> Iterator[_Limit]:
        for found in _TEST.finditer(self._code):
            end = closing_bracket(self._code, found.end())
            if end - found.end() > _LONGEST:
                continue
            start, stop = found.end() + 1, end - 1
            if found[1] == "for":
                parts = self._code[start:stop].split(";")
                if len(parts) != 3:
                    continue
                start += len(parts[0]) + 1
                stop = start + len(parts[1])
            text = self._code[start:stop]
            if not any(name in text for name in self._indexes):
                continue
            try:
                condition = parse(text)
            except UnreadableError:
                continue
            span = (start + len(text) - len(text.lstrip()), start + len(text.rstrip()))
            for name, bound, sign in _compared(condition, found[1]):
                if name not in self._indexes:
                    continue
                region = self._region(found[1], sign, name, bound, end)
                if region is not None:
                    form = "assertion" if found[1].endswith("assert") else "test"
                    yield _Limit(form, name, bound, *span, *region)

    def _region(self, kind: str, sign: str, name: str, bound: Node, end: int) -> tuple[int, int] | None:
        """Where a test holds: in its body, or behind it to the end of the block; None where nowhere."""
        if kind.endswith("assert"):
            return end, self._end_of_block(end)
        body = body_end(self._code, end)
        if sign == "<=":
            return end, body
        if kind != "if" or self._code[body:].lstrip().startswith("else"):
            return None
        inside = self._code[end:body]
        clamps = re.fullmatch(rf"\s*\{{?\s*{re.escape(name)}\s*=([^;]+);\s*\}}?\s*", inside)
        if clamps is not None:
            return (body, self._end_of_block(body)) if _same(clamps[1], bound) else None
        return (body, self._end_of_block(body)) if _LEAVES.search(inside) else None

    def _end_of_block(self, at: int) -> int:
        """The end of the block or of the case of a switch in which a place lies."""
        depth = 0
        for place in range(at, len(self._code)):
            depth += (self._code[place] == "{") - (self._code[place] == "}")
            if depth < 0:
                label = _LABEL.search(self._code, at, place)
                return label.start() if label is not None else place
        return len(self._code)

    def _access(self, limit: _Limit) -> tuple[re.Match[str], _Size] | None:
        """The first access to an array of as many elements as the limit says, and how many these are."""
        name = re.escape(limit.name)
        changed = re.compile(_CHANGES.format(name=name)).search(self._code, limit.after, limit.until)
        until = changed.start() if changed is not None else limit.until
        for access in re.compile(_INDEXES.format(name=name)).finditer(self._code, limit.after, until):
            between = self._code[limit.after : access.start()]
            if any(re.search(pattern.format(name=name), between) for pattern in (_COUNTS_UP, _CHOSEN)):
                return None
            size = self._size(access[1], limit.bound)
            if size is not None:
                tested = self._is_tested_elsewhere(limit, name, access.start(), size)
                return None if tested else (access, size)
        return None

    def _size(self, array: str, bound: Node) -> _Size | None:
        """The number of elements of an array, where a bound says it; None where it says another number."""
        array = "".join(array.split())
        if isinstance(bound, Path) and _counts(bound.text, array):
            return _Size(bound.text, None)
        elements, type_ = self._ints.elements(array)
        if elements is None or elements < 2:
            return None
        if isinstance(bound, Call) and bound.name in _SIZES and len(bound.arguments) == 1:
            same = "".join(bound.arguments[0].split()) == array
            counts = bound.name != "sizeof" or _BYTE.search(type_) is not None
            return _Size(str(elements), elements) if same and counts else None
        return _Size(str(elements), elements) if self._ints.number(bound) == elements else None

    def _is_tested_elsewhere(self, limit: _Limit, name: str, access: int, size: _Size) -> bool:
        """Whether another test before the access tells the limit itself from what is below it."""
        for other in re.compile(_OTHER_TEST.format(name=name)).finditer(self._code, 0, access):
            text = other[1].strip()
            number = self._ints.constants.number(text) if size.number is not None else None
            if text == shown(limit.bound) or (number is not None and number == size.number):
                return True
        return False


def _compared(condition: Node, kind: str) -> Iterator[tuple[str, Node, str]]:
    """The variables that a condition compares with a number that they may still be: the name, the number and
    `>` where greater ones make it true, `<=` where they make it false."""
    shapes = (("||", ">", "<"), ("&&", "<=", ">="))
    for joined, sign, mirrored in shapes if kind == "if" else shapes[1:]:
        for part in _chain(condition, joined):
            if isinstance(part, Binary) and part.sign == sign and isinstance(part.left, Path):
                yield part.left.text, part.right, sign
            elif isinstance(part, Binary) and part.sign == mirrored and isinstance(part.right, Path):
                yield part.right.text, part.left, sign


def _chain(node: Node, sign: str) -> Iterator[Node]:
    """The operands of a chain of `&&` or `||`."""
    if isinstance(node, Binary) and node.sign == sign:
        yield from _chain(node.left, sign)
        yield from _chain(node.right, sign)
    else:
        yield node


def _counts(bound: str, array: str) -> bool:
    """Whether a variable or member is by its name the number of elements of an array beside it."""
    count, name = _last(bound), _last(array)
    if not name or bound[: -len(count)] != array[: -len(name)]:
        return False
    if count.startswith(name) == count.endswith(name):
        return False
    rest = count.removesuffix(name) if count.endswith(name) else count.removeprefix(name)
    return word_list("counts-of-elements").matches(rest.strip("_"))


def _last(path: str) -> str:
    """The last member of a path, or the variable."""
    return re.split(r"->|\.", path)[-1]


def _same(text: str, node: Node) -> bool:
    """Whether a text is the same expression as one that is read."""
    try:
        return parse(text.strip()) == node
    except UnreadableError:
        return False


BOUND_OFF_BY_ONE = event("bound-off-by-one", "index", "size", "array", form="test assertion")
"""index: what the test limits; array: what it indexes; size: how many elements that has; form: what limits
it."""

CHECKS = (FileCheck("bound-off-by-one", "errors", (BOUND_OFF_BY_ONE,), run),)
