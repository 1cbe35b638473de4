# SPDX-License-Identifier: GPL-2.0-or-later
"""Input that once ended in a traceback or ate the memory."""

from __future__ import annotations

from qerrlint.engine.single import report_of
from qerrlint.patch.assembly import assemble
from qerrlint.patch.message import read_messages
from qerrlint.review.loose import review_loose
from qerrlint.review.result import Result
from qerrlint.rules import load_rules


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
