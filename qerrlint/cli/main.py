# SPDX-License-Identifier: GPL-2.0-or-later
"""The command `qerrlint`: finds a command's module by its name, and reports every error in one line."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import Any

import click

from qerrlint.cli.tell import tell, tell_lines
from qerrlint.engine.gc_tuning import relax
from qerrlint.errors import QerrlintError

# Each command is the module of its name in cli/commands, imported when it is run: start-up stays short.
_COMMANDS = {
    "check": "Analyse files or a whole tree.",
    "patch": "Review patches as posted: mails, an mbox, a diff, a saved page.",
    "watch": "Review the new series of a mailing list's archive, as a site of pages.",
    "diff": "Review a commit, a range, or staged changes.",
    "history": "Tell which commits introduced and fixed findings.",
    "blame": "Find the commit that introduced a finding.",
    "fix": "Write the mechanical fixes of a tree as a series of patches.",
    "rules": "List the rules.",
    "explain": "Explain a rule.",
    "contract": "Show what the rules assume about a function, and why.",
    "vmstate": "Show what a VMStateDescription puts on the wire, and what changed.",
    "modes": "Show blockers and notifiers for each migration mode.",
    "device": "Show what is known of a device model, phase by phase.",
    "baseline": "Write or update the file of accepted findings.",
    "config": "Show the settings in force, and where they come from.",
    "cache": "Show or clear the stored results of earlier runs.",
    "lsp": "Serve an editor by the language server protocol.",
    "completion": "Print a shell's completion script.",
    "replay": "Measure the rules against labelled defects of a history.",
}


class _Commands(click.Group):
    """A group whose commands are imported at their first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"qerrlint.cli.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except QerrlintError as error:
            tell(str(error))
            ctx.exit(error.exit_code)


# Raised by click from 8.2 on where no command is given: its text is the whole help page.
_NO_ARGUMENTS: tuple[type[click.UsageError], ...] = tuple(
    kind for kind in (getattr(click.exceptions, "NoArgsIsHelpError", None),) if kind is not None
)


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from qerrlint.cli.reporting.version import described_version

        click.echo(f"qerrlint, version {described_version()}")
        context.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Find defects of error handling, device models and migration in QEMU's C sources and in patches.

    Exit codes: 0 no findings; 1 findings at or above --fail-on; 2 wrong usage or configuration;
    3 something could not be analysed.
    """


def _open_missing_streams() -> None:
    """Put the null device where a caller has closed a standard stream (`>&-`): Python has None there.

    Its number is filled too, or the next file that is opened would be taken for the stream, by git as well.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            stream = open(number, mode, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
            setattr(sys, name, stream)


def _has_directory() -> bool:
    """Whether the current directory is still there."""
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def main() -> None:
    """The console entry point."""
    _open_missing_streams()
    if isinstance(sys.stdout, TextIOWrapper):
        # Whatever the locale's encoding lacks is escaped, as Python does for standard error.
        sys.stdout.reconfigure(errors="backslashreplace")
    code = _run()
    try:
        # The language server's library closes it.
        if not sys.stdout.closed:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader (a pager, head) has closed the pipe: no error, but Python must not write again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        tell(f"standard output: cannot be written: {error.strerror}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 2
    sys.exit(code)


def _run() -> int:
    """Run the command; every way it can end comes to an exit code."""
    relax()
    try:
        done = cli.main(prog_name="qerrlint", standalone_mode=False)
        return done if isinstance(done, int) else 0
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 0
    except _NO_ARGUMENTS as error:
        error.show()
        return 2
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        more = f" (see `{context.command_path} --help`)" if context is not None else ""
        tell(error.format_message().rstrip(".") + more)
        return 2
    except (click.Abort, KeyboardInterrupt):
        tell("interrupted")
        return 130
    except Exception as error:
        if isinstance(error, FileNotFoundError) and not _has_directory():
            tell("the current directory does not exist any more")
            return 3
        # A defect of this program. Python's own exit code would be 1, which says "findings" to a gate.
        import traceback

        tell_lines(traceback.format_exc())
        tell(f"internal error ({type(error).__name__}): please report it with the lines above")
        return 3
