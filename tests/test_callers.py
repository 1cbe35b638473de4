# SPDX-License-Identifier: GPL-2.0-or-later
"""What callers in other files make of a failure without an Error, in `check` and in a change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from commandline import git, run

ERROR_H = """\
typedef struct Error Error;
void error_setg(Error **errp, const char *fmt, ...);
void error_report_err(Error *err);
void error_free(Error *err);
extern Error *error_fatal;
"""
HEAD = '#include "qapi/error.h"\n#include "quill.h"\n'
QUILL_H = "typedef struct Quill { bool wired; } Quill;\nint quill_cut(Quill *q, Error **errp);\n"
QUILL_C = (
    HEAD
    + """
int quill_cut(Quill *q, Error **errp)
{
    if (!q->wired) {
        return -ENODEV;
    }
    error_setg(errp, "it is wired");
    return -EIO;
}
"""
)
REPORTS = """
void quill_use(Quill *q)
{
    Error *err = NULL;

    if (quill_cut(q, &err) < 0) {
        error_report_err(err);
    }
}
"""
TESTS_ERROR = """
void quill_use(Quill *q, Error **errp)
{
    quill_cut(q, errp);
}
"""
NOTICES = """
bool quill_use(Quill *q)
{
    Error *err = NULL;
    int ret = quill_cut(q, &err);

    error_free(err);
    return ret == 0;
}
"""
THROUGH_MEMBER = """
typedef struct QuillOps { int (*cut)(Quill *q, Error **errp); } QuillOps;
const QuillOps quill_ops = {
    .cut = quill_cut,
};

bool quill_use(Quill *q, const QuillOps *ops)
{
    Error *err = NULL;
    int ret = ops->cut(q, &err);

    error_free(err);
    return ret == 0;
}
"""


def tree(tmp_path: Path, **files: str) -> Path:
    """A tree with these .c files beside quill.c."""
    (tmp_path / "include/qapi").mkdir(parents=True)
    (tmp_path / "VERSION").write_text("10.2.0\n")
    (tmp_path / "include/qapi/error.h").write_text(ERROR_H)
    (tmp_path / "include/quill.h").write_text(QUILL_H)
    (tmp_path / "quill.c").write_text(QUILL_C)
    for name, text in files.items():
        (tmp_path / f"{name}.c").write_text(HEAD + text)
    return tmp_path


def findings(*arguments: str) -> list[dict[str, Any]]:
    ran = run(*arguments, "--format", "json", "--select", "failure-without-error")
    assert ran.code in (0, 1), ran.err
    return ran.findings


@pytest.mark.parametrize(
    ("caller", "severity", "words"),
    [
        (REPORTS, "error", "quill_use() then dereferences NULL in error_report_err()"),
        (TESTS_ERROR, "error", "quill_use() takes it for a success"),
        (NOTICES, "note", "its callers see that it failed"),
        (THROUGH_MEMBER, "note", "its callers see that it failed"),
        ("", "warning", "on this path"),
    ],
)
@pytest.mark.parametrize("below", [(), ("quill.c",)], ids=["whole tree", "one file"])
def test_callers_in_another_file_decide(
    tmp_path: Path, caller: str, severity: str, words: str, below: tuple[str, ...]
) -> None:
    (found,) = findings("check", "--tree", str(tree(tmp_path, user=caller)), *below)
    assert found["severity"] == severity
    assert words in found["message"]
    if severity != "warning":
        assert found["steps"][-1]["path"] == "user.c"


MIDDLE = """
int quill_mid(Quill *q, Error **errp)
{{
    int ret = quill_cut(q, errp);

    if (ret < 0) {{
        return {};
    }}
    return 0;
}}
"""
TOP = """
void quill_use(Quill *q)
{{
    Error *err = NULL;
    int ret = quill_mid(q, &err);

    if ({}) {{
        error_report_err(err);
    }}
}}
"""
DEREFERENCES = "quill_use() then dereferences NULL in error_report_err()"
TELLS_APART = TOP.format("ret != -ENODEV && ret < 0")


@pytest.mark.parametrize(
    ("returned", "top", "severity", "words"),
    [
        ("ret", TOP.format("ret < 0"), "error", DEREFERENCES),
        ("-EINVAL", TOP.format("ret < 0"), "error", DEREFERENCES),
        ("-q->wired", TOP.format("ret < 0"), "error", DEREFERENCES),
        ("ret", TELLS_APART, "", ""),
        ("-EINVAL", TELLS_APART, "error", DEREFERENCES),
        ("0", TOP.format("ret < 0"), "warning", "on this path"),
    ],
)
def test_a_caller_that_passes_the_failure_on(
    tmp_path: Path, returned: str, top: str, severity: str, words: str
) -> None:
    """What it returns decides: the callers above tell one error number from others."""
    found = findings("check", "--tree", str(tree(tmp_path, user=MIDDLE.format(returned) + top)), "quill.c")
    assert [item["severity"] for item in found] == ([severity] if severity else [])
    assert all(words in item["message"] for item in found)


def test_the_worst_caller_decides(tmp_path: Path) -> None:
    root = tree(tmp_path, first=NOTICES, second=REPORTS.replace("quill_use", "quill_try"))
    (found,) = findings("check", "--tree", str(root))
    assert found["severity"] == "error"
    assert found["steps"][-1]["path"] == "second.c"


def test_a_kept_result_is_judged_anew_when_a_caller_changes(tmp_path: Path) -> None:
    root = tree(tmp_path, user=NOTICES)
    assert findings("check", "--tree", str(root))[0]["severity"] == "note"
    (root / "user.c").write_text(HEAD + REPORTS)
    assert findings("check", "--tree", str(root))[0]["severity"] == "error"


def test_notes_on_functions_of_one_name_are_one(tmp_path: Path) -> None:
    root = tree(tmp_path, user=NOTICES)
    (root / "other.c").write_text(QUILL_C)
    (found,) = findings("check", "--tree", str(root))
    assert found["path"] == "other.c"
    assert [(step["path"], step["message"]) for step in found["steps"]][-1] == (
        "quill.c",
        "the same applies here",
    )


def test_the_callers_of_what_a_change_introduces_are_asked(tmp_path: Path) -> None:
    root = tree(tmp_path, user=REPORTS)
    (root / "quill.c").write_text(HEAD)
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "base")
    (root / "quill.c").write_text(QUILL_C)
    git(root, "commit", "-q", "-a", "-m", "change")
    (found,) = findings("diff", "--tree", str(root), "HEAD~1..HEAD")
    assert (found["status"], found["severity"]) == ("introduced", "error")


@pytest.mark.parametrize(
    ("caller", "linked"),
    [("linux-user/main.c", "gdbstub/user.c"), ("monitor/cut.c", "gdbstub/system.c")],
)
def test_a_caller_belongs_to_the_emulator_of_its_kind(tmp_path: Path, caller: str, linked: str) -> None:
    """User-mode emulation and the system emulator each define the function; a caller is linked with one."""
    root = tree(tmp_path)
    for path, text in (("gdbstub/user.c", QUILL_C), ("gdbstub/system.c", QUILL_C), (caller, HEAD + REPORTS)):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text)
    (root / "quill.c").unlink()
    found = {f["path"]: f["severity"] for f in findings("check", "--tree", str(root))}
    assert found.pop(linked) == "error"
    assert list(found.values()) == ["warning"]
