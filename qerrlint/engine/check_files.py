# SPDX-License-Identifier: GPL-2.0-or-later
"""The findings of whole files, without any change: what `qerrlint check` reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

from qerrlint.engine.analyse_file import FileReport, Uncovered, analyse_unit
from qerrlint.engine.cache_key import program_key
from qerrlint.engine.cache_store import Entry, Store
from qerrlint.engine.callers import NOT_CORE, Mentions, uses_of, with_callers
from qerrlint.engine.internal_errors import Fault, contained
from qerrlint.engine.kept_reads import NOWHERE, Asking, bound, packed, unpacked
from qerrlint.engine.located import Located, Resolver
from qerrlint.engine.pool import ONE_PROCESS_BYTES, map_tasks
from qerrlint.engine.result_cache import FileOutcome, Health, KeptOutcomes, Made, Task, unpickled
from qerrlint.engine.tree_blobs import Outlines, TreeBlobs
from qerrlint.errors import InputError
from qerrlint.model.program import Program
from qerrlint.model.reads import Digests
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.result import Coverage, Damaged, ReportedExemption, Skipped
from qerrlint.rules.loader import load_rules
from qerrlint.rules.rule import RuleSet
from qerrlint.source.directory import DirectorySource
from qerrlint.source.source import C_SUFFIXES, Source, git_blob_id


@dataclass(frozen=True, slots=True)
class Checked:
    """The findings of a run over files, and its coverage."""

    found: tuple[Located, ...]
    coverage: Coverage
    health: Health | None
    exempted: tuple[ReportedExemption, ...] = ()


@dataclass(slots=True)
class _State:
    """What a worker holds. `expected` and `outlines` are what the tree was when the run began."""

    source: Source
    reach: str
    rules: RuleSet
    expected: Mapping[str, str] | None
    outlines: Outlines | None
    digests: Digests
    program: Program
    asking: Asking
    compared: int = 0
    is_as_expected: bool = True

    def renew(self) -> None:
        """Begin with a new program."""
        self.program = Program(self.source, self.reach)
        self.asking = Asking(self.program, self.digests, self.outlines)
        self.compared = 0


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
    outlines = kept.outlines if kept is not None else None
    make_state = partial(_make_state, source, reach, tuple(rule_folders), expected, outlines)
    outcomes = {} if verify else dict(known)
    wrong: list[str] = []
    for made in map_tasks(_verified_file if verify else _one_file, make_state, tasks, jobs):
        if made.path not in outcomes:
            done(1)
        if verify and (made.old is not None or known.get(made.path, made.outcome) != made.outcome):
            wrong.append(made.path)
        if made.health is not None:
            healths[made.path] = made.health
        outcomes[made.path] = made.outcome
        if kept is not None and not verify:
            kept.put(made)
    if kept is not None:
        kept.write()
    if wrong:
        many = "1 file" if len(wrong) == 1 else f"{len(wrong)} files"
        raise InputError(f"{sorted(wrong)[0]}: the store has another result ({many} in all)")
    checked = _together(outcomes, healths if measure else None, skipped, len(sizes))
    whole = set(core_files(source)) <= outcomes.keys() | {item.path for item in skipped}
    mentions = Mentions(source, {path: one.uses for path, one in outcomes.items()} if whole else None)
    rules = load_rules(rule_folders).everything()
    asked = kept.results(f"{whole}", verify=verify) if kept is not None else None
    found = with_callers(checked.found, Program(source, reach), mentions, rules, asked)
    if asked is not None:
        asked.write()
    return replace(checked, found=tuple(found))


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


def _make_state(
    source: Source,
    reach: str,
    rule_folders: tuple[str, ...],
    expected: Mapping[str, str] | None,
    outlines: Outlines | None,
) -> _State:
    rules = load_rules(rule_folders).everything()
    program, digests = Program(source, reach), Digests()
    asking = Asking(program, digests, outlines)
    return _State(source, reach, rules, expected, outlines, digests, program, asking)


def _one_file(state: _State, task: Task) -> Made:
    path = task.path
    faults: list[Fault] = []
    try:
        with contained(path, faults):
            for entry in task.candidates:
                outcome = unpickled(entry.result)
                if outcome is not None and state.asking.still_valid(entry.reads, path) and not task.measure:
                    return _found_valid(state, task, entry, outcome)
            return _analysed(state, task)
    except InputError as error:
        faults.append(Fault(path, str(error), ""))
    # An error may have left the program half done; the next files get a new one.
    state.renew()
    return Made(path, _nothing(Skipped(path, faults[0].reason, faults[0].trace)))


def _verified_file(state: _State, task: Task) -> Made:
    """The file analysed anew; `old` is a stored result that its reads call valid and that says otherwise."""
    made = _one_file(state, task._replace(candidates=()))
    for entry in task.candidates:
        outcome = unpickled(entry.result)
        if (
            outcome is not None
            and outcome != made.outcome
            and state.asking.still_valid(entry.reads, task.path)
        ):
            return made._replace(old=entry)
    return made


def _found_valid(state: _State, task: Task, entry: Entry, outcome: FileOutcome) -> Made:
    """A stored outcome that is valid here as well: its reads have the same answers."""
    expected = state.expected or {}
    questions = unpacked(entry.reads) or {}
    where = bound(questions, task.path, state.program.environment.files)
    where = where if _is_as_expected(state) else NOWHERE
    return Made(task.path, outcome, expected.get(task.path), entry.reads, where, entry)


def _is_as_expected(state: _State) -> bool:
    """Whether all files that were read have the bytes that they had when the run began."""
    digests = state.program.environment.files.digests
    expected = state.expected or {}
    new = islice(digests.items(), state.compared, None)
    if any(expected.get(path, digest) != digest for path, digest in new):
        state.is_as_expected = False
    state.compared = len(digests)
    return state.is_as_expected


def _analysed(state: _State, task: Task) -> Made:
    program, path = state.program, task.path
    unit = program.unit(path)
    if unit is None:
        return Made(path, _nothing(Skipped(path, "no such file")))
    report = analyse_unit(unit, state.rules)
    resolver = Resolver(program)
    found = tuple(resolver.locate(f, report.advice[f.fingerprint]) for f in report.findings)
    damaged, incomplete = uncovered(report, resolver)
    exempted, uses = exempted_findings([report], resolver), uses_of(unit)
    counts = report.functions, report.explored
    outcome = FileOutcome(found, *counts, damaged, incomplete, None, exempted, uses)
    health = _measure(unit) if task.measure else None
    made = Made(path, outcome, health=health)
    if state.expected is not None:
        _look_into(unit, report, program)
        reads = packed(unit.reads, path, state.digests, state.outlines)
        where = bound(unit.reads.questions(), path, program.environment.files)
        where = where if _is_as_expected(state) else NOWHERE
        made = made._replace(digest=unit.digest, reads=reads, bound=where)
    program.forget(path)
    return made


def _look_into(unit: TranslationUnit, report: FileReport, program: Program) -> None:
    """Put down the files that findings point into: their lines are a part of the outcome."""
    for finding in report.findings:
        spans = [finding.span, *(step.span for step in finding.steps)]
        spans += [edit.span for fix in finding.fixes for edit in fix.edits]
        for path in {span.path for span in spans} - {unit.path}:
            data = program.source.read(path)
            unit.reads.answers["file", path] = git_blob_id(data) if data is not None else None


def _nothing(skipped: Skipped) -> FileOutcome:
    return FileOutcome((), 0, 0, (), (), skipped)


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
