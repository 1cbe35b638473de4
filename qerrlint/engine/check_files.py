# SPDX-License-Identifier: GPL-2.0-or-later
"""The findings of whole files, without any change: what `qerrlint check` reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from qerrlint.engine.callers import known_with_callers, with_callers
from qerrlint.engine.changes.tree_blobs import TreeBlobs
from qerrlint.engine.internal_errors import Fault
from qerrlint.engine.kept.kept_outcomes import FileOutcome, Health, KeptOutcomes, Task
from qerrlint.engine.kept.kept_results import KeptResults
from qerrlint.engine.located import Located
from qerrlint.engine.mentions import NOT_CORE, Mentions
from qerrlint.engine.pool import ONE_PROCESS_BYTES, map_tasks
from qerrlint.engine.store.cache_key import program_key
from qerrlint.engine.store.cache_store import Store
from qerrlint.errors import InputError
from qerrlint.result import Coverage, ReportedExemption, Skipped
from qerrlint.rules.loader import load_rules
from qerrlint.rules.rule import RuleSet
from qerrlint.source.directory import DirectorySource
from qerrlint.source.source import C_SUFFIXES, Source


@dataclass(frozen=True, slots=True)
class Checked:
    """The findings of a run over files, and its coverage."""

    found: tuple[Located, ...]
    coverage: Coverage
    health: Health | None
    exempted: tuple[ReportedExemption, ...] = ()


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
        return [path for path in paths if not path.startswith(NOT_CORE)]
    wanted = set(below)
    folders = tuple(folder.rstrip("/") + "/" for folder in below if folder not in ("", "."))
    everything = any(folder in ("", ".") for folder in below)
    return [path for path in paths if everything or path in wanted or path.startswith(folders)]


def check_files(
    source: Source,
    paths: Sequence[str],
    reach: str,
    rule_folders: Sequence[str],
    jobs: int,
    measure: bool,
    progress: Callable[[int], None] | None = None,
    store: Store | None = None,
    verify: bool = False,
) -> Checked:
    """Analyse the files; `measure` also counts the health of every function (it parses all of them).

    Outcomes of an earlier run are taken from `store`, new ones are put there; little work is done without
    the store. With `verify` all files are analysed, and InputError is raised where the store says otherwise.
    """
    sizes, skipped = _sizes(source, paths)
    files = [path for path, _ in sizes]
    done: Callable[[int], None] = progress if progress is not None else lambda number: None
    kept = _kept(source, files, reach, rule_folders, store, sum(size for _, size in sizes))
    known = {} if kept is None else kept.outcomes
    candidates = {} if kept is None else kept.candidates
    healths = kept.health(files) if kept is not None and measure else {}
    done(0 if verify else len(known))
    tasks = [
        (Task(path, candidates.get(path, ()), measure and path not in healths), size)
        for path, size in sizes
        if verify or path not in known or (measure and path not in healths)
    ]
    expected = kept.expected if kept is not None else None
    type_names = kept.type_names if kept is not None and tasks else None
    outcomes = {} if verify else dict(known)
    wrong: list[str] = []
    if tasks:
        # What analyses C is imported where there is something to analyse.
        from qerrlint.engine import file_tasks

        one_file = file_tasks.verified_file if verify else file_tasks.one_file
        state = partial(file_tasks.State, source, reach, tuple(rule_folders), expected, type_names)
        for made in map_tasks(one_file, state, tasks, jobs):
            if made.path not in outcomes:
                done(1)
            if verify and (made.old is not None or known.get(made.path, made.outcome) != made.outcome):
                wrong.append(made.path)
            if made.health is not None:
                healths[made.path] = made.health
            outcomes[made.path] = made.outcome
            if kept is not None and not verify:
                kept.put(made)
    if kept is not None and not verify:
        kept.finish()
    if wrong:
        many = "1 file" if len(wrong) == 1 else f"{len(wrong)} files"
        raise InputError(f"{sorted(wrong)[0]}: the store has another result ({many} in all)")
    checked = _together(outcomes, healths if measure else None, skipped, len(sizes))
    whole = set(core_files(source)) <= outcomes.keys() | {item.path for item in skipped}
    rules = load_rules(rule_folders).everything()
    asked = kept.results(f"{whole}", verify=verify) if kept is not None else None
    found = known_with_callers(checked.found, expected or {}, rules, asked)
    if found is None:
        uses = {path: one.uses for path, one in sorted(outcomes.items())} if whole else None
        faults: list[Fault] = []
        found = _with_callers(checked.found, source, reach, uses, rules, faults, asked)
        checked = replace(checked, coverage=_also_skipped(checked.coverage, faults))
    return replace(checked, found=tuple(found))


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
    reach: str,
    rule_folders: Sequence[str],
    store: Store | None,
    size: int,
) -> KeptOutcomes | None:
    """What the store has for these files; None for a run without a store."""
    # With the whole tree in reach a result is made from all of it.
    if store is None or reach != "headers" or size < ONE_PROCESS_BYTES:
        return None
    try:
        return KeptOutcomes(store, program_key(rule_folders, reach), TreeBlobs(source, store), files)
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
