# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixes put together file by file, and each refused that does not stand up to a second analysis.

It makes new texts and a diff of them; who writes files is source/writing's business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.model.include_graph import DeclarationCache
from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.records import record
from qerrlint.result import Place, Reported, ReportedEdit
from qerrlint.review.scope import between_functions, touched
from qerrlint.rules.rule import RuleSet
from qerrlint.source.overlay import OverlaySource
from qerrlint.source.source import Source
from qerrlint.source.span import LineIndex

OVERLAPS = "it overlaps the fix of another finding"
DAMAGES = "the function could not be parsed afterwards"
BRINGS = "it would bring a new finding"


@record(frozen=True, slots=True)
class Refused:
    """A finding whose fix is not made, and why."""

    found: Reported
    reason: str


@record(frozen=True, slots=True)
class FixedFile:
    """One file with its fixes: `old` and `new` bytes, the findings mended and those refused."""

    path: str
    old: bytes
    new: bytes
    mended: tuple[Reported, ...]
    refused: tuple[Refused, ...]


@record(frozen=True, slots=True)
class _Change:
    """A fix as replacements (start, end, bytes) of the old text, in order, and the findings that want it."""

    edits: tuple[tuple[int, int, bytes], ...]
    wanted_by: tuple[Reported, ...]

    def overlaps(self, others: Iterable[_Change]) -> bool:
        """Whether two fixes touch the same bytes, or insert at the same place."""
        return any(
            (start < e and s < end) or start == s
            for other in others
            for s, e, _ in other.edits
            for start, end, _ in self.edits
        )


def fix_files(
    source: Source, found: Sequence[Reported], rules: RuleSet, reach: str = "headers"
) -> Iterator[FixedFile]:
    """The files in which a finding of `found` has a fix, in order of their paths.

    Only a finding's first fix is made. `rules` judge the file before and after.
    """
    by_path: dict[str, dict[tuple[ReportedEdit, ...], list[Reported]]] = {}
    for item in found:
        if item.fixes and item.suppressed is None:
            by_path.setdefault(item.place.path, {}).setdefault(item.fixes[0].edits, []).append(item)
    cache = DeclarationCache()
    for path in sorted(by_path):
        old = source.read(path)
        if old is not None:
            yield _fixed(_Judge(source, path, old, rules, reach, cache), by_path[path])


def _fixed(judge: _Judge, fixes: Mapping[tuple[ReportedEdit, ...], Sequence[Reported]]) -> FixedFile:
    """The file with as many of the fixes as stand up to a second analysis together."""
    lines = LineIndex(judge.old)
    taken: list[_Change] = []
    refused: list[Refused] = []
    for fix, wanted_by in fixes.items():
        change = _change(judge.path, lines, fix, wanted_by)
        reason = OVERLAPS if change is None or change.overlaps(taken) else judge.damage([change])
        if reason is None and change is not None:
            taken.append(change)
        else:
            refused += [Refused(item, reason or OVERLAPS) for item in wanted_by]
    reason = judge.objection(taken)
    if reason is not None:
        # One of them is to blame: take them one by one.
        several, taken = taken, []
        for change in several:
            reason = judge.objection([*taken, change])
            if reason is None:
                taken.append(change)
            else:
                refused += [Refused(item, reason) for item in change.wanted_by]
    mended = tuple(item for change in taken for item in change.wanted_by)
    return FixedFile(judge.path, judge.old, apply_changes(judge.old, taken), mended, tuple(refused))


def _change(
    path: str, lines: LineIndex, fix: Sequence[ReportedEdit], wanted_by: Sequence[Reported]
) -> _Change | None:
    """The fix by byte offsets; None for one that reaches into another file or overlaps itself."""

    def offset(line: int, column: int) -> int:
        return lines.offset(line) + column - 1

    def bounds(place: Place) -> tuple[int, int]:
        return offset(place.line, place.column), offset(place.end_line, place.end_column)

    edits = sorted((*bounds(edit.place), edit.text.encode()) for edit in fix)
    if any(edit.place.path != path for edit in fix):
        return None
    if any(one[1] > other[0] for one, other in pairwise(edits)):
        return None
    return _Change(tuple(edits), tuple(wanted_by))


def apply_changes(old: bytes, changes: Iterable[_Change]) -> bytes:
    """The text with the edits of changes that do not overlap."""
    parts: list[bytes] = []
    at = 0
    for start, end, text in sorted(edit for change in changes for edit in change.edits):
        parts += [old[at:start], text]
        at = end
    return b"".join([*parts, old[at:]])


class _Judge:
    """Looks at one file with changes made: does it parse as before, does it have more findings?"""

    def __init__(
        self, source: Source, path: str, old: bytes, rules: RuleSet, reach: str, cache: DeclarationCache
    ) -> None:
        self.path = path
        self.old = old
        self._source = source
        self._rules = rules
        self._reach = reach
        self._cache = cache
        self._unchanged = self._unit(old)

    def damage(self, changes: Sequence[_Change]) -> str | None:
        """DAMAGES if functions are lost or become unreadable, or if an edit lies outside of functions."""
        before, after = self._unchanged, self._unit(apply_changes(self.old, changes))
        old, new = before.definitions.functions, after.definitions.functions
        if [piece.name for piece in old] != [piece.name for piece in new]:
            return DAMAGES
        if between_functions(before) != between_functions(after):
            return DAMAGES
        for was, now in zip(old, new, strict=True):
            changed = before.text.of(was.span) != after.text.of(now.span)
            if changed and before.lowering.parses(was) and not after.lowering.parses(now):
                return DAMAGES
        return None

    def objection(self, changes: Sequence[_Change]) -> str | None:
        """Why these changes cannot be made together; None if they can."""
        if not changes:
            return None
        reason = self.damage(changes)
        if reason is not None:
            return reason
        changed = self._unit(apply_changes(self.old, changes))
        # Nothing new can be said of functions that no changed one is reached from.
        names = touched(self._unchanged, changed)
        # A changed call has another fingerprint: count what each rule says of each function instead.
        new = self._counted(changed, names) - self._counted(self._unchanged, names)
        return f"{BRINGS} ({', '.join(sorted({rule for rule, _ in new}))})" if new else None

    def _unit(self, data: bytes) -> TranslationUnit:
        program = Program(OverlaySource(self._source, {self.path: data}), self._reach, cache=self._cache)
        unit = program.unit(self.path)
        assert unit is not None
        return unit

    def _counted(self, unit: TranslationUnit, names: Collection[str]) -> Counter[tuple[str, str]]:
        return Counter((f.rule, f.function) for f in analyse_unit(unit, self._rules, names).findings)


def unified(files: Iterable[FixedFile]) -> Iterator[bytes]:
    """The lines of a diff that `patch -p1` and `git apply` take, with their line ends."""
    from difflib import diff_bytes, unified_diff

    for file in files:
        if file.old == file.new:
            continue
        old, new = _lines(file.old), _lines(file.new)
        name = file.path.encode("utf-8", "surrogateescape")
        for line in diff_bytes(unified_diff, old, new, b"a/" + name, b"b/" + name):
            yield line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"


def _lines(data: bytes) -> list[bytes]:
    """Lines as git counts them: a carriage return alone ends none."""
    lines = data.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
