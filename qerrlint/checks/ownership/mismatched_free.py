# SPDX-License-Identifier: GPL-2.0-or-later
"""Check: memory is given back to another allocator than the one that it comes from.

Read from the texts of the file: what a variable of the function, or a member anywhere in the file, is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from qerrlint.c.lexis import bare
from qerrlint.checks.check import FileCheck, event
from qerrlint.checks.file import AnalysedFile
from qerrlint.domain.word_lists import WordList, word_list
from qerrlint.findings import Observation, Step
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.source.span import Span

_FREES = lazy_re(rb"(?<![\w>.])(free|g_free|qemu_vfree)\s{0,9}\(\s{0,9}([\w>.\-]{1,120})\s{0,9}\)\s{0,9};")
# A pattern that begins with plain letters is found by a search for these.
_FREE = lazy_re(rb"free(?<![\w>.]free)\s{0,9}\(")
_AUTO = lazy_re(rb"\bg_autofree\b[^;={}]{1,80}?(\w{1,60})\s{0,9}=(?!=)")
_FREEING = frozenset({b"g_free", b"free", b"qemu_vfree", b"g_autofree"})
_MEMBER = lazy_re(rb"(?:->|\.)(\w{1,60})\Z")
_MADE = lazy_re(rb"\s{0,80}(?:\([\w\s*]{1,60}\)\s{0,20})?([A-Za-z_]\w{0,60})\s{0,9}\(")
_NOTHING = lazy_re(rb"\s*(?:NULL|0)\s*\Z")


@cache
def _makers_of() -> dict[str, WordList]:
    """The functions that free, each with the list of what makes the memory that it frees."""
    return {
        "g_free": word_list("glib-memory"),
        "free": word_list("library-memory"),
        "qemu_vfree": word_list("aligned-memory"),
    }


@cache
def _named_makers() -> dict[str, frozenset[bytes]]:
    """The same lists, as the words of a file are."""
    return {free: frozenset(map(str.encode, makers.words)) for free, makers in _makers_of().items()}


def _run(file: AnalysedFile) -> Iterator[Observation]:
    unit = file.unit
    if file.asked.words.isdisjoint(_FREEING) or not _may_mismatch(unit):
        return
    code = bare(unit.data)
    for at, end, freeing, name in _releases(code):
        piece = unit.definitions.around(at)
        if piece is None or (file.only is not None and piece.name not in file.only):
            continue
        member = _MEMBER.search(name)
        if member is not None:
            made = _memory_of(code, rb"(?:->|\.)%s" % member[1], 0, len(code))
        else:
            made = _memory_of(code, rb"(?<![\w>.])%s" % re.escape(name), piece.body, piece.span.end)
        if not made or any(right == freeing for right, _ in made):
            continue
        right, place = made[-1]
        found = _MADE.match(code, place)
        assert found is not None
        called = found[1].decode()
        yield Observation(
            event="mismatched-free",
            function=piece.name,
            primary=Span(unit.path, at, end),
            key=f"{freeing} {name.decode()}",
            slots={"object": name.decode(), "release": freeing, "acquire": called, "right": right},
            trail=(Step(Span(unit.path, found.start(1), found.end(1)), f"{called}() allocates it here"),),
        )


def _may_mismatch(unit: TranslationUnit) -> bool:
    """Whether the file names a function that frees, and one that makes what another one frees."""
    words = unit.text.words
    named = {freeing for freeing in _makers_of() if freeing.encode() in words}
    if b"g_autofree" in words:
        named.add("g_free")
    if "free" in named and _FREE.search(unit.data) is None:
        named.discard("free")  # a member, or a word of a comment
    return any(not words.isdisjoint(makers) for other, makers in _named_makers().items() if named - {other})


def _releases(code: bytes) -> Iterator[tuple[int, int, str, bytes]]:
    """The places where something is freed: offsets, function, and the text of what is freed."""
    for found in _FREES.finditer(code):
        yield *found.span(1), found[1].decode(), found[2]
    for found in _AUTO.finditer(code):
        yield *found.span(1), "g_free", found[1]


def _memory_of(code: bytes, place: bytes, start: int, end: int) -> Sequence[tuple[str, int]]:
    """What frees the memory that a variable or member is given, with the offset behind the equals sign.

    Nothing where it may get anything else, or where its address is taken.
    """
    if re.search(rb"&[\w>.\-]{0,120}?%s\b(?!\s{0,9}(?:\[|->|\.))" % place, code[start:end]):
        return ()
    out: list[tuple[str, int]] = []
    for given in re.finditer(rb"%s\s{0,9}=(?!=)([^;,{}]*)" % place, code[start:end]):
        if _NOTHING.match(given[1]):
            continue
        made = _MADE.match(given[1])
        called = made[1].decode() if made is not None else ""
        right = next((free for free, makers in _makers_of().items() if makers.matches(called)), "")
        if not right:
            return ()
        out.append((right, start + given.start(1)))
    return out


CHECKS = (
    FileCheck(
        "mismatched-free",
        "ownership",
        # object: what is freed; release: by which function; acquire: what made it; right: what frees that.
        (event("mismatched-free", "object", "release", "acquire", "right"),),
        _run,
    ),
)
