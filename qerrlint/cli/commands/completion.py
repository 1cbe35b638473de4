# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint completion SHELL`: the shell's completion script, which click generates."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the script with which SHELL completes commands and options.

    bash: eval "$(qerrlint completion bash)"; zsh: the same with zsh; fish: qerrlint completion fish | source.
    """
    from click.shell_completion import get_completion_class

    from qerrlint.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "qerrlint", "_QERRLINT_COMPLETE").source())
