# SPDX-License-Identifier: GPL-2.0-or-later
"""`--select RULE` filters the output and nothing else: it gives what a run without it gives of that rule."""

from __future__ import annotations

from itertools import accumulate
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
# So many bytes of fixtures a rule, the smallest first: what a rule needs of another one shows in any of them.
_ENOUGH = 8000


class _Commits:
    """The input of `git fast-import`, which makes all commits in one process."""

    def __init__(self) -> None:
        self.stream = b""

    def add(self, subject: str, files: dict[str, bytes], tag: str = "") -> None:
        """A commit on top of the others."""
        lines = [b"commit refs/heads/main", b"committer A Tester <tester@example.org> 1790000000 +0000"]
        lines.append(b"data %d\n%s" % (len(subject), subject.encode()))
        lines += [b"M 100644 inline %s\ndata %d\n%s" % (n.encode(), len(d), d) for n, d in files.items()]
        if tag:
            lines.append(b"reset refs/tags/%s\nfrom refs/heads/main\n" % tag.encode())
        self.stream += b"\n".join(lines) + b"\n"


def smallest(rule: Rule) -> list[Path]:
    """Some fixtures of a rule, at least one."""
    files = sorted((FIXTURES / rule.id).glob("*.c"), key=lambda file: (file.stat().st_size, file.name))
    sizes = accumulate(file.stat().st_size for file in files)
    return files[: max(1, sum(size <= _ENOUGH for size in sizes))]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one commit a rule, tagged with its id, that adds fixtures of the rule in hw/ID/."""
    top = tmp_path_factory.mktemp("selection")
    git(top, "init", "-q", "-b", "main")
    commits = _Commits()
    base = [TREE / "VERSION", *(path for path in sorted((TREE / "include").rglob("*")) if path.is_file())]
    commits.add("base", {str(path.relative_to(TREE)): path.read_bytes() for path in base})
    for rule in OF_C:
        texts = {f"hw/{rule.id}/{file.name}": marks.versions(file.read_bytes()) for file in smallest(rule)}
        if any(before is not None for before, _ in texts.values()):
            commits.add(f"before {rule.id}", {name: before or b"" for name, (before, _) in texts.items()})
        commits.add(rule.id, {name: after for name, (_, after) in texts.items()}, tag=rule.id)
    git(top, "fast-import", "--quiet", stdin=commits.stream)
    git(top, "reset", "-q", "--hard", "main")
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


def one_of_each_family() -> list[Rule]:
    """`check` and `diff` filter in the same place: what one rule needs of another `diff` shows for each."""
    return list({rule.analysis: rule for rule in OF_C if rule.enabled}.values())


@pytest.mark.parametrize("rule", one_of_each_family(), ids=lambda rule: rule.id)
def test_check_selects_what_it_would_have_said(rule: Rule, history: Path) -> None:
    alone, among = both(rule, "check", "--no-cache", "--tree", history, f"hw/{rule.id}")
    assert alone == among
    assert alone or rule.change_only, f"nothing of {rule.id} in its own fixtures"


@pytest.mark.parametrize("rule", OF_C, ids=lambda rule: rule.id)
def test_diff_selects_what_it_would_have_said(rule: Rule, history: Path) -> None:
    alone, among = both(rule, "diff", f"{rule.id}^..{rule.id}", "--no-cache", "--tree", history)
    assert alone == among
    assert alone, f"nothing of {rule.id} in its own fixtures"


@pytest.mark.parametrize("rule", OF_GATE, ids=lambda rule: rule.id)
def test_patch_selects_what_it_would_have_said(rule: Rule) -> None:
    case = PATCHES / "own-gate"
    alone, among = both(rule, "patch", case / "series.mbox", "--tree", case / "before")
    assert alone == among
    assert alone
