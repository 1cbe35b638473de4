# SPDX-License-Identifier: GPL-2.0-or-later
"""Text for people: each finding with its code, path and advice, then what was analysed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from qerrlint.report.printable import LONGEST, excerpt, one_line, printable
from qerrlint.report.terminal import (
    BLANK,
    DIM,
    FRAME,
    GOOD,
    PLAIN,
    SEVERITIES,
    Line,
    Look,
    prose,
    verbatim,
    write_lines,
)
from qerrlint.report.wording import (
    also_at,
    bases,
    by_reason,
    circumstances,
    contract_line,
    grouped,
    looked_at,
    not_shown,
    patch_name,
    patch_title,
    position,
    raised,
    settled,
    standing,
    tally,
)
from qerrlint.result import Damaged, PatchInfo, Place, Reported, ReportedExemption, Result

_NAMED = 5
_CONTRACTS = 10
_DOTS = 6  # the dots at both ends of a line of code that is cut


def write(result: Result, stream: TextIO, look: Look) -> None:
    """Write the text rendering."""
    write_lines(lines(result, look), stream, look)


def lines(result: Result, look: Look = PLAIN) -> Iterator[Line]:
    """The rendering in a stable order; code is cut to the width of `look`."""
    if result.contracts and not look.quiet and not look.statistics:
        yield from _contracts(result)
        yield BLANK
    if look.statistics:
        from qerrlint.report.statistics_text import statistics_lines

        yield from statistics_lines(result.findings)
    else:
        yield from _findings(result, look.width)
    if look.quiet:
        return
    if look.statistics:
        yield BLANK
    for patch in result.patches:
        yield from _troubles(patch)
    for notice in result.notices:
        yield prose(("note: ", SEVERITIES["note"]), (one_line(notice), ""))
    yield from _coverage(result)
    yield prose((tally(result), "bold"))
    if result.unshown:
        yield prose((not_shown(result), DIM))


def _contracts(result: Result) -> Iterator[Line]:
    yield prose(("contract changes", "bold"))
    for one in result.contracts[:_CONTRACTS]:
        yield prose((f"  {contract_line(one)}", ""))
    if (more := len(result.contracts) - _CONTRACTS) > 0:
        yield prose((f"  and {more} more (--format json names them all)", ""))


def _findings(result: Result, width: int | None) -> Iterator[Line]:
    brief = settled(result)
    for found, *others in grouped(standing(result)):
        yield from _finding(found, others, result, width)
        yield BLANK
    for found in brief:
        yield _credited(found, result)
    if brief:
        yield BLANK
    if result.exempted:
        yield from _exempted(result)
        yield BLANK
    if result.against is not None:
        from qerrlint.report.against_text import against_lines

        yield from against_lines(result.against)
        yield BLANK


def _finding(
    found: Reported, others: Sequence[Reported], result: Result, width: int | None
) -> Iterator[Line]:
    places = [found.place, *(step.place for step in found.steps)]
    gutter = max(len(str(place.line)) for place in places)
    longest = LONGEST if width is None else max(min(LONGEST, width - gutter - 3 - _DOTS), _DOTS)
    colour = SEVERITIES.get(found.severity, "")
    yield prose(
        (position(found.place), "bold"),
        (f": {found.severity}[{found.rule}]", colour),
        (f": {one_line(found.message)}", "bold"),
    )
    yield from _code(found.place, gutter, longest, "^", colour)
    blank = " " * gutter
    for number, step in enumerate(found.steps, 1):
        head = f"{blank} {number}. "
        yield prose(
            (head, FRAME),
            (f"{position(step.place)}: ", ""),
            (one_line(step.message), ""),
            indent=len(head),
        )
        yield from _code(step.place, gutter, longest, "-", FRAME)
    remarks = [("", text) for text in circumstances(found, result)]
    remarks.append(("also at: ", also_at(others)))
    remarks.append(("", raised(found)))
    remarks.append(("help: ", found.advice))
    remarks.append(("note: ", f"qerrlint explain {found.rule}"))
    for label, text in remarks:
        if text:
            head = f"{blank} = "
            yield prose((head, FRAME), (label, "bold"), (one_line(text), ""), indent=len(head) + 2)


def _code(place: Place, gutter: int, longest: int, mark: str, style: str) -> Iterator[Line]:
    if not place.source.strip():
        return
    end = place.end_column if place.end_line == place.line else None
    shown = excerpt(place.source, place.column, end, longest)
    frame = " " * gutter + " | "
    yield verbatim((f"{place.line:>{gutter}} | ", FRAME), (shown.text, ""))
    yield verbatim((frame, FRAME), (" " * shown.indent + mark * shown.length, style))


def _credited(found: Reported, result: Result) -> Line:
    head = f"{position(found.place, column=False)}: {found.rule}: {one_line(found.message)}"
    if found.suppressed is not None:
        reason = one_line(found.suppressed)
        return prose(("suppressed: ", DIM), (head + (f" ({reason})" if reason else ""), DIM))
    who = patch_name(found.patch, result)
    return prose(("fixed: ", GOOD), (head + (f" (repaired by {who})" if who else ""), ""))


def _exempted(result: Result) -> Iterator[Line]:
    """What exemptions took away, by exemption."""
    by_exemption: dict[tuple[str, str, str], list[ReportedExemption]] = {}
    for found in result.exempted:
        by_exemption.setdefault((found.exemption, found.effect, found.reason), []).append(found)
    for (exemption, effect, reason), group in sorted(by_exemption.items()):
        head = f"exempted, {exemption}" if effect == "drop" else f"{effect} confidence, {exemption}"
        yield prose((f"{head}: ", "bold"), (one_line(reason), ""))
        for found in group:
            where = f" in {printable(found.function)}()" if found.function else ""
            yield prose((f"  {printable(found.path)}:{found.line}: {found.rule}{where}", DIM))


def _troubles(patch: PatchInfo) -> Iterator[Line]:
    name = patch_title(patch)
    problems = by_reason(patch.problems)
    if not patch.applied:
        # Printed once, before all of them.
        problems = by_reason(_bare(problem) for problem in patch.problems)
        problems = [f"not applied: {'; '.join(problems)}" if problems else "not applied"]
    for problem in problems:
        yield prose(("warning: ", SEVERITIES["warning"]), (f"{name}: {problem}", ""))


def _bare(problem: str) -> str:
    """A problem without the outcome for the file, which is printed elsewhere."""
    return problem.removesuffix("; not applied").removesuffix("; not analysed")


def _coverage(result: Result) -> Iterator[Line]:
    coverage = result.coverage
    functions = [_function(damaged) for damaged in coverage.damaged]
    # A problem of a patch is not repeated for the file.
    told = {_bare(problem) for patch in result.patches for problem in patch.problems}
    files = [
        f"{printable(skipped.path)} ({one_line(skipped.reason)})"
        for skipped in coverage.skipped
        if f"{skipped.path}: {skipped.reason}" not in told
    ]
    if above := len(coverage.skipped) - len(files):
        files.append(f"{above} named above")
    partly = [_function(damaged) for damaged in coverage.incomplete]
    for label, text in (
        ("not analysed", _some(functions)),
        ("files skipped", ", ".join(files)),
        ("analysed in part", _some(partly)),
    ):
        if text:
            yield prose((f"{label}: ", SEVERITIES["warning"]), (text, ""))
    yield prose((looked_at(result), DIM))
    for text in bases(result):
        yield prose((text, DIM))


def _function(damaged: Damaged) -> str:
    name = f"{damaged.function}()" if damaged.function else "text"
    return f"{name} at {printable(damaged.path)}:{damaged.line} ({one_line(damaged.reason)})"


def _some(items: Sequence[str]) -> str:
    more = len(items) - _NAMED
    return ", ".join(items[:_NAMED]) + (
        f" and {more} more (--format json names them all)" if more > 0 else ""
    )
