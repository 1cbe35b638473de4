# SPDX-License-Identifier: GPL-2.0-or-later
"""Reading mails and diffs costs no more than their size allows, whatever stands in them.

Each text is a repetition of something. Four times as much of it may take four times as long, not sixteen:
eight times is the limit, so that a slow machine fails nothing. Where steps can be counted, they are.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from qerrlint.errors import InputError
from qerrlint.patch.apply import HunkMismatch, apply_change
from qerrlint.patch.diffparser import parse_diff
from qerrlint.patch.fragments import fragments
from qerrlint.patch.group_messages import assemble
from qerrlint.patch.hunk_places import Image, Wanted
from qerrlint.patch.mail.headers import addresses, decoded, parameters
from qerrlint.patch.mail.html_text import html_text
from qerrlint.patch.mail.read_input import read_messages
from qerrlint.patch.message import Message
from qerrlint.patch.series import Series
from qerrlint.patch.stacks import stacks
from qerrlint.patch.subject import parse_subject

LINE = b"From a@b.c Mon Mar  3 12:00:00 2025\n"
HEAD = b"From: Ada <a@b.c>\nMessage-ID: <1@x>\n"
MAIL = HEAD + b"Subject: [PATCH] x\n"
DIFF = b"---\ndiff --git a/x.c b/x.c\n--- a/x.c\n+++ b/x.c\n@@ -1,2 +1,3 @@ f\n a\n+b\n c\n"
REPLY = (
    LINE
    + MAIL
    + b"\n"
    + DIFF
    + b"\n"
    + LINE
    + b"From: Bo <b@b.c>\nSubject: Re: [PATCH] x\nIn-Reply-To: <1@x>\n\n"
)


def read(data: bytes) -> None:
    """Everything that is done with an input before a tree is looked at."""
    try:
        messages = read_messages(data, "input")
    except InputError:
        return
    for one in assemble(messages):
        one.remarks()
        stacks([one])
        for patch in one.patches:
            for change in patch.changes:
                fragments(change)


def spent(work: Callable[[int], object], size: int, runs: int = 3) -> float:
    """Processor time in seconds; the least of some runs, the collector of garbage at rest."""
    best = float("inf")
    for _ in range(runs):
        gc.disable()
        start = time.process_time()
        work(size)
        best = min(best, time.process_time() - start)
        gc.enable()
    return best


def grows_with_its_size(work: Callable[[int], object], size: int) -> None:
    """Fails where four times the size costs more than eight times the time. What takes no time to speak of
    passes: a time that grows with the square is seconds at four times these sizes."""
    if spent(work, 4 * size, runs=1) > 0.1:
        large = spent(work, 4 * size)
        assert large < 8 * spent(work, size), f"{large:.3f} s"


REPEATED: dict[str, tuple[bytes, bytes, bytes]] = {
    "blanks-in-a-subject": (HEAD + b"Subject: [PATCH] x", b" ", b"y\n\n" + DIFF),
    "blanks-in-a-sender": (b"Subject: x\nFrom: ", b" ", b"y\n\n" + DIFF),
    "folded-lines-in-a-header": (HEAD + b"References:", b"\n ", b"x\n\n" + DIFF),
    "brackets-in-a-subject": (HEAD + b"Subject: ", b"[", b"y\n\n" + DIFF),
    "groups-in-a-subject": (HEAD + b"Subject: ", b"[a] ", b"y\n\n" + DIFF),
    "answers-in-a-subject": (HEAD + b"Subject: ", b"Re: ", b"y\n\n" + DIFF),
    "encoded-words-without-end": (HEAD + b"Subject: ", b"=?utf-8?q?", b"\n\n" + DIFF),
    "encoded-words": (HEAD + b"Subject: ", b"=?a?b?YQ==?= ", b"\n\n" + DIFF),
    "recipients-without-an-address": (MAIL + b"To: ", b"a", b"\n\n" + DIFF),
    "recipients-with-many-ats": (MAIL + b"To: ", b"a@", b"\n\n" + DIFF),
    "open-brackets-of-recipients": (MAIL + b"Cc: ", b"<", b"\n\n" + DIFF),
    "open-comments-of-recipients": (MAIL + b"Cc: ", b"(", b"\n\n" + DIFF),
    "open-quotes-of-recipients": (MAIL + b"Cc: ", b'"a', b"\n\n" + DIFF),
    "blanks-in-a-date": (MAIL + b"Date: Mon,", b" ", b"\n\n" + DIFF),
    "open-message-ids": (MAIL + b"References: ", b"<a", b"\n\n" + DIFF),
    "message-ids": (MAIL + b"References: ", b"<a@b> ", b"\n\n" + DIFF),
    "quotes-in-a-content-type": (MAIL + b"Content-Type: text/plain", b';a="', b"\n\n" + DIFF),
    "parameters-in-parts": (MAIL + b"Content-Type: text/plain", b"; a*0*=u'%41", b"\n\n" + DIFF),
    "header-fields": (MAIL, b"To: a@b\n", b"\n" + DIFF),
    "times-in-a-from-line": (b"From x", b" 00:00", b"\n" + MAIL + b"\n" + DIFF),
    "from-lines": (LINE + MAIL + b"\n", b"\nFrom x 00:00:00\n", DIFF),
    "mails": (b"", LINE + b"Subject: x\n\n", b""),
    "pasted-patch-files": (
        LINE + MAIL + b"\n",
        b"From " + b"a" * 40 + b" Mon Sep 17 00:00:00 2001\nSubject: x\n\n",
        DIFF,
    ),
    "doubled-lines": (MAIL + b"\n", b"--- a\n\n", DIFF),
    "quoted-from-lines": (LINE + MAIL + b"\n", b">From \n", DIFF),
    "boundaries": (MAIL + b"Content-Type: multipart/mixed; boundary=b\n\n", b"--b\n", b"--b--\n"),
    "almost-boundaries": (MAIL + b"Content-Type: multipart/mixed; boundary=b\n\n", b"--bb\n", b"--b--\n"),
    "nested-mails": (MAIL, b"Content-Type: message/rfc822\n\n", b"\n" + DIFF),
    "parts-in-parts": (
        MAIL,
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n",
        b"\n" + DIFF,
    ),
    "base64": (MAIL + b"Content-Transfer-Encoding: base64\n\n", b"=", b"\n"),
    "quoted-printable": (MAIL + b"Content-Transfer-Encoding: quoted-printable\n\n", b"=\n", DIFF),
    "flowed-lines": (MAIL + b"Content-Type: text/plain; format=flowed\n\n", b"a \n", DIFF),
    "flowed-quotes": (MAIL + b"Content-Type: text/plain; format=flowed\n\n", b">", DIFF),
    "clear-signatures": (MAIL + b"\n", b"-----BEGIN PGP SIGNED MESSAGE-----\n", DIFF),
    "no-break-spaces": (MAIL + b"\n", b"\xc2\xa0", b"\n" + DIFF),
    "escapes": (b"\x1b[1mdiff --git a/x b/x\x1b[m\n", b"\x1b[1", b"m\n" + DIFF),
    "blanks-behind-a-name": (b"--- a/x.c", b" ", b"y\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n"),
    "years-behind-a-name": (b"--- a/x.c", b" 2025-03-03", b"\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n"),
    "days-behind-a-name": (b"--- a/x.c", b" Mon Mar 3", b"\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n"),
    "digits-of-a-hunk": (b"--- a/x.c\n+++ b/x.c\n@@ -", b"1", b" +1 @@\n-a\n+b\n"),
    "digits-without-a-diff": (b"@@ -", b"1", b"\n" + DIFF),
    "quotes-in-a-name": (b"diff --git ", b'"\\', b"\n" + DIFF),
    "parts-of-a-path": (b"--- a/", b"x/", b"y\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n"),
    "here-in-a-path": (b"--- ", b"./", b"y\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n"),
    "file-headers": (b"", b"diff --git a/x b/x\n", DIFF),
    "hunk-headers": (b"--- a/x\n+++ b/x\n", b"@@ -1 +1 @@\n", DIFF),
    "lines-without-newline": (b"--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n a\n", b"\\ No newline\n", DIFF),
    "binary-patches": (b"", b"diff --git a/x b/x\nGIT binary patch\nliteral 1\nx\n\n", DIFF),
    "renames": (b"diff --git a/x b/y\n", b"rename from x\n", DIFF),
    "trailers": (MAIL + b"\n", b"A: b\n", DIFF),
    "blank-lines": (MAIL + b"\n", b"\n", b"x\n" + DIFF),
    "blank-lines-with-blanks": (MAIL + b"\n", b"\n ", b"x\n" + DIFF),
    "base-commits": (MAIL + b"\n", b"base-commit: 1234567\n", DIFF),
    "prerequisites": (MAIL + b"\n", b"Based-on: <a@b>\n", DIFF),
    "prerequisites-without-ids": (MAIL + b"\n", b"Based-on: @", DIFF),
    "posted-by": (b"Title\nPosted by x", b" ", b"ago\n" + DIFF),
    "posted-by-on": (b"Title\nPosted by x", b" on", b"\n" + DIFF),
    "posted-by-long-ago": (b"Title\nPosted by x", b" 1 day", b" ago\n" + DIFF),
    "blanks-behind-headers": (b"permalink\nFrom: a\nSubject: b", b" ", b"x\n\n" + DIFF),
    "other-threads": (b"permalink\nFrom: a\nSubject: b\n\n", b"a ", b"other threads\n" + DIFF),
    "listed-mails": (b"", b"From: a @ 2025-03-03 12:00 \n", DIFF),
    "names-in-a-list": (b"From: ", b"a @ ", b"2025-03-03 12:00 \n\nx\n" + DIFF),
    "commits": (b"", b"commit %s\nAuthor: a\n" % (b"a" * 40), DIFF),
    "changesets": (b"", b"# HG changeset patch\n# User a\n", DIFF),
    "tags-without-end": (b"<html>", b"<a ", b""),
    "tags-with-quotes": (b"<html>", b"<a b='", b">"),
    "tags-with-both-quotes": (b"<html><a ", b"'a'", b">"),
    "comments-without-end": (b"<html>", b"<!--", b""),
    "declarations-without-end": (b"<html>", b"<!a", b""),
    "scripts": (b"<html>", b"<script>", b""),
    "references": (b"<html>", b"&#", b"1;"),
    "digits-of-a-reference": (b"<html>&#", b"1", b";"),
    "blanks-of-a-page": (b"<html>", b" ", b"x"),
    "blocks": (b"<html>", b"<div style='white-space: pre'>", b"x"),
    "wrote": (REPLY + b"> +b\n", b"wrote ", b"\nwhy?\n"),
    "wrote-and-wrote": (REPLY + b"> +b\n", b"x wrote:\n", b"\nwhy?\n"),
    "addresses-above-an-attribution": (REPLY + b"> +b\n", b"<a@", b"\nx wrote:\nwhy?\n"),
    "numbers-above-an-attribution": (REPLY + b"> +b\nOn ", b"1:1", b"\nx wrote:\nwhy?\n"),
    "dots-of-a-remark": (REPLY + b"> +b\n", b".", b"x\nwhy?\n"),
    "elisions-of-a-remark": (REPLY + b"> +b\n[...", b" .)", b"x\nwhy?\n"),
    "tags-of-a-remark": (REPLY + b"> +b\n", b"A-", b"by\nwhy?\n"),
    "quotes": (REPLY, b"> +b\nwhy?\n", b""),
    "quotes-of-quotes": (REPLY, b"> >", b" +b\nwhy?\n"),
    "quotes-of-halves": (REPLY, b"> static int of_a_long_li\nwhy?\n", b""),
    "quoted-blank-lines": (REPLY, b">\n", b"why?\n"),
}


@pytest.mark.parametrize("name", REPEATED)
def test_a_repetition_costs_what_its_length_allows(name: str) -> None:
    start, part, end = REPEATED[name]
    grows_with_its_size(lambda size: read(start + part * (size // len(part)) + end), 10_000)


@pytest.mark.parametrize(
    "text", ["=?a?q?", "=?a?b?YQ==?=", '"', "(", "\\", ";a*0=", ";a", "@", "<a@", "a,", "a;", "=?", "?="]
)
def test_a_field_costs_what_its_length_allows(text: str) -> None:
    def fields(size: int) -> None:
        field = text * (size // len(text))
        decoded(field), parameters("text/plain" + field), list(addresses(field))
        parse_subject(field)

    grows_with_its_size(fields, 20_000)


@pytest.mark.parametrize(
    "text", ["<a ", "<a '", '<a "', "<a b='\">", "<!--", "<", "</", "&#1", "<script>", "<pre>"]
)
def test_a_page_costs_what_its_length_allows(text: str) -> None:
    grows_with_its_size(lambda size: html_text(text * (size // len(text))), 20_000)


def message(number: int, answers: int | None, subject: str = "Re: [PATCH] x", text: str = "") -> Message:
    above = f"{answers}@x" if answers is not None else None
    return Message(f"{number}@x", f"P{number} <p{number}@x>", subject, None, above, (), text, "box")


PATCH = DIFF.decode()


def chain(size: int) -> list[Message]:
    """Each mail answers the one before it, below a patch."""
    return [message(0, None, "[PATCH] x", PATCH), *(message(n, n - 1) for n in range(1, size))]


def versions(size: int) -> list[Message]:
    """One title in ever new threads."""
    return [message(n, None, f"[PATCH v{n % 900 + 1} 1/2] x", PATCH) for n in range(size)]


def halves(size: int) -> list[Message]:
    """First patches without a second one, all of one sender."""
    made = (message(n, None, f"[PATCH 1/2] title {n}", PATCH) for n in range(size))
    return [replace(one, sender="Ada <a@x>") for one in made]


def circle(size: int) -> list[Message]:
    """Mails that answer each other in a ring."""
    return [
        message(n, (n + 1) % size, "[PATCH] x" if n == 0 else "Re: [PATCH] x", PATCH) for n in range(size)
    ]


@pytest.mark.parametrize("made", [chain, versions, halves, circle])
def test_a_mailbox_costs_what_its_mails_allow(made: Callable[[int], list[Message]]) -> None:
    def work(size: int) -> None:
        messages = made(size)
        for one in assemble(messages):
            one.remarks()

    grows_with_its_size(work, 200)


def test_stacks_of_any_height_are_sorted_in_time() -> None:
    def tower(size: int) -> list[Series]:
        """Bare diffs, each of which builds on the one before."""
        text = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"
        mails = [Message(None, "", f"{n}.diff", None, None, (), f"{n}\n{text}", f"{n}") for n in range(size)]
        return assemble(mails)

    (stack,) = stacks(tower(3000))
    assert len(stack.series) == 3000
    grows_with_its_size(lambda size: stacks(tower(size)), 300)


def test_hunks_are_looked_for_without_comparing_every_line_everywhere() -> None:
    """Many equal lines in a hunk and in the file: each is compared a bounded number of times."""

    class Counted(bytes):
        compared = 0

        def __eq__(self, other: object) -> bool:
            Counted.compared += 1
            return bytes.__eq__(self, other)

        __hash__ = bytes.__hash__

    counts = []
    for size in (500, 2000):
        Counted.compared = 0
        keys = [Counted(b"}\n") for _ in range(2 * size)]
        lines = (*(Counted(b"}\n") for _ in range(size)), Counted(b"{\n"))
        image = Image([*keys, Counted(b"{\n")])
        assert image.place(Wanted(lines, size + 1, 3, at_start=False, at_end=False)) == (size, size - 3)
        counts.append(Counted.compared)
    assert counts[1] < 8 * max(counts[0], 1)
    assert counts[1] <= 4 * 5 * 2000


@pytest.mark.parametrize("last", [b"", b"x\n"])
def test_hunks_that_almost_fit_cost_what_their_lines_allow(last: bytes) -> None:
    def work(size: int) -> None:
        lines = size // 40
        hunk = b" \n" * lines + b"-a\n" + b" \n" * 3
        text = b"--- a/x\n+++ b/x\n@@ -9,%d +9,%d @@\n" % (lines + 4, lines + 3) + hunk
        old = b"\n" * (lines * 3) + last
        with pytest.raises(HunkMismatch):
            apply_change(parse_diff(text).changes[0], old)

    grows_with_its_size(work, 200_000)


def test_hunks_far_down_in_many_files_take_no_memory() -> None:
    """The empty lines in front of them are counted over the whole input, not for each hunk."""
    from qerrlint.review.series.without_tree import review_loose
    from qerrlint.rules.loader import load_rules

    hunk = b"@@ -199999,2 +199999,3 @@ int f(Error **errp)\n     int a;\n+    g(errp);\n     return 0;\n"
    diff = b"".join(b"--- a/x%d.c\n+++ b/x%d.c\n" % (n, n) + hunk for n in range(40))
    (series,) = assemble(read_messages(diff, "far.diff"))
    result = review_loose([series], load_rules())
    reviewed = result.coverage.files
    assert 1 <= reviewed <= 3
    assert len(result.coverage.skipped) == 40 - reviewed
    assert {item.reason for item in result.coverage.skipped} == {
        "its hunks are too far down, in too many files, for their lines to be kept in memory"
    }
    assert not result.patches[0].applied


def test_answers_that_quote_without_end_are_named() -> None:
    (series,) = assemble(read_messages(REPLY + b"> +b\nwhy?\n" * 6000, "box"))
    assert series.replies == ()
    assert series.problems == ("the answers quote the series more than 5000 times; the rest is not read",)
