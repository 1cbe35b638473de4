# SPDX-License-Identifier: GPL-2.0-or-later
"""The case this project began with, against QEMU's real history; skipped where that is not at hand.

QERRLINT_QEMU_GIT names a git directory of QEMU that holds the commit BASE; QERRLINT_SEED names the saved
archive page of the thread "[PATCH V1 2/2] hw/intc/arm_gicv3_kvm: preserve pending interrupts during cpr".
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from commandline import Ran, git, run

BASE = "930180f3b9a292639eb894f1ca846683834ed4b7"
DEVICE = "hw/intc/arm_gicv3_kvm.c"
NOTIFIER, REALIZE = "kvm_arm_gicv3_notifier", "kvm_arm_gicv3_realize"
EXPECTED = {
    ("notifier-drops-error", NOTIFIER),
    ("wrong-errp-argument", REALIZE),
    ("unterminated-mode-list", REALIZE),
    ("cpr-mode-without-notifier", REALIZE),
    ("cpr-notifier-for-blocked-mode", REALIZE),
}


def named(variable: str) -> str:
    path = os.environ.get(variable)
    if not path:
        pytest.skip(f"{variable} is not set")
    return path


@pytest.fixture(scope="module")
def history() -> str:
    return named("QERRLINT_QEMU_GIT")


@pytest.fixture(scope="module")
def seed() -> str:
    return named("QERRLINT_SEED")


def show(history: str, revision: str, path: str) -> bytes:
    """One file at one revision."""
    command = ["git", "-C", history, "show", f"{revision}:{path}"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def reported(ran: Ran) -> set[tuple[str, str]]:
    """Every finding once, all of them introduced."""
    assert ran.code == 1, ran.err
    assert {finding["status"] for finding in ran.findings} == {"introduced"}
    found = [(finding["rule"], finding["function"]) for finding in ran.findings]
    assert len(found) == len(set(found))
    return set(found)


def dropped(ran: Ran) -> dict[str, Any]:
    """The finding that the maintainer's reply is about, and no other finding is."""
    (finding,) = (finding for finding in ran.findings if finding["raised_by"] is not None)
    assert finding["rule"] == "notifier-drops-error"
    assert finding["raised_by"]["from"].startswith("Peter Maydell")
    return finding


def test_the_page_alone(history: str, seed: str) -> None:
    ran = run("patch", seed, "--tree", history, "--base", BASE, "--format", "json")
    assert reported(ran) == EXPECTED
    assert dropped(ran)["confidence"] == "medium"
    assert [(patch["index"], patch["total"], patch["applied"]) for patch in ran.document["patches"]] == [
        (2, 2, True)
    ]


def test_the_base_is_found_by_the_blobs(history: str, seed: str) -> None:
    ran = run("patch", seed, "--tree", history, "--format", "json")
    assert reported(ran) == EXPECTED
    tree = ran.document["tree"]
    assert tree["base_found_by"] == "blobs"
    assert show(history, tree["revision"], DEVICE) == show(history, BASE, DEVICE)


def first_patch(history: str, top: Path) -> bytes:
    """A patch 1/2 made from the base's own text: saving the tables becomes a function of its own."""
    before = show(history, BASE, DEVICE).decode()
    found = re.search(r"^(static void vm_change_state_handler\([^{]*)\{\n(.*?)^\}\n", before, re.M | re.S)
    assert found is not None
    head, body = found.groups()
    variables = "".join(re.findall(r"^    (?:Error \*err|int ret)\b.*\n", body, re.M))
    work = body[body.index("    ret = ") :]
    after = (
        before[: found.start()]
        + f"static void kvm_arm_save_pending_tables(GICv3State *s)\n{{\n{variables}\n{work}}}\n\n"
        + f"{head}{{\n    if (!running) {{\n        kvm_arm_save_pending_tables(opaque);\n    }}\n}}\n"
        + before[found.end() :]
    )
    file = top / DEVICE
    file.parent.mkdir(parents=True)
    git(top, "init", "-q")
    for text, subject in ((before, "base"), (after, "hw/intc/arm_gicv3_kvm: split out saving the tables")):
        file.write_text(text)
        git(top, "add", "-A")
        git(top, "commit", "-q", "-m", subject)
    return git(top, "format-patch", "-1", "--stdout", "--subject-prefix=PATCH V1 1/2").encode()


def test_with_the_first_patch_the_steps_lead_into_the_callee(history: str, seed: str, tmp_path: Path) -> None:
    one = tmp_path / "one.patch"
    (tmp_path / "scratch").mkdir()
    one.write_bytes(first_patch(history, tmp_path / "scratch"))
    ran = run("patch", one, seed, "--tree", history, "--base", BASE, "--format", "json")
    assert reported(ran) == EXPECTED
    assert [(patch["index"], patch["applied"]) for patch in ran.document["patches"]] == [(1, True), (2, True)]
    finding = dropped(ran)
    assert (finding["confidence"], finding["patch"]) == ("high", 2)
    steps = finding["steps"]
    assert {step["path"] for step in steps} == {DEVICE}
    assert "kvm_device_access()" in steps[0]["message"]
    assert "error_report_err()" in steps[-1]["message"]
    assert all(step["line"] < finding["line"] for step in steps), "the callee stands above the notifier"


def test_without_any_tree(seed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("patch", seed, "--format", "json")
    assert reported(ran) == EXPECTED
    assert dropped(ran)["confidence"] == "medium"
    text = run("patch", seed)
    assert text.code == 1
    assert "note: no tree at hand: only the lines that the hunks show were analysed" in text.out


@pytest.mark.parametrize(
    ("commit", "rule", "function"),
    [
        # The patch as it was merged; and lists by mode, of which one was taken for the other.
        ("376cdd7e9c", "notifier-error-outside-setup", NOTIFIER),
        ("dc79c7d5e1", "notifier-list-mismatch", "migration_remove_notifier"),
    ],
)
def test_merged_commits(history: str, commit: str, rule: str, function: str) -> None:
    ran = run("diff", f"{commit}^..{commit}", "--tree", history, "--format", "json")
    assert reported(ran) == {(rule, function)}


@pytest.mark.parametrize(
    ("commit", "callee", "rule", "callers"),
    [
        # The callback of qemu_opts_foreach() no longer reports itself; these hand it NULL.
        (
            "7e1e0c1112",
            "user_creatable_add_opts_foreach() now sets an Error",
            "dropped-error",
            {("qemu-img.c", "img_create"), ("qemu-img.c", "img_check"), ("qemu-img.c", "img_commit")},
        ),
        # One of its failures sets nothing; these read the Error they do not have.
        (
            "2f78e491d7",
            "qemu_init_main_loop() now takes an Error **",
            "null-error-reported",
            {("qemu-img.c", "main"), ("qemu-io.c", "main")},
        ),
        # What the stream says can be wrong, and these end the process for it.
        (
            "c632ffbd74",
            "vmstate_load_state() now takes an Error **",
            "abort-on-recoverable-error",
            {("hw/display/virtio-gpu.c", "virtio_gpu_load"), ("hw/pci/pci.c", "pci_device_load")},
        ),
    ],
)
def test_a_changed_contract_is_reported_at_the_callers(
    history: str, commit: str, callee: str, rule: str, callers: set[tuple[str, str]]
) -> None:
    ran = run("diff", f"{commit}^..{commit}", "--tree", history, "--format", "json", "--select", rule)
    first = {
        (found["path"], found["function"]): found["steps"][0]
        for found in ran.findings
        if found["status"] == "introduced" and found["steps"]
    }
    assert callers <= first.keys()
    for caller in callers:
        assert first[caller]["message"] == callee
        assert first[caller]["path"] != caller[0]


def test_a_later_commit_mends_it(history: str) -> None:
    later = ("diff", "911bdd34ca^..911bdd34ca", "--tree", history, "--format", "json")
    ran = run(*later, "--status", "introduced,fixed")
    assert ran.code == 0, ran.err
    assert [(finding["rule"], finding["status"]) for finding in ran.findings] == [
        ("notifier-list-mismatch", "fixed")
    ]


def test_the_front_end_reads_the_whole_tree(history: str) -> None:
    """Of all functions at most 0.3 % are damaged, of those about errors at most 0.1 %."""
    ran = run("check", "--tree", history, "--rev", BASE, "-v", "--select", "duplicate-mode")
    found = re.search(
        r"^note: (\d+) functions, (\d+) damaged .*; (\d+) about errors, (\d+) damaged", ran.out, re.M
    )
    assert found is not None, ran.out
    functions, damaged, errors, errors_damaged = map(int, found.groups())
    assert functions > 70_000
    assert errors > 5_000
    assert damaged <= 0.003 * functions
    assert errors_damaged <= 0.001 * errors
