# SPDX-License-Identifier: GPL-2.0-or-later
"""The findings of whole files, without any change: what `qerrlint check` reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from qerrlint.engine.callers import known_with_callers, with_callers
from qerrlint.engine.changes.tree_blobs import TreeBlobs
from qerrlint.engine.internal_errors import Fault
from qerrlint.engine.kept.kept_outcomes import FileOutcome, Health, KeptOutcomes, Made, Task
from qerrlint.engine.kept.kept_results import KeptResults
from qerrlint.engine.located import Located
from qerrlint.engine.mentions import Mentions
from qerrlint.engine.pool import ONE_PROCESS_BYTES, map_tasks
from qerrlint.engine.store.cache_key import program_key
from qerrlint.engine.store.cache_store import Store, other_results
from qerrlint.engine.time_limit import TimeLimit
from qerrlint.errors import InputError
from qerrlint.records import record
from qerrlint.result import Coverage, ReportedExemption, Skipped
from qerrlint.rules.loader import load_rules
from qerrlint.rules.rule import RuleSet
from qerrlint.source.directory import DirectorySource
from qerrlint.source.source import C_SUFFIXES, Source
from qerrlint.source.tree_folders import is_core


@record(frozen=True, slots=True)
class Checked:
    """The findings of a run over files, and its coverage; where they were asked for, the outcomes of
    the files with the facts that each has looked up, packed (engine.changes.file_facts)."""

    found: tuple[Located, ...]
    coverage: Coverage
    health: Health | None
    exempted: tuple[ReportedExemption, ...] = ()
    files: Mapping[str, tuple[FileOutcome, bytes]] | None = None


def core_files(source: Source, below: Sequence[str] = ()) -> list[str]:
    """The C files of a tree, or of the folders and files `below` it (then without leaving any out)."""
    return _chosen([path for path in source.paths() if path.endswith(C_SUFFIXES)], below)


def closed_folders(source: Source, below: Sequence[str] = ()) -> list[Skipped]:
    """The folders that cannot be listed where core_files() looks for files."""
    closed = source.unlisted() if isinstance(source, DirectorySource) else {}
    return [
        Skipped(path, f"cannot be listed: {closed[path.rstrip('/')]}")
        for path in _chosen([f"{path}/" for path in sorted(closed)], below)
    ]


def _chosen(paths: Sequence[str], below: Sequence[str]) -> list[str]:
    if not below:
        return [path for path in paths if is_core(path)]
    wanted = set(below)
    folders = tuple(folder.rstrip("/") + "/" for folder in below if folder not in ("", "."))
    everything = any(folder in ("", ".") for folder in below)
    return [path for path in paths if everything or path in wanted or path.startswith(folders)]


@record(frozen=True, slots=True)
class CheckOptions:
    """How files are analysed: where declarations are searched (`reach`), with which rules beside the bundled
    ones, and by how many processes (0: one for each core).

    `measure`: the health of every function is counted as well, so all of them are parsed. `keys`: what each
    file has looked up is wanted. Outcomes of an earlier run are taken from `store`, new ones are put there;
    little work is done without the store. With `verify` all files are analysed and compared with the store.
    `limit`: when no further file is begun.
    """

    reach: str
    rule_folders: Sequence[str] = ()
    jobs: int = 1
    measure: bool = False
    store: Store | None = None
    verify: bool = False
    keys: bool = False
    limit: TimeLimit | None = None


def check_files(
    source: Source,
    paths: Sequence[str],
    options: CheckOptions,
    progress: Callable[[int], None] | None = None,
) -> Checked:
    """Analyse the files; `progress` is called with numbers of files that are done.

    Raises InputError where none of several files can be read, and with `options.verify` where the store has
    another outcome.
    """
    reach, rule_folders, verify = options.reach, options.rule_folders, options.verify
    sizes, skipped = _sizes(source, paths)
    files = [path for path, _ in sizes]
    done: Callable[[int], None] = progress if progress is not None else lambda number: None
    kept = _kept(source, files, options, sum(size for _, size in sizes))
    run = _Run(kept, files, options)
    done(len(run.outcomes))
    tasks = run.tasks(sizes)
    if tasks:
        # What analyses C is imported where there is something to analyse.
        from qerrlint.engine import file_tasks

        one_file = file_tasks.verified_file if verify else file_tasks.one_file
        # Tasks tell what they have looked up where something is expected, if only nothing.
        expected, types = (kept.expected, kept.type_names) if kept is not None else (None, None)
        if kept is None and options.keys:
            expected = {}
        state = partial(file_tasks.State, source, reach, tuple(rule_folders), expected, types, options.limit)
        for made in map_tasks(one_file, state, tasks, options.jobs):
            if made.path not in run.outcomes:
                done(1)
            run.add(made)
    run.finish()
    checked = _together(run.outcomes, run.healths if options.measure else None, skipped, len(sizes))
    whole = set(core_files(source)) <= run.outcomes.keys() | {item.path for item in skipped}
    rules = load_rules(rule_folders).everything()
    asked = kept.results(f"{whole}", verify=verify) if kept is not None else None
    expected = kept.expected if kept is not None else {}
    found = known_with_callers(checked.found, expected, rules, asked)
    if found is None:
        uses = {path: one.uses for path, one in sorted(run.outcomes.items())} if whole else None
        faults: list[Fault] = []
        found = _with_callers(checked.found, source, reach, uses, rules, faults, asked)
        checked = replace(checked, coverage=_also_skipped(checked.coverage, faults))
    if options.keys:
        every = {path: (run.outcomes[path], keys) for path, keys in run.keys.items() if keys}
        checked = replace(checked, files=every)
    return replace(checked, found=tuple(found))


class _Run:
    """The outcomes of the files of a run so far, those that the store has at first, and their health."""

    def __init__(self, kept: KeptOutcomes | None, files: Sequence[str], options: CheckOptions) -> None:
        """To verify, what the store has is only compared with what is made anew."""
        self._kept = kept
        self._measure = measure = options.measure
        self._verify = verify = options.verify
        self._wants_keys = options.keys
        self._known = kept.outcomes if kept is not None else {}
        self._wrong: list[str] = []
        self.outcomes: dict[str, FileOutcome] = {} if verify else dict(self._known)
        self.keys: dict[str, bytes] = dict(kept.keys) if kept is not None else {}
        self.healths: dict[str, Health] = kept.health(files) if kept is not None and measure else {}

    def tasks(self, sizes: Sequence[tuple[str, int]]) -> list[tuple[Task, int]]:
        """What is left to do, with the size of each file."""
        candidates = self._kept.candidates if self._kept is not None else {}
        out = []
        for path, size in sizes:
            measured = self._measure and path not in self.healths
            if measured or path not in self.outcomes:
                out.append((Task(path, candidates.get(path, ()), measured), size))
        return out

    def add(self, made: Made) -> None:
        """Take in what a task has made, and put it into the store."""
        if made.health is not None:
            self.healths[made.path] = made.health
        self.outcomes[made.path] = made.outcome
        if self._wants_keys:
            self.keys[made.path] = made.keys
        if self._verify:
            if made.old is not None or self._known.get(made.path, made.outcome) != made.outcome:
                self._wrong.append(made.path)
        elif self._kept is not None:
            self._kept.put(made)

    def finish(self) -> None:
        """Write what waits; raises InputError where the store had other outcomes."""
        if self._wrong:
            raise other_results(min(self._wrong), len(self._wrong), "file")
        if self._kept is not None and not self._verify:
            self._kept.finish()


def _also_skipped(coverage: Coverage, faults: Sequence[Fault]) -> Coverage:
    """The coverage, with files about which not all could be asked."""
    left = [*coverage.skipped, *(Skipped(fault.path, fault.reason, fault.trace) for fault in faults)]
    return replace(coverage, skipped=tuple(sorted(left, key=lambda item: item.path)))


def _together(
    outcomes: Mapping[str, FileOutcome],
    healths: Mapping[str, Health] | None,
    skipped: Sequence[Skipped],
    number: int,
) -> Checked:
    """The outcomes of all files as one, in the order of their paths."""
    every = [outcome for _, outcome in sorted(outcomes.items())]
    left = [*skipped, *(outcome.skipped for outcome in every if outcome.skipped is not None)]
    coverage = Coverage(
        number,
        sum(outcome.functions for outcome in every),
        sum(outcome.explored for outcome in every),
        tuple(item for outcome in every for item in outcome.damaged),
        tuple(item for outcome in every for item in outcome.incomplete),
        tuple(sorted(left, key=lambda item: item.path)),
    )
    health = sum(healths.values(), Health()) if healths is not None else None
    found = tuple(item for outcome in every for item in outcome.found)
    return Checked(found, coverage, health, tuple(item for outcome in every for item in outcome.exempted))


def _kept(
    source: Source,
    files: Sequence[str],
    options: CheckOptions,
    size: int,
) -> KeptOutcomes | None:
    """What the store has for these files; None for a run without a store."""
    # With the whole tree in reach a result is made from all of it.
    store = options.store
    if store is None or options.reach != "headers" or size < ONE_PROCESS_BYTES:
        return None
    try:
        return KeptOutcomes(
            store,
            program_key(options.rule_folders, options.reach),
            TreeBlobs(source, store),
            files,
            options.keys,
        )
    except InputError:  # a header that cannot be read: those that include it will say so
        return None


def _sizes(source: Source, paths: Sequence[str]) -> tuple[list[tuple[str, int]], list[Skipped]]:
    """The files with their sizes in bytes, and those that cannot be read.

    Raises InputError where none of several can: then it is not the files.
    """
    sizes: list[tuple[str, int]] = []
    failed: list[tuple[Skipped, InputError]] = []
    for path in paths:
        size = _size(source, path)
        if isinstance(size, InputError):
            failed.append((Skipped(path, str(size)), size))
        elif size is not None:
            sizes.append((path, size))
    if failed and not sizes:
        raise failed[0][1]
    return sizes, [skipped for skipped, _ in failed]


def _size(source: Source, path: str) -> int | InputError | None:
    try:
        return source.size(path)
    except InputError as error:
        return error


def _with_callers(
    found: Sequence[Located],
    source: Source,
    reach: str,
    uses: Mapping[str, frozenset[str]] | None,
    rules: RuleSet,
    faults: list[Fault],
    asked: KeptResults | None,
) -> list[Located]:
    from qerrlint.model.program import Program

    settled = with_callers(found, Program(source, reach), Mentions(source, uses), rules, faults, asked)
    if asked is not None:
        asked.write()
    return settled
