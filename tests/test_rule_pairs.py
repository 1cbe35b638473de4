# SPDX-License-Identifier: GPL-2.0-or-later
"""Pairs of calls in rule files: what is refused, what a user's own pair finds, which pairs are followed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from commandline import TREE, run

from qerrlint.domain.ownership import PROCESS, RESULT
from qerrlint.errors import UsageError
from qerrlint.rules.loader import load_rules
from qerrlint.rules.pairs import parse_pairs
from qerrlint.rules.rule import HEADINGS, RuleSet

ACQUIRE = [{"call": "box_open", "object": 1}]
RELEASE = [{"call": "box_close"}]
TABLE = {"name": "box", "acquire": ACQUIRE, "release": RELEASE}

RULE = """+++
id = "{id}"
title = "A box stays open"
since = "0.1.0"
analysis = "ownership"
event = "left-held"
severity = "warning"
confidence = "medium"
message = "{{object}} stays open: {{release}} is missing"
advice = "close it"
{pairs}
+++

"""
BOX = """
[[pair]]
name = "box"
acquire = [{ call = "box_open", object = 2, fails = "errno" }]
release = [{ call = "box_close" }]
"""
SOURCE = """#include "qemu/osdep.h"
#include "qapi/error.h"

int box_open(int shelf, Box *box);
void box_close(Box *box);

static int box_fill(Shelf *s, Error **errp)
{
    if (box_open(1, &s->box) < 0) {
        error_setg(errp, "no box");
        return -1;
    }
    if (!shelf_check(s, errp)) {
        return -1;
    }
    if (s->full) {
        error_setg(errp, "full");
        box_close(&s->box);
        return -1;
    }
    return 0;
}
"""


def rule_file(folder: Path, name: str, pairs: str) -> None:
    code = "```c\nint f(void)\n{\n    return 0;\n}\n```\n"
    page = "".join(f"## {h}\n\n{code if h in ('Bad', 'Good') else 'Prose.'}\n\n" for h in HEADINGS)
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.md").write_text(RULE.format(id=name, pairs=pairs) + page)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copytree(TREE, tmp_path / "tree")
    (tmp_path / "tree" / "hw" / "box.c").write_text(SOURCE)
    return tmp_path / "tree"


def test_a_table_is_read_whole() -> None:
    (pair,) = parse_pairs(
        [
            {
                "name": "box",
                "acquire": [
                    {"call": "box_open", "object": 0, "fails": "zero"},
                    {"call": "box_lock", "object": "process"},
                    {"call": "box_take", "object": 3, "type": "Box *", "fails": "errno"},
                ],
                "release": RELEASE,
                "prepare": [{"call": "box_fill"}],
                "discard": [{"call": "box_burn"}],
                "keeps": True,
                "balanced": True,
            }
        ],
        "x.md",
    )
    assert [move.object for move in pair.acquire] == [RESULT, PROCESS, 3]
    assert [move.fails for move in pair.acquire] == ["zero", "never", "errno"]
    assert (pair.keeps, pair.balanced, pair.acquire[2].type) == (True, True, "Box *")
    assert [(role, [move.call for move in moves]) for role, moves in pair.roles][1:] == [
        ("release", ["box_close"]),
        ("prepare", ["box_fill"]),
        ("discard", ["box_burn"]),
    ]


@pytest.mark.parametrize(
    ("tables", "fault"),
    [
        ("box", "'pair' is not an array of tables ([[pair]])"),
        ([{**TABLE, "free": []}], "pair 1: unknown key 'free' (known: acquire, "),
        ([{**TABLE, "name": ""}], "pair 1: 'name' is not one line of text"),
        ([{**TABLE, "keeps": 1}], "pair 1: 'keeps' is neither true nor false"),
        ([{**TABLE, "balanced": "yes"}], "pair 1: 'balanced' is neither true nor false"),
        ([TABLE, TABLE], "two pairs are called 'box'"),
        ([{"name": "box", "acquire": ACQUIRE}], "pair 1: no 'release': needs at least one call"),
        ([{"name": "box", "release": RELEASE}], "pair 1: no 'acquire': needs at least one call"),
        ([{**TABLE, "acquire": ["box_open"]}], "pair 1: acquire: not an array of tables with a 'call'"),
        ([{**TABLE, "acquire": [{"object": 1}]}], "pair 1: acquire: 'call' is not a function name"),
        ([{**TABLE, "acquire": [{"call": "a-b"}]}], "pair 1: acquire: 'call' is not a function name"),
        (
            [{**TABLE, "acquire": [{"call": "a", "argument": 1}]}],
            "pair 1: acquire: unknown key 'argument' (known: by, call, fails, null, object, type)",
        ),
        (
            [{**TABLE, "acquire": [{"call": "a", "object": -1}]}],
            "pair 1: acquire: a: 'object' is no argument",
        ),
        ([{**TABLE, "acquire": [{"call": "a", "object": True}]}], "pair 1: acquire: a: 'object' is no"),
        ([{**TABLE, "acquire": [{"call": "a", "type": 1}]}], "pair 1: acquire: a: 'type' is not a text"),
        (
            [{**TABLE, "acquire": [{"call": "a", "fails": "often"}]}],
            "pair 1: acquire: a: 'fails' is not one of never, negative, errno, nonzero, zero",
        ),
        (
            [{**TABLE, "release": [{"call": "a", "null": "two"}]}],
            "pair 1: release: a: 'null' is no argument (1 is the first)",
        ),
        (
            [{**TABLE, "release": [{"call": "a", "fails": "zero"}]}],
            "pair 1: release: a: only an acquire can fail",
        ),
        (
            [{**TABLE, "release": [{"call": "a", "object": 0}]}],
            "pair 1: release: a: only an acquire returns its object",
        ),
    ],
)
def test_a_fault_of_a_table_is_refused_in_one_line(tables: object, fault: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_pairs(tables, "rules.d/own.md")
    assert str(caught.value).startswith(f"rules.d/own.md: {fault}")
    assert "\n" not in str(caught.value)


def test_a_pair_of_ones_own_is_followed(tree: Path, tmp_path: Path) -> None:
    rule_file(tmp_path / "own", "box-left-open", BOX)
    ran = run("check", "--tree", tree, "--rules", tmp_path / "own", "--format", "json", "hw/box.c")
    found = [f for f in ran.findings if f["rule"] == "box-left-open"]
    assert [(f["line"], f["function"], f["message"]) for f in found] == [
        (9, "box_fill", "s->box stays open: box_close() is missing")
    ]
    assert [step["line"] for step in found[0]["steps"]] == [9, 9, 13, 14]
    assert ran.code == 1


def test_without_the_rule_nobody_speaks_of_boxes(tree: Path) -> None:
    assert run("check", "--tree", tree, "--format", "json", "hw/box.c").findings == []


def test_a_rule_may_use_a_pair_of_another_file(tree: Path, tmp_path: Path) -> None:
    rule_file(tmp_path / "own", "box-left-open", BOX)
    rule_file(tmp_path / "own", "box-twice", 'uses = ["box"]')
    options = ("--tree", tree, "--rules", tmp_path / "own", "--format", "json", "--select", "box-twice")
    assert run("check", *options, "hw/box.c").rules == {"box-twice"}


@pytest.mark.parametrize(
    ("pairs", "fault"),
    [
        ("", "own-rule.md: needs a [[pair]], or 'uses' with the names of pairs"),
        ('uses = "box"', "own-rule.md: 'uses' is not a list of names of pairs"),
        ('uses = ["crate"]', "own-rule.md: uses: unknown pair 'crate' (known: "),
        (
            BOX.replace('"box"', '"timer"'),
            "own-rule.md: the pair 'timer' is already defined (missing-cleanup.md)",
        ),
    ],
)
def test_a_rule_without_its_pairs_is_refused(tmp_path: Path, pairs: str, fault: str) -> None:
    rule_file(tmp_path / "own", "own-rule", pairs)
    ran = run("rules", "--rules", tmp_path / "own")
    assert (ran.code, ran.out) == (2, "")
    assert fault in ran.err
    assert ran.err.count("\n") == 1


def test_pairs_are_for_events_that_know_them(tmp_path: Path) -> None:
    rule_file(tmp_path / "own", "own-rule", BOX)
    file = tmp_path / "own" / "own-rule.md"
    text = (
        file.read_text()
        .replace('"ownership"', '"notifiers"')
        .replace('"left-held"', '"notifier-drops-error"')
    )
    file.write_text(text.replace("{object} stays open: {release} is missing", "x"))
    with pytest.raises(UsageError, match="pairs are for events of an analysis that follows them"):
        load_rules([tmp_path / "own"])


def test_the_pairs_of_all_rules_are_followed_whatever_is_selected() -> None:
    rules = load_rules()
    assert rules.select(["error-set-twice"]).pairs == rules.pairs
    assert RuleSet(rule for rule in rules if rule.id == "error-set-twice").pairs == ()
    names = [pair.name for pair in rules.pairs]
    assert len(names) == len(set(names))
    assert {"migration blocker", "migration notifier", "timer"} <= set(names)
