# SPDX-License-Identifier: GPL-2.0-or-later
"""What a history knows of the trees of successive commits, and of those where branches begin."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from test_history import CALLER, TWICE, Repository, header

from qerrlint.history import inverted_index, tree_states
from qerrlint.history.inverted_index import InvertedIndex
from qerrlint.history.tree_states import KnownFile, TreeState, TreeStates, analysed
from qerrlint.model.program import Program
from qerrlint.rules.loader import load_rules
from qerrlint.source.commit_trees import CommitTrees
from qerrlint.source.source import C_SUFFIXES


class Known:
    """The states of the trees of a repository; each file that lacks an outcome is analysed at once."""

    def __init__(self, repository: Repository, commit: str) -> None:
        self.trees = CommitTrees(repository.top)
        self.states = TreeStates(self.trees, lambda path: path.endswith(C_SUFFIXES))
        self.states.begin(repository.parent(commit), {})

    def analysed(self, state: TreeState) -> list[str]:
        """Analyse what lacks an outcome; the files, sorted."""
        lacking = sorted(state.lacking)
        for path in lacking:
            self.states.add(state, path, self.outcome(state.commit, path))
        return lacking

    def outcome(self, commit: str, path: str) -> KnownFile:
        program = Program(self.trees.tree(commit))
        unit = program.unit(path)
        assert unit is not None
        return analysed(program, unit, load_rules().everything())

    def after(self, state: TreeState, commit: str) -> TreeState:
        return self.states.moved(state, self.states.change(state, commit))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "qemu")


def rules_in(known: KnownFile) -> list[str]:
    return sorted(one.finding.rule for one in known.findings.found)


def test_a_commit_takes_the_outcomes_of_what_it_touches_and_changes_a_fact_of(repository: Repository) -> None:
    first = repository.commit({"include/hw/gong.h": header(), "hw/caller.c": CALLER, "hw/bell.c": TWICE})
    known = Known(repository, first)
    state = known.states.brought_to(first)
    assert known.analysed(state) == ["hw/bell.c", "hw/caller.c", "include/hw/gong.h"]
    assert "error-set-twice" in rules_in(state.files["hw/bell.c"])
    plain = known.after(state, repository.commit({"hw/note.c": "int other;\n"}))
    assert [*plain.lacking] == ["hw/note.c"]
    assert plain.files["hw/bell.c"] is state.files["hw/bell.c"]
    bare = known.after(plain, repository.commit({"include/hw/gong.h": header("void")}))
    assert sorted(bare.lacking) == ["hw/bell.c", "hw/caller.c", "hw/note.c", "include/hw/gong.h"]
    # What was looked up for another tree tells whether a later commit concerns a file.
    unseen = known.states.change(bare, repository.commit({"hw/note.c": "int third;\n"}))
    assert known.states.suspected(bare, unseen) == set()
    seen = known.states.change(bare, repository.commit({"include/hw/gong.h": header("bool")}))
    assert known.states.suspected(bare, seen) >= {"hw/bell.c", "hw/caller.c"}


def test_a_branch_takes_over_what_others_have_come_to(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    bells = {f"hw/bell{number}.c": TWICE for number in range(4)}
    changed: dict[str, str | None] = dict.fromkeys(bells, "/* changed */\n" + TWICE)
    notes = {f"hw/note{number}.c": "int note;\n" for number in range(6)}
    start = repository.commit({"include/hw/gong.h": header(), **bells})
    side = repository.commit(changed)
    line = repository.commit({**bells, **notes})
    merge = repository.commit(changed)
    known = Known(repository, start)
    first = known.states.brought_to(start)
    known.analysed(first)
    tip = known.after(first, side)
    assert known.analysed(tip) == [*bells]
    assert known.analysed(known.states.brought_to(line)) == [*notes]
    # The line is nearer to the merge, but has not seen these contents of the files.
    monkeypatch.setattr(tree_states, "_ANALYSIS", 0)
    assert sorted(known.states.brought_to(merge).lacking) == [*bells]
    monkeypatch.undo()
    again = known.states.brought_to(merge)
    assert not again.lacking
    assert all(again.files[path] is tip.files[path] for path in bells)


def test_an_index_names_the_files_of_each_checksum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inverted_index, "_REST", 7)
    monkeypatch.setattr(inverted_index, "_TABLE", 40)
    draw = random.Random(3)
    index, expected = InvertedIndex(), dict[str, set[int]]()
    for _ in range(60):
        path = f"{draw.randrange(9)}.c"
        new = {draw.randrange(50) for _ in range(5)} - expected.get(path, set())
        index.add(path, new)
        expected.setdefault(path, set()).update(new)
        asked = {draw.randrange(50) for _ in range(2)}
        assert index.files(asked) == {path for path, found in expected.items() if found & asked}
    assert index.size == sum(map(len, expected.values()))


def test_an_index_does_not_grow_by_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inverted_index, "_REST", 30)
    monkeypatch.setattr(inverted_index, "_MERGED", 7)
    index = InvertedIndex()
    for number in range(0, 90, 30):
        index.add("bells.c", range(number, number + 30))
    for _ in range(20):
        index.add("bells.c", range(90))
    assert index.size <= 2 * 90
    assert all(index.files([number]) == {"bells.c"} for number in range(90))
    assert not index.files([90])
