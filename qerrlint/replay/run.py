# SPDX-License-Identifier: GPL-2.0-or-later
"""Replay: labelled defects of a git history against what the rules say there.

Planning: labels of one file and fix share their two analyses, labels of one introducing commit share its
review, and only the labelled functions are analysed. Tasks go out in the order of the labels, which is that
of time, so that neighbouring revisions, which have most headers in common, meet in the same worker's cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.engine.file_report import FileReport
from qerrlint.engine.located import Located, Resolver
from qerrlint.engine.pool import run_tasks
from qerrlint.errors import QerrlintError
from qerrlint.findings import CONFIDENCES
from qerrlint.model.include_graph import DeclarationCache
from qerrlint.model.program import Program
from qerrlint.records import record
from qerrlint.replay.former import former_place
from qerrlint.replay.labels import Label, answering
from qerrlint.replay.outcomes import FoundItem, Outcome
from qerrlint.result import TreeInfo
from qerrlint.review.review_options import ReviewOptions
from qerrlint.review.revision_review import review_change
from qerrlint.review.scope import FilePair, is_c
from qerrlint.rules.loader import load_rules
from qerrlint.rules.rule import RuleSet
from qerrlint.source.git_tree import GitSource
from qerrlint.source.repository import Repository

MIN_CONFIDENCE = "medium"
"""Findings below this confidence count as not made, as in the commands' own default."""

# After so many tasks a worker begins with an empty cache of declarations: it would grow without end.
_TASKS_PER_CACHE = 24


@record(frozen=True, slots=True)
class _Task:
    """Labels that share a commit and a file (around a fix) or, `is_change`, the commit that made them."""

    commit: str
    labels: tuple[tuple[int, Label], ...]
    is_change: bool


class _Bench:
    """One process's repository, rules and cache."""

    def __init__(self, root: str, reach: str) -> None:
        self.root = root
        self.reach = reach
        self.repository = Repository(root)
        self.rules = load_rules()
        self._cache = DeclarationCache()
        self._tasks = 0

    def cache(self) -> DeclarationCache:
        """The cache for the next task."""
        self._tasks += 1
        if self._tasks % _TASKS_PER_CACHE == 0:
            self._cache = DeclarationCache()
        return self._cache


def replay(
    labels: Sequence[Label],
    root: str,
    reach: str,
    jobs: int,
    submission: bool = True,
    scheduler: str | None = None,
) -> Iterator[tuple[int, Outcome]]:
    """Each label's index and outcome, as they come: in no certain order when there is more than one job.

    `root` is a git repository; `submission` also reviews the changes that brought the defects in; `jobs` is
    the number of processes (0: one for each core), which a cluster takes the place of where the address of
    its `scheduler` is given. Raises InputError, at the first outcome, when there is no repository at
    `root`, and when a worker process dies.
    """

    Repository(root)
    tasks = _plan(labels, submission)
    waiting = [0] * len(labels)
    for task in tasks:
        for index, _ in task.labels:
            waiting[index] += 1
    parts: dict[int, Outcome] = {}
    for done in run_tasks(_perform, partial(_Bench, root, reach), tasks, jobs, scheduler):
        for index, outcome in done:
            parts[index] = parts[index].joined(outcome) if index in parts else outcome
            waiting[index] -= 1
            if not waiting[index]:
                yield index, parts.pop(index)


def _plan(labels: Sequence[Label], submission: bool) -> list[_Task]:
    groups: dict[tuple[str, ...], list[tuple[int, Label]]] = {}
    for index, label in enumerate(labels):
        if submission and label.introduced is not None:
            groups.setdefault((label.introduced,), []).append((index, label))
        groups.setdefault((label.fix, label.file), []).append((index, label))
    return [_Task(key[0], tuple(group), is_change=len(key) == 1) for key, group in groups.items()]


def _perform(bench: _Bench, task: _Task) -> list[tuple[int, Outcome]]:
    """One task's outcomes; what goes wrong is part of them, so that the other labels go on."""
    try:
        return _reviewed(bench, task) if task.is_change else _analysed(bench, task)
    except QerrlintError as error:
        reason = str(error)
        if task.is_change:
            return [(index, Outcome(label, unfit_change=reason)) for index, label in task.labels]
        return [(index, Outcome(label, unfit=reason)) for index, label in task.labels]
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        if task.is_change:
            return [(index, Outcome(label, submitted=False, crashed=reason)) for index, label in task.labels]
        return [(index, Outcome(label, crashed=reason)) for index, label in task.labels]


def _analysed(bench: _Bench, task: _Task) -> list[tuple[int, Outcome]]:
    """The labelled functions before and after the fix."""
    file = task.labels[0][1].file
    parent = bench.repository.first_parent(task.commit)
    if parent is None:
        return [(i, Outcome(label, unfit="the fix has no parent")) for i, label in task.labels]
    cache = bench.cache()
    functions = {label.function for _, label in task.labels}
    with GitSource(bench.root, parent) as before, GitSource(bench.root, task.commit) as after:
        broken = _Side(Program(before, bench.reach, cache=cache), file, functions, bench.rules)
        if broken.report is None:
            reason = "the file is not there before the fix"
            return [(i, Outcome(label, unfit=reason)) for i, label in task.labels]
        if not after.exists(file):
            changes = bench.repository.changed_paths(parent, task.commit)
            file = next((c.new_path for c in changes if c.old_path == file and c.new_path), file)
        mended = _Side(Program(after, bench.reach, cache=cache), file, functions, bench.rules)
    left = {(found.finding.function, found.finding.fingerprint) for found in mended.found}
    return [(index, _before_fix(label, broken, left, bench.rules)) for index, label in task.labels]


class _Side:
    """The findings of some functions of one file in one tree; `report` is None when there is no such file."""

    def __init__(self, program: Program, path: str, functions: set[str], rules: RuleSet) -> None:
        unit = program.unit(path)
        self.report: FileReport | None = None
        self.functions: frozenset[str] = frozenset()
        self.found: tuple[Located, ...] = ()
        if unit is not None:
            self.functions = frozenset(piece.name for piece in unit.definitions.pieces)
            self.report = analyse_unit(unit, rules, functions)
            resolver = Resolver(program)
            self.found = tuple(resolver.locate(f, "") for f in self.report.findings if _counts(f.confidence))

    def unanalysed(self, function: str) -> str | None:
        """Why a function was not, or not wholly, analysed."""
        assert self.report is not None
        if function not in self.functions:
            return "no function and no table of that name is found in the file"
        hurt = (*self.report.damaged, *self.report.incomplete)
        return next((item.reason for item in hurt if item.function == function), None)


def _before_fix(label: Label, side: _Side, left: set[tuple[str, str]], rules: RuleSet) -> Outcome:
    wanted = answering(label, rules)
    said = [_found_item(found, label) for found in side.found if found.finding.function == label.function]
    answers = tuple(sorted((s for s in said if s.rule in wanted), key=_nearness))
    # Of several findings the nearest is the one meant; the fix need not mend the others.
    nearest = [s for s in answers if _nearness(s) == _nearness(answers[0])]
    return Outcome(
        label,
        answers=answers,
        others=tuple(s for s in said if s.rule not in wanted),
        quiet=any((label.function, s.fingerprint) not in left for s in nearest),
        unanalysed=side.unanalysed(label.function),
    )


def _found_item(found: Located, label: Label) -> FoundItem:
    finding = found.finding
    places = (found.place, *(step.place for step in found.steps))
    lines = [abs(place.line - label.line) for place in places if place.path == label.file]
    return FoundItem(
        finding.rule,
        found.place.line,
        finding.confidence,
        finding.message,
        finding.fingerprint,
        min(lines, default=None),
    )


def _nearness(said: FoundItem) -> float:
    return said.distance if said.distance is not None else float("inf")


def _counts(confidence: str) -> bool:
    return CONFIDENCES.index(confidence) >= CONFIDENCES.index(MIN_CONFIDENCE)


def _reviewed(bench: _Bench, task: _Task) -> list[tuple[int, Outcome]]:
    """The introducing change as `qerrlint diff` reviews it."""
    parent = bench.repository.first_parent(task.commit)
    if parent is None:
        reason = "the introducing commit has no parent"
        return [(i, Outcome(label, unfit_change=reason)) for i, label in task.labels]
    changes = bench.repository.changed_paths(parent, task.commit)
    pairs = [FilePair(change.old_path, change.new_path) for change in changes]
    with GitSource(bench.root, parent) as before, GitSource(bench.root, task.commit) as after:
        tree = TreeInfo(before.root, before.revision, "given", bench.reach)
        result = review_change(before, after, pairs, ReviewOptions(bench.rules), tree)
        program = Program(after, bench.reach)
        places = [_former(bench, label, program, pairs) for _, label in task.labels]
    by_place: dict[tuple[str, str], list[FoundItem]] = {}
    for item in result.findings:
        if _counts(item.confidence):
            said = FoundItem(
                *(item.rule, item.place.line, item.confidence, item.message, item.fingerprint),
                status=item.status,
            )
            by_place.setdefault((item.place.path, item.function), []).append(said)
    return [
        (index, _at_submission(label, by_place.get(place, ()) if place else (), bench.rules))
        for (index, label), place in zip(task.labels, places, strict=True)
    ]


def _former(
    bench: _Bench, label: Label, earlier: Program, pairs: Sequence[FilePair]
) -> tuple[str, str] | None:
    """Where the labelled function stood in the tree that the introducing change made."""
    paths = [pair.new for pair in pairs if pair.new is not None and is_c(pair.new)]
    place = former_place(earlier, paths, label.file, label.function, None)
    fixed_on = bench.repository.first_parent(label.fix) if place is None else None
    if fixed_on is None:
        return place
    with GitSource(bench.root, fixed_on) as source:
        later = Program(source, bench.reach).unit(label.file)
        return former_place(earlier, paths, label.file, label.function, later)


def _at_submission(label: Label, said: Sequence[FoundItem], rules: RuleSet) -> Outcome:
    wanted = answering(label, rules)
    submitted = any(s.status == "introduced" and s.rule in wanted for s in said)
    return Outcome(label, submitted=submitted, at_submission=tuple(said))
