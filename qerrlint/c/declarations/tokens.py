# SPDX-License-Identifier: GPL-2.0-or-later
"""The tokens of one C declaration, and which of them are attributes.

Attributes are C's and QEMU's own (G_GNUC_PRINTF, coroutine_fn, GRAPH_RDLOCK ...). Preprocessor lines inside a
declaration are left out, so both arms of an `#if` are read.
"""

from __future__ import annotations

import re
from functools import lru_cache

from qerrlint.c.lexis import without_comments
from qerrlint.lazy_patterns import lazy_re

_CONTINUATION = lazy_re(r"\\\r?\n")
_DIRECTIVE = lazy_re(r"^[ \t]*#.*$", re.M)
_TOKEN = lazy_re(r'[A-Za-z_]\w*|\.\.\.|\d\w*|"[^"\\]*(?:\\.[^"\\]*)*"?|[^\s\w]')
_ATTRIBUTE = lazy_re(
    r"(?:__attribute__|__attribute|__declspec|__asm__|asm|_Alignas|alignas|__extension__|__inline(?:__)?|"
    r"(?:no_)?coroutine(?:_mixed)?_fn|(?:no_)?co_wrapper\w*|generated_co_wrapper|inline|register|auto|"
    r"GRAPH_\w+|TSA_\w+|G_(?:GNUC_\w+|NORETURN|NO_INLINE|ALWAYS_INLINE|NOT_INLINE)|QEMU_\w+|"
    r"volatile|restrict|__restrict(?:__)?|__volatile__|"
    r"[A-Z]\w*_NORETURN|__attribute_noreturn__|_Noreturn|NORETURN|noreturn|__noreturn|ATTRIBUTE_\w+|\w+_FMT_ATTR|WINAPI|CALLBACK|APIENTRY|__thread|_Thread_local|CAPSTONE_API|CAPSTONE_EXPORT)\Z"
)
_NORETURN = lazy_re(r"(?:_Noreturn|noreturn|__noreturn|__attribute_noreturn__|(?:[A-Z]\w*_)?NORETURN)\Z")


@lru_cache(maxsize=8192)
def is_attribute(token: str) -> bool:
    """Whether a token is the word of an attribute. The same few thousand words are asked for all the time."""
    return _ATTRIBUTE.match(token) is not None


def says_noreturn(token: str) -> bool:
    """Whether the word of an attribute says that a function never returns, in any project's spelling."""
    return _NORETURN.match(token) is not None


def tokens(text: str) -> list[str]:
    """The tokens of a declaration without comments, line continuations and preprocessor lines."""
    if "/" in text:
        text = without_comments(text, " ")
    if "\\" in text:
        text = _CONTINUATION.sub(" ", text)
    if "#" in text:
        text = _DIRECTIVE.sub(" ", text)
    return _TOKEN.findall(text)
