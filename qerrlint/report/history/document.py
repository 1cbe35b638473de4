# SPDX-License-Identifier: GPL-2.0-or-later
"""A history as JSON, `qerrlint-history/1`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from qerrlint import __version__
from qerrlint.history.delta import Item
from qerrlint.history.run import History
from qerrlint.report.history.tables import by_release, counted, subsystem

SCHEMA = "qerrlint-history/1"


def document(history: History, family: Callable[[str], str]) -> dict[str, Any]:
    """The history as plain values; times are seconds since 1970."""
    plan = history.plan
    keys: dict[str, Callable[[Item], str]] = {
        "family": lambda item: family(item.rule),
        "rule": lambda item: item.rule,
        "subsystem": lambda item: subsystem(item.path),
    }
    changes: dict[str, dict[str, Any]] = {}
    for event in history.events:
        entry = changes.setdefault(
            event.commit,
            {
                "commit": event.commit,
                "time": event.time,
                "release": event.release,
                "introduced": [],
                "fixed": [],
            },
        )
        entry[event.kind].append(asdict(event.item))
    return {
        "schema": SCHEMA,
        "tool": {"name": "qerrlint", "version": __version__},
        "range": {"start": plan.start, "end": plan.end},
        "steps": history.commits,
        "line": len(plan.line),
        "files_analysed": history.files,
        "standing_before": None if history.start is None else len(history.start),
        "standing_after": None if history.start is None else len(history.end),
        "by_release": {name: asdict(row) for name, row in by_release(history).items()},
        **{
            f"by_{name}": {value: asdict(row) for value, row in counted(history, key).items()}
            for name, key in keys.items()
        },
        "releases": [
            {"release": one.release, "commit": one.id, "time": one.time} for one in plan.line if one.released
        ],
        "changes": list(changes.values()),
        "points": [
            {"commit": point.commit, "time": point.time, "standing": dict(point.standing)}
            for point in history.points
        ],
        "standing": [asdict(item) for item in history.end],
        "not_analysed": list(history.faults),
    }
