# SPDX-License-Identifier: GPL-2.0-or-later
"""A changed layout of a VMStateDescription is told for sure only where a release has the layout of before."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import run
from test_history import Repository
from test_vmstate import A, text

B = "VMSTATE_UINT8(low, LampState)"
LAMP = "hw/lamp.c"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("QERRLINT_CACHE_DIR", str(tmp_path / "cache"))
    return Repository(tmp_path / "qemu")


def lamp(rows: str, version: int = 1) -> str:
    return (
        "typedef struct LampState { uint32_t level; uint8_t low; } LampState;\n"
        + text(rows, version).decode()
    )


def confidence(repository: Repository, before: str, after: str = "HEAD") -> str:
    """That of the finding of what two commits differ in."""
    ran = run(
        *("diff", f"{before}..{after}", "--tree", repository.top, "--jobs", "1", "--format", "json"),
        *("--select", "vmstate-layout-changed", "--min-confidence", "low"),
    )
    (found,) = ran.findings
    return str(found["confidence"])


def test_a_layout_of_a_release(repository: Repository) -> None:
    repository.commit({LAMP: lamp(A), "VERSION": "10.0.0\n"})
    before = repository.commit({"VERSION": "10.0.50\n"})
    repository.commit({LAMP: lamp(f"{A}, {B}")})
    assert confidence(repository, before) == "medium"


def test_a_description_that_is_younger_than_the_release(repository: Repository) -> None:
    repository.commit({"VERSION": "10.0.0\n"})
    repository.commit({"VERSION": "10.0.50\n"})
    before = repository.commit({LAMP: lamp(A)})
    repository.commit({LAMP: lamp(f"{A}, {B}")})
    assert confidence(repository, before) == "low"


def test_a_version_that_no_release_has(repository: Repository) -> None:
    repository.commit({LAMP: lamp(A), "VERSION": "10.0.0\n"})
    repository.commit({"VERSION": "10.0.50\n"})
    before = repository.commit({LAMP: lamp(A, version=2)})
    repository.commit({LAMP: lamp(f"{A}, {B}", version=2)})
    assert confidence(repository, before) == "low"


def test_a_description_that_moved_to_another_file(repository: Repository) -> None:
    repository.commit({LAMP: lamp(A), "VERSION": "10.0.0\n"})
    before = repository.commit({LAMP: None, "hw/light.c": lamp(A), "VERSION": "10.0.50\n"})
    repository.commit({"hw/light.c": lamp(f"{A}, {B}")})
    assert confidence(repository, before) == "medium"


def test_a_history_without_releases(repository: Repository) -> None:
    before = repository.commit({LAMP: lamp(A), "VERSION": "10.0.50\n"})
    repository.commit({LAMP: lamp(f"{A}, {B}")})
    assert confidence(repository, before) == "medium"
