# SPDX-License-Identifier: GPL-2.0-or-later
"""--max-caller-files: the files beyond it are named in every format, and the exit code says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import git, run

ERROR_H = "typedef struct Error Error;\nvoid error_setg(Error **errp, const char *fmt, ...);\n"
BEFORE = '#include "qapi/error.h"\nint peg_set(int peg, Error **errp)\n{\n    return peg;\n}\n'
AFTER = BEFORE.replace(
    "    return peg;\n",
    '    if (peg < 0) {\n        error_setg(errp, "no");\n        return -1;\n    }\n    return peg;\n',
)
CALLER = """\
#include "qapi/error.h"
int peg_set(int peg, Error **errp);
void board_fill_{n}(Error **errp)
{{
    if (peg_set({n}, errp) < 0) {{
        error_setg(errp, "no peg {n}");
    }}
}}
"""
FILES = [f"board-{n}.c" for n in range(6)]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A function in one file gains an Error; six files have callers that set one themselves."""
    (tmp_path / "include/qapi").mkdir(parents=True)
    (tmp_path / "VERSION").write_text("10.2.0\n")
    (tmp_path / "include/qapi/error.h").write_text(ERROR_H)
    (tmp_path / "peg.c").write_text(BEFORE)
    for n, name in enumerate(FILES):
        (tmp_path / name).write_text(CALLER.format(n=n))
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "base")
    (tmp_path / "peg.c").write_text(AFTER)
    git(tmp_path, "commit", "-q", "-a", "-m", "peg: tell what is wrong")
    return tmp_path


def test_all_are_looked_at_by_default(repository: Path) -> None:
    ran = run("diff", "--tree", str(repository), "HEAD~1..HEAD", "--format", "json")
    assert ran.code == 1
    assert {found["path"] for found in ran.findings} == set(FILES)
    assert ran.document["coverage"]["skipped"] == []


@pytest.mark.parametrize(
    "form", ["text", "json", "sarif", "github", "gitlab", "checkpatch", "junit", "rdjson", "html", "b4"]
)
def test_each_file_beyond_the_bound_is_named(repository: Path, form: str) -> None:
    options = ("--max-caller-files", "2", "--fail-on", "never", "--format", form)
    ran = run("diff", "--tree", str(repository), "HEAD~1..HEAD", *options)
    assert ran.code == 3, "something that had to be looked at was not"
    told = ran.out + ran.err
    assert all(name in told for name in FILES[2:])


def test_the_bound_may_be_0(repository: Path) -> None:
    options = ("--max-caller-files", "0", "--format", "json")
    ran = run("diff", "--tree", str(repository), "HEAD~1..HEAD", *options)
    assert (ran.code, ran.findings) == (3, [])
    assert [left["path"] for left in ran.document["coverage"]["skipped"]] == FILES


def test_a_patch_takes_it_too(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    series = tmp_path_factory.mktemp("mail") / "series.mbox"
    series.write_text(git(repository, "format-patch", "--stdout", "-1"))
    git(repository, "reset", "-q", "--hard", "HEAD~1")
    options = ("--max-caller-files", "2", "--format", "json")
    ran = run("patch", "--tree", str(repository), *options, str(series))
    assert {found["path"] for found in ran.findings} == set(FILES[:2])
    assert [left["path"] for left in ran.document["coverage"]["skipped"]] == FILES[2:]
    assert ran.code == 1, "findings come before what was left out"


def test_a_bound_below_0_is_refused(repository: Path) -> None:
    ran = run("diff", "--tree", str(repository), "HEAD~1..HEAD", "--max-caller-files", "-1")
    assert ran.code == 2
