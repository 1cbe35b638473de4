# SPDX-License-Identifier: GPL-2.0-or-later
"""A finding keeps its fingerprint while lines move, neighbours change and the file gets another name.

The history test wants QERRLINT_QEMU_GIT, a git directory of QEMU that holds the commit LAST.
"""

from __future__ import annotations

import os
import subprocess
from collections import Counter, defaultdict

import pytest
from single import findings_of, report_of

from qerrlint.findings import fingerprint
from qerrlint.rules.loader import load_rules

# Of the hundred revisions up to this one 22 are older than the file's move from softmmu/ to system/.
LAST, FILE, FORMER = "2be22bc72d18d92ca9e0c16e56bf309839360f5d", "system/vl.c", "softmmu/vl.c"

DEFECT = """\
#include "qapi/error.h"

{before}bool latch_start(int lines, Error **errp)
{{
{above}    if (lines > 8) {{
        error_setg(errp, "latch: too many lines");
    }}
    error_setg(errp,{blank}"latch: no lines"{comment});
{below}    return false;
}}
"""
PLAIN = {"before": "", "above": "", "blank": " ", "comment": "", "below": ""}


def prints(path: str, **parts: str) -> set[str]:
    found = findings_of(path, DEFECT.format(**{**PLAIN, **parts}).encode())
    return {finding.fingerprint for finding in found if finding.rule == "error-set-twice"}


def test_what_does_not_change_a_fingerprint() -> None:
    plain = prints("a.c")
    assert len(plain) == 1
    for path, parts in (
        ("hw/misc/b.c", {}),
        ("a.c", {"before": "static int moved_down;\n\n"}),
        ("a.c", {"above": "    lines += 1;\n\n", "below": "    lines -= 1;\n"}),
        ("a.c", {"blank": "\n               "}),
        ("a.c", {"comment": " /* qerrlint: allow leaked-error for a reason */"}),
    ):
        assert prints(path, **parts) == plain, parts


def test_what_does() -> None:
    assert fingerprint("r", "f", "a(b);") != fingerprint("r", "f", "a(c);")
    assert fingerprint("r", "f", "a(b);") != fingerprint("r", "g", "a(b);")
    assert fingerprint("r", "f", "a(b);") != fingerprint("q", "f", "a(b);")
    assert fingerprint("r", "f", "a(b);") != fingerprint("r", "f", "a(b);", 1)


def revisions(history: str, count: int) -> list[tuple[str, str]]:
    """Commit and path of the last revisions of FILE, the oldest first, through its renames."""
    options = ["--follow", "--name-only", "--format=@%H", f"-{count}"]
    command = ["git", "-C", history, "log", *options, LAST, "--", FILE]
    lines = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
    commits = [line[1:] for line in lines if line.startswith("@")]
    paths = [line for line in lines if not line.startswith("@")]
    return list(zip(commits, paths, strict=True))[::-1]


def test_over_a_hundred_revisions_of_a_file() -> None:
    history = os.environ.get("QERRLINT_QEMU_GIT")
    if not history:
        pytest.skip("QERRLINT_QEMU_GIT is not set")
    rules = load_rules().everything()
    seen: Counter[tuple[str, str, str]] = Counter()
    named: defaultdict[tuple[str, str, str], set[tuple[str, ...]]] = defaultdict(set)
    places: defaultdict[tuple[str, str, str], set[int]] = defaultdict(set)
    texts = set()
    chosen = revisions(history, 100)
    for commit, path in chosen:
        command = ["git", "-C", history, "show", f"{commit}:{path}"]
        data = subprocess.run(command, capture_output=True, check=True).stdout
        texts.add(data)
        # A finding is followed by what it says, and by nothing that the fingerprint is made of.
        groups: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
        for finding in report_of(path, data, rules).findings:
            identity = finding.rule, finding.function, finding.message
            groups[identity].append(finding.fingerprint)
            places[identity].add(data.count(b"\n", 0, finding.span.start))
        for identity, fingerprints in groups.items():
            seen[identity] += 1
            named[identity].add(tuple(fingerprints))
    assert len(chosen) == 100
    assert len(texts) >= 99, "the move left the text as it was"
    assert {path for _, path in chosen} == {FORMER, FILE}
    standing = [identity for identity, count in seen.items() if count == 100]
    assert len(standing) >= 4
    assert {identity: len(named[identity]) for identity in standing} == dict.fromkeys(standing, 1)
    moved = {identity: len(places[identity]) for identity in standing}
    assert min(moved.values()) >= 5, moved
    assert max(moved.values()) >= 30, moved
