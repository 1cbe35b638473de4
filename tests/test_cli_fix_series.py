# SPDX-License-Identifier: GPL-2.0-or-later
"""`fix --series`: patches that git am takes, whose findings are gone; `diff --fix`: changed lines only."""

from __future__ import annotations

import subprocess
from email import message_from_bytes
from pathlib import Path

import pytest
from commandline import Ran, everything_below, git, run, scratch_repository

SPILL = "hw/misc/spill.c"
TEXT = """\
#include "qemu/osdep.h"
#include "qapi/error.h"

bool spill_stop(int level, Error **errp);

static bool spill_check(int level, Error **errp)
{
    if (level > 3) {
        error_setg(errp, "a level of %d is too high.", level);
        return false;
    }
    if (!spill_stop(level, errp)) {
        error_prepend(errp, "spill: ");
        return false;
    }
    return true;
}
"""
RULES = ("--select", "error-message-form", "--select", "unguarded-error-prepend")
AUTHOR = ("--from", "Zoë Tester <zoe@example.org>")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    made = scratch_repository(tmp_path / "qemu")
    file = made / SPILL
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(TEXT)
    git(made, "add", "-A")
    git(made, "commit", "-q", "-m", "hw/misc: a spill")
    return made


def fix(top: Path, out: Path, *arguments: str) -> Ran:
    return run("fix", "--tree", top, "--series", out, *RULES, *AUTHOR, *arguments)


def found(top: Path) -> list[tuple[str, str]]:
    ran = run("check", "--tree", top, "--rev", "HEAD", "--format", "json", "--min-confidence", "low")
    return sorted((one["rule"], one["path"]) for one in ran.findings)


@pytest.mark.parametrize("by", ["file", "folder"])
def test_the_patches_apply_one_after_the_other_and_the_findings_are_gone(
    top: Path, tmp_path: Path, by: str
) -> None:
    before, files = found(top), everything_below(top / "hw")
    ran = fix(top, tmp_path / "out", "--by", by)
    assert (ran.code, ran.out) == (0, "")
    assert everything_below(top / "hw") == files, "the work tree is not touched"
    patches = sorted((tmp_path / "out").iterdir())
    done = subprocess.run(
        [
            "git",
            "-C",
            str(top),
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@example.org",
            "am",
            "-q",
            *map(str, patches),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    after = found(top)
    mended = [one for one in before if one[0] in ("error-message-form", "unguarded-error-prepend")]
    assert mended
    assert after == [one for one in before if one not in mended]
    assert ran.err.startswith(f"{tmp_path / 'out'}: {len(mended)} findings fixed in {len(patches)} patches")
    assert git(top, "rev-list", "--count", "HEAD").strip() == str(2 + len(patches))
    assert git(top, "log", "-1", "--format=%an <%ae>") == "Zoë Tester <zoe@example.org>\n"
    area = "hw/misc/spill" if by == "file" else "hw/misc"
    subjects = git(top, "log", "--format=%s").splitlines()
    assert f"{area}: mend the form of error messages" in subjects
    assert f"{area}: add missing ERRP_GUARD()" in subjects


def test_the_message_says_why_where_and_since_when(top: Path, tmp_path: Path) -> None:
    fix(top, tmp_path / "out", SPILL)
    form, guard = (message_from_bytes(file.read_bytes()) for file in sorted((tmp_path / "out").iterdir()))
    assert form["Subject"] == "[PATCH 1/2] hw/misc/spill: mend the form of error messages"
    text = guard.get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert "Reported by qerrlint (unguarded-error-prepend) in spill_check()." in text
    commit = git(top, "rev-parse", "--short=12", "HEAD").strip()
    assert f'\n\nFixes: {commit} ("hw/misc: a spill")\n---\n' in text
    assert all(len(line) <= 72 for line in text.partition("\n---\n")[0].splitlines())
    assert "Fixes:" not in form.as_string(), "a remark on form is no defect of a commit"
    fix(top, tmp_path / "silent", "--no-blame", SPILL)
    assert not any(b"Fixes:" in file.read_bytes() for file in (tmp_path / "silent").iterdir())


def test_wrong_use(top: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    for folder, message in (
        ("full", "is there already and not an empty folder"),
        ("no/where", "no such directory"),
    ):
        ran = fix(top, tmp_path / folder)
        assert (ran.code, ran.out) == (2, "")
        assert message in ran.err
    ran = run("fix", "--tree", top, "--series", tmp_path / "out", "--from", "nobody")
    assert (ran.code, ran.err) == (2, "qerrlint: --from: not an address: 'nobody'\n")
    assert not (tmp_path / "out").exists()


def test_diff_fix_mends_only_what_the_change_adds(top: Path) -> None:
    added = TEXT[TEXT.index("static") :].replace("spill_check", "spill_again")
    (top / SPILL).write_text(TEXT + "\n" + added)
    ran = run("diff", "--tree", top, "--fix", *RULES)
    assert (ran.code, ran.err) == (0, "fixed 2 findings in 1 file\n")
    mended = added.replace("high.", "high").replace(
        "{\n    if (level", "{\n    ERRP_GUARD();\n\n    if (level", 1
    )
    assert (top / SPILL).read_text() == TEXT + "\n" + mended, "what was there before is left alone"
    for arguments in (("--staged",), ("HEAD^..HEAD",), ("HEAD^!",)):
        refused = run("diff", "--tree", top, "--fix", *arguments)
        assert (refused.code, refused.out) == (2, "")
        assert "--fix changes the files of the work tree" in refused.err


def test_findings_that_are_shown_as_one_are_counted_as_one(top: Path, tmp_path: Path) -> None:
    """Two hints of one function are one finding of `check`, and of what mends it."""
    prepend = '        error_prepend(errp, "spill: ");\n'
    hint = '        error_append_hint(errp, "lower the level\\n");\n'
    assert prepend in TEXT
    (top / SPILL).write_text(TEXT.replace(prepend, prepend + hint))
    git(top, "commit", "-qam", "hw/misc: a second text")
    shown = run(
        "check", "--tree", top, "--rev", "HEAD", "--format", "json", "--min-confidence", "low", *RULES
    )
    of_spill = [one for one in shown.findings if one["path"] == SPILL]
    said = f"{len(of_spill)} findings fixed in 2 patches"
    ran = fix(top, tmp_path / "out", "--min-confidence", "low", str(top / SPILL))
    assert ran.err == f"{tmp_path / 'out'}: {said}\n"
    assert run("check", "--tree", top, "--fix", *RULES, top / SPILL).err == "fixed 2 findings in 1 file\n"
