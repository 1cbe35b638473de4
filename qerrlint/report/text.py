# SPDX-License-Identifier: GPL-2.0-or-later
"""Text for people: each finding with its code, path and remedy, then what was looked at; no JSON here."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import TextIO

from qerrlint.report.printable import excerpt, fitted, one_line, printable
from qerrlint.review.result import Damaged, PatchInfo, Place, Reported, Result, TreeInfo

Segment = tuple[str, str]
Line = tuple[Segment, ...]

_COLOUR = {"error": "bold red", "warning": "bold yellow", "note": "bold cyan"}
_FRAME = "blue"
_RELATIONS = {
    "added-line": "on a line that it adds",
    "changed-function": "in a function that it changes",
    "affected-caller": "in a caller that it does not touch",
}
_FOUND_BY = {
    "given": "as given",
    "base-commit": "named by the base-commit trailer",
    "blobs": "found by the blobs of the index lines",
    "HEAD": "taken from HEAD",
    "directory": "the files as they are",
    "none": "no tree at hand",
}
_REACH = {
    "tree": "the whole tree in reach",
    "headers": "headers in reach",
    "patch": "the patch alone in reach",
}
_NAMED = 5
_TAGS = re.compile(r"(?:\[[^]]*\]\s*)+")


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
    brief = [found for found in result.findings if found.status == "fixed" or found.suppressed is not None]
    for found in result.findings:
        if found.status != "fixed" and found.suppressed is None:
            yield from _finding(found, result)
            yield ()
    for found in brief:
        yield _credited(found, result)
    if brief:
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
    yield ((_tally(result), "bold"),)


def _finding(found: Reported, result: Result) -> Iterator[Line]:
    places = [found.place, *(step.place for step in found.steps)]
    gutter = max(len(str(place.line)) for place in places)
    colour = _COLOUR.get(found.severity, "")
    yield (
        (_position(found.place), "bold"),
        (f": {found.severity}[{found.rule}]", colour),
        (f": {one_line(found.message)}", "bold"),
    )
    yield from _code(found.place, gutter, "^", colour)
    blank = " " * gutter
    for number, step in enumerate(found.steps, 1):
        yield (
            (f"{blank} {number}. ", _FRAME),
            (f"{_position(step.place)}: ", ""),
            (one_line(step.message), ""),
        )
        yield from _code(step.place, gutter, "-", _FRAME)
    remarks = [("", text) for text in _circumstances(found, result)]
    if found.raised_by is not None:
        message_id = f" in <{found.raised_by.message_id.strip('<>')}>" if found.raised_by.message_id else ""
        version = found.raised_by.version
        earlier = f", on version {version}: it is still there" if version is not None else ""
        remarks.append(("", f"raised by {found.raised_by.sender}{message_id}{earlier}"))
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


def _circumstances(found: Reported, result: Result) -> Iterator[str]:
    parts = [f"in {found.function}()"] if found.function else []
    if found.status == "introduced":
        parts.append(f"introduced by {_patch_name(found.patch, result) or 'the change'}")
        parts.append(_RELATIONS.get(found.relation or "", ""))
    elif found.status == "persisting":
        parts.append("there before the change")
    if found.against == "remaining":
        parts.append("as in the earlier version")
    elif found.against == "new":
        parts.append("not in the earlier version")
    if found.confidence != "high":
        parts.append(f"{found.confidence} confidence")
    yield ", ".join(part for part in parts if part)
    if found.transient:
        yield _repaired(found, result)


def _repaired(found: Reported, result: Result) -> str:
    by = _patch_name(found.repaired_by, result) or "a later patch of the series"
    return f"repaired by {by}; between the two the tree is wrong, which a bisection meets"


def _credited(found: Reported, result: Result) -> Line:
    head = f"{_position(found.place, column=False)}: {found.rule}: {one_line(found.message)}"
    if found.suppressed is not None:
        reason = one_line(found.suppressed)
        return ("suppressed: ", "dim"), (head + (f" ({reason})" if reason else ""), "dim")
    who = _patch_name(found.patch, result)
    return ("fixed: ", "bold green"), (head + (f" (repaired by {who})" if who else ""), "")


def _troubles(patch: PatchInfo) -> Iterator[Line]:
    name = _named(patch)
    problems = [one_line(problem).rstrip(".") for problem in patch.problems]
    if not patch.applied:
        problems = [f"not applied: {'; '.join(problems)}" if problems else "not applied"]
    for problem in problems:
        yield ("warning: ", _COLOUR["warning"]), (f"{name}: {problem}", "")


def _coverage(result: Result) -> Iterator[Line]:
    coverage = result.coverage
    functions = [_function(damaged) for damaged in coverage.damaged]
    files = [f"{printable(skipped.path)} ({one_line(skipped.reason)})" for skipped in coverage.skipped]
    partly = [_function(damaged) for damaged in coverage.incomplete]
    for label, items in (("not analysed", functions), ("files skipped", files), ("analysed in part", partly)):
        if items:
            yield (f"{label}: ", _COLOUR["warning"]), (_some(items), "")
    own = {one.tree for one in result.series}
    stated = _base(result.tree, bool(result.patches)) if len(own) < 2 else "each series on a base of its own"
    yield (
        (
            f"{_count(coverage.explored, 'function')} explored of {coverage.functions} in "
            f"{_count(coverage.files, 'file')}; {stated}; {_REACH.get(result.tree.reach, result.tree.reach)}",
            "dim",
        ),
    )
    if len(own) > 1:
        for one in result.series:
            yield ((f'"{one_line(one.title)}": {_base(one.tree, True)}', "dim"),)


def _base(tree: TreeInfo, applied: bool) -> str:
    found_by = _FOUND_BY.get(tree.base_found_by, tree.base_found_by)
    if tree.base_found_by == "none":
        return found_by
    name = printable(tree.revision)[:12] if tree.revision else printable(tree.root or "")
    return f"base {name} ({found_by})" if applied else f"{name} ({found_by})"


def _tally(result: Result) -> str:
    shown = [found for found in result.findings if found.status != "fixed" and found.suppressed is None]
    text = _count(len(shown), "finding") if shown else "no findings"
    severities = [
        _count(number, severity)
        for severity in ("error", "warning", "note")
        if (number := sum(found.severity == severity for found in shown))
    ]
    if severities:
        text += f" ({', '.join(severities)})"
    counts = [
        f"{number} {status}"
        for status in ("introduced", "fixed", "persisting", "suppressed")
        if (number := result.summary.get(status, 0))
    ]
    return f"{text}; in all {', '.join(counts)}" if counts else text


def _position(place: Place, column: bool = True) -> str:
    return f"{printable(place.path)}:{place.line}" + (f":{place.column}" if column else "")


def _function(damaged: Damaged) -> str:
    return f"{damaged.function}() at {printable(damaged.path)}:{damaged.line} ({one_line(damaged.reason)})"


def _some(items: Sequence[str]) -> str:
    more = len(items) - _NAMED
    return ", ".join(items[:_NAMED]) + (
        f" and {more} more (--format json names them all)" if more > 0 else ""
    )


def _patch_name(index: int | None, result: Result) -> str:
    """The name of a patch by its 1-based place in the result, or the empty text."""
    if index is None or not 1 <= index <= len(result.patches):
        return ""
    return _named(result.patches[index - 1])


def _named(patch: PatchInfo) -> str:
    subject = one_line(_TAGS.sub("", patch.subject, count=1))
    subject = subject if len(subject) <= 72 else subject[:69] + "..."
    if patch.total == 1:
        number = "the patch"
    else:
        number = f"patch {patch.index}" + (f"/{patch.total}" if patch.total else "")
    return f'{number} "{subject}"' if subject else number


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
