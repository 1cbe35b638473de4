# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of a change analysed in worker processes, before their results are compared.

Planning: what the store has is taken from there. The rest is grouped by file, so that a version of a file
that two patches share is analysed once, and the groups go to the workers, largest first. The files with
callers follow when it is known which contracts change. The review does itself what a worker could not do, as
it does without workers; so the results are the same for any number of processes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from qerrlint.engine.kept.kept_results import KeptResults
from qerrlint.engine.pool import Workforce
from qerrlint.engine.store.cache_store import Entry, Store
from qerrlint.engine.time_limit import TimeLimit
from qerrlint.errors import InputError
from qerrlint.model.include_graph import DeclarationCache
from qerrlint.model.lowering import LoweredContents
from qerrlint.model.program import Program
from qerrlint.records import record
from qerrlint.review.both_sides import (
    CallersResult,
    PairResult,
    analysed_callers,
    analysed_pair,
    both_units,
    files_with_callers,
    kept_pair,
)
from qerrlint.review.compare import Compared, compare
from qerrlint.review.review_options import Advance, ReviewOptions
from qerrlint.review.scope import ContractChange, FilePair, changed_functions, is_c
from qerrlint.review.store.change_store import ChangeStore
from qerrlint.review.store.earlier_pairs import EarlierPairs
from qerrlint.rules.rule import RuleSet
from qerrlint.source.source import Source

# Below so many bytes of changed files, versions counted apart, starting workers costs more than it saves.
_WORTHWHILE = 1 << 19


@record(frozen=True, slots=True)
class Comparison:
    """Two of the programs of a review, by number, and the files in which they differ."""

    before: int
    after: int
    pairs: Sequence[FilePair]


@record(frozen=True, slots=True)
class Setting:
    """What the programs of a review have in common (model.program.Program)."""

    reach: str
    at_hand: Sequence[str]
    age: str | None = None
    partial: bool = False

    def programs(self, sources: Sequence[Source]) -> list[Program]:
        """A program for each source; they scan each content of a header once, and lower each of a file."""
        cache, lowered = DeclarationCache(), LoweredContents()
        return [
            Program(source, self.reach, self.at_hand, cache, self.age, self.partial, lowered)
            for source in sources
        ]


@dataclass(slots=True)
class WorkerResults:
    """The results that are there before a comparison asks for them, by the numbers of its programs."""

    advance: Advance
    pairs: dict[tuple[int, int, FilePair], PairResult] = field(default_factory=dict)
    callers: dict[tuple[int, int, str], CallersResult] = field(default_factory=dict)


@record(frozen=True, slots=True)
class ComparisonResults:
    """What is known ahead of one comparison (compare.Known)."""

    ahead: WorkerResults
    one: Comparison

    def pair(self, pair: FilePair) -> PairResult | None:
        """What the analyses of a pair of files gave."""
        return self.ahead.pairs.get((self.one.before, self.one.after, pair))

    def of_callers(self, path: str) -> tuple[CallersResult] | None:
        """What the analyses of a file with callers gave."""
        key = self.one.before, self.one.after, path
        return (self.ahead.callers[key],) if key in self.ahead.callers else None

    def done(self) -> None:
        """A pair of files is done with that was not known."""
        self.ahead.advance(1)


@record(frozen=True, slots=True)
class _Task:
    """One pair of files, or one file with callers of functions whose contracts change."""

    before: int
    after: int
    pair: FilePair | None = None
    path: str = ""
    contracts: tuple[ContractChange, ...] = ()


@record(frozen=True, slots=True)
class _Done:
    """A task with its result and what is to be kept of it; `result` is None where an error ended it, or the
    time was over."""

    task: _Task
    result: tuple[PairResult | CallersResult] | None
    entries: Sequence[Entry]


class _Collected:
    """A store that has nothing and collects what is put there, for the parent process to write."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def exact(self, *_: object) -> Mapping[str, Entry]:
        """Nothing."""
        return {}

    def candidates(self, *_: object) -> Mapping[str, Sequence[Entry]]:
        """Nothing."""
        return {}

    def add(self, entries: Sequence[Entry], _instead: object = ()) -> None:
        """Collect the entries."""
        self.entries += entries


Recipe = Callable[[Store], KeptResults]


@dataclass(slots=True)
class _State:
    """What a worker holds."""

    programs: list[Program]
    rules: RuleSet
    recipes: Mapping[tuple[int, int], Recipe]
    earlier: EarlierPairs | None
    limit: TimeLimit | None


def _make_state(
    sources: Sequence[Source],
    setting: Setting,
    rules: RuleSet,
    recipes: Mapping[tuple[int, int], Recipe],
    several: bool,
    limit: TimeLimit | None,
) -> _State:
    """`several`: there is more than one comparison, so that one may take over what another has found."""
    programs = setting.programs(sources)
    return _State(programs, rules.everything(), recipes, EarlierPairs(programs) if several else None, limit)


def _work(state: _State, group: list[_Task]) -> list[_Done]:
    return [_worked(state, task) for task in group]


def _worked(state: _State, task: _Task) -> _Done:
    if state.limit is not None and state.limit.passed():
        return _Done(task, None, ())
    collected = _Collected()
    recipe = state.recipes.get((task.before, task.after))
    kept = recipe(cast("Store", collected)) if recipe is not None else None
    before, after = state.programs[task.before], state.programs[task.after]
    try:
        result: PairResult | CallersResult
        if task.pair is not None:
            both = analysed_pair(before, after, task.pair, state.rules, kept, None, state.earlier)
            result = both.was, both.now, tuple(both.contracts)
        else:
            result = analysed_callers(before, after, task.path, task.contracts, state.rules, kept)
        if kept is not None:
            kept.write()
    except Exception:  # the review meets the same error, and tells of it
        return _Done(task, None, ())
    return _Done(task, (result,), collected.entries)


def compare_all(
    programs: Sequence[Program],
    setting: Setting,
    comparisons: Sequence[Comparison],
    options: ReviewOptions,
) -> list[Compared]:
    """compare() for each of several comparisons of programs that were made with one setting."""
    for program in programs:
        program.source.expect(partial(_changed_names, programs, comparisons))
    with options.workers.progress(sum(len(one.pairs) for one in comparisons)) as advance:
        ahead = _analyse_ahead(programs, setting, comparisons, options, advance)
        earlier = EarlierPairs(programs) if len(comparisons) > 1 else None
        return [
            compare(
                programs[one.before],
                programs[one.after],
                one.pairs,
                options,
                ComparisonResults(ahead, one),
                earlier,
            )
            for one in comparisons
        ]


def _changed_names(programs: Sequence[Program], comparisons: Sequence[Comparison]) -> set[str]:
    """What the tree may be searched for: the changed functions with external linkage, whose callers count,
    and the migration modes that changed files name."""
    from qerrlint.qemu.registered_modes import modes_named

    names: set[str] = set()
    for one in comparisons:
        for pair in one.pairs:
            old, new = both_units(programs[one.before], programs[one.after], pair)
            if new is not None:
                changed = changed_functions(old, new) & new.functions.keys()
                names |= {name for name in changed if not new.is_static(name)}
                names |= modes_named(new)
    return names


def _analyse_ahead(
    programs: Sequence[Program],
    setting: Setting,
    comparisons: Sequence[Comparison],
    options: ReviewOptions,
    advance: Advance,
) -> WorkerResults:
    """Analyse what several processes can; `advance` is told of each pair of files that is done with."""
    ahead = WorkerResults(advance)
    store, jobs = options.store, options.workers.jobs or os.cpu_count() or 1
    if jobs == 1 or (store is not None and store.verifies):
        return ahead
    tasks = [
        _Task(one.before, one.after, pair)
        for one in comparisons
        for pair in one.pairs
        if not _is_known(programs, one, pair, store, ahead)
    ]
    groups = _grouped(programs, tasks)
    if len(groups) < 2 or sum(weight for _, weight in groups) < _WORTHWHILE:
        return ahead
    recipes = {}
    for one in comparisons:
        before, after = programs[one.before], programs[one.after]
        recipe = store.recipe(before, after) if store is not None else None
        if recipe is not None:
            recipes[one.before, one.after] = recipe
    sources = [program.source for program in programs]
    several = len(comparisons) > 1
    make_state = partial(_make_state, sources, setting, options.rules, recipes, several, options.limit)
    with Workforce(_work, make_state, min(jobs, len(groups))) as workforce:
        for done in _results(workforce, groups):
            if done.result is not None and done.task.pair is not None:
                key = done.task.before, done.task.after, done.task.pair
                ahead.pairs[key] = cast("PairResult", done.result[0])
                advance(1)
            if store is not None:
                store.add(done.entries)
        callers = [
            (_Task(one.before, one.after, None, path, contracts), 1)
            for one in comparisons
            for contracts in [_contracts_of(ahead, one)]
            if contracts
            for path in _files(programs, one, contracts, store)[: options.caller_files]
        ]
        for done in _results(workforce, [([task], weight) for task, weight in callers]):
            if done.result is not None:
                key_of_callers = done.task.before, done.task.after, done.task.path
                ahead.callers[key_of_callers] = cast("CallersResult", done.result[0])
            if store is not None:
                store.add(done.entries)
    return ahead


def _results(
    workforce: Workforce[list[_Task], list[_Done]], groups: Sequence[tuple[list[_Task], int]]
) -> Iterator[_Done]:
    ordered = sorted(groups, key=lambda group: -group[1])
    for done in workforce.map([tasks for tasks, _ in ordered]):
        yield from done


def _is_known(
    programs: Sequence[Program],
    one: Comparison,
    pair: FilePair,
    store: ChangeStore | None,
    ahead: WorkerResults,
) -> bool:
    """Whether nothing is to be analysed of a pair of files, or the store has its result."""
    if not any(path is not None and is_c(path) for path in (pair.old, pair.new)):
        return True
    before, after = programs[one.before], programs[one.after]
    kept = store.results(before, after) if store is not None else None
    try:
        found = kept_pair(before, after, pair, kept) if kept is not None else None
    except InputError:  # a file that cannot be read: the review says so
        return True
    if found is not None:
        ahead.pairs[one.before, one.after, pair] = found
    return found is not None


def _grouped(programs: Sequence[Program], tasks: Sequence[_Task]) -> list[tuple[list[_Task], int]]:
    """The tasks by file, through renames, each group with the bytes that are to be analysed."""
    groups: list[tuple[list[_Task], int]] = []
    number: dict[str, int] = {}
    for task in tasks:
        assert task.pair is not None
        paths = [path for path in (task.pair.old, task.pair.new) if path is not None]
        known = next((number[path] for path in paths if path in number), None)
        if known is None:
            known = len(groups)
            groups.append(([], 0))
        number.update(dict.fromkeys(paths, known))
        sides = ((task.before, task.pair.old), (task.after, task.pair.new))
        sizes = (programs[side].source.size(path) or 0 for side, path in sides if path is not None)
        listed, weight = groups[known]
        groups[known] = ([*listed, task], weight + sum(sizes))
    return groups


def _contracts_of(ahead: WorkerResults, one: Comparison) -> tuple[ContractChange, ...]:
    """The contracts that a comparison changes, as compare() finds them."""
    results = (ahead.pairs.get((one.before, one.after, pair)) for pair in one.pairs)
    return tuple(change for result in results if result is not None for change in result[2])


def _files(
    programs: Sequence[Program],
    one: Comparison,
    contracts: Sequence[ContractChange],
    store: ChangeStore | None,
) -> list[str]:
    before, after = programs[one.before], programs[one.after]
    kept = store.results(before, after) if store is not None else None
    _, files = files_with_callers(after, one.pairs, contracts, kept)
    return files
