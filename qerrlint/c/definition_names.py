# SPDX-License-Identifier: GPL-2.0-or-later
"""The names that heads of definitions declare, from their bytes; it knows no bodies and parses nothing."""

from __future__ import annotations

import re

from qerrlint.c.lexis import DIRECTIVE, bare, blanked

_TRAILING_WORD = re.compile(rb"[A-Za-z_]\w*\Z")
_VARIABLE = re.compile(rb"([A-Za-z_]\w*)\s*\Z")
_TRAILING_ATTRIBUTE = re.compile(
    rb"\b(?:__attribute__|G_GNUC_\w+|QEMU_\w+|ATTRIBUTE_\w+)\s*(?:\([^=]*\)\s*)?\Z"
)
_FUNCTION_TABLE = re.compile(rb"\(\s*\*[^()]*?([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)*\)\s*\(")
_TAG = re.compile(rb"\b(?:struct|union|enum)\s+(?:(?:QEMU_\w+|__attribute__\s*\([^{]*\))\s*)?([A-Za-z_]\w*)")
_TYPEDEF_NAME = re.compile(rb"([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)*;?\s*\Z")
_NAME = re.compile(rb"[A-Za-z_]\w*\Z")
_PARENTHESISED = re.compile(rb"\(\s*([A-Za-z_]\w*)\s*\)")
_RETURNED_POINTER = re.compile(rb"\(\s*\*+\s*(?:\w+\s+)*([A-Za-z_]\w*)\s*\(")


def function_name(head: bytes) -> str | None:
    """The name that a definition's head (text up to the brace) declares; None if it is no function's head."""
    text = head.rstrip()
    if b"/" in text or b"#" in text or b'"' in text:
        text = DIRECTIVE.sub(lambda match: blanked(match.group()), bare(text)).rstrip()
    if text.lstrip().startswith(b"typedef"):
        return None
    opening = _last_group(text)
    while opening > 0:
        before = text[:opening].rstrip()
        word = _NAME.search(before)
        if word and (word.group() == b"__attribute__" or word.group().startswith((b"G_GNUC_", b"QEMU_"))):
            text = before[: word.start()].rstrip()
            opening = _last_group(text)
            continue
        if b"=" in before:
            return None
        if word:
            if word.start() == 0 and b" " not in text[opening:]:
                # DISAS_INSN(scc): the macro makes the whole head, its argument tells the functions apart.
                return text[: text.rfind(b")") + 1].decode("utf-8", "replace")
            return word.group().decode("ascii")
        if before.endswith(b")"):
            inner = _last_group(before)
            pointer = _RETURNED_POINTER.match(before, inner)
            if pointer:
                return pointer.group(1).decode("ascii")
            parenthesised = _PARENTHESISED.fullmatch(before, inner)
            if parenthesised and before[inner - 1 : inner].isspace():
                return parenthesised.group(1).decode("ascii")
            word = _NAME.search(before[:inner].rstrip())
            if word:
                group = b"".join(before[inner:].split())
                return (word.group() + group).decode("utf-8", "replace")
        return None
    return None


def _last_group(text: bytes) -> int:
    """Offset of the `(` of the parenthesised group that ends `text` (words may follow it); -1 if none."""
    while True:
        word = _TRAILING_WORD.search(text)
        if word is None:
            break
        text = text[: word.start()].rstrip()
    if not text.endswith(b")"):
        return -1
    opening = text.rfind(b"(")
    while opening >= 0 and text.count(b")", opening) != text.count(b"(", opening):
        opening = text.rfind(b"(", 0, opening)
    return opening


def other_name(head: bytes, whole: bytes) -> str:
    """The name of an initialised variable, a typedef, or the tag of a struct, union or enum."""
    found = None
    if b"=" in head:
        left = _TRAILING_ATTRIBUTE.sub(b"", head[: head.index(b"=")])
        found = _FUNCTION_TABLE.search(left) or _VARIABLE.search(left.partition(b"[")[0])
    elif re.match(rb"\s*typedef\b", head):
        found = _TYPEDEF_NAME.search(bare(whole[whole.rfind(b"}") + 1 :]))
    found = found or _TAG.search(head)
    return found.group(1).decode("ascii") if found else ""
