# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m qerrlint.cli.manpage`: the manual page in roff, made from the commands."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

import click

from qerrlint import __version__

_EXIT = (
    ("0", "no findings"),
    ("1", "findings at or above --fail-on; for patch and diff only those that the change introduces count"),
    ("2", "wrong usage, configuration, baseline or rule file"),
    ("3", "something could not be analysed"),
)
_FILES = (
    (
        ".qerrlint.toml, pyproject.toml",
        "the configuration, at the root of the tree; patch and diff read it from the base",
    ),
    (".qerrlint-baseline", "the accepted findings"),
)


def page(root: click.Group) -> str:
    """The page of a group and all of its commands, ended by a newline."""
    context = click.Context(root, info_name="qerrlint", **root.context_settings)
    lines = [
        f'.TH QERRLINT 1 "" "qerrlint {_escaped(__version__)}" "User Commands"',
        ".SH NAME",
        f"qerrlint \\- {_escaped(_first(root).rstrip('.'))}",
        ".SH SYNOPSIS",
        ".B qerrlint",
        r"\fICOMMAND\fR [\fIOPTION\fR]... [\fIARGUMENT\fR]...",
        ".SH DESCRIPTION",
        *_paragraphs(root.help or ""),
        ".SH OPTIONS",
        *_options(root, context),
        ".SH COMMANDS",
        *_commands(root, context),
        ".SH EXIT STATUS",
        *_pairs(_EXIT),
        ".SH FILES",
        *_pairs(_FILES),
    ]
    return "\n".join(lines) + "\n"


def _commands(group: click.Group, context: click.Context) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        usage = " ".join(command.collect_usage_pieces(inner))
        yield f".SS {_escaped(inner.command_path)} {_escaped(usage)}"
        yield from _paragraphs(command.help or "")
        yield from _options(command, inner)
        if isinstance(command, click.Group):
            yield from _commands(command, inner)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is not None and not (context.parent is not None and parameter.name == "help"):
            yield from _pairs([record])


def _pairs(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, text in pairs:
        yield from (".TP", rf"\fB{_escaped(term)}\fR", *_lines(text))


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        yield ".PP"
        yield from _lines(paragraph)


def _lines(text: str) -> Iterator[str]:
    yield _escaped(" ".join(text.replace("\b", "").split()))


def _first(command: click.Command) -> str:
    text = (command.help or "").strip().split("\n\n")[0].replace("\n", " ")
    return text[:1].lower() + text[1:]


def _escaped(text: str) -> str:
    """The text as roff prints it: hyphens are hyphens, and no line begins with a request."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return r"\&" + escaped if escaped[:1] in (".", "'") else escaped


if __name__ == "__main__":
    from qerrlint.cli.main import cli

    sys.stdout.write(page(cli))
