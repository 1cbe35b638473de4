# SPDX-License-Identifier: GPL-2.0-or-later
"""TreeStates: what the files of a tree have come to, for the trees of several commits.

The outcome of a file is kept with the facts that its analysis has looked up (model.lookups). So it is that
of another tree as well, where the file has the same content and none of these facts is another one
(engine.changes.tree_changes). A commit concerns a few files; the state of its tree has the outcomes of all
others from the tree before.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.engine.changes.file_facts import FileFacts, facts_of, unpacked_keys
from qerrlint.engine.changes.include_changes import IncludeGraph
from qerrlint.engine.changes.tree_blobs import DECLARING
from qerrlint.engine.changes.tree_changes import TreeChanges
from qerrlint.engine.file_report import FileReport
from qerrlint.engine.kept.kept_outcomes import FileOutcome
from qerrlint.engine.kept.kept_reads import look_into, looked_up, lookups_of
from qerrlint.engine.located import Located, Resolver
from qerrlint.history.inverted_index import InvertedIndex
from qerrlint.model.lookups import Lookups
from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.review.scope import unreadable
from qerrlint.rules.rule import RuleSet
from qerrlint.source.commit_trees import CommitTrees

# States that are remembered, and how many of these are asked for what the nearest one does not tell.
_STATES = 10
_TRIES = 3
# Trees that differ in more files are not compared: nearly every file is concerned.
_FAR = 1000
# What it costs to analyse a file, in units of what it costs to compare two contents of one.
_ANALYSIS = 10
# Texts of one tree that are remembered while two are compared.
_TEXTS = 100
# Facts of contents that are remembered.
_CONTENTS = 20_000


class FileFindings(NamedTuple):
    """The findings of a whole file, the functions that were not analysed, and whether the file as a whole
    cannot be read as C."""

    found: tuple[Located, ...]
    damaged: frozenset[str]
    unreadable: bool = False


class KnownFile(NamedTuple):
    """The findings of a file with the facts that have been looked up for them, packed
    (engine.changes.file_facts)."""

    findings: FileFindings
    keys: bytes


class TreeState(NamedTuple):
    """What is known of the tree of a commit: the facts of all files that results may be made from, what
    these include, the files that have an outcome, and those that lack one, with what their analysis has
    looked up in the tree of another commit, packed; b"" where that is not known."""

    commit: str
    facts: Mapping[str, FileFacts]
    graph: IncludeGraph
    files: dict[str, KnownFile]
    lacking: dict[str, bytes]


class Change(NamedTuple):
    """What differs between a state and the tree of `commit`, whose files have these facts."""

    commit: str
    facts: Mapping[str, FileFacts]
    between: TreeChanges


class TreeStates:
    """The states of the trees that were looked at last."""

    def __init__(self, trees: CommitTrees, is_followed: Callable[[str], bool]) -> None:
        """`is_followed` says of a path whether the file is to have an outcome."""
        self._trees = trees
        self._is_followed = is_followed
        self._states: OrderedDict[str, TreeState] = OrderedDict()
        self._passed: set[str] = set()
        self._looking_up = InvertedIndex()
        self._keys: dict[str, bytes] = {}
        self._contents: dict[tuple[str, str], FileFacts] = {}

    def begin(self, commit: str, files: Mapping[str, KnownFile] | None = None) -> TreeState:
        """Begin with the tree of a commit, whose files have these outcomes: no others are looked for. Without
        outcomes all files lack one. Raises InputError."""
        facts = self._facts(commit, {})
        lacking = facts if files is None else {}
        without = dict.fromkeys(filter(self._is_followed, lacking), b"")
        state = TreeState(commit, facts, IncludeGraph.of(facts), {}, without)
        for path, known in (files or {}).items():
            self.add(state, path, known)
        return self._remembered(state)

    def add(self, state: TreeState, path: str, known: KnownFile) -> None:
        """Add the outcome of a file to a state."""
        state.files[path] = known
        state.lacking.pop(path, None)
        earlier = unpacked_keys(self._keys[path])[0] if path in self._keys else ()
        self._looking_up.add(path, {*unpacked_keys(known.keys)[0]}.difference(earlier))
        self._keys[path] = known.keys

    def find(self, commit: str) -> TreeState | None:
        """The state of a commit's tree, where it is remembered."""
        if commit in self._states:
            self._states.move_to_end(commit)
        return self._states.get(commit)

    def brought_to(self, commit: str) -> TreeState:
        """The state of a commit's tree, from those of the remembered trees. Raises InputError."""
        if not self._states:
            return self.begin(commit)
        facts = self._facts(commit, next(reversed(self._states.values())).facts)
        near = {
            one.commit: _distance(one.facts, facts) + len(one.lacking) * _ANALYSIS
            for one in self._states.values()
        }
        state = self._states[min(near, key=lambda one: near[one])]
        if _distance(state.facts, facts) > _FAR:
            keys = {path: known.keys for path, known in state.files.items()}
            followed = filter(self._is_followed, facts)
            without = {path: keys.get(path, state.lacking.get(path, b"")) for path in followed}
            return self._remembered(TreeState(commit, facts, IncludeGraph.of(facts), {}, without))
        made = self._moved(state, Change(commit, facts, self._between(state, facts)))
        others = [other for other in self._states.values() if other is not state]
        for _ in range(_TRIES):
            # A branch that has made some of the changes has the outcomes of files with them.
            changed = [path for path in made.lacking if state.facts.get(path) != facts[path]]
            gains = [(_gain(other, facts, changed), number) for number, other in enumerate(others)]
            gain, number = max(gains, default=(0, 0))
            if gain <= 0:
                break
            self._take_over(made, others.pop(number))
        return self._remembered(made)

    def _take_over(self, state: TreeState, other: TreeState) -> None:
        """Add the outcomes of another tree's files that hold in this one."""
        since = self._between(other, state.facts)
        for path in _same(other, state.facts, [*state.lacking]):
            if not since.concern(other.files[path].keys):
                state.files[path] = other.files[path]
                del state.lacking[path]

    def change(self, state: TreeState, commit: str) -> Change:
        """What differs between a state and the tree of a commit. Raises InputError."""
        facts = self._facts(commit, state.facts)
        return Change(commit, facts, self._between(state, facts))

    def suspected(self, state: TreeState, change: Change) -> set[str]:
        """The files without an outcome that a change concerns, by what was looked up for them in another
        tree."""
        return {path for path, keys in state.lacking.items() if keys and change.between.concern(keys)}

    def moved(self, state: TreeState, change: Change) -> TreeState:
        """The state of the tree after a change, from that of its parent's."""
        made = self._moved(state, change)
        # Of a row of commits the first one and the last one are wanted again, where branches begin and end.
        if state.commit in self._passed:
            self._passed.remove(state.commit)
            self._states.pop(state.commit, None)
        self._passed.add(change.commit)
        return self._remembered(made)

    def _moved(self, state: TreeState, change: Change) -> TreeState:
        gone = self._concerned(state, change.between)
        files = {path: known for path, known in state.files.items() if path not in gone}
        lacking = {
            path: state.files[path].keys if path in gone else state.lacking.get(path, b"")
            for path in {*state.lacking, *gone, *change.between.files}
            if path in change.facts and self._is_followed(path)
        }
        return TreeState(change.commit, change.facts, change.between.graph, files, lacking)

    def _concerned(self, state: TreeState, changes: TreeChanges) -> set[str]:
        """The files with an outcome that the changes concern."""
        candidates = self._looking_up.files(changes.numbers) & state.files.keys()
        gone = {path for path in candidates if changes.concern(state.files[path].keys)}
        return gone.union(path for path in changes.files if path in state.files)

    def _remembered(self, state: TreeState) -> TreeState:
        self._states[state.commit] = state
        while len(self._states) > _STATES:
            commit, _ = self._states.popitem(last=False)
            self._passed.discard(commit)
        return state

    def _facts(self, commit: str, like: Mapping[str, FileFacts]) -> dict[str, FileFacts]:
        """The facts of a tree's files; `like` are those of one that is much the same."""
        if len(self._contents) > _CONTENTS:
            self._contents.clear()
        out: dict[str, FileFacts] = {}
        unknown = []
        for path, blob in self._trees.files(commit).items():
            if path.endswith((*DECLARING, ".c")):
                facts = like.get(path)
                if facts is None or facts.digest != blob:
                    facts = self._contents.get((path, blob))
                if facts is None:
                    unknown.append((path, blob))
                else:
                    out[path] = facts
        texts = self._trees.blobs(blob for _, blob in unknown)
        for (path, blob), text in zip(unknown, texts, strict=True):
            # An object that is missing is told where a file is analysed that needs it.
            out[path] = self._contents[path, blob] = facts_of(path, blob, text or b"")
        return out

    def _between(self, old: TreeState, new: Mapping[str, FileFacts]) -> TreeChanges:
        texts = self._text_in(old.facts), self._text_in(new)
        return TreeChanges("", old.facts, new, *texts, graph=old.graph)

    def _text_in(self, facts: Mapping[str, FileFacts]) -> Callable[[str], bytes | None]:
        # The same text is asked for several times in a row; thousands of files may differ.
        @lru_cache(_TEXTS)
        def text(path: str) -> bytes | None:
            return next(iter(self._trees.blobs((facts[path].digest,)))) if path in facts else b""

        return text


def known_file(outcome: FileOutcome, keys: bytes) -> KnownFile:
    """What a check of a whole tree has found in a file, with what it has looked up."""
    return KnownFile(FileFindings(outcome.found, frozenset(item.function for item in outcome.damaged)), keys)


def _same(state: TreeState, facts: Mapping[str, FileFacts], paths: Iterable[str]) -> list[str]:
    """Those of the files that have an outcome for the same content."""
    return [path for path in paths if path in state.files and state.facts[path].digest == facts[path].digest]


def _gain(state: TreeState, facts: Mapping[str, FileFacts], paths: Iterable[str]) -> int:
    """What the outcomes of another state for some files may save, less what it costs to ask for them."""
    saved = len(_same(state, facts, paths)) * _ANALYSIS
    return saved - _distance(state.facts, facts) if saved else 0


def _distance(one: Mapping[str, FileFacts], other: Mapping[str, FileFacts]) -> int:
    """The number of files of the second tree that the first one has not, or has with another content."""
    return sum(path not in one or one[path].digest != facts.digest for path, facts in other.items())


def analysed(program: Program, unit: TranslationUnit, rules: RuleSet) -> KnownFile:
    """The outcome of a whole file of a tree."""
    asked = program.environment.asked
    asked.now = Lookups()
    report = analyse_unit(unit, rules)
    look_into(unit, report.findings, program)
    keys = looked_up(unit.reads.questions(), lookups_of(unit.reads, asked), unit.path).keys
    return KnownFile(findings_of(program, unit, report), keys)


def findings_of(program: Program, unit: TranslationUnit, report: FileReport) -> FileFindings:
    """What a report says of a file of a program's tree, with its places resolved."""
    found = tuple(map(Resolver(program).locate, report.findings))
    damaged = frozenset(item.function for item in report.damaged)
    return FileFindings(found, damaged, unreadable(unit))
