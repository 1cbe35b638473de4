# SPDX-License-Identifier: GPL-2.0-or-later
"""The C grammar of tree-sitter: one parser and the questions put to its trees; it knows no macro.

The parser and the query are made once per process and at first use, since loading them takes time.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import tree_sitter_c
from tree_sitter import Language, Node, Parser, Query, QueryCursor

_OTHER_TYPES = frozenset(
    {"declaration", "type_definition", "struct_specifier", "union_specifier", "enum_specifier"}
)


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


def parse(data: bytes) -> Node:
    """The root node of a parse of normalised bytes; tree-sitter always gives one."""
    return _parser().parse(data).root_node


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
    """(start, end, brace of the body or -1, is a function) of the outermost definitions of a whole file."""
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
