# SPDX-License-Identifier: GPL-2.0-or-later
"""The command `qerrlint`: finds a command's module by its name, and ends every error in one line."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from qerrlint import __version__
from qerrlint.errors import QerrlintError

# Name to module; a command is imported when it is run, so that start-up stays short.
_COMMANDS = {
    "check": "qerrlint.cli.check",
    "patch": "qerrlint.cli.patch",
    "diff": "qerrlint.cli.diff",
    "rules": "qerrlint.cli.rules",
    "explain": "qerrlint.cli.explain",
}
_HELP = {
    "check": "Analyse files or a whole tree.",
    "patch": "Review patches as posted: mails, an mbox, a diff, a saved page.",
    "diff": "Review a commit, a range, or what is staged.",
    "rules": "List the rules.",
    "explain": "Explain a rule.",
}


class _Commands(click.Group):
    """A group whose commands are imported at their first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = import_module(module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_HELP.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except QerrlintError as error:
            click.echo(f"qerrlint: {_one_line(str(error))}", err=True)
            ctx.exit(error.exit_code)


def _one_line(text: str) -> str:
    return " ".join(text.split()).encode("utf-8", "backslashreplace").decode("utf-8")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="qerrlint")
def cli() -> None:
    """Find what QEMU's patches do to the way errors travel.

    Exit codes: 0 nothing to say; 1 findings at or above --fail-on; 2 wrong usage or configuration;
    3 something that had to be analysed could not be.
    """


def main() -> None:
    """The console entry point."""
    try:
        cli(prog_name="qerrlint")
    except BrokenPipeError:
        # The reader (a pager, head) has had enough; nothing is wrong.
        sys.stderr.close()
        sys.exit(0)
