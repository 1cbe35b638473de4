# SPDX-License-Identifier: GPL-2.0-or-later
"""phase-leak: what several types of one base share is told once."""

from __future__ import annotations

from pathlib import Path

from commandline import run

FIXTURE = Path(__file__).parent.parent / "fixtures/phase-leak/partly-undone.c"


def test_the_types_of_one_base_get_one_finding() -> None:
    ran = run("check", str(FIXTURE), "--select", "phase-leak", "--format", "json", "--fail-on", "never")
    told = [one["message"].split()[0] for one in ran.document["findings"]]
    assert told.count("s->spit") == 1
    assert told.count("s->heat") == 1
