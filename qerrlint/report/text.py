# SPDX-License-Identifier: GPL-2.0-or-later
"""Text for people: each finding with its code, path and advice, then what was analysed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TextIO

from qerrlint.report.printable import excerpt, fitted, one_line, printable
from qerrlint.report.wording import (
    bases,
    circumstances,
    looked_at,
    patch_name,
    patch_title,
    position,
    raised,
    settled,
    standing,
    tally,
)
from qerrlint.result import Damaged, PatchInfo, Place, Reported, ReportedExemption, Result

Segment = tuple[str, str]
Line = tuple[Segment, ...]

_COLOUR = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}
_FRAME = "blue"
_NAMED = 5


def write(result: Result, stream: TextIO, colour: bool) -> None:
    """Write the text rendering; colours, and the rich package, only on a terminal without NO_COLOR."""
    if colour and stream.isatty() and not os.environ.get("NO_COLOR"):
        from rich.console import Console
        from rich.text import Text

        console = Console(file=stream, highlight=False, markup=False, emoji=False)
        for line in lines(result):
            styled = Text.assemble(*((fitted(text, stream), style) for text, style in line))
            console.print(styled, soft_wrap=True)
        return
    for line in lines(result):
        stream.write(fitted("".join(text for text, _ in line).rstrip(), stream) + "\n")


def lines(result: Result) -> Iterator[Line]:
    """The rendering as lines of (text, style) segments, in a stable order."""
    brief = settled(result)
    for found in standing(result):
        yield from _finding(found, result)
        yield ()
    for found in brief:
        yield _credited(found, result)
    if brief:
        yield ()
    if result.exempted:
        yield from _exempted(result)
        yield ()
    if result.against is not None:
        from qerrlint.report.against_text import against_lines

        yield from against_lines(result.against)
        yield ()
    for patch in result.patches:
        yield from _troubles(patch)
    for notice in result.notices:
        yield ("note: ", _COLOUR["note"]), (one_line(notice), "")
    yield from _coverage(result)
    yield ((tally(result), "bold"),)


def _finding(found: Reported, result: Result) -> Iterator[Line]:
    places = [found.place, *(step.place for step in found.steps)]
    gutter = max(len(str(place.line)) for place in places)
    colour = _COLOUR.get(found.severity, "")
    yield (
        (position(found.place), "bold"),
        (f": {found.severity}[{found.rule}]", colour),
        (f": {one_line(found.message)}", "bold"),
    )
    yield from _code(found.place, gutter, "^", colour)
    blank = " " * gutter
    for number, step in enumerate(found.steps, 1):
        yield (
            (f"{blank} {number}. ", _FRAME),
            (f"{position(step.place)}: ", ""),
            (one_line(step.message), ""),
        )
        yield from _code(step.place, gutter, "-", _FRAME)
    remarks = [("", text) for text in circumstances(found, result)]
    remarks.append(("", raised(found)))
    remarks.append(("help: ", found.advice))
    remarks.append(("note: ", f"qerrlint explain {found.rule}"))
    for label, text in remarks:
        if text:
            yield (f"{blank} = ", _FRAME), (label, "bold"), (one_line(text), "")


def _code(place: Place, gutter: int, mark: str, style: str) -> Iterator[Line]:
    if not place.source.strip():
        return
    shown = excerpt(place.source, place.column, place.end_column if place.end_line == place.line else None)
    frame = " " * gutter + " | "
    yield (f"{place.line:>{gutter}} | ", _FRAME), (shown.text, "")
    yield (frame, _FRAME), (" " * shown.indent + mark * shown.length, style)


def _credited(found: Reported, result: Result) -> Line:
    head = f"{position(found.place, column=False)}: {found.rule}: {one_line(found.message)}"
    if found.suppressed is not None:
        reason = one_line(found.suppressed)
        return ("suppressed: ", "dim"), (head + (f" ({reason})" if reason else ""), "dim")
    who = patch_name(found.patch, result)
    return ("fixed: ", "bold green"), (head + (f" (repaired by {who})" if who else ""), "")


def _exempted(result: Result) -> Iterator[Line]:
    """What exemptions took away, by exemption."""
    by_exemption: dict[tuple[str, str, str], list[ReportedExemption]] = {}
    for found in result.exempted:
        by_exemption.setdefault((found.exemption, found.effect, found.reason), []).append(found)
    for (exemption, effect, reason), group in sorted(by_exemption.items()):
        head = f"exempted, {exemption}" if effect == "drop" else f"{effect} confidence, {exemption}"
        yield (f"{head}: ", "bold"), (one_line(reason), "")
        for found in group:
            where = f" in {printable(found.function)}()" if found.function else ""
            yield ((f"  {printable(found.path)}:{found.line}: {found.rule}{where}", "dim"),)


def _troubles(patch: PatchInfo) -> Iterator[Line]:
    name = patch_title(patch)
    problems = [one_line(problem).rstrip(".") for problem in patch.problems]
    if not patch.applied:
        # Printed once, before all of them.
        problems = [_bare(problem) for problem in problems]
        problems = [f"not applied: {'; '.join(problems)}" if problems else "not applied"]
    for problem in problems:
        yield ("warning: ", _COLOUR["warning"]), (f"{name}: {problem}", "")


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
            yield (f"{label}: ", _COLOUR["warning"]), (text, "")
    yield ((looked_at(result), "dim"),)
    for text in bases(result):
        yield ((text, "dim"),)


def _function(damaged: Damaged) -> str:
    name = f"{damaged.function}()" if damaged.function else "text"
    return f"{name} at {printable(damaged.path)}:{damaged.line} ({one_line(damaged.reason)})"


def _some(items: Sequence[str]) -> str:
    more = len(items) - _NAMED
    return ", ".join(items[:_NAMED]) + (
        f" and {more} more (--format json names them all)" if more > 0 else ""
    )
