# SPDX-License-Identifier: GPL-2.0-or-later
"""The store in `check`: a warm run says what a cold one says, and analyses what has read something else."""

from __future__ import annotations

import itertools
import os
import pickle
import random
import re
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commandline import TREE, Ran, git, run

from qerrlint.engine import check_files, file_tasks
from qerrlint.engine.changes.file_facts import NARROW, NOWHERE, WIDE, packed_keys
from qerrlint.engine.changes.snapshot import Snapshot
from qerrlint.engine.changes.tree_blobs import TreeBlobs
from qerrlint.engine.changes.tree_changes import TreeChanges
from qerrlint.engine.kept.kept_outcomes import Health, KeptOutcomes, Made, Task
from qerrlint.engine.kept.kept_reads import bound
from qerrlint.engine.kept.kept_results import KeptResults
from qerrlint.engine.store import cache_store, kept_tables
from qerrlint.engine.store.cache_store import Entry, Store
from qerrlint.errors import InputError
from qerrlint.model.program import Program
from qerrlint.model.reads import Reads
from qerrlint.rules import loader, rule_file
from qerrlint.source import parsed_tables
from qerrlint.source.directory import DirectorySource
from qerrlint.source.empty import EmptySource
from qerrlint.source.open_tree import open_tree
from qerrlint.source.overlay import OverlaySource
from qerrlint.source.parsed_tables import ParsedTables
from qerrlint.source.source import C_SUFFIXES, git_blob_id
from qerrlint.source.toml import read_toml

BELL = "chardev/bell.c"
FLIPS = int(os.environ.get("QERRLINT_STORE_FLIPS", "25"))


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small tree of one's own, a cache of one's own, and no work too small for it."""
    monkeypatch.setattr(check_files, "ONE_PROCESS_BYTES", 0)
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path / "cache"))
    others = shutil.ignore_patterns("accel", "arm", "block", "core", "migration", "monitor", "timer", "util")
    shutil.copytree(TREE, tmp_path / "qemu", ignore=others)
    shutil.copytree(TREE / "include", tmp_path / "qemu/include", dirs_exist_ok=True)
    return tmp_path / "qemu"


@pytest.fixture
def analysed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are analysed and not taken from the cache."""
    seen: list[str] = []
    analyse = file_tasks._analysed

    def watched(state: file_tasks.State, task: Task) -> Made:
        seen.append(task.path)
        return analyse(state, task)

    monkeypatch.setattr(file_tasks, "_analysed", watched)
    return seen


def check(tree: Path, *arguments: str) -> Ran:
    return run("check", "--tree", tree, "--format", "json", "--jobs", "1", *arguments)


def test_a_warm_run_says_the_same_and_analyses_nothing(tree: Path, analysed: list[str]) -> None:
    cold = check(tree)
    count = len(analysed)
    assert count > 10
    assert check(tree) == cold
    assert len(analysed) == count
    assert check(tree, "--select", "int-as-bool").rules == {"int-as-bool"}, "what is shown is in no key"
    assert len(analysed) == count
    assert check(tree, "--no-cache") == cold
    assert len(analysed) == 2 * count


def test_the_results_of_a_revision_are_kept(tree: Path, analysed: list[str]) -> None:
    """A tree out of git's objects has no snapshot of files."""
    git(tree, "init", "-q")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "base")
    first = check(tree, "--rev", "HEAD")
    count = len(analysed)
    assert count > 10
    assert check(tree, "--rev", "HEAD") == first
    assert len(analysed) == count


def test_only_files_of_a_directory_have_stamps(tree: Path, tmp_path: Path) -> None:
    git(tree, "init", "-q")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "base")
    with Store(tmp_path / "cache") as store:
        assert TreeBlobs(open_tree(tree), store).directory == os.fspath(tree)
        assert TreeBlobs(open_tree(tree, "HEAD"), store).directory is None
        assert TreeBlobs(open_tree(tree), None).directory is None
        for kept in (store, None):
            assert set(TreeBlobs(open_tree(tree), kept).of(["gone.c", BELL])) == {BELL}


def test_a_file_that_was_just_written_has_no_stamp(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be written again within the time that file systems tell apart."""
    with Store(tree / "cache") as store:
        TreeBlobs(open_tree(tree), store).of([BELL])
        assert store.note(f"stamps of {tree}") is None
        later = time.time_ns() + 10**10
        monkeypatch.setattr(time, "time_ns", lambda: later)
        TreeBlobs(open_tree(tree), store).of([BELL])
        assert store.note(f"stamps of {tree}") is not None


@pytest.mark.parametrize(
    ("asked", "path", "wanted"),
    [
        (("signature", "peg_set"), "hw/lone.c", NARROW),
        (("mentioning", "peg_set"), "hw/lone.c", WIDE),
        (("containing", "peg_set"), "hw/lone.c", WIDE),
        (("signature", "peg_set"), "hw/peg.c", WIDE),
        (("signature", "peg_set"), "hw/odd.c", NOWHERE),
    ],
)
def test_what_bounds_the_reads_of_a_file(asked: tuple[str, ...], path: str, wanted: str) -> None:
    """Its own bytes and all headers, all C files as well, or nothing that has a digest."""
    files = {
        "hw/lone.c": b'#include "peg.h"\n',
        "hw/peg.c": b'#include "part.c"\n',
        "hw/odd.c": b'#include "odd.txt"\n',
        "hw/peg.h": b"",
        "hw/part.c": b"",
        "hw/odd.txt": b"",
    }
    program = Program(OverlaySource(EmptySource(), files))
    assert bound([asked], path, program.environment.files) == wanted


def test_what_has_read_what_changed_is_analysed_anew(tree: Path, analysed: list[str]) -> None:
    first = check(tree)

    def again() -> set[str]:
        analysed.clear()
        warm = check(tree)
        seen = set(analysed)
        assert warm == check(tree, "--no-cache")
        return seen

    def rewrite(path: str, change: Callable[[str], str]) -> None:
        (tree / path).write_text(change((tree / path).read_text()))

    rewrite(BELL, lambda text: text.replace("*errp", "chr->muted"))
    assert again() == {BELL}
    assert len(check(tree).findings) == len(first.findings) - 1
    rewrite("include/qapi/error.h", lambda text: "/* more */\n" + text)
    assert again() == {"include/qapi/error.h"}
    (tree / "VERSION").write_text("11.0.50\n")
    assert again() == set()
    # A header of a .c file's own.
    rewrite(BELL, lambda text: '#include "tones.c"\n' + text)
    (tree / "chardev/tones.c").write_text("enum { TONES = 3 };\n")
    assert again() == {BELL, "chardev/tones.c"}
    assert again() == set()
    (tree / "chardev/tones.c").write_text("bool bell_tone(Error **errp);\n")
    assert again() == {"chardev/tones.c"}


def test_a_function_of_a_work_tree_whose_old_text_is_in_git(tree: Path, analysed: list[str]) -> None:
    (tree / "chardev/tone.h").write_text("void tone_off(void *tone);\n")
    (tree / "chardev/tone.c").write_text('#include "tone.h"\nvoid tone_off(void *tone)\n{\n}\n')
    head = '#include "tone.h"\n#include "tone.c"\n'
    (tree / BELL).write_text(head + (tree / BELL).read_text())
    git(tree, "init", "-q", "-b", "main")
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "base")
    check(tree)
    for text in ("/* once */\n", "/* twice */\n"):
        analysed.clear()
        (tree / "chardev/tone.c").write_text((tree / "chardev/tone.c").read_text() + text)
        warm = check(tree)
        assert analysed == ["chardev/tone.c"]
        assert warm == check(tree, "--no-cache")


def test_what_git_knows_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int a;\n")
    store = Store(tmp_path / "store")
    plain = TreeBlobs(DirectorySource(tmp_path), store)
    digest = git_blob_id(b"int a;\n")
    assert plain.in_git(digest) is None
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "add", "a.c")
    assert plain.in_git(digest) is None  # git is not asked again
    blobs = TreeBlobs(DirectorySource(tmp_path), store)
    assert blobs.in_git(digest) == b"int a;\n"
    assert blobs.in_git(git_blob_id(b"int b;\n")) is None
    assert TreeBlobs(OverlaySource(EmptySource(), {}), store).in_git(digest) is None


def test_the_tables_of_the_program_are_parsed_once(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []

    def counted(data: bytes) -> object:
        parsed.append(data)
        return read_toml(data)

    def again(*arguments: str) -> int:
        parsed.clear()
        tables = ParsedTables()
        monkeypatch.setattr(rule_file, "BUNDLED", tables)
        monkeypatch.setattr(kept_tables, "BUNDLED", tables)
        for kept in (loader._bundled, loader.bundled_rules, rule_file.parse_rule):
            kept.cache_clear()
        check(tree, *arguments)
        return len(parsed)

    monkeypatch.setattr(parsed_tables, "read_toml", counted)
    every = again("--no-cache")
    assert every == len(loader.load_rules())
    assert again() == every
    assert again() == 0
    assert again("--no-cache") == every


def test_rules_and_reach_are_in_the_key(tree: Path, analysed: list[str], tmp_path: Path) -> None:
    check(tree)
    count = len(analysed)
    folder = tmp_path / "rules"
    folder.mkdir()
    rule = (Path(__file__).parent.parent / "rules" / "int-as-bool.md").read_text()
    (folder / "own-rule.md").write_text(rule.replace('id = "int-as-bool"', 'id = "own-rule"'))
    assert "own-rule" in check(tree, "--rules", str(folder)).rules
    assert len(analysed) == 2 * count
    for _ in range(2):
        check(tree, "--reach", "tree")
    assert len(analysed) == 4 * count, "the whole tree in reach: nothing is kept"


def test_a_damaged_cache_is_no_cache(tree: Path, tmp_path: Path) -> None:
    cold = check(tree)
    file = next((tmp_path / "cache").glob("*.sqlite"))
    for data in (b"no database at all" * 100, b""):
        for left in (tmp_path / "cache").iterdir():
            left.unlink()
        file.write_bytes(data)
        ran = check(tree)
        assert (ran.code, ran.out) == (cold.code, cold.out)
        assert ran.err.count("not used as a cache") == (1 if data else 0)
        assert ran.err.count("\n") == ran.err.count("not used as a cache")


def test_a_cache_that_cannot_be_made_or_is_locked(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = check(tree)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path / "file" / "below"))
    ran = check(tree)
    assert (ran.code, ran.out, ran.err.count("\n")) == (cold.code, cold.out, 1)
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path / "cache"))
    file = next((tmp_path / "cache").glob("*.sqlite"))
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    (tree / BELL).write_text((tree / BELL).read_text() + "\n")
    ran = check(tree)
    assert ran.code == cold.code
    assert "not used as a cache: database is locked" in ran.err
    other.close()


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch evil",)


def test_a_foreign_entry_runs_nothing(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cold = check(tree)
    file = next((tmp_path / "cache").glob("*.sqlite"))
    for data in (pickle.dumps(Evil()), pickle.dumps("text"), b"rubbish"):
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE results SET result = ?", (data,))
        connection.close()
        assert check(tree) == cold
    assert not (tmp_path / "evil").exists()


def test_info_and_clear(tree: Path, tmp_path: Path) -> None:
    assert ": 0 results, 0.0 MB" in run("cache", "info").out
    assert not (tmp_path / "cache").exists()
    check(tree)
    files = len([p for p in DirectorySource(tree).paths() if p.endswith(C_SUFFIXES)])
    found = re.search(r": (\d+) results, ", run("cache", "info").out)
    assert found is not None
    assert int(found[1]) >= files
    assert run("cache", "clear").code == 0
    assert ": 0 results, " in run("cache", "info").out
    assert run("cache", "clear").code == 0


def entry(subject: str, scene: str = "s", result: bytes = b"result", reads: bytes = b"reads") -> Entry:
    return Entry(subject, scene, reads, result)


def test_the_store_forgets_what_was_not_used_for_the_longest_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = itertools.count(1)
    monkeypatch.setattr("time.time", lambda: next(days) * 86_400.0)
    monkeypatch.setattr(cache_store, "_LARGEST", 100 * 1024)
    big = os.urandom(2048)
    with Store(tmp_path) as store:
        store.add([entry(f"old {number}", result=big) for number in range(20)])
        assert store.exact(["old 3", "absent"], ["s", "t"]) == {"old 3": entry("old 3", result=big)}
        assert store.exact([], ["s"]) == {}
        assert store.exact(["old 3"], ["t"]) == {}
    with Store(tmp_path) as store:
        store.exact(["old 3"], ["s"])
    for number in range(100):
        with Store(tmp_path) as store:
            store.add([entry(f"new {number}", result=big)])
            assert store._size() <= 100 * 1024
            if number == 10:
                used = store.exact([f"old {number}" for number in range(20)], ["s"])
                assert "old 3" in used
    with Store(tmp_path) as store:
        left = store.exact([f"new {number}" for number in range(100)], ["s"])
        assert "new 99" in left
        assert len(left) > 15, "no more is dropped than has to be"
        assert "new 0" not in left


def test_candidates_of_other_scenes(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add([entry("a", scene=str(number), reads=str(number % 3).encode()) for number in range(9)])
        found = store.candidates(["a", "b"])
        assert [candidate.scene for candidate in found["a"]] == ["8", "7", "6"]
        assert "b" not in found
        store.add([entry("a", scene="9")], instead=[("a", "8")])
        assert store.exact(["a"], ["8"]) == {}


@pytest.mark.parametrize("column", ["subject", "scene", "reads", "result", "sum"])
def test_a_flipped_bit_is_no_result(tmp_path: Path, column: str) -> None:
    good = entry("a" * 8, "s" * 8)
    with Store(tmp_path) as store:
        store.add([good])
        store.add_note("note", b"text")
    with sqlite3.connect(store.file) as connection:
        (value,) = connection.execute(f"SELECT {column} FROM results").fetchone()
        text = value.encode() if isinstance(value, str) else value
        flipped: str | bytes = bytes((text[0] ^ 1, *text[1:]))
        flipped = flipped.decode() if isinstance(value, str) and isinstance(flipped, bytes) else flipped
        connection.execute(f"UPDATE results SET {column} = ?", (flipped,))
        connection.execute("UPDATE notes SET text = ?", (b"tExt",))
    connection.close()
    with Store(tmp_path) as store:
        subjects = [good.subject, flipped] if isinstance(flipped, str) else [good.subject]
        assert store.exact(subjects, ["s" * 8, str(flipped)]) == {}
        assert store.candidates(subjects) == {}
        assert store.note("note") is None
    with Store(tmp_path) as store:
        assert store.contents().results == (0 if column != "subject" else store.contents().results)


def test_single_bit_flips_of_the_file_change_no_finding(tree: Path, tmp_path: Path) -> None:
    """In a sample of the bytes (QERRLINT_STORE_FLIPS of them); a file that SQLite refuses is told of, and the
    run goes on."""
    cold = check(tree)
    file = next((tmp_path / "cache").glob("*.sqlite"))
    data = file.read_bytes()
    for place in random.Random(3).sample(range(len(data) * 8), FLIPS):
        for left in (tmp_path / "cache").iterdir():
            left.unlink()
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        file.write_bytes(flipped)
        ran = check(tree)
        assert (ran.code, ran.out) == (cold.code, cold.out), place
        assert ran.err == "" or "not used as a cache" in ran.err


def test_verify_store(tree: Path, tmp_path: Path) -> None:
    cold = check(tree)
    assert check(tree, "--verify-store") == cold
    lie(tmp_path / "cache")
    assert check(tree).out != cold.out
    ran = check(tree, "--verify-store")
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
    assert "the store has another result (1 file in all)" in ran.err


def lie(folder: Path) -> None:
    """Let a store say that there is nothing in one of the files of a tree."""
    with Store(folder) as store:
        rows = store._run("SELECT subject FROM results WHERE subject NOT LIKE 'tree %'", ())
        entries = store.exact([subject for (subject,) in rows], store_scenes(store))
        told = next(e for e in entries.values() if b"bell" in e.result)
        store.add([told._replace(result=pickle.dumps(file_tasks._nothing(None), 4))])  # type: ignore[arg-type]
        # Without the state of the tree, which has the same outcome.
        store._change(("DELETE FROM results WHERE subject LIKE 'tree %'", [()]))


def store_scenes(store: Store) -> list[str]:
    return [scene for (scene,) in store._run("SELECT DISTINCT scene FROM results", ())]


def test_what_is_read_is_what_is_hashed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit while the run goes on, undone afterwards, leaves no wrong result behind."""
    bell = tree / BELL
    header = tree / "include/qapi/error.h"
    before = bell.read_text(), header.read_text()
    looked_up = KeptOutcomes

    def edited(*arguments: Any) -> Any:
        kept = looked_up(*arguments)
        bell.write_text("/* nothing */\n")
        header.write_text("/* nothing */\n")
        return kept

    with monkeypatch.context() as patched:
        patched.setattr(check_files, "KeptOutcomes", edited)
        check(tree)
    bell.write_text(before[0])
    header.write_text(before[1])
    assert check(tree) == check(tree, "--no-cache")


def test_the_health_of_a_run_is_no_part_of_the_key_and_kept(tree: Path, analysed: list[str]) -> None:
    check(tree)
    count = len(analysed)
    first = check(tree, "-v")
    assert "damaged" in str(first.document["notices"])
    assert len(analysed) == 2 * count
    assert check(tree, "-v") == first
    assert len(analysed) == 2 * count


def test_the_health_of_no_file_counts_nothing() -> None:
    assert sum([Health(4, 3, 2, 1), Health(1, 1, 1, 1)], Health()) == Health(5, 4, 3, 2)


def test_small_work_does_not_touch_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path / "cache"))
    check(TREE)
    assert not (tmp_path / "cache").exists()


def test_a_message_that_quotes_damaged_bytes_is_no_error_of_the_program(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.note("anything")
    store.close()
    data = store.file.read_bytes()
    assert b"CREATE TABLE" in data
    store.file.write_bytes(data.replace(b"CREATE TABLE", b"CREATE T\xacBLE"))
    damaged = Store(tmp_path)
    assert damaged.note("anything") is None
    assert damaged.trouble is not None
    damaged.close()


def test_a_file_with_the_times_of_before_is_not_read(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later = time.time_ns() + 10**10
    monkeypatch.setattr(time, "time_ns", lambda: later)
    with Store(tree / "cache") as store:
        first = TreeBlobs(open_tree(tree), store).of([BELL])
        monkeypatch.setattr(DirectorySource, "read", lambda self, path: pytest.fail(f"{path} is read"))
        assert (
            TreeBlobs(open_tree(tree), store).of([BELL])
            == first
            == {BELL: git_blob_id((tree / BELL).read_bytes())}
        )


def test_a_file_that_is_gone_when_its_text_is_asked_for_was_changed(tree: Path) -> None:
    blobs = TreeBlobs(open_tree(tree), None)
    blobs.of([BELL])
    (tree / BELL).unlink()
    with pytest.raises(InputError, match=f"{BELL} was changed while it was read"):
        blobs.text(BELL)


def test_of_several_results_the_one_with_the_same_answers_is_found(tmp_path: Path) -> None:
    def result_of(answer: str, scene: str) -> None:
        kept = KeptResults(store, "p", scene)
        reads = Reads()
        reads.answers["defining_path", "peg_set"] = answer
        kept.keep(("peg",), [answer], [reads])
        kept.write()

    program = Program(
        OverlaySource(EmptySource(), {"hw/peg.c": b"int peg_set(int n)\n{\n    return n;\n}\n"})
    )
    program.at_hand = ("hw/peg.c",)
    with Store(tmp_path) as store:
        result_of("hw/peg.c", "older")
        result_of("hw/dowel.c", "newer")
        assert KeptResults(store, "p", "now").find(("peg",), [program]) == ["hw/peg.c"]


def test_a_result_that_may_have_asked_for_anything_is_not_kept(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        for question, kept in ((("tree",), False), (("mentioning", "peg_set"), True)):
            reads = Reads()
            reads.answers[question] = None
            results = KeptResults(store, "p", "scene")
            results.keep((question[0],), ["result"], [reads])
            results.write()
            assert (results.exact((question[0],)) is not None) == kept


def test_a_snapshot_of_the_same_scene_has_no_changes_and_is_written_once(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tree / "cache") as store:
        blobs = TreeBlobs(open_tree(tree), store)
        made = Snapshot(store, "p", blobs, "scene", pickle.loads)
        made.put(BELL, "digest", ["outcome"], b"")
        made.write()
        again = Snapshot(store, "p", blobs, "scene", pickle.loads)
        assert again.changes is None
        assert list(again.outcomes({BELL: "digest"})) == [(BELL, ["outcome"])]
        monkeypatch.setattr(Store, "add", lambda *arguments: pytest.fail("written again"))
        made.write()


def test_what_a_changed_schema_may_concern_is_made_anew(tree: Path) -> None:
    (tree / "qapi").mkdir(exist_ok=True)
    scenes = []
    for text in (
        "{ 'enum': 'BellTone', 'data': [ 'low' ] }\n",
        "{ 'enum': 'BellTone', 'data': [ 'high' ] }\n",
    ):
        (tree / "qapi/bell.json").write_text(text)
        scenes.append(TreeBlobs(open_tree(tree), None).scenes()[0])
    assert scenes[0] != scenes[1]


def test_a_result_that_nothing_concerns_is_exact_for_the_new_scene(tmp_path: Path) -> None:
    changes = TreeChanges("old", {}, {}, lambda path: None, lambda path: None)
    program = Program(OverlaySource(EmptySource(), {}))
    with Store(tmp_path) as store:
        kept = KeptResults(store, "p", "old")
        kept.keep(("peg",), ["result"], [Reads()], [packed_keys([], {}, {})])
        kept.write()
        moved = KeptResults(store, "p", "new", moved=("old", changes))
        assert moved.find(("peg",), [program]) == ["result"]
        moved.write()
        assert KeptResults(store, "p", "new").exact(("peg",)) == ["result"]
