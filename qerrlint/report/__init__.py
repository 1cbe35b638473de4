# SPDX-License-Identifier: GPL-2.0-or-later
"""Renderings of a Result, one module for each format."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, TextIO

from qerrlint.errors import UsageError
from qerrlint.report.terminal import PLAIN, Look

if TYPE_CHECKING:
    from qerrlint.result import Result

# Module names instead of functions, so that a run imports only the formats that it writes.
_WRITERS = {
    "text": "text:write",
    "json": "json_:write",
    "sarif": "sarif:write",
    "gitlab": "gitlab:write",
    "github": "github:write",
    "junit": "junit:write",
    "rdjson": "rdjson:write",
    "checkpatch": "checkpatch:write_terse",
    "checkpatch-emacs": "checkpatch:write_emacs",
    "b4": "b4:write",
    "html": "html:write",
}

FORMATS = tuple(_WRITERS)
"""The names that render() knows, the default one first."""


def render(result: Result, format: str, stream: TextIO, look: Look = PLAIN) -> None:
    """Write `result` to `stream` in one of FORMATS.

    `look` has a meaning for the text format only. Text that the stream's encoding cannot hold is escaped.
    Raises UsageError for an unknown format.
    """
    if format not in _WRITERS:
        raise UsageError(f"unknown format {format!r} (known: {', '.join(FORMATS)})")
    module, _, function = _WRITERS[format].partition(":")
    write = getattr(import_module(f"qerrlint.report.{module}"), function)
    if format == "text":
        write(result, stream, look)
    else:
        write(result, stream)
