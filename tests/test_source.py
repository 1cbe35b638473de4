# SPDX-License-Identifier: GPL-2.0-or-later
"""Directory, overlay and the choice of a source; nothing here needs git."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qerrlint.errors import InputError
from qerrlint.source.directory import DirectorySource
from qerrlint.source.open_tree import find_root, looks_like_qemu, open_tree
from qerrlint.source.overlay import OverlaySource
from qerrlint.source.source import git_blob_id


def fill(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


QEMU = {"VERSION": b"10.2.50\n", "include/qapi/error.h": b"/* invented */\n", "hw/misc/lamp.c": b"int x;\r\n"}


def test_blob_id_is_gits() -> None:
    assert git_blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert git_blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_directory(tmp_path: Path) -> None:
    source = DirectorySource(fill(tmp_path, QEMU))
    assert source.paths() == ("VERSION", "hw/misc/lamp.c", "include/qapi/error.h")
    assert source.read("hw/misc/lamp.c") == b"int x;\r\n"
    assert source.read("hw/misc") is None
    assert source.read("hw/misc/none.c") is None
    assert source.blob_id("VERSION") == git_blob_id(b"10.2.50\n")
    assert source.revision is None
    assert list(source.read_many(("VERSION", "nowhere", "hw/misc/lamp.c"))) == [
        ("VERSION", b"10.2.50\n"),
        ("hw/misc/lamp.c", b"int x;\r\n"),
    ]
    assert looks_like_qemu(source)


def test_directory_follows_no_link_and_stays_inside(tmp_path: Path) -> None:
    fill(tmp_path, {"outside/secret.c": b"s", "tree/a.c": b"a", "tree/sub/b.c": b"b"})
    os.symlink(tmp_path / "outside" / "secret.c", tmp_path / "tree" / "link.c")
    os.symlink(tmp_path / "outside", tmp_path / "tree" / "linked")
    os.mkfifo(tmp_path / "tree" / "pipe.c")
    source = DirectorySource(tmp_path / "tree")
    assert source.paths() == ("a.c", "sub/b.c")
    for path in (
        "link.c",
        "linked/secret.c",
        "../outside/secret.c",
        "sub/../a.c",
        "pipe.c",
        "/etc/passwd",
        "",
        "a\0",
    ):
        assert source.read(path) is None, path
        assert not source.exists(path)


def test_directory_leaves_out_git_builds_and_submodules(tmp_path: Path) -> None:
    files = {
        ".git/config": b"",
        "a.c": b"",
        "build/build.ninja": b"",
        "build/gen.c": b"",
        "roms/x/.git": b"gitdir: y",
        "roms/x/x.c": b"",
    }
    assert DirectorySource(fill(tmp_path, files)).paths() == ("a.c",)


def test_directory_with_odd_names(tmp_path: Path) -> None:
    with open(os.path.join(os.fsencode(tmp_path), b"caf\xe9 \n.c"), "wb") as file:
        file.write(b"odd")
    source = DirectorySource(tmp_path)
    assert [source.read(path) for path in source.paths()] == [b"odd"]


def test_overlay(tmp_path: Path) -> None:
    base = DirectorySource(fill(tmp_path, QEMU))
    source = OverlaySource(base, {"hw/misc/lamp.c": b"new", "hw/misc/bell.c": b"bell", "VERSION": None})
    assert source.paths() == ("hw/misc/bell.c", "hw/misc/lamp.c", "include/qapi/error.h")
    assert source.read("VERSION") is None
    assert not source.exists("VERSION")
    assert source.exists("hw/misc/bell.c")
    assert source.read("include/qapi/error.h") == base.read("include/qapi/error.h")
    assert source.blob_id("hw/misc/lamp.c") == git_blob_id(b"new")
    assert source.blob_id("VERSION") is None
    assert [data for _, data in source.read_many(("hw/misc/bell.c", "VERSION", "include/qapi/error.h"))] == [
        b"bell",
        b"/* invented */\n",
    ]
    assert OverlaySource(base, {"VERSION": b"11"}).paths() == base.paths()


def test_open_tree_refuses_what_is_no_tree(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="not a directory"):
        open_tree(tmp_path / "file")
    with pytest.raises(InputError, match="no such directory"):
        open_tree(tmp_path / "none")
    with pytest.raises(InputError, match="not a git repository"):
        open_tree(tmp_path, "HEAD")
    assert isinstance(open_tree(tmp_path), DirectorySource)


def test_find_root(tmp_path: Path) -> None:
    inner = fill(tmp_path / "q", QEMU) / "hw" / "misc"
    assert find_root(inner) == os.path.realpath(tmp_path / "q")
    (tmp_path / "other" / ".git").mkdir(parents=True)
    (tmp_path / "other" / "src").mkdir()
    assert find_root(tmp_path / "other" / "src") == os.path.realpath(tmp_path / "other")
    assert find_root(tmp_path) is None
