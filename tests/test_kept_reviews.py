# SPDX-License-Identifier: GPL-2.0-or-later
"""A review of the same change on the same commit with the same settings is made once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from commandline import DEMO, TREE, Ran, git, run

from qerrlint.engine.store import cache_key
from qerrlint.engine.store.cache_store import Entry, Store
from qerrlint.review import merge_review
from qerrlint.review.series import series_review
from qerrlint.source import git_tree

JSON = ("--format", "json", "--status", "introduced,fixed,persisting", "--min-confidence", "low")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return made(tmp_path / "tree")


def made(top: Path) -> Path:
    """The tree of the fixtures, with two commits."""
    shutil.copytree(TREE, top)
    git(top, "init", "-q", "-b", "main")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "base")
    git(top, "checkout", "-q", "-b", "reviewed")
    git(top, "apply", os.fspath(DEMO))
    git(top, "commit", "-q", "-a", "-m", "series")
    git(top, "checkout", "-q", "main")
    return top


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a store of its own."""
    monkeypatch.setenv("QERRLINT_CACHE_DIR", os.fspath(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with such a tree, and with a store that has the review of the series, of which a test takes a
    copy."""
    folder = tmp_path_factory.mktemp("reviewed")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("QERRLINT_CACHE_DIR", os.fspath(folder / "cache"))
        patch(made(folder / "tree"))
    return folder


def counted(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> list[str]:
    """What a call of a function of a module adds to."""
    calls: list[str] = []
    own: Callable[..., object] = getattr(module, name)

    def call(*arguments: object, **named: object) -> object:
        calls.append(name)
        return own(*arguments, **named)

    monkeypatch.setattr(module, name, call)
    return calls


def patch(repository: Path, *options: str) -> Ran:
    return run("patch", DEMO, "--tree", repository, "--base", "main", *JSON, *options)


def test_a_series_is_reviewed_once(repository: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = patch(repository, "--no-cache")
    assert alone.findings
    calls = counted(monkeypatch, series_review, "review_series")
    assert patch(repository) == alone
    assert calls
    del calls[:]
    assert patch(repository) == alone
    assert not calls
    assert patch(repository, "--verify-store") == alone
    assert calls


@pytest.mark.parametrize(
    "command", [("diff", "reviewed^!"), ("patch", DEMO, "--base", "main")], ids=lambda c: c[0]
)
def test_for_what_is_stored_git_lists_no_tree(
    reviewed: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str | Path, ...]
) -> None:
    monkeypatch.setenv("QERRLINT_CACHE_DIR", os.fspath(reviewed / "cache"))
    first = run(*command, "--tree", reviewed / "tree", *JSON)
    listed = counted(monkeypatch, git_tree.GitSource, "_list")
    assert run(*command, "--tree", reviewed / "tree", *JSON) == first
    assert not listed


def test_patches_are_shown_from_the_store(repository: Path, store: Path) -> None:
    """Their texts are not in it."""
    alone = patch(repository, "--no-cache", "--format", f"html:{store}.html")
    kept = [patch(repository, "--format", f"html:{store}-{n}.html") for n in range(2)]
    assert kept == [alone, alone]
    page = Path(f"{store}.html").read_bytes()
    assert all(Path(f"{store}-{n}.html").read_bytes() == page for n in range(2))


@pytest.mark.parametrize(
    "options",
    [
        ("--ignore", "error-*"),
        ("--base", "reviewed"),
        ("--reach", "tree"),
        ("--max-caller-files", "0"),
        ("--onto", os.fspath(DEMO)),
    ],
    ids=lambda options: str(options[0]),
)
def test_other_settings_are_another_review(
    reviewed: Path, store: Path, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = reviewed / "tree"
    shutil.copytree(reviewed / "cache", store)
    calls = counted(monkeypatch, series_review, "review_series")
    patch(repository)
    assert not calls
    kept = patch(repository, *options)
    assert calls
    assert kept == patch(repository, "--no-cache", *options)


def test_other_mails_are_another_review(
    reviewed: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(reviewed / "cache", store)
    other = tmp_path / "series.mbox"
    other.write_bytes(DEMO.read_bytes().replace(b"Subject: [PATCH", b"Subject: [PATCH v2"))
    calls = counted(monkeypatch, series_review, "review_series")
    run("patch", other, "--tree", reviewed / "tree", "--base", "main", *JSON)
    assert calls


def test_a_range_is_reviewed_once(repository: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def diff(*options: str) -> Ran:
        return run("diff", "main..reviewed", "--tree", repository, *JSON, *options)

    alone = diff("--no-cache")
    assert alone.findings
    assert diff() == alone
    calls = counted(monkeypatch, merge_review, "review_merge")
    assert diff() == alone
    assert not calls
    assert diff("--verify-store") == alone
    assert calls


def test_a_deeper_clone_is_another_review(
    repository: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shallow clone does not know all commits, so what is found in it may not hold in a deeper one."""
    git(repository, "commit", "-q", "--allow-empty", "-m", "second")
    git(repository, "cherry-pick", "reviewed")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth", "2", f"file://{repository}", os.fspath(clone))

    def diff() -> Ran:
        return run("diff", "HEAD^!", "--tree", clone, *JSON)

    calls = counted(monkeypatch, merge_review, "review_merge")
    shallow = diff()
    assert diff() == shallow
    assert len(calls) == 1
    git(clone, "fetch", "-q", "--unshallow", "origin")
    assert diff() == shallow
    assert len(calls) == 2


def test_the_program_is_looked_over_once(
    repository: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A review asks for a key of the program for itself, for its parts and for the base."""
    cache_key._digest_of_stamps.cache_clear()
    calls = counted(monkeypatch, cache_key, "_installed")
    run("patch", DEMO, "--tree", repository, *JSON)
    keys = len(calls) // len(cache_key._GRAMMAR)
    looked_over = cache_key._digest_of_stamps.cache_info()
    assert keys > 1
    assert looked_over.hits == (keys - 1) * looked_over.misses


def test_what_is_no_commit_is_reviewed_each_time(
    repository: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files may change without any name for that."""
    calls = counted(monkeypatch, merge_review, "review_merge")
    for _ in range(2):
        run("diff", "reviewed", "--tree", repository, *JSON)
    assert len(calls) == 2


def test_another_result_in_the_store_is_told(
    repository: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qerrlint.review.store.kept_reviews.without_diffs", _emptied)
    patch(repository)
    monkeypatch.undo()
    monkeypatch.setenv("QERRLINT_CACHE_DIR", os.fspath(store))
    ran = patch(repository, "--verify-store")
    assert ran.code == 3
    assert "the store has another result of the whole review" in ran.err


def _emptied(result: object) -> object:
    from dataclasses import replace

    from qerrlint.result import Result

    assert isinstance(result, Result)
    return replace(result, findings=(), patches=tuple(replace(one, diff=()) for one in result.patches))


def test_bytes_that_are_no_result_are_as_good_as_none(
    repository: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = patch(repository, "--no-cache")
    own = Store.exact

    def spoiled(self: Store, *arguments: object) -> dict[str, Entry]:
        found = own(self, *arguments)  # type: ignore[arg-type]
        return {
            name: entry._replace(result=b"junk") if entry.scene == "review" else entry
            for name, entry in found.items()
        }

    assert patch(repository) == alone
    monkeypatch.setattr(Store, "exact", spoiled)
    assert patch(repository) == alone
