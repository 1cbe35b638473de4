# SPDX-License-Identifier: GPL-2.0-or-later
"""Patterns that are compiled when they are first used: as re.compile() makes them, and all of them valid."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest

import qerrlint
from qerrlint.lazy_patterns import lazy_re

LAZY = type(lazy_re("x"))
# These import packages that need not be installed; other tests ask what happens without them.
OPTIONAL = ("qerrlint.cli.editor.", "qerrlint.engine.cluster")


def inside(value: Any, depth: int = 3) -> Iterator[Any]:
    """The patterns in a value, also those in its collections."""
    if isinstance(value, LAZY):
        yield value
    elif depth and isinstance(value, dict):
        for one in value.values():
            yield from inside(one, depth - 1)
    elif depth and isinstance(value, (list, tuple, set, frozenset)):
        for one in value:
            yield from inside(one, depth - 1)


def every_pattern() -> Iterable[tuple[str, Any]]:
    for info in walk_packages(qerrlint.__path__, "qerrlint."):
        if info.name.endswith("__main__") or info.name.startswith(OPTIONAL):
            continue
        for name, value in vars(import_module(info.name)).items():
            for one in inside(value):
                yield f"{info.name}.{name}", one


def test_every_pattern_of_the_program_is_valid() -> None:
    found = dict(every_pattern())
    assert len(found) > 400
    for place, pattern in found.items():
        assert re.compile(pattern.pattern, pattern.flags & ~re.UNICODE), place


def test_a_pattern_is_what_the_module_re_makes_of_it() -> None:
    lazy, plain = lazy_re(r"(?P<a>b)c", re.IGNORECASE), re.compile(r"(?P<a>b)c", re.IGNORECASE)
    assert (lazy.pattern, lazy.flags, lazy.groups) == (plain.pattern, plain.flags, plain.groups)
    assert [found.span() for found in lazy.finditer("bc BC")] == [(0, 2), (3, 5)]
    assert lazy.sub("-", "xbcx") == "x-x"
    match = lazy.search("aBC")
    assert match is not None
    assert match["a"] == "B"


def test_what_is_wrong_with_a_pattern_is_said_when_it_is_used() -> None:
    pattern = lazy_re("(")
    with pytest.raises(re.error):
        pattern.search("")
    with pytest.raises(AttributeError):
        lazy_re("a").searched  # type: ignore[attr-defined]  # noqa: B018
