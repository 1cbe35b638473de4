# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of the watcher: mails in, series reviewed, pages, drafts, index and feed out.

Each step can be broken off at any moment; the next run goes on where this one was. A page is written before
the state has its review: at worst it is written again, with the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from qerrlint.cli.options import Options
from qerrlint.cli.output_files import written
from qerrlint.cli.watching.review_process import Outcome, Task, outcomes, read_thread
from qerrlint.errors import InputError, UsageError
from qerrlint.patch.mail.arrivals import StoredMails, deliveries, month_before_newest
from qerrlint.records import record
from qerrlint.report.site.feed import feed
from qerrlint.report.site.index_page import failed_page, index_page, with_site_line
from qerrlint.source.writing import remove_leftovers
from qerrlint.watch.series_rows import row_of, series_of, subsystems, superseded
from qerrlint.watch.state import FAILED, REVIEWED, WAITING, Draft, SeriesRow, State, StoredMail

# A series whose patches are not all there is reviewed as it is when nothing has come for so long.
PATIENCE = 3600
# How many reviews the index may lag behind: a first run can take hours.
_SITE_AFTER = 25
_DRAFTS = ("cur", "new", "tmp")


@record(frozen=True, slots=True)
class Setup:
    """What the command was told: folders, and who writes replies ("" for none)."""

    inbox: str
    site: str
    drafts: str | None
    sender: str
    title: str
    url: str
    jobs: int
    limit: float
    start: int | None
    date: datetime


@dataclass(slots=True)
class Counts:
    """What a run has done."""

    mails: int = 0
    reviewed: int = 0
    failed: int = 0
    drafts: int = 0


def run_once(options: Options, setup: Setup, state: State, told: Callable[[str], None]) -> Counts:
    """Do all that there is to do. Raises InputError when the archive, UsageError when the site fails."""
    counts = Counts()
    _folders(setup)
    if not state.has_fact("start"):
        # Asked once: it means a look at every mail of a folder.
        state.set_fact("start", str(_start(setup)))
    for delivery in deliveries(setup.inbox, state.marks(), int(state.fact("start", "0"))):
        counts.mails += state.take(delivery)
    number = int(state.fact("run", "1"))
    tasks: dict[str, tuple[int, SeriesRow]] = {}

    def work() -> Iterator[Task]:
        for thread in state.open_threads():
            for row, task in _to_review(setup, state, stored, thread, number):
                tasks[row.key] = (thread, row)
                yield task

    with StoredMails(setup.inbox) as stored:
        for task, outcome in outcomes(options, work(), setup.jobs, setup.limit):
            thread, row = tasks.pop(task.key)
            _keep(setup, state, thread, row, outcome)
            counts.reviewed += 1
            if counts.reviewed % _SITE_AFTER == 0:
                _write_site(setup, state, number)
            if outcome.failed:
                counts.failed += 1
                told(f"<{row.key}>: not reviewed: {outcome.failed}")
    for thread in state.open_threads():
        if not any(row.state == WAITING for row in state.series(thread)):
            state.settle_thread(thread)
    counts.drafts = _write_drafts(setup, state)
    _write_site(setup, state, number)
    if any(row.run == number for row in state.series()):
        state.set_fact("run", str(number + 1))
    return counts


def _start(setup: Setup) -> int:
    return month_before_newest(setup.inbox) if setup.start is None else setup.start


def _folders(setup: Setup) -> None:
    wanted = [os.path.join(setup.site, "series")]
    if setup.drafts is not None:
        wanted += [os.path.join(setup.drafts, part) for part in _DRAFTS]
    folder = ""
    try:
        for folder in wanted:
            os.makedirs(folder, exist_ok=True)
        for folder in (setup.site, *wanted):
            remove_leftovers(folder)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made or written: {error.strerror}") from None


def _to_review(
    setup: Setup, state: State, stored: StoredMails, thread: int, number: int
) -> Iterator[tuple[SeriesRow, Task]]:
    """The series of a thread that have to be reviewed: new ones, and those with new mails."""
    mails = state.mails(thread)
    data = [_bytes(setup, stored, mail) for mail in mails]
    messages = read_thread(data, setup.inbox)
    numbers = {mail.ident: mail.number for mail in mails}
    times = {mail.ident: mail.time for mail in mails}
    known = state.series(thread)
    for one in series_of(messages):
        row = row_of(one, times, known)
        answers = [reply.message.message_id or "" for reply in one.replies]
        seen = tuple(sorted({numbers[ident] for ident in (*row.mails, *answers) if ident in numbers}))
        row = replace(row, seen=seen, run=row.run or number)
        there = next((other for other in known if other.key == row.key), None)
        if there is not None and there.seen == seen and there.state != WAITING:
            continue
        if one.missing and time.time() - max(times.values(), default=0) < PATIENCE:
            if there is None or there.state == WAITING:
                state.keep(thread, [replace(row, state=WAITING)])
            continue
        own = frozenset(row.mails)
        yield row, Task(row.key, tuple(data), own, setup.sender, setup.date)


def _bytes(setup: Setup, stored: StoredMails, mail: StoredMail) -> bytes:
    if mail.data is not None:
        return mail.data
    data = stored.read(mail.place, mail.blob)
    if data is None:
        raise InputError(f"{setup.inbox}: the mail <{mail.ident}> is gone")
    return data


def _keep(setup: Setup, state: State, thread: int, row: SeriesRow, outcome: Outcome) -> None:
    row = replace(
        row,
        state=FAILED if outcome.failed else REVIEWED,
        applied=outcome.applied,
        counts=outcome.counts,
        findings=outcome.findings,
        subsystems=subsystems(outcome.paths),
        problems=(outcome.failed,) if outcome.failed else outcome.problems,
    )
    page = failed_page(row) if outcome.failed else outcome.page
    _write(os.path.join(setup.site, "series", row.page), with_site_line(page, row, {}))
    drafts = []
    for answered, data in outcome.drafts if setup.drafts is not None else ():
        digest = hashlib.sha256(answered.encode("utf-8", "surrogateescape")).hexdigest()[:24]
        # The form of a maildir: time, something unique, a host; D marks a draft.
        drafts.append(Draft(answered, f"{max(row.time, 0)}.qerrlint-{digest}.localhost:2,D", data))
    state.keep(thread, [row], drafts)


def _write_drafts(setup: Setup, state: State) -> int:
    """Write the drafts that are no files yet: under tmp/, then moved, as maildirs want it."""
    number = 0
    if setup.drafts is None:
        return number
    for draft in state.unwritten():
        final = os.path.join(setup.drafts, "cur", draft.name)
        if not os.path.lexists(final):
            with written(os.path.join(setup.drafts, "tmp", draft.name.partition(":")[0])) as stream:
                stream.write(draft.data)
            os.replace(os.path.join(setup.drafts, "tmp", draft.name.partition(":")[0]), final)
        state.set_written(draft)
        number += 1
    return number


def _write_site(setup: Setup, state: State, number: int) -> None:
    """Write index and feed, and the lines of pages that lead to later versions."""
    rows = state.series()
    later = superseded(rows)
    changed = [row for row in rows if row.superseded_by != later.get(row.key, "")]
    rows = [replace(row, superseded_by=later.get(row.key, "")) for row in rows]
    by_key = {row.key: row for row in rows}
    for row in rows:
        if row.superseded_by and row.state != WAITING:
            path = os.path.join(setup.site, "series", row.page)
            _write_if_other(path, with_site_line(_read(path), row, by_key))
    for row in changed:
        state.keep(state.thread_of(row.key), [by_key[row.key]])
    newest = max((row.run for row in rows if row.state != WAITING), default=number)
    _write_if_other(os.path.join(setup.site, "index.html"), index_page(rows, newest, setup.title))
    ident = state.fact("feed", f"urn:uuid:{uuid.uuid4()}")
    _write_if_other(os.path.join(setup.site, "feed.atom"), feed(rows, newest, setup.title, ident, setup.url))


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _write_if_other(path: str, text: str) -> None:
    if _read(path) != text:
        _write(path, text)


def _write(path: str, text: str) -> None:
    with written(path) as stream:
        stream.write(text.encode("utf-8", "surrogateescape"))


def summary(counts: Counts, series: Sequence[SeriesRow]) -> str:
    """A run in one sentence."""
    text = f"{counts.mails} new mails, {counts.reviewed} series reviewed"
    if counts.failed:
        text += f" ({counts.failed} of them failed)"
    if counts.drafts:
        text += f", {counts.drafts} drafts written"
    return f"{text}; {len(series)} series in all"
