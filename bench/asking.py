# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tool says of one file of a tree whose text is replaced."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.engine.file_report import FileReport
from qerrlint.model.include_graph import DeclarationCache
from qerrlint.model.program import Program
from qerrlint.model.translation_unit import TranslationUnit
from qerrlint.rules.loader import load_rules
from qerrlint.rules.rule import RuleSet
from qerrlint.source.overlay import OverlaySource
from qerrlint.source.source import Source


@cache
def rules_of_a_tree() -> RuleSet:
    """The rules that are on by default and speak of a tree as it is."""
    every = load_rules()
    return every.select([rule.id for rule in every if rule.enabled and not rule.change_only])


def unit_of(source: Source, path: str, data: bytes, declarations: DeclarationCache) -> TranslationUnit:
    """The file with this text in a tree, its headers read as they are there."""
    unit = Program(OverlaySource(source, {path: data}), "headers", cache=declarations).unit(path)
    assert unit is not None
    return unit


def report_on(unit: TranslationUnit, functions: Collection[str] | None = None) -> FileReport:
    """What the rules say of a file, or of these functions and tables of it."""
    only = None if functions is None else set(functions)
    return analyse_unit(unit, rules_of_a_tree(), only)
