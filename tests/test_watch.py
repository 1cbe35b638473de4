# SPDX-License-Identifier: GPL-2.0-or-later
"""The watcher of a mailing list: what arrives, what is reviewed and written, and that nothing comes twice."""

from __future__ import annotations

import mailbox
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from commandline import DEMO, TREE, Ran, committed_tree, everything_below, run
from test_inbox import SENT, archive, demo_mails, other

import qerrlint
from qerrlint.cli.options import Options
from qerrlint.cli.watching import review_process
from qerrlint.errors import UsageError
from qerrlint.patch.mail.arrivals import StoredMails, deliveries, month_before_newest
from qerrlint.watch.series_rows import STATES, page_name, states, subsystems, superseded
from qerrlint.watch.state import FAILED, REVIEWED, WAITING, Draft, SeriesRow, State

ATOM = "{http://www.w3.org/2005/Atom}"
ALL = ("--since", "2000-01-01", "--jobs", "1")
DATE = {"SOURCE_DATE_EPOCH": str(SENT)}
# Python 3.12 warns of fork() beside the threads of pytest-xdist, which the child does not use.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")


def watch(inbox: Path, site: Path, *options: str | os.PathLike[str]) -> Ran:
    return run("watch", "--inbox", inbox, "--out", site, "--once", "--tree", committed_tree(), *ALL, *options)


def drafting(folder: Path) -> tuple[str | os.PathLike[str], ...]:
    return ("--drafts", folder, "--reply-from", "A Reader <reader@example.org>")


def maildir(top: Path, mails: Sequence[bytes]) -> Path:
    box = mailbox.Maildir(top)
    for mail in mails:
        box.add(mail)
    return top


def pages(site: Path) -> list[str]:
    return sorted(path.name for path in (site / "series").iterdir())


def entries(site: Path) -> list[ElementTree.Element]:
    return ElementTree.fromstring((site / "feed.atom").read_text("utf-8")).findall(f"{ATOM}entry")


def marked(mail: bytes, mark: str, version: int = 1) -> bytes:
    """The mail as one of another series: ids, titles and the version are others."""
    mail = re.sub(rb"20261103083000\.4711-", mark.encode() + b".4711-", mail)
    if version > 1:
        mail = mail.replace(b"[PATCH ", b"[PATCH v%d " % version)
    return mail


def as_v2(mail: bytes) -> bytes:
    return marked(mail, "20261110083000", 2)


@pytest.fixture(autouse=True)
def forked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reviews are forked from the test's process, which has the modules already; some are started as they are
    for the user."""
    if request.function not in (
        test_a_series_gets_a_page_a_line_and_drafts,
        test_a_review_without_an_end_is_ended,
    ):
        fork = multiprocessing.get_context("fork")
        monkeypatch.setattr(multiprocessing, "get_context", lambda method=None: fork)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox/git").mkdir(parents=True)
    archive(tmp_path / "inbox/git/0.git", [(SENT + n, mail) for n, mail in enumerate(demo_mails())], 2)
    return tmp_path / "inbox"


def test_a_series_gets_a_page_a_line_and_drafts(inbox: Path, tmp_path: Path) -> None:
    before = everything_below(inbox)
    site, drafts = tmp_path / "site", tmp_path / "drafts"
    ran = watch(inbox, site, *drafting(drafts))
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "5 new mails, 1 series reviewed, 3 drafts written; 1 series in all\n"
    assert everything_below(inbox) == before
    (name,) = pages(site)
    page = (site / "series" / name).read_text("utf-8")
    reviewed = tmp_path / "review.html"
    tree = committed_tree()
    run("patch", DEMO, "--tree", tree, "--status", "introduced,fixed", "--format", f"html:{reviewed}")
    line = '<nav class="site"><a href="../index.html">all series</a></nav>\n'
    assert page.replace(line, "") == reviewed.read_text("utf-8"), "the same review as that of patch"
    index = (site / "index.html").read_text("utf-8")
    assert f'<a href="series/{name}">hw/timer: a quartz that survives cpr</a>' in index
    assert 'data-state="new has-findings" data-subsystem="hw/timer"' in index
    assert '<option value="has findings">' in index
    assert '<option value="hw/timer">' in index
    assert "1 error, 3 warnings" in index
    (entry,) = entries(site)
    assert entry.findtext(f"{ATOM}id") == "mid:20261103083000.4711-0-tomas.brandt@example.org"
    assert "error[error-set-twice]" in str(entry.findtext(f"{ATOM}content"))
    kept = mailbox.Maildir(drafts, create=False)
    assert len(kept) == 3
    assert {mail["From"] for mail in kept} == {"A Reader <reader@example.org>"}
    assert all(path.name.endswith(":2,D") for path in (drafts / "cur").iterdir())


def test_a_second_run_does_nothing(inbox: Path, tmp_path: Path) -> None:
    site, drafts = tmp_path / "site", tmp_path / "drafts"
    watch(inbox, site, *drafting(drafts))
    before = {name: seen for name, seen in everything_below(site).items() if name != "watch.sqlite"}
    for path in (drafts / "cur").iterdir():
        path.unlink()  # sent, or of no use to the reader
    again = watch(inbox, site, *drafting(drafts))
    assert again.err == "0 new mails, 0 series reviewed; 1 series in all\n"
    after = {name: seen for name, seen in everything_below(site).items() if name != "watch.sqlite"}
    assert after == before
    assert list((drafts / "cur").iterdir()) == []


def test_a_reply_brings_the_page_up_to_date_and_no_second_draft(inbox: Path, tmp_path: Path) -> None:
    mails = demo_mails()
    shutil.rmtree(inbox / "git/0.git")
    archive(inbox / "git/0.git", [(SENT + n, mail) for n, mail in enumerate(mails[:4])], 2)
    site, drafts = tmp_path / "site", tmp_path / "drafts"
    assert "1 series reviewed, 3 drafts" in watch(inbox, site, *drafting(drafts)).err
    (name,) = pages(site)
    assert "raised by Ines Calder" not in (site / "series" / name).read_text("utf-8")
    archive(inbox / "git/1.git", [(SENT + 90, mails[4])], 2)
    ran = watch(inbox, site, *drafting(drafts))
    assert ran.err == "1 new mails, 1 series reviewed; 1 series in all\n"
    assert pages(site) == [name]
    assert "raised by Ines Calder" in (site / "series" / name).read_text("utf-8")


def test_a_later_version_supersedes_the_earlier_one(inbox: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    watch(inbox, site)
    archive(
        inbox / "git/1.git", [(SENT + 900 + n, as_v2(mail)) for n, mail in enumerate(demo_mails()[:4])], 2
    )
    watch(inbox, site)
    first, second = pages(site)
    index = (site / "index.html").read_text("utf-8")
    assert f'<a href="series/{second}">superseded by v2</a>' in index
    assert 'data-state="has-findings superseded"' in index
    assert 'data-state="new has-findings"' in index
    assert f'<a href="{second}">superseded by version 2</a>' in (site / "series" / first).read_text("utf-8")
    assert "superseded" not in (site / "series" / second).read_text("utf-8")
    assert len(entries(site)) == 2


def test_two_versions_in_one_thread_are_two_series(inbox: Path, tmp_path: Path) -> None:
    root = b"<20261103083000.4711-0-tomas.brandt@example.org>"
    later = [
        re.sub(rb"^(Message-ID:.*\n)", rb"\1References: " + root + rb"\n", as_v2(mail), count=1, flags=re.M)
        if number == 0
        else as_v2(mail)
        for number, mail in enumerate(demo_mails()[:4])
    ]
    archive(inbox / "git/1.git", [(SENT + 900 + n, mail) for n, mail in enumerate(later)], 2)
    site = tmp_path / "site"
    assert watch(inbox, site).err == "9 new mails, 2 series reviewed; 2 series in all\n"
    assert "superseded by v2" in (site / "index.html").read_text("utf-8")


def test_an_incomplete_series_waits_for_its_patches(inbox: Path, tmp_path: Path) -> None:
    now = int(time.time())
    mails = demo_mails()
    shutil.rmtree(inbox / "git/0.git")
    archive(inbox / "git/0.git", [(now - 60, mails[0]), (now - 50, mails[1])], 2)
    site = tmp_path / "site"
    assert watch(inbox, site).err == "2 new mails, 0 series reviewed; 1 series in all\n"
    assert not pages(site)
    index = (site / "index.html").read_text("utf-8")
    assert "1 of 3 patches are there" in index
    assert 'data-state="incomplete"' in index
    assert entries(site) == []
    archive(inbox / "git/1.git", [(now - 40, mails[2]), (now - 30, mails[3])], 2)
    assert watch(inbox, site).err == "2 new mails, 1 series reviewed; 1 series in all\n"
    assert len(pages(site)) == 1


def test_what_does_not_apply_is_listed_as_such(inbox: Path, tmp_path: Path) -> None:
    odd = demo_mails()[1].replace(b"hw/timer/quartz", b"hw/timer/nowhere").replace(b"[PATCH 1/3]", b"[PATCH]")
    archive(inbox / "git/1.git", [(SENT + 9, marked(odd, "20261104083000"))], 2)
    site = tmp_path / "site"
    assert watch(inbox, site).code == 0
    index = (site / "index.html").read_text("utf-8")
    assert '<option value="could not be applied">' in index
    assert re.search(r'data-state="[^"]*could-not-be-applied"', index)


def test_what_ends_the_review_ends_that_of_one_series(inbox: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    lost = tmp_path / "lost"
    shutil.copytree(TREE, lost)
    (lost / "include/qapi/error.h").unlink()
    ran = run("watch", "--inbox", inbox, "--out", site, "--once", "--since", "2000-01-01", "--tree", lost)
    assert ran.code == 3
    assert "20261103083000.4711-0-tomas.brandt@example.org>: not reviewed: " in ran.err
    (name,) = pages(site)
    assert "<strong>not reviewed</strong>" in (site / "series" / name).read_text("utf-8")
    assert 'data-state="new not-reviewed"' in (site / "index.html").read_text("utf-8")


def a_date() -> datetime:
    return datetime.fromtimestamp(SENT, timezone.utc)


def never_ends(*_: object) -> None:
    time.sleep(600)


def dies(*_: object) -> None:
    os._exit(7)


def test_a_review_without_an_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    task = review_process.Task("k", (), frozenset(), "", a_date())
    monkeypatch.setattr(review_process, "_work", never_ends)
    started = time.monotonic()
    ((same, outcome),) = review_process.outcomes(Options(), [task], 1, 0.5)
    assert same is task
    assert outcome.failed == "the review took longer than 0.5 seconds"
    assert time.monotonic() - started < 60
    monkeypatch.setattr(review_process, "_work", dies)
    ((_, outcome),) = review_process.outcomes(Options(), [task], 1, 60)
    assert outcome.failed == "the review ended early (exit code 7; out of memory?)"


def test_what_a_killed_run_has_left_is_removed(inbox: Path, tmp_path: Path) -> None:
    site, drafts = tmp_path / "site", tmp_path / "drafts"
    watch(inbox, site, *drafting(drafts))
    left = [top / ".qerrlint-71-0123456789ab" for top in (site, site / "series", drafts / "tmp")]
    own = site / ".qerrlint-notes"
    for path in (*left, own):
        path.write_text("half")
    watch(inbox, site, *drafting(drafts))
    assert not any(path.exists() for path in left)
    assert own.exists()


def text_of(site: Path, drafts: Path) -> dict[str, str]:
    """Everything that a run gives, but for the feed's own id, which is drawn."""
    found = {}
    for top in (site, drafts):
        for path in sorted(top.rglob("*")):
            if path.is_file() and not path.name.startswith("watch.sqlite"):
                text = path.read_text("utf-8")
                found[f"{top.name}/{path.relative_to(top)}"] = re.sub(r"urn:uuid:[0-9a-f-]{36}", "", text)
    return found


@pytest.mark.long
def test_killed_at_any_moment_it_goes_on_and_does_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result of runs that are killed, with mails that come meanwhile, is that of one run."""
    inbox = tmp_path / "inbox"
    (inbox / "git").mkdir(parents=True)
    series = [[marked(mail, f"2026110{day}083000") for mail in demo_mails()] for day in range(3, 5)] + [
        [as_v2(mail) for mail in demo_mails()]
    ]
    mails = [(SENT + 100 * n + k, mail) for n, one in enumerate(series) for k, mail in enumerate(one)]
    archive(inbox / "git/0.git", mails[:5], 2)
    options = ["--tree", TREE, *ALL, *drafting(tmp_path / "drafts")]
    command = [sys.executable, "-m", "qerrlint", "watch", "--inbox", str(inbox), "--once"]
    command += ["--out", str(tmp_path / "site"), *map(str, options)]
    for name, value in (*DATE.items(), ("QERRLINT_CACHE_DIR", str(tmp_path / "cache"))):
        monkeypatch.setenv(name, value)
    env = {**os.environ, "PYTHONPATH": os.fspath(Path(qerrlint.__file__).parent.parent)}
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    draw = random.Random(seed)
    killed = 0
    for attempt in range(60):
        if attempt == 3:
            archive(inbox / "git/1.git", mails[5:], 2)
        with subprocess.Popen(command, env=env, stderr=subprocess.PIPE) as process:
            # Two are killed on a fast machine, too; later attempts get more time, so that they come to an
            # end on any.
            limit = draw.uniform(0.2, 2.0) + max(0, attempt - 5) if killed > 1 else draw.uniform(0.1, 0.8)
            try:
                _, said = process.communicate(timeout=limit)
                assert process.returncode == 0, said
                if attempt >= 3 and killed > 1:
                    break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                killed += 1
    assert killed > 1, "it was never killed"
    found = text_of(tmp_path / "site", tmp_path / "drafts")
    assert len([name for name in found if "/series/" in name]) == 3
    assert [name for name in found if "/tmp/" in name or "/new/" in name or "/.qerrlint" in name] == []
    (tmp_path / "b").mkdir()
    fresh = ["--out", tmp_path / "b/site", "--tree", TREE, *ALL, *drafting(tmp_path / "b/drafts")]
    assert run("watch", "--inbox", inbox, "--once", *fresh).code == 0
    assert strip_runs(found) == strip_runs(text_of(tmp_path / "b/site", tmp_path / "b/drafts"))
    again = run(*command[3:])
    assert again.err == "0 new mails, 0 series reviewed; 3 series in all\n"


def strip_runs(found: dict[str, str]) -> dict[str, str]:
    """Without what says which series the last run brought: there were several."""
    new = re.compile(r'(?<=data-state=")new ?|\bnew, |\n +<category term="new" />')
    return {name: new.sub("", text) for name, text in found.items()}


def test_two_watchers_do_not_work_on_one_state(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    with State(str(tmp_path / "site/watch.sqlite")):
        ran = watch(inbox, tmp_path / "site")
        assert ran.code == 2
        assert "another process is at work with it" in ran.err
    assert watch(inbox, tmp_path / "site").code == 0


def test_what_is_no_state_is_one_clear_line(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a text of some length, and no database\n" * 50)
    ran = watch(inbox, tmp_path / "site", "--state", tmp_path / "state")
    assert (ran.code, ran.err) == (2, f"qerrlint: {tmp_path / 'state'}: file is not a database\n")


def test_nothing_is_written_into_the_archive(inbox: Path, tmp_path: Path) -> None:
    before = everything_below(inbox)
    assert watch(inbox, inbox / "site").code == 2
    assert watch(inbox, tmp_path / "site", *drafting(inbox / "drafts")).code == 2
    assert everything_below(inbox) == before
    gone = watch(tmp_path / "nowhere", tmp_path / "site")
    assert (gone.code, gone.err) == (3, f"qerrlint: {tmp_path / 'nowhere'}: no such file or folder\n")
    assert watch(inbox, tmp_path / "site", "--since", "last week").code == 2
    assert watch(inbox, tmp_path / "site", "--reply-from", "a@example.org").code == 2


@pytest.mark.parametrize("kind", ["v1", "maildir", "mbox", "folder of patches"])
def test_other_archives(kind: str, tmp_path: Path) -> None:
    box = tmp_path / "box"
    mails = demo_mails()
    if kind == "v1":
        archive(box, [(SENT + n, mail) for n, mail in enumerate(mails)], 1)
    elif kind == "maildir":
        maildir(box, mails)
    elif kind == "mbox":
        shutil.copy(DEMO, box)
    else:
        box.mkdir()
        for number, mail in enumerate(mails):
            (box / f"{number}.eml").write_bytes(mail)
    site = tmp_path / "site"
    assert watch(box, site).err == "5 new mails, 1 series reviewed; 1 series in all\n"
    assert "1 error, 3 warnings" in (site / "index.html").read_text("utf-8")
    if kind == "maildir":
        for path in list((box / "new").iterdir()):
            path.rename(box / "cur" / f"{path.name}:2,S")
    if kind == "mbox":
        with box.open("ab") as file:
            file.write(b"From a@example.org Mon Nov  9 10:00:00 2026\n" + other(1))
        assert watch(box, site).err == "1 new mails, 0 series reviewed; 1 series in all\n"
    assert watch(box, site).err == "0 new mails, 0 series reviewed; 1 series in all\n"


def test_an_archive_that_was_written_anew_brings_nothing_twice(inbox: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    watch(inbox, site)
    shutil.rmtree(inbox / "git/0.git")
    mails = [(SENT - 5, other(1)), *((SENT + n, mail) for n, mail in enumerate(demo_mails()))]
    archive(inbox / "git/0.git", mails, 2)
    assert watch(inbox, site).err == "1 new mails, 0 series reviewed; 1 series in all\n"


def test_the_first_run_looks_back_thirty_days(tmp_path: Path) -> None:
    mails = [(SENT - 40 * 86400 + n, marked(mail, "20260901083000")) for n, mail in enumerate(demo_mails())]
    mails += [(SENT + n, mail) for n, mail in enumerate(demo_mails())]
    archive(tmp_path / "inbox", mails, 2)
    assert month_before_newest(str(tmp_path / "inbox")) == SENT + 4 - 30 * 86400
    place = ("--inbox", tmp_path / "inbox", "--out", tmp_path / "site", "--tree", committed_tree())
    assert run("watch", *place, "--once").err == "5 new mails, 1 series reviewed; 1 series in all\n"


def test_a_later_run_reads_only_new_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from qerrlint.patch.mail import arrivals

    box = maildir(tmp_path / "box", demo_mails())
    place = ("--inbox", box, "--out", tmp_path / "site", "--tree", committed_tree())
    command = ("watch", *place, "--once", "--jobs", "1")
    assert "1 series reviewed" in run(*command).err
    read: list[str] = []
    real = arrivals._mails

    def counted(path: str) -> Iterator[bytes]:
        read.append(path)
        return real(path)

    monkeypatch.setattr(arrivals, "_mails", counted)
    maildir(box, [other(1)])
    assert run(*command).err == "1 new mails, 0 series reviewed; 1 series in all\n"
    assert len(read) == 1


def test_marks_go_on_only_behind_all_mails_of_a_place(inbox: Path) -> None:
    lots = list(deliveries(str(inbox), {}, 0, lot=2))
    assert [len(one.mails) for one in lots] == [2, 2, 1]
    assert [one.mark for one in lots[:2]] == ["", ""]
    assert len(lots[2].mark) == 40
    assert list(deliveries(str(inbox), {"git/0.git": lots[2].mark}, 0)) == []
    with StoredMails(str(inbox)) as stored:
        mail = lots[0].mails[0]
        assert stored.read(mail.place, mail.blob) == mail.data
        assert stored.read(mail.place, "0" * 40) is None


def test_threads_that_a_mail_joins_become_one(tmp_path: Path) -> None:
    from qerrlint.patch.mail.arrivals import Arrival, Delivery

    def arrival(ident: str, *refers: str) -> Arrival:
        return Arrival(ident, frozenset(refers), 1, "0.git", "b", b"")

    with State(str(tmp_path / "state")) as state:
        assert state.take(Delivery("p", "1", (arrival("a"), arrival("b")))) == 2
        assert len(state.open_threads()) == 2
        assert state.take(Delivery("p", "2", (arrival("c", "a", "b"), arrival("a")))) == 1
        (thread,) = state.open_threads()
        assert [mail.ident for mail in state.mails(thread)] == ["a", "b", "c"]
        assert state.marks() == {"p": "2"}
        # An answer that comes before the mail that it answers.
        state.take(Delivery("p", "3", (arrival("e", "d"), arrival("d"))))
        assert [mail.ident for mail in state.mails(state.open_threads()[1])] == ["e", "d"]


def test_a_draft_is_kept_until_it_is_a_file_and_not_made_again(tmp_path: Path) -> None:
    row = a_row("k")
    with State(str(tmp_path / "state")) as state:
        state.keep(1, [row], [Draft("a", "name", b"text")])
        state.keep(1, [row], [Draft("a", "other name", b"other text")])
    with State(str(tmp_path / "state")) as state:
        (draft,) = state.unwritten()
        assert (draft.name, draft.data) == ("name", b"text")
        state.set_written(draft)
        state.keep(1, [row], [Draft("a", "name", b"text")])
        assert list(state.unwritten()) == []
        assert state.series(1) == [row]
        assert state.series(2) == []


def test_a_state_of_another_layout_is_refused(tmp_path: Path) -> None:
    with State(str(tmp_path / "state")) as state:
        state.set_fact("layout", "0")
    with pytest.raises(UsageError, match="made by another version of qerrlint"):
        State(str(tmp_path / "state"))


def a_row(key: str, **changes: Any) -> SeriesRow:
    row = SeriesRow(key, page_name(key), f"title of {key}", "A <a@x>", 1, 2, 2, 10, (key,), (key,))
    return replace(row, state=REVIEWED, **changes)


def test_which_series_supersede_which() -> None:
    first = a_row("a", titles=("t", "x", "y", "z"), title="T")
    rows = [
        first,
        a_row("half", version=2, titles=("x", "y")),
        a_row("a third", version=3, titles=("x",)),
        a_row("whole", version=4, titles=("t", "q"), title="t", time=11),
        a_row("older", version=9, titles=("t", "x", "y", "z"), time=9),
        a_row("same version", titles=("t", "x", "y", "z"), title="T"),
    ]
    later = superseded(rows)
    assert later["a"] == later["same version"] == "whole"
    assert later["half"] == "a third"
    assert "whole" not in later
    assert superseded([first, a_row("b", version=2, titles=("x",))]) == {}


def test_what_a_series_is_listed_under() -> None:
    assert states(a_row("k", run=2), 2) == ("new", "no findings")
    assert states(a_row("k", run=1, counts=(("note", 1),)), 2) == ("has findings",)
    assert states(a_row("k", run=1, applied=False), 2) == ("could not be applied",)
    assert states(a_row("k", run=1, superseded_by="l"), 2) == ("no findings", "superseded")
    assert states(replace(a_row("k"), state=WAITING, run=2), 2) == ("incomplete",)
    assert states(replace(a_row("k"), state=FAILED, run=2), 2) == ("new", "not reviewed")
    assert set(STATES) >= {"new", "incomplete", "not reviewed"}


def test_subsystems_by_folders() -> None:
    paths = ["hw/net/e1000.c", "include/hw/net/x.h", "target/arm/kvm.c", "qapi/a.json", "include/qemu/y.h"]
    assert subsystems([*paths, "vl.c"]) == ("hw/net", "qapi", "qemu", "target/arm", "top")
    assert subsystems(["hw/meson.build"]) == ("hw",)


def test_no_name_of_a_page_leads_out_of_its_folder() -> None:
    for key in ("../../x@y", "/etc/passwd", ".hidden", "a\0b", "x" * 500, "\udcff@x", ""):
        name = page_name(key)
        assert re.fullmatch(r"[A-Za-z0-9_+-][A-Za-z0-9._+-]*\.html", name), name
        assert len(name) < 130
    assert page_name("a/b@x") != page_name("a_b@x")


def test_what_mails_say_is_text_on_every_page(tmp_path: Path) -> None:
    odd = b"</title><script>alert(1)</script>\x1b[31m"
    mails = [mail.replace(b"a quartz that survives cpr", odd).replace(b"Tomas", odd) for mail in demo_mails()]
    archive(tmp_path / "inbox", [(SENT + n, mail) for n, mail in enumerate(mails)], 2)
    site = tmp_path / "site"
    watch(tmp_path / "inbox", site, *drafting(tmp_path / "drafts"))
    for path in [site / "index.html", *(site / "series").iterdir(), site / "feed.atom"]:
        text = path.read_text("utf-8")
        assert "<script>alert" not in text
        assert "\x1b" not in text
    assert "&lt;script&gt;alert(1)" in (site / "index.html").read_text("utf-8")
    assert len(entries(site)) == 1
