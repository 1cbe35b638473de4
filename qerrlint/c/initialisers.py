# SPDX-License-Identifier: GPL-2.0-or-later
"""Initialisers read as data: the variables of a file that have one, with every element and its place.

Understood are designated members and elements, nested braces, compound literals and elements that are macro
invocations. Nothing is expanded or evaluated here; the texts are those of the file. Both arms of an `#if` are
read, and each element says in which arms it stands; what `#if 0` takes out is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from qerrlint.c.declarations.types import parse_declared, untagged
from qerrlint.c.lexis import DIRECTIVE, bare, brace_end
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.span import Span

LIST = "list"
INVOCATION = "invocation"
EXPRESSION = "expression"

Arms = tuple[tuple[int, int], ...]
"""The arms that an element stands in, outermost first: offset of the `#if`, number of the arm."""


@record(frozen=True, slots=True)
class Argument:
    """One argument of a macro invocation: its text, runs of blanks as one, and its place."""

    text: str
    span: Span


@record(frozen=True, slots=True)
class Value:
    """What a member or element is initialised with.

    kind: "list" (braces; `elements`), "invocation" (one call or macro with `name` and `arguments`) or
    "expression" (anything else). `text` has comments taken out and runs of blanks folded; "" for a list.
    `type` is the type in parentheses before the braces of a compound literal ("const VMStateField []"),
    `address` whether `&` stands before it.
    """

    kind: str
    text: str
    span: Span
    elements: tuple[Element, ...] = ()
    name: str = ""
    arguments: tuple[Argument, ...] = ()
    type: str = ""
    address: bool = False

    def get(self, *members: str) -> Value | None:
        """The value of a designated member, or of a member of a member; of several the last, as in C.

        `.a.b = x` and `.a = { .b = x }` are the same. Positional elements are not looked at.
        """
        found: Value | None = None
        for element in self.elements:
            names = element.members
            if names == members:
                found = element.value
            elif names and names == members[: len(names)]:
                inner = element.value.get(*members[len(names) :])
                found = inner if inner is not None else found
        return found


@record(frozen=True, slots=True)
class Element:
    """One element of a list.

    `designators` are the texts before the `=` ((".impl", ".min_access_size"), ("[2]",)), () for an element
    that has none. `span` covers the designators and the value. `arms`: the `#if` arms that it stands in.
    """

    designators: tuple[str, ...]
    value: Value
    span: Span
    arms: Arms = ()

    @property
    def members(self) -> tuple[str, ...]:
        """The names of the designated members; () where the designators are indexes or there are none."""
        if not all(text.startswith(".") for text in self.designators):
            return ()
        return tuple(text[1:] for text in self.designators)

    @property
    def index(self) -> str | None:
        """The text of an index designator, None where the element has none."""
        first = self.designators[0] if self.designators else ""
        return first[1:-1].strip() if first.startswith("[") else None


@record(frozen=True, slots=True)
class Table:
    """A variable with a braced initialiser.

    `type` is the canonical type of the variable without "const" and "struct", or of its elements where
    `array` is true; `span` reaches from the head to the closing brace, `name_span` covers the name. `local`:
    it stands inside a function.
    """

    name: str
    type: str
    array: bool
    span: Span
    name_span: Span
    value: Value
    local: bool = False

    @property
    def rows(self) -> tuple[Element, ...]:
        """The elements of an array, or the one value of a plain variable as if it were an array of one."""
        if self.array:
            return self.value.elements
        return (Element((), self.value, self.value.span),)


def exclusive(one: Arms, other: Arms) -> bool:
    """Whether two elements stand in different arms of one `#if`, so that no program holds both."""
    arms = dict(one)
    return any(opening in arms and arms[opening] != arm for opening, arm in other)


# A head of a declaration up to the opening brace: words, a name, dimensions, an attribute.
_HEAD = lazy_re(
    rb"^([ \t]*)((?:[A-Za-z_]\w*[ \t\n*]+)+?)([A-Za-z_]\w*)((?:\s*\[[^\]{};]*\])*)"
    rb"(?:\s*(?:__attribute__\s*\(\(.*?\)\)|QEMU_\w+(?:\([^)]*\))?))?\s*=\s*(?=\{)",
    re.M,
)
_NOT_A_TYPE = frozenset(b"return else goto case typedef".split())
_TOKEN = lazy_re(
    r'"[^"]*"?|\'[^\']*\'?|[A-Za-z_]\w*|\d[\w.]*|->|<<=?|>>=?|[-+*/%&|^=!<>]=|&&|\|\||\.\.\.|[^\s\w]'
)
_NEVER = lazy_re(rb"[ \t]*#[ \t]*if[ \t]+0[ \t]*\Z")
_OPENING = {"(": ")", "[": "]", "{": "}"}
_LITERAL_TYPE = lazy_re(
    r"(?:const\s+)?(?:struct\s+|union\s+)?[A-Za-z_]\w*(?:\s*\*|\s*const\b)*\s*(\[[^\]]*\])?\s*\Z"
)
# How many times the length of a file is scanned for closing braces at most: a brace that nothing closes costs
# the rest of the file, and no real file has many of them.
_MOST_SCANS = 32
# Braces nest so deep at most; deeper ones are read as plain text.
_DEEPEST = 32


def tables(path: str, data: bytes) -> Iterator[Table]:
    """The file's variables with a braced initialiser at column 0, in the order of the file."""
    return _found(path, data, b"", False)


def tables_of_type(path: str, data: bytes, name: str) -> Iterator[Table]:
    """The tables whose declarations mention a type, those inside of functions too."""
    word = name.encode("latin-1", "replace")
    return _found(path, data, word, True) if word in data else iter(())


@lru_cache(maxsize=4)
def _heads(data: bytes) -> tuple[bytes, tuple[re.Match[bytes], ...]]:
    """The bare text of a file and the heads in it; a file is asked for tables of many types in a row."""
    text = bare(data)
    return text, tuple(_HEAD.finditer(text))


def _found(path: str, data: bytes, word: bytes, local: bool) -> Iterator[Table]:
    text, heads = _heads(data)
    reader: _Reader | None = None
    end = 0
    budget = _MOST_SCANS * len(text)
    for head in heads:
        indented = bool(head[1])
        words = head[2].split()
        if head.start() < end or (indented and not local) or words[0] in _NOT_A_TYPE:
            continue
        if word and word not in head[2]:
            continue
        if budget < 0:
            return
        closing = brace_end(text, head.end())
        budget -= (closing if closing >= 0 else len(text)) - head.end()
        declared = parse_declared((head[2] + head[3] + head[4]).decode("latin-1"))
        if closing < 0 or len(declared) != 1 or declared[0].name != head[3].decode("latin-1"):
            continue
        end = closing
        reader = reader or _Reader(path, data, text)
        kind = untagged(declared[0].type.removeprefix("const "))
        dimension = kind.find("[")
        yield Table(
            declared[0].name,
            kind[:dimension].rstrip() if dimension >= 0 else kind,
            dimension >= 0,
            Span(path, head.start(2), closing),
            Span(path, head.start(3), head.end(3)),
            reader.value_at(head.end(), closing),
            indented,
        )


@record(frozen=True, slots=True)
class _Token:
    text: str
    start: int
    end: int
    arms: Arms


class _Reader:
    """Reads values from the tokens between two offsets of a file; `text` is the file's bare text."""

    def __init__(self, path: str, data: bytes, text: bytes) -> None:
        self._path = path
        self._data = data
        self._text = text
        self._toks: list[_Token] = []
        self._close: dict[int, int] = {}

    def value_at(self, start: int, end: int) -> Value:
        """The value whose text is [start, end)."""
        self._toks = self._tokens(start, end)
        self._close = self._pairs()
        return self._value(0, len(self._toks), 0)

    def _tokens(self, start: int, end: int) -> list[_Token]:
        out: list[_Token] = []
        open_arms: list[tuple[int, int]] = []
        at = start
        left_out: int | None = None  # the `#if 0` whose first arm stands at hand
        for directive in [*DIRECTIVE.finditer(self._text, start, end), None]:
            stop = directive.start() if directive is not None else end
            arms = tuple(open_arms)
            piece = self._text[at:stop].decode("latin-1")
            if left_out is None:
                out += [_Token(m[0], at + m.start(), at + m.end(), arms) for m in _TOKEN.finditer(piece)]
            if directive is None:
                break
            word = directive[1]
            if word.startswith(b"if"):
                open_arms.append((directive.start(), 0))
                if left_out is None and _NEVER.match(directive[0]):
                    left_out = directive.start()
            elif word in (b"else", b"elif", b"endif") and open_arms:
                opening, arm = open_arms.pop()
                if word != b"endif":
                    open_arms.append((opening, arm + 1))
                if opening == left_out:
                    left_out = None
            at = directive.end()
        return out

    def _pairs(self) -> dict[int, int]:
        """For the index of each opening bracket that of its closing one."""
        pairs: dict[int, int] = {}
        stack: list[int] = []
        for index, token in enumerate(self._toks):
            if token.text in _OPENING:
                stack.append(index)
            elif stack and token.text == _OPENING[self._toks[stack[-1]].text]:
                pairs[stack.pop()] = index
        return pairs

    def _span(self, first: int, last: int) -> Span:
        return Span(self._path, self._toks[first].start, self._toks[last - 1].end)

    def _words(self, first: int, last: int) -> str:
        """The text of tokens, with the insides of literals and without comments, blanks folded."""
        parts: list[str] = []
        for index in range(first, last):
            token = self._toks[index]
            if index > first and self._toks[index - 1].end < token.start:
                parts.append(" ")
            parts.append(self._data[token.start : token.end].decode("utf-8", "replace"))
        return "".join(parts)

    def _value(self, first: int, last: int, depth: int) -> Value:
        toks = self._toks
        if first >= last:
            at = toks[first].start if first < len(toks) else (toks[-1].end if toks else 0)
            return Value(EXPRESSION, "", Span(self._path, at, at))
        span = self._span(first, last)
        at = first
        address = toks[at].text == "&"
        at += address
        literal = ""
        while at < last and toks[at].text == "(" and at in self._close:
            closing = self._close[at]
            inside = self._words(at + 1, closing)
            if closing + 1 < last and toks[closing + 1].text == "{" and _LITERAL_TYPE.match(inside):
                literal = re.sub(r"\s*(\[|\*)", r" \1", " ".join(inside.split()))
                at = closing + 1
            break
        if at < last and toks[at].text == "{" and self._close.get(at) == last - 1 and depth < _DEEPEST:
            elements = tuple(self._elements(at + 1, last - 1, depth + 1))
            return Value(LIST, "", span, elements, type=literal, address=address)
        text = self._words(first, last)
        if (
            last - first >= 3
            and toks[first].text.isidentifier()
            and toks[first + 1].text == "("
            and self._close.get(first + 1) == last - 1
        ):
            return Value(
                INVOCATION, text, span, name=toks[first].text, arguments=self._arguments(first + 2, last - 1)
            )
        return Value(EXPRESSION, text, span, address=address)

    def _arguments(self, first: int, last: int) -> tuple[Argument, ...]:
        out = []
        for begin, stop in self._parts(first, last, False):
            if begin < stop:
                out.append(Argument(self._words(begin, stop), self._span(begin, stop)))
            elif first < last:
                place = self._toks[min(begin, last)].start
                out.append(Argument("", Span(self._path, place, place)))
        return tuple(out)

    def _parts(self, first: int, last: int, rows: bool) -> Iterator[tuple[int, int]]:
        """The runs of tokens between the commas outside of brackets.

        `rows`: an invocation is also ended by a name or brace that follows it (a macro that ends in a comma)
        and by a change of arms.
        """
        begin = at = first
        while at < last:
            token = self._toks[at]
            if token.text in _OPENING and at in self._close:
                at = self._close[at] + 1
                following = self._toks[at].text if at < last else ""
                if rows and token.text == "(" and self._ends_row(begin, at, following):
                    yield begin, at
                    begin = at
                continue
            if token.text == ",":
                yield begin, at
                begin = at + 1
            at += 1
        yield begin, last

    def _ends_row(self, begin: int, at: int, following: str) -> bool:
        """Whether `NAME(...)` before the token `at` is a whole element though no comma follows."""
        if at >= len(self._toks) or not self._toks[begin].text.isidentifier():
            return False
        if self._close.get(begin + 1) != at - 1:
            return False
        if self._toks[at].arms != self._toks[begin].arms:
            return following != ","
        return following.isidentifier() or following == "{"

    def _elements(self, first: int, last: int, depth: int) -> Iterator[Element]:
        for begin, stop in self._parts(first, last, True):
            if begin < stop:
                yield self._element(begin, stop, depth)

    def _element(self, begin: int, stop: int, depth: int) -> Element:
        toks = self._toks
        designators: list[str] = []
        at = begin
        while at < stop:
            if toks[at].text == "." and at + 1 < stop and toks[at + 1].text.isidentifier():
                designators.append(f".{toks[at + 1].text}")
                at += 2
            elif toks[at].text == "[" and at in self._close and self._close[at] < stop:
                designators.append(self._words(at, self._close[at] + 1))
                at = self._close[at] + 1
            else:
                break
        if designators and at < stop and toks[at].text == "=":
            at += 1
        elif designators and not (at < stop and toks[at].text == "{"):
            designators, at = [], begin
        # Old GNU style, `member: value`.
        if not designators and stop - at > 2 and toks[at].text.isidentifier() and toks[at + 1].text == ":":
            designators, at = [f".{toks[at].text}"], at + 2
        value = self._value(at, stop, depth)
        return Element(tuple(designators), value, self._span(begin, stop), toks[begin].arms)
