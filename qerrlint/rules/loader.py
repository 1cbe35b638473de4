# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds the bundled rule files and those of the user's folders, and makes a RuleSet of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from qerrlint.domain.ownership import Pair
from qerrlint.errors import UsageError
from qerrlint.rules.rule import Rule, RuleSet
from qerrlint.rules.rule_file import parse_rule
from qerrlint.source.bundled import rules_folder


def load_rules(extra_dirs: Sequence[str | Path] = ()) -> RuleSet:
    """The bundled rules and those of the user's rule folders.

    The bundled ones are read once in a process. Those of the user are compared with the events of all checks.
    That the bundled ones fit them is for the tests: every check would have to be imported for that. Raises
    UsageError, one line that names the file, for the first rule file that is not valid.
    """
    if not extra_dirs:
        return bundled_rules()
    rules = dict(_bundled())
    for extra in extra_dirs:
        _add_rules(rules, Path(extra), f"{extra}/")
    return RuleSet(_with_pairs(rules.values()))


@lru_cache(maxsize=1)
def bundled_rules() -> RuleSet:
    """The rules that come with the program; raises as load_rules does."""
    return RuleSet(_with_pairs(_bundled().values()))


@lru_cache(maxsize=1)
def _bundled() -> Mapping[str, Rule]:
    """The bundled rules by id, each with its own pairs only."""
    rules: dict[str, Rule] = {}
    _add_rules(rules, rules_folder(), "")
    return rules


def _add_rules(rules: dict[str, Rule], folder: Path, shown: str) -> None:
    """Add the rules of a folder; `shown` stands before the names of its files, and is empty for the bundled
    ones."""
    try:
        files = sorted(
            (file for file in folder.iterdir() if file.name.endswith(".md") and file.name != "README.md"),
            key=lambda file: file.name,
        )
    except OSError as error:
        raise UsageError(f"{folder}: cannot read the rule folder: {error.strerror}") from error
    if not files:
        raise UsageError(f"{folder}: no rule file (*.md) in this folder")
    for file in files:
        if file.exists() and not file.is_file():
            raise UsageError(f"{shown}{file.name}: cannot be read: not a regular file")
        try:
            rule = parse_rule(file.read_bytes(), shown + file.name, trusted=not shown)
        except OSError as error:
            raise UsageError(f"{shown}{file.name}: cannot be read: {error.strerror}") from error
        if rule.id in rules:
            raise UsageError(f"{rule.path}: the rule {rule.id} is already defined ({rules[rule.id].path})")
        rules[rule.id] = rule


def _with_pairs(rules: Iterable[Rule]) -> Iterator[Rule]:
    """The rules with the pairs that they use; raises UsageError for a name that is unknown or taken twice."""
    known: dict[str, Pair] = {}
    owners: dict[str, str] = {}
    rules = tuple(rules)
    for rule in rules:
        for pair in rule.pairs:
            if pair.name in known:
                raise UsageError(
                    f"{rule.path}: the pair {pair.name!r} is already defined ({owners[pair.name]})"
                )
            known[pair.name], owners[pair.name] = pair, rule.path
    for rule in rules:
        for name in rule.uses:
            if name not in known:
                raise UsageError(
                    f"{rule.path}: uses: unknown pair {name!r} (known: {', '.join(sorted(known))})"
                )
        if rule.uses:
            rule = replace(rule, pairs=(*rule.pairs, *(known[name] for name in rule.uses)))
        yield rule
