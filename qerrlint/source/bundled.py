# SPDX-License-Identifier: GPL-2.0-or-later
"""The files that come with the program: rules, exemptions, word lists and contracts; and its own sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qerrlint.errors import UsageError
from qerrlint.source.parsed_tables import BUNDLED
from qerrlint.source.toml import TomlError

_PACKAGE = Path(__file__).resolve().parents[1]


def rules_folder() -> Path:
    """The folder of the bundled rules: inside the package in a wheel, beside it in a checkout."""
    inside = _PACKAGE / "_rules"
    return inside if inside.is_dir() else _PACKAGE.parent / "rules"


def program_folders() -> tuple[Path, ...]:
    """The folders with the sources of this program and its rules."""
    rules = rules_folder()
    return (_PACKAGE,) if rules.parent == _PACKAGE else (_PACKAGE, rules)


def read_table(file: Path, what: str) -> dict[str, Any]:
    """The table in a TOML file that holds `what`; raises UsageError naming the file if it cannot be read."""
    try:
        return BUNDLED.table(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file}: {what} cannot be read: {error.strerror}") from None
    except TomlError as error:
        raise UsageError(f"{file}: not valid TOML: {error}") from None
