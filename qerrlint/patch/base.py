# SPDX-License-Identifier: GPL-2.0-or-later
"""Which commit a series was made on; it asks the repository about commits and blobs, and reads no file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qerrlint.patch.series import Series
from qerrlint.records import record

if TYPE_CHECKING:
    from qerrlint.source.repository import Repository


# Seconds since 1970 before any commit of any project; git takes smaller numbers for dates in other forms.
_FIRST_DATE = 10**8


@record(frozen=True, slots=True)
class Base:
    """The commit to apply a series on and how it was found: given, base-commit, blobs, date or HEAD.

    `notes` are sentences for the reader: what did not fit on the way.
    """

    revision: str
    found_by: str
    notes: tuple[str, ...] = ()


def preimages(series: Sequence[Series] | Series) -> dict[str, str]:
    """Path to the blob id (abbreviated) that the first change of each path starts from.

    Paths that the series itself creates, or gives their name, before they change are left out.
    """
    found: dict[str, str] = {}
    made: set[str] = set()
    for each in (series,) if isinstance(series, Series) else series:
        for patch in each.patches:
            for change in patch.changes:
                path = change.old_path
                if path is not None and path not in made:
                    if change.old_blob is not None and change.old_blob.strip("0") and change.regular:
                        found.setdefault(path, change.old_blob)
                    made.add(path)
                if change.new_path is not None:
                    made.add(change.new_path)
    return found


def find_base(
    series: Sequence[Series] | Series, repo: Repository, given: str | None = None, *, partial: bool = False
) -> Base:
    """The base of a series, or of several that apply on top of each other, in this order: `given`; the first
    `base-commit:` line, if that commit is here; a commit whose blobs match all `index` lines; the last commit
    of HEAD's first-parent line before the first mail's date; HEAD.

    Of several commits that match, the newest one that is not younger than the mail is taken. Where
    patches are missing from the series, or (`partial`) in front of it, blobs that only they made are
    unknown to the repository: then the other blobs decide. Raises InputError when `given` or HEAD names no
    commit.
    """
    if given is not None:
        return Base(repo.resolve(given), "given")
    every = (series,) if isinstance(series, Series) else tuple(series)
    notes = []
    named = next((commit for one in every if (commit := one.base_commit)), None)
    if named is not None:
        if repo.has_commit(named):
            return Base(repo.resolve(named), "base-commit")
        notes.append(f"the base-commit {named[:12]} is not in {repo.root}")
    blobs = preimages(series)
    patches = [patch for one in every for patch in one.patches]
    dates = [patch.message.date for patch in patches if patch.message.date is not None]
    before = int(dates[0].timestamp()) if dates else None
    if before is not None and before < _FIRST_DATE:
        before = None
    missing = repo.missing_blobs(blobs.values()) if partial or any(s.missing for s in every) else frozenset()
    unknown = [path for path, blob in blobs.items() if blob in missing]
    known = {path: blob for path, blob in blobs.items() if path not in unknown}
    commits = repo.commits_containing(known, before=before) if known else ()
    if commits:
        notes += [
            f"{path}: blob {blobs[path]} is unknown, it may come from a missing patch" for path in unknown
        ]
        return Base(commits[0], "blobs", tuple(notes))
    if blobs:
        notes.append("no commit has all the blobs that the patches start from")
    head = repo.resolve("HEAD")
    dated = repo.commit_before(before, head) if before is not None else None
    if dated is not None and dated != head:
        return Base(dated, "date", tuple(notes))
    return Base(head, "HEAD", tuple(notes))
