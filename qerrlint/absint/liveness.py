# SPDX-License-Identifier: GPL-2.0-or-later
"""Liveness on bit masks: which of numbered facts can still matter at the start of each block."""

from __future__ import annotations

from collections.abc import Sequence


def live_masks(used: Sequence[int], killed: Sequence[int], successors: Sequence[Sequence[int]]) -> list[int]:
    """For each block the facts that some path from its start uses before it assigns them.

    `used[b]` is the mask of the facts that block b (its events, or the tests on its edges) uses before it
    assigns them, `killed[b]` that of those it assigns, `successors[b]` the blocks that its edges lead to. The
    least fixpoint, from the last block to the first, since most edges lead forwards.
    """
    live = list(used)
    changed = True
    while changed:
        changed = False
        for index in range(len(live) - 1, -1, -1):
            mask = live[index]
            kept = ~killed[index]
            for target in successors[index]:
                mask |= live[target] & kept
            if mask != live[index]:
                live[index] = mask
                changed = True
    return live
