# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers of patches and hunks as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def listed_numbers(numbers: Sequence[int], titles: Mapping[int, str] | None = None) -> str:
    """Ascending numbers as text, runs of three and more without known titles as "1-57"."""
    known = titles or {}
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1 and number not in known and runs[-1][-1] not in known:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(_run(run, known) for run in runs)


def _run(run: Sequence[int], titles: Mapping[int, str]) -> str:
    if len(run) > 2:
        return f"{run[0]}-{run[-1]}"
    return ", ".join(f'{number} ("{titles[number]}")' if number in titles else str(number) for number in run)
