# SPDX-License-Identifier: GPL-2.0-or-later
"""Reply mails: read back by Python's email package, by git and by the thread reader; what is left unsaid."""

from __future__ import annotations

import email
import email.policy
import re
import subprocess
from dataclasses import replace
from datetime import datetime, timezone
from email.message import EmailMessage
from pathlib import Path

import pytest
from commandline import DEMO, Ran, committed_tree, run

from qerrlint.patch.group_messages import assemble
from qerrlint.patch.mail.read_input import read_messages, read_path
from qerrlint.patch.series import Series
from qerrlint.report.quoting import statement
from qerrlint.report.reply import mailbox, reply_mails
from qerrlint.result import Coverage, PatchInfo, Place, RaisedBy, Reported, Result, TreeInfo

ZOE = "Zoë Example <zoe@example.org>"
TAGS = re.compile(r"^[A-Z][\w-]*-by:", re.M)


@pytest.fixture(autouse=True)
def same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1793800000")


def replied(target: Path, *more: str | Path, source: Path = DEMO) -> Ran:
    return run("patch", source, "--tree", committed_tree(), "--reply", target, "--reply-from", ZOE, *more)


def parsed(path: Path) -> EmailMessage:
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail.defects == []
    return mail


def body(mail: EmailMessage) -> str:
    text = mail.get_content()
    assert isinstance(text, str)
    return text


def test_one_mail_a_patch(tmp_path: Path) -> None:
    ran = replied(tmp_path / "out")
    assert ran.code == 1
    assert ran.err == f"qerrlint: 3 replies in {tmp_path / 'out'}\n"
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == [f"000{n}-reply-to-patch-{n}.eml" for n in (1, 2, 3)]
    mail = parsed(files[1])
    assert mail["From"] == ZOE
    assert mail["To"] == "Tomas Brandt <tomas.brandt@example.org>"
    assert mail["Cc"] == "Ines Calder <ines.calder@example.org>"
    assert mail["Subject"] == "Re: [PATCH 2/3] hw/timer/quartz_kvm: keep the ticks across cpr"
    assert mail["In-Reply-To"] == "<20261103083000.4711-2-tomas.brandt@example.org>"
    assert mail["References"].split() == [
        "<20261103083000.4711-0-tomas.brandt@example.org>",
        "<20261103083000.4711-2-tomas.brandt@example.org>",
    ]
    assert mail["Date"].datetime == datetime.fromtimestamp(1793800000, timezone.utc)
    assert mail.get_content_type() == "text/plain"
    assert mail["Content-Type"].params["format"] == "fixed"
    assert mail["Content-Type"].params["charset"] == "UTF-8"


def test_what_a_mail_says(tmp_path: Path) -> None:
    replied(tmp_path / "out")
    text = body(parsed(tmp_path / "out/0002-reply-to-patch-2.eml"))
    lines = text.split("\n")
    assert lines[0] == "On Tue, 03 Nov 2026 09:20:00 +0100, Tomas Brandt wrote:"
    assert lines[1] == "> diff --git a/hw/timer/quartz_kvm.c b/hw/timer/quartz_kvm.c"
    quoted = [line for line in lines if line.startswith(">")]
    assert quoted[-1] == (
        "> +        if (migrate_add_blocker_modes(&s->migration_blocker, BIT(MIG_MODE_NORMAL), errp) < 0) {"
    )
    assert len(quoted) < 12, "the quote is trimmed"
    below = lines[lines.index(quoted[-1]) + 2]
    assert below.startswith("quartz_kvm_realize(): the blocker of s exempts cpr-reboot")
    assert "[qerrlint: cpr-mode-without-notifier]" in lines
    assert "notifier-drops-error" not in text, "Ines has said it"
    assert all(len(line) <= 72 for line in lines if not line.startswith(">"))
    assert not TAGS.search(text)


def test_far_and_transient_findings_are_worded_as_such(tmp_path: Path) -> None:
    replied(tmp_path / "out")
    first = body(parsed(tmp_path / "out/0001-reply-to-patch-1.eml"))
    assert "Patch 3/3 repairs this" in first
    third = body(parsed(tmp_path / "out/0003-reply-to-patch-3.eml"))
    lines = third.split("\n")
    at = lines.index(">  int quartz_apply_rate(QuartzState *s, unsigned hz, Error **errp)")
    assert lines[at + 2].startswith("This makes hw/arm/vireo.c:10 wrong, in vireo_start_clock(),")
    assert " 1. hw/timer/quartz.c:6: quartz_apply_rate() now sets an Error" in lines


def test_raised_findings_are_said_when_asked_for(tmp_path: Path) -> None:
    replied(tmp_path / "out", "--reply-raised")
    text = body(parsed(tmp_path / "out/0002-reply-to-patch-2.eml"))
    assert "[qerrlint: notifier-drops-error]" in text
    assert "Ines Calder raised this in <CAF3k9Qh-quartz-2@mail.example.org>." in text.replace("\n", " ")


def test_the_thread_reader_takes_them_for_replies_that_raise_all(tmp_path: Path) -> None:
    replied(tmp_path / "out.mbox")
    thread = tmp_path / "thread.mbox"
    thread.write_bytes(DEMO.read_bytes() + b"\n\n" + (tmp_path / "out.mbox").read_bytes())
    (series,) = assemble(read_path(thread))
    assert len(series.patches) == 3
    assert [reply.patch for reply in series.replies] == [2, 1, 2, 3]
    ran = run("patch", thread, "--tree", committed_tree(), "--format", "json")
    raised = [finding["raised_by"]["from"] for finding in ran.findings]
    assert sorted(set(raised)) == ["Ines Calder <ines.calder@example.org>", ZOE]
    again = replied(tmp_path / "again.mbox", source=thread)
    assert again.err == f"qerrlint: no findings to reply with, {tmp_path / 'again.mbox'} is not written\n"
    assert not (tmp_path / "again.mbox").exists()


def test_git_reads_them_as_mails_without_a_patch(tmp_path: Path) -> None:
    replied(tmp_path / "out")
    for file in sorted((tmp_path / "out").iterdir()):
        done = subprocess.run(
            ["git", "mailinfo", tmp_path / "msg", tmp_path / "patch"],
            input=file.read_bytes(),
            capture_output=True,
            check=True,
        )
        assert "Author: Zoë Example\nEmail: zoe@example.org\n" in done.stdout.decode()
        assert b"diff --git" not in (tmp_path / "patch").read_bytes().split(b"\n")
    split = subprocess.run(
        ["git", "mailsplit", f"-o{tmp_path}", "--", mbox_of(tmp_path)], capture_output=True, check=True
    )
    assert split.stdout == b"3\n"


def mbox_of(folder: Path) -> Path:
    replied(folder / "all.mbox")
    return folder / "all.mbox"


def test_same_input_same_bytes_and_ids(tmp_path: Path) -> None:
    replied(tmp_path / "one.mbox")
    replied(tmp_path / "two.mbox")
    assert (tmp_path / "one.mbox").read_bytes() == (tmp_path / "two.mbox").read_bytes()
    idents = re.findall(rb"^Message-ID: (.*)$", (tmp_path / "one.mbox").read_bytes(), re.M)
    assert len(set(idents)) == 3


def test_filters_hold_for_replies(tmp_path: Path) -> None:
    ran = replied(tmp_path / "out", "--select", "notifier-drops-error")
    assert "no findings to reply with" in ran.err
    assert not (tmp_path / "out").exists()
    ran = replied(tmp_path / "err", "--min-severity", "error", "--status", "fixed")
    assert [file.name for file in (tmp_path / "err").iterdir()] == ["0001-reply-to-patch-3.eml"]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: (path / "out").mkdir() or (path / "out/x").write_text(""), "not empty"),
        (lambda path: (path / "out").write_text("mine"), "not empty"),
    ],
)
def test_nothing_is_written_beside_other_mails(tmp_path: Path, make: object, why: str) -> None:
    assert callable(make)
    make(tmp_path)
    ran = replied(tmp_path / "out")
    assert (ran.code, ran.out) == (2, "")
    assert why in ran.err
    assert ran.err.count("\n") == 1


def test_who_replies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "gitconfig"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    config.write_text("")
    ran = run("patch", DEMO, "--tree", committed_tree(), "--reply", "out")
    assert (ran.code, ran.out) == (2, "")
    assert "--reply-from" in ran.err
    config.write_text('[user]\n\tname = "Bo Quill, Reviewer"\n\temail = bo@example.net\n')
    run("patch", DEMO, "--tree", committed_tree(), "--reply", "out")
    mail = parsed(tmp_path / "out/0001-reply-to-patch-1.eml")
    assert mail["From"].addresses[0].display_name == "Bo Quill, Reviewer"
    for arguments, words in (
        (["--reply-from", ZOE], "there is no --reply"),
        (["--reply", "x", "--reply-from", "Zoë"], "not an address"),
        (["--reply", "no/where/x", "--reply-from", ZOE], "no such directory"),
    ):
        ran = run("patch", DEMO, "--tree", committed_tree(), *arguments)
        assert (ran.code, ran.out) == (2, "")
        assert words in ran.err


def test_a_date_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("soon", "9" * 30):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", text)
        ran = replied(tmp_path / "out")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err == f"qerrlint: SOURCE_DATE_EPOCH: not a time in seconds: {text!r}\n"


def test_a_bare_diff_cannot_be_answered(tmp_path: Path) -> None:
    text = DEMO.read_bytes()
    start = text.index(b"diff --git", text.index(b"[PATCH 1/3]"))
    (tmp_path / "bare.diff").write_bytes(text[start : text.index(b"\n-- \n", start)] + b"\n")
    ran = replied(tmp_path / "out", source=tmp_path / "bare.diff")
    assert f"qerrlint: {tmp_path / 'bare.diff'}: no Message-ID to reply to\n" in ran.err
    assert "no findings to reply with" in ran.err


def test_what_has_no_message_id_is_named_once(tmp_path: Path) -> None:
    text = re.sub(rb"(?mi)^Message-ID:.*\n", b"", DEMO.read_bytes())
    (tmp_path / "plain.mbox").write_bytes(text)
    ran = replied(tmp_path / "out", source=tmp_path / "plain.mbox")
    assert ran.err.count("no Message-ID to reply to") == 1


ODD = """\
From: =?utf-8?b?xYF1a2Fzeg==?= "the" Example <lukasz@example.org>
To: "Lamps, all" <lamp-devel@example.org>, =?utf-8?q?Zo=C3=AB_Example?= <zoe@example.org>
Cc: =?utf-8?q?Fenwick=2C_Ada?= <ada@example.org>, LUKASZ@example.org
To: undisclosed-recipients:; cy@example.com
Subject: [PATCH] =?utf-8?q?hw/lamp=3A_=C5=9Bwiat=C5=82o?= that goes on for so long that it has to be folded
Date: Mon, 3 Mar 2025 12:00:00 -0700
Message-ID: <%s@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Text.
---
diff --git a/hw/lamp.c b/hw/lamp.c
index 1111111..2222222 100644
--- a/hw/lamp.c
+++ b/hw/lamp.c
@@ -1,3 +1,4 @@ int main(void)
 {
 \t/* From światła \x1b[31m %s */
+    lamp(s);
 }
"""


def odd(long: str = "") -> tuple[Series, Result]:
    (series,) = assemble(read_messages((ODD % ("i" * 90, long)).encode(), "odd"))
    (patch,) = series.patches
    place = Place("hw/lamp.c", 3, 5, 3, 9, "    lamp(s);")
    found = Reported(
        "ignored-failure", "warning", "medium", place, "lamp_on",
        "From here on the result of lamp() is thrown away, although `ret` may be\n > 0, "
        "which nobody reads: > or so", "look at it", "0" * 16,
        status="introduced", relation="added-line", patch=1, diff_line=10, quote_line=10,
    )  # fmt: skip
    info = PatchInfo(1, None, 1, patch.subject, patch.message.message_id, True, ("hw/lamp.c",))
    tree = TreeInfo(None, None, "none", "patch")
    return series, Result("patch", tree, (found,), Coverage(), (info,))


def odd_mail(long: str = "") -> bytes:
    series, result = odd(long)
    (mail,) = reply_mails(result, [series], ZOE, datetime(2026, 1, 2, tzinfo=timezone.utc))
    return mail.data


def test_names_subjects_and_text_survive() -> None:
    mail = email.message_from_bytes(odd_mail(), policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail["To"].addresses[0].addr_spec == "lukasz@example.org"
    assert mail["To"].addresses[0].display_name.startswith("Łukasz")
    assert [(a.display_name, a.addr_spec) for a in mail["Cc"].addresses] == [
        ("Lamps, all", "lamp-devel@example.org"),
        ("", "cy@example.com"),
        ("Fenwick, Ada", "ada@example.org"),
    ]
    assert mail["Subject"] == "Re: [PATCH] hw/lamp: światło that goes on for so long that it has to be folded"
    assert mail["References"] == f"<{'i' * 90}@example.org>"
    text = body(mail)
    assert "> \t/* From światła".replace("> ", ">  ") in text
    assert "\x1b" not in text
    assert "[qerrlint: ignored-failure, medium confidence]" in text
    own = [line for line in text.split("\n") if not line.startswith("> ")]
    assert not any(line.startswith((">", "From ", "diff ", "@@")) and line != ">" for line in own)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("lamp_on() does not reset hue", "lamp_on() does not reset hue."),
        ("lamp_on_all() is called twice", "lamp_on(): lamp_on_all() is called twice."),
        ("the hue stays", "lamp_on(): the hue stays."),
    ],
)
def test_a_function_is_named_once(message: str, line: str) -> None:
    series, result = odd()
    (found,) = result.findings
    said = replace(result, findings=(replace(found, message=message),))
    (mail,) = reply_mails(said, [series], ZOE, datetime(2026, 1, 2, tzinfo=timezone.utc))
    read = email.message_from_bytes(mail.data, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    assert line in body(read).split("\n")


def test_lines_that_mail_cannot_carry_are_encoded() -> None:
    data = odd_mail("x" * 2000)
    assert max(map(len, data.split(b"\n"))) <= 998
    mail = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail["Content-Transfer-Encoding"] == "quoted-printable"
    assert "x" * 2000 in body(mail)
    (message,) = read_messages(data, "reply")
    assert "x" * 2000 in message.text


def test_a_mailbox_gives_each_mail_back() -> None:
    series, result = odd()
    mails = reply_mails(result, [series], ZOE, datetime(2026, 1, 2, tzinfo=timezone.utc))
    (message,) = read_messages(mailbox(mails), "box")
    assert message.subject.startswith("Re: [PATCH] hw/lamp: światło")
    assert message.text.encode() in mails[0].data + b"\n"


def test_an_earlier_remark_that_was_not_heeded_is_repeated() -> None:
    from dataclasses import replace

    series, result = odd()
    found = replace(result.findings[0], raised_by=RaisedBy("Ada <ada@x>", "r@x", 1), against="remaining")
    (mail,) = reply_mails(
        replace(result, findings=(found,)), [series], ZOE, datetime(2026, 1, 2, tzinfo=timezone.utc)
    )
    assert b"Ada raised this on version 1 in <r@x>; it is still there." in mail.data
    heard = replace(found, raised_by=RaisedBy("Ada <ada@x>", "r@x"))
    assert reply_mails(replace(result, findings=(heard,)), [series], ZOE, datetime.now(timezone.utc)) == ()


def test_what_a_reply_says_first() -> None:
    place = Place("hw/a.c", 3, 1, 3, 2, "x")
    said = Reported("rule", "note", "high", place, "bell_reset", "bell_reset() does not reset tone", "", "0")
    said = replace(said, diff_line=4)
    assert statement(said) == "bell_reset() does not reset tone."
    assert statement(replace(said, message="tone stays")) == "bell_reset(): tone stays."
    assert statement(replace(said, message="tone stays", of_variable=True)) == "bell_reset: tone stays."
    assert statement(replace(said, message="tone stays", function="")) == "Tone stays."
