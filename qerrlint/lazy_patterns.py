# SPDX-License-Identifier: GPL-2.0-or-later
"""lazy_re(): regular expressions of a module that are compiled when they are first used.

The modules have more than 500 patterns, of which one run uses a part; to compile all of them takes a third of
the time that it takes to start.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from re import compile as lazy_re
else:

    class _LazyPattern:
        """What re.compile() would return, as far as it is used: its attributes are there after the first use
        of one of them, so that later uses cost what they cost with a compiled pattern."""

        _NAMES = (
            *("search", "match", "fullmatch", "finditer", "findall", "sub", "subn", "split"),
            *("pattern", "flags", "groups", "groupindex"),
        )

        def __init__(self, pattern: str | bytes, flags: int) -> None:
            self._source = pattern, flags

        def __getattr__(self, name: str) -> Any:
            if name not in self._NAMES:
                raise AttributeError(name)
            compiled = re.compile(*self._source)
            for one in self._NAMES:
                setattr(self, one, getattr(compiled, one))
            return getattr(compiled, name)

    def lazy_re(pattern: str | bytes, flags: int = 0) -> _LazyPattern:
        """As re.compile(); an invalid pattern raises re.error when it is first used."""
        return _LazyPattern(pattern, flags)


__all__ = ["lazy_re"]
