# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists of folders: what lies in them, and that a list which is not as it should be is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from qerrlint.errors import UsageError
from qerrlint.source import tree_folders
from qerrlint.source.tree_folders import folders_named, is_core, is_of_devices


def test_what_lies_in_a_folder() -> None:
    assert not is_core("tests/unit/test-bell.c")
    assert is_core("hw/tests/bell.c")
    assert is_of_devices("hw/bell.c")
    assert is_of_devices("include/hw/bell.h")
    assert not is_of_devices("include/net/bell.h")


@pytest.mark.parametrize(
    "text",
    [
        '[one]\nabout = "a"\nfolders = [{ path = "a/" }]\n',
        '[one]\nabout = "a"\nfolders = [{ path = "a/", reason = "" }]\n',
        '[one]\nfolders = [{ path = "a/", reason = "b" }]\n',
    ],
    ids=["no reason", "an empty reason", "nothing about it"],
)
def test_a_list_needs_reasons(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folders.toml").write_text(text)
    monkeypatch.setattr(tree_folders, "rules_folder", lambda: tmp_path)
    with pytest.raises(UsageError, match=r"folders\.toml: \[one\]"):
        folders_named.__wrapped__("one")
