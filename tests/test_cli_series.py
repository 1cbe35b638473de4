# SPDX-License-Identifier: GPL-2.0-or-later
"""Series on their bases: several in one input, patches in front, already applied, version against version."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from pathlib import Path

import pytest
from commandline import DEMO, FIXTURES, Ran, committed_tree, git, run, scratch_repository
from jsonschema import Draft202012Validator

import qerrlint

V2 = DEMO.parent / "v2.mbox"
SCHEMA = json.loads((Path(qerrlint.__file__).parent / "report/schema/qerrlint-1.schema.json").read_text())
QUARTZ = "hw/timer/quartz.c"
VIREO = "hw/arm/vireo.c"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return scratch_repository(tmp_path / "repo")


def change(repo: Path, path: str, old: str, new: str, title: str) -> str:
    """Commit one replacement; returns the commit."""
    file = repo / path
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))
    git(repo, "commit", "-q", "-a", "-m", f"{title}\n\nText.")
    return git(repo, "rev-parse", "HEAD").strip()


def mails(repo: Path, span: str, *options: str) -> bytes:
    return git(repo, "format-patch", "--stdout", "--thread", "--full-index", *options, span).encode()


# An early return that says nothing, and one that says something.
SILENT = (
    "    s->hz = hz;\n    return 0;\n",
    "    if (hz == 77) {\n        return -EIO;\n    }\n    s->hz = hz;\n    return 0;\n",
)


def reviewed(*arguments: str | Path, stdin: bytes = b"") -> Ran:
    ran = run("patch", *arguments, "--format", "json", stdin=stdin)
    assert ran.out, ran.err
    Draft202012Validator(SCHEMA).validate(ran.document)
    return ran


def test_every_series_has_its_own_base(repo: Path, tmp_path: Path) -> None:
    start = git(repo, "rev-parse", "HEAD").strip()
    one = change(repo, QUARTZ, *SILENT, "hw/timer/quartz: be silent")
    (tmp_path / "one.mbox").write_bytes(mails(repo, f"{start}..{one}"))
    git(repo, "checkout", "-q", start)
    (repo / "VERSION").write_text("99.0.0\n")
    (repo / VIREO).write_text("/* A line on top. */\n" + (repo / VIREO).read_text())
    git(repo, "commit", "-q", "-a", "-m", "later")
    later = git(repo, "rev-parse", "HEAD").strip()
    (repo / VIREO).write_text("/* And another. */\n" + (repo / VIREO).read_text())
    git(repo, "commit", "-q", "-a", "-m", "hw/arm/vireo: another line")
    (tmp_path / "two.mbox").write_bytes(mails(repo, f"{later}..HEAD", f"--base={later}"))
    git(repo, "checkout", "-q", one)
    ran = reviewed(tmp_path / "two.mbox", tmp_path / "one.mbox", "--tree", repo)
    series = ran.document["series"]
    assert [one["revision"] for one in series] == [later, start]
    assert [one["base_found_by"] for one in series] == ["base-commit", "blobs"]
    assert [patch["series"] for patch in ran.document["patches"]] == [1, 2]
    assert all(patch["applied"] for patch in ran.document["patches"])
    assert [(found["path"], found["series"], found["patch"]) for found in ran.findings] == [(QUARTZ, 2, 1)]
    shown = run("patch", tmp_path / "two.mbox", tmp_path / "one.mbox", "--tree", repo).out
    assert "each series on its own base" in shown
    assert f'"hw/arm/vireo: another line": base {later[:12]} (named by the base-commit trailer)' in shown


def test_every_series_goes_by_the_baseline_of_its_own_base(repo: Path, tmp_path: Path) -> None:
    start = git(repo, "rev-parse", "HEAD").strip()
    change(repo, QUARTZ, *SILENT, "hw/timer/quartz: be silent")
    (tmp_path / "one.mbox").write_bytes(mails(repo, f"{start}..HEAD", f"--base={start}"))
    (found,) = reviewed(tmp_path / "one.mbox", "--tree", repo).findings
    git(repo, "checkout", "-q", start)
    accepted = f"{found['fingerprint']} {found['rule']} {found['function']} {found['path']}\n"
    (repo / ".qerrlint-baseline").write_text(accepted)
    (repo / ".qerrlint.toml").write_text('severity = { "failure-*" = "note" }\n')
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "a gate")
    later = git(repo, "rev-parse", "HEAD").strip()
    (repo / VIREO).write_text("/* A line on top. */\n" + (repo / VIREO).read_text())
    git(repo, "commit", "-q", "-a", "-m", "hw/arm/vireo: another line")
    (tmp_path / "two.mbox").write_bytes(mails(repo, f"{later}..HEAD", f"--base={later}"))
    ran = reviewed(tmp_path / "two.mbox", tmp_path / "one.mbox", "--tree", repo)
    (again,) = ran.findings
    assert (again["suppressed"], again["severity"]) == (None, found["severity"])
    text = run("patch", tmp_path / "two.mbox", tmp_path / "one.mbox", "--tree", repo).out
    assert 'the base of "hw/timer/quartz: be silent" has another configuration' in text


def two_that_build(repo: Path, tmp_path: Path) -> tuple[str, bytes, bytes]:
    """Two series, the second on top of the first; the mails of each, and the commit below both."""
    start = git(repo, "rev-parse", "HEAD").strip()
    change(
        repo,
        QUARTZ,
        "    s->hz = hz;\n",
        "    s->ticks = 0;\n    s->hz = hz;\n",
        "hw/timer/quartz: lose the ticks",
    )
    middle = git(repo, "rev-parse", "HEAD").strip()
    old, new = (text.replace("    s->hz", "    s->ticks = 0;\n    s->hz", 1) for text in SILENT)
    change(repo, QUARTZ, old, new, "hw/timer/quartz: be silent")
    first = mails(repo, f"{start}..{middle}")
    second = mails(repo, f"{middle}..HEAD", f"--base={start}")
    git(repo, "checkout", "-q", start)
    return start, first, second


def test_prerequisite_patches_come_from_another_input(repo: Path, tmp_path: Path) -> None:
    start, first, second = two_that_build(repo, tmp_path)
    (tmp_path / "first.mbox").write_bytes(first)
    (tmp_path / "second.mbox").write_bytes(second)
    assert b"prerequisite-patch-id: " in second
    alone = reviewed(tmp_path / "second.mbox", "--tree", repo)
    (wanted,) = alone.document["series"][0]["prerequisites"]
    assert (wanted["kind"], wanted["found"]) == ("patch-id", False)
    assert any(wanted["id"][:12] in notice and "--onto" in notice for notice in alone.document["notices"])
    assert not alone.document["patches"][0]["applied"]
    below = reviewed(tmp_path / "second.mbox", "--onto", tmp_path / "first.mbox", "--tree", repo)
    assert below.document["series"][0]["prerequisites"] == [{**wanted, "found": True}]
    assert below.document["series"][0]["revision"] == start
    assert below.document["notices"] == []
    assert [(patch["subject"], patch["applied"]) for patch in below.document["patches"]] == [
        ("[PATCH] hw/timer/quartz: be silent", True)
    ]
    assert [(found["rule"], found["patch"]) for found in below.findings] == [("failure-without-error", 1)]
    together = reviewed(tmp_path / "second.mbox", tmp_path / "first.mbox", "--tree", repo)
    assert [patch["subject"] for patch in together.document["patches"]] == [
        "[PATCH] hw/timer/quartz: lose the ticks",
        "[PATCH] hw/timer/quartz: be silent",
    ], "the one that it builds on comes first"
    assert all(patch["applied"] for patch in together.document["patches"])
    assert [found["series"] for found in together.findings] == [2]


def test_based_on_names_a_series(repo: Path, tmp_path: Path) -> None:
    _, first, second = two_that_build(repo, tmp_path)
    first = re.sub(rb"\nMessage-Id: .*", b"\nMessage-ID: <first@example.org>", first)
    second = second[: second.index(b"base-commit:")].replace(
        b"\n\nText.", b"\n\nBased-on: <first@example.org>", 1
    )
    lost = reviewed("--tree", repo, stdin=second)
    assert lost.document["series"][0]["prerequisites"] == [
        {"kind": "message-id", "id": "first@example.org", "found": False}
    ]
    assert (
        "it builds on the series <first@example.org>, which is not in the input (name the file with --onto)"
        in lost.document["notices"]
    )
    both = reviewed("--tree", repo, stdin=second + b"\n" + first)
    assert [patch["applied"] for patch in both.document["patches"]] == [True, True]
    assert "lose the ticks" in both.document["patches"][0]["subject"]


def test_patches_below_that_do_not_fit_are_said(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "kettle.mbox").write_bytes((FIXTURES / "patches/another-project/series.mbox").read_bytes())
    ran = reviewed(DEMO, "--onto", tmp_path / "kettle.mbox", "--tree", repo)
    assert any("which comes before the series: src/net/kettle.c" in note for note in ran.document["notices"])
    assert len(ran.findings) == 4


def test_a_series_that_the_tree_has_is_reviewed_without_it(repo: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "-C", repo, "apply"], input=diffs(DEMO), check=True)
    plain = tmp_path / "plain"
    (repo / ".git").rename(tmp_path / "gone.git")
    repo.rename(plain)
    ran = reviewed(DEMO, "--tree", plain)
    assert [patch["already_applied"] for patch in ran.document["patches"]] == [True] * 3
    fresh = reviewed(DEMO, "--tree", committed_tree())
    assert [f["fingerprint"] for f in ran.findings] == [f["fingerprint"] for f in fresh.findings]
    assert not any(patch["already_applied"] for patch in fresh.document["patches"])
    shown = run("patch", DEMO, "--tree", plain).out
    assert "the tree has this patch already; it is reviewed against the tree without" in shown


def test_a_tree_that_has_the_first_patches(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    repo = scratch_repository(plain)
    subprocess.run(["git", "-C", repo, "apply"], input=diffs(DEMO, 1), check=True)
    (repo / ".git").rename(tmp_path / "gone.git")
    ran = reviewed(DEMO, "--tree", plain)
    assert [patch["already_applied"] for patch in ran.document["patches"]] == [True, False, False]
    assert len(ran.findings) == 4


def diffs(mbox: Path, count: int = 3) -> bytes:
    from qerrlint.patch.group_messages import assemble
    from qerrlint.patch.mail.read_input import read_path

    (series,) = assemble(read_path(mbox))
    parts = [
        patch.message.body[patch.message.body.index(b"diff --git") :] for patch in series.patches[:count]
    ]
    return b"".join(part.split(b"\n-- \n")[0] + b"\n" for part in parts)


def test_a_version_against_the_one_before() -> None:
    ran = reviewed(V2, "--against", DEMO, "--tree", committed_tree())
    against = ran.document["against"]
    assert (against["version"], against["title"]) == (1, "hw/timer: a quartz that survives cpr")
    assert {(f["rule"], f["outcome"]) for f in against["findings"]} == {
        ("error-set-twice", "remaining"),
        ("cpr-mode-without-notifier", "remaining"),
        ("notifier-drops-error", "addressed"),
        ("unguarded-error-prepend", "addressed"),
    }
    assert against["summary"] == {"addressed": 2, "remaining": 2, "unknown": 0, "new": 1}
    assert {f["rule"]: f["against"] for f in ran.findings} == {
        "error-set-twice": "remaining",
        "cpr-mode-without-notifier": "remaining",
        "leaked-error": "new",
    }
    (remark,) = against["remarks"]
    assert (remark["from"], remark["rule"], remark["outcome"]) == (
        "Ines Calder <ines.calder@example.org>",
        "notifier-drops-error",
        "addressed",
    )
    shown = run("patch", V2, "--against", DEMO, "--tree", committed_tree()).out
    assert (
        'against version 1 "hw/timer: a quartz that survives cpr": 2 addressed, 2 still there; 1 new' in shown
    )


def test_both_versions_in_one_file(tmp_path: Path) -> None:
    (tmp_path / "thread.mbox").write_bytes(V2.read_bytes() + DEMO.read_bytes())
    ran = reviewed(
        tmp_path / "thread.mbox", "--against", tmp_path / "thread.mbox", "--tree", committed_tree()
    )
    assert [patch["version"] for patch in ran.document["patches"]] == [2, 2, 2]
    assert ran.document["against"]["version"] == 1
    assert ran.document["against"]["summary"]["addressed"] == 2


def test_what_was_raised_and_stands_is_raised_still() -> None:
    """v1 against itself under another number: nothing is addressed, and Ines' remark carries over."""
    again = DEMO.read_bytes().replace(b"[PATCH ", b"[PATCH v2 ").replace(b"20261103083000.4711", b"v2.4711")
    again = again[
        : again.index(b"\nFrom 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\nFrom: Ines")
    ]
    ran = reviewed("--against", DEMO, "--tree", committed_tree(), stdin=again)
    assert ran.document["against"]["summary"] == {"addressed": 0, "remaining": 4, "unknown": 0, "new": 0}
    (raised,) = [f["raised_by"] for f in ran.findings if f["raised_by"]]
    assert raised == {
        "from": "Ines Calder <ines.calder@example.org>",
        "message_id": "CAF3k9Qh-quartz-2@mail.example.org",
        "version": 1,
    }


def test_other_series_in_the_input_are_left_out_of_the_comparison(tmp_path: Path) -> None:
    stranger = (
        V2.read_bytes().replace(b"20261105083000.6022", b"other.6022").replace(b"[PATCH v2 ", b"[PATCH ")
    )
    stranger = stranger.replace(b"hw/timer", b"hw/clock").replace(b"tomas.brandt@", b"vera@")
    stranger = stranger.replace(b"clock/quartz_kvm.", b"timer/quartz_kvm.").replace(
        b"clock/quartz.", b"timer/quartz."
    )
    (tmp_path / "other.mbox").write_bytes(stranger)
    ran = reviewed(V2, tmp_path / "other.mbox", "--against", DEMO, "--tree", committed_tree())
    assert [one["version"] for one in ran.document["series"]] == [2, 1]
    assert ran.document["against"]["summary"] == {"addressed": 2, "remaining": 2, "unknown": 0, "new": 1}
    assert {found["against"] for found in ran.findings if found["series"] == 2} == {None}


def test_an_earlier_version_that_does_not_fit_is_said(tmp_path: Path) -> None:
    broken = DEMO.read_bytes().replace(b" #define QUARTZ_KVM_RATE 1\n", b" #define QUARTZ_KVM_RATE 7\n")
    (tmp_path / "v1.mbox").write_bytes(broken)
    ran = reviewed(V2, "--against", tmp_path / "v1.mbox", "--tree", committed_tree())
    notice = "version 1, patch 1 was not applied: what it brought is not known"
    assert notice in ran.document["notices"]
    assert all(patch["applied"] for patch in ran.document["patches"])


def test_a_later_version_with_a_patch_missing_answers_nothing(tmp_path: Path) -> None:
    text = V2.read_bytes()
    third = text.rindex(b"From 0000")
    ran = reviewed("--against", DEMO, "--tree", committed_tree(), stdin=text[:third])
    outcomes = {f["rule"]: f["outcome"] for f in ran.document["against"]["findings"]}
    assert "addressed" not in outcomes.values()
    assert outcomes["notifier-drops-error"] == "unknown"


def test_a_renamed_function_keeps_its_finding(tmp_path: Path) -> None:
    again = DEMO.read_bytes().replace(b"[PATCH ", b"[PATCH v2 ").replace(b"20261103083000.4711", b"v2.4711")
    again = again.replace(b"quartz_kvm_cpr_notify", b"quartz_kvm_on_change_")
    ran = reviewed("--against", DEMO, "--tree", committed_tree(), stdin=again)
    assert ran.document["against"]["summary"] == {"addressed": 0, "remaining": 4, "unknown": 0, "new": 0}


def test_no_earlier_version_is_an_error() -> None:
    ran = run("patch", DEMO, "--against", DEMO, "--tree", committed_tree())
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == f"qerrlint: {DEMO}: no earlier version of the series in it\n"


def test_packed_mailbox_and_maildir_are_read_by_the_command(tmp_path: Path) -> None:
    (tmp_path / "series.mbox.gz").write_bytes(gzip.compress(DEMO.read_bytes()))
    maildir = tmp_path / "maildir"
    for name in ("cur", "new", "tmp"):
        (maildir / name).mkdir(parents=True)
    parts = DEMO.read_bytes().split(
        b"From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\n"
    )
    for number, part in enumerate(parts[1:]):
        (maildir / "cur" / f"{number}:2,S").write_bytes(part)
    expected = reviewed(DEMO, "--tree", committed_tree())
    for source in (tmp_path / "series.mbox.gz", maildir):
        got = reviewed(source, "--tree", committed_tree())
        assert [f["raised_by"] for f in got.findings] == [f["raised_by"] for f in expected.findings]
        assert got.findings == [{**f, "diff_line": f["diff_line"]} for f in expected.findings]
