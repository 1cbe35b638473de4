# SPDX-License-Identifier: GPL-2.0-or-later
"""The review of series on the trees that they apply to: what `patch` does with its mails, and `watch`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qerrlint.cli.commands.cache import change_store, store_of
from qerrlint.cli.options import Options
from qerrlint.cli.review_input.device_tables import with_devices_of_series
from qerrlint.cli.settings import Settings, bound, settle, workers_of

if TYPE_CHECKING:
    from qerrlint.patch.series import Series
    from qerrlint.result import Result


def review_stacks(
    options: Options, base: str | None, series: Sequence[Series], beneath: Sequence[Series]
) -> tuple[Settings, Result]:
    """The review of all series, each stack of them on its own base.

    Each base's severities and baseline apply to its stack; the first base's settings decide what is shown.
    """
    from qerrlint.cli.review_input.base_selection import open_base, sorted_stacks
    from qerrlint.result import TreeInfo
    from qerrlint.review.apply_policy import judged_change
    from qerrlint.review.merge_results import merged
    from qerrlint.review.series_review import review_series
    from qerrlint.review.unfit_hunks import with_unfit_hunks

    results: list[Result] = []
    settings: Settings | None = None
    for stack in sorted_stacks(options, series, beneath):
        opened = open_base(options, base, [*beneath, *stack.series], partial=bool(stack.missing))
        if opened is None:
            from qerrlint.review.without_tree import review_loose

            settings = settle(options, None)
            result = review_loose(series, settings.rules)
            return settings, judged_change(result, settings.configuration, settings.baseline, None)
        with opened.source as source:
            own = settle(options, source)
            settings = settings or own
            tree = TreeInfo(opened.root, source.revision, opened.found_by, settings.reach)
            notes = [*opened.notes, *stack.notes]
            if own.configuration != settings.configuration:
                notes.append(
                    f'the base of "{stack.series[0].title}" has another configuration than that of the first '
                    "series: rules, filters and --fail-on are those of the first"
                )
            with store_of(options) as store:
                unfit, kept = with_unfit_hunks, change_store(store, settings)
                result = review_series(
                    *(source, stack, settings.rules, tree, notes, beneath, unfit, bound(options), kept),
                    workers=workers_of(options, "reviewing"),
                )
            result = with_devices_of_series(result, options, own, source, stack.series, beneath)
            results.append(judged_change(result, own.configuration, own.baseline, source))
    assert settings is not None
    return settings, merged(results)
