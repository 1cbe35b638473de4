# SPDX-License-Identifier: GPL-2.0-or-later
"""One C text by itself against the bundled contracts."""

from __future__ import annotations

from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.engine.file_report import FileReport
from qerrlint.findings import Finding
from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.rules.loader import load_rules
from qerrlint.rules.rule import RuleSet
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource


def report_of(
    path: str, data: bytes, rules: RuleSet | None = None, before: bytes | None = None
) -> FileReport:
    """Analyse one text; what it does not declare the contracts do.

    `before`: the text as it was, where a change is analysed.
    """
    every = rules if rules is not None else load_rules()
    was = unit_of(path, before) if before is not None else None
    return analyse_unit(unit_of(path, data), every, before=was)


def unit_of(path: str, data: bytes) -> TranslationUnit:
    """The file of this path and text, with nothing around it."""
    unit = Program(OverlaySource(EmptySource(), {path: data}), reach="patch").unit(path)
    assert unit is not None
    return unit


def findings_of(path: str, data: bytes) -> list[Finding]:
    """The findings of all rules on one text, in source order."""
    return list(report_of(path, data).findings)
