# SPDX-License-Identifier: GPL-2.0-or-later
"""Reviews in several processes: the same bytes for any number of them, with a store and without."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import Ran, git, other_seed, run, scratch_repository, spawned

from qerrlint.cli import progress
from qerrlint.review import parallel

HEADER = """\
#ifndef HW_MISC_LYRE_H
#define HW_MISC_LYRE_H

%s lyre_tune(int pitch, Error **errp);

#endif
"""
LYRE = """\
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/misc/lyre.h"

%s lyre_tune(int pitch, Error **errp)
{
    if (pitch < 0) {
        error_setg(errp, "pitch %%d is too low", pitch);
        return %s;
    }
    return %s;
}
"""
HARP = """\
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "hw/misc/lyre.h"

void harp_start(int pitch, Error **errp)
{
    if (lyre_tune(pitch, errp) < 0) {
        return;
    }
}
"""
VIOL = """\
#include "qemu/osdep.h"
#include "qapi/error.h"

int viol_start(int pitch, Error **errp)
{
    if (pitch > 8) {
        %sreturn -EINVAL;
    }
    return 0;
}
"""
TOLD = 'error_setg(errp, "pitch %d is too high", pitch);\n        '


def write(repo: Path, files: dict[str, str], title: str) -> None:
    for name, text in files.items():
        path = repo / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", title)


@pytest.fixture
def series(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """A repository, and an mbox of three patches: a contract changes, a file is made worse, then mended."""
    padding = getattr(request, "param", "")
    repo = scratch_repository(tmp_path / "repo")
    viol = VIOL + padding
    lyre = LYRE + padding.replace("%", "%%")
    header, source = "include/hw/misc/lyre.h", "hw/misc/lyre.c"
    files = {header: HEADER % "int", source: lyre % ("int", "-EINVAL", "0"), "hw/misc/harp.c": HARP}
    write(repo, {**files, "hw/misc/viol.c": viol % TOLD}, "start")
    start = git(repo, "rev-parse", "HEAD").strip()
    changed = {header: HEADER % "bool", source: lyre % ("bool", "false", "true")}
    write(repo, {**changed, "hw/misc/viol.c": viol % ""}, "hw/misc: a bool, and no message")
    write(repo, {"hw/misc/viol.c": viol % TOLD}, "hw/misc/viol: a message again")
    write(repo, {"hw/misc/viol.c": viol.replace("> 8", "> 9") % ""}, "hw/misc/viol: no message")
    mbox = tmp_path / "series.mbox"
    mbox.write_text(git(repo, "format-patch", "--stdout", f"{start}..HEAD"))
    git(repo, "checkout", "-q", start)
    return repo, mbox


class Here:
    """A Workforce whose tasks are done in this process, and counted."""

    done: list[Any] = []

    def __init__(self, function: Callable[..., Any], make_state: Callable[[], Any], jobs: int) -> None:
        assert jobs == 2
        self._function = function
        self._state = make_state()

    def map(self, tasks: Iterable[Any]) -> Iterator[Any]:
        for task in reversed(list(tasks)):
            self.done += task
            yield self._function(self._state, task)

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        pass


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.setattr(parallel, "_WORTHWHILE", 0)
    monkeypatch.setattr(parallel, "Workforce", Here)
    Here.done.clear()
    return Here.done


def reviewed(series: tuple[Path, Path], jobs: int, *options: str) -> Ran:
    repo, mbox = series
    every = ("--format", "json", "--min-confidence", "low", "--status", "introduced,fixed,persisting")
    return run("patch", mbox, "--tree", repo, "--jobs", str(jobs), *every, *options)


def test_files_and_callers_are_analysed_by_workers(series: tuple[Path, Path], here: list[Any]) -> None:
    alone = reviewed(series, 1, "--no-cache")
    assert not here
    assert reviewed(series, 2, "--no-cache") == alone
    # Three patches and their sum: each with viol.c, the first and the sum with lyre.c and its
    # header as well.
    assert sorted(task.pair.new for task in here if task.pair is not None) == [
        *("hw/misc/lyre.c",) * 2,
        *("hw/misc/viol.c",) * 4,
        *("include/hw/misc/lyre.h",) * 2,
    ]
    assert {task.path for task in here if task.pair is None} == {"hw/misc/harp.c"}
    told = {(found["rule"], found["path"], found["patch"]) for found in alone.findings}
    assert ("failure-without-error", "hw/misc/viol.c", 3) in told
    assert ("wrong-error-test", "hw/misc/harp.c", 1) in told


def test_what_workers_did_is_kept(
    series: tuple[Path, Path], here: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = reviewed(series, 1, "--no-cache")
    monkeypatch.setenv("QERRLINT_CACHE_DIR", os.fspath(tmp_path / "cache"))
    assert reviewed(series, 2) == alone
    assert here
    here.clear()
    assert reviewed(series, 2) == alone
    assert not here
    assert reviewed(series, 1) == alone
    assert reviewed(series, 2, "--verify-store") == alone
    assert not here


def test_what_a_worker_cannot_do_the_review_does(
    series: tuple[Path, Path], here: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = reviewed(series, 1, "--no-cache")

    def fails(*_: object) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(parallel, "analysed_pair", fails)
    assert reviewed(series, 2, "--no-cache") == alone
    assert here


@pytest.mark.parametrize("series", [f"\n/* {'x' * (1 << 17)} */\n"], indirect=True)
def test_processes_say_the_same(series: tuple[Path, Path]) -> None:
    repo, mbox = series
    options = ("--tree", repo, "--no-cache", "--format", "json")
    one = run("patch", mbox, *options, "--jobs", "1")
    assert one == spawned("patch", mbox, *options, "--jobs", "2", PYTHONHASHSEED=other_seed())
    assert one.code == 1


def test_a_bar_is_shown_when_it_takes_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []
    clock = iter((0.0, 0.0, 0.5, 1.0))

    class Bar:
        def __init__(self, doing: str, total: int, unit: str | None) -> None:
            assert (doing, total, unit) == ("reviewing", 9, None)

        def __enter__(self) -> Callable[[int], None]:
            return shown.append

        def __exit__(self, *_: object) -> None:
            shown.append(-1)

    monkeypatch.setattr(progress, "_bar", Bar)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with progress.progress("reviewing", 9, after=1.0) as advance:
        for number in (2, 3, 4):
            advance(number)
            assert shown == ([] if number == 2 else [5] if number == 3 else [5, 4])
    assert shown == [5, 4, -1]
