# SPDX-License-Identifier: GPL-2.0-or-later
"""A change that takes a number of the migration stream as an index; the description stands as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from commandline import run
from test_history import Repository
from test_vmstate import text

SILO = "hw/silo.c"
USES = """\
typedef struct LampState {{ uint8_t red[8]; uint8_t blue[4]; uint32_t level; }} LampState;

static uint8_t lamp_red(LampState *s)
{{
    return s->red[{red}];
}}

static uint8_t lamp_blue(LampState *s)
{{
    return s->blue[{blue}];
}}

"""
ROW = "VMSTATE_UINT32(level, LampState)"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path / "cache"))
    return Repository(tmp_path / "qemu")


def told(repository: Repository, before: dict[str, str], after: dict[str, str]) -> list[Any]:
    """What a commit introduces."""
    for indexes in (before, after):
        repository.commit({SILO: USES.format_map(indexes) + text(ROW).decode()})
    ran = run(
        *("diff", "HEAD^!", "--tree", repository.top, "--jobs", "1", "--format", "json"),
        *("--select", "vmstate-index-unchecked"),
    )
    return [(found["line"], found["relation"], found["message"].partition(": ")[2]) for found in ran.findings]


def test_a_function_begins_to_index(repository: Repository) -> None:
    found = told(repository, {"red": "0", "blue": "0"}, {"red": "s->level", "blue": "0"})
    assert found == [(5, "added-line", "it is an index into red, which has 8 elements")]


def test_a_function_indexes_another_array_by_a_number_that_nobody_checked(repository: Repository) -> None:
    found = told(repository, {"red": "s->level", "blue": "0"}, {"red": "s->level", "blue": "s->level"})
    assert found == [(10, "added-line", "it is an index into blue, which has 4 elements")]


def test_the_first_array_changes(repository: Repository) -> None:
    found = told(repository, {"red": "0", "blue": "s->level"}, {"red": "s->level", "blue": "s->level"})
    assert found == [(5, "added-line", "it is an index into red, which has 8 elements")]


def test_another_use_of_the_same_array(repository: Repository) -> None:
    indexes = {"red": "s->level", "blue": "0"}
    assert told(repository, indexes, {**indexes, "red": "0] + s->red[s->level"}) == []
