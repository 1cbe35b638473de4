# SPDX-License-Identifier: GPL-2.0-or-later
"""Which remarks of a reviewer are about a finding, and which only stand near it."""

from __future__ import annotations

import pytest

from qerrlint.patch.group_messages import assemble
from qerrlint.patch.mail.read_input import read_messages
from qerrlint.patch.stacks import Stack
from qerrlint.result import Reported, TreeInfo
from qerrlint.review.review_options import ReviewOptions
from qerrlint.review.series.series_review import review_series
from qerrlint.rules.loader import load_rules
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource

CODE = """\
bool lamp_dim(Lamp *l, Error **errp)
{
    int level = lamp_level(l);

    if (level < 0) {
        error_setg(errp, "no level.");
    }
    lamp_set(l, level / 2, errp);
    lamp_log(l, level);
    lamp_bye(l, errp);
    return *errp == NULL;
}
"""
BASE = """\
typedef struct Lamp Lamp;
int lamp_level(Lamp *l);
bool lamp_set(Lamp *l, int level, Error **errp);
void lamp_bye(Lamp *l, Error **errp);
void lamp_log(Lamp *l, int level);
"""
PATCH = """\
From a@example.org Thu Jan  1 00:00:00 2026
From: Ada Vole <ada@example.org>
Subject: [PATCH] lamp: dim it
Date: Wed, 15 Oct 2025 10:00:01 +0300
Message-ID: <p1@example.org>

text
---
diff --git a/lamp.c b/lamp.c
--- a/lamp.c
+++ b/lamp.c
@@ -1,5 +1,17 @@
 typedef struct Lamp Lamp;
 int lamp_level(Lamp *l);
 bool lamp_set(Lamp *l, int level, Error **errp);
 void lamp_bye(Lamp *l, Error **errp);
 void lamp_log(Lamp *l, int level);
{added}--{blank}
2.47

From b@example.org Thu Jan  1 00:00:00 2026
From: Bo Quill <bo@example.net>
Subject: Re: [PATCH] lamp: dim it
Date: Wed, 15 Oct 2025 11:00:01 +0300
Message-ID: <r1@example.net>
In-Reply-To: <p1@example.org>

{reply}
"""
LINES = [f"> +{line}\n" for line in CODE.splitlines()]
SET = LINES[7]
TEXT = LINES[5]


def findings(reply: str) -> list[Reported]:
    """What is introduced by the patch, with this reply to it."""
    added = "".join(f"+{line}\n" for line in CODE.splitlines())
    mail = PATCH.replace("{added}", added).replace("{blank}", " ").replace("{reply}", reply)
    series = assemble(read_messages(mail.encode(), "mail"))
    base = OverlaySource(EmptySource(), {"lamp.c": BASE.encode()})
    tree = TreeInfo(None, None, "none", "patch")
    return [
        found
        for found in review_series(
            base, Stack(tuple(series), ((),) * len(series)), ReviewOptions(load_rules()), tree
        ).findings
        if found.status == "introduced"
    ]


def raised(reply: str) -> set[str]:
    """The rules of the findings that the reply has raised."""
    return {found.rule for found in findings(reply) if found.raised_by is not None}


def test_the_patch_has_these_findings() -> None:
    assert {found.rule for found in findings("")} >= {
        "error-message-form",
        "error-set-twice",
        "unguarded-errp-dereference",
    }


@pytest.mark.parametrize(
    ("reply", "rules"),
    [
        (SET + "\nerrp may be set already here: return above.\n", {"error-set-twice"}),
        (SET + "\nIf lamp_set() fails, too, we abort.\n", {"error-set-twice"}),
        (
            "".join(LINES[:2]) + "\nERRP_GUARD() is missing\n\n" + "".join(LINES[2:]),
            {"unguarded-errp-dereference"},
        ),
        (LINES[10] + "\nYou need ERRP_GUARD() for this.\n", {"unguarded-errp-dereference"}),
        ("".join(LINES[:3]) + "\nPlease use ERRP_GUARD().\n", {"unguarded-errp-dereference"}),
        (TEXT + "\nNo full stop at the end, please.\n", {"error-message-form"}),
        # Code that is pasted without marks.
        (
            "In this place\n\n" + CODE.splitlines()[10] + "\n\na guard is needed: ERRP_GUARD().\n",
            {"unguarded-errp-dereference"},
        ),
    ],
    ids=["already", "callee", "above", "line", "function", "form", "pasted"],
)
def test_a_remark_on_the_finding_has_raised_it(reply: str, rules: set[str]) -> None:
    assert raised(reply) == rules


@pytest.mark.parametrize(
    "reply",
    [
        TEXT + "\nWhy is the level an int?\n",
        TEXT + "\nlamp_level() should be inlined.\n",
        SET + "\nShould this round up?\n",
        "".join(LINES[:3]) + "\nPlease declare this at the top of the file.\n",
        LINES[8] + "\nA trace point would be nicer.\n",
        "".join(LINES) + "\nLooks good to me otherwise, please add a test.\n",
    ],
    ids=["type", "another call", "rounding", "elsewhere", "next line", "whole patch"],
)
def test_a_remark_near_the_finding_has_not(reply: str) -> None:
    assert raised(reply) == set()
