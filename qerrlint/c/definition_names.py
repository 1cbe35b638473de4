# SPDX-License-Identifier: GPL-2.0-or-later
"""The names that heads of definitions declare, from their bytes; bodies are not read, nothing is parsed."""

from __future__ import annotations

from qerrlint.c.lexis import WORD, bare, code_alone, last_name, paren_pairs
from qerrlint.lazy_patterns import lazy_re

# Longer heads than this do not occur; a limit keeps hostile input from costing more than its length.
LONGEST_HEAD = 1 << 14

_BLANKS = b" \t\n\r\v\f"
_ATTRIBUTE = lazy_re(rb"\b(?:__attribute__|(?:G_GNUC|QEMU|ATTRIBUTE)_\w+)")
_FUNCTION_ATTRIBUTES = (b"G_GNUC_", b"QEMU_")
_FUNCTION_TABLE = lazy_re(rb"\(\s*\*([^()]*)\)\s*\(")
_TAG = lazy_re(
    rb"\b(?:struct|union|enum)\s+(?:(?:QEMU_\w+|__attribute__\s*\([^{]{0,200}\))\s*)?([A-Za-z_]\w*)"
)
_PARENTHESISED = lazy_re(rb"\(\s*([A-Za-z_]\w*)\s*\)")
_RETURNED_POINTER = lazy_re(rb"\(\s*\*+\s*(?:\w+\s+)*([A-Za-z_]\w*)\s*\(")
# Dimensions of an array, and how much of them a name may have after it.
_DIMENSIONS = 256


def function_name(head: bytes) -> str | None:
    """The name that a definition's head (text up to the brace) declares; None if it is no function's head."""
    text = head.rstrip()
    if len(text) > LONGEST_HEAD:
        return None
    if b"/" in text or b"#" in text or b'"' in text:
        text = code_alone(text).rstrip()
    if text.lstrip().startswith(b"typedef"):
        return None
    openings = {end: start for start, end in paren_pairs(text).items()}
    opening = _last_group(text, openings)
    while opening > 0:
        before = text[:opening].rstrip()
        word = last_name(before)
        if word == b"__attribute__" or word.startswith(_FUNCTION_ATTRIBUTES):
            text = before[: len(before) - len(word)].rstrip()
            opening = _last_group(text, openings)
            continue
        if b"=" in before:
            return None
        if not word:
            return _name_of_group(before, openings) if before.endswith(b")") else None
        if word == before and b" " not in text[opening:]:
            # DISAS_INSN(scc): the macro makes the whole head, its argument tells the functions apart.
            return text[: text.rfind(b")") + 1].decode("utf-8", "replace")
        return word.decode("ascii")
    return None


def _name_of_group(before: bytes, openings: dict[int, int]) -> str | None:
    """The name where another parenthesis stands before the parameters: (*f(x))(y), (f)(x), HELPER(f)(x)."""
    inner = _last_group(before, openings)
    pointer = _RETURNED_POINTER.match(before, inner)
    if pointer:
        return pointer.group(1).decode("ascii")
    parenthesised = _PARENTHESISED.fullmatch(before, inner)
    if parenthesised and before[inner - 1 : inner].isspace():
        return parenthesised.group(1).decode("ascii")
    word = last_name(before[:inner].rstrip())
    if word:
        group = b"".join(before[inner:].split())
        return (word + group).decode("utf-8", "replace")
    return None


def _last_group(text: bytes, openings: dict[int, int]) -> int:
    """Offset of the `(` of the parenthesised group that ends `text` (words may follow it); -1 if none."""
    return openings.get(len(text.rstrip(WORD + _BLANKS)), -1)


def other_name(head: bytes, whole: bytes) -> str:
    """The name of an initialised variable, a typedef, or the tag of a struct, union or enum."""
    head = head[:LONGEST_HEAD]
    found = b""
    if b"=" in head:
        left = _without_attribute(head[: head.index(b"=")])
        found = _table_name(left) or last_name(left.partition(b"[")[0].rstrip())
    elif head.lstrip().startswith(b"typedef"):
        declarators = bare(whole[whole.rfind(b"}") + 1 :][:LONGEST_HEAD]).rstrip()
        found = _declared(declarators.removesuffix(b";"))
    if not found:
        tag = _TAG.search(head)
        found = tag.group(1) if tag else b""
    return found.decode("ascii")


def _without_attribute(left: bytes) -> bytes:
    """The left side of an initialisation without the attributes that end it."""
    text = left.rstrip()
    for word in _ATTRIBUTE.finditer(text):
        rest = text[word.end() : word.end() + 100].lstrip()
        if not rest or (rest[:1] == b"(" and text[-1:] == b")"):
            return text[: word.start()]
    return left


def _table_name(left: bytes) -> bytes:
    """`table` of (*table[4])(int), a table of function pointers; b"" if there is none."""
    for group in _FUNCTION_TABLE.finditer(left):
        name = _declared(group.group(1))
        if name:
            return name
    return b""


def _declared(declarator: bytes) -> bytes:
    """The name that ends a declarator, the dimensions of an array aside."""
    text = declarator.rstrip()
    limit = len(text) - _DIMENSIONS
    while text.endswith(b"]") and len(text) > limit:
        text = text[: text.rfind(b"[") if b"[" in text else 0].rstrip()
    return last_name(text)
