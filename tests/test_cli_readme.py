# SPDX-License-Identifier: GPL-2.0-or-later
"""What README.md shows is what the command prints, lines of dots apart; its tables and names are whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from commandline import FIXTURES, TREE, run

README = (FIXTURES.parent / "README.md").read_text()
OPTIONS = (FIXTURES.parent / "docs" / "options.md").read_text()
CONFIGURATION = (FIXTURES.parent / "docs" / "configuration.md").read_text()


def test_the_demo_is_real(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FIXTURES.parent)
    block = re.search(r"^```\n\$ qerrlint (patch .*)\n\n(.*?)^```$", README, re.M | re.S)
    assert block is not None
    printed = iter(run(*block[1].split()).out.splitlines())
    skipping = False
    for line in block[2].splitlines():
        if line == "...":
            skipping = True
        elif skipping:
            assert line in printed, f"not printed: {line}"
            skipping = False
        else:
            assert next(printed, None) == line
    assert skipping or next(printed, None) is None


@pytest.mark.parametrize("command", ["check", "patch", "diff"])
def test_every_option_is_in_the_table(command: str) -> None:
    offered = set(re.findall(r"(?<![\w-])(--[a-z-]+)", run(command, "--help").out)) - {"--help"}
    named = set(re.findall(r"--[a-z-]+", OPTIONS)) | {"--quiet", "--verbose"}
    assert offered <= named


def test_the_readme_names_every_page_and_every_command() -> None:
    pages = {f"docs/{page.name}" for page in (FIXTURES.parent / "docs").glob("*.md")}
    assert pages <= set(re.findall(r"\]\((docs/[^)#]+)\)", README))
    commands = set(re.findall(r"^  ([a-z]+)  ", run("--help").out, re.M))
    assert len(commands) >= 9
    assert commands <= set(re.findall(r"qerrlint ([a-z]+)", README))


def test_the_configuration_shown_is_whole_and_accepted(tmp_path: Path) -> None:
    table = re.search(r"^```toml\n(.*?)^```$", CONFIGURATION, re.M | re.S)
    assert table is not None
    whole_tree = table[1].partition("[[")[0]
    shown = set(re.findall(r"^([a-z-]+) = ", whole_tree, re.M)) | {"per-path"}
    unknown = tmp_path / "unknown.toml"
    unknown.write_text("no-such-key = 1\n")
    refused = run("check", "--tree", TREE, "--config", unknown)
    known = re.search(r"\(known: (.*)\)", refused.err)
    assert known is not None
    assert shown == set(known[1].split(", "))
    own = tmp_path / "own.toml"
    own.write_text(table[1])
    assert run("check", "--tree", TREE, "--config", own).code in (0, 1)
