# SPDX-License-Identifier: GPL-2.0-or-later
"""What exemptions took away on the after side of a change, as far as its rules would have spoken there."""

from __future__ import annotations

from collections.abc import Sequence

from qerrlint.engine.file_report import FileReport
from qerrlint.engine.located import Resolver, exempted_findings
from qerrlint.result import ReportedExemption
from qerrlint.review.linediff import line_map_between
from qerrlint.review.scope import FilePair
from qerrlint.rules.rule import RuleSet
from qerrlint.source.source import Source


def exempted_by_change(
    reports: Sequence[FileReport],
    resolver: Resolver,
    sides: tuple[Source, Source],
    pairs: Sequence[FilePair],
    rules: RuleSet,
) -> tuple[ReportedExemption, ...]:
    """The exempted findings of `reports`, those of the after side; `sides` are the trees before and after.

    Rules that speak on added lines only would have said nothing on other lines.
    """
    quiet = {rule.id for rule in rules if rule.touched_only}
    added: dict[str, frozenset[int]] = {}
    old_path = {pair.new: pair.old for pair in pairs if pair.new is not None}

    def is_added(path: str, line: int) -> bool:
        if path not in old_path:
            return False
        if path not in added:
            before, after = sides
            old = old_path[path]
            was = before.read(old) if old is not None else None
            added[path] = line_map_between(was or b"", after.read(path) or b"").added
        return line in added[path]

    return tuple(
        found
        for found in exempted_findings(reports, resolver)
        if found.rule not in quiet or is_added(found.path, found.line)
    )
