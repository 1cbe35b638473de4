# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint watch`: a site of reviews of a mailing list's series, kept up to date."""

from __future__ import annotations

import os
import sys
from datetime import datetime

import click

from qerrlint.cli.options import Options, not_empty, shared
from qerrlint.cli.tell import tell
from qerrlint.errors import InputError, UsageError

_SHARED = (
    *("tree", "reach", "select", "ignore", "min_severity", "min_confidence", "caller_files"),
    *("jobs", "no_cache", "config", "baseline", "rules", "quiet"),
)


@click.command("watch")
@click.option(
    "--inbox",
    metavar="DIR",
    required=True,
    callback=not_empty,
    help="A local public-inbox archive, a maildir, a folder of mailboxes, or a mailbox.",
)
@click.option("--out", "site", metavar="SITE", required=True, callback=not_empty, help="Where the pages go.")
@click.option("--once", is_flag=True, help="Do what there is to do, and end.")
@click.option(
    "--every",
    metavar="SECONDS",
    type=click.IntRange(1),
    default=300,
    show_default=True,
    help="How long to wait between two looks at the archive.",
)
@click.option(
    "--since",
    metavar="DATE",
    callback=not_empty,
    help="Leave out mails before DATE (YYYY-MM-DD); default: 30 days before the newest one at the first run.",
)
@click.option("--state", "state_file", metavar="FILE", callback=not_empty, help="Default: SITE/watch.sqlite.")
@click.option(
    "--drafts", metavar="MAILDIR", callback=not_empty, help="Write replies with findings there, as drafts."
)
@click.option(
    "--reply-from", metavar="ADDRESS", callback=not_empty, help="The sender of drafts; default: git's user."
)
@click.option("--title", metavar="TEXT", default="qerrlint: series", show_default=True, help="Of the index.")
@click.option("--url", metavar="URL", default="", help="The address of SITE, for the links of the feed.")
@click.option(
    "--series-time-limit",
    "limit",
    metavar="SECONDS",
    type=click.IntRange(1),
    default=600,
    show_default=True,
    help="How long the review of one series may take.",
)
@shared(*_SHARED)
def command(
    options: Options,
    inbox: str,
    site: str,
    once: bool,
    every: int,
    since: str | None,
    state_file: str | None,
    drafts: str | None,
    reply_from: str | None,
    title: str,
    url: str,
    limit: int,
) -> None:
    """Review the series that have come into a local archive since the last run, as `patch` does, and keep a
    site of them: a page for each series, an index, an Atom feed. Nothing is sent, and nothing is fetched.

    It can be ended at any moment; the next run goes on from there.
    """
    from qerrlint.cli.reporting.reply_target import author, now
    from qerrlint.cli.watching.run import Setup, run_once, summary
    from qerrlint.watch.state import State

    if reply_from is not None and drafts is None:
        raise UsageError("--reply-from: there is no --drafts")
    _refuse(inbox, site, drafts)
    setup = Setup(
        inbox=inbox,
        site=site,
        drafts=drafts,
        sender=author(reply_from, "--reply-from") if drafts is not None else "",
        title=title,
        url=url if not url or url.endswith("/") else f"{url}/",
        jobs=options.jobs or os.cpu_count() or 1,
        limit=limit,
        start=_seconds(since),
        date=now(),
    )
    try:
        os.makedirs(site, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{site}: cannot be made: {error.strerror}") from None
    with State(state_file or os.path.join(site, "watch.sqlite")) as state:
        while True:
            try:
                counts = run_once(options, setup, state, tell)
            except InputError as error:
                # An archive may be locked or half-written while a mirror is at work on it.
                if once:
                    raise
                tell(str(error))
            else:
                if not options.quiet:
                    tell(summary(counts, state.series()), head="")
                if once:
                    sys.exit(3 if counts.failed else 0)
            _sleep(every)


def _refuse(inbox: str, site: str, drafts: str | None) -> None:
    """Raise UsageError where pages or drafts would come to lie in the archive that is read."""
    top = os.path.join(os.path.realpath(inbox), "")
    for option, folder in (("--out", site), ("--drafts", drafts)):
        if folder is not None and os.path.join(os.path.realpath(folder), "").startswith(top):
            raise UsageError(f"{option}: {folder} lies in the archive {inbox}")


def _seconds(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        date = datetime.fromisoformat(text)
        return int(date.timestamp() if date.tzinfo else date.astimezone().timestamp())
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"--since: {text!r} is not a date (YYYY-MM-DD)") from None


def _sleep(seconds: int) -> None:
    import time

    time.sleep(seconds)
