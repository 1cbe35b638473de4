# SPDX-License-Identifier: GPL-2.0-or-later
"""The analysis of one file after the other in a process, as far as the store has no outcome for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.engine.callers import uses_of
from qerrlint.engine.changes.file_facts import NOWHERE, with_keys
from qerrlint.engine.internal_errors import Fault, contained
from qerrlint.engine.kept.kept_outcomes import FileOutcome, Health, Made, Task, unpickled
from qerrlint.engine.kept.kept_reads import Asking, bound, look_into, looked_up, lookups_of, packed, unpacked
from qerrlint.engine.located import Resolver, exempted_findings, uncovered
from qerrlint.engine.store.cache_store import Entry
from qerrlint.engine.time_limit import TimeLimit
from qerrlint.errors import InputError
from qerrlint.model.lookups import Lookups
from qerrlint.model.program import Program
from qerrlint.model.reads import Digests
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.result import Skipped
from qerrlint.rules.loader import load_rules
from qerrlint.rules.rule import RuleSet
from qerrlint.source.source import Source


@dataclass(slots=True)
class State:
    """What a worker holds. `expected` and `type_names` are what the tree was when the run began; after
    the `limit` no file is begun."""

    source: Source
    reach: str
    rule_folders: tuple[str, ...]
    expected: Mapping[str, str] | None
    type_names: Mapping[str, Sequence[str]] | None
    limit: TimeLimit | None = None
    digests: Digests = field(default_factory=Digests)
    rules: RuleSet = field(init=False)
    program: Program = field(init=False)
    asking: Asking = field(init=False)
    compared: int = 0
    is_as_expected: bool = True

    def __post_init__(self) -> None:
        self.rules = load_rules(self.rule_folders).everything()
        self.renew()

    def renew(self) -> None:
        """Begin with a new program."""
        self.program = Program(self.source, self.reach)
        self.program.environment.files.type_names = self.type_names
        self.asking = Asking(self.program, self.digests)
        self.compared = 0


def one_file(state: State, task: Task) -> Made:
    """The outcome of a file: a stored one that is valid, or that of an analysis."""
    path = task.path
    if state.limit is not None and state.limit.passed():
        return Made(path, _nothing(Skipped(path, state.limit.reason)))
    faults: list[Fault] = []
    try:
        with contained(path, faults):
            for entry in task.candidates:
                outcome = unpickled(entry.result) if not task.measure else None
                state.program.environment.asked.now = Lookups()
                state.asking.answers.clear()
                if outcome is not None and state.asking.still_valid(entry.reads):
                    return _found_valid(state, task, entry, outcome)
            return _analysed(state, task)
    except InputError as error:
        faults.append(Fault(path, str(error), ""))
    # An error may have left the program half done; the next files get a new one.
    state.renew()
    return Made(path, _nothing(Skipped(path, faults[0].reason, faults[0].trace)))


def verified_file(state: State, task: Task) -> Made:
    """The file analysed anew; `old` is a stored result that its reads call valid and that says otherwise."""
    made = one_file(state, task._replace(candidates=()))
    for entry in task.candidates:
        outcome = unpickled(entry.result)
        if outcome is not None and outcome != made.outcome and state.asking.still_valid(entry.reads):
            return made._replace(old=entry)
    return made


def _found_valid(state: State, task: Task, entry: Entry, outcome: FileOutcome) -> Made:
    """A stored outcome that is valid here as well: its reads have the same answers."""
    expected = state.expected or {}
    questions = unpacked(entry.reads) or {}
    # Other names may have led to the same answers.
    where = bound(questions, task.path, state.program.environment.files)
    where = where if _is_as_expected(state) else NOWHERE
    keys = looked_up(state.asking.answers, [state.program.environment.asked.now], task.path).keys
    reads = with_keys(entry.reads, keys)
    return Made(task.path, outcome, expected.get(task.path), reads, where, entry, keys=keys)


def _is_as_expected(state: State) -> bool:
    """Whether all files that were read have the bytes that they had when the run began."""
    digests = state.program.environment.files.digests
    expected = state.expected or {}
    new = islice(digests.items(), state.compared, None)
    if any(expected.get(path, digest) != digest for path, digest in new):
        state.is_as_expected = False
    state.compared = len(digests)
    return state.is_as_expected


def _analysed(state: State, task: Task) -> Made:
    """The outcome of an analysis of the file, with its reads and lookups where the store is to keep them."""
    program, path = state.program, task.path
    asked = program.environment.asked
    asked.now = Lookups()
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
        look_into(unit, report.findings, program)
        questions = unit.reads.questions()
        keys = looked_up(questions, lookups_of(unit.reads, asked), path).keys
        reads = packed(unit.reads, path, state.digests, keys)
        where = bound(questions, path, program.environment.files)
        where = where if _is_as_expected(state) else NOWHERE
        made = made._replace(digest=unit.digest, reads=reads, bound=where, keys=keys)
    program.forget(path)
    return made


def _nothing(skipped: Skipped) -> FileOutcome:
    return FileOutcome((), 0, 0, (), (), skipped)


def _measure(unit: TranslationUnit) -> Health:
    functions = unit.definitions.functions
    damaged = [piece for piece in functions if not unit.lowering.parses(piece)]
    relevant = [unit.definitions.is_relevant(piece) for piece in damaged]
    return Health(len(functions), len(damaged), len(unit.definitions.relevant()), sum(relevant))
