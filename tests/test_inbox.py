# SPDX-License-Identifier: GPL-2.0-or-later
"""Threads out of public-inbox archives of both layouts, made here; nothing in them may change."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from commandline import DEMO, TREE, everything_below, review_of_demo, run

from qerrlint.errors import InputError
from qerrlint.patch.group_messages import assemble
from qerrlint.patch.mail.inbox import read_thread

# The demo series was sent on 3 November 2026, 08:30 UTC.
SENT = 1793694600
DAY = 86400
THREAD = {f"<20261103083000.4711-{n}-tomas.brandt@example.org>" for n in range(4)}


def demo_mails() -> list[bytes]:
    return re.split(rb"^From 0{40} .*\n", DEMO.read_bytes(), flags=re.M)[1:]


def other(number: int, *refers: str) -> bytes:
    head = f"From: Bo <bo@example.net>\nSubject: number {number}\nMessage-ID: <other-{number}@example.net>\n"
    if refers:
        head += "References: " + "\n ".join(refers) + "\n"
    return f"{head}\nWords, and <20261103083000.4711-1-tomas.brandt@example.org> in them.\n".encode()


def archive(path: Path, mails: Sequence[tuple[int, bytes]], layout: int) -> None:
    """A repository of the layout with a commit a mail, by git fast-import."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "-q", "--bare", "-b", "master", path], check=True, env=env)
    stream = []
    for time, mail in mails:
        ident = re.search(rb"^Message-ID: *<(.*?)>", mail, re.M | re.I)
        assert ident is not None
        digest = hashlib.sha1(ident[1]).hexdigest()
        name = "m" if layout == 2 else f"{digest[:2]}/{digest[2:]}"
        stream.append(b"commit refs/heads/master\ncommitter X <x@example.org> %d +0000\ndata 1\n.\n" % time)
        stream.append(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(mail), mail))
    subprocess.run(["git", "-C", path, "fast-import", "--quiet"], input=b"".join(stream), check=True, env=env)


def mixed() -> list[tuple[int, bytes]]:
    """The demo's mails among others, some far away in time, in the order of arrival."""
    mails = [(SENT - 400 * DAY + n, other(n)) for n in range(5)]
    mails += [(SENT + n, mail) for n, mail in enumerate(demo_mails())]
    mails.insert(7, (SENT + 1, other(5)))
    return [*mails, (SENT + 300 * DAY, other(6, "<20261103083000.4711-0-tomas.brandt@example.org>"))]


@pytest.fixture(params=[1, 2, "epochs", "in one epoch"])
def inbox(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    top = tmp_path / "inbox"
    mails = mixed()
    if request.param == 1:
        archive(top, mails, 1)
        return top
    (top / "git").mkdir(parents=True)
    if request.param == "epochs":
        # The thread begins in one epoch and ends in the next.
        archive(top / "git/0.git", mails[:8], 2)
        archive(top / "git/1.git", mails[8:], 2)
        return top
    archive(top / "git/0.git", mails, 2)
    return top if request.param == 2 else top / "git/0.git"


@pytest.mark.parametrize(
    "ident", ["20261103083000.4711-0-tomas.brandt@example.org", "<CAF3k9Qh-quartz-2@mail.example.org>"]
)
def test_the_thread_of_any_of_its_mails(inbox: Path, ident: str) -> None:
    before = everything_below(inbox)
    (series,) = assemble(read_thread(inbox, ident))
    assert [patch.index for patch in series.patches] == [1, 2, 3]
    assert series.cover is not None
    assert [reply.message.message_id for reply in series.replies] == ["CAF3k9Qh-quartz-2@mail.example.org"]
    assert everything_below(inbox) == before


def test_mails_outside_of_the_thread_stay_out(inbox: Path) -> None:
    idents = {
        f"<{message.message_id}>"
        for message in read_thread(inbox, "20261103083000.4711-2-tomas.brandt@example.org")
    }
    assert idents == THREAD | {"<CAF3k9Qh-quartz-2@mail.example.org>"}
    (alone,) = read_thread(inbox, "other-3@example.net")
    assert alone.subject == "number 3"


def test_a_thread_is_read_in_the_order_of_arrival(inbox: Path) -> None:
    times = [message.date for message in read_thread(inbox, "CAF3k9Qh-quartz-2@mail.example.org")]
    assert len(times) == 5
    assert times[-1] == max(time for time in times if time is not None)


@pytest.mark.parametrize("asked", ["https://lore.kernel.org/qemu-devel/{}/T/", "{}"])
@pytest.mark.parametrize("inbox", [1, 2], indirect=True)
def test_the_command_reads_it(inbox: Path, asked: str) -> None:
    """The other layouts of epochs are the reader's matter."""
    ident = asked.format("20261103083000.4711-0-tomas.brandt@example.org")
    ran = run("patch", "--inbox", inbox, ident, "--tree", TREE, "--format", "json")
    assert ran.findings == review_of_demo("--format", "json").findings
    assert ran.code == 1


def test_what_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    archive(tmp_path / "0.git", mixed()[:3], 2)
    with pytest.raises(InputError, match=r"there is no mail <none@x> in this archive"):
        read_thread(tmp_path, "none@x")
    (tmp_path / "folder").mkdir()
    ran = run("patch", "--inbox", tmp_path / "folder", "none@x", "--tree", TREE)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == f"qerrlint: {tmp_path / 'folder'}: not a git repository\n"
    missing = run("patch", "--inbox", tmp_path / "nowhere", "none@x", "--tree", TREE)
    assert missing.err == f"qerrlint: {tmp_path / 'nowhere'}: not a directory\n"


def test_a_wrong_clock_hides_nothing(tmp_path: Path) -> None:
    """A mail in the midst of the thread was committed at a time long past."""
    mails = mixed()
    number = next(n for n, (_, mail) in enumerate(mails) if b"4711-2-tomas" in mail)
    mails[number] = (SENT - 3000 * DAY, mails[number][1])
    mails.insert(number + 1, (SENT - 3000 * DAY, other(9)))
    archive(tmp_path / "0.git", mails, 2)
    (series,) = assemble(read_thread(tmp_path, "20261103083000.4711-0-tomas.brandt@example.org"))
    assert [patch.index for patch in series.patches] == [1, 3]
    assert series.cover is not None


def test_no_hook_or_filter_of_the_archive_runs(tmp_path: Path) -> None:
    archive(tmp_path / "0.git", mixed(), 2)
    ran = tmp_path / "ran"
    with (tmp_path / "0.git/config").open("a") as config:
        config.write(
            f"[core]\n\tfsmonitor = touch {ran}\n\tpager = touch {ran}\n[diff]\n\texternal = touch {ran}\n"
        )
    assert len(read_thread(tmp_path, "CAF3k9Qh-quartz-2@mail.example.org")) == 5
    assert not ran.exists()
