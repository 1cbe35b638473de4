# SPDX-License-Identifier: GPL-2.0-or-later
"""What exemptions took away: in the JSON of each command, and in the text that --show-exempted asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from commandline import Ran, git, run, scratch_repository

from qerrlint.engine.file_report import FileReport
from qerrlint.engine.located import Resolver
from qerrlint.findings import Exempted
from qerrlint.model.program import Program
from qerrlint.review.exempted import exempted_by_change
from qerrlint.review.scope import FilePair
from qerrlint.rules.loader import load_rules
from qerrlint.source.empty import EmptySource
from qerrlint.source.overlay import OverlaySource
from qerrlint.source.span import Span

QUILL = "hw/timer/quill.c"
TEXT = """#include "qapi/error.h"

int quill_fill(int ink, Error **errp);

static int quill_refill(int ink, Error **errp)
{
    if (ink > 8) {
        return -EAGAIN;
    }
    return quill_fill(ink, errp);
}

static int quill_stub(int ink, Error **errp)
{
    return -ENOSYS;
}
"""
RULE = "failure-without-error"
CODE = ("answer-code", "drop", RULE, QUILL, 8, "quill_refill")
STUB = ("stub", "low", RULE, QUILL, 15, "quill_stub")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    top = scratch_repository(tmp_path / "qemu")
    (top / QUILL).write_text(TEXT)
    git(top, "add", "-A")
    return top


def told(ran: Ran) -> list[tuple[Any, ...]]:
    keys = ("exemption", "effect", "rule", "path", "line", "function")
    exempted = ran.document["exempted"]
    assert all(entry["reason"] for entry in exempted)
    assert all(set(entry) == {*keys, "reason"} for entry in exempted)
    return [tuple(entry[key] for key in keys) for entry in exempted]


def test_check_lists_them(repository: Path) -> None:
    asked = ("check", "--tree", repository, QUILL)
    assert told(run(*asked, "--format", "json")) == [CODE, STUB]
    assert "answer-code" not in run(*asked).out
    lines = run(*asked, "--show-exempted").out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("exempted, answer-code: the code asks"))
    assert lines[at + 1] == f"  {QUILL}:8: {RULE} in quill_refill()"
    assert lines[at + 2].startswith("low confidence, stub: ")
    assert lines[at + 3] == f"  {QUILL}:15: {RULE} in quill_stub()"


def test_the_order_is_that_of_paths_and_lines(repository: Path) -> None:
    ran = run("check", "--tree", repository, "--format", "json", "--no-cache")
    places = [(path, line) for _, _, _, path, line, _ in told(ran)]
    assert places == sorted(places)
    assert len({path for path, _ in places}) > 1


def test_rules_and_paths_that_are_left_out_are_left_out_here(repository: Path) -> None:
    asked = ("check", "--tree", repository, QUILL, "--format", "json")
    assert told(run(*asked, "--ignore", RULE)) == []
    assert told(run(*asked, "--select", "dropped-error")) == []
    assert told(run(*asked, "--min-severity", "error", "--min-confidence", "high")) == [CODE, STUB]
    muted = '[[per-path]]\npaths = ["hw/timer"]\nignore = ["failure-without-error"]\n'
    (repository / ".qerrlint.toml").write_text(muted)
    assert told(run(*asked)) == []


def test_diff_lists_those_of_the_after_side(repository: Path) -> None:
    git(repository, "commit", "-q", "-m", "quill")
    (repository / QUILL).write_text(TEXT.replace("-EAGAIN", "-EINTR", 1))
    ran = run("diff", "--tree", repository, "--format", "json")
    assert told(ran) == [CODE], "the stub was not analysed: the change does not reach it"
    (repository / QUILL).write_text(TEXT.replace("-EAGAIN", "-EINVAL", 1))
    assert told(run("diff", "--tree", repository, "--format", "json")) == []
    shown = run("diff", "HEAD^..HEAD", "--tree", repository, "--show-exempted").out
    assert f"  {QUILL}:8: {RULE} in quill_refill()" in shown.splitlines()


def test_patch_lists_them_of_several_patches_once(repository: Path, tmp_path: Path) -> None:
    git(repository, "commit", "-q", "-m", "quill")
    (repository / QUILL).write_text(TEXT.replace("ink > 8", "ink > 9"))
    git(repository, "commit", "-q", "-a", "-m", "quill: more ink")
    mails = tmp_path / "series.mbox"
    mails.write_text(git(repository, "format-patch", "--stdout", "HEAD~2"))
    ran = run("patch", mails, "--tree", repository, "--base", "HEAD~2", "--format", "json")
    assert [patch["applied"] for patch in ran.document["patches"]] == [True, True]
    assert told(ran) == [CODE, STUB]
    last = tmp_path / "last.mbox"
    last.write_text(git(repository, "format-patch", "--stdout", "HEAD~1"))
    asked = ("patch", last, "--tree", repository, "--base", "HEAD~1")
    assert told(run(*asked, "--format", "json")) == [CODE]
    assert "exempted, answer-code: " in run(*asked, "--show-exempted").out
    assert "exempted" not in run(*asked).out


def test_rules_for_added_lines_have_nothing_exempted_elsewhere() -> None:
    form = load_rules().get("error-message-form")
    assert form.touched_only
    before, after = b"int a;\nint b;\n", b"int a;\nint c;\n"
    sides = tuple(OverlaySource(EmptySource(), {QUILL: data}) for data in (before, after))
    spans = [Span(QUILL, start, start + 3) for start in (0, 7)]
    took = tuple(Exempted("x", "drop", "r", (form.id, RULE), span, "f") for span in spans)
    report = FileReport(QUILL, 0, 0, (), {}, exempted=took)
    found = exempted_by_change(
        [report], Resolver(Program(sides[1])), (sides[0], sides[1]), [FilePair(QUILL, QUILL)], load_rules()
    )
    assert [(one.rule, one.line) for one in found] == [(RULE, 1), (form.id, 2), (RULE, 2)]
