# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths that no execution takes, told by what the functions that are asked on them can answer."""

from __future__ import annotations

import re

from qerrlint.absint.trace import Trail, places
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.bodies_elsewhere import bodies_elsewhere
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import Addr, Assign, Call, Function, Result, Var, root
from qerrlint.lazy_patterns import lazy_re
from qerrlint.policy.observed_paths import function_of, trail_of, without_zero
from qerrlint.qemu.device_tables import arguments_at

_ASKED = lazy_re(r"([A-Za-z_]\w*)\s*\(.*\)\Z", re.S)
_CONSTANT = lazy_re(r'"[^"]*"|[A-Z][A-Z0-9_]*|0x[0-9a-fA-F]+|\d+')
_PATH = lazy_re(r"[A-Za-z_]\w*(?:(?:->|\.)\w+)*")
# PCI_ANY_ID and its like stand for any value.
_ANY = lazy_re(r"(?:\A|_)ANY(?:_|\Z)")


def answers_exclude_each_other(analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """Whether the path takes one thing for two: a function that compares says yes for two constants."""
    trail, function = trail_of(observation), function_of(analysed, observation)
    if function is None:
        return False
    seen: list[tuple[str, list[str]]] = []
    for place in places(trail):
        asked = _answered(analysed, place)
        if asked is None or _may_change(function, asked[1][0]):
            continue
        if any(_exclude(asked, other) for other in seen):
            return True
        seen.append(asked)
    return False


def _answered(analysed: AnalysedFunction | AnalysedFile, place: Trail) -> tuple[str, list[str]] | None:
    """The function that says on a path that its first argument is another one, and its arguments."""
    if place.kind != "branch":
        return None
    text, yes = without_zero(analysed.unit.text.on_one_line(place.span), place.taken is True)
    found = _ASKED.match(text)
    if found is None or "(" not in text:
        return None
    name = found[1]
    differs = word_list("comparisons").matches(name)
    compares = differs or word_list("likenesses").matches(name.rpartition("_")[2])
    if not compares or yes is differs:
        return None
    given = arguments_at(text.encode("latin-1", "replace"), found.end(1))
    if given is None or len(given) < 2 or not _PATH.fullmatch(given[0].strip()):
        return None
    return name, [one.strip() for one in given]


def _exclude(one: tuple[str, list[str]], other: tuple[str, list[str]]) -> bool:
    """Whether two comparisons of one thing cannot both hold."""
    if one[0] != other[0] or one[1][0] != other[1][0] or len(one[1]) != len(other[1]):
        return False
    return any(_differ(a, b) for a, b in zip(one[1][1:], other[1][1:], strict=True))


def _differ(one: str, other: str) -> bool:
    """Whether two arguments are constants of which neither begins like the other."""
    if any(_CONSTANT.fullmatch(text) is None or _ANY.search(text) for text in (one, other)):
        return False
    one, other = one.rstrip('"'), other.rstrip('"')
    return not one.startswith(other) and not other.startswith(one)


def _may_change(function: Function, path: str) -> bool:
    """Whether a function, or what it calls, may give what a path names another value."""
    name = root(path)
    for event in function.events():
        if isinstance(event, Assign) and event.target in (path, name):
            return True
    return any(
        isinstance(arg, Addr | Var) and root(arg.path) == name and (isinstance(arg, Addr) or path != name)
        for call in function.calls
        for arg in call.args
    )


def result_is_never_null(analysed: AnalysedFunction | AnalysedFile, observation: Observation) -> bool:
    """Whether the path takes for NULL what a function has returned that returns nothing but new memory."""
    function = function_of(analysed, observation)
    if function is None:
        return False
    bodies = bodies_elsewhere(analysed.unit)
    for place in places(trail_of(observation)):
        if place.kind != "branch":
            continue
        text, yes = without_zero(analysed.unit.text.on_one_line(place.span), place.taken is True)
        call = _made(function, text, place) if not yes and _PATH.fullmatch(text) else None
        if call is None or not call.direct:
            continue
        if word_list("never-null").matches(call.name) or bodies.never_null(analysed.unit, call.name):
            return True
    return False


def _made(function: Function, path: str, place: Trail) -> Call | None:
    """The call whose result a path holds at a test, where the block that the test ends has put it there."""
    for block in function.blocks:
        if any(edge.span == place.span for edge in block.edges):
            given = [one for one in block.events if isinstance(one, Assign) and one.target == path]
            value = given[-1].value if given else None
            if isinstance(value, Result):
                return function.calls[value.call]
    return None
