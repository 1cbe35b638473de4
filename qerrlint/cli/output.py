# SPDX-License-Identifier: GPL-2.0-or-later
"""The end of a run: where its output goes, messages on standard error, the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
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


def finish(
    result: Result,
    settings: Settings,
    shown: Sequence[Reported],
    wanted: Collection[str] = (),
    least_in_text: str | None = None,
) -> int:
    """Render the result with the findings to show, and return the exit code.

    `wanted` are the statuses of those to show; the text format leaves out those below `least_in_text`.
    """
    from qerrlint.cli.reporting.unshown import at_least, unshown

    options = settings.options
    rendered = presented(result, settings, shown, wanted)
    text = rendered
    if least_in_text is not None and not options.statistics:
        text = replace(
            rendered,
            findings=at_least(rendered.findings, least_in_text),
            unshown=unshown(result.findings, settings, wanted, least_in_text),
        )
    for form, target in targets(options):
        chosen = text if form == "text" else rendered
        if target is None:
            try:
                _render(chosen, form, sys.stdout, options)
            except BrokenPipeError:
                raise
            except OSError as error:
                raise UsageError(f"standard output: cannot be written: {error.strerror}") from None
            continue
        with written(target) as raw:
            stream = TextIOWrapper(raw, encoding="utf-8", newline="\n")
            _render(chosen, form, stream, options)
            stream.detach()
    if options.quiet and any(form == "text" for form, _ in targets(options)):
        _tell_gaps(result)
    return exit_code(result, settings, shown)


def presented(
    result: Result, settings: Settings, shown: Sequence[Reported], wanted: Collection[str] = ()
) -> Result:
    """The result as formats render it: the findings to show, the rules, what the settings hide."""
    from qerrlint.cli.reporting.unshown import ordered, unshown
    from qerrlint.review.report_model import described

    return replace(
        result,
        findings=tuple(ordered(shown, settings.options.sort)),
        fail_on=settings.fail_on,
        rules=described(settings.all_rules, settings.rules),
        exempted=tuple(found for found in result.exempted if settings.lists(found)),
        unshown=unshown(result.findings, settings, wanted, settings.min_severity),
    )


def exit_code(result: Result, settings: Settings, shown: Sequence[Reported]) -> int:
    """1 for findings at or above --fail-on, 3 if something had to be analysed and could not be, else 0.

    Names on standard error the files whose analysis an error of this program ended.
    """
    _tell_faults(result, settings.options)
    if any(found.fails(settings.fail_on) for found in shown):
        return 1
    if result.partial:
        return 0
    unanalysed = bool(result.coverage.skipped) or any(not patch.applied for patch in result.patches)
    # Functions that a change reaches must be analysed; in a whole tree the grammar never fits all functions.
    if result.command != "check":
        unanalysed = unanalysed or bool(result.coverage.damaged)
    return 3 if unanalysed else 0


def _render(result: Result, form: str, stream: TextIO, options: Options) -> None:
    from qerrlint.report import render
    from qerrlint.report.terminal import look_of

    if form == "text" and not options.show_exempted:
        result = replace(result, exempted=())
    look = replace(look_of(stream, options.color), quiet=options.quiet, statistics=options.statistics)
    render(result, form, stream, look)


_NAMED_GAPS = 5


def _tell_gaps(result: Result) -> None:
    """What makes the exit code 3 and --quiet keeps out of the text."""
    from qerrlint.report.wording import gaps

    # Those with a trace are named by _tell_faults().
    faults = {skipped.path for skipped in result.coverage.skipped if skipped.trace}
    fatal = [gap for gap in gaps(result) if gap.fatal and gap.path not in faults]
    for gap in fatal[:_NAMED_GAPS]:
        tell(gap.text)
    if len(fatal) > _NAMED_GAPS:
        tell(f"{len(fatal) - _NAMED_GAPS} more were not analysed (without --quiet they are counted)")


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
