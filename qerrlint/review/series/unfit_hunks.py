# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes that do not fit the base: their hunks are reviewed as without a tree, and added to the review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qerrlint.patch.series import Series
from qerrlint.result import Coverage, Reported, Result, TreeInfo
from qerrlint.review.report_model import summary
from qerrlint.review.scope import is_c
from qerrlint.review.series.apply_series import Stage
from qerrlint.review.series.series_review import sort_key
from qerrlint.review.series.without_tree import review_loose
from qerrlint.rules.rule import RuleSet

_FOUND_BY = {
    "given": "which was given",
    "base-commit": "named by the base-commit trailer",
    "blobs": "found by the index lines",
    "date": "taken by the date of the mail",
    "HEAD": "taken from HEAD",
}


def with_unfit_hunks(
    result: Result, series: Sequence[Series], stages: Sequence[Stage], rules: RuleSet
) -> Result:
    """The review with what the hunks show by themselves that do not fit, and a sentence on what to try."""
    unfit = {id(stage.patch): tuple(stage.unfit) for stage in stages if stage.unfit}
    if not unfit:
        return result
    notices = (*result.notices, _advice(stages, result.tree))
    if not any(is_c(change.path) for changes in unfit.values() for change in changes):
        return replace(result, notices=notices)
    left = [
        replace(
            one,
            patches=tuple(
                replace(patch, changes=unfit.get(id(patch), ()), problems=(), refused=())
                for patch in one.patches
            ),
        )
        for one in series
    ]
    alone = review_loose(left, rules)
    known = {found.fingerprint for found in result.findings}
    more = [found for found in alone.findings if found.fingerprint not in known]
    findings: list[Reported] = sorted([*result.findings, *more], key=sort_key)
    return replace(
        result,
        findings=tuple(findings),
        coverage=_together(result.coverage, alone.coverage),
        summary=summary(findings),
        notices=notices,
    )


def _advice(stages: Sequence[Stage], tree: TreeInfo) -> str:
    paths = {change.path for stage in stages for change in stage.unfit}
    what = (
        f"the changes of {next(iter(paths))} do"
        if len(paths) == 1
        else f"the changes of {len(paths)} files do"
    )
    if tree.revision is None:
        base, advice = (
            f"{tree.root}",
            "name a tree that the patches were made for, or a git repository, with --tree",
        )
    else:
        found_by = _FOUND_BY.get(tree.base_found_by, tree.base_found_by)
        base = f"the base {tree.revision[:12]} ({found_by})"
        advice = "name the commit that the series was made for with --base, or what it builds on with --onto"
    return f"{what} not fit {base}: their hunks were analysed as without a tree; {advice}"


def _together(one: Coverage, other: Coverage) -> Coverage:
    return Coverage(
        files=one.files + other.files,
        functions=one.functions + other.functions,
        explored=one.explored + other.explored,
        damaged=tuple(dict.fromkeys((*one.damaged, *other.damaged))),
        incomplete=tuple(dict.fromkeys((*one.incomplete, *other.incomplete))),
        skipped=tuple(dict.fromkeys((*one.skipped, *other.skipped))),
    )
