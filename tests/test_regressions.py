# SPDX-License-Identifier: GPL-2.0-or-later
"""Input that once ended in a traceback or ate the memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from single import report_of

from qerrlint.errors import InputError
from qerrlint.patch.group_messages import assemble
from qerrlint.patch.mail.read_input import read_messages, read_path
from qerrlint.result import Result
from qerrlint.review.series.without_tree import review_loose
from qerrlint.rules.loader import load_rules


def _loose(text: str) -> Result:
    return review_loose(assemble(read_messages(text.encode(), "test")), load_rules())


def test_a_pure_rename_without_a_tree() -> None:
    result = _loose(
        "diff --git a/hw/a.c b/hw/b.c\nsimilarity index 100%\nrename from hw/a.c\nrename to hw/b.c\n"
    )
    assert result.findings == ()
    assert result.patches[0].files == ("hw/b.c",)


def test_a_hunk_at_an_impossible_line_is_not_analysed() -> None:
    result = _loose(
        "--- a/x.c\n+++ b/x.c\n@@ -900000000,2 +900000000,3 @@ static int f(Error **errp)\n"
        "     a = 1;\n+    b = 1;\n     c = 1;\n"
    )
    assert [skipped.path for skipped in result.coverage.skipped] == ["x.c"]
    assert not result.patches[0].applied


def test_calls_without_their_arguments() -> None:
    names = ("error_setg", "error_setg_errno", "error_prepend", "error_propagate", "error_report_err")
    body = "".join(f"    {name}();\n" for name in names)
    report = report_of("x.c", f"static bool f(Error **errp)\n{{\n{body}    return false;\n}}\n".encode())
    assert report.explored == 1


@pytest.mark.parametrize(
    "statement",
    [
        "if (" + "||".join(["a"] * 2000) + ") { return; }",
        "int sum = " + "+".join(["a"] * 2000) + ";",
        "{" * 2000 + "}" * 2000,
        " else\n".join(f"if (a == {n}) {{ b(); }}" for n in range(2000)),
    ],
    ids=["or", "plus", "braces", "else-if"],
)
def test_nesting_without_end_is_named_and_left_out(statement: str) -> None:
    text = f'void f(int a, Error **errp)\n{{\n    {statement}\n    error_setg(errp, "x");\n}}\n'
    report = report_of("x.c", text.encode())
    assert [(item.function, item.reason) for item in report.damaged] == [("f", "nested too deeply")]


def test_a_maildir_whose_cur_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "cur").write_text("")
    with pytest.raises(InputError, match=r"cur: cannot be listed: Not a directory\Z"):
        read_path(tmp_path)


@pytest.mark.parametrize("between", ["/* " + "long " * 12000 + "*/ ", "/*\n" + " *\n" * 12000 + " */\n    "])
def test_a_comment_before_what_a_phase_takes_costs_its_length(between: str) -> None:
    fixture = Path(__file__).resolve().parent.parent / "fixtures/phase-leak/instance-init.c"
    text = fixture.read_text()
    plain = report_of("hw/lamp.c", text.encode())
    long = report_of(
        "hw/lamp.c", text.replace("s->timer = timer_new_ns", f"{between}s->timer = timer_new_ns").encode()
    )
    leaks = [one.message for one in plain.findings if one.rule == "phase-leak"]
    assert leaks
    assert [one.message for one in long.findings if one.rule == "phase-leak"] == leaks


def test_two_findings_at_one_place_have_each_their_own_advice() -> None:
    fixture = Path(__file__).resolve().parent.parent / "fixtures/state-not-migrated/clocks.c"
    text = fixture.read_text().replace("    uint32_t skin;", "    uint32_t skin;\n    uint32_t tone;")
    text += """
static uint64_t timpani_read(void *opaque, hwaddr addr, unsigned size)
{
    TimpaniState *s = opaque;

    return s->tone;
}

static void timpani_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    TimpaniState *s = opaque;

    s->tone = value;
}

static const MemoryRegionOps timpani_ops = { .read = timpani_read, .write = timpani_write };
"""
    report = report_of("hw/timpani.c", text.encode())
    assert len({one.span for one in report.findings}) == 1
    found = {one.message: report.advice[one.fingerprint] for one in report.findings}
    (clock,) = (advice for message, advice in found.items() if "beat" in message)
    (register,) = (advice for message, advice in found.items() if "tone" in message)
    assert "VMSTATE_CLOCK()" in clock
    assert "VMSTATE_CLOCK()" not in register


def test_what_two_calls_free_before_a_third_does_is_one_defect() -> None:
    text = (
        b"static void rounds(Depot *depot)\n{\n    char *line = NULL;\n    int door;\n\n"
        b"    for (door = 0; door < 2; door++) {\n        if (depot_open(door) < 0) {\n"
        b"            g_free(line);\n"
        b"            continue;\n        }\n        depot_next(&line);\n        g_free(line);\n    }\n}\n"
    )
    found = [one for one in report_of("hw/a.c", text).findings if one.rule == "use-after-free"]
    assert [text[: one.span.start].count(b"\n") for one in found] == [7]
