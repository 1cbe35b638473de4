# SPDX-License-Identifier: GPL-2.0-or-later
"""What the analysis of one file gives: its findings, and what was not analysed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qerrlint.findings import Exempted, Finding
from qerrlint.records import record
from qerrlint.source.span import Span

if TYPE_CHECKING:
    from qerrlint.rules.rule import RuleSet


@record(frozen=True, slots=True)
class Uncovered:
    """A definition of a function that was not analysed, or not wholly; `function` is "" for a text whose
    functions are not known."""

    span: Span
    function: str
    reason: str


@record(frozen=True, slots=True)
class FileReport:
    """The findings and the coverage of one file.

    `functions` counts its definitions of functions, `explored` those that were interpreted. `allowances` are
    the keys of the comments that allow something, `exempted` what exemptions took away or made less certain.
    `beside` are findings that are not reported, because one of `findings` stands for their group; only where
    they were asked for.
    """

    path: str
    functions: int
    explored: int
    findings: tuple[Finding, ...]
    advice: dict[str, str]
    damaged: tuple[Uncovered, ...] = ()
    incomplete: tuple[Uncovered, ...] = ()
    allowances: frozenset[str] = frozenset()
    exempted: tuple[Exempted, ...] = ()
    beside: tuple[Finding, ...] = ()

    def of_rules(self, rules: RuleSet) -> FileReport:
        """The report as it is where these rules are selected."""
        return replace(
            self,
            findings=tuple(found for found in self.findings if rules.is_enabled(found.rule)),
            beside=tuple(found for found in self.beside if rules.is_enabled(found.rule)),
            exempted=tuple(
                replace(one, rules=tuple(filter(rules.is_enabled, one.rules))) for one in self.exempted
            ),
        )
