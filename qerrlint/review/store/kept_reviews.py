# SPDX-License-Identifier: GPL-2.0-or-later
"""Reviews of whole series, kept by all that they were made from: the same patches on the same commit.

Nothing of the analysis is imported here: most of the time that a review takes whose Result is known would go
into that.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from dataclasses import replace

from qerrlint import result as model
from qerrlint.engine.store.cache_key import subject
from qerrlint.engine.store.cache_store import KEPT_FOR_TREE, Entry, Store
from qerrlint.engine.store.stored_objects import classes_by_name, loaded
from qerrlint.engine.time_limit import TimeLimit
from qerrlint.errors import InputError
from qerrlint.patch.series import Series
from qerrlint.review.difftext import diff_of_patch

_SCENE = "review"
# Bytes; the review of a whole release would displace too much else.
_LARGEST = 4 << 20
_CLASSES = classes_by_name(
    (
        *(model.Result, model.Reported, model.Place, model.ReportedStep, model.ReportedFix),
        *(model.ReportedEdit, model.RaisedBy, model.TreeInfo, model.PatchInfo, model.SeriesInfo),
        *(model.Coverage, model.Damaged, model.Skipped, model.ReportedExemption),
        *(model.ReportedContract, model.ReportedCaller, model.DiffFile, model.DiffHunk, model.DiffLine),
    )
)


class KeptReview:
    """The Result of one review in a store.

    `program` is the key of this program and its rules (engine.store.cache_key.program_key), `parts` are all
    else that the Result depends on. With `verify` nothing is found, and what is kept is compared with what
    is there. `limit`: the time of the run; a Result that is made later may lack something.
    """

    def __init__(
        self,
        store: Store,
        program: str,
        parts: Sequence[str],
        verify: bool = False,
        limit: TimeLimit | None = None,
    ) -> None:
        self._limit = limit
        self._store = store
        self._subject = f"{KEPT_FOR_TREE}{subject(program, 'review', *parts)}"
        self._verify = verify

    def find(self) -> model.Result | None:
        """The Result, None where the store has none."""
        return None if self._verify else self._found()

    def keep(self, result: model.Result) -> None:
        """Keep a Result, unless a defect of this program or the time left something out of it, or it is very
        large.

        Raises InputError where it is to be verified and the store has another one.
        """
        if any(skipped.trace for skipped in result.coverage.skipped):
            return
        if self._limit is not None and self._limit.passed():
            return
        if self._verify:
            if self._found() not in (None, result):
                raise InputError(f"{result.tree.root}: the store has another result of the whole review")
            return
        data = pickle.dumps(result, 4)
        if len(data) <= _LARGEST:
            self._store.add([Entry(self._subject, _SCENE, b"", data)])

    def _found(self) -> model.Result | None:
        entry = self._store.exact((self._subject,), (_SCENE,)).get(self._subject)
        result = loaded(entry.result, _CLASSES) if entry is not None else None
        return result if isinstance(result, model.Result) else None


def without_diffs(result: model.Result) -> model.Result:
    """The Result without the texts of its patches, which the caller has: with them it is several
    times as large."""
    return replace(result, patches=tuple(replace(info, diff=()) for info in result.patches))


def with_diffs(result: model.Result, series: Sequence[Series]) -> model.Result:
    """The Result with the texts of its patches, those of `series` in their order."""
    patches = [patch for one in series for patch in one.patches]
    infos = zip(result.patches, patches, strict=True)
    shown = (replace(info, diff=diff_of_patch(patch.changes)) for info, patch in infos)
    return replace(result, patches=tuple(shown))


def digest_of(made_from: object) -> str:
    """A digest of what a review is made from: plain values in a fixed order, such as what mails say."""
    return hashlib.sha256(pickle.dumps(made_from, 4)).hexdigest()
