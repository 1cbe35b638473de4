# SPDX-License-Identifier: GPL-2.0-or-later
"""Every kind of input that messages are read from, and what mail does to text."""

from __future__ import annotations

import base64
import gzip
import os
import quopri
import shutil
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qerrlint.errors import InputError
from qerrlint.patch.apply import apply_change
from qerrlint.patch.diffparser import parse_diff
from qerrlint.patch.group_messages import assemble
from qerrlint.patch.mail.body_text import unflow
from qerrlint.patch.mail.read_input import read_messages, read_path
from qerrlint.patch.message import Message

MAIL = Path(__file__).parent.parent / "fixtures" / "mail"
HEAD = (
    b"From: Ada Fenwick <ada@example.org>\nSubject: [PATCH] x\nMessage-ID: <1@example.org>\n"
    b"Date: Mon, 3 Mar 2025 12:00:00 +0100\n"
)
DIFF = (MAIL / "bare.diff").read_bytes()
MIME = b"MIME-Version: 1.0\n"


def one(data: bytes) -> Message:
    (message,) = read_messages(data, "input")
    return message


def test_plain_mail() -> None:
    message = one(HEAD + b"In-Reply-To: <a@b>\nReferences: <r@b>\n\t<a@b>\n\nHello\n")
    assert message.sender == "Ada Fenwick <ada@example.org>"
    assert (message.message_id, message.in_reply_to, message.references) == (
        "1@example.org",
        "a@b",
        ("r@b", "a@b"),
    )
    assert message.date == datetime(2025, 3, 3, 11, tzinfo=timezone.utc)
    assert (message.text, message.lines_offset) == ("Hello\n", 8)


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        (b"quoted-printable", quopri.encodestring),
        (b"base64", base64.encodebytes),
        (b"8bit", lambda data: data),
        (b"base64", lambda data: base64.encodebytes(data.replace(b"\n", b"\r\n"))),
    ],
)
def test_transfer_encodings_give_the_diff_back(encoding: bytes, encode: object) -> None:
    assert callable(encode)
    body = "Für Ada.\n---\n".encode() + DIFF
    head = (
        HEAD
        + MIME
        + b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: "
        + encoding
        + b"\n\n"
    )
    message = one(head + encode(body))
    assert message.body == body
    assert (message.lines_offset is None) == (encoding != b"8bit")


def test_crlf_mail_is_read_as_if_it_had_newlines() -> None:
    message = one((HEAD + b"\n" + DIFF).replace(b"\n", b"\r\n"))
    assert message.body == DIFF
    assert message.subject == "[PATCH] x"
    assert message.lines_offset == 5


def test_carriage_returns_of_the_patched_file_stay() -> None:
    diff = b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\r\n+b\r\n"
    assert one(HEAD + b"\n" + diff).body == diff
    assert one(diff).body == diff


def test_charsets() -> None:
    latin = MIME + b"Content-Type: text/plain; charset=iso-8859-1\n\n"
    assert one(HEAD + latin + b"caf\xe9\n").text == "café\n"
    assert one(HEAD + b"\ncaf\xe9\n").text == "café\n", "undeclared prose"
    assert one(HEAD + MIME + b"Content-Type: text/plain; charset=no-such\n\ncaf\xc3\xa9\n").text == "café\n"
    raw = b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-caf\xe9\n+cafe\n"
    assert one(HEAD + b"\n" + raw).body == raw, "an undeclared diff keeps its bytes"
    applied = apply_change(parse_diff(one(HEAD + b"\n" + raw).body).changes[0], b"caf\xe9\n")
    assert applied.data == b"cafe\n"


def test_headers_are_decoded_and_unfolded() -> None:
    message = one(
        b"From: =?utf-8?q?Zo=C3=AB_L?= <z@example.org>\n"
        b"Subject: =?iso-8859-1?q?=5BPATCH_v2=5D?=\n =?utf-8?b?w7w=?= x\n"
        b"Message-Id: <2@x>\nDate: yesterday\n\ntext\n"
    )
    assert message.sender == "Zoë L <z@example.org>"
    assert message.subject == "[PATCH v2]ü x"
    assert message.date is None
    assert one(b"From: Jos\xe9 <j@x>\nSubject: \xc3\xbc\n\n.\n").sender == "José <j@x>"


def test_sender_behind_a_list_that_rewrites_from() -> None:
    head = b"From: Ada Fenwick via <list@example.org>\nReply-To: Ada Fenwick <ada@example.org>\n"
    assert one(head + b"Subject: x\n\n.\n").sender == "Ada Fenwick <ada@example.org>"


def test_multipart_takes_text_and_attached_patches_not_html() -> None:
    mixed = (
        HEAD + MIME + b'Content-Type: multipart/mixed; boundary="B"\n\npreamble\n--B\n'
        b'Content-Type: multipart/alternative; boundary="A"\n\n--A\nContent-Type: text/plain\n\nSee there.\n'
        b"--A\nContent-Type: text/html\n\n<p>See <b>there</b>.</p>\n--A--\n"
        b'--B\nContent-Type: application/octet-stream; name="a.patch"\n'
        b'Content-Disposition: attachment; filename="a.patch"\nContent-Transfer-Encoding: base64\n\n'
        + base64.encodebytes(DIFF)
        + b"--B\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAAA\n--B--\n"
    )  # fmt: skip
    message = one(mixed)
    assert message.text.startswith("See there.\n")
    assert "<p>" not in message.text
    assert [change.path for change in parse_diff(message.body).changes] == [
        "hw/misc/lamp.c",
        "include/hw/misc/lamp.h",
    ]
    page = HEAD + MIME + b"Content-Type: text/html\n\n<html><body><p>Only <i>this</i>.</p></body></html>\n"
    assert one(page).text.strip() == "Only this."


def test_attached_mails_are_messages_of_their_own() -> None:
    inner = HEAD.replace(b"1@example", b"9@example") + b"\n" + DIFF
    outer = HEAD + MIME + b"Content-Type: multipart/mixed; boundary=B\n\n--B\n\nLook.\n--B\n"
    messages = read_messages(outer + b"Content-Type: message/rfc822\n\n" + inner + b"\n--B--\n", "input")
    assert [message.message_id for message in messages] == ["1@example.org", "9@example.org"]
    assert parse_diff(messages[0].body).changes == ()
    assert len(parse_diff(messages[1].body).changes) == 2


def test_a_mailbox_of_b4_am(tmp_path: Path) -> None:
    """One of its mails is base64, and beside it lies the cover letter as a file of its own."""
    shutil.copy(MAIL / "b4-am.mbx", tmp_path / "v2_lamp.mbx")
    cover = (MAIL / "thread.mbox").read_bytes().split(b"From mboxrd@z Thu Jan  1 00:00:00 1970\n")[1]
    (tmp_path / "v2_lamp.cover").write_bytes(
        cover.replace(b"[PATCH 0/2]", b"[PATCH v2 0/2]").replace(b"20250303120000.77", b"20250310120000.78")
    )
    (series,) = assemble(read_path(tmp_path))
    assert (series.version, [patch.index for patch in series.patches]) == (2, [1, 2])
    assert series.cover is not None
    assert [patch.problems for patch in series.patches] == [(), ()]
    old = (MAIL / "base/hw/misc/lamp.c").read_bytes()
    first = apply_change(series.patches[0].changes[0], old).data
    assert apply_change(series.patches[1].changes[0], first).data is not None


def test_recipients_with_odd_names() -> None:
    message = one(
        b'From: x@y\nTo: =?utf-8?q?Fenwick=2C_Ada?= <ada@x>, "Quill, Bo" <bo@x>,\n cy@x\n'
        b"Cc: none:;\nCc: di@x\nSubject: s\n\n.\n"
    )
    assert message.recipients == ("Fenwick, Ada <ada@x>", "Quill, Bo <bo@x>", "cy@x", "di@x")
    raw = one(b"From: x@y\nTo: T\xf3mas <t@x>,\n b@x\nCc: =?x-none?q?J=C3=B6?= <j@x>\nSubject: s\n\n.\n")
    assert raw.recipients == ("T\u00f3mas <t@x>", "b@x", "J\u00f6 <j@x>")


def test_flowed_paragraphs_are_joined() -> None:
    assert unflow("a long \nline\n-- \nsig", False) == "a long line\n-- \nsig"
    assert unflow("a lon \ng line", True) == "a long line"
    assert unflow("> quoted \n> text\n> end\nown", False) == "> quoted text\n> end\nown"
    assert unflow("  stuffed\n>> two \n> one", False) == " stuffed\n>> two \n> one"
    assert unflow("a\n \nb", False) == "a\n\nb"


FLOWED = HEAD + MIME + b"Content-Type: text/plain; charset=utf-8; format=flowed\n\n"


def test_flowed_diff_stuffed_or_sent_as_it_is() -> None:
    stuffed = b"".join(
        (b" " + line if line.startswith((b" ", b">", b"From")) else line)
        for line in DIFF.splitlines(keepends=True)
    )
    wrapped = stuffed.replace(b'error_setg(errp, "lamp level %d is', b'error_setg(errp, \n"lamp level %d is')
    expected = parse_diff(DIFF).changes
    for body in (DIFF, stuffed, wrapped):
        diff = parse_diff(one(FLOWED + b"Patch below.\n" + body).body)
        assert diff.problems == ()
        assert [[hunk.lines for hunk in change.hunks] for change in diff.changes] == [
            [hunk.lines for hunk in change.hunks] for change in expected
        ]


def test_mbox_with_quoted_from_lines() -> None:
    mails = [
        b"From ada@example.org Mon Mar  3 12:00:00 2025\n"
        + HEAD
        + b"\n>From here on\n>>From there\nFrom me to you\n\n",
        b"From mboxrd@z Thu Jan  1 00:00:00 1970\n" + HEAD.replace(b"1@", b"2@") + b"\nsecond\n",
    ]
    first, second = read_messages(b"".join(mails), "box")
    assert first.text == "From here on\n>From there\nFrom me to you\n\n"
    assert second.text == "second\n"
    lines = b"".join(mails).decode().split("\n")
    for message in (first, second):
        assert message.lines_offset is not None
        assert lines[message.lines_offset].endswith(message.text.split("\n")[0])
    packed = read_messages(gzip.compress(b"".join(mails)), "box.gz")
    assert [message.text for message in packed] == [first.text, second.text]


def test_diff_lines_are_lines_of_the_file() -> None:
    data = (MAIL / "thread.mbox").read_bytes()
    lines = data.split(b"\n")
    for patch in assemble(read_messages(data, "thread"))[0].patches:
        assert patch.message.lines_offset is not None
        for change in patch.changes:
            for hunk in change.hunks:
                assert lines[patch.message.lines_offset + hunk.text_line - 1].startswith(b"@@ -")


def test_git_log_is_read_oldest_first() -> None:
    messages = read_path(MAIL / "gitlog.txt")
    assert [message.subject for message in messages] == [
        "hw/misc/lamp: report a level that is out of range",
        "hw/misc/lamp: use qemu_open()",
    ]
    assert all(message.commit and len(message.commit) == 40 for message in messages)
    (series,) = assemble(messages)
    assert [patch.index for patch in series.patches] == [1, 2]
    assert series.patches[0].trailers == (("Signed-off-by", "Ada Fenwick <ada@example.org>"),)


@pytest.mark.parametrize("name", ["page.txt", "page.html", "lore-thread.html"])
def test_saved_pages(name: str) -> None:
    messages = read_path(MAIL / name)
    assert [message.sender for message in messages[:2]] == ["Ada Fenwick", "Bo Quill"]
    (series,) = assemble(messages)
    (patch,) = series.patches
    assert patch.problems == ()
    old = (MAIL / "base" / "hw/misc/lamp.c").read_bytes()
    applied = apply_change(patch.changes[0], old)
    assert applied.data is not None
    assert b"is out of range" in applied.data
    assert [remark.sender for _, remark in series.remarks()] == ["Bo Quill"]
    offset = messages[0].lines_offset
    if name.endswith(".txt"):
        assert offset is not None
        assert (MAIL / name).read_text().split("\n")[offset] == messages[0].text.split("\n")[0]
    else:
        assert offset is None


def test_saved_page_of_one_mail() -> None:
    (message,) = read_path(MAIL / "lore-mail.txt")
    assert message.message_id == "bo-1@example.net"
    assert message.in_reply_to == "20250303120000.77-2-ada@example.org"
    assert message.date is not None
    assert "other threads" not in message.text
    assert message.lines_offset is not None
    assert (MAIL / "lore-mail.txt").read_text().split("\n")[message.lines_offset] == message.text.split("\n")[
        0
    ]


def test_folders(tmp_path: Path) -> None:
    parts = (MAIL / "thread.mbox").read_bytes().split(b"From mboxrd@z Thu Jan  1 00:00:00 1970\n")[1:]
    maildir = tmp_path / "maildir"
    for name in ("cur", "new", "tmp"):
        (maildir / name).mkdir(parents=True)
    for number, part in enumerate(parts):
        (maildir / ("cur" if number % 2 else "new") / f"{number}.host:2,S").write_bytes(part)
    (maildir / "tmp" / "x").write_bytes(b"half a mail")
    (maildir / "cur" / "folder").mkdir()
    os.mkfifo(maildir / "new" / "pipe")
    (series,) = assemble(read_path(maildir))
    assert [patch.index for patch in series.patches] == [1, 2]
    assert len(series.replies) == 4
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(MAIL / "bare.diff", folder / "0001-x.patch")
    (folder / "notes.odt").write_bytes(b"\0")
    assert len(read_path(folder)) == 1
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no mail or patch"):
        read_path(tmp_path / "empty")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"int main(void)\n{\n}\n", "neither a mail nor a diff"),
        (b"\x7fELF\0\0\0", "neither a mail nor a diff"),
        (b"\x1f\x8b\x08 broken", "damaged gzip"),
        (b"<html><body><p>Nothing</p></body></html>", "without any mail"),
    ],
)
def test_what_is_no_message_is_one_clear_line(data: bytes, why: str) -> None:
    with pytest.raises(InputError, match=f"^input: .*{why}") as caught:
        read_messages(data, "input")
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_path(tmp_path / "none.patch")


def test_mail_nested_without_end_is_refused_or_read() -> None:
    data = HEAD + MIME
    for number in range(3000):
        data += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (number, number)
    (message,) = read_messages(data + b"\n", "deep")
    assert message.problem == "its parts are nested too deeply"
    (series,) = assemble([message])
    assert series.patches[0].problems == ("x: its parts are nested too deeply",)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for start in (
        b"",
        HEAD,
        FLOWED,
        b"From a Mon Mar  3 12:00:00 2025\n",
        b"<html>",
        b"Posted by x 1 day ago\n",
    ):
        try:
            messages = read_messages(start + data, "any")
        except InputError:
            continue
        assemble(messages)
