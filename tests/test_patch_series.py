# SPDX-License-Identifier: GPL-2.0-or-later
"""Subjects, series, versions, replies and remarks; the base of a series."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from test_source_git import Repo, no_config, repo  # noqa: F401 (fixtures)

from qerrlint.errors import InputError, UsageError
from qerrlint.patch.base import find_base, preimages
from qerrlint.patch.group_messages import assemble
from qerrlint.patch.mail.read_input import read_path
from qerrlint.patch.message import Message
from qerrlint.patch.quote_matching import Places
from qerrlint.patch.series import Series, based_on, trailers
from qerrlint.patch.subject import parse_subject
from qerrlint.patch.thread import Reply, quotes, remarks, same_person, substance
from qerrlint.source.repository import Repository

MAIL = Path(__file__).parent.parent / "fixtures" / "mail"
ADA = "Ada Fenwick <ada@example.org>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[PATCH v3 2/7] hw/x: y", ("hw/x: y", "patch", False, 3, 2, 7)),
        ("[PATCH V1 2/2] a", ("a", "patch", False, 1, 2, 2)),
        ("[RFC PATCH for-10.1 v2 03/10] b: c", ("b: c", "patch", False, 2, 3, 10)),
        ("[PULL 3/20] c", ("c", "pull", False, 1, 3, 20)),
        ("Re: [lamp-devel] [PATCHv2 1/2] x", ("x", "patch", True, 2, 1, 2)),
        ("RE: Re: [PATCH 0/3] x", ("x", "patch", True, 1, 0, 3)),
        ("hw/x: no prefix", ("hw/x: no prefix", "", False, 1, None, None)),
        ("[PATCH][v2] foo", ("foo", "patch", False, 2, None, None)),
        ("[PATCH v3 for 2.5 01/10] foo", ("foo", "patch", False, 3, 1, 10)),
        ("PATCH v2 1/2 hw/foo: bar", ("hw/foo: bar", "patch", False, 2, 1, 2)),
        ("Re: [PATCH] [hw/x] foo", ("[hw/x] foo", "patch", True, 1, None, None)),
        ("[PATCH 2 of 7] x", ("x", "patch", False, 1, 2, 7)),
        ("[PATCH v2 for-9.0-rc1 1/2] x", ("x", "patch", False, 2, 1, 2)),
        ("", ("", "", False, 1, None, None)),
    ],
)
def test_subjects(text: str, expected: tuple[object, ...]) -> None:
    got = parse_subject(text)
    assert (got.title, got.kind, got.reply, got.version, got.index, got.total) == expected


def diff_for(path: str, number: int = 1) -> str:
    names = f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n"
    return f"A change.\n---\n{names}@@ -1 +1 @@\n-a\n+b{number}\n"


def mail(
    subject: str, ident: str, answers: str | None = None, text: str | None = None, sender: str = ADA
) -> Message:
    return Message(
        ident, sender, subject, None, answers, (answers,) if answers else (), text or diff_for("x.c"), "box"
    )


def thread() -> Series:
    (series,) = assemble(read_path(MAIL / "thread.mbox"))
    return series


def test_thread_in_any_order() -> None:
    series = thread()
    assert [(patch.index, patch.total, patch.version) for patch in series.patches] == [(1, 2, 1), (2, 2, 1)]
    assert series.patches[0].title == "hw/misc/lamp: report a level that is out of range"
    assert series.cover is not None
    assert series.base_commit == "8f2c152e5231c7509f77acd4d2516e55915fe240"
    assert series.missing == ()
    assert series.problems == (
        "the diff in an answer by Bo Quill <bo@example.net> (<bo-2@example.net>) is taken for a suggestion: "
        "not reviewed",
    )
    assert [(reply.patch, reply.message.message_id) for reply in series.replies] == [
        (1, "bo-1@example.net"),
        (1, "ada-2@example.org"),
        (2, "cy-1@example.com"),
        (2, "bo-2@example.net"),
    ]
    (again,) = assemble(reversed(read_path(MAIL / "thread.mbox")))
    assert again == series


def test_a_diff_in_a_reply_is_no_patch() -> None:
    assert sum(len(patch.changes) for patch in thread().patches) == 3


def test_remark_is_tied_to_the_quoted_line_and_to_who_raised_it() -> None:
    ((patch, remark),) = thread().remarks()
    assert patch.index == 1
    assert remark.sender == "Bo Quill <bo@example.net>"
    assert remark.message_id == "bo-1@example.net"
    assert remark.line_text == "+    lamp_set_level(s, s->initial, errp);"
    assert remark.remark.startswith("The result is thrown away here")
    assert remark.path == "hw/misc/lamp.c"
    assert remark.text_line is not None
    assert patch.message.text.split("\n")[remark.text_line - 1] == remark.line_text
    assert remark.context_lines[-2] == "-    lamp_set_level(s, s->initial);"


def test_quotes() -> None:
    assert [(quote.quoted_text, quote.level, quote.following_remark) for quote in quotes(
        "On Monday X wrote:\n> > +old\n>> two\n> mine\n>\n> more\nMy word.\nAnd one.\n> x\n-- \n> signature\n"
    )] == [("+old\ntwo", 2, ""), ("mine\n\nmore", 1, "My word.\nAnd one."), ("x", 1, "")]  # fmt: skip


def reply_with(text: str, sender: str = "Bo Quill <bo@example.net>") -> Reply:
    return Reply(mail("Re: x", "r@x", None, text, sender), 1, quotes(text))


def said(text: str) -> list[tuple[str, str]]:
    return [
        (remark.line_text, remark.remark)
        for remark in remarks(reply_with(text), Places(thread().patches[0].changes))
    ]


LINE = "+    lamp_set_level(s, s->initial, errp);"


@pytest.mark.parametrize(
    "quote",
    [
        f"> @@ -36,7 +37,7 @@\n>      lamp_reset(s);\n> {LINE}\n",
        f"> {LINE}\n>  }}\n> \n",
        f">{LINE}\n",
        f"> > {LINE}\n",
        "> +    lamp_set_level(s, s->initial,\n> errp);\n",
        "> +\u00a0 \u00a0 lamp_set_level(s, s->initial, errp);\n",
        "> +   lamp_set_level(s,   s->initial, errp); \n",
        f">{LINE}\n>\n>\n",
        f">> @@ -36,7 +37,7 @@\n>>       lamp_reset(s);\n>>    {LINE}\n",
        "> +    lamp_set_level(s, s->initial,\nerrp);\n\n",
        "> lamp_set_level(s, s->initial, errp);\n",
        "> lamp_reset(s); + lamp_set_level(s, s->initial, errp);\n> }\n",
        "> ...\n> +    lamp_set_level(s, s->\n> initial, errp); }\n",
    ],
)
def test_rewrapped_and_trimmed_quotes_find_their_line(quote: str) -> None:
    (remark,) = remarks(reply_with(quote + "Unchecked.\n"), Places(thread().patches[0].changes))
    assert remark.text_line == 30
    assert remark.remark == "Unchecked."


def test_the_mailers_own_wrapping_is_no_remark() -> None:
    broken = LINE.replace("errp);", "\nerrp);")
    assert said(f"> {broken}\n>  }}\n") == []
    assert said(f"> {broken}\n\nUnchecked.\n") == [(LINE, "Unchecked.")]


def test_a_reply_without_blanks_behind_its_marks() -> None:
    """Lines broken inside and outside of the quote, context lines that lost their sign."""
    (series,) = assemble([*read_path(MAIL / "thread.mbox"), *read_path(MAIL / "wrapped-reply.eml")])
    found = {
        remark.remark: remark.text_line
        for _, remark in series.remarks()
        if remark.message_id == "bo-outlook-1@example.net"
    }
    lines = series.patches[0].message.text.split("\n")
    assert [(words, lines[line - 1]) for words, line in found.items() if line is not None] == [
        ('"between 0 and 255" would tell the user what to type instead.', "         return -EINVAL;"),
        ("This goes on after a failure.", LINE),
    ]
    (first, _) = [r for _, r in series.remarks() if r.message_id == "bo-outlook-1@example.net"]
    assert any("is out of range" in lines[line - 1] for line in first.covers)


def test_prose_with_code_in_it_is_not_taken_for_a_line() -> None:
    changes = thread().patches[0].changes
    for quote in (
        "> the call of lamp_set_level() can fail, and whoever calls it should look\n",
        "> }\n> {\n",
    ):
        assert remarks(reply_with(quote + "Should it?\n"), Places(changes)) == ()


@pytest.mark.parametrize(
    "words",
    [
        "Reviewed-by: Bo Quill <bo@example.net>",
        "Thanks,\nBo",
        "thanks\n-- Bo",
        "LGTM",
        "[...]",
        "(snip)",
        "Hi Ada,",
        "-- \nlong signature text that says something",
        "Cheers!\n\nBo Quill",
        "On Mon, 3 Mar 2025, Ada Fenwick wrote:",
        "_______________________________________________\nlamp-devel mailing list",
    ],
)
def test_no_remark_without_substance(words: str) -> None:
    assert said(f"> {LINE}\n{words}\n") == []


def test_substance_keeps_what_was_said() -> None:
    assert said(f"> {LINE}\nHi Ada,\n\nthis leaks.\n\nThanks,\nBo\n") == [(LINE, "this leaks.")]
    assert substance("ok, but who frees it?") == "ok, but who frees it?"


def test_remarks_on_prose_and_outlook_quotes_do_not_count() -> None:
    assert said("> The level of a lamp can come from the command line\n> - a bullet\nReally?\n") == []
    assert said(f"See below.\n-----Original Message-----\nFrom: x\n{LINE}\nOwn?\n") == []


def test_two_remarks_in_one_reply() -> None:
    text = (
        "> @@ -9,9 +9,10 @@\n> +static int lamp_set_level(LampState *s, int level, Error **errp)\n>  {\n"
        "Name it.\n\n"
        f">      lamp_reset(s);\n> {LINE}\nCheck it.\n"
    )
    assert [remark for _, remark in said(text)] == ["Name it.", "Check it."]


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("Steve Doe", "Steven Doe", True),
        ("Ada <ada@x>", "A. Fenwick <ADA@x>", True),
        ("Ada Fenwick <a@x>", "Ada Fenwick <b@y>", True),
        ("Fenwick, Ada <a@x>", "Ada Fenwick", True),
        ("Ada Fenwick", "Bo Fenwick", False),
        ("Ada Fenwick via <list@x>", "Ada Fenwick <a@x>", True),
        ("", "", False),
    ],
)
def test_same_person(a: str, b: str, same: bool) -> None:
    assert same_person(a, b) is same


def test_missing_member_is_said() -> None:
    (series,) = assemble([mail("[PATCH v2 2/3] b", "2@x", "0@x")])
    assert series.missing == (1, 3)
    assert series.problems == ("patches 1, 3 of 3 are missing",)
    assert series.version == 2


def test_highest_version_unless_asked() -> None:
    box = [
        mail("[PATCH 0/2] t", "c1@x", text="cover"),
        mail("[PATCH 1/2] one", "11@x", "c1@x"),
        mail("[PATCH 2/2] two", "12@x", "c1@x"),
        mail("Re: [PATCH 1/2] one", "r1@x", "11@x", "> +b1\nold remark\n", "Bo <bo@x>"),
        mail("[PATCH v2 0/2] t", "c2@x", "c1@x", "cover"),
        mail("[PATCH v2 2/2] two", "22@x", "c2@x"),
        mail("[PATCH v2 1/2] one", "21@x", "c2@x"),
        mail("Re: [PATCH v2 2/2] two", "r2@x", "22@x", "> +b1\nnew remark\n", "Bo <bo@x>"),
    ]
    (series,) = assemble(box)
    assert (series.version, [patch.message.message_id for patch in series.patches]) == (2, ["21@x", "22@x"])
    assert [reply.message.message_id for reply in series.replies] == ["r2@x"]
    (first,) = assemble(box, version=1)
    assert [patch.message.message_id for patch in first.patches] == ["11@x", "12@x"]
    assert [reply.message.message_id for reply in first.replies] == ["r1@x"]
    with pytest.raises(UsageError, match=r"version 5 is not among the messages \(found: 1, 2\)"):
        assemble(box, version=5)


def test_single_patches_sent_anew_into_the_thread_fill_the_older_version() -> None:
    box = [
        mail("[PATCH 1/3] one", "11@x"),
        mail("[PATCH 2/3] two", "12@x", "11@x"),
        mail("[PATCH 3/3] three", "13@x", "11@x"),
        mail("[PATCH v2 2/3] two", "22@x", "12@x"),
    ]
    (series,) = assemble(box)
    assert [patch.message.message_id for patch in series.patches] == ["11@x", "22@x", "13@x"]
    assert (series.version, series.missing) == (2, ())
    assert series.problems == ("patches 1, 3 are those of version 1",)


def test_different_series_stay_apart() -> None:
    box = [
        mail("[PATCH 1/2] one", "a1@x"),
        mail("[PATCH 2/2] two", "a2@x", "a1@x"),
        mail("[PATCH 1/2] uno", "b1@x", sender="Bo <bo@x>"),
        mail("[PATCH 2/2] due", "b2@x", "b1@x", sender="Bo <bo@x>"),
        mail("[PATCH] alone", "c@x"),
    ]
    assert [[patch.title for patch in series.patches] for series in assemble(box)] == [
        ["one", "two"],
        ["uno", "due"],
        ["alone"],
    ]


def test_unthreaded_mails_and_copies() -> None:
    box = [mail("[PATCH 2/2] two", "2@x"), mail("[PATCH 1/2] one", "1@x"), mail("[PATCH 2/2] two", "2@x")]
    (series,) = assemble(box)
    assert [patch.title for patch in series.patches] == ["one", "two"]
    assert series.problems == ()
    (resent,) = assemble([*box, mail("[PATCH 2/2] two", "3@x", text=diff_for("y.c"))])
    assert resent.problems == ("patch 2 was sent twice: the later one is used",)
    assert resent.patches[1].changes[0].path == "y.c"


def test_patch_without_diff_is_a_problem() -> None:
    (series,) = assemble([mail("[PATCH 1/1] empty", "1@x", text="no diff here\n")])
    assert series.patches[0].problems == ("empty: there is no diff in this message",)


def test_trailers_and_based_on() -> None:
    text = "Text: here\n\nBased-on: <b@x>\nSigned-off-by: A <a@x>\nnot one\nCc: q@x\n---\nFixes: no\n"
    assert list(trailers(text)) == [("Based-on", "<b@x>"), ("Signed-off-by", "A <a@x>"), ("Cc", "q@x")]
    assert list(based_on(text)) == ["b@x"]


def test_author_is_the_from_line_of_the_text() -> None:
    (series,) = assemble(
        [mail("[PATCH] x", "1@x", text="From: Cy Marsh <cy@x>\n\n" + diff_for("x.c"), sender="Bo <b@x>")]
    )
    assert series.patches[0].author == "Cy Marsh <cy@x>"


def patch_of(repo: Repo, rev: str, *options: str) -> Series:  # noqa: F811
    raw = subprocess.run(
        ("git", "-C", str(repo.path), "format-patch", "--stdout", *options, "-1", rev),
        capture_output=True,
        check=True,
    ).stdout
    from qerrlint.patch.mail.read_input import read_messages

    (series,) = assemble(read_messages(raw, "patch"))
    return series


def test_base_in_order_of_trust(repo: Repo) -> None:  # noqa: F811
    base = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "-q", "-b", "topic")
    topic = repo.commit({"a.c": "patched\n"})
    named, plain = patch_of(repo, topic, f"--base={base}"), patch_of(repo, topic)
    repo.git("checkout", "-q", "master")
    repo.git("branch", "-D", "-q", "topic")
    other = repo.commit({"VERSION": "2\n"})
    head = repo.commit({"a.c": "changed\n"})
    there = Repository(repo.path)
    assert find_base(plain, there, "HEAD~1").found_by == "given"
    assert find_base(plain, there, "HEAD~1").revision == other
    assert (find_base(named, there).found_by, find_base(named, there).revision) == ("base-commit", base)
    by_blobs = find_base(plain, there)
    assert (by_blobs.found_by, by_blobs.revision) == ("blobs", base), (
        "the newest that is not younger than the mail"
    )
    undated = replace(
        plain, patches=tuple(replace(p, message=replace(p.message, date=None)) for p in plain.patches)
    )
    assert find_base(undated, there).revision == other
    text = diff_for("a.c").replace("---\n", "---\nbase-commit: 0123456789\n", 1)
    (unknown,) = assemble([mail("[PATCH] x", "1@x", text=text)])
    fallback = find_base(unknown, there)
    assert (fallback.found_by, fallback.revision) == ("HEAD", head)
    assert "base-commit 0123456789 is not in" in fallback.notes[0]
    with pytest.raises(InputError, match="unknown revision"):
        find_base(plain, there, "nowhere")


def test_a_remark_above_the_lines_that_it_speaks_of() -> None:
    added = [
        "bool lamp_down(Lamp *l, Error **errp)",
        "{",
        "    lamp_bye(l, errp);",
        "    return !*errp;",
        "}",
    ]
    text = "--- a/x.c\n+++ b/x.c\n@@ -1,0 +2,5 @@\n" + "".join(f"+{line}\n" for line in added)
    quoted = [f"> +{line}\n" for line in added]
    said = "".join([*quoted[:2], "\nERRP_GUARD();\n\n", *quoted[2:4]])
    answer = mail("Re: [PATCH] x", "2@x", "1@x", said, "Bo Quill <bo@example.net>")
    (series,) = assemble([mail("[PATCH] x", "1@x", text=text), answer])
    ((_, remark),) = series.remarks()
    assert (remark.text_line, remark.below) == (4, (5, 6, 7)), "the last line is not quoted"


def test_one_common_title_makes_no_later_version() -> None:
    titles = ["a", "b", "c", "d"]
    stable = [
        mail(f"[PATCH 5.1 {n}/4] {t}", f"s{n}@x", text=diff_for(f"{t}.c")) for n, t in enumerate(titles, 1)
    ]
    other = [mail("[PATCH v2] a", "2@x", text=diff_for("a.c", 2), sender="Bo <bo@example.net>")]
    assert [len(series.patches) for series in assemble([*stable, *other])] == [4, 1]
    again = [mail(f"[PATCH v2 {n}/2] {t}", f"v{n}@x", text=diff_for("z.c", n)) for n, t in enumerate("ab", 1)]
    (series,) = assemble([*stable, *again])
    assert series.problems == ("version 1 of the series in the same input: not reviewed",)


def test_reports_on_patches_are_no_patches() -> None:
    report = mail("[lamps:for-next 3/7] hw/x.c:1: error: no such lamp", "1@x", text="tree: lamps\n")
    assert assemble([report]) == []
    (series,) = assemble([mail("[for-10.1 3/7] hw/x: y", "1@x", text="tree: lamps\n")])
    assert series.patches[0].problems == ("hw/x: y: there is no diff in this message",)


def test_base_by_the_date_where_nothing_else_tells(repo: Repo) -> None:  # noqa: F811
    middle = repo.commit({"a.c": "second\n"})
    time = datetime.fromtimestamp(repo.clock + 30, timezone.utc)
    head = repo.commit({"a.c": "third\n"})
    there = Repository(repo.path)

    def base_of(date: datetime | None) -> tuple[str, str]:
        (series,) = assemble([replace(mail("[PATCH] x", "1@x", text=diff_for("a.c")), date=date)])
        found = find_base(series, there)
        return found.found_by, found.revision

    assert base_of(time) == ("date", middle)
    assert base_of(None) == ("HEAD", head)
    assert base_of(time + timedelta(days=9)) == ("HEAD", head), "a mail that is younger than all of them"
    assert base_of(datetime(1999, 1, 1, tzinfo=timezone.utc)) == ("HEAD", head), "older than all of them"
    assert base_of(datetime(1, 1, 1, tzinfo=timezone.utc)) == ("HEAD", head), "no date that git can read"


def test_base_of_a_series_with_a_missing_patch(repo: Repo) -> None:  # noqa: F811
    base = repo.git("rev-parse", "HEAD")
    text = (
        "diff --git a/a.c b/a.c\nindex feedfeed..beefbeef 100644\n--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-x\n+y\n"
        "diff --git a/VERSION b/VERSION\n"
        f"index {repo.git('rev-parse', 'HEAD:VERSION')[:9]}..beefbeef 100644\n"
        "--- a/VERSION\n+++ b/VERSION\n@@ -1 +1 @@\n-1\n+2\n"
    )
    (series,) = assemble([mail("[PATCH 2/2] x", "2@x", text=text)])
    repo.commit({"VERSION": "3\n"})
    found = find_base(series, Repository(repo.path))
    assert (found.found_by, found.revision) == ("blobs", base)
    assert found.notes == ("a.c: blob feedfeed is unknown, it may come from a missing patch",)


def test_preimages_are_those_before_the_series() -> None:
    series = thread()
    assert preimages(series) == {"hw/misc/lamp.c": "7dc241b", "include/hw/misc/lamp.h": "11c100d"}
