# SPDX-License-Identifier: GPL-2.0-or-later
"""KnownFiles: the outcomes of files that several commits concern, but do not touch, from commit to commit.

A header that many files include changes often, and nearly always in names that few of them look up. So the
outcome of a file is kept with the facts that its analysis has looked up (model.lookups), and stays valid
as long as no commit changes one of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.engine.changes.fact_changes import changed_schema
from qerrlint.engine.changes.file_facts import FileFacts, facts_of, include_facts
from qerrlint.engine.changes.tree_blobs import DECLARING
from qerrlint.engine.changes.tree_changes import TreeChanges
from qerrlint.engine.kept.kept_reads import look_into, looked_up, lookups_of
from qerrlint.engine.located import Located, Resolver
from qerrlint.model.include_graph import Files
from qerrlint.model.lookups import Lookups
from qerrlint.model.program import Program
from qerrlint.model.qapi_schema import SCHEMAS
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.rules.rule import RuleSet


class FileOutcome(NamedTuple):
    """The findings of a whole file, and the functions that were not analysed."""

    found: tuple[Located, ...]
    damaged: frozenset[str]


class _Known(NamedTuple):
    outcome: FileOutcome
    keys: bytes


class KnownFiles:
    """The outcomes of files, all valid in the tree of one commit."""

    def __init__(self) -> None:
        self.commit = ""
        """The commit in whose tree the outcomes are valid."""
        self._known: dict[str, _Known] = {}
        # What is included by the files whose includes were asked for, directly or not, themselves among them.
        self._facts: dict[str, FileFacts] = {}

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, path: str) -> bool:
        return path in self._known

    def clear(self, commit: str) -> None:
        """Forget all outcomes; new ones will be those of another commit."""
        self.commit = commit
        self._known.clear()
        self._facts.clear()

    def analyse(self, program: Program, unit: TranslationUnit, rules: RuleSet) -> FileOutcome:
        """Analyse a whole file of the tree of the commit, and keep its outcome."""
        asked = program.environment.asked
        asked.now = Lookups()
        report = analyse_unit(unit, rules)
        look_into(unit, report.findings, program)
        found = looked_up(unit.reads.questions(), lookups_of(unit.reads, asked), unit.path)
        resolver = Resolver(program)
        outcome = FileOutcome(
            tuple(resolver.locate(finding, "") for finding in report.findings),
            frozenset(item.function for item in report.damaged),
        )
        self._known[unit.path] = _Known(outcome, found.keys)
        for one in found.reaching:
            _add_included(self._facts, one, program.environment.files)
        return outcome

    def move(self, commit: str, old: Program, new: Program, changed: Iterable[str]) -> dict[str, FileOutcome]:
        """Go on to the tree of another commit; the outcomes of files that these paths concern are taken out,
        and returned. `old` and `new` are the programs of both trees, which differ in `changed` at most."""
        self.commit = commit
        if not self._known:
            self._facts.clear()
            return {}
        changes = self._changes(old, new, changed)
        gone = [
            path
            for path, known in self._known.items()
            if path in changes.files or changes.concern(known.keys)
        ]
        return {path: self._known.pop(path).outcome for path in gone}

    def _changes(self, old: Program, new: Program, changed: Iterable[str]) -> TreeChanges:
        """What differs between two trees; the facts are brought up to date."""
        texts = [(path, old.source.read(path), new.source.read(path)) for path in sorted(changed)]
        before = {path: text for path, text, _ in texts}
        after = {path: text for path, _, text in texts}
        facts = _with_texts(self._facts, before, old), _with_texts(self._facts, after, new)
        # An unchanged file that is included anew was there before.
        for path in facts[1].keys() - facts[0].keys() - after.keys():
            facts[0][path] = facts[1][path]
        self._facts = facts[1]
        schemas = [path for path in after if path.endswith(".json") and path.startswith(SCHEMAS)]
        sides = old.environment.schema, new.environment.schema
        of_schemas = frozenset(changed_schema(*sides, schemas) if schemas else ())

        def text_now(path: str) -> bytes | None:
            return after[path] if path in after else new.source.read(path)

        return TreeChanges("", *facts, before.get, text_now, of_schemas)


def _with_texts(
    known: Mapping[str, FileFacts], changed: Mapping[str, bytes | None], program: Program
) -> dict[str, FileFacts]:
    """The facts of files with those of changed ones, and of what these include."""
    out = dict(known)
    files = program.environment.files
    for path, data in changed.items():
        if data is None or not path.endswith((*DECLARING, ".c")):
            out.pop(path, None)
            continue
        was = out.get(path)
        out[path] = facts = facts_of(path, program.source.blob_id(path) or "", data)
        if was is None or was.includes != facts.includes:
            _add_included(out, path, files)
            files.forget(path)
    return out


def _add_included(facts: dict[str, FileFacts], path: str, files: Files) -> None:
    """Add what a file includes, directly or not, and itself, as far as they are not there."""
    for included in files.reached(path):
        declarations = files.declared(included)
        if included not in facts and declarations is not None:
            facts[included] = include_facts(declarations)
