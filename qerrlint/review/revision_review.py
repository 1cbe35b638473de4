# SPDX-License-Identifier: GPL-2.0-or-later
"""The review of a change that git has: a commit, a range, what is staged or lies in the work tree."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace

from qerrlint.engine.located import Located, Resolver
from qerrlint.result import DiffFile, Reported, Result, TreeInfo
from qerrlint.review.compare import Compared, anchored
from qerrlint.review.contract_report import contract_report
from qerrlint.review.difftext import diff_between
from qerrlint.review.exempted import exempted_by_change
from qerrlint.review.linediff import line_map_between
from qerrlint.review.parallel import Comparison, Setting, compare_all
from qerrlint.review.relaxations import gate_changes
from qerrlint.review.report_model import as_reported, reportable, summary
from qerrlint.review.review_options import ReviewOptions
from qerrlint.review.scope import FilePair, is_c
from qerrlint.review.series.series_review import coverage, sort_key
from qerrlint.source.source import Source


def review_change(
    before: Source,
    after: Source,
    pairs: Sequence[FilePair],
    options: ReviewOptions,
    tree: TreeInfo,
    near: Iterable[str] = (),
) -> Result:
    """Report what the files in `pairs` change between two trees; all statuses, unfiltered.

    `near` are other files whose functions are to be known by their bodies.
    """
    changed = [path for pair in pairs for path in (pair.old, pair.new) if path is not None]
    at_hand = [path for path in dict.fromkeys((*changed, *sorted(near))) if is_c(path)]
    setting = Setting(tree.reach, at_hand)
    programs = setting.programs((before, after))
    new = programs[1]
    rules = options.rules
    (compared,) = compare_all(programs, setting, [Comparison(0, 1, pairs)], options)
    about_gate = gate_changes(before, new, pairs, rules)
    shown = {item.path for item in about_gate}
    diff, added = _diffs(before, after, [pair for pair in pairs if _is_shown(pair, shown)])
    found = reportable(_by_status(compared, added), rules)
    found += [
        replace(as_reported(item), status="introduced", relation=_on_added_line(item, added))
        for item in about_gate
    ]
    found.sort(key=sort_key)
    return Result(
        command="diff",
        tree=tree,
        findings=tuple(found),
        coverage=coverage(compared.reports, Resolver(new), [*compared.skipped, *compared.left_out]),
        summary=summary(found),
        diff=diff,
        contracts=contract_report(new, compared.contracts, compared.changed, compared.mentioning),
        exempted=exempted_by_change(compared.reports, Resolver(new), (before, after), pairs, rules),
    )


def _is_shown(pair: FilePair, about_gate: Container[str]) -> bool:
    """Whether the diff of a pair of files is shown: of C files, and of those that decide what is reported."""
    return is_c(pair.new or pair.old or "") or pair.new in about_gate


def _diffs(
    before: Source, after: Source, pairs: Sequence[FilePair]
) -> tuple[tuple[DiffFile, ...], dict[str, frozenset[int]]]:
    """The diffs of pairs of files, and the lines that they add by path."""
    added: dict[str, frozenset[int]] = {}
    diff: list[DiffFile] = []
    for pair in pairs:
        was = before.read(pair.old) if pair.old is not None else None
        now = after.read(pair.new) if pair.new is not None else None
        lines = line_map_between(was or b"", now or b"")
        diff.append(diff_between(pair.old, pair.new, was or b"", now or b"", lines))
        if pair.new is not None:
            added[pair.new] = lines.added
    return tuple(diff), added


def _by_status(compared: Compared, added: Mapping[str, frozenset[int]]) -> list[Reported]:
    """What the change introduces, repairs and leaves."""
    found: list[Reported] = []
    for item in compared.delta.introduced:
        lines = added.get(item.path, frozenset())
        item = anchored(item, lines)
        reported = as_reported(item, compared.gained)
        found.append(replace(reported, status="introduced", relation=compared.relation(item, lines)))
    found += [replace(as_reported(item), status="fixed") for item in compared.delta.fixed]
    for _, item in compared.delta.persisting:
        reported = as_reported(item, compared.gained)
        found.append(replace(reported, status="persisting", relation=_on_added_line(item, added)))
    return found


def _on_added_line(item: Located, added: Mapping[str, frozenset[int]]) -> str | None:
    """The relation of a finding that is told of the lines which the change adds alone."""
    return "added-line" if item.place.line in added.get(item.path, ()) else None
