# SPDX-License-Identifier: GPL-2.0-or-later
"""When memory is given back: how often Python's garbage collector runs, and what the C library keeps."""

from __future__ import annotations

import gc
import sys
from contextlib import suppress

# Allocations before a walk over the young objects. Reference counts free nearly all that an analysis makes,
# and what stays (trees of declarations, summaries) is walked over again and again for nothing.
_YOUNG = 100_000
_OLDER = 50


def relax() -> None:
    """Let the collector run seldom, for the rest of the process."""
    gc.set_threshold(_YOUNG, _OLDER, _OLDER)


def give_back() -> None:
    """Collect objects that refer to each other, and give memory that is free back to the system.

    The allocator of glibc keeps what lies between blocks in use (malloc_trim(3)); other C libraries are left
    alone.
    """
    gc.collect()
    if sys.platform == "linux":
        # A short command does without this import.
        import ctypes

        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)
