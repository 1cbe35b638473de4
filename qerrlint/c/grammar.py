# SPDX-License-Identifier: GPL-2.0-or-later
"""The C grammar of tree-sitter: one parser with its limits, and queries on its trees.

The parser and the query are made once per process and at first use, since loading them takes time.

A parse of real code takes time in proportion to its length. Hostile text can make it take the square: the
lexer reads on to the end of the text for each token that does not end, and at an error the parser tries what
it could reduce for each token that might be missing. The first is bounded by counting the parser's steps,
which do not depend on the machine. The second happens within one step; it needs many unfinished constructs,
so a long text is parsed only if its brackets are shallow and its statements short.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import tree_sitter_c
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from qerrlint.c.lexis import bare
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

_OTHER_TYPES = frozenset(
    {"declaration", "type_definition", "struct_specifier", "union_specifier", "enum_specifier"}
)

# A step is 100 operations of tree-sitter. Each function of QEMU, with an error in it or not, takes a fifth of
# the steps allowed here or less (all functions of 7.2 and of August 2026).
_STEPS = 200
_BYTES_A_STEP = 24
# Shorter texts are parsed without a look at their structure: the worst of them take a tenth of a second.
_SHORT = 1 << 13


@record(frozen=True, slots=True)
class _Limits:
    """How deep brackets may nest, and how long a statement may be, in bytes besides blanks and literals.

    In the functions of QEMU that are longer than _SHORT, brackets nest 12 levels deep, a statement has 946
    bytes, a line 422, and `else` and #elif occur 116 times.
    """

    depth: int
    statement: int


_ONCE = _Limits(depth=200, statement=10_000)
# A text that had an error is parsed up to three times.
_AGAIN = _Limits(depth=60, statement=3_000)
_MOST_ELSE = 2000
_LONGEST_LINE = 1 << 13

_TOKEN = lazy_re(rb"[()\[\]{};]|[^\s()\[\]{};]+")
_ELSE = lazy_re(rb"\bel(?:se|if)")
_CONTINUES = lazy_re(rb"\s*[^\w\s{};]")


class TangledError(Exception):
    """A text that would take the parser too long; says how it differs from any real code."""


@lru_cache(maxsize=1)
def _language() -> Language:
    return Language(tree_sitter_c.language())


@lru_cache(maxsize=1)
def _parser() -> Parser:
    return Parser(_language())


@lru_cache(maxsize=1)
def _functions() -> Query:
    query: Query = Query(_language(), "(function_definition) @function")
    return query


def parse(data: bytes, again: bool = False) -> Node:
    """The root node of a parse of normalised bytes; raises TangledError for what would take too long.

    again: whether it is a further attempt at a text that had an error.
    """
    if again or len(data) > _SHORT:
        check_structure(data, _AGAIN if again else _ONCE)
    parser, chunk = _parser(), _chunk()
    left = _STEPS + len(data) // _BYTES_A_STEP

    def read(offset: int, _point: object) -> bytearray:
        chunk[:] = data[offset:] if offset else data
        return chunk

    def stop(_offset: int, _has_error: bool) -> bool:
        nonlocal left
        left -= 1
        return left < 0

    try:
        return parser.parse(read, progress_callback=stop).root_node
    except BaseException as error:
        parser.reset()  # else it would go on where it was stopped
        if isinstance(error, ValueError):
            raise TangledError("more work to parse than code of its length") from None
        raise


@lru_cache(maxsize=1)
def _chunk() -> bytearray:
    """What each read of the parser returns: the binding keeps a reference to every object that it is given,
    so a new one each time would never be freed."""
    return bytearray()


def check_structure(data: bytes, limits: _Limits) -> None:
    """Raises TangledError for a text whose brackets or statements are beyond what any real code has."""
    if max(map(len, data.split(b"\n"))) > _LONGEST_LINE:
        raise TangledError(f"a line of more than {_LONGEST_LINE} bytes")
    code = bare(data)
    if len(_ELSE.findall(code)) > _MOST_ELSE:
        raise TangledError(f"more than {_MOST_ELSE} branches")
    size = 0  # of the innermost statement, list of arguments or initialiser so far
    outer: list[int] = []
    for match in _TOKEN.finditer(code):
        token = match.group()
        if token in b"([{":
            outer.append(size)
            size = 0
            if len(outer) > limits.depth:
                raise TangledError(f"brackets more than {limits.depth} levels deep")
        elif token in b")]}":
            size = outer.pop() + 1 if outer else 0
            if token == b"}" and not _CONTINUES.match(code, match.end()):
                size = 0  # the end of a block, which ends the statement
        elif token == b";":
            size = 0
        else:
            size += len(token)
            if size > limits.statement:
                raise TangledError(f"a statement of more than {limits.statement} bytes")


def function_nodes(root: Node) -> list[Node]:
    """Every function definition under `root` in source order, nested ones too."""
    found = QueryCursor(_functions()).captures(root).get("function", [])
    return sorted(found, key=lambda node: (node.start_byte, -node.end_byte))


def first_fault(root: Node) -> Node | None:
    """The first ERROR or MISSING node under `root` in source order; None if the tree is whole."""
    node = root
    while node.has_error:
        if node.is_error or node.is_missing:
            return node
        for child in node.children:
            if child.has_error or child.is_missing:
                node = child
                break
        else:
            return node
    return node if node.is_missing else None


def outer_definitions(data: bytes) -> Iterator[tuple[int, int, int, bool]]:
    """(start, end, brace of the body or -1, is a function) of the outermost definitions of a whole file.

    Raises TangledError.
    """
    pending = [parse(data)]
    while pending:
        node = pending.pop()
        if node.type == "function_definition":
            body = node.child_by_field_name("body")
            if body is not None:
                yield node.start_byte, node.end_byte, body.start_byte, True
        elif node.type in _OTHER_TYPES:
            yield node.start_byte, node.end_byte, -1, False
        else:
            pending.extend(reversed(node.children))
