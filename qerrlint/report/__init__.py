# SPDX-License-Identifier: GPL-2.0-or-later
"""Renderings of a Result (text, json); they do not know how findings came about."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, TextIO

from qerrlint.errors import UsageError

if TYPE_CHECKING:
    from qerrlint.review.result import Result

# Module and not function, so that a run imports only the rendering that it was asked for.
_MODULES = {"text": "qerrlint.report.text", "json": "qerrlint.report.json_"}

FORMATS = tuple(_MODULES)
"""The names that render() knows, the default one first."""


def render(result: Result, format: str, stream: TextIO, colour: bool = False) -> None:
    """Write `result` to `stream` in one of FORMATS.

    `colour` permits colours; they are used only on a terminal and when NO_COLOR is not set. Text that
    the stream's encoding cannot hold is escaped. Raises UsageError for an unknown format.
    """
    if format not in _MODULES:
        raise UsageError(f"unknown format {format!r} (known: {', '.join(FORMATS)})")
    import_module(_MODULES[format]).write(result, stream, colour)
