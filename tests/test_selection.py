# SPDX-License-Identifier: GPL-2.0-or-later
"""`--select RULE` filters the output and nothing else: it gives what a run without it gives of that rule."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import marks
import pytest
from commandline import PATCHES, TREE, git, run
from test_fixtures import FIXTURES

from qerrlint.rules.loader import load_rules
from qerrlint.rules.rule import Rule

RULES = load_rules()
OF_C = [rule for rule in RULES if rule.analysis != "gate"]
OF_GATE = [rule for rule in RULES if rule.analysis == "gate"]
COMMON = ("--min-confidence", "low", "--format", "json")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit a rule, tagged with its id, that adds the rule's fixtures in hw/ID/."""
    top = tmp_path_factory.mktemp("selection")
    git(top, "init", "-q", "-b", "main")
    shutil.copytree(TREE / "include", top / "include")
    shutil.copy(TREE / "VERSION", top)
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "base")
    for rule in OF_C:
        folder = top / "hw" / rule.id
        folder.mkdir(parents=True)
        texts = {file.name: marks.versions(file.read_bytes()) for file in (FIXTURES / rule.id).glob("*.c")}
        if any(before is not None for before, _ in texts.values()):
            for name, (before, _) in texts.items():
                (folder / name).write_bytes(before or b"")
            git(top, "add", "-A")
            git(top, "commit", "-q", "-m", f"before {rule.id}")
        for name, (_, after) in texts.items():
            (folder / name).write_bytes(after)
        git(top, "add", "-A")
        git(top, "commit", "-q", "-m", rule.id)
        git(top, "tag", rule.id)
    return top


def selecting(rule: Rule) -> tuple[str, ...]:
    """What makes a run report `rule` among all others: nothing, but for one that is off by default."""
    return () if rule.enabled else tuple(part for one in RULES for part in ("--select", one.id))


def both(rule: Rule, *arguments: str | Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The findings of a rule: with --select of it alone, and without."""
    alone = run(*arguments, *COMMON, "--select", rule.id)
    among = run(*arguments, *COMMON, *selecting(rule))
    assert {alone.err, among.err} == {""}
    assert alone.rules <= {rule.id}
    return alone.findings, [found for found in among.findings if found["rule"] == rule.id]


@pytest.mark.parametrize("rule", OF_C, ids=lambda rule: rule.id)
def test_check_selects_what_it_would_have_said(rule: Rule, history: Path) -> None:
    alone, among = both(rule, "check", "--no-cache", "--tree", history, f"hw/{rule.id}")
    assert alone == among
    assert alone or rule.change_only, f"nothing of {rule.id} in its own fixtures"


@pytest.mark.parametrize("rule", OF_C, ids=lambda rule: rule.id)
def test_diff_selects_what_it_would_have_said(rule: Rule, history: Path) -> None:
    alone, among = both(rule, "diff", f"{rule.id}^..{rule.id}", "--tree", history)
    assert alone == among
    assert alone, f"nothing of {rule.id} in its own fixtures"


@pytest.mark.parametrize("rule", OF_GATE, ids=lambda rule: rule.id)
def test_patch_selects_what_it_would_have_said(rule: Rule) -> None:
    case = PATCHES / "own-gate"
    alone, among = both(rule, "patch", case / "series.mbox", "--tree", case / "before")
    assert alone == among
    assert alone
