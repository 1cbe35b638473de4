# SPDX-License-Identifier: GPL-2.0-or-later
"""The review of series on the trees that they apply to: what `patch` does with its mails, and `watch`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qerrlint.cli.commands.cache import kept_review, review_options, store_of
from qerrlint.cli.options import Options
from qerrlint.cli.review_input.device_tables import with_devices_of_series
from qerrlint.cli.settings import Settings, settle

if TYPE_CHECKING:
    from qerrlint.patch.series import Series
    from qerrlint.patch.stacks import Stack
    from qerrlint.result import Result, TreeInfo
    from qerrlint.source.source import Source


def review_stacks(
    options: Options, base: str | None, series: Sequence[Series], beneath: Sequence[Series]
) -> tuple[Settings, Result]:
    """The review of all series, each stack of them on its own base.

    Each base's severities and baseline apply to its stack; the first base's settings decide what is shown.
    """
    from qerrlint.cli.review_input.base_selection import open_base, sorted_stacks
    from qerrlint.result import TreeInfo
    from qerrlint.review.apply_policy import judged_change

    results: list[Result] = []
    settings: Settings | None = None
    for stack in sorted_stacks(options, series, beneath):
        opened = open_base(options, base, [*beneath, *stack.series], partial=bool(stack.missing))
        if opened is None:
            from qerrlint.review.series.without_tree import review_loose

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
            result = _reviewed(options, settings, source, tree, notes, stack, beneath)
            result = with_devices_of_series(result, options, own, source, stack.series, beneath)
            results.append(judged_change(result, own.configuration, own.baseline, source))
    assert settings is not None
    if len(results) == 1:
        return settings, results[0]
    from qerrlint.review.series.merge_results import merged

    return settings, merged(results)


def _reviewed(
    options: Options,
    settings: Settings,
    source: Source,
    tree: TreeInfo,
    notes: Sequence[str],
    stack: Stack,
    beneath: Sequence[Series],
) -> Result:
    """The review of one stack on its base, from the store where it has been made before."""
    with store_of(options) as store:
        kept = None
        if store is not None and source.revision is not None:
            from qerrlint.review.store.kept_reviews import with_diffs, without_diffs

            kept = kept_review(store, settings, tree, (tuple(notes), stack, tuple(beneath)))
            found = kept.find()
            if found is not None:
                return with_diffs(found, stack.series)
        from qerrlint.review.series.series_review import review_series
        from qerrlint.review.series.unfit_hunks import with_unfit_hunks

        reviewed = review_series(
            *(source, stack, review_options(settings, store), tree, notes, beneath, with_unfit_hunks)
        )
        if kept is not None:
            kept.keep(without_diffs(reviewed))
        return reviewed
