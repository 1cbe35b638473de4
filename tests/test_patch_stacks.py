# SPDX-License-Identifier: GPL-2.0-or-later
"""Which series build on which, the titles of missing patches, and the earlier version among other mails."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_patch_series import mail

from qerrlint.patch.earlier_version import earlier_version
from qerrlint.patch.group_messages import assemble
from qerrlint.patch.mail.read_input import read_messages
from qerrlint.patch.message import Message
from qerrlint.patch.series import Series
from qerrlint.patch.stacks import stacks


def changing(path: str, old: str, new: str, trailer: str = "") -> str:
    head = f"Text.\n{trailer}---\ndiff --git a/{path} b/{path}\nindex {old}..{new} 100644\n"
    return f"{head}--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n"


def one(subject: str, ident: str, text: str) -> Series:
    (series,) = assemble([mail(subject, ident, text=text)])
    return series


def titles(*series: Series, beneath: tuple[Series, ...] = ()) -> list[list[str]]:
    return [[one.title for one in stack.series] for stack in stacks(series, beneath)]


A = one("[PATCH] a", "a@x", changing("x.c", "1111111111", "2222222222"))
B = one("[PATCH] b", "b@x", changing("x.c", "2222222", "3333333"))
C = one("[PATCH] c", "c@x", changing("y.c", "4444444444", "5555555555", "Based-on: <b@x>\n"))
D = one("[PATCH] d", "d@x", changing("x.c", "1111111111", "6666666666"))


def test_what_hangs_together_is_one_stack_in_the_order_of_application() -> None:
    assert titles(C, B, A) == [["a", "b", "c"]]
    assert titles(A, B, C) == [["a", "b", "c"]]
    assert titles(D, C, A, B) == [["d"], ["a", "b", "c"]]


def test_series_without_a_tie_stand_alone() -> None:
    assert titles(A, D) == [["a"], ["d"]]
    short = one("[PATCH] s", "s@x", changing("x.c", "22222", "33333"))
    assert titles(A, short) == [["a"], ["s"]], "five digits prove nothing"
    other = one("[PATCH] o", "o@x", changing("z.c", "2222222222", "3333333333"))
    assert titles(A, other) == [["a"], ["o"]], "the same blob under another name"


def test_a_circle_ends() -> None:
    e = one("[PATCH] e", "e@x", changing("e.c", "1111111111", "2222222222", "Based-on: <f@x>\n"))
    f = one("[PATCH] f", "f@x", changing("f.c", "3333333333", "4444444444", "Based-on: <e@x>\n"))
    assert sorted(title for stack in titles(e, f) for title in stack) == ["e", "f"]


def test_a_series_is_not_based_on_itself() -> None:
    own = one("[PATCH] s", "s@x", changing("s.c", "1111111111", "2222222222", "Based-on: <s@x>\n"))
    (stack,) = stacks([own])
    assert (stack.prerequisites, stack.notes) == (((),), ())


def test_what_is_missing_is_said_and_what_lies_beneath_is_not() -> None:
    (stack,) = stacks([C])
    assert [(wanted.ident, wanted.found) for wanted in stack.prerequisites[0]] == [("b@x", False)]
    assert stack.notes == (
        "it builds on the series <b@x>, which is not in the input (name the file with --onto)",
    )
    (stack,) = stacks([C], [B])
    assert (stack.missing, stack.notes) == ((), ())
    text = changing("y.c", "4444444444", "5555555555")
    text += (
        f"\nbase-commit: {'0' * 40}\nprerequisite-patch-id: {'a' * 40}\nprerequisite-patch-id: {'b' * 40}\n"
    )
    (stack,) = stacks([one("[PATCH] p", "p@x", text)])
    (note,) = stack.notes
    assert "the patches with the patch-ids aaaaaaaaaaaa, bbbbbbbbbbbb, which are not in the input" in note


def test_bare_diffs_are_taken_as_they_stand() -> None:
    def bare(name: str) -> Series:
        diff = f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-a\n+b\n".encode()
        (series,) = assemble(read_messages(diff, name))
        return series

    assert titles(bare("q.c"), bare("r.c")) == [["q.c", "r.c"]]
    assert titles(A, bare("q.c")) == [["a"], ["q.c"]]


COVER = """Words.

Ada Fenwick (2):
  one
  two with a name that is so long that
    the list breaks it

%s
 x.c | 2 +-
"""


def missing(*box: Message) -> str:
    (series,) = assemble(box)
    (problem,) = series.problems
    return problem


def test_a_missing_patch_is_named_by_the_cover_letter() -> None:
    cover = mail("[PATCH 0/2] t", "0@x", text=COVER % "")
    two = mail("[PATCH 2/2] two with a name that is so long that the list breaks it", "2@x", "0@x")
    assert missing(cover, two) == 'patch 1 ("one") of 2 is missing'
    first = mail("[PATCH 1/2] one", "1@x", "0@x")
    assert missing(cover, first) == (
        'patch 2 ("two with a name that is so long that the list breaks it") of 2 is missing'
    )


def test_with_several_authors_only_what_is_left_over_is_named() -> None:
    cover = mail("[PATCH 0/3] t", "0@x", text=COVER % "Bo Quill (1):\n  three\n")
    two = mail("[PATCH 2/3] three", "2@x", "0@x")
    assert missing(cover, two) == "patches 1, 3 of 3 are missing"
    one_ = mail("[PATCH 1/3] one", "1@x", "0@x")
    assert missing(cover, two, one_).startswith('patch 3 ("two with a name')


def test_a_missing_patch_is_named_by_its_answers() -> None:
    first = mail("[PATCH 1/2] one", "1@x", "0@x")
    answer = mail("Re: [PATCH 2/2] two", "r@x", "2@x", "> +a\nNo.\n", "Bo <bo@x>")
    answer = replace(answer, references=("0@x", "2@x"))
    assert missing(first, answer) == 'patch 2 ("two") of 2 is missing'
    stranger = replace(answer, references=("9@x", "2@x"))
    assert missing(first, stranger) == "patch 2 of 2 is missing"


@pytest.mark.parametrize("reverse", [False, True])
def test_the_highest_lower_version_is_the_earlier_one(reverse: bool) -> None:
    box = [
        mail("[PATCH] one", "1@x"),
        mail("[PATCH v2] one", "2@x"),
        mail("[PATCH v3] one", "3@x"),
        mail("[PATCH v2] other", "o@x", sender="Bo <bo@x>"),
    ]
    if reverse:
        box.reverse()
    later = [one for one in assemble(box) if one.version == 3]
    found = earlier_version(box, later)
    assert found is not None
    assert found.message_id == "2@x"


def test_versions_that_subjects_do_not_tell() -> None:
    later = [one("[PATCH] one", "2@x", changing("x.c", "1111111", "2222222"))]
    found = earlier_version([mail("[PATCH] one", "1@x"), mail("[PATCH] other", "o@x")], later)
    assert found is not None
    assert found.message_id == "1@x"
    assert earlier_version([mail("[PATCH] other", "o@x")], later) is None
    assert earlier_version([mail("[PATCH] one", "2@x")], later) is None
