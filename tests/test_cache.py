# SPDX-License-Identifier: GPL-2.0-or-later
"""The cache: a warm run says what a cold one says, a key changes with all that a result is made from."""

from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from commandline import TREE, Ran, run

from qerrlint.engine import check_files
from qerrlint.engine.cache_key import _odd_includes
from qerrlint.engine.cache_store import Store
from qerrlint.engine.result_cache import FileOutcome
from qerrlint.source.directory import DirectorySource
from qerrlint.source.source import C_SUFFIXES

BELL = "chardev/bell.c"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of one's own, a cache of one's own, and no work too small for it."""
    monkeypatch.setattr(check_files, "ONE_PROCESS_BYTES", 0)
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path / "cache"))
    shutil.copytree(TREE, tmp_path / "qemu")
    return tmp_path / "qemu"


@pytest.fixture
def analysed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are analysed and not taken from the cache."""
    seen: list[str] = []
    one_file = check_files._one_file

    def watched(state: check_files._State, path: str) -> FileOutcome:
        seen.append(path)
        return one_file(state, path)

    monkeypatch.setattr(check_files, "_one_file", watched)
    return seen


def check(tree: Path, *arguments: str) -> Ran:
    return run("check", "--tree", tree, "--format", "json", "--jobs", "1", *arguments)


def test_a_warm_run_says_the_same_and_analyses_nothing(tree: Path, analysed: list[str]) -> None:
    cold = check(tree)
    count = len(analysed)
    assert count > 20
    assert check(tree) == cold
    assert len(analysed) == count
    assert check(tree, "--select", "int-as-bool").rules == {"int-as-bool"}, "what is shown is in no key"
    assert len(analysed) == count
    assert check(tree, "--no-cache") == cold
    assert len(analysed) == 2 * count


def test_what_changes_is_analysed_anew(tree: Path, analysed: list[str], tmp_path: Path) -> None:
    first = check(tree)
    everything = set(analysed)

    def again() -> set[str]:
        analysed.clear()
        assert check(tree).document["findings"] == check(tree, "--no-cache").document["findings"]
        del analysed[-len(everything) :]
        return set(analysed)

    (tree / BELL).write_text((tree / BELL).read_text().replace("*errp", "chr->muted"))
    assert again() == {BELL}
    assert len(check(tree).findings) == len(first.findings) - 1
    header = tree / "include/qapi/error.h"
    header.write_text(header.read_text() + "/* more */\n")
    assert again() == everything
    (tree / "VERSION").write_text("11.0.50\n")
    assert again() == set()
    # A header that includes a .c file makes that one part of every key.
    (tree / "chardev/tones.c").write_text("enum { TONES = 3 };\n")
    header.write_text(header.read_text() + '#include "chardev/tones.c"\n')
    everything.add("chardev/tones.c")
    assert again() == everything
    (tree / "chardev/tones.c").write_text("enum { TONES = 4 };\n")
    assert again() == everything


def test_a_file_that_includes_code_is_not_kept(tree: Path, analysed: list[str]) -> None:
    (tree / BELL).write_text('#include "gong.c"\n' + (tree / BELL).read_text())
    check(tree)
    analysed.clear()
    check(tree)
    assert analysed == [BELL]


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


class Recording(DirectorySource):
    """Remembers every file that somebody reads or asks for."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked: set[str] = set()

    def read(self, path: str) -> bytes | None:
        self.asked.add(path)
        return super().read(path)

    def read_many(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        wanted = list(paths)
        self.asked.update(wanted)
        return super().read_many(wanted)

    def blob_id(self, path: str) -> str | None:
        self.asked.add(path)
        return super().blob_id(path)

    def containing(self, words: Sequence[str]) -> list[str]:
        raise AssertionError("a result that asks the whole tree has no key")


@pytest.mark.parametrize("root", [TREE, os.environ.get("QERRLINT_QEMU_TREE")], ids=["fixture", "QEMU"])
def test_a_result_is_made_from_what_its_key_is_made_from(root: Path | str | None) -> None:
    """The promise that the keys rest on: of .c files only the one under analysis is read."""
    if root is None:
        pytest.skip("QERRLINT_QEMU_TREE is not set")
    source = Recording(Path(root))
    paths = [path for path in check_files.core_files(source) if path.endswith(".c")]
    texts = dict(source.read_many(check_files.core_files(source)))
    shared = {name for path, data in texts.items() if not path.endswith(".c") for name in _odd_includes(data)}
    paths = [path for path in paths if not _odd_includes(texts[path])]
    for path in paths[:: max(1, len(paths) // 60)]:
        state = check_files._make_state(source, "headers", (), False)
        source.asked.clear()
        check_files._one_file(state, path)
        odd = {asked for asked in source.asked - {path} if not asked.endswith((".h", ".inc", ".json"))}
        assert {asked.rpartition("/")[2] for asked in odd} <= shared


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
    assert f": {files} results, " in run("cache", "info").out
    assert run("cache", "clear").code == 0
    assert ": 0 results, " in run("cache", "info").out
    assert run("cache", "clear").code == 0


def test_the_store_keeps_what_it_has_and_forgets_the_oldest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path) as store:
        store.put({"a": b"1", "b": b"2"})
        store.put({"a": b"3"})
        assert store.get(["a", "b", "c"]) == {"a": b"1", "b": b"2"}
        assert store.get([]) == {}
        monkeypatch.setattr("qerrlint.engine.cache_store._LARGEST", 1)
        store.put({"d": b"4", "e": b"5"})
        left = store.get("abcde")
        assert "a" not in left
        assert left["e"] == b"5"


def test_small_work_does_not_touch_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path / "cache"))
    check(TREE)
    assert not (tmp_path / "cache").exists()
