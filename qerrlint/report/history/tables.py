# SPDX-License-Identifier: GPL-2.0-or-later
"""A history counted by rule, family, subsystem and release; and the text of these tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from qerrlint.history.delta import Item
from qerrlint.history.run import Event, History
from qerrlint.report.printable import printable

_DEEP = frozenset(("hw", "target", "include", "tests", "linux-user", "bsd-user", "host"))
_MOST_ROWS = 20


@dataclass(slots=True)
class Count:
    """How many findings one row has: standing before, introduced, fixed, standing after."""

    start: int = 0
    introduced: int = 0
    fixed: int = 0
    end: int = 0


def subsystem(path: str) -> str:
    """The part of the tree that a file belongs to: its top folder, in hw/ and its like the second as well."""
    head, *rest = path.split("/")
    if not rest:
        return "."
    return f"{head}/{rest[0]}" if head in _DEEP and len(rest) > 1 else head


def counted(history: History, key: Callable[[Item], str]) -> dict[str, Count]:
    """The counts by a property of findings, sorted by it."""
    out: dict[str, Count] = {}
    for item in history.start or ():
        out.setdefault(key(item), Count()).start += 1
    for event in history.events:
        row = out.setdefault(key(event.item), Count())
        if event.kind == "introduced":
            row.introduced += 1
        else:
            row.fixed += 1
    for item in history.end:
        out.setdefault(key(item), Count()).end += 1
    return dict(sorted(out.items()))


def by_release(history: History) -> dict[str, Count]:
    """The counts by the release for which a commit was made, in the order of the releases."""
    out: dict[str, Count] = {one.release: Count() for one in history.plan.line}
    for event in history.events:
        row = out[event.release]
        if event.kind == "introduced":
            row.introduced += 1
        else:
            row.fixed += 1
    standing = len(history.start or ())
    for row in out.values():
        row.start = standing
        standing += row.introduced - row.fixed
        row.end = standing
    return out


def lines(history: History, family: Callable[[str], str], verbose: bool) -> Iterator[str]:
    """The text: what was looked at, and the tables; with `verbose` every event as well."""
    plan = history.plan
    yield (
        f"{plan.start[:12]}..{plan.end[:12]}: {history.commits} steps over {len(plan.line)} commits of the "
        f"first-parent line, {day(plan.line[0].time)} to {day(plan.line[-1].time)}"
    )
    introduced = sum(event.kind == "introduced" for event in history.events)
    yield (
        f"{len(history.start) if history.start is not None else 'unknown number'} standing before, "
        f"{introduced} introduced, {len(history.events) - introduced} fixed, "
        f"{len(history.end) if history.start is not None else 'unknown number'} standing after"
    )
    whole = history.start is not None
    yield from _table("release", by_release(history), whole, everything=True)
    yield from _table("family", counted(history, lambda item: family(item.rule)), whole)
    yield from _table("rule", counted(history, lambda item: item.rule), whole)
    yield from _table("subsystem", counted(history, lambda item: subsystem(item.path)), whole)
    if verbose:
        yield ""
        yield from map(event_line, history.events)
    for fault in history.faults:
        yield f"not analysed: {printable(fault)}"


def event_line(event: Event) -> str:
    """One event in one line."""
    item = event.item
    sign = "+" if event.kind == "introduced" else "-"
    place = f"{item.path}:{item.line}"
    return printable(f"{day(event.time)} {event.commit[:12]} {sign} {place} {item.function}(): {item.rule}")


def day(time: int) -> str:
    """The day of a time in seconds since 1970, in UTC."""
    return datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%d")


def _table(name: str, rows: dict[str, Count], whole: bool, everything: bool = False) -> Iterable[str]:
    order = [row for row in rows.items() if everything or whole or row[1].introduced or row[1].fixed]
    if not everything:
        order.sort(key=lambda row: (-row[1].introduced - row[1].fixed, -row[1].end, row[0]))
    shown = order if everything else order[:_MOST_ROWS]
    width = max([len(name), *(len(key) for key, _ in shown)])
    heads = ("before", "introduced", "fixed", "after") if whole else ("introduced", "fixed")
    yield ""
    yield f"{name:{width}}" + "".join(f"{head:>12}" for head in heads)
    for key, row in shown:
        numbers = (row.start, row.introduced, row.fixed, row.end) if whole else (row.introduced, row.fixed)
        yield f"{printable(key) or '-':{width}}" + "".join(f"{number:>12}" for number in numbers)
    if len(order) > len(shown):
        yield f"({len(order) - len(shown)} more in the JSON)"
