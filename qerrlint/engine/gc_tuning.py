# SPDX-License-Identifier: GPL-2.0-or-later
"""How often Python's garbage collector runs."""

from __future__ import annotations

import gc

# Allocations before a walk over the young objects. Reference counts free nearly all that an analysis makes,
# and what stays (trees of declarations, summaries) is walked over again and again for nothing.
_YOUNG = 100_000
_OLDER = 50


def relax() -> None:
    """Let the collector run seldom, for the rest of the process."""
    gc.set_threshold(_YOUNG, _OLDER, _OLDER)
