# SPDX-License-Identifier: GPL-2.0-or-later
"""The command's entry point, and `python -m qerrlint`: little is imported before Ctrl-C is handled."""

from qerrlint.cli.interrupt import catch


def main() -> None:
    """Run the command; does not return."""
    catch()
    from qerrlint.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
