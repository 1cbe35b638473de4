# SPDX-License-Identifier: GPL-2.0-or-later
"""The digest of what tells how a file uses a word: which edits of the file change it."""

from __future__ import annotations

import pytest

from qerrlint.model.definitions import Definitions
from qerrlint.model.file_text import FileText
from qerrlint.model.text_about import TextAbout

FILE = """/* A loom. */
#include "loom.h"
#define LOOM_DEEP 3

static Loom *spare;

/* thread_pull() comes later */
static void loom_tell(Error *err)
{
    error_report_err(err);
}

static void loom_oil(Loom *l)
{
    l->oil = 7;
out:
    l->dry = 0;
}

bool loom_weave(Loom *l, Error **errp)
{
    Error *err = NULL;

    if (!thread_pull(l, &err)) {
        loom_tell(err);
        return false;
    }
    return true;
}

static const LoomOps ops = {
    .weave = loom_weave,
};

type_init(loom_register)
"""


def digest(text: str, word: str = "thread_pull") -> str:
    found = FileText("loom.c", text.encode())
    return TextAbout(found, Definitions(found)).digest(word)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    return true;\n", "    return !err;\n"),  # a function that mentions the word
        ("error_report_err(err);", "error_free(err);"),  # one that it calls
        ("bool loom_weave", "int loom_weave"),  # what is declared
        ("static Loom *spare", "static Error *spare"),
        (".weave = loom_weave", ".warp = loom_weave"),
        ("thread_pull() comes", "(thread_pull) comes"),  # a comment with the word
        ("    l->oil = 7;\n", "#undef LOOM_DEEP\n"),  # what counts for a whole file
        ("    l->oil = 7;\n", "Loom *l;\n"),
        ("/* A loom. */", "/* #define LOOM 1 */"),
        ("    l->oil = 7;\n", "    thread_pull(l, NULL);\n"),
    ],
)
def test_an_edit_that_may_tell_something_else(old: str, new: str) -> None:
    assert FILE.count(old) == 1
    assert digest(FILE.replace(old, new)) != digest(FILE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    l->oil = 7;\n", "    l->oil = 8;\n    loom_rest(l);\n"),  # another function
        ("/* A loom. */", "/*\n * A loom,\n * and more\n */\n"),
        ("type_init(loom_register)\n", "type_init(loom_register)\n\n/* the end */\n"),
        ("static void loom_oil", "\n\n// oil it\nstatic void loom_oil"),
    ],
)
def test_an_edit_that_tells_the_same(old: str, new: str) -> None:
    assert FILE.count(old) == 1
    assert digest(FILE.replace(old, new)) == digest(FILE)


def test_each_word_is_told_by_other_functions() -> None:
    changed = FILE.replace("l->oil = 7", "l->oil = 8")
    assert digest(changed, "oil") != digest(FILE, "oil")
    assert digest(changed, "loom_oil") == digest(FILE, "loom_oil")
    assert digest(FILE, "") == digest(changed, "")
    assert len({digest(FILE, word) for word in ("oil", "thread_pull", "loom_tell")}) == 3
