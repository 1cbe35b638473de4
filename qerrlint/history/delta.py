# SPDX-License-Identifier: GPL-2.0-or-later
"""What a commit does to the findings of its tree: those of both sides, matched, and told as items."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.engine.internal_errors import Fault, contained
from qerrlint.engine.located import Located, in_order
from qerrlint.history.tree_states import FileFindings
from qerrlint.model.program import Program
from qerrlint.records import record
from qerrlint.review.matching.findings import Delta, match
from qerrlint.review.matching.rewritten_statements import settle_rewritten
from qerrlint.review.matching.told_groups import Mark, mark_of, may_be_mates, settle_mates
from qerrlint.review.scope import FilePair, is_c, unit_of
from qerrlint.rules.rule import RuleSet
from qerrlint.source.commit_trees import BlobChange
from qerrlint.source.tree_folders import is_core


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
class Sides:
    """The findings before and after a commit, as far as they may differ, with what is not known of each side.

    `unread` and `lost` are places (path and function) that could not be read before and afterwards, `files`
    is the number of changed files that were analysed.
    """

    old: list[Located] = field(default_factory=list)
    new: list[Located] = field(default_factory=list)
    unread: set[tuple[str, str]] = field(default_factory=set)
    lost: set[tuple[str, str]] = field(default_factory=set)
    files: int = 0
    faults: list[Fault] = field(default_factory=list)

    def add(self, was: FileFindings | None, now: FileFindings | None, old_path: str, new_path: str) -> None:
        """Add the outcomes of a file on both sides; None where there is none."""
        # What cannot be read afterwards has not been repaired.
        if was is not None and not (now is not None and now.unreadable):
            self.old += was.found
            self.unread |= {(new_path, name) for name in was.damaged}
        if now is not None:
            self.new += now.found
            self.lost |= {(old_path, name) for name in now.damaged}

    def matched(self, before: Program, after: Program, pairs: Sequence[FilePair], rules: RuleSet) -> Delta:
        """The findings of one side that the other one has not, and those that persist. `pairs` are the
        changed files."""
        renames = {pair.old: pair.new for pair in pairs if pair.old is not None}
        old, new = (in_order(standing(found, rules)) for found in (self.old, self.new))
        delta = match(old, new, lambda path: renames.get(path, path))
        if not delta.introduced or not delta.fixed:
            return delta
        units = [(unit_of(before, pair.old), unit_of(after, pair.new)) for pair in pairs]
        delta = settle_rewritten(delta, [one for one in units if any(one)], rules)
        mates = may_be_mates(delta, lambda path: renames.get(path, path))
        if not mates:
            return delta
        was = self._untold(before, [old for old, _ in mates], rules)
        remains = self._untold(after, [new for _, new in mates], rules)
        return settle_mates(delta, mates, was, remains)

    def _untold(self, program: Program, told: Iterable[Located], rules: RuleSet) -> set[Mark]:
        """The findings that others of their group stand for, in the functions of these. So few functions are
        asked about that they are analysed once more; no outcome of a file has to hold what it does not tell.
        """
        functions: dict[str, set[str]] = defaultdict(set)
        for one in told:
            functions[one.path].add(one.finding.function)
        marks: set[Mark] = set()
        for path, names in functions.items():
            with contained(path, self.faults):
                is_new = program.known_unit(path) is None
                unit = unit_of(program, path)
                if unit is not None:
                    marks.update(map(mark_of, analyse_unit(unit, rules, names, beside=True).beside))
                if is_new:
                    program.forget(path)
        return marks

    def told(self, delta: Delta, introduced: Iterable[Located]) -> CommitDelta:
        """What a history tells of the matched findings. `introduced` are those of the new ones that callers
        leave."""
        new = list(introduced)
        return CommitDelta(
            tuple(item_of(one) for one in new if place_of(one) not in self.unread),
            tuple(item_of(one) for one in delta.fixed if place_of(one) not in self.lost),
            _told_otherwise(delta),
            tuple(item_of(one) for one in new if place_of(one) in self.unread),
            self.files,
            tuple(f"{fault.path}: {fault.reason}" for fault in self.faults),
        )


def standing(found: Iterable[Located], rules: RuleSet) -> list[Located]:
    """The findings without those that only a change can have, or that a comment in the code allows."""
    news = {rule.id for rule in rules if rule.change_only}
    return [one for one in found if one.finding.rule not in news and one.finding.allowed is None]


def core_pairs(changes: Iterable[BlobChange]) -> list[FilePair]:
    """The changes of files as far as they lie in what a run over a tree looks at."""
    return [pair for pair in map(_core_pair, changes) if pair is not None]


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
        path if path is not None and (is_c(path) or path.endswith(".json")) and is_core(path) else None
        for path in (change.old_path, change.new_path)
    ]
    return FilePair(*paths) if any(paths) else None


def place_of(found: Located) -> tuple[str, str]:
    """The path and the function of a finding."""
    return found.path, found.finding.function


def _without_line(item: Item) -> tuple[str, ...]:
    """All of an item but for its line and message."""
    return (*item.key, item.rule, item.severity, item.confidence, item.function)


def item_of(found: Located) -> Item:
    """A finding of a tree as a history tells of it."""
    finding = found.finding
    told = (finding.rule, finding.severity, finding.confidence, found.path, found.place.line)
    return Item(*told, finding.function, finding.fingerprint, finding.message)
