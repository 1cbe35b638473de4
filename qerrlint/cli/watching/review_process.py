# SPDX-License-Identifier: GPL-2.0-or-later
"""The review of one series in a process of its own: a crash, a hang or a lack of memory costs that series."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from qerrlint.cli.options import Options
from qerrlint.cli.output import presented
from qerrlint.records import record

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from qerrlint.patch.message import Message
    from qerrlint.patch.series import Series
    from qerrlint.result import Result

_STATUSES = ("introduced", "fixed")
_SEVERITIES = ("error", "warning", "note")


@record(frozen=True, slots=True)
class Task:
    """A series to review: the mails of its thread as bytes, the ids of its own ones, who writes replies."""

    key: str
    mails: tuple[bytes, ...]
    own: frozenset[str]
    sender: str
    date: datetime


@record(frozen=True, slots=True)
class Outcome:
    """What a review gives. `failed` says why there is none; `drafts` are (id answered, mail); `counts` are
    findings by severity, the worst first."""

    failed: str = ""
    page: str = ""
    drafts: tuple[tuple[str, bytes], ...] = ()
    applied: bool = True
    counts: tuple[tuple[str, int], ...] = ()
    findings: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def read_thread(mails: Sequence[bytes], origin: str) -> list[Message]:
    """The messages of a thread's mails; one that cannot be read is a message that says so."""
    from qerrlint.errors import InputError
    from qerrlint.patch.mail.read_input import read_messages, unread

    def read(data: bytes) -> list[Message]:
        try:
            return read_messages(data, origin)
        except InputError as error:
            return [unread(origin, error)]

    return [message for data in mails for message in read(data)]


def outcomes(
    options: Options, tasks: Iterable[Task], jobs: int, limit: float
) -> Iterator[tuple[Task, Outcome]]:
    """Review series, up to `jobs` at a time and each for up to `limit` seconds; as they come to an end."""
    import multiprocessing
    from multiprocessing.connection import wait

    context = multiprocessing.get_context("spawn")
    waiting = iter(tasks)
    running: dict[Any, _Running] = {}
    try:
        while True:
            for task in islice(waiting, jobs - len(running)):
                started = _Running(context, options, task, limit)
                running[started.reader] = started
            if not running:
                return
            first = min(one.deadline for one in running.values())
            ready = wait(list(running), max(0.0, first - time.monotonic()))
            for reader, one in list(running.items()):
                if reader in ready or time.monotonic() >= one.deadline:
                    del running[reader]
                    yield one.task, one.outcome(limit)
    finally:
        for one in running.values():
            one.end()


@dataclass(slots=True)
class _Running:
    """A process at work on a task."""

    context: Any
    options: Options
    task: Task
    limit: float
    reader: Connection = field(init=False)
    process: Any = field(init=False)
    deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self.reader, writer = self.context.Pipe(duplex=False)
        # Each is one process of the number that the user allows.
        alone = replace(self.options, jobs=1)
        self.process = self.context.Process(target=_work, args=(writer, alone, self.task), daemon=True)
        self.process.start()
        writer.close()
        self.deadline = time.monotonic() + self.limit

    def outcome(self, limit: float) -> Outcome:
        """What the process has sent, else why it has not."""
        found = None
        if self.reader.poll():
            with suppress(EOFError, OSError):
                found = self.reader.recv()
        late = found is None and self.process.is_alive() and time.monotonic() >= self.deadline
        self.end()
        if isinstance(found, Outcome):
            return found
        if late:
            return Outcome(f"the review took longer than {limit:g} seconds")
        return Outcome(f"the review ended early (exit code {self.process.exitcode}; out of memory?)")

    def end(self) -> None:
        """End the process, at once where it is still at work."""
        self.process.join(0.5 if self.reader.poll() else 0)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.reader.close()


def _work(writer: Connection, options: Options, task: Task) -> None:
    import signal
    import threading

    from qerrlint.engine.gc_tuning import relax
    from qerrlint.engine.pool import end_with_parent
    from qerrlint.errors import QerrlintError

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    relax()
    try:
        found = reviewed(options, task)
    except QerrlintError as error:
        found = Outcome(str(error))
    except Exception as error:
        import traceback

        last = traceback.extract_tb(error.__traceback__)[-1]
        found = Outcome(
            f"internal error ({type(error).__name__} at {last.name}, line {last.lineno}): {error}"
        )
    writer.send(found)
    writer.close()


def reviewed(options: Options, task: Task) -> Outcome:
    """The review of a series, as `patch` would make it of the mails of its thread."""
    from qerrlint.cli.review_input.review_stacks import review_stacks
    from qerrlint.errors import InputError
    from qerrlint.report.html import write
    from qerrlint.review.folding import folded
    from qerrlint.watch.series_rows import series_of

    series = [one for one in series_of(read_thread(task.mails, task.key)) if one.message_ids & task.own]
    if not series:
        raise InputError("the mails of the series are no longer there")
    # What the page shows is worked out for it.
    options = replace(options, formats=("html",))
    settings, result = review_stacks(options, None, series, ())
    shown = [f for f in result.findings if settings.shows(f) and f.status in _STATUSES]
    found = folded(shown, settings.all_rules)
    page = io.StringIO()
    write(presented(result, settings, found, _STATUSES), page)
    news = [f for f in found if f.status == "introduced" and f.suppressed is None]
    told = folded([f for f in shown if f.status == "introduced"], settings.all_rules)
    counts = [(name, sum(f.severity == name for f in news)) for name in _SEVERITIES]
    return Outcome(
        page=page.getvalue(),
        drafts=tuple(_drafts(replace(result, findings=tuple(told)), series, task)),
        applied=all(patch.applied for patch in result.patches),
        counts=tuple((name, number) for name, number in counts if number),
        findings=tuple(f"{f.place.path}:{f.place.line}: {f.severity}[{f.rule}]: {f.message}" for f in news),
        paths=tuple(sorted({path for patch in result.patches for path in patch.files})),
        problems=tuple(dict.fromkeys(p for patch in result.patches for p in patch.problems)),
    )


def _drafts(result: Result, series: Sequence[Series], task: Task) -> Iterator[tuple[str, bytes]]:
    from qerrlint.report.reply import reply_mails

    if not task.sender:
        return
    idents = {patch.index: patch.message.message_id for one in series for patch in one.patches}
    for mail in reply_mails(result, series, task.sender, task.date):
        answered = idents.get(mail.index)
        if answered:
            yield answered, mail.data
