# SPDX-License-Identifier: GPL-2.0-or-later
"""Each command and option that a page, a script or a hook of this repository names is one that exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from commandline import FIXTURES

from qerrlint.cli.main import cli
from qerrlint.report import FORMATS

ROOT = FIXTURES.parent
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(page for page in ROOT.glob("docs/*.md") if page.name != "rules.md"),
        *ROOT.glob("docs/ci/*"),
        *ROOT.glob("*/README.md"),
        ROOT / ".pre-commit-hooks.yaml",
    ]
)
NAMES = cli.list_commands(click.Context(cli))
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
# A line of a block that begins with the command, as typed: behind a prompt, `M-x compile RET`, a key, `run:`.
_TYPED = re.compile(r"^(?:[^`\n]*?[\s='\"])??qerrlint ((?:" + "|".join(NAMES) + r")\b.*)$")
_GATE = re.compile(r"\b(?:gate|qerrlint)\.sh\"? (--.*)$")
# What a page leaves to its reader: DIR, S,..., F:FILE.
_PLACEHOLDER = re.compile(r"[A-Z]+(?:[,.:]\S*)?")


def blocks_and_spans(text: str) -> tuple[list[str], list[str]]:
    """The lines of code blocks, fenced or indented, and the spans of code in the text around them."""
    lines: list[str] = []
    prose: list[str] = []
    fenced = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            lines.append(line.strip().removeprefix("$ "))
        else:
            prose.append(line)
    return lines, [" ".join(span.split()) for span in _SPAN.findall("\n".join(prose))]


def commands_of(path: Path) -> list[str]:
    """What follows `qerrlint`, in blocks and spans; spans such as `diff --fix` need an option."""
    text = path.read_text(encoding="utf-8")
    spans: list[str] = []
    if path.suffix != ".md":
        joined = re.sub(r"\\\n\s*", "", text)
        joined = re.sub(r"(--fail-on \w+)\n\s*(--)", r"\1 \2", joined)
        lines = [line.strip() for line in joined.splitlines() if not line.lstrip().startswith("#")]
    else:
        lines, spans = blocks_and_spans(text)
    found = [match[1] for line in [*lines, *spans] if (match := _TYPED.match(line))]
    found += [f"patch {match[1]}" for line in lines if (match := _GATE.search(line))]
    short = [span for span in spans if span.split()[0] in NAMES and " --" in span]
    # `patch --reply` names an option and leaves its value out.
    return found + [f"{span} X" if re.search(r" --[a-z-]+$", span) else span for span in short]


def words_of(command: str) -> list[str]:
    """The arguments, without paths behind `--`, the remark, and what a shell does with the output."""
    command = re.split(r"\s+#\s|\s[|<>]|\s&&|;|\sRET\b|\s--\s", command)[0]
    if command.count("'") % 2:
        command = command.replace("'", " ")
    return shlex.split(command)


def parse(words: list[str]) -> None:
    """Raises click.UsageError where the command does not exist or does not take these arguments."""
    command: click.Command = cli
    context = click.Context(cli, info_name="qerrlint")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found, info_name=name, parent=context)
    values, rest, _ = command.make_parser(context).parse_args(list(words))
    if rest and not isinstance(command, click.Group):
        raise click.UsageError(f"an argument too many: {rest[0]}")
    for parameter in command.params:
        given = values.get(parameter.name or "")
        for value in given if isinstance(given, list | tuple) else [given]:
            if not isinstance(value, str) or _PLACEHOLDER.fullmatch(value):
                continue
            if isinstance(parameter.type, click.Choice):
                parameter.type.convert(value, parameter, context)
            if parameter.name == "formats" and value.partition(":")[0] not in FORMATS:
                raise click.UsageError(f"no format: {value}")


def fault_of(command: str) -> str:
    """What click says against the command, or nothing."""
    try:
        parse(words_of(command))
    except click.UsageError as error:
        return error.format_message()
    return ""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_commands_written_down_are_accepted(path: Path) -> None:
    refused = [
        f"qerrlint {command}: {fault}" for command in commands_of(path) if (fault := fault_of(command))
    ]
    assert not refused


def test_commands_are_found_at_all() -> None:
    found = {command.split()[0] for path in PAGES for command in commands_of(path)}
    assert set(NAMES) - found <= {"completion"}
    assert len([command for path in PAGES for command in commands_of(path)]) >= 120


@pytest.mark.parametrize(
    "command",
    [
        "check --no-such-option",
        "chek hw/net",
        "config --check more",
        "check --reach far",
        "modes --format html",
    ],
)
def test_a_wrong_command_is_found(command: str) -> None:
    assert fault_of(command)


def test_options_named_alone_exist() -> None:
    """`--min-confidence low` in docs/options.md is an option of some command of ours."""
    known = {"--help", "--version", "--offline-mode"}
    for name in NAMES:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        parts = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
        known |= {option for part in parts for one in part.params for option in one.opts}
    text = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    named = {span.split()[0] for span in _SPAN.findall(text) if span.startswith("-") and span != "-- PATH..."}
    assert {name for name in named if name not in known} <= {"--", "-"}
