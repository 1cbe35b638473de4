# SPDX-License-Identifier: GPL-2.0-or-later
"""What docs/reviewing.md shows is what the commands print, and what they write."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from commandline import DEMO, FIXTURES, run

PAGE = (FIXTURES.parent / "docs" / "reviewing.md").read_text()
BLOCKS = re.findall(r"^```\n\$ ([^\n]*)\n(.*?)^```$", PAGE, re.M | re.S)


def test_the_page_is_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1793800000")
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n\tname = Ines Calder\n\temail = ines.calder@example.org\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    (tmp_path / "fixtures").symlink_to(FIXTURES)
    shutil.copy(DEMO, "v1.mbox")
    shutil.copy(DEMO.parent / "v2.mbox", "v2.mbox")
    assert len(BLOCKS) == 4
    for command, shown in BLOCKS:
        program, *arguments = command.split()
        text = run(*arguments).out if program == "qerrlint" else Path(arguments[0]).read_text()
        printed = iter(text.rstrip("\n").split("\n"))
        skipping = False
        for line in shown.rstrip("\n").split("\n"):
            if line == "...":
                skipping = True
            elif skipping:
                assert line in printed, f"{command}: not printed: {line}"
                skipping = False
            else:
                assert next(printed, None) == line, command
        assert skipping or next(printed, None) is None, command


def test_the_options_that_it_names_exist() -> None:
    offered = set(re.findall(r"(?<![\w-])(--[a-z-]+)", run("patch", "--help").out))
    # `git format-patch` has options of its own
    named = set(re.findall(r"`(?!git)[^`\n]*?(--[a-z][a-z-]+)[^`\n]*`", PAGE)) - {"--stdout"}
    assert len(named) >= 6
    assert named <= offered
