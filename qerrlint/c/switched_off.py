# SPDX-License-Identifier: GPL-2.0-or-later
"""Macros that a file shows to be off: their definition stands in a comment, or they are undefined."""

from __future__ import annotations

import re

from qerrlint.lazy_patterns import lazy_re

# The build, the compiler or a library may define these, whatever the file says.
_OF_BUILD = lazy_re(r"CONFIG_|HAVE_|HOST_|TARGET_|_")
_CONDITION = lazy_re(r"\s*defined\s*(?:\(\s*(\w+)\s*\)|\s(\w+))\s*\Z")


def is_switched_off(data: bytes, name: str) -> bool:
    """Whether a file defines a name in a comment, or undefines it, and defines it nowhere.

    So a developer switches debug code on by hand; nothing builds it otherwise.
    """
    if _OF_BUILD.match(name):
        return False
    word = re.escape(name.encode())
    off = re.compile(rb"^[ \t]*(?:(?://|/\*)[ \t]*#[ \t]*define|#[ \t]*undef)[ \t]+%s\b" % word, re.MULTILINE)
    if off.search(data) is None:
        return False
    return re.search(rb"(?m)^[ \t]*#[ \t]*define[ \t]+%s\b" % word, data) is None


def asked_name(condition: str) -> str:
    """The name that a condition of `#if` asks for, where it asks whether one is defined and nothing else."""
    found = _CONDITION.match(condition)
    return (found[1] or found[2]) if found is not None else ""
