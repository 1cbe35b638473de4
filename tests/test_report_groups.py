# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings of one patch that say the same: shown once, with the other places, in text, page and replies."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from commandline import git, run, scratch_repository
from test_report import CHECKED, SERIES, TWICE, rendered

from qerrlint.report.wording import grouped
from qerrlint.result import RaisedBy

LATER = replace(TWICE, place=replace(TWICE.place, line=200, end_line=200), function="pulse_hub_later")


@pytest.mark.parametrize(
    "other",
    [
        replace(LATER, message="something else"),
        replace(LATER, severity="warning"),
        replace(LATER, confidence="low"),
        replace(LATER, patch=3),
        replace(LATER, status="persisting"),
        replace(LATER, raised_by=RaisedBy("Vera <vera@example.org>", "1@example.org")),
    ],
)
def test_what_differs_is_no_group(other: object) -> None:
    assert isinstance(other, type(LATER))
    assert grouped([TWICE, LATER]) == [[TWICE, LATER]]
    assert grouped([TWICE, other]) == [[TWICE], [other]]


def test_findings_of_a_tree_are_not_grouped() -> None:
    plain = [replace(found, status=None, patch=None) for found in (TWICE, LATER)]
    assert grouped(plain) == [[found] for found in plain]
    text = rendered(replace(CHECKED, findings=tuple(plain)))
    assert text.count("error[error-set-twice]") == 2
    assert "also at" not in text


def test_the_text_names_the_other_places() -> None:
    text = rendered(replace(SERIES, findings=(TWICE, LATER)))
    assert text.count("error[error-set-twice]") == 1
    assert f"= also at: {LATER.place.path}:200:{LATER.place.column} in pulse_hub_later()" in text
    assert "2 findings (2 errors)" in text, "each of them counts"


def test_the_page_links_the_places() -> None:
    text = rendered(replace(SERIES, findings=(TWICE, LATER)), "html")
    (listed,) = re.findall(r'<ul id="findings">(.*?)</ul>', text, re.S)
    assert listed.count("<li>") == 1
    assert re.findall(r'href="#(finding-\d)"', listed) == ["finding-1", "finding-2"]
    second = text[text.index('id="finding-2"') :]
    assert 'as at <a href="#finding-1">' in second
    assert text.count("<strong>help:</strong>") == 1


def test_a_reply_says_it_once(tmp_path: Path) -> None:
    """Two functions of a patch with the same mistake, as git formats it."""
    top = scratch_repository(tmp_path / "qemu")
    one = (
        "\nbool vireo_probe{0}(VireoState *s, Error **errp)\n{{\n    if (!s->clock_hz) {{\n"
        '        error_setg(errp, "the board has no clock.");\n        return false;\n    }}\n'
        "    return true;\n}}\n"
    )
    with (top / "hw/arm/vireo.c").open("a") as file:
        file.write(one.format(1) + one.format(2))
    git(top, "commit", "-q", "-a", "-m", "hw/arm/vireo: probe")
    mail = git(top, "format-patch", "--stdout", "-1", "--add-header=Message-ID: <probe@example.org>").encode()
    arguments = ("patch", "--tree", top, "--base", "HEAD^", "--select", "error-message-form")
    found = run(*arguments, "--format", "json", stdin=mail).findings
    assert len(found) == 2
    run(*arguments, "--reply", tmp_path / "out", "--reply-from", "A <a@example.org>", stdin=mail)
    (reply,) = (tmp_path / "out").iterdir()
    text = " ".join(reply.read_text().split())
    assert text.count("[qerrlint: error-message-form]") == 1
    assert f"The same at hw/arm/vireo.c:{found[1]['line']}" in text
    assert "in vireo_probe2()." in text
