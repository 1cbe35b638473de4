# SPDX-License-Identifier: GPL-2.0-or-later
"""Histories of small repositories: what each commit introduces and fixes, and that the sum is what stands."""

from __future__ import annotations

import copy
import json
import os
import random
import re
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from commandline import git, run
from edited_devices import Device, Devices, lit
from test_cache import lie
from test_store_edits import Model, base_tree, write

from qerrlint.engine import check_files
from qerrlint.engine.analyse_file import analyse_unit
from qerrlint.engine.store.cache_store import Store
from qerrlint.history import run as history_run
from qerrlint.history.delta import CommitDelta
from qerrlint.history.kept_deltas import KeptDeltas, pair_of
from qerrlint.history.steps import plan, release_of
from qerrlint.source.commit_trees import CommitTrees

# The number of random commits, and where they begin.
COMMITS = int(os.environ.get("QERRLINT_HISTORY_COMMITS", "24"))
SEED = int(os.environ.get("QERRLINT_HISTORY_SEED", "10"))

# What is not followed without the outcomes at the start (docs/history.md): bodies of functions in other
# folders, and what decides on the age of an interface.
LEFT_OUT = frozenset(
    {
        *("body in the header's file", "body beside", "body beside gone", "body in the file of its name"),
        *("what a callee keeps", "where a callee is", "version", "visitors", "blockers"),
    }
)

HEADER = """\
#include "qapi/error.h"
typedef struct Gong Gong;
#define GONG_FAILED {value}
{returns} gong_start(Gong *g, Error **errp);
"""
CALLER = """\
#include "hw/gong.h"

static bool caller(Gong *g, Error **errp)
{
    if (gong_start(g, errp) < 0) {
        return false;
    }
    return true;
}
"""
PLAIN = """\
#include "qapi/error.h"
#include "hw/gong.h"

static void bell_start(Gong *g, Error **errp)
{
    gong_start(g, errp);
}
"""
TWICE = """\
#include "qapi/error.h"
#include "hw/gong.h"

static void bell_start(Gong *g, Error **errp)
{
    gong_start(g, errp);
    error_setg(errp, "no");
}
"""


class Repository:
    """A tree whose commits a test makes one after the other."""

    def __init__(self, top: Path) -> None:
        self.top = top
        base_tree(top)
        git(top, "init", "-q", "-b", "main")
        self.commit({"hw/note.c": "int note;\n"})

    def commit(self, files: dict[str, str | None] | None = None, subject: str = "change") -> str:
        for name, text in (files or {}).items():
            file = self.top / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                file.unlink()
            else:
                file.write_text(text)
        git(self.top, "add", "-A")
        git(self.top, "commit", "-q", "--allow-empty", "-m", subject)
        return self.head()

    def head(self) -> str:
        return git(self.top, "rev-parse", "HEAD").strip()

    def parent(self, commit: str) -> str:
        return git(self.top, "rev-parse", f"{commit}^").strip()

    def history(self, revs: str, *options: str, code: int = 0) -> dict[str, Any]:
        """The JSON of a history of findings of any confidence."""
        file = self.top.parent / "history.json"
        where = ("--tree", self.top, "--output", file)
        ran = run("history", revs, *where, "--jobs", "1", "--min-confidence", "low", *options)
        assert ran.code == code, ran.err
        document = json.loads(file.read_text())
        assert isinstance(document, dict)
        return document

    def checked(self, rev: str) -> set[tuple[str, str]]:
        """The findings of a tree: path and fingerprint."""
        ran = run("check", "--tree", self.top, "--rev", rev, "--format", "json", "--min-confidence", "low")
        return keys_of(ran.findings)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setattr(check_files, "ONE_PROCESS_BYTES", 0)
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path / "cache"))
    return Repository(tmp_path / "qemu")


def told(document: dict[str, Any]) -> dict[str, tuple[list[str], list[str]]]:
    """For each commit that did something the rules of what it introduced and fixed."""
    return {
        entry["commit"]: (rules_of(entry["introduced"]), rules_of(entry["fixed"]))
        for entry in document["changes"]
    }


def rules_of(found: list[dict[str, Any]]) -> list[str]:
    return sorted(one["rule"] for one in found)


def keys_of(found: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(one["path"], one["fingerprint"]) for one in found}


def header(returns: str = "int", value: str = "(-1)") -> str:
    return HEADER.format(returns=returns, value=value)


def test_introduced_and_fixed(repository: Repository) -> None:
    start = repository.commit({"include/hw/gong.h": header("bool"), "hw/bell.c": PLAIN})
    bad = repository.commit({"hw/bell.c": TWICE})
    repository.commit({"hw/bell.c": "/* a comment */\n" + TWICE})
    mended = repository.commit({"hw/bell.c": PLAIN})
    document = repository.history(f"{start}..HEAD")
    assert told(document) == {bad: (["error-set-twice"], []), mended: ([], ["error-set-twice"])}
    assert document["standing_before"] == document["standing_after"] == 0
    assert document["by_rule"]["error-set-twice"] == {"start": 0, "introduced": 1, "fixed": 1, "end": 0}
    assert document["by_subsystem"]["hw"]["introduced"] == 1
    assert [sum(point["standing"].values()) for point in document["points"]] == [1, 1, 0]


def test_a_header_introduces_what_stands_in_a_file_that_no_commit_touches(repository: Repository) -> None:
    start = repository.commit({"include/hw/gong.h": header("int"), "hw/caller.c": CALLER})
    repository.commit({"include/hw/gong.h": header("int", "(-2)")})
    bad = repository.commit({"include/hw/gong.h": header("bool", "(-2)")})
    assert repository.checked("HEAD^") == set()
    document = repository.history(f"{start}..HEAD")
    assert {commit: introduced for commit, (introduced, _) in told(document).items()} == {
        bad: sorted(found["rule"] for found in document["standing"])
    }
    assert (
        {(f["path"], f["fingerprint"]) for f in document["standing"]} == repository.checked("HEAD") != set()
    )


def test_a_file_is_analysed_again_where_a_fact_has_changed_that_it_has_looked_up(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = "/* GONG_FAILED is what gong_stop() gives. */\n" + CALLER.replace("gong_start", "gong_stop")
    stop = "int gong_stop(Gong *g, Error **errp);\n"
    repository.commit({"include/hw/gong.h": header() + stop, "hw/caller.c": CALLER, "hw/aside.c": aside})
    start = repository.commit({"hw/note.c": "int other;\n"})
    for value in ("(-2)", "(-3)"):
        repository.commit({"include/hw/gong.h": header("int", value) + stop})
    bad = repository.commit({"include/hw/gong.h": header("bool", "(-3)") + stop})
    analysed: list[str] = []

    def counted(unit: Any, *arguments: Any) -> Any:
        analysed.append(unit.path)
        return analyse_unit(unit, *arguments)

    monkeypatch.setattr("qerrlint.history.tree_states.analyse_unit", counted)
    document = repository.history(f"{start}..HEAD")
    # Neither looks the macro up; only one calls the function whose type changes.
    assert analysed == ["include/hw/gong.h"] * 2 + ["hw/caller.c", "include/hw/gong.h"]
    assert [*told(document)] == [bad]


def test_a_moved_file_and_a_renamed_function_bring_their_findings_along(repository: Repository) -> None:
    start = repository.commit({"include/hw/gong.h": header("bool"), "hw/bell.c": TWICE})
    repository.commit({"hw/bell.c": None, "hw/misc/bell.c": TWICE})
    repository.commit({"hw/misc/bell.c": TWICE.replace("bell_start", "bell_begin")})
    document = repository.history(f"{start}..HEAD")
    assert told(document) == {}
    assert [(f["path"], f["function"]) for f in document["standing"]] == [("hw/misc/bell.c", "bell_begin")]


CHAIN = """\
#include "qapi/error.h"
#include "hw/gong.h"

static void bell_start(Gong *g, Error **errp)
{{
    error_setg(errp, "no");
    {calls}
}}
"""


BETWEEN = "\n".join(f"    g->notes[{number}] = {number};" for number in range(20))


def test_another_finding_of_its_group_takes_the_place_of_one(repository: Repository) -> None:
    """Of second sets in a row the first one is told; they are one mistake, which nobody mends."""
    one = CHAIN.format(calls=f"{BETWEEN}\n    gong_start(g, errp);")
    two = CHAIN.format(calls=f"gong_start(g + 1, errp);\n{BETWEEN}\n    gong_start(g, errp);")
    start = repository.commit({"include/hw/gong.h": header("bool"), "hw/bell.c": one})
    fingerprints = {fingerprint for _, fingerprint in repository.checked("HEAD")}
    repository.commit({"hw/bell.c": two})
    assert not fingerprints & {fingerprint for _, fingerprint in repository.checked("HEAD")}
    repository.commit({"hw/bell.c": one})
    document = repository.history(f"{start}..HEAD")
    assert told(document) == {}
    assert document["standing_before"] == document["standing_after"] == 1
    mended = repository.commit({"hw/bell.c": CHAIN.format(calls="")})
    assert told(repository.history(f"{start}..HEAD")) == {mended: ([], ["error-set-twice"])}


def test_a_mended_finding_and_a_new_one_of_another_group(repository: Repository) -> None:
    """Two mistakes of one rule in one function, of which a commit mends one and makes the other."""
    one = CHAIN.format(calls=f"gong_start(g, errp);\n{BETWEEN}")
    local = (
        'Error *err = NULL; error_setg(&err, "a");\n gong_start(g + 1, &err);\n error_propagate(errp, err);'
    )
    mended = CHAIN.replace('    error_setg(errp, "no");\n', "").format(calls=f"{BETWEEN}\n{local}")
    start = repository.commit({"include/hw/gong.h": header("bool"), "hw/bell.c": one})
    changed = repository.commit({"hw/bell.c": mended})
    document = repository.history(f"{start}..HEAD")
    assert told(document) == {changed: (["error-set-twice"], ["error-set-twice"])}


def test_what_cannot_be_read_for_a_while_is_neither_fixed_nor_introduced(repository: Repository) -> None:
    start = repository.commit({"include/hw/gong.h": header("bool"), "hw/bell.c": TWICE})
    repository.commit({"hw/bell.c": TWICE.replace('"no");', '"no")) ( ;')})
    assert repository.checked("HEAD") == set()
    repository.commit({"hw/bell.c": TWICE})
    document = repository.history(f"{start}..HEAD")
    assert told(document) == {}
    assert document["standing_after"] == 1


def test_a_branch(repository: Repository) -> None:
    """The line tells what the merge brings in, --all which commit of the branch it was."""
    start = repository.commit({"include/hw/gong.h": header("bool"), "hw/bell.c": PLAIN})
    git(repository.top, "checkout", "-q", "-b", "side")
    repository.commit({"hw/other.c": "int other;\n"})
    bad = repository.commit({"hw/bell.c": TWICE})
    git(repository.top, "checkout", "-q", "main")
    repository.commit({"hw/main.c": "int main_file;\n"})
    git(repository.top, "merge", "-q", "--no-ff", "-m", "merge", "side")
    merge = repository.head()
    assert told(repository.history(f"{start}..HEAD")) == {merge: (["error-set-twice"], [])}
    document = repository.history(f"{start}..HEAD", "--all")
    assert told(document) == {bad: (["error-set-twice"], [])}
    assert document["points"][-1]["commit"] == merge


def test_a_merge_that_is_wrong_by_itself(repository: Repository) -> None:
    start = repository.commit({"include/hw/gong.h": header("bool"), "hw/bell.c": PLAIN})
    git(repository.top, "checkout", "-q", "-b", "side")
    repository.commit({"hw/bell.c": PLAIN + "\nint side;\n"})
    git(repository.top, "checkout", "-q", "main")
    repository.commit({"hw/bell.c": "/* main */\n" + PLAIN})
    git(repository.top, "merge", "-q", "--no-ff", "--no-commit", "-s", "ours", "side")
    merge = repository.commit({"hw/bell.c": TWICE})
    assert told(repository.history(f"{start}..HEAD", "--all")) == {merge: (["error-set-twice"], [])}


def test_releases(repository: Repository) -> None:
    start = repository.commit(
        {"include/hw/gong.h": header("bool"), "hw/bell.c": PLAIN, "VERSION": "9.1.50\n"}
    )
    repository.commit({"hw/bell.c": TWICE})
    released = repository.commit({"VERSION": "9.2.0\n"})
    repository.commit({"VERSION": "9.2.50\n"})
    repository.commit({"hw/bell.c": PLAIN})
    document = repository.history(f"{start}..HEAD")
    assert [(one["release"], one["commit"]) for one in document["releases"]] == [("9.2", released)]
    assert document["by_release"]["9.2"] == {"start": 0, "introduced": 1, "fixed": 0, "end": 1}
    assert document["by_release"]["10.0"] == {"start": 1, "introduced": 0, "fixed": 1, "end": 0}
    sampled = repository.history(f"{start}..HEAD", "--every", "release")
    assert list(told(sampled)) == [released, repository.head()]
    assert sampled["by_release"] == document["by_release"]


def test_below_a_folder(repository: Repository) -> None:
    start = repository.commit(
        {"include/hw/gong.h": header("bool"), "hw/bell.c": PLAIN, "block/bell.c": PLAIN}
    )
    bad = repository.commit({"hw/bell.c": TWICE, "block/bell.c": TWICE})
    every = {
        f["path"] for f in repository.history(f"{start}..HEAD")["standing"] if f["rule"] == "error-set-twice"
    }
    assert every == {"hw/bell.c", "block/bell.c"}
    for options in ((), ("--all",), ("--every", "week"), ("--no-standing",)):
        document = repository.history(f"{start}..HEAD", "block", *options)
        assert {f["path"] for f in document["standing"]} == {"block/bell.c"}
        assert told(document) == {bad: (["error-set-twice"], [])}
    moved = repository.commit({"block/bell.c": None, "hw/misc/bell.c": TWICE})
    document = repository.history(f"{bad}..HEAD", "block/")
    assert "error-set-twice" in told(document)[moved][1]
    assert document["standing"] == []


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("9.1.50", "9.2"),
        ("9.2.50", "10.0"),
        ("10.1.92", "10.2"),
        ("7.0.0", "7.0"),
        ("7.0.1", "7.0"),
        ("x", ""),
    ],
)
def test_which_release_a_version_belongs_to(version: str, release: str) -> None:
    assert release_of(version) == release


def compared(repository: Repository, revs: str, edits: dict[str, str], *options: str) -> int:
    """Compare what each commit does with a check of its parent and of itself, and all together with the last;
    the number of commits that change findings."""
    document = repository.history(revs, *options)
    whole = "--no-standing" not in options
    changes = {entry["commit"]: entry for entry in document["changes"]}

    @cache
    def checked(commit: str) -> set[tuple[str, str]]:
        return repository.checked(commit)

    changed = 0
    for commit, edit in edits.items():
        before, after = checked(repository.parent(commit)), checked(commit)
        entry = changes.get(commit, {"introduced": [], "fixed": []})
        come, gone = keys_of(entry["introduced"]), keys_of(entry["fixed"])
        # What persists under another name is neither.
        assert come <= after - before, edit
        assert gone <= before - after, edit
        assert len(come) - len(gone) == len(after) - len(before), edit
        changed += before != after
    assert not whole or keys_of(document["standing"]) == repository.checked("HEAD")
    return changed


KNOWN = pytest.mark.parametrize("options", [(), ("--no-standing",)], ids=["start known", "by names"])


@pytest.fixture(params=[20, -1], ids=["ahead", "when asked"])
def analysed_ahead(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many files are analysed where a branch begins."""
    monkeypatch.setattr("qerrlint.history.whole_deltas._ANALYSED_AHEAD", request.param)


@KNOWN
def test_at_random_what_commits_do_adds_up_to_what_a_check_finds(
    repository: Repository, options: tuple[str, ...]
) -> None:
    """Prototypes, macros, constants, members, schemas, wrappers, types of devices; headers that move, files
    that come."""
    model = Model(random.Random(SEED), left_out=LEFT_OUT if options else frozenset()).begin()
    files = write(model, repository.top, {})
    start = repository.commit()
    edits = {}
    for _ in range(COMMITS):
        done = model.edit()
        files = write(model, repository.top, files)
        edits[repository.commit()] = f"seed {SEED}: {done}"
    changed = compared(repository, f"{start}..HEAD", edits, *options)
    assert changed >= COMMITS // 6, "commits that change nothing test nothing"


@KNOWN
@pytest.mark.usefixtures("analysed_ahead")
def test_at_random_what_branches_bring_in_adds_up_with_all(
    repository: Repository, options: tuple[str, ...]
) -> None:
    """Branches change devices while the line changes the rest: a merge has no findings of its own."""
    model = Model(random.Random(SEED), left_out=LEFT_OUT if options else frozenset()).begin()
    write(model, repository.top, {})
    start = repository.commit()
    edits = {}
    assert model.devices is not None
    assert model.callers is not None
    for number in range(max(COMMITS // 6, 2)):
        fork = copy.deepcopy(model)
        base = repository.head()
        assert fork.devices is not None
        for side, edited in (("side", (fork.devices.edits,)), ("main", (model.edits, model.callers.edits))):
            if side == "side":
                git(repository.top, "checkout", "-q", "-b", f"side{number}", base)
            files = (fork if side == "side" else model).files()
            for _ in range(model.draw.randrange(1, 4)):
                name, change = model.draw.choice(list(model.draw.choice(edited)()))
                change()
                files = write(fork if side == "side" else model, repository.top, files)
                edits[repository.commit()] = f"seed {SEED}: {side} {name}"
            git(repository.top, "checkout", "-q", "main")
        git(repository.top, "merge", "-q", "--no-ff", "-m", "merge", f"side{number}")
        model.devices = fork.devices
    changed = compared(repository, f"{start}..HEAD", edits, "--all", *options)
    assert changed >= len(edits) // 6, "commits that change nothing test nothing"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            lit(Device(shift="R_LEVEL_GLOW_LENGTH")),
            lit(Device(shift="R_LEVEL_GLOW_LENGTH"), mask=(0, 1)),
            id="field",
        ),
        pytest.param(lit(Device()), lit(Device(), registers="2"), id="array"),
        pytest.param(
            lit(Device(takes="init"), Device("TYPE_DEVICE")),
            lit(Device(takes="init"), Device("TYPE_DEVICE", frees="unrealize")),
            id="parent",
        ),
        pytest.param(
            lit(Device(takes="init"), Device("TYPE_DEVICE")),
            lit(Device(takes="init"), Device("TYPE_DEVICE"), elsewhere="timer_free(s->wick);"),
            id="released",
        ),
        pytest.param(
            lit(Device(takes="init"), Device("TYPE_DEVICE"), elsewhere="timer_del(s->wick);"),
            lit(Device(takes="init"), Device("TYPE_DEVICE"), elsewhere="timer_free(s->wick);"),
            id="released otherwise",
        ),
    ],
)
def test_devices_that_no_commit_touches(repository: Repository, before: Devices, after: Devices) -> None:
    files = write(before, repository.top, {})
    start = repository.commit()
    write(after, repository.top, files)
    there, back = repository.commit(), repository.commit(dict(files))
    assert compared(repository, f"{start}..HEAD", {there: "there", back: "back"}) == 2


def noted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commits that are worked out from now on."""
    asked: list[str] = []
    real = history_run.perform

    def perform(deltas: Any, lot: Any) -> Any:
        asked.extend(commit.id for _, commit in lot)
        return real(deltas, lot)

    monkeypatch.setattr(history_run, "perform", perform)
    return asked


def test_a_second_run_works_nothing_out(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    start = repository.commit({"include/hw/gong.h": header("bool"), "hw/bell.c": PLAIN})
    repository.commit({"hw/bell.c": TWICE})
    first = repository.history(f"{start}..HEAD")
    repository.commit({"hw/bell.c": PLAIN})
    asked = noted(monkeypatch)
    assert repository.history(f"{start}..HEAD^") == first
    assert asked == []
    repository.history(f"{start}..HEAD")
    assert asked == [repository.head()]


@pytest.mark.parametrize("options", [(), ("--every", "day")], ids=["each", "sampled"])
def test_verify_store(repository: Repository, options: tuple[str, ...]) -> None:
    start = repository.commit({"include/hw/gong.h": header("bool"), "hw/bell.c": PLAIN})
    repository.commit({"hw/bell.c": TWICE})
    first = repository.history(f"{start}..HEAD", *options)
    assert repository.history(f"{start}..HEAD", "--verify-store", *options) == first
    trees = CommitTrees(repository.top)
    planned = plan(trees, start, repository.head(), False, options[1] if options else None)
    trees.close()
    pair = pair_of(planned.steps[-1].commit)
    with Store() as store:
        KeptDeltas(store, ()).keep([(pair, CommitDelta(files=7))])
    assert repository.history(f"{start}..HEAD", *options) != first
    ran = run("history", f"{start}..HEAD", "--tree", repository.top, "--verify-store", *options)
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
    assert f"{repository.head()[:12]}: the store has another result (1 commit in all)" in ran.err


def test_verify_store_of_the_start(repository: Repository, tmp_path: Path) -> None:
    start = repository.commit({"include/hw/gong.h": header("bool"), "hw/bell.c": TWICE})
    repository.commit({"hw/bell.c": PLAIN})
    repository.history(f"{start}..HEAD")
    lie(tmp_path / "cache")
    ran = run("history", f"{start}..HEAD", "--tree", repository.top, "--verify-store")
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
    assert "the store has another result (1 file in all)" in ran.err


def test_a_run_that_is_killed_is_taken_up(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_run, "_LOT", 2)
    start = repository.commit({"include/hw/gong.h": header("bool"), "hw/bell.c": PLAIN})
    for number in range(8):
        repository.commit({"hw/bell.c": TWICE + f"/* {number} */\n" if number % 2 else PLAIN})
    real = history_run.perform
    done: list[str] = []

    def killed(deltas: Any, lot: Any) -> Any:
        if len(done) >= 4:
            raise KeyboardInterrupt
        done.extend(commit.id for _, commit in lot)
        return real(deltas, lot)

    monkeypatch.setattr(history_run, "perform", killed)
    ran = run("history", f"{start}..HEAD", "--tree", repository.top, "--jobs", "1")
    assert (ran.code, len(done)) == (130, 4)
    monkeypatch.setattr(history_run, "perform", real)
    again = noted(monkeypatch)
    document = repository.history(f"{start}..HEAD")
    assert not set(done) & set(again)
    assert len(done) + len(again) == 8
    assert sum(len(entry["introduced"]) for entry in document["changes"]) == 4


def test_processes_tell_the_same(repository: Repository) -> None:
    start = repository.commit({"include/hw/gong.h": header("bool"), "hw/bell.c": PLAIN})
    for number in range(30):
        repository.commit({"hw/bell.c": TWICE if number % 3 else PLAIN})
    one = repository.history(f"{start}..HEAD", "--no-cache")
    assert repository.history(f"{start}..HEAD", "--no-cache", "--jobs", "2") == one


def test_the_plot(repository: Repository, tmp_path: Path) -> None:
    start = repository.commit(
        {"include/hw/gong.h": header("bool"), "hw/bell.c": PLAIN, "VERSION": "9.1.50\n"}
    )
    repository.commit({"hw/bell.c": TWICE})
    repository.commit({"VERSION": "9.2.0\n"})
    repository.commit({"hw/bell.c": PLAIN, "VERSION": "9.2.50\n"})
    assert run("history", f"{start}..HEAD", "--tree", repository.top, "--output", tmp_path).code == 0
    text = (tmp_path / "history.svg").read_text()
    root = ElementTree.fromstring(text)
    words = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "9.2" in words
    assert any(word and word.startswith("errors") for word in words)
    assert "prefers-color-scheme: dark" in text
    assert (tmp_path / "history.json").exists()


def test_the_text(repository: Repository) -> None:
    start = repository.commit({"include/hw/gong.h": header("bool"), "hw/bell.c": PLAIN})
    repository.commit({"hw/bell.c": TWICE})
    ran = run("history", f"{start}..HEAD", "--tree", repository.top, "-v")
    assert re.search(r"^errors +0 +1 +0 +1$", ran.out, re.M), ran.out
    assert re.search(r"\+ hw/bell\.c:7 bell_start\(\): error-set-twice$", ran.out, re.M), ran.out
    assert run("history", f"{start}..HEAD", "--tree", repository.top, "-q").out == ""


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("HEAD",), 2, "must be a range A..B"),
        (("HEAD..HEAD",), 3, "no commits in this range"),
        (("nothing..HEAD",), 3, "unknown revision"),
        (("HEAD^..HEAD", "--all", "--every", "week"), 2, "--all looks at every commit"),
        (("HEAD^..HEAD", "--output", "x.txt"), 2, "neither a folder nor"),
        (("HEAD^..HEAD", "--output", "no/where.svg"), 2, "no such directory"),
        (("HEAD^..HEAD", "--every", "week", "--scheduler", "tcp://x:1"), 2, "cannot be combined"),
        (("side..HEAD",), 3, "not on the first-parent line"),
    ],
)
def test_wrong_use(repository: Repository, arguments: tuple[str, ...], code: int, words: str) -> None:
    git(repository.top, "checkout", "-q", "-b", "side")
    repository.commit(subject="on the side")
    git(repository.top, "checkout", "-q", "main")
    repository.commit()
    ran = run("history", *arguments, "--tree", repository.top)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err
    assert ran.err.count("\n") == 1
