# SPDX-License-Identifier: GPL-2.0-or-later
"""Two versions of a series compared: which findings and remarks of the earlier one the later one answers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

from qerrlint.patch.series import Patch, Series
from qerrlint.patch.thread import Remark
from qerrlint.result import (
    ADDRESSED,
    LINE_CHANGED,
    LINE_SAME,
    NEW,
    REMAINING,
    UNKNOWN,
    Against,
    RaisedBy,
    RemarkSequel,
    Reported,
    Result,
    Sequel,
)
from qerrlint.review.series.remarks import Topic, about
from qerrlint.rules.rule import RuleSet


def compare_versions(
    later: Result, earlier: Result, later_series: Series, earlier_series: Series, rules: RuleSet
) -> Result:
    """The later version's Result with `against`, and with each finding that it introduces new or remaining;
    findings of other series in the same input are left as they are.

    Both results are unfiltered. A finding is taken for the same one when the fingerprints are equal, else
    when rule, file and function are, else when rule and statement are (the function has another name).
    """
    old = [found for found in earlier.findings if found.status == "introduced"]
    ids = later_series.message_ids
    others = {n for n, info in enumerate(later.patches, 1) if info.message_id and info.message_id not in ids}
    fresh = [f for f in later.findings if f.status == "introduced" and f.patch not in others]
    standing = [found for found in later.findings if found.status == "persisting"]
    partners = _paired(old, [*fresh, *standing])
    unread = _unread(later)
    partial = bool(later_series.missing)
    sequels = tuple(
        Sequel(found, _outcome(found, now, unread, partial), now)
        for number, found in enumerate(old)
        for now in (partners.get(number),)
    )
    before = {id(sequel.now): sequel.found for sequel in sequels if sequel.now is not None}
    own = {id(found) for found in fresh}
    findings = tuple(
        _with_earlier(found, before.get(id(found)), earlier_series.version) if id(found) in own else found
        for found in later.findings
    )
    after = {id(was): now for was, now in zip(later.findings, findings, strict=True)}
    sequels = tuple(
        replace(sequel, now=after[id(sequel.now)]) if sequel.now is not None else sequel for sequel in sequels
    )
    unknown = [
        f"version {earlier_series.version}, patch {info.index} was not applied: what it brought is not known"
        for info in earlier.patches
        if not info.applied
    ]
    return replace(
        later,
        findings=findings,
        notices=(*later.notices, *unknown),
        against=Against(
            earlier_series.version,
            earlier_series.title,
            earlier_series.message_id,
            earlier.tree,
            sequels,
            tuple(_remarks(earlier, earlier_series, later_series, sequels, rules.everything())),
            sum(found.against == NEW for found in findings),
        ),
    )


def _outcome(found: Reported, now: Reported | None, unread: frozenset[tuple[str, str]], partial: bool) -> str:
    if now is not None:
        return REMAINING
    if partial:  # a missing patch may have brought it back
        return UNKNOWN
    hidden = {(found.place.path, ""), (found.place.path, found.function)} & unread
    return UNKNOWN if hidden else ADDRESSED


def _unread(result: Result) -> frozenset[tuple[str, str]]:
    """(path, function) that the review could not read; with an empty function for a whole file."""
    coverage = result.coverage
    gone = {(skipped.path, "") for skipped in coverage.skipped}
    gone |= {(damaged.path, damaged.function) for damaged in (*coverage.damaged, *coverage.incomplete)}
    return frozenset(gone)


def _paired(old: Sequence[Reported], new: Sequence[Reported]) -> dict[int, Reported]:
    """For the number of each old finding the new one that is the same; each new one is given once."""
    keys: tuple[Callable[[Reported], Hashable], ...] = (
        lambda found: (found.fingerprint, found.place.path),
        lambda found: found.fingerprint,
        lambda found: (found.rule, found.place.path, found.function),
        lambda found: (found.rule, "".join(found.place.source.split())),
    )
    pairs: dict[int, Reported] = {}
    taken: set[int] = set()
    for key in keys:
        waiting: dict[Hashable, list[int]] = defaultdict(list)
        for number, found in enumerate(new):
            if number not in taken:
                waiting[key(found)].append(number)
        for number, found in enumerate(old):
            candidates = waiting.get(key(found))
            if number not in pairs and candidates:
                pairs[number] = new[candidates[0]]
                taken.add(candidates.pop(0))
    return pairs


def _with_earlier(found: Reported, before: Reported | None, version: int) -> Reported:
    """A finding that the later version introduces, with what the earlier one tells of it."""
    if before is None:
        return replace(found, against=NEW)
    raised = found.raised_by
    if raised is None and before.raised_by is not None:
        raised = RaisedBy(before.raised_by.sender, before.raised_by.message_id, version)
    return replace(found, against=REMAINING, raised_by=raised)


def _remarks(
    earlier: Result, series: Series, later_series: Series, sequels: Sequence[Sequel], rules: RuleSet
) -> list[RemarkSequel]:
    """What became of each remark of the earlier version: by the findings that it is about, else by its
    line."""
    added = {
        (change.path, _plain(text.decode("utf-8", "replace")))
        for patch in later_series.patches
        for change in patch.changes
        for hunk in change.hunks
        for sign, text in hunk.lines
        if sign == "+"
    }
    out: list[RemarkSequel] = []
    for patch, remark in series.remarks():
        if remark.path is None:
            continue
        on = [sequel for sequel in sequels if _on(remark, patch, sequel.found, earlier, rules)]
        line = _line(patch, remark)
        if on:
            outcomes = [sequel.outcome for sequel in on]
            outcome = next((o for o in (REMAINING, UNKNOWN) if o in outcomes), ADDRESSED)
        elif line.startswith("+") and re.search(r"\w", line):
            outcome = LINE_SAME if (remark.path, _plain(line[1:])) in added else LINE_CHANGED
        else:
            continue
        rule = on[0].found.rule if on else None
        out.append(
            RemarkSequel(remark.sender, remark.message_id, patch.index, remark.path, line, outcome, rule)
        )
    return list(dict.fromkeys(out))


def _on(remark: Remark, patch: Patch, found: Reported, earlier: Result, rules: RuleSet) -> bool:
    if found.patch is None or earlier.patches[found.patch - 1].message_id != patch.message.message_id:
        return False
    text = f"{found.message} {found.advice} {found.place.source}"
    return about(
        remark, Topic(rules.get(found.rule), found.place.path, found.diff_line, found.function, text)
    )


def _line(patch: Patch, remark: Remark) -> str:
    """The patch's own line that the remark stands below, with its sign."""
    if remark.text_line is None:
        return ""
    lines = patch.message.text.split("\n")
    return lines[remark.text_line - 1] if remark.text_line <= len(lines) else ""


def _plain(text: str) -> str:
    return "".join(text.split())
