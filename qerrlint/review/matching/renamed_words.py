# SPDX-License-Identifier: GPL-2.0-or-later
"""Which identifiers a change renames, told by lines that are otherwise equal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from qerrlint.lazy_patterns import lazy_re
from qerrlint.patch.linemap import LineMap

_WORD = lazy_re(r"[A-Za-z_]\w*")
# In what share of the lines that show a word it has become the same other word.
_MOSTLY = 0.6
# Lines that are looked at on each side of one place; a longer rewriting is no rename.
_LONGEST = 400


class RenamedWords:
    """The words that a change replaces throughout, with what they have become."""

    def __init__(self, files: Sequence[tuple[bytes, bytes, LineMap]]) -> None:
        """`files` are the texts before and after with their line maps."""
        became: dict[str, Counter[str]] = defaultdict(Counter)
        for old, new, lines in files:
            _count(became, old.split(b"\n"), new.split(b"\n"), lines)
        self._new: dict[str, str] = {}
        for word, others in became.items():
            (now, times), *_ = others.most_common(1)
            if now != word and times >= _MOSTLY * sum(others.values()):
                self._new[word] = now

    def learn(self, names: Mapping[str, str]) -> None:
        """Add names that are known to have become others."""
        self._new.update(names)

    def renamed(self, text: str) -> str:
        """The text in the words of the after side."""
        return _WORD.sub(lambda word: self._new.get(word.group(), word.group()), text)


def _count(
    became: dict[str, Counter[str]], old: Sequence[bytes], new: Sequence[bytes], lines: LineMap
) -> None:
    """Count what each word of the replaced lines has become in the line of the same form."""
    for removed, added in _gaps(lines, len(old), len(new)):
        forms: dict[str, list[list[str]]] = defaultdict(list)
        for number in added[:_LONGEST]:
            form, words = _form(new[number - 1])
            if words:
                forms[form].append(words)
        for number in removed[:_LONGEST]:
            form, words = _form(old[number - 1])
            if forms.get(form):
                for was, now in zip(words, forms[form].pop(0), strict=True):
                    became[was][now] += 1


def _form(line: bytes) -> tuple[str, list[str]]:
    """A line with its words and blanks taken out, and the words."""
    text = line.decode("utf-8", "replace")
    return "".join(_WORD.sub("\0", text).split()), _WORD.findall(text)


def _gaps(lines: LineMap, old_end: int, new_end: int) -> list[tuple[list[int], list[int]]]:
    """The removed and the added lines between the unchanged stretches, counted from 1."""
    out: list[tuple[list[int], list[int]]] = []
    was = now = 1
    for run in lines.runs:
        out.append((list(range(was, run.old)), list(range(now, run.new))))
        was, now = run.old + run.count, run.new + run.count
    out.append((list(range(was, old_end + 1)), list(range(now, new_end + 1))))
    return [(removed, added) for removed, added in out if removed and added]
