# SPDX-License-Identifier: GPL-2.0-or-later
"""The commits that introduced findings, as text and as JSON, `qerrlint-blame/1`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from qerrlint import __version__
from qerrlint.history.blame import Origin
from qerrlint.report.history.tables import day
from qerrlint.report.printable import printable

SCHEMA = "qerrlint-blame/1"


def lines(one: Origin) -> Iterator[str]:
    """The text about one finding."""
    item, was = one.item, one.was
    yield printable(f"{item.path}:{item.line}: {item.severity}: {item.message} [{item.rule}]")
    yield f"    fingerprint {item.fingerprint}, in {printable(item.function)}()"
    if one.commit is None:
        yield f"    no commit found: {printable(one.why)}"
        return
    there = ""
    if was is not None and (was.path, was.function) != (item.path, item.function):
        there = printable(f", in {was.path}, {was.function}()")
    yield f"    introduced by {one.commit}, {day(one.time)}{there}"
    yield f"    {printable(one.fixes)}"


def document(every: Sequence[Origin], revision: str) -> dict[str, Any]:
    """All of them as plain values; times are seconds since 1970."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "qerrlint", "version": __version__},
        "revision": revision,
        "findings": [
            {
                **asdict(one.item),
                "introduced_by": one.commit,
                "time": one.time if one.commit is not None else None,
                "fixes": one.fixes or None,
                "was": asdict(one.was) if one.was is not None else None,
                "why": one.why or None,
            }
            for one in every
        ],
    }
