# SPDX-License-Identifier: GPL-2.0-or-later
"""One C text by itself against the bundled contracts: for fixtures, examples and hunks without a tree."""

from __future__ import annotations

from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.engine.file_report import FileReport
from qerrlint.findings import Finding
from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.policy.exemptions import Exemptions
from qerrlint.rules.loader import load_rules
from qerrlint.rules.rule import RuleSet
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource


def report_of(
    path: str,
    data: bytes,
    rules: RuleSet | None = None,
    exemptions: Exemptions | None = None,
    before: bytes | None = None,
) -> FileReport:
    """Analyse one text, by the bundled exemptions or others; what it does not declare the contracts do.

    `before`: the text as it was, where a change is analysed.
    """
    units = [_unit(path, text) if text is not None else None for text in (data, before)]
    unit = units[0]
    assert unit is not None
    every = rules if rules is not None else load_rules()
    return analyse_unit(unit, every, exemptions=exemptions, before=units[1])


def _unit(path: str, data: bytes) -> TranslationUnit | None:
    return Program(OverlaySource(EmptySource(), {path: data}), reach="patch").unit(path)


def findings_of(path: str, data: bytes) -> list[Finding]:
    """The findings of all rules on one text, in source order."""
    return list(report_of(path, data).findings)
