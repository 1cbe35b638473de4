# SPDX-License-Identifier: GPL-2.0-or-later
"""Shapes of mail as archives of lists hold them: what gateways, footers, mailers and exports do to patches.

As in test_patch_mail_shapes.py the files have to be what the commits made of them. The second part puts a
mail beside a patch that is read in any case: what is in it has to be read or named there as well.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import lzma
import quopri
import re
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from test_patch_mail_shapes import (
    HTML,
    THREE,
    TITLES,
    _removed,
    applied,
    as_html,
    attached,
    bodies,
    each,
    envelope,
    forward,
    mails,
    mbox,
    no_break,
    out,
    stuffed,
    subjects,
    tags,
    zipped,
)

from qerrlint.errors import InputError
from qerrlint.patch.group_messages import assemble
from qerrlint.patch.mail.read_input import read_messages, read_path

__all__ = ["_removed"]

TEXT = b"Content-Type: text/plain; charset=utf-8\n"
SIGNATURE = re.compile(rb"\n-- \n.*\Z", re.S)


def body(part: bytes) -> bytes:
    return part.partition(b"\n\n")[2]


def subject(part: bytes) -> bytes:
    found = re.search(rb"^Subject: .*$", part, re.M)
    assert found is not None
    return found[0]


def marked(text: bytes, mark: bytes) -> bytes:
    return b"".join(mark + line + b"\n" for line in text.split(b"\n"))


def soft_breaks(text: bytes) -> bytes:
    """Quoted-printable in rows of eleven characters, so that lines of hunks are broken anywhere."""
    lines = []
    for line in text.split(b"\n"):
        whole = quopri.encodestring(line, quotetabs=True).replace(b"=\n", b"")
        marks = re.findall(rb"=[0-9A-F]{2}|.", whole)
        rows = [b"".join(marks[at : at + 11]) for at in range(0, len(marks), 11)]
        lines.append(b"=\n".join(rows))
    return b"\n".join(lines)


def uuencoded(text: bytes) -> bytes:
    rows = [binascii.b2a_uu(text[at : at + 45]) for at in range(0, len(text), 45)]
    return b"begin 644 x.patch\n" + b"".join(rows) + b"`\nend\n"


def parts(kind: bytes, *pieces: bytes, boundary: bytes = b"S") -> bytes:
    """The text of a multipart mail behind its own header."""
    head = b"Content-Type: multipart/" + kind + b"; boundary=" + boundary + b"\n\n"
    return (
        head + b"".join(b"--" + boundary + b"\n" + one + b"\n" for one in pieces) + b"--" + boundary + b"--\n"
    )


def in_parts(kind: bytes, make: Callable[[bytes], tuple[bytes, ...]]) -> bytes:
    return bodies(
        lambda text: b"".join(b"--S\n" + one + b"\n" for one in make(text)) + b"--S--\n",
        b"MIME-Version: 1.0\nContent-Type: multipart/" + kind + b';\n boundary="S"\n',
    )


def wrapped_twice(part: bytes) -> bytes:
    inner = b"From: Bo <bo@x>\nSubject: FW: x\n" + parts(
        b"mixed", b"Content-Type: message/rfc822\n\n" + part, boundary=b"I"
    )
    outer = b"From: Cy <cy@x>\nSubject: Fwd: FW: x\n"
    return outer + parts(b"mixed", b"\nfyi", b"Content-Type: message/rfc822\n\n" + inner, boundary=b"O")


def encoded_mails() -> bytes:
    head = b"Content-Type: message/rfc822; name=x.eml\nContent-Transfer-Encoding: base64\n\n"
    pieces = [head + base64.encodebytes(part) for part in each()]
    return b"From: Bo <bo@x>\nSubject: Fwd: [PATCH 0/3] lamps\n" + parts(b"mixed", b"\nsee", *pieces)


def diffs(names: str, kind: tuple[str, str]) -> bytes:
    """One mail with three diffs."""

    def make(mail: EmailMessage) -> None:
        for number in range(3):
            data = out("diff", f"end~{3 - number}", f"end~{2 - number}")
            mail.add_attachment(data, maintype=kind[0], subtype=kind[1], filename=names % (number + 1))

    return envelope(make)


def one_attachment(data: bytes, kind: str, name: str | None) -> bytes:
    return envelope(
        lambda mail: mail.add_attachment(data, maintype="application", subtype=kind, filename=name)
    )


def outlook(line: bytes) -> bytes:
    found = []
    for number, part in enumerate(each(), 1):
        head = b"From: Bo <bo@x>\nSubject: FW: [PATCH %d/3] x\nMessage-ID: <o%d@x>\n\n" % (number, number)
        copied = b"From: Ada <ada@example.org>\nSent: Monday, March 3, 2025 1:00 PM\nTo: list@x\n"
        found.append(head + line + copied + subject(part) + b"\n\n" + body(part))
    return mbox(found)


def plain_digest() -> bytes:
    found = [
        b"From: list-request@x\nSubject: Lamps Digest, Vol 200, Issue 1\n\nToday's Topics:\n\n   1. x\n\n"
    ]
    for number, part in enumerate(each(), 1):
        head = b"Message: %d\nDate: Mon, 3 Mar 2025 12:00:00 +0000\nFrom: Ada <ada@example.org>\n" % number
        found += [b"-" * 30 + b"\n\n", head, subject(part), b"\nMessage-ID: <%d@x>\n\n" % number, body(part)]
    return b"".join([*found, b"\n", b"-" * 30, b"\n\nSubject: Digest Footer\n\n____\nlamps mailing list\n"])


def eml(number: int, part: bytes) -> bytes:
    dated = b"Received: from x by y; Mon, 3 Mar 2025 12:00:00 +0000\nDate: Mon, 3 Mar 2025 12:00:0%d +0000\n"
    return dated % number + re.sub(rb"^Date: .*\n", b"", part, flags=re.M)


def encoded_eml(number: int, part: bytes) -> bytes:
    """A mail with parts, of which one is a mail: its header is none of a further one."""
    head, _, text = part.partition(b"\n\n")
    head = re.sub(rb"^(?:MIME-Version|Content-[\w-]+):.*\n", b"", head + b"\n", flags=re.M)
    inner = (
        b"From: Cy <cy@x>\nSubject: y\nDate: Mon, 3 Mar 2025 12:00:00 +0000\nMessage-ID: <i%d@x>\n\nno\n"
        % number
    )
    return eml(number, head + parts(b"mixed", b"\n" + text, b"Content-Type: message/rfc822\n\n" + inner))


def with_notes() -> bytes:
    notes = (
        b"Changes since v1:\n - one\n--- old thing\n+++ new thing\n\nNotes (lamp):\n    --- a\n    +++ b\n\n"
    )
    example = b"In v1 it was\n\n  diff --git a/x b/x\n  --- a/x\n  +++ b/x\n  @@ -1 +1 @@\n  -a\n  +b\n\n"
    return mbox([part.replace(b"\n---\n", b"\n---\n" + notes + example, 1) for part in each()])


def patchwork() -> bytes:
    head = b"\nX-Patchwork-Id: 12\nDKIM-Signature: v=1;\n b=Subject: [PATCH 9/9] no\n\n"
    return gzip.compress(mbox([part.replace(b"\n\n", head, 1) for part in each()]))


def lore_thread_mbox() -> bytes:
    """A thread with its cover letter and an answer, as lore packs it."""
    cover = b"From: Ada <ada@example.org>\nSubject: [PATCH 0/3] lamps\nMessage-ID: <0@x>\n\nHi.\n"
    answer = (
        b"From: Bo <bo@x>\nSubject: Re: [PATCH 1/3] x\nMessage-ID: <r@x>\nIn-Reply-To: <1@x>\n\nAda wrote:\n"
    )
    quoted = marked(body(each()[0]), b"> ") + b"\nNo.\n"
    patches = [part.replace(b"\n", b"\nIn-Reply-To: <0@x>\n", 1) for part in each()]
    return gzip.compress(mbox([cover, *patches, answer + quoted]))


def signed_in_parts(text: bytes) -> tuple[bytes, ...]:
    inner = b"Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: base64\n\n"
    signature = (
        b"Content-Type: application/pgp-signature; name=signature.asc\n\n-----BEGIN PGP SIGNATURE-----\n"
    )
    return parts(b"mixed", inner + base64.encodebytes(text), boundary=b"I"), signature + b"\niQ==\n"


SHAPES: dict[str, Callable[[], bytes]] = {
    # footers, banners, and the marks that gateways put into subjects
    "exchange-footer": lambda: bodies(
        lambda text: text.replace(b"\n", b"\r\n") + b"\r\n____\r\n- It is confidential.\r\n+ Really.\r\n"
    ),
    "footer-without-signature": lambda: bodies(
        lambda text: SIGNATURE.sub(b"\n", text) + b"_______________\nlamps mailing list\nlamps@x\n"
    ),
    "footer-that-looks-like-names-of-files": lambda: bodies(
        lambda text: SIGNATURE.sub(b"", text) + b"\n-- \nYou are on\n--- a list\n+++ and more\n"
    ),
    "footer-as-a-part": lambda: in_parts(
        b"mixed",
        lambda text: (
            parts(
                b"alternative",
                b"Content-Transfer-Encoding: quoted-printable\n\n" + quopri.encodestring(text),
                b"Content-Type: text/html\n\n<p>x</p>",
                boundary=b"A",
            ),
            b"Content-Disposition: inline\n\n_____\nlist footer\n",
        ),
    ),
    "banner-above": lambda: bodies(lambda text: b"CAUTION: This mail is from outside.\n\n" + text),
    "mark-external-colon": lambda: subjects(lambda n, title: b"[External] : [PATCH %d/3] " % n + title),
    "marks-of-two-gateways": lambda: subjects(
        lambda n, title: b"[EXT] Re: [External] : [PATCH v2 %d/3] " % n + title
    ),
    "mark-with-stars": lambda: subjects(lambda n, title: b"***SPAM*** [PATCH %d/3] " % n + title),
    "mark-with-a-dash": lambda: subjects(lambda n, title: b"EXT - [PATCH %d/3] " % n + title),
    # parts and encodings
    "html-first": lambda: in_parts(
        b"alternative",
        lambda text: (
            HTML + b"\n" + as_html(text, "<p>%s</p>\n", no_break),
            TEXT + b"\n" + text,
        ),
    ),
    "logo-beside": lambda: in_parts(
        b"related", lambda text: (b"\n" + text, b"Content-Type: image/png; name=logo.png\n\niVBORw0KGgo=\n")
    ),
    "signed-in-parts": lambda: in_parts(b"signed", signed_in_parts),
    "smime-beside": lambda: in_parts(
        b"signed",
        lambda text: (b"\n" + text, b"Content-Type: application/pkcs7-signature; name=smime.p7s\n\nMIA=\n"),
    ),
    "soft-breaks-in-hunks": lambda: bodies(
        soft_breaks, TEXT + b"Content-Transfer-Encoding: quoted-printable\n"
    ),
    "quoted-printable-crlf": lambda: bodies(
        lambda text: quopri.encodestring(text).replace(b"\n", b"\r\n"),
        TEXT + b"Content-Transfer-Encoding: Quoted-Printable\n",
    ),
    "base64-in-one-line": lambda: bodies(
        lambda text: base64.b64encode(text.replace(b"\n", b"\r\n")) + b"\n",
        TEXT + b"Content-Transfer-Encoding: base64\n",
    ),
    "base64-with-a-footer": lambda: bodies(
        lambda text: base64.encodebytes(text) + b"_______\nlamps mailing list\nhttps://x.org/lists\n",
        TEXT + b"Content-Transfer-Encoding: base64\n",
    ),
    "base64-undeclared": lambda: bodies(base64.encodebytes),
    "uuencoded": lambda: bodies(uuencoded, b"Content-Transfer-Encoding: x-uuencode\n"),
    "windows-1252": lambda: bodies(bytes, b'Content-Type: text/plain; charset="windows-1252"\n'),
    "mark-of-utf-8-in-bodies": lambda: bodies(lambda text: b"\xef\xbb\xbf" + text, TEXT),
    "flowed-by-thunderbird": lambda: bodies(
        lambda text: stuffed(text).replace(b"A paragraph on", b"A paragraph \non"),
        b"Content-Type: text/plain; charset=UTF-8; format=flowed\nContent-Language: en-US\n",
    ),
    "boundary-of-another-mail": lambda: bodies(
        lambda text: b"--T\nContent-Type: text/plain\n\n" + text + b"\n--T--\n",
        b"Content-Type: multipart/mixed; boundary=S\n",
    ),
    "boundary-missing": lambda: bodies(
        lambda text: b"--T\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n"
        + base64.encodebytes(text)
        + b"--T--\n",
        b"Content-Type: multipart/mixed\n",
    ),
    "carriage-returns-twice": lambda: mbox(each()).replace(b"\n", b"\r\r\n"),
    "end-of-file-of-dos": lambda: mails().replace(b"\n", b"\r\n") + b"\x1a",
    # forwarded and attached
    "mails-in-base64": encoded_mails,
    "mails-nested-twice": lambda: mbox([wrapped_twice(part) for part in each()]),
    "forward-with-underscores": lambda: outlook(b"\n________________________________\n"),
    "forward-with-a-line": lambda: outlook(b"\n-----Original Message-----\n"),
    "forward-quoted-twice": lambda: forward(b"---------- Forwarded message ---------\n", b"> > "),
    "forward-with-bars": lambda: forward(b"", b"| "),
    "forward-indented": lambda: forward(b"", b"    "),
    "forward-behind-tabs": lambda: forward(b"", b"\t"),
    "patch-txt": lambda: attached("000%d-lamp.patch.txt", ("text", "plain")),
    "patch-as-download": lambda: attached("000%d-x.patch", ("application", "x-msdownload")),
    "patch-as-c": lambda: attached("000%d-x.patch", ("text", "x-csrc")),
    "patch-copy": lambda: attached("000%d-x.patch(1).txt", ("text", "plain")),
    "mails-as-octets": lambda: attached("patch %d.eml", ("application", "octet-stream")),
    "mailbox-packed": lambda: one_attachment(gzip.compress(mails()), "x-gzip", "series.mbox.gz"),
    "octets-without-name": lambda: one_attachment(mails(), "octet-stream", None),
    "packed-octets-without-name": lambda: one_attachment(lzma.compress(mails()), "octet-stream", None),
    "diffs-in-one-mail": lambda: diffs("lamp-%d.diff", ("text", "x-diff")),
    "diffs-as-octets": lambda: diffs("lamp-%d.diff.txt", ("application", "octet-stream")),
    # subjects
    "tag-release-and-resend": lambda: tags(b"PATCH for-11.1 v2 %d/3 RESEND"),
    "tag-resend-first": lambda: tags(b"RESEND PATCH v3 %d/3"),
    "tag-commas": lambda: tags(b"PATCH,v2,%d/3,for-11.0"),
    "tag-lower": lambda: tags(b"patch %d/3"),
    "tag-with-a-number-of-its-own": lambda: tags(b"PATCH CVE-2026-1234 %d/3"),
    "tag-blanks-in-number": lambda: tags(b"PATCH %d / 3"),
    "tag-no-break-spaces": lambda: subjects(
        lambda n, title: f"[PATCH\u00a0v2\u00a0{n}/3] ".encode() + title
    ),
    "tag-wide-brackets": lambda: subjects(lambda n, title: f"\u3010PATCH {n}/3\u3011".encode() + title),
    "title-in-unicode": lambda: subjects(
        lambda n, title: f"[PATCH {n}/3] gr\u00f6\u00dfer \u2192 \u03bb ".encode() + title
    ),
    "subject-folded": lambda: subjects(lambda n, title: b"\n [PATCH %d/3]\n " % n + title),
    # text around the diff
    "notes-with-an-example": with_notes,
    "scissors-below-an-answer": lambda: bodies(
        lambda text: b"Hi,\n\n> no\n\nHow about:\n\n-------- 8< --------\nSubject: x\n\n" + text
    ),
    "signature-without-blank": lambda: bodies(lambda text: text.replace(b"\n-- \n", b"\n--\n")),
    "indented-diff": lambda: bodies(lambda text: marked(text, b"    ")),
    "one-blank-before-all": lambda: bodies(lambda text: marked(text, b" ")),
    # exports
    "patchwork": patchwork,
    "lore-thread": lore_thread_mbox,
    "content-length": lambda: b"".join(
        b"From ada@x Mon Mar  3 12:00:00 2025\n"
        + part.replace(b"\n\n", b"\nContent-Length: %d\n\n" % len(body(part)), 1)
        for part in each()
    ),
    "mmdf": lambda: b"".join(b"\1\1\1\1\n" + part + b"\1\1\1\1\n" for part in each()),
    "zip-of-a-nested-maildir": lambda: zipped("Maildir/.lists.lamps/new/17000000%d.M1P2.host"),
    "mails-strung-together": lambda: b"".join(eml(n, part) for n, part in enumerate(each(), 1)),
    "mails-with-parts-strung-together": lambda: b"".join(
        encoded_eml(n, part) for n, part in enumerate(each(), 1)
    ),
    "digest-of-mailman": plain_digest,
    "digest-in-a-mail": lambda: b"From: g@x\nSubject: 3 updates\n" + parts(
        b"mixed",
        parts(b"digest", *(b"Content-Type: message/rfc822\n\n" + part for part in each()), boundary=b"D"),
    ),
    # other texts
    "markdown": lambda: b"# Patches\n\n```diff\n" + out("diff", "A..B") + b"```\n\nThanks.\n",
    "script": lambda: b"#!/bin/sh\npatch -p1 <<'EOF'\n" + out("diff", "A..B") + b"EOF\n",
    "diff-behind-blanks": lambda: out("diff", "--line-prefix=    ", "A..B"),
    "stgit": lambda: b"".join(
        title.encode() + b"\n\nText.\n---\n\n" + out("diff", f"end~{3 - n}", f"end~{2 - n}") + b"\n"
        for n, title in enumerate(TITLES)
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_lost(shape: str) -> None:
    series = [one for one in assemble(read_messages(SHAPES[shape](), shape)) if one.patches]
    assert applied(series) == THREE


@pytest.mark.parametrize(
    "shape", ["mails-strung-together", "mails-with-parts-strung-together", "digest-of-mailman"]
)
def test_mails_strung_together_are_three_patches(shape: str) -> None:
    (series,) = assemble(read_messages(SHAPES[shape](), shape))
    assert [patch.title for patch in series.patches] == TITLES
    assert series.problems == ()


READ_IN_ANY_CASE = (
    b"From: Cy <cy@example.com>\nSubject: [PATCH] hw/foo: other\nMessage-ID: <good@x>\n\nText.\n---\n"
    b"diff --git a/hw/foo.c b/hw/foo.c\n--- a/hw/foo.c\n+++ b/hw/foo.c\n@@ -1,2 +1,3 @@\n"
    b" /* A. */\n+/* B. */\n \n"
)


def mail(title: bytes, text: bytes, fields: bytes = b"") -> bytes:
    return (
        b"From: Bo <bo@example.net>\nSubject: " + title + b"\nMessage-ID: <odd@x>\n" + fields + b"\n" + text
    )


def with_attachment(kind: bytes, name: bytes, data: bytes) -> bytes:
    head = b"Content-Type: " + kind + b"; name=" + name + b"\nContent-Transfer-Encoding: base64\n\n"
    whole = parts(b"mixed", b"\nSee the attachment.", head + base64.encodebytes(data))
    fields, _, text = whole.partition(b"\n\n")
    return mail(b"lamps", text, fields + b"\n")


def first_diff() -> bytes:
    return out("diff", "end~3", "end~2")


SEVEN = b"7z\xbc\xaf\x27\x1c" + b"\0" * 50
CONTEXT = (
    b"*** a/x.c\t2025\n--- b/x.c\t2025\n***************\n*** 1,2 ****\n! a\n  b\n--- 1,2 ----\n! c\n  b\n"
)
BESIDE: dict[str, tuple[Callable[[], bytes], str]] = {
    "forward-quoted-twice": (
        lambda: mail(b"Fwd: [PATCH] x", marked(b"Subject: [PATCH] x\n\n" + body(each()[0]), b"> > ")),
        "",
    ),
    "indented": (lambda: mail(b"a fix", b"Hi,\n\nthis mends it:\n\n" + marked(first_diff(), b"  ")), ""),
    "base64-undeclared": (lambda: mail(b"a fix", base64.encodebytes(body(each()[0]))), ""),
    "body-packed": (
        lambda: mail(
            b"a fix",
            base64.encodebytes(gzip.compress(body(each()[0]))),
            b"Content-Type: application/gzip\nContent-Transfer-Encoding: base64\n",
        ),
        "",
    ),
    "packed-without-suffix": (
        lambda: with_attachment(b"application/octet-stream", b"series", lzma.compress(mails())),
        "",
    ),
    "patch-that-is-no-text": (
        lambda: with_attachment(b"application/octet-stream", b"0001-x.patch", b"\0\1\2" * 50),
        "neither a mail nor a diff",
    ),
    "patches-7z": (
        lambda: with_attachment(b"application/x-7z-compressed", b"patches.7z", SEVEN),
        "packed by 7z, which is not read: unpack it first",
    ),
    "patch-zst": (
        lambda: with_attachment(b"application/zstd", b"x.patch.zst", b"\x28\xb5\x2f\xfd" + b"\0" * 30),
        "packed by zstd, which is not read: unpack it first",
    ),
    "context-diff": (lambda: mail(b"a fix", b"Hi,\n\n" + CONTEXT), "a context diff, which is not read"),
    "answer-to-another-thread": (
        lambda: mail(
            b"Re: crash in lamps",
            b"> it crashes\n\nTry this:\n\n" + first_diff(),
            b"In-Reply-To: <nowhere@x>\n",
        ),
        "the diff in an answer by Bo <bo@example.net> (<odd@x>) is taken for a suggestion: not reviewed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", BESIDE)
def test_beside_other_patches_it_is_read_or_named(shape: str) -> None:
    make, problem = BESIDE[shape]
    series = assemble(read_messages(mbox([READ_IN_ANY_CASE, make()]), shape))
    changes = [change for one in series for patch in one.patches for change in patch.changes]
    problems = [text for one in series for patch in one.patches for text in patch.problems]
    problems += [text for one in series for text in one.problems]
    if problem:
        assert any(problem in text for text in problems), problems
    else:
        assert len(changes) > 1
        assert problems == []


def test_prose_that_looks_encoded_or_indented_is_left_alone() -> None:
    words = b"So we have:\n\n    int x;\n    --- no names\n\nTmV2ZXIgbWluZC4=\n"
    (series,) = assemble(read_messages(mbox([READ_IN_ANY_CASE, mail(b"lamps", words)]), "box"))
    assert [change.path for patch in series.patches for change in patch.changes] == ["hw/foo.c"]
    assert series.problems == ()


def test_ids_in_a_text_begin_no_mail() -> None:
    trailers = b"Signed-off-by: A <a@x>\nMessage-ID: <t@x>\nReviewed-by: B <b@x>\n\n"
    quoted = b"From: D <d@x>\nSubject: no\n\nMessage-ID: <u@x>\n\n"
    (series,) = assemble(read_messages(READ_IN_ANY_CASE.replace(b"Text.\n", trailers + quoted), "mail"))
    assert len(series.patches) == 1


def test_a_packed_file_of_a_kind_that_is_not_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "1.patch").write_bytes(mails())
    (tmp_path / "2.patch.zst").write_bytes(b"\x28\xb5\x2f\xfd" + b"\0" * 9)
    (*_, broken) = assemble(read_path(tmp_path))
    assert [text.partition(": ")[2] for text in broken.patches[0].problems] == [
        "packed by zstd, which is not read: unpack it first"
    ]
    with pytest.raises(InputError, match="packed by zstd, which is not read: unpack it first"):
        read_path(tmp_path / "2.patch.zst")
