# SPDX-License-Identifier: GPL-2.0-or-later
"""Series out of the mails of a thread, and which of all series supersede which."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

from qerrlint.errors import UsageError
from qerrlint.lazy_patterns import lazy_re
from qerrlint.patch.group_messages import assemble
from qerrlint.patch.message import Message
from qerrlint.patch.series import Series
from qerrlint.patch.subject import folded, parse_subject
from qerrlint.watch.state import FAILED, REVIEWED, WAITING, SeriesRow

NEW, FINDINGS, CLEAN = "new", "has findings", "no findings"
SUPERSEDED, NOT_APPLIED = "superseded", "could not be applied"
NOT_REVIEWED, INCOMPLETE = "not reviewed", "incomplete"
STATES = (NEW, FINDINGS, CLEAN, SUPERSEDED, NOT_APPLIED, NOT_REVIEWED, INCOMPLETE)
"""What a series can be listed under, in the order of a filter."""

# Folders whose parts have maintainers of their own.
_DIVIDED = ("hw", "target")
_UNSAFE = lazy_re(r"[^A-Za-z0-9._+-]+")


def series_of(messages: Sequence[Message]) -> list[Series]:
    """The series of a thread that have patches, in every version."""
    newest = [one for one in assemble(messages) if one.patches]
    versions = sorted({parse_subject(message.subject).version for message in messages})
    found = [one for version in versions for one in _of_version(messages, version) if one.patches]
    # A patch that was sent again alone stands in the newest version, which has the others from the one
    # before.
    found = [_filled(one, newest) for one in found]
    known = {ident for one in found for ident in one.message_ids}
    return found + [one for one in newest if not one.message_ids & known]


def _of_version(messages: Sequence[Message], version: int) -> list[Series]:
    try:
        return assemble(messages, version)
    except UsageError:
        return []  # only answers name it


def _filled(one: Series, newest: Sequence[Series]) -> Series:
    if not one.missing:
        return one
    own = one.message_ids
    whole = [other for other in newest if other.version == one.version and own and own <= other.message_ids]
    return next((other for other in whole if len(other.missing) < len(one.missing)), one)


def row_of(series: Series, times: dict[str, int], known: Iterable[SeriesRow]) -> SeriesRow:
    """The row of a series, not reviewed. `times` are those of the thread's mails, by id.

    It has the key and the page of the one among `known` that has a mail in common, and is of the same
    version.
    """
    mails = tuple(sorted(series.message_ids))
    first = series.message_id or (mails[0] if mails else "")
    there = next(
        (row for row in known if row.version == series.version and set(row.mails) & set(mails)), None
    )
    key = there.key if there is not None else first
    patches = [patch.message.message_id or "" for patch in series.patches]
    titles = {folded(title) for title in (series.title, *(patch.title for patch in series.patches))} - {""}
    totals = [patch.total for patch in series.patches if patch.total is not None]
    row = SeriesRow(
        key=key,
        page=page_name(key),
        title=series.title,
        author=(series.cover or series.patches[0].message).sender,
        version=series.version,
        patches=len(series.patches),
        total=max(totals, default=len(series.patches)),
        time=max((times.get(ident, 0) for ident in patches), default=0),
        mails=mails,
        titles=tuple(sorted(titles)),
    )
    return row if there is None else replace(row, run=there.run)


def page_name(key: str) -> str:
    """The name of a series' page: its id with what a file system or an address may take amiss replaced."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"{_UNSAFE.sub('_', key)[:100].lstrip('.-')}-{digest}.html"


def subsystems(paths: Iterable[str]) -> tuple[str, ...]:
    """What the files of a series belong to, by their folders; a header belongs where its folder's name
    does.
    """
    found = set()
    for path in paths:
        parts = path.removeprefix("include/").split("/")[:-1]
        depth = 2 if parts and parts[0] in _DIVIDED else 1
        found.add("/".join(parts[:depth]) or "top")
    return tuple(sorted(found))


def superseded(rows: Sequence[SeriesRow]) -> dict[str, str]:
    """For each key of a series of which a later version is there, the key of the latest one.

    A later version has a higher number and is no older; it shares the title of the whole or half of all
    titles.
    """
    by_title: dict[str, list[SeriesRow]] = {}
    for row in rows:
        for title in row.titles:
            by_title.setdefault(title, []).append(row)
    out = {}
    for row in rows:
        shared: dict[str, int] = {}
        later: dict[str, SeriesRow] = {}
        for title in row.titles:
            for other in by_title[title]:
                if other.version > row.version and other.time >= row.time:
                    later[other.key] = other
                    whole = title == folded(row.title) == folded(other.title)
                    shared[other.key] = shared.get(other.key, 0) + (len(row.titles) if whole else 1)
        found = [other for key, other in later.items() if 2 * shared[key] >= len(row.titles)]
        if found:
            out[row.key] = max(found, key=lambda other: (other.version, other.time, other.key)).key
    return out


def states(row: SeriesRow, newest_run: int) -> tuple[str, ...]:
    """What a series is listed under, of STATES."""
    found = []
    if row.state == WAITING:
        found.append(INCOMPLETE)
    elif row.run == newest_run:
        found.append(NEW)
    if row.state == FAILED:
        found.append(NOT_REVIEWED)
    if row.state == REVIEWED:
        if row.counts:
            found.append(FINDINGS)
        elif row.applied:
            found.append(CLEAN)
        if not row.applied:
            found.append(NOT_APPLIED)
    if row.superseded_by:
        found.append(SUPERSEDED)
    return tuple(found)
