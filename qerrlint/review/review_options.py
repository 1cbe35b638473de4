# SPDX-License-Identifier: GPL-2.0-or-later
"""What every review is made with: rules, limits, the store, worker processes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from qerrlint.engine.time_limit import TimeLimit
from qerrlint.records import record
from qerrlint.review.scope import CALLER_FILES
from qerrlint.review.store.change_store import ChangeStore
from qerrlint.rules.rule import RuleSet

Advance = Callable[[int], None]


def _untold(_total: int) -> AbstractContextManager[Advance]:
    return nullcontext(lambda _done: None)


@record(frozen=True, slots=True)
class Workers:
    """How many processes work on a review (0: one for each core), and who is told of the progress:
    `progress(total)` gives a context that takes the number of things done."""

    jobs: int = 1
    progress: Callable[[int], AbstractContextManager[Advance]] = _untold


ALONE = Workers()
"""This process alone, without a report of the progress."""


@record(frozen=True, slots=True)
class ReviewOptions:
    """What every review is made with.

    `rules`: those whose findings are wanted. `caller_files`: the most unchanged files in which callers of a
    changed contract are analysed. `store`: what earlier runs have kept. `limit`: when no further file is
    begun.
    """

    rules: RuleSet
    caller_files: int = CALLER_FILES
    store: ChangeStore | None = None
    workers: Workers = ALONE
    limit: TimeLimit | None = None
