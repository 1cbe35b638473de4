# SPDX-License-Identifier: GPL-2.0-or-later
"""The end of a run: where its output goes, messages on standard error, the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from io import TextIOWrapper
from typing import TYPE_CHECKING, TextIO

from qerrlint.cli.options import Options
from qerrlint.cli.output_files import written
from qerrlint.cli.settings import Settings, targets
from qerrlint.cli.tell import tell, tell_lines
from qerrlint.errors import UsageError

if TYPE_CHECKING:
    from qerrlint.result import Reported, Result


def finish(result: Result, settings: Settings, shown: Sequence[Reported]) -> int:
    """Render the result with the findings to show, and return the exit code."""
    from qerrlint.review.report_model import described

    options = settings.options
    rendered = replace(
        result,
        findings=tuple(shown),
        rules=described(settings.all_rules, settings.rules),
        exempted=tuple(found for found in result.exempted if settings.lists(found)),
    )
    for form, target in targets(options):
        if target is None:
            try:
                _render(rendered, form, sys.stdout, options)
            except BrokenPipeError:
                raise
            except OSError as error:
                raise UsageError(f"standard output: cannot be written: {error.strerror}") from None
            continue
        with written(target) as raw:
            stream = TextIOWrapper(raw, encoding="utf-8", newline="\n")
            _render(rendered, form, stream, options)
            stream.detach()
    return exit_code(result, settings, shown)


def exit_code(result: Result, settings: Settings, shown: Sequence[Reported]) -> int:
    """1 for findings at or above --fail-on, 3 if something could not be analysed, else 0.

    Names on standard error the files whose analysis an error of this program ended.
    """
    _tell_faults(result, settings.options)
    if any(settings.fails(found) for found in shown):
        return 1
    unanalysed = bool(result.coverage.skipped) or any(not patch.applied for patch in result.patches)
    # Functions that a change reaches must be analysed; in a whole tree the grammar never fits all functions.
    if result.command != "check":
        unanalysed = unanalysed or bool(result.coverage.damaged)
    return 3 if unanalysed else 0


def _render(result: Result, form: str, stream: TextIO, options: Options) -> None:
    from qerrlint.report import render

    if form == "text" and options.quiet:
        result = replace(result, notices=())
    if form == "text" and not options.show_exempted:
        result = replace(result, exempted=())
    render(result, form, stream, colour=True)


DEBUG = "QERRLINT_DEBUG"
"""The environment variable that turns on the traceback of an error of this program, as -v does."""


def _tell_faults(result: Result, options: Options) -> None:
    """One line for the files whose analysis an error of this program ended."""
    faults = [skipped for skipped in result.coverage.skipped if skipped.trace]
    if not faults:
        return
    hint = f"with what -v or {DEBUG}=1 adds"
    if options.verbose or os.environ.get(DEBUG):
        hint = "with the lines above"
        for fault in faults:
            tell(f"{fault.path}:", head="")
            tell_lines(fault.trace.rstrip())
    more = len(faults) - 1
    others = "" if more == 0 else " (and one other file)" if more == 1 else f" (and {more} other files)"
    tell(f"{faults[0].path}{others}: not analysed: {faults[0].reason}; please report it {hint}")
