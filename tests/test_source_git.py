# SPDX-License-Identifier: GPL-2.0-or-later
"""Sources and questions that git answers, against small repositories made here."""

from __future__ import annotations

import os
import pickle
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from qerrlint.errors import InputError
from qerrlint.source.git_tree import GitSource, StagedSource
from qerrlint.source.gitprocess import Git
from qerrlint.source.open_tree import open_tree
from qerrlint.source.overlay import OverlaySource
from qerrlint.source.repository import PathChange, Repository

ENV = {
    **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
    "GIT_AUTHOR_NAME": "Ada Fenwick",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada Fenwick",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


class Repo:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = 1_700_000_000
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "master")

    def git(self, *words: str) -> str:
        self.clock += 60
        date = {"GIT_AUTHOR_DATE": f"{self.clock} +0000", "GIT_COMMITTER_DATE": f"{self.clock} +0000"}
        done = subprocess.run(
            ("git", "-C", str(self.path), *words),
            env={**ENV, **date},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, files: dict[str, str | None], message: str = "change") -> str:
        for name, text in files.items():
            target = self.path / name
            if text is None:
                target.unlink()
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def no_config(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "repo")
    made.commit({"a.c": "one\n", "dir/b c.c": "two\n", "VERSION": "1\n"})
    return made


def test_git_is_asked_for_a_commit_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a commit's id names is known as soon as git has given it; what a branch names may change."""
    repo = Repo(tmp_path / "r")
    first = repo.commit({"a.c": "int a;\n"})
    second = repo.commit({"a.c": "int b;\n"})
    repository = Repository(repo.path)
    assert [repository.resolve(rev) for rev in ("master", "master^")] == [second, first]
    asked = asked_of_git(monkeypatch)
    with GitSource(repository.location, second) as source:
        assert source.revision == second
    assert repository.changed_paths(first, second) == (PathChange("M", "a.c", "a.c"),)
    assert [words[0] for words in asked] == ["diff-tree"]
    third = repo.commit({"a.c": "int c;\n"})
    assert repository.resolve("master") == third


def asked_of_git(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The commands that git is given from now on."""
    asked: list[Sequence[str]] = []
    own = Git.try_run

    def noted(self: Git, arguments: Sequence[str], *, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
        asked.append(arguments)
        return own(self, arguments, stdin=stdin)

    monkeypatch.setattr(Git, "try_run", noted)
    return asked


def test_a_few_paths_are_asked_for_without_a_list_of_all(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    os.symlink("a.c", repo.path / "link.c")
    repo.commit({"e.c": "five\n"})
    with open_tree(repo.path, "HEAD") as source, open_tree(repo.path, "HEAD") as listed:
        assert len(listed.paths()) == 4
        asked = asked_of_git(monkeypatch)
        assert source.present(("a.c", "dir", "link.c")) == ["a.c"]
        assert len(asked) == 1
        assert (source.read("a.c"), source.exists("dir"), source.read("link.c")) == (b"one\n", False, None)
        assert len(asked) == 1
        assert (source.read("none.c"), source.exists("dir/b c.c")) == (None, True)
        assert not any("-r" in words for words in asked)
        # A list is quicker from here on, and says the same.
        assert source.exists("e.c")
        assert [words for words in asked if "-r" in words] == [asked[-1]]
        for path in ("a.c", "dir", "link.c", "none.c", "dir/b c.c", "VERSION", "", "dir/", "a.c/"):
            assert source.exists(path) == listed.exists(path), path
            assert source.read(path) == listed.read(path), path
        assert source.paths() == listed.paths()


@pytest.mark.parametrize("path", ["", "dir/", "./a.c", "a.c/", "../repo/a.c", "*.c", "a\0.c"])
def test_a_path_is_asked_for_as_it_is_listed(repo: Repo, path: str) -> None:
    with open_tree(repo.path, "HEAD") as source, open_tree(repo.path, "HEAD") as listed:
        assert listed.paths()
        assert source.exists(path) == listed.exists(path)
        assert source.read(path) == listed.read(path)


def test_tree_at_a_revision_ignores_the_work_tree(repo: Repo) -> None:
    first = repo.git("rev-parse", "HEAD")
    repo.commit({"a.c": "ONE\n"})
    (repo.path / "a.c").write_text("scribble\n")
    with open_tree(repo.path, "HEAD~1") as source:
        assert source.revision == first
        assert source.paths() == ("VERSION", "a.c", "dir/b c.c")
        assert source.read("a.c") == b"one\n"
        assert source.read("dir") is None
        assert source.blob_id("a.c") == repo.git("rev-parse", "HEAD~1:a.c")
        assert dict(source.read_many(source.paths()))["dir/b c.c"] == b"two\n"
    with open_tree(repo.path) as plain:
        assert plain.read("a.c") == b"scribble\n"


def test_links_and_submodules_are_no_files(repo: Repo) -> None:
    os.symlink("a.c", repo.path / "link.c")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{repo.git('rev-parse', 'HEAD')},sub")
    repo.git("add", "link.c")
    repo.git("commit", "-qm", "odd entries")
    for source in (GitSource(repo.path), StagedSource(repo.path)):
        with source:
            assert source.paths() == ("VERSION", "a.c", "dir/b c.c")
            assert source.read("link.c") is None


def test_bare_git_dir_and_linked_work_tree(repo: Repo, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    repo.git("clone", "-q", "--bare", str(repo.path), str(bare))
    linked = tmp_path / "linked"
    repo.git("worktree", "add", "-q", str(linked), "HEAD")
    for place in (bare, repo.path / ".git", linked):
        with open_tree(place, None if place != linked else "HEAD") as source:
            assert isinstance(source, GitSource)
            assert source.read("a.c") == b"one\n"
    with pytest.raises(InputError, match="no index"):
        StagedSource(bare)


def test_many_large_blobs_do_not_block(repo: Repo) -> None:
    files: dict[str, str | None] = {f"f{i}.c": f"{i}" * 50_000 for i in range(200)}
    repo.commit(files)
    with GitSource(repo.path) as source:
        got = {path: data for path, data in source.read_many(source.paths()) if path.startswith("f")}
        assert {path: data.decode() for path, data in got.items()} == files
        stopped = source.read_many(source.paths())
        next(stopped)  # a caller that stops early leaves the next answers in order
        assert source.read("a.c") == b"one\n"


def test_source_survives_pickling_and_closing(repo: Repo) -> None:
    source = GitSource(repo.path)
    assert source.read("a.c") == b"one\n"
    again = pickle.loads(pickle.dumps(source))
    assert again.read("a.c") == b"one\n"
    source.close()
    assert source.read("a.c") == b"one\n"
    source.close()
    again.close()


def test_staged(repo: Repo) -> None:
    (repo.path / "a.c").write_text("staged\n")
    repo.git("add", "a.c")
    (repo.path / "a.c").write_text("not staged\n")
    (repo.path / "new.c").write_text("untracked\n")
    with StagedSource(repo.path) as source:
        assert source.read("a.c") == b"staged\n"
        assert source.read("new.c") is None
        assert source.unmerged == ()
        assert source.revision is None


def test_staged_uses_the_index_of_a_running_hook(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo.path / "a.c").write_text("for the hook\n")
    index = repo.path / ".git" / "next-index"
    subprocess.run(
        ("git", "-C", str(repo.path), "add", "a.c"), env={**ENV, "GIT_INDEX_FILE": str(index)}, check=True
    )
    monkeypatch.chdir(repo.path)
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/next-index")
    with StagedSource(repo.path) as source:
        assert source.read("a.c") == b"for the hook\n"
    other = Repo(repo.path.parent / "other")
    other.commit({"x.c": "x\n"})
    with StagedSource(other.path) as source:
        assert source.paths() == ("x.c",)


def test_unmerged_paths_are_reported(repo: Repo) -> None:
    repo.git("branch", "side")
    repo.commit({"a.c": "ours\n"})
    repo.git("checkout", "-q", "side")
    repo.commit({"a.c": "theirs\n"})
    with pytest.raises(subprocess.CalledProcessError):
        repo.git("merge", "-q", "master")
    with StagedSource(repo.path) as source:
        assert source.paths() == ("VERSION", "dir/b c.c")
        assert source.unmerged == ("a.c",)


def test_clear_errors(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="unknown revision: nowhere"):
        open_tree(repo.path, "nowhere")
    with pytest.raises(InputError, match="not a revision: '--all'"):
        open_tree(repo.path, "--all")
    with pytest.raises(InputError, match="unknown revision"):
        open_tree(repo.path, "HEAD:a.c")
    with pytest.raises(InputError, match="not the top of a git repository"):
        open_tree(repo.path / "dir", "HEAD")
    monkeypatch.setenv("PATH", str(repo.path))
    with pytest.raises(InputError, match="git cannot be started"):
        open_tree(repo.path, "HEAD")


def test_somebody_elses_repository(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(InputError, match="somebody else owns it"):
        Repository(repo.path)


def test_nothing_of_the_configuration_is_run_and_nothing_is_written(repo: Repo, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    for key in ("core.fsmonitor", "diff.external", "gpg.program", "core.pager"):
        repo.git("config", key, f"touch {trap}; false")
    repo.git("config", "log.showSignature", "true")
    repo.git("config", "filter.t.clean", f"touch {trap}; cat")
    repo.git("config", "diff.t.textconv", f"touch {trap}; cat")
    (repo.path / ".git" / "info" / "attributes").write_text("* filter=t diff=t\n")
    (repo.path / "a.c").write_text("touched\n")

    def state() -> dict[str, tuple[int, bytes]]:
        files = (path for path in repo.path.rglob("*") if path.is_file())
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    before = state()
    there = Repository(repo.path)
    assert there.changed_in_worktree() == (PathChange("M", "a.c", "a.c"),)
    assert there.changed_in_index() == ()
    there.commits_containing({"a.c": repo.git("rev-parse", "HEAD:a.c")})
    with StagedSource(repo.path) as staged, GitSource(repo.path) as tree:
        assert staged.read("a.c") == tree.read("a.c") == b"one\n"
    assert state() == before
    assert not trap.exists()


def test_commits(repo: Repo) -> None:
    first = repo.git("rev-parse", "HEAD")
    text = "".join(f"line {i}\n" for i in range(30))
    second = repo.commit({"long.c": text}, "add: long\n\nBecause.")
    third = repo.commit({"long.c": None, "moved.c": text + "more\n", "a.c": None, "n.c": "n\n"})
    there = Repository(repo.path)
    assert there.resolve("HEAD~1") == second
    assert there.first_parent(second) == first
    assert there.first_parent(first) is None
    assert set(there.changed_paths(second, third)) == {
        PathChange("R", "long.c", "moved.c"),
        PathChange("D", "a.c", None),
        PathChange("A", None, "n.c"),
    }
    repo.git("checkout", "-q", "--orphan", "alone")
    lone = repo.commit({"z.c": "z\n"})
    assert there.merge_base(second, third) == second
    assert there.merge_base(lone, third) is None
    assert there.has_commit(lone)
    assert not there.has_commit("0123456789")


def test_commit_by_blobs(repo: Repo) -> None:
    old = repo.git("rev-parse", "HEAD:a.c")
    kept = repo.git("rev-parse", "HEAD:VERSION")
    first = repo.git("rev-parse", "HEAD")
    first_time = repo.clock
    last_with_old = repo.commit({"other.c": "x\n"})
    repo.commit({"a.c": "changed\n"})
    tip = repo.commit({"other.c": "y\n"})
    there = Repository(repo.path)
    # the newest commit before a.c changed, or an older one of the same run when the mail is older
    assert there.commits_containing({"a.c": old[:7], "VERSION": kept[:7]}) == (last_with_old,)
    assert there.commits_containing({"a.c": old[:7]}, before=first_time) == (first,)
    assert there.commits_containing({"VERSION": kept}) == (tip,)
    assert there.commits_containing({"a.c": kept}) == ()
    assert there.commits_containing({"a.c": "feedbeef"}) == ()
    assert there.commits_containing({}) == ()
    new = repo.git("rev-parse", "HEAD:a.c")
    assert there.commits_containing({"a.c": new, "VERSION": kept}) == (tip,)


def test_commit_by_blobs_on_another_branch(repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "side")
    repo.commit({"a.c": "side one\n"})
    wanted = repo.commit({"VERSION": "side\n"})
    blobs = {"a.c": repo.git("rev-parse", "HEAD:a.c"), "VERSION": repo.git("rev-parse", "HEAD:VERSION")}
    repo.commit({"a.c": "side two\n"})
    repo.git("checkout", "-q", "master")
    repo.commit({"m.c": "m\n"})
    repo.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    repo.git("branch", "-q", "-D", "side")
    assert Repository(repo.path).commits_containing(blobs) == (wanted,)


def test_commit_by_blobs_on_a_side_branch_that_was_left_long_ago(repo: Repo) -> None:
    repo.git("checkout", "-q", "-b", "side")
    wanted = repo.commit({"a.c": "side one\n"})
    blobs = {"a.c": repo.git("rev-parse", "HEAD:a.c")}
    sent = repo.clock
    repo.commit({"a.c": "side two\n"})
    repo.git("checkout", "-q", "master")
    repo.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    repo.git("branch", "-q", "-D", "side")
    there = Repository(repo.path)
    day = 86400
    assert there.commits_containing(blobs, before=sent + day) == (wanted,)
    assert there.commits_containing(blobs, before=sent + 300 * day) == (wanted,)
    assert there.commits_containing(blobs, before=sent + 1000 * day) == ()


def searches(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | bytes, ...]]:
    """The calls of `git grep` that follow."""
    seen: list[tuple[str | bytes, ...]] = []
    asked = Git.try_run

    def watched(self: Git, words: Any, *more: Any, **named: Any) -> Any:
        if "grep" in words:
            seen.append(tuple(words))
        return asked(self, words, *more, **named)

    monkeypatch.setattr(Git, "try_run", watched)
    return seen


FILES = {
    "a.c": "ring(chime); /* gong */\nring_twice(bell, chime);\n",
    "odd\nname: \xe9.c": "bell\n",
    "dir/b c.h": "chime gong-bell unring\n",
    "notes.txt": "bell chime\n",
}
WORDS = ["ring", "ring_twice", "chime", "bell", "gong", "twice", "none"]


def test_git_finds_the_words_that_a_look_into_the_files_finds(repo: Repo) -> None:
    repo.commit(dict(FILES))
    for key in ("grep.lineNumber", "grep.column"):
        repo.git("config", key, "true")
    repo.git("config", "color.grep", "always")
    with open_tree(repo.path, "HEAD") as source, open_tree(repo.path) as plain:
        for words in (["ring", "gong"], ["none"], WORDS, *([word] for word in WORDS)):
            assert source.containing(words) == plain.containing(words)
    with open_tree(repo.path, "HEAD") as source:
        assert source.containing(["bell", "twice"]) == ["a.c", "dir/b c.h", "odd\nname: \xe9.c"]


def test_words_that_are_expected_are_searched_for_at_once(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.commit(dict(FILES))
    seen = searches(monkeypatch)
    with open_tree(repo.path, "HEAD") as source:
        source.expect(lambda: ["bell", "none", "chime"])
        assert not seen
        changed = OverlaySource(source, {"a.c": b"bell\n"})
        changed.expect(lambda: ["bell", "none", "gong"])
        assert changed.containing(["chime"]) == ["dir/b c.h"]
        assert source.containing(["bell", "gong"]) == ["a.c", "dir/b c.h", "odd\nname: \xe9.c"]
        assert source.containing(["none"]) == []
        assert len(seen) == 1
        assert changed.containing(["ring"]) == []
        assert len(seen) == 2
        source.expect(list)
        assert pickle.loads(pickle.dumps(source)).containing(["bell"]) == source.containing(["bell"])


def test_too_many_expected_words_are_not_searched_for(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit(dict(FILES))
    seen = searches(monkeypatch)
    with open_tree(repo.path, "HEAD") as source:
        source.expect(lambda: [f"word{number}" for number in range(5000)])
        assert source.containing(["ring"]) == ["a.c"]
    assert len(seen) == 1
    assert len(seen[0]) < 100
