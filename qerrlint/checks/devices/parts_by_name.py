# SPDX-License-Identifier: GPL-2.0-or-later
"""Parts of a device that another function undoes, as the names of both tell: X_init() and X_finalize()."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import replace
from functools import cache

from qerrlint.c.declarations.types import Signature
from qerrlint.c.lexis import occurrences
from qerrlint.domain.ownership import RESULT, Pair
from qerrlint.domain.word_lists import word_list
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit

# What a function makes for its caller: a struct of some name, no text.
_FEWEST_PARTS = 2
_STRUCT = lazy_re(r"(?:struct )?(?!DeviceState\b|BusState\b|Object\b)(?:[A-Z]\w*[a-z]\w*|\w+_t) \*\Z")


def parts_by_name(unit: TranslationUnit, pair: Pair, known: Container[str]) -> Iterator[Pair]:
    """A pair, made of `pair`, for each function of another file that has one to undo it, which this file does
    not use.

    Both take a parameter of the type that the undoing one takes first, or it takes what the other returns.
    The functions in `known` are left out.
    """
    for name in sorted({found[0].decode("latin-1") for found in _has_part().finditer(unit.text.vocabulary)}):
        if not name.islower() or name in known or name in unit.functions:
            continue
        undoing = undoing_names(name)
        # Nobody undoes what goes with the device.
        if word_list("goes-with-its-device").matches(name) or any(_is_used(unit, one) for one in undoing):
            continue
        taking = unit.signature(name)
        for one in undoing if taking is not None else ():
            signature = unit.signature(one)
            position = _handed(taking, signature) if taking is not None and signature is not None else None
            if position is not None:
                yield replace(
                    pair,
                    acquire=(replace(pair.acquire[0], call=name, object=position),),
                    release=(replace(pair.release[0], call=one),),
                )
                break


def _handed(taking: Signature, undoing: Signature) -> int | None:
    """Which argument of a function is the part that another undoes, RESULT where it returns the part; None
    for none."""
    made = taking.returns
    if _STRUCT.match(made) and any(param.type == made for param in undoing.params):
        return RESULT
    types = [param.type for param in taking.params]
    if undoing.params and undoing.params[0].type.endswith("*") and undoing.params[0].type in types:
        return types.index(undoing.params[0].type) + 1
    return None


def _is_used(unit: TranslationUnit, name: str) -> bool:
    """Whether the file does more with a function than to declare it."""
    data, word = unit.data, name.encode()
    return word in unit.text.words and any(
        unit.definitions.function_at(at) or data[at + len(word) : at + len(word) + 8].lstrip()[:1] != b"("
        for at in occurrences(data, word)
    )


def undoing_names(name: str) -> list[str]:
    """The names that the function which undoes another may have, by the last part that tells what it does."""
    parts, words = _parts(), name.split("_")
    if len(words) < _FEWEST_PARTS:
        return []
    for at in reversed(range(len(words))):
        if words[at] in parts:
            return ["_".join((*words[:at], second, *words[at + 1 :])) for second in parts[words[at]]]
    return []


@cache
def _has_part() -> re.Pattern[bytes]:
    """Finds the names, one a line, that have one of the parts that tell what a function does."""
    parts = "|".join(_parts())
    return re.compile(rf"^(?:\w*_)?(?:{parts})(?:_\w*)?$".encode(), re.MULTILINE)


@cache
def _parts() -> dict[str, list[str]]:
    """The parts of names that tell what a function does, and those of the functions that undo it."""
    parts: dict[str, list[str]] = {}
    for word in word_list("undoing-names").words:
        first, _, second = word.partition("/")
        parts.setdefault(first, []).append(second)
    return parts
