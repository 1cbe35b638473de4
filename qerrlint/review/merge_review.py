# SPDX-License-Identifier: GPL-2.0-or-later
"""The review of a merge: what its result has that none of the merged commits has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from qerrlint.records import record
from qerrlint.result import Reported, Result, TreeInfo
from qerrlint.review.report_model import summary
from qerrlint.review.review_options import ReviewOptions
from qerrlint.review.revision_review import review_change
from qerrlint.review.scope import FilePair
from qerrlint.source.source import Source


@record(frozen=True, slots=True)
class Parent:
    """A commit that is merged: its tree, and the files in which the result of the merge differs from it."""

    before: Source
    pairs: Sequence[FilePair]


def review_merge(
    parents: Sequence[Parent],
    after: Source,
    options: ReviewOptions,
    tree: TreeInfo,
    changed: Iterable[str] = (),
) -> Result:
    """Report what `after` changes against the first of `parents`, all statuses, as review_change() does.

    A finding is introduced only if each parent lacks it, and allowed if it is so against one of them: what
    one side of a merge has is no work of the merge. A defect of both sides together, such as a new caller of
    a function that the other side changes, is lacking in each. `changed` are files beyond those of the
    parents whose functions are to be known by their bodies. Raises ValueError without parents.
    """
    first, *others = parents
    near = set(changed)
    near |= {path for parent in parents for pair in parent.pairs for path in (pair.old, pair.new) if path}
    result = review_change(first.before, after, first.pairs, options, tree, near)
    brought = 0
    for other in others:
        if all(found.status != "introduced" for found in result.findings):
            break
        against = review_change(other.before, after, other.pairs, options, tree, near)
        new = {_identity(found): found for found in against.findings if found.status == "introduced"}
        findings: list[Reported] = []
        for found in result.findings:
            if found.status != "introduced":
                findings.append(found)
                continue
            here = new.get(_identity(found))
            if here is None:
                brought += 1
                findings.append(replace(found, status="persisting", relation=None))
            else:
                findings.append(here if here.suppressed is not None else found)
        result = replace(result, findings=tuple(findings))
    if not others:
        return result
    return replace(
        result,
        summary=summary(result.findings),
        notices=(*result.notices, *_notices(others, brought)),
    )


def _identity(found: Reported) -> tuple[str, str]:
    """What is equal for a finding of `after`, whichever parent it is compared with."""
    return found.fingerprint, found.place.path


def _notices(others: Sequence[Parent], brought: int) -> tuple[str, ...]:
    names = ", ".join((parent.before.revision or "")[:12] for parent in others)
    if not brought:
        return (f"a merge: compared with {names} as well",)
    what = "one finding of theirs counts" if brought == 1 else f"{brought} findings of theirs count"
    return (f"a merge: compared with {names} as well; {what} as persisting",)
