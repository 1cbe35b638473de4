# SPDX-License-Identifier: GPL-2.0-or-later
"""The files that a command writes: whole or not at all, through no link of the tree, over no input."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from commandline import DEMO, PATCHES, TREE, run, tree_of

from qerrlint.source.writing import replacing

pytestmark = pytest.mark.usefixtures("kept_results")

BASE = tree_of(PATCHES / "demo")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(TREE, tmp_path / "qemu")
    return tmp_path / "qemu"


def refused(*arguments: str | os.PathLike[str]) -> str:
    """What a run that is refused says in its one line."""
    ran = run(*arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1), ran.err
    return ran.err.removeprefix("qerrlint: ").rstrip()


@pytest.mark.parametrize("command", [["check", "--no-cache"], ["baseline", "write", "--no-cache"]])
def test_no_link_of_the_tree_is_followed(tree: Path, tmp_path: Path, command: list[str]) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious\n")
    (tree / "out").symlink_to(precious)
    (tree / "folder").symlink_to(tmp_path)
    (tree / "dangling").symlink_to(tmp_path / "new")
    for target in ("out", "folder/precious", "dangling", "folder/other"):
        for root in (tree, Path("qemu")):
            said = refused(*command, "--tree", root, "--output", root / target)
            assert said.endswith(f"/{target.partition('/')[0]} is a symbolic link in the tree")
    assert precious.read_text() == "precious\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["precious", "qemu"]
    # A link of the user's own, which is not in the tree, is.
    (tmp_path / "own").symlink_to(precious)
    assert run(*command, "--tree", tree, "--output", "own").code in (0, 1)
    assert precious.read_text() != "precious\n"
    assert (tmp_path / "own").is_symlink()


def test_a_baseline_that_is_a_link(tree: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious\n")
    (tree / ".qerrlint-baseline").symlink_to(precious)
    said = refused("baseline", "write", "--tree", tree, "--no-cache")
    assert said.endswith("/.qerrlint-baseline is a symbolic link in the tree")
    assert precious.read_text() == "precious\n"


def test_inputs_are_not_overwritten(tree: Path, tmp_path: Path) -> None:
    bell = tree / "chardev/bell.c"
    before = bell.read_bytes()
    source = f"{bell}: not written: it is a source file"
    assert refused("check", "--tree", tree, bell, "--output", bell) == source
    assert refused("baseline", "write", "--tree", tree, "--output", bell) == source
    assert bell.read_bytes() == before
    (tree / ".qerrlint.toml").write_text('min-severity = "note"\n')
    (tmp_path / "own.toml").write_text('min-severity = "note"\n')
    (tmp_path / "accepted").write_text("")
    shutil.copy(DEMO, tmp_path / "series.mbox")
    (tmp_path / "mails").mkdir()
    shutil.copy(DEMO, tmp_path / "mails/series.mbox")
    hint = ": not written: it is an input of this run"
    commands: list[list[str | os.PathLike[str]]] = [
        ["check", "--tree", tree, "--output", tree / ".qerrlint.toml"],
        ["check", "--tree", tree, "--config", "own.toml", "--format", "json:own.toml"],
        ["check", "--tree", tree, "--baseline", "accepted", "--format", "json:./accepted"],
        ["baseline", "write", "--tree", tree, "--config", "own.toml", "--output", "own.toml"],
        ["patch", "--tree", BASE, "series.mbox", "--output", "series.mbox"],
        ["patch", "--tree", BASE, "mails", "--output", "mails/series.mbox"],
        ["patch", "--tree", BASE, "series.mbox", "--onto", "mails", "--output", "./mails/series.mbox"],
        ["patch", "--tree", BASE, "series.mbox", "--against", "own.toml", "--output", "own.toml"],
    ]
    for arguments in commands:
        target = os.fspath(arguments[-1]).removeprefix("json:")
        assert refused(*arguments) == target + hint
    assert (tmp_path / "series.mbox").read_bytes() == DEMO.read_bytes()
    # Not what is beside them, and not the baseline that is brought up to date.
    assert run("patch", "--tree", BASE, "mails", "--output", "mails/new").code == 1
    assert run("baseline", "update", "--tree", tree, "--baseline", "accepted", "--no-cache").code == 0


def test_one_file_by_two_names(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("a")
    for other in ("./a", "qemu/../a", str(tmp_path / "a"), "link"):
        said = refused("check", "--tree", tree, "--format", "text:a", "--format", f"json:{other}")
        assert said == f"--format: two formats for {other}"
    assert not (tmp_path / "a").exists()


def _fail_half_way(file: Path) -> None:
    with replacing(os.fspath(file)) as stream:
        stream.write(b"half")
        stream.flush()
        assert file.read_text() == "old"
        raise ZeroDivisionError


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    file.chmod(0o640)
    with pytest.raises(ZeroDivisionError):
        _fail_half_way(file)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert file.read_text() == "old"
    with replacing(os.fspath(file)) as stream:
        stream.write(b"new")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o640)
    umask = os.umask(0o027)
    try:
        with replacing(os.fspath(tmp_path / "other")) as stream:
            stream.write(b"")
    finally:
        os.umask(umask)
    assert (tmp_path / "other").stat().st_mode & 0o777 == 0o640


def test_what_is_no_file_is_written_to(tree: Path, tmp_path: Path) -> None:
    assert run("check", "--tree", tree, "--no-cache", "--output", os.devnull).code == 1
    assert not Path(os.devnull).is_file()
