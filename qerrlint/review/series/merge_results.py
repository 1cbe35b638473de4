# SPDX-License-Identifier: GPL-2.0-or-later
"""Reviews of series on bases of their own made one Result; it reviews nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qerrlint.engine.located import exemption_order
from qerrlint.result import Coverage, PatchInfo, Reported, Result, SeriesInfo
from qerrlint.review.series.series_review import sort_key


def merged(results: Sequence[Result]) -> Result:
    """One Result of several; its tree is that of the first, and each series keeps its own.

    Raises ValueError for no result at all.
    """
    first, *rest = results
    if not rest:
        return first
    findings: list[Reported] = []
    patches: list[PatchInfo] = []
    series: list[SeriesInfo] = []
    for result in results:
        patches_before, series_before = len(patches), len(series)
        findings += [_moved(found, patches_before) for found in result.findings]
        patches += [replace(patch, series=patch.series + series_before) for patch in result.patches]
        series += result.series
    return Result(
        command=first.command,
        tree=first.tree,
        findings=tuple(sorted(findings, key=sort_key)),
        coverage=_summed([result.coverage for result in results]),
        patches=tuple(patches),
        summary={
            status: sum(result.summary.get(status, 0) for result in results) for status in first.summary
        },
        notices=tuple(dict.fromkeys(notice for result in results for notice in result.notices)),
        series=tuple(series),
        contracts=tuple(contract for result in results for contract in result.contracts),
        devices=tuple(device for result in results for device in result.devices),
        exempted=tuple(sorted({e for result in results for e in result.exempted}, key=exemption_order)),
    )


def _moved(found: Reported, offset: int) -> Reported:
    """The finding with its patches' places in the whole list."""
    return replace(
        found,
        patch=found.patch + offset if found.patch is not None else None,
        repaired_by=found.repaired_by + offset if found.repaired_by is not None else None,
    )


def _summed(parts: Sequence[Coverage]) -> Coverage:
    return Coverage(
        files=sum(part.files for part in parts),
        functions=sum(part.functions for part in parts),
        explored=sum(part.explored for part in parts),
        damaged=tuple(dict.fromkeys(item for part in parts for item in part.damaged)),
        incomplete=tuple(dict.fromkeys(item for part in parts for item in part.incomplete)),
        skipped=tuple(dict.fromkeys(item for part in parts for item in part.skipped)),
    )
