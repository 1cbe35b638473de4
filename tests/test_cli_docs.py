# SPDX-License-Identifier: GPL-2.0-or-later
"""What is generated is current and whole: rule reference, manual page; and links in docs/ lead somewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib import import_module
from pathlib import Path

import pytest
from commandline import FIXTURES, run

from qerrlint.cli.main import cli
from qerrlint.cli.manpage import page
from qerrlint.rules.loader import load_rules

ROOT = FIXTURES.parent
PACKAGES = ("absint", "domain", "transfer", "model", "qemu", "checks", "policy", "engine", "review", "patch")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")])


def test_the_rule_reference_is_current() -> None:
    made = run("rules", "--format", "markdown")
    assert made.code == 0
    assert (ROOT / "docs" / "rules.md").read_text() == made.out, "make rules"


def test_the_rule_reference_has_every_rule() -> None:
    text = run("rules", "--format", "markdown").out
    for rule in load_rules():
        assert f"\n## {rule.id}\n" in text
        assert all(body in text for body in rule.sections.values())


def named(dotted: str) -> object:
    """What a dotted name of the package stands for. Raises AttributeError or ModuleNotFoundError."""
    parts = dotted.split(".")
    found = import_module("qerrlint")
    for place, part in enumerate(parts, 1):
        if not hasattr(found, part):
            import_module(".".join(("qerrlint", *parts[:place])))
        found = getattr(found, part)
    return found


def test_the_design_names_what_is_there() -> None:
    """The calls of the walk of one finding, and the modules that the pages name by their paths."""
    design = (ROOT / "docs" / "design.md").read_text()
    steps = re.findall(r"^\| \d+\. ([^|]*) \|", design, re.M)
    assert len(steps) == 12
    walk = design[design.index("## The walk") : design.index("## From bytes")]
    calls = [name for name in re.findall(r"`([\w.]+)`", walk) if "." in name]
    assert len(calls) > 12
    assert all(callable(named(name)) or hasattr(named(name), "__file__") for name in calls)
    for page_ in ("design", "analysis", "writing-a-rule"):
        text = (ROOT / "docs" / f"{page_}.md").read_text()
        for path in re.findall(
            r"`((?:absint|c|domain|ir|model|transfer|qemu|checks|policy|engine)/[\w/.]*)`", text
        ):
            assert (ROOT / "qerrlint" / path).exists(), f"{page_}: {path}"
        for name in re.findall(rf"`((?:{'|'.join(PACKAGES)})\.[\w.]+)(?:\([^`]*\))?`", text):
            assert named(name) is not None, f"{page_}: {name}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: os.fspath(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S)
    for target, heading in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", text):
        if "://" not in target and not target.startswith("mailto:"):
            page = path.parent / target if target else path
            assert page.exists(), target
            assert not heading or heading in anchors(page), f"{target}#{heading}"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges and mkdocs make them of simple headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_the_manual_page_has_every_command_and_option() -> None:
    text = page(cli)
    plain = text.replace(r"\-", "-")
    commands = re.findall(r"^  ([a-z]+)  ", run("--help").out, re.M)
    assert len(commands) >= 9
    for command in commands:
        assert f"\n.SS qerrlint {command} " in plain
        for option in re.findall(r"(?<![\w-])(--[a-z-]+)", run(command, "--help").out):
            assert option in plain, (command, option)
    assert ".SS qerrlint baseline update " in plain
    assert "\n\n" not in text, "an empty line is a request of its own"


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff")
def test_the_manual_page_is_sound_roff() -> None:
    command = ["groff", "-man", "-Tutf8", "-ww", "-z"]
    done = subprocess.run(command, input=page(cli), capture_output=True, text=True, check=True)
    assert done.stderr == ""
