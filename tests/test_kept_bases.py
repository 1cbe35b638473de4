# SPDX-License-Identifier: GPL-2.0-or-later
"""The commits that hold some blobs are looked for once for each state of the branches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from commandline import git

from qerrlint.engine.kept.kept_bases import KeptBases
from qerrlint.engine.store.cache_store import Store
from qerrlint.source.repository import Repository


def commit(top: Path, text: str) -> str:
    (top / "bell.c").write_text(text)
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", text)
    return git(top, "rev-parse", "HEAD").strip()


def test_an_answer_is_that_of_the_same_branches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = tmp_path / "tree"
    top.mkdir()
    git(top, "init", "-q", "-b", "main")
    first = commit(top, "one")
    blobs = {"bell.c": git(top, "rev-parse", "HEAD:bell.c").strip()}
    commit(top, "two")
    with Store(tmp_path) as store:
        assert KeptBases(top, store).commits_containing(blobs) == (first,)
        walked: list[str] = []
        walk = Repository.commits_containing

        def watched(self: Repository, *arguments: Any) -> tuple[str, ...]:
            walked.append("")
            return walk(self, *arguments)

        monkeypatch.setattr(Repository, "commits_containing", watched)
        assert KeptBases(top, store).commits_containing(blobs) == (first,)
        assert walked == []
        assert KeptBases(top, store).commits_containing({"bell.c": "0123456"}) == ()
        assert KeptBases(top, store).commits_containing({}) == ()
        last = commit(top, "one")
        del walked[:]
        assert KeptBases(top, store).commits_containing(blobs) == (last,)
        assert walked == [""]
