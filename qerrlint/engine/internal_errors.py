# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults: errors of this program in the analysis of one file; the run goes on without the file.

It knows neither what was done with the file nor who is told.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qerrlint.errors import QerrlintError
from qerrlint.records import record

_PACKAGE = Path(__file__).resolve().parent.parent


@record(frozen=True, slots=True)
class Fault:
    """A file that a defect of this program kept from being analysed; `trace` is Python's traceback."""

    path: str
    reason: str
    trace: str


@contextmanager
def contained(path: str, faults: list[Fault]) -> Iterator[None]:
    """End the block at an error of this program and put it on the list; QerrlintErrors are raised further.

    What the block has half made must not be used afterwards.
    """
    try:
        yield
    except QerrlintError:
        raise
    except Exception as error:
        faults.append(Fault(path, f"internal error: {_name(error)}", traceback.format_exc()))


def _name(error: Exception) -> str:
    """The kind of error and its innermost place in this package: the same text on every machine."""
    kind = type(error).__name__
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_relative_to(_PACKAGE):
            return f"{kind} in {file.relative_to(_PACKAGE.parent).as_posix()}:{frame.lineno}"
    return kind
