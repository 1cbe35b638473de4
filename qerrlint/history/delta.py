# SPDX-License-Identifier: GPL-2.0-or-later
"""What one commit does to the findings of its tree, without an analysis of the whole tree.

Both sides of each changed file are analysed as far as the change reaches, and so are the files that mention
a name about which the commit says something new. Bodies of other files are not looked at: so the findings
are those that `qerrlint check` has for the two trees.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.engine.callers import with_callers
from qerrlint.engine.file_report import FileReport
from qerrlint.engine.internal_errors import Fault, contained
from qerrlint.engine.located import Located, Resolver, in_order
from qerrlint.engine.mentions import NOT_CORE, Mentions
from qerrlint.history.changed_names import Dependents, changed_names
from qerrlint.history.known_files import FileOutcome, KnownFiles
from qerrlint.history.word_index import WordIndex
from qerrlint.lazy_patterns import lazy_re
from qerrlint.model.include_graph import DeclarationCache
from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.records import record
from qerrlint.review.matching.findings import Delta, match
from qerrlint.review.matching.rewritten_statements import settle_rewritten
from qerrlint.review.scope import FilePair, is_c, touched, unreadable
from qerrlint.rules.loader import load_rules
from qerrlint.source.commit_trees import BlobChange, CommitTrees

# Scanned declarations that are kept from commit to commit, in bytes of the files.
_CACHE_BYTES = 24 << 20
# Files that no commit touches and that are analysed with one program.
_FILES_OF_PROGRAM = 60
_INCLUDE = lazy_re(rb"^[ \t]*#[ \t]*include\b.*$", re.MULTILINE)


@record(frozen=True, slots=True)
class Item:
    """A finding as a history tells of it; `line` is that of the tree in which it stands."""

    rule: str
    severity: str
    confidence: str
    path: str
    line: int
    function: str
    fingerprint: str
    message: str

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from the other findings of its tree."""
        return self.path, self.fingerprint


@record(frozen=True, slots=True)
class CommitDelta:
    """What a commit did: `changed` pairs findings that persist under another path, fingerprint, severity or
    confidence. `regained` stand in functions that could not be read before: they may have stood there all the
    time. `files` is the number of changed files that were analysed; `faults` say what could not be."""

    introduced: tuple[Item, ...] = ()
    fixed: tuple[Item, ...] = ()
    changed: tuple[tuple[Item, Item], ...] = ()
    regained: tuple[Item, ...] = ()
    files: int = 0
    faults: tuple[str, ...] = ()


@dataclass(slots=True)
class _Sides:
    """What both sides of a change have come to so far."""

    old: list[Located] = field(default_factory=list)
    new: list[Located] = field(default_factory=list)
    units: list[tuple[TranslationUnit | None, TranslationUnit | None]] = field(default_factory=list)
    unread: set[tuple[str, str]] = field(default_factory=set)
    lost: set[tuple[str, str]] = field(default_factory=set)
    files: int = 0
    faults: list[Fault] = field(default_factory=list)


class Deltas:
    """Works out what commits do; keeps what following commits have in common. With `below` only the findings
    of these files and folders are looked for. Raises InputError where there
    is no repository at `root`."""

    def __init__(self, root: str, rule_folders: Sequence[str] = (), below: Sequence[str] = ()) -> None:
        self._below = below
        self.trees = CommitTrees(root)
        self.rules = load_rules(rule_folders).everything()
        self._news = {rule.id for rule in self.rules if rule.change_only}
        self._cache = DeclarationCache()
        self._index = WordIndex(self.trees)
        self._known = KnownFiles()
        self._latest: tuple[str, Program] | None = None

    def of(
        self, parent: str, commit: str, changes: Iterable[BlobChange], about: str | None = None
    ) -> CommitDelta:
        """What a commit does to the findings of the tree of a parent. Raises InputError.

        `about`: only the findings of this function, or table, of the changed files, where the parent has it;
        files that the commit does not touch are left out.
        """
        pairs = [pair for pair in map(_core_pair, changes) if pair is not None]
        if not pairs:
            return CommitDelta()
        if self._cache.size > _CACHE_BYTES:
            self._cache = DeclarationCache()
        before = self._program_before(parent, pairs)
        after = self._program(commit)
        with closing(before):
            try:
                delta = self._between(before, after, pairs, about)
            except BaseException:
                after.close()
                raise
        self._latest = commit, after
        return delta

    def _program(self, commit: str) -> Program:
        """The program of a commit's tree."""
        files = self.trees.files(commit)

        def candidates(names: Iterable[str]) -> set[str]:
            # Reading a tree's words takes seconds, and most commits do without.
            self._index.add_tree(files)
            return self._index.mentioning(names)

        return Program(self.trees.tree(commit, candidates), cache=self._cache)

    def _program_before(self, parent: str, pairs: Sequence[FilePair]) -> Program:
        """The program of a parent's tree. Where that is the commit that was looked at last, it is the program
        of then, which knows its headers and often the same files."""
        if self._latest is None:
            return self._program(parent)
        (commit, program), self._latest = self._latest, None
        if commit == parent:
            program.keep_units(pair.old for pair in pairs if pair.old is not None)
            return program
        program.close()
        return self._program(parent)

    def _between(
        self, before: Program, after: Program, pairs: Sequence[FilePair], about: str | None
    ) -> CommitDelta:
        """The delta of two trees that differ in some files."""
        found = _Sides()
        for pair in pairs:
            with contained(pair.new or pair.old or "", found.faults):
                self._changed_file(before, after, pair, found, about)
        if about is None:
            self._other_files(before, after, pairs, found)
        renames = {pair.old: pair.new for pair in pairs if pair.old is not None}
        delta = match(in_order(found.old), in_order(found.new), lambda path: renames.get(path, path))
        delta = settle_rewritten(delta, found.units, self.rules)
        introduced = delta.introduced
        if introduced and about is None:
            mentions = Mentions(after.source)
            introduced = tuple(with_callers(introduced, after, mentions, self.rules, found.faults))
        known = [item for item in introduced if _place(item) not in found.unread]
        return CommitDelta(
            tuple(map(item_of, known)),
            tuple(item_of(item) for item in delta.fixed if _place(item) not in found.lost),
            _told_otherwise(delta),
            tuple(item_of(item) for item in introduced if _place(item) in found.unread),
            found.files,
            tuple(f"{fault.path}: {fault.reason}" for fault in found.faults),
        )

    def has(self, commit: str, item: Item) -> bool:
        """Whether a finding stands in the tree of a commit, in the file of its path. Raises InputError."""
        with closing(Program(self.trees.tree(commit), cache=self._cache)) as program:
            unit = program.unit(item.path)
            if unit is None or item.function not in _all_names(unit):
                return False
            report = analyse_unit(unit, self.rules, {item.function})
        return any(finding.fingerprint == item.fingerprint for finding in report.findings)

    def _changed_file(
        self, before: Program, after: Program, pair: FilePair, found: _Sides, about: str | None
    ) -> None:
        old = before.unit(pair.old) if pair.old is not None and is_c(pair.old) else None
        new = after.unit(pair.new) if pair.new is not None and is_c(pair.new) else None
        if old is None and new is None:
            return
        if not any(unit is not None and is_below(unit.path, self._below) for unit in (old, new)):
            return
        found.units.append((old, new))
        names = touched(old, new)
        if old is not None and new is not None and (old.path != new.path or _includes(old) != _includes(new)):
            names = _all_names(old) | _all_names(new)
        if about is not None and old is not None and about in _all_names(old):
            names &= {about}
        self._analyse(before, after, old, new, names, found)

    def _other_files(self, before: Program, after: Program, pairs: Sequence[FilePair], found: _Sides) -> None:
        """The files that the commit does not touch, but that it may have an effect on."""
        changed = changed_names(before, after, pairs)
        if not changed:
            return
        old, new = (program.source.revision or "" for program in (before, after))
        for commit in (old, new):
            self._index.add_tree(self.trees.files(commit))
        self._bring_known_to(old, before)
        near = {path for pair in pairs for path in (pair.old, pair.new) if path is not None}
        dependents = Dependents(changed, before, after, self._index, near)
        missing = (
            path
            for path in sorted(dependents.candidates)
            if path not in self._known and is_below(path, self._below) and dependents.holds(path)
        )
        for _ in self._whole_files(old, before, missing, found):
            pass
        # What the commit does not concern is the same afterwards.
        concerned = self._known.move(new, before, after, self._differing(old, new))
        again = filter(dependents.holds, sorted(concerned))
        for path, now in self._whole_files(new, after, again, found):
            was = concerned[path]
            found.old += self._told(was.found)
            found.unread |= {(path, name) for name in was.damaged}
            found.new += self._told(now.found)
            found.lost |= {(path, name) for name in now.damaged}

    def _differing(self, old: str, new: str) -> set[str]:
        """The paths of the files that differ between the trees of two commits."""
        one, two = self.trees.files(old), self.trees.files(new)
        return {path for path in {**one, **two} if one.get(path) != two.get(path)}

    def _bring_known_to(self, commit: str, program: Program) -> None:
        """Make the outcomes that are known those of another commit, as far as they are the same there."""
        known = self._known
        if known.commit == commit:
            return
        differing = self._differing(known.commit, commit) if known else ()
        # To compare a file costs some milliseconds, to analyse one some tens of them.
        if len(differing) >= len(known):
            known.clear(commit)
            return
        with closing(self._program(known.commit)) as then:
            known.move(commit, then, program, differing)

    def _whole_files(
        self, commit: str, program: Program, paths: Iterable[str], found: _Sides
    ) -> Iterator[tuple[str, FileOutcome]]:
        """The outcomes of files that a commit does not touch, analysed in the tree of one; a file with which
        that is not possible is left out.

        A commit may concern hundreds of files in all folders. What a program has come to know for these would
        not fit into memory, so after some of them the next ones get a program of their own.
        """
        own: Program | None = None
        for number, path in enumerate(paths, 1):
            if number % _FILES_OF_PROGRAM == 0:
                if own is not None:
                    own.close()
                self._cache = DeclarationCache()
                own = self._program(commit)
                gc.collect()
            using = own or program
            outcome = None
            with contained(path, found.faults):
                unit = using.unit(path)
                if unit is not None:
                    outcome = self._known.analyse(using, unit, self.rules)
            using.forget(path)
            if outcome is not None:
                yield path, outcome
        if own is not None:
            own.close()

    def _analyse(
        self,
        before: Program,
        after: Program,
        old: TranslationUnit | None,
        new: TranslationUnit | None,
        names: set[str],
        found: _Sides,
    ) -> None:
        if not names:
            return
        found.files += 1
        # What cannot be read afterwards has not been repaired.
        lost = new is not None and unreadable(new)
        was = analyse_unit(old, self.rules, names) if old is not None and not lost else None
        now = analyse_unit(new, self.rules, names) if new is not None else None
        # Both are recorded together: what only one side has would count as introduced or fixed.
        if was is not None:
            found.old += self._located(was, before)
            if new is not None:
                found.unread |= {(new.path, item.function) for item in was.damaged}
        if now is not None:
            found.new += self._located(now, after)
            if old is not None:
                found.lost |= {(old.path, item.function) for item in now.damaged}

    def _located(self, report: FileReport, program: Program) -> Iterator[Located]:
        resolver = Resolver(program)
        return self._told(resolver.locate(finding, "") for finding in report.findings)

    def _told(self, found: Iterable[Located]) -> Iterator[Located]:
        """Those of the findings that a history tells."""
        for one in found:
            if one.finding.allowed is None and one.finding.rule not in self._news:
                yield one


def is_below(path: str, below: Sequence[str]) -> bool:
    """Whether a file is one of these, or lies in one of these folders; any file does where none is named."""
    return not below or any(path == one or path.startswith(f"{one}/") for one in below)


def delta_between(delta: Delta) -> CommitDelta:
    """What lies between the findings of two whole trees."""
    return CommitDelta(
        tuple(map(item_of, delta.introduced)), tuple(map(item_of, delta.fixed)), _told_otherwise(delta)
    )


def _told_otherwise(delta: Delta) -> tuple[tuple[Item, Item], ...]:
    pairs = [(item_of(old), item_of(new)) for old, new in delta.persisting]
    return tuple((old, new) for old, new in pairs if _without_line(old) != _without_line(new))


def _core_pair(change: BlobChange) -> FilePair | None:
    """The change of a file as far as it lies in what a run over a tree looks at; None for any other one."""
    if change.old_blob == change.new_blob and change.old_path == change.new_path:
        return None
    paths = [
        path
        if path is not None and (is_c(path) or path.endswith(".json")) and not path.startswith(NOT_CORE)
        else None
        for path in (change.old_path, change.new_path)
    ]
    return FilePair(*paths) if any(paths) else None


def _includes(unit: TranslationUnit) -> list[bytes]:
    return _INCLUDE.findall(unit.data)


def _all_names(unit: TranslationUnit) -> set[str]:
    return {piece.name for piece in unit.definitions.pieces if piece.name}


def _place(found: Located) -> tuple[str, str]:
    return found.path, found.finding.function


def _without_line(item: Item) -> tuple[str, ...]:
    """All of an item but for its line and message."""
    return (*item.key, item.rule, item.severity, item.confidence, item.function)


def item_of(found: Located) -> Item:
    """A finding of a tree as a history tells of it."""
    finding = found.finding
    told = (finding.rule, finding.severity, finding.confidence, found.path, found.place.line)
    return Item(*told, finding.function, finding.fingerprint, finding.message)
