# SPDX-License-Identifier: GPL-2.0-or-later
"""Parses one piece by itself and reports whether the tree can be trusted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qerrlint.c import grammar
from qerrlint.c.lexis import open_comment
from qerrlint.c.normalise import Normal, normalise, normalise_damaged
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record

if TYPE_CHECKING:
    from tree_sitter import Node

    from qerrlint.c.cut import Piece

_ELSE_ARM = lazy_re(rb"^[ \t]*#[ \t]*(?:if|el)[^\n]*\n\s*else\b", re.MULTILINE)


@record(frozen=True, slots=True)
class Parsed:
    """A parsed piece; every offset in `normal` and in the nodes counts from the piece's start.

    function: the function_definition node, None if there is none. damage: why the tree cannot be trusted
    ("syntax error at line N of the function", "missing token at line N of the function", "function
    inside a function", "no function found", "an else that begins an arm of an #if", "a comment that is not
    closed", or how the text differs from any that the parser could read in proportionate time), or None.
    """

    piece: Piece
    normal: Normal
    function: Node | None
    damage: str | None


def parse_piece(piece: Piece, data: bytes) -> Parsed:
    """Normalises and parses the bytes of `piece` in the file `data`; never raises, whatever the bytes are.

    A damaged function gets a second pass that keeps one arm of each unbalanced #if, then a third that keeps
    one arm of every #if; the first pass that heals it is taken, else the tree of the first one.
    """
    text = data[piece.span.start : piece.span.end]
    if open_comment(text) >= 0:
        return Parsed(piece, Normal(text, ()), None, "a comment that is not closed")
    normal = normalise(text)
    try:
        first = _parsed(piece, normal, grammar.parse(normal.data))
    except grammar.TangledError as error:
        return Parsed(piece, normal, None, str(error))
    if first.damage is None:
        return first
    tried = {normal.data}
    for every_branch in (False, True):
        normal = normalise_damaged(text, every_branch)
        if normal.data in tried:
            continue
        tried.add(normal.data)
        try:
            again = _parsed(piece, normal, grammar.parse(normal.data, again=True))
        except grammar.TangledError:
            break
        if again.damage is None:
            return again
    return first


def _parsed(piece: Piece, normal: Normal, root: Node) -> Parsed:
    fault = grammar.first_fault(root)
    if fault is not None:
        line = normal.data.count(b"\n", 0, fault.start_byte) + 1
        what = "missing token" if fault.is_missing else "syntax error"
        return Parsed(piece, normal, None, f"{what} at line {line} of the function")
    if _ELSE_ARM.search(normal.data) is not None:
        # The grammar takes `else` for the name of a type there.
        return Parsed(piece, normal, None, "an else that begins an arm of an #if")
    found = grammar.function_nodes(root)
    damage = None
    if piece.body >= 0 and len(found) != 1:
        damage = "function inside a function" if found else "no function found"
    return Parsed(piece, normal, found[0] if found else None, damage)
