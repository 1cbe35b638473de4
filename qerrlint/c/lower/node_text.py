# SPDX-License-Identifier: GPL-2.0-or-later
"""The nodes of one function as text: their spans, their source text, the paths of lvalues."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qerrlint.c.lexis import without_comments
from qerrlint.c.switched_off import is_switched_off
from qerrlint.lazy_patterns import lazy_re
from qerrlint.source.span import Span

if TYPE_CHECKING:
    from tree_sitter import Node

_MEMBERS = lazy_re(r"\w+(?:(?:->|\.)\w+)+")
_ASKED = lazy_re(r"(?m)^[ \t]*#[ \t]*(?:el)?if(?:n?def)?[ \t]+([^\n]+)")
_FLAG = lazy_re(r"\bbool\s{1,99}(\w+)")
# The texts of nested calls repeat each other. Real functions need about four times their own length in all
# (see tests/test_c_lower.py); the limit bounds what a hostile nest of calls costs.
_TEXT_LIMIT = 100
_SMALL = 1 << 16


class TextLimitError(Exception):
    """The nested expressions of a function repeat more text than any real function does."""


class NodeText:
    """Answers by the original bytes of one function, which its nodes count their offsets from."""

    __slots__ = ("_allowance", "_ascii", "_asked", "_base", "_data", "_flags", "_normal", "_path", "_text")

    def __init__(self, data: bytes, span: Span, normal: bytes) -> None:
        """`data` is the whole file, `span` the function's place in it, `normal` its normalised bytes."""
        piece = data[span.start : span.end]
        self._data = data
        self._normal = normal
        # One character a byte, so that offsets index the text; almost all functions are plain ASCII.
        self._text = piece.decode("latin-1")
        self._ascii = piece.isascii()
        self._base = span.start
        self._path = span.path
        self._allowance = _TEXT_LIMIT * len(piece) + _SMALL
        self._asked: list[str] | None = None
        self._flags: frozenset[str] | None = None

    def is_switched_off(self, name: str) -> bool:
        """Whether the file shows that it does not define a macro."""
        return is_switched_off(self._data, name)

    def is_asked_again(self, condition: str) -> bool:
        """Whether more than one directive of the function has the text of a condition of `#if`."""
        if self._asked is None:
            self._asked = [found[1] for found in _ASKED.finditer(self._text)]
        return sum(condition in line for line in self._asked) > 1

    def declares_bool(self, name: str) -> bool:
        """Whether the function declares a parameter or a variable of type bool of that name."""
        if self._flags is None:
            self._flags = frozenset(_FLAG.findall(self._text))
        return name in self._flags

    def is_blank(self, start: int, end: int) -> bool:
        """Whether the normalised text between two offsets of the function holds nothing but blanks."""
        return not self._normal[start:end].strip()

    def rename(self, node: Node, scope: Node) -> str:
        """Give the variable that an identifier declares another name of equal length, up to a scope's end.

        Members and the contents of strings keep theirs. Returns the new name, or the old one where the
        function uses all such names already.
        """
        old = self.raw(node)
        for ending in "_0123456789":
            new = old[:-1] + ending
            if new != old and new.isidentifier() and not re.search(rf"\b{new}\b", self._text):
                break
        else:
            return old
        start, end = node.start_byte, scope.end_byte
        found = re.compile(rf'"(?:[^"\\\n]|\\.)*"|(?<![\w.])(?<!->){re.escape(old)}\b')
        inside = found.sub(lambda m: new if m.group() == old else m.group(), self._text[start:end])
        self._text = self._text[:start] + inside + self._text[end:]
        return new

    def span(self, node: Node) -> Span:
        """The node's place in the file."""
        base = self._base
        return Span(self._path, base + node.start_byte, base + node.end_byte)

    def spans(self, nodes: Iterable[Node]) -> tuple[Span, ...]:
        """The places of several nodes."""
        path, base = self._path, self._base
        return tuple([Span(path, base + node.start_byte, base + node.end_byte) for node in nodes])

    def raw(self, node: Node) -> str:
        """The node's text as written."""
        text = self._text[node.start_byte : node.end_byte]
        return text if self._ascii else text.encode("latin-1").decode("utf-8", "replace")

    def normalised(self, node: Node) -> str:
        """The node's text as the grammar saw it, where macros may have been rewritten."""
        return self._normal[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def start_of(self, node: Node, length: int) -> str:
        """The first characters of the node's text as written, at most `length`."""
        start = node.start_byte
        text = self._text[start : min(node.end_byte, start + 4 * length)]
        return text.encode("latin-1").decode("utf-8", "replace")[:length]

    def text(self, node: Node) -> str:
        """The node's text without blanks and comments; raises TextLimitError."""
        text = self.raw(node)
        self._allowance -= len(text)
        if self._allowance < 0:
            raise TextLimitError
        if "/" in text:
            text = without_comments(text)
        return "".join(text.split())

    def holds(self, node: Node, first: str, second: str) -> bool:
        """Whether the node's text contains one of two ASCII characters."""
        find, start, end = self._text.find, node.start_byte, node.end_byte
        return find(first, start, end) >= 0 or find(second, start, end) >= 0

    def members(self, node: Node) -> str | None:
        """The path of a member as written, if it is made of names, `.` and `->` alone; else None."""
        path = self.raw(node)
        return path if _MEMBERS.fullmatch(path) else None

    def lvalue(self, node: Node) -> str:
        """The canonical path of an lvalue, or the text without blanks of any other expression."""
        kind = node.type
        if kind == "identifier":
            return self.raw(node)
        if kind == "field_expression":
            path = self.members(node)
            if path is not None:
                return path
        handler = _LVALUES.get(kind)
        found = handler(self, node) if handler is not None else None
        return found if found is not None else self.text(node)


def _field(source: NodeText, node: Node) -> str | None:
    base, member = node.child_by_field_name("argument"), node.child_by_field_name("field")
    if base is None or member is None:
        return None
    inner = source.lvalue(base)
    if inner.startswith("&"):
        return f"{inner[1:]}.{source.raw(member)}"
    operator = node.child(1)
    if inner.startswith("*") and base.type == "parenthesized_expression":  # (*p).x
        return f"{inner[1:]}->{source.raw(member)}"
    return f"{inner}{operator.type if operator is not None else '.'}{source.raw(member)}"


def _parenthesized(source: NodeText, node: Node) -> str | None:
    return source.lvalue(node.named_children[0]) if node.named_child_count == 1 else None


def _cast(source: NodeText, node: Node) -> str | None:
    value = node.child_by_field_name("value")
    return source.lvalue(value) if value is not None else None


def _pointer(source: NodeText, node: Node) -> str | None:
    argument, operator = node.child_by_field_name("argument"), node.child(0)
    if argument is None or operator is None:
        return None
    inner = source.lvalue(argument)
    if operator.type == "*":
        return inner[1:] if inner.startswith("&") else "*" + inner
    return inner[1:] if inner.startswith("*") else "&" + inner


def _subscript(source: NodeText, node: Node) -> str | None:
    base, index = node.child_by_field_name("argument"), node.child_by_field_name("index")
    if base is None or index is None:
        return None
    return f"{source.lvalue(base)}[{source.text(index)}]"


_LVALUES = {
    "field_identifier": NodeText.raw,
    "field_expression": _field,
    "parenthesized_expression": _parenthesized,
    "cast_expression": _cast,
    "pointer_expression": _pointer,
    "subscript_expression": _subscript,
}
