# SPDX-License-Identifier: GPL-2.0-or-later
"""Parses one piece by itself and says whether the tree can be trusted; it knows no flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qerrlint.c import grammar
from qerrlint.c.normalise import Normal, normalise, normalise_damaged

if TYPE_CHECKING:
    from tree_sitter import Node

    from qerrlint.c.cut import Piece


@dataclass(frozen=True, slots=True)
class Parsed:
    """A parsed piece; every offset in `normal` and in the nodes counts from the piece's start.

    function: the function_definition node, None if there is none. damage: why the tree cannot be trusted
    ("syntax error at line N of the function", "missing token at line N of the function", "function
    inside a function", "no function found"), None if it can.
    """

    piece: Piece
    normal: Normal
    root: Node
    function: Node | None
    damage: str | None


def parse_piece(piece: Piece, data: bytes) -> Parsed:
    """Normalises and parses the bytes of `piece` in the file `data`; never raises, whatever the bytes are.

    A damaged function gets a second pass that keeps one arm of each unbalanced #if, then a third that keeps
    one arm of every #if; the first pass that heals it is taken, else the tree of the first one.
    """
    text = data[piece.span.start : piece.span.end]
    first = _parsed(piece, normalise(text))
    if first.damage is None:
        return first
    for every_branch in (False, True):
        again = _parsed(piece, normalise_damaged(text, every_branch))
        if again.damage is None:
            return again
    return first


def _parsed(piece: Piece, normal: Normal) -> Parsed:
    root = grammar.parse(normal.data)
    found = grammar.function_nodes(root)
    function = found[0] if found else None
    return Parsed(piece, normal, root, function, _damage(piece, normal, root, found))


def _damage(piece: Piece, normal: Normal, root: Node, found: list[Node]) -> str | None:
    fault = grammar.first_fault(root)
    if fault is not None:
        line = normal.data.count(b"\n", 0, fault.start_byte) + 1
        what = "missing token" if fault.is_missing else "syntax error"
        return f"{what} at line {line} of the function"
    if piece.body < 0:
        return None
    if not found:
        return "no function found"
    if len(found) > 1:
        return "function inside a function"
    return None
