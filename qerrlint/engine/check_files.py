# SPDX-License-Identifier: GPL-2.0-or-later
"""The findings of whole files, without any change: what `qerrlint check` reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from qerrlint.engine.analyse_file import FileReport, Uncovered, analyse_unit
from qerrlint.engine.cache_key import CacheKeys
from qerrlint.engine.cache_store import Store
from qerrlint.engine.callers import NOT_CORE, Mentions, folded, uses_of, with_callers
from qerrlint.engine.internal_errors import Fault, contained
from qerrlint.engine.located import Located, Resolver
from qerrlint.engine.pool import ONE_PROCESS_BYTES, map_files
from qerrlint.engine.result_cache import CachedOutcomes, FileOutcome, Health
from qerrlint.errors import InputError
from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.result import Coverage, Damaged, ReportedExemption, Skipped
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


@dataclass(slots=True)
class _State:
    source: Source
    reach: str
    rules: RuleSet
    measure: bool
    program: Program


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
) -> Checked:
    """Analyse the files; `measure` also counts the health of every function (it parses all of them).

    Outcomes of an earlier run are taken from `store`, new ones are put there; little work is done without
    the store.
    """
    sizes, skipped = _sizes(source, paths)
    kept = CachedOutcomes(store if sum(size for _, size in sizes) >= ONE_PROCESS_BYTES else None)
    if kept.store is not None:
        try:
            kept.look_up(source, CacheKeys(source, reach, rule_folders, measure), [path for path, _ in sizes])
        except InputError:  # a header that cannot be read: those that include it will say so
            kept = CachedOutcomes(None)
        if progress is not None:
            progress(len(kept.outcomes))
    new = [(path, size) for path, size in sizes if path not in kept.outcomes]
    make_state = partial(_make_state, source, reach, tuple(rule_folders), measure)
    found: list[Located] = []
    damaged: list[Damaged] = []
    incomplete: list[Damaged] = []
    exempted: list[ReportedExemption] = []
    functions = explored = 0
    health = Health()
    made = dict(map_files(_one_file, make_state, new, jobs, progress))
    kept.put(made)
    outcomes = dict(sorted({**kept.outcomes, **made}.items()))
    for outcome in outcomes.values():
        found += outcome.found
        damaged += outcome.damaged
        incomplete += outcome.incomplete
        exempted += outcome.exempted
        if outcome.skipped is not None:
            skipped.append(outcome.skipped)
        functions += outcome.functions
        explored += outcome.explored
        health += outcome.health
    skipped.sort(key=lambda item: item.path)
    coverage = Coverage(len(sizes), functions, explored, tuple(damaged), tuple(incomplete), tuple(skipped))
    whole = set(core_files(source)) <= outcomes.keys() | {item.path for item in skipped}
    mentions = Mentions(source, {path: one.uses for path, one in outcomes.items()} if whole else None)
    rules = load_rules(rule_folders).everything()
    found = folded(with_callers(found, Program(source, reach), mentions, rules), rules)
    return Checked(tuple(found), coverage, health if measure else None, tuple(exempted))


def _sizes(source: Source, paths: Sequence[str]) -> tuple[list[tuple[str, int]], list[Skipped]]:
    """The files with their sizes in bytes, and those that cannot be read.

    Raises InputError where none of several can: then it is not the files.
    """
    try:
        return [(path, len(data)) for path, data in source.read_many(paths)], []
    except InputError:
        each = [(path, _size(source, path)) for path in paths]
        if not any(isinstance(size, int) for _, size in each):
            raise
        sizes = [(path, size) for path, size in each if isinstance(size, int)]
        return sizes, [size for _, size in each if isinstance(size, Skipped)]


def _size(source: Source, path: str) -> int | Skipped | None:
    try:
        data = source.read(path)
    except InputError as error:
        return Skipped(path, str(error))
    return len(data) if data is not None else None


def _make_state(source: Source, reach: str, rule_folders: tuple[str, ...], measure: bool) -> _State:
    rules = load_rules(rule_folders).everything()
    return _State(source, reach, rules, measure, Program(source, reach))


def _one_file(state: _State, path: str) -> FileOutcome:
    faults: list[Fault] = []
    try:
        with contained(path, faults):
            return _analysed(state, path)
    except InputError as error:
        faults.append(Fault(path, str(error), ""))
    # An error may have left the program half done; the next files get a new one.
    state.program = Program(state.source, state.reach)
    return _nothing(Skipped(path, faults[0].reason, faults[0].trace))


def _nothing(skipped: Skipped) -> FileOutcome:
    return FileOutcome((), 0, 0, (), (), skipped, Health())


def _analysed(state: _State, path: str) -> FileOutcome:
    program = state.program
    unit = program.unit(path)
    if unit is None:
        return _nothing(Skipped(path, "no such file"))
    report = analyse_unit(unit, state.rules)
    resolver = Resolver(program)
    found = tuple(resolver.locate(f, report.advice[f.fingerprint]) for f in report.findings)
    damaged, incomplete = uncovered(report, resolver)
    health = _measure(unit) if state.measure else Health()
    exempted = exempted_findings([report], resolver)
    uses = uses_of(unit)
    program.forget(path)
    return FileOutcome(
        found, report.functions, report.explored, damaged, incomplete, None, health, exempted, uses
    )


def uncovered(report: FileReport, resolver: Resolver) -> tuple[tuple[Damaged, ...], tuple[Damaged, ...]]:
    """The functions of a report that were not analysed, and those not wholly."""

    def resolved(item: Uncovered) -> Damaged:
        return Damaged(item.span.path, resolver.place(item.span).line, item.function, item.reason)

    return tuple(map(resolved, report.damaged)), tuple(map(resolved, report.incomplete))


def exempted_findings(reports: Sequence[FileReport], resolver: Resolver) -> tuple[ReportedExemption, ...]:
    """What exemptions took away in these files, one entry a rule, sorted by path, line and rule."""
    found = {
        ReportedExemption(
            took.exemption,
            took.effect,
            rule,
            took.span.path,
            resolver.place(took.span).line,
            took.function,
            took.reason,
        )
        for report in reports
        for took in report.exempted
        for rule in took.rules
    }
    return tuple(sorted(found, key=exemption_order))


def exemption_order(found: ReportedExemption) -> tuple[str, int, str, str, str]:
    """The order in which every output lists what was exempted."""
    return (found.path, found.line, found.rule, found.exemption, found.function)


def _measure(unit: TranslationUnit) -> Health:
    functions = unit.definitions.functions
    damaged = [piece for piece in functions if not unit.lowering.parses(piece)]
    relevant = [unit.definitions.is_relevant(piece) for piece in damaged]
    return Health(len(functions), len(damaged), len(unit.relevant()), sum(relevant))
