# SPDX-License-Identifier: GPL-2.0-or-later
"""Patches without any tree: what their hunks show, rebuilt as files with true line numbers.

A hunk's text is put at its own lines of an otherwise empty file, under the function head that stands after
its `@@`, with the braces that it lacks. Types, callees and the rest of each function stay unknown, and the
Result says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.contracts import AGES, NEWEST
from qerrlint.patch.apply import mended
from qerrlint.patch.fragments import Fragment, fragments
from qerrlint.patch.linemap import LineMap, Run
from qerrlint.patch.series import Series
from qerrlint.result import Result, TreeInfo
from qerrlint.review.review_options import ReviewOptions
from qerrlint.review.scope import FilePair, is_c
from qerrlint.review.series.apply_series import Stage
from qerrlint.review.series.series_review import review_stages
from qerrlint.rules.rule import RuleSet
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

NOTICE = (
    "no tree at hand: only the lines that the hunks show were analysed, against the bundled contracts; "
    "callees, types, callers and the rest of each function are unknown"
)

# The longest file of QEMU (a table, not code) has 171,906 lines; a hunk far beyond that is damaged, or
# meant to use up the memory.
_MOST_LINES = 200_000
# Empty lines that are made in all, to keep line numbers true: so many, and so many for each line of a hunk.
# Of 150 pulls of QEMU none needs 700,000; 100 small hunks far down in 100 files would take 1.6 GB.
_EMPTY_LINES = 1_000_000
_EMPTY_LINES_EACH = 50
_NOISE = lazy_re(rb'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', re.DOTALL)
_ENDS_STATEMENT = lazy_re(rb"(?:[;{}:]|\*/|^\s*#.*|^\s*)$")
_FUNCTION = lazy_re(rb"^[A-Za-z_][^\n(;={}]*?\b(\w+)\s*\(", re.MULTILINE)
_MODES_CALL = lazy_re(rb"\bmigrate_add_blocker_modes\s*\(([^;]*);", re.DOTALL)
_OLD_BLOCKER = lazy_re(rb"\bmigrate_(?:add|del)_blocker\s*\(\s*[A-Za-z_]")


def review_loose(series: Sequence[Series], rules: RuleSet) -> Result:
    """Report what the hunks of the patches show by themselves; all statuses, unfiltered."""
    old: dict[str, bytes | None] = {}
    stages: list[Stage] = []
    changes: dict[str, bytes | None] = {}
    texts: list[bytes] = []
    left = _Allowance(series)
    for one in series:
        for patch in one.patches:
            stage = Stage(patch, one, {})
            stage.problems += patch.problems
            stage.skipped += patch.refused
            for change in patch.changes:
                if not is_c(change.path) or change.binary:
                    continue
                stage.problems += mended(change)
                # Their lines are no part of the fragments; the problems of the patch tell them already.
                stage.skipped += [
                    (change.path, one.removeprefix(f"{change.path}: ")) for one in change.problems
                ]
                parts = left.granted(_plausible(fragments(change), stage, change.path), stage, change.path)
                if not parts:  # a rename or a change of mode shows no line
                    continue
                before = _rebuilt(parts, after=False)
                after = _rebuilt(parts, after=True)
                # Later patches see other parts of the file: each is analysed for itself.
                path = change.path
                old.setdefault(path, before)
                stage.changes[path] = after
                stage.maps[path] = _line_map(parts)
                stage.pairs.append(FilePair(path if change.status != "A" else None, path))
                texts.append(after)
            _keep_others(stage, changes)
            changes = stage.changes
            stages.append(stage)
    tree = TreeInfo(None, None, "none", "patch")
    base = OverlaySource(EmptySource(), old)
    return review_stages(
        base, series, stages, ReviewOptions(rules), tree, (NOTICE,), api_age(b"\n".join(texts))
    )


def _plausible(parts: Sequence[Fragment], stage: Stage, path: str) -> list[Fragment]:
    """The fragments at lines that a file can have: the text up to them is made of empty lines."""
    out = [part for part in parts if max(part.old_start, part.new_start) <= _MOST_LINES]
    if len(out) < len(parts):
        problem = f"{path}: a hunk starts behind line {_MOST_LINES}"
        stage.problems.append(f"{problem}; not analysed")
        stage.skipped.append((path, problem))
    return out


class _Allowance:
    """How many empty lines may still be made, over all files of the input."""

    def __init__(self, series: Sequence[Series]) -> None:
        shown = sum(
            len(hunk.lines)
            for one in series
            for patch in one.patches
            for change in patch.changes
            for hunk in change.hunks
        )
        self._left = _EMPTY_LINES + _EMPTY_LINES_EACH * shown

    def granted(self, parts: Sequence[Fragment], stage: Stage, path: str) -> Sequence[Fragment]:
        """The fragments of a file, or none where they would take too much; then the file is named."""
        needed = max((part.old_start for part in parts), default=0)
        needed += max((part.new_start for part in parts), default=0)
        if needed <= self._left:
            self._left -= needed
            return parts
        problem = "its hunks are too far down, in too many files, for their lines to be kept in memory"
        stage.problems.append(f"{path}: {problem}; not analysed")
        stage.skipped.append((path, problem))
        return ()


def _keep_others(stage: Stage, changes: dict[str, bytes | None]) -> None:
    for path, data in changes.items():
        stage.changes.setdefault(path, data)


def api_age(text: bytes) -> str:
    """The age of the blocker API that a text is written for, one of AGES: by how it names modes."""
    for call in _MODES_CALL.finditer(text):
        if b"BIT(" in call.group(1):
            return NEWEST
        if b"MIG_MODE_" in call.group(1):
            return AGES[1]
    return AGES[0] if _OLD_BLOCKER.search(text) else NEWEST


def _line_map(parts: Sequence[Fragment]) -> LineMap:
    """The fragments' line maps put at their places in the file."""
    runs: list[Run] = []
    added: set[int] = set()
    removed: set[int] = set()
    places: dict[int, int] = {}
    old_places: dict[int, int] = {}
    for part in parts:
        new, old, lines = part.new_start - 1, part.old_start - 1, part.line_map
        runs += [Run(run.old + old, run.new + new, run.count) for run in lines.runs]
        added |= {line + new for line in lines.added}
        removed |= {line + old for line in lines.removed}
        places.update({line + new: place for line, place in lines.new_places.items()})
        old_places.update({line + old: place for line, place in lines.old_places.items()})
    return LineMap(tuple(runs), frozenset(added), frozenset(removed), places, old_places)


@dataclass(slots=True)
class _Part:
    """A fragment made whole: `head` opens the function it starts in (b"": none), `openers` the blocks;
    `inner` closes the blocks that are open at its end. `starts_in` and `ends_in` name the functions there."""

    start: int
    lines: list[bytes]
    head: bytes = b""
    openers: bytes = b""
    inner: bytes = b""
    starts_in: str | None = None
    ends_in: str | None = None


def _rebuilt(fragments_: Sequence[Fragment], after: bool) -> bytes:
    """One side of a file: every fragment at its own lines, made whole as far as that goes.

    Fragments of one function follow each other in one body; what stands between them is unknown.
    """
    parts = [_part(fragment, after) for fragment in fragments_]
    out: list[bytes] = []
    joined = False
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        opening = part.openers if joined else part.head + part.openers
        while len(out) < part.start - 2:
            out.append(b"")
        if len(out) < part.start - 1:
            out.append(opening)
        elif opening and out:
            out[-1] += b" " + opening
        out += part.lines
        joined = following is not None and part.ends_in is not None and following.starts_in == part.ends_in
        if part.inner:
            out[-1] += b" " + part.inner
        if part.ends_in is not None and not joined:
            out.append(b"}")
    return b"\n".join(out) + b"\n"


def _part(fragment: Fragment, after: bool) -> _Part:
    """One side of a fragment with the function head and the braces that it lacks."""
    lines = (fragment.after if after else fragment.before).split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    part = _Part(fragment.new_start if after else fragment.old_start, lines)
    first = next((line for line in lines if line.strip()), b"")
    end: int | None = -1
    if first[:1] in (b" ", b"\t", b"}") and "(" in fragment.section:
        part.lines = lines = _finished(lines)
        head = _head(fragment.section)
        name = _FUNCTION.search(head)
        part.starts_in = name.group(1).decode() if name is not None else ""
        part.head = head + b" {"
        end = next((i for i, line in enumerate(lines) if line.startswith(b"}")), None)
        depth, lowest = _depth(lines if end is None else lines[:end])
        openers = max(-lowest, 0)
        part.openers = b" if (qerrlint_unknown) {" * openers
        if end is None:
            part.inner = b"}" * (depth + openers)
            part.ends_in = part.starts_in
            return part
        if depth + openers > 0 and end > 0:
            lines[end - 1] += b" " + b"}" * (depth + openers)
    rest = lines[(end or 0) + 1 :]
    left = _depth(rest)[0]
    if left > 0:
        found = [m.group(1).decode() for m in _FUNCTION.finditer(b"\n".join(rest))]
        part.ends_in = found[-1] if found else ""
        part.inner = b"}" * (left - 1)
    return part


def _head(section: str) -> bytes:
    """The function head after `@@`, its parameter list closed where the line breaks off."""
    text = section.strip().rstrip("{").strip()
    missing = text.count("(") - text.count(")")
    if missing > 0:
        text = text.rstrip(", ") + ")" * missing
    return text.encode("utf-8", "surrogateescape")


def _depth(lines: Sequence[bytes]) -> tuple[int, int]:
    """The balance of braces over the lines, and its lowest value on the way."""
    depth = lowest = 0
    for byte in _NOISE.sub(b"", b"\n".join(lines)):
        if byte == 0x7B:
            depth += 1
        elif byte == 0x7D:
            depth -= 1
            lowest = min(lowest, depth)
    return depth, lowest


def _finished(lines: list[bytes]) -> list[bytes]:
    """The lines with what is left of a statement at the beginning, and begun at the end, blanked."""
    out = list(lines)
    depth, start = 0, 0
    for i, line in enumerate(out):
        bare = _NOISE.sub(b"", line)
        depth += bare.count(b"(") - bare.count(b")")
        if depth < 0:
            start, depth = i + 1, 0
    for i in range(start):
        out[i] = b""
    open_from: int | None = None
    depth = 0
    for i, line in enumerate(out):
        bare = _NOISE.sub(b"", line)
        if depth == 0 and bare.strip() and open_from is None:
            open_from = i
        depth += bare.count(b"(") - bare.count(b")")
        if depth == 0 and _ENDS_STATEMENT.search(bare.rstrip()):
            open_from = None
    if open_from is not None:
        for i in range(open_from, len(out)):
            out[i] = b""
    return out
