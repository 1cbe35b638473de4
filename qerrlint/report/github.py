# SPDX-License-Identifier: GPL-2.0-or-later
"""Workflow commands of GitHub Actions: findings as annotations of a run.

GitHub keeps 10 annotations of each kind for a step and drops the others silently. So only as many are made,
one says how many more there are, and those are written to the log as plain lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from qerrlint.report.printable import characters, fitted, one_line, printable
from qerrlint.report.wording import account, count, gaps, position, standing
from qerrlint.result import Result

LIMIT = 10
"""Annotations of one kind that GitHub shows for a step (actions/toolkit, docs/problem-matchers.md)."""

_KINDS = {"error": "error", "warning": "warning", "note": "notice"}


def write(result: Result, stream: TextIO) -> None:
    """Write one command or one plain line a line."""
    for line in lines(result):
        stream.write(fitted(line, stream) + "\n")


def lines(result: Result) -> Iterator[str]:
    """The commands, those for errors first, then the plain lines for what is over the limit."""
    annotations: dict[str, list[tuple[str, str]]] = {kind: [] for kind in _KINDS.values()}
    for found in standing(result):
        place = found.place
        where: dict[str, str | int] = {"file": place.path, "line": place.line, "endLine": place.end_line}
        # The API takes columns only for a place within one line.
        if place.end_line == place.line:
            bounds = [characters(place.source, column) for column in (place.column, place.end_column)]
            where |= dict(zip(("col", "endColumn"), bounds, strict=True))
        where["title"] = f"qerrlint: {found.rule}"
        kind = _KINDS[found.severity]
        text = "\n".join(account(found, result))
        plain = f"{position(place)}: {found.severity}[{found.rule}]: {one_line(found.message)}"
        annotations[kind].append((_command(kind, where, text), plain))
    for gap in gaps(result):
        if gap.fatal:
            where = {} if gap.path is None else {"file": gap.path, "line": gap.line}
            where["title"] = "qerrlint: not analysed"
            annotations["warning"].append((_command("warning", where, gap.text), gap.text))
    dropped: list[str] = []
    numbers: list[str] = []
    # One notice has to remain for saying what was dropped.
    limits = {"error": LIMIT, "warning": LIMIT, "notice": LIMIT - 1}
    for kind, made in annotations.items():
        yield from (command for command, _ in made[: limits[kind]])
        rest = [plain for _, plain in made[limits[kind] :]]
        if rest:
            dropped += rest
            numbers.append(count(len(rest), kind))
    if dropped:
        text = (
            f"{', '.join(numbers)} more than GitHub shows for a step ({LIMIT} of a kind): they are in the log"
        )
        yield _command("notice", {"title": "qerrlint: more findings"}, text)
    for plain in dropped:
        # A plain line must not hold a command of the old form, which the runner finds anywhere in it.
        yield "not annotated: " + plain.replace("##[", "## [")


def _command(kind: str, properties: dict[str, str | int], text: str) -> str:
    """A workflow command, escaped as actions/toolkit escapes it."""
    named = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{kind} {named}::{_data(text)}"


def _data(text: str) -> str:
    # Line ends are escaped and stay; other control characters are escaped.
    lines = ["\r".join(map(printable, line.split("\r"))) for line in text.split("\n")]
    return "\n".join(lines).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str | int) -> str:
    return _data(str(value)).replace(":", "%3A").replace(",", "%2C")
