# SPDX-License-Identifier: GPL-2.0-or-later
"""Many files through one function, in one process or several, results in the order of the paths.

Planning: files are sorted by size, largest first, and handed to worker processes in small lots, so that the
last lots are cheap ones and no worker waits long for another. Each worker keeps a state of its own (a
Source, a World), so headers are scanned once a process. Below a megabyte of work everything stays in this
process: starting workers costs more than it saves. Threads would gain nothing: parsing holds a lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

State = TypeVar("State")
Out = TypeVar("Out")

ONE_PROCESS_BYTES = 1 << 20
_LOT_BYTES = 1 << 19


class _Worker(Generic[State, Out]):
    """What a worker process holds; set once in each by the pool's initialiser."""

    state: object = None
    function: Callable[[object, str], object] | None = None


def _start(make_state: Callable[[], object], function: Callable[[object, str], object]) -> None:
    _Worker.state = make_state()
    _Worker.function = function


def _run(lot: Sequence[str]) -> list[tuple[str, object]]:
    assert _Worker.function is not None
    return [(path, _Worker.function(_Worker.state, path)) for path in lot]


def map_files(
    function: Callable[[State, str], Out],
    make_state: Callable[[], State],
    sizes: Sequence[tuple[str, int]],
    jobs: int,
    progress: Callable[[int], None] | None = None,
) -> Iterator[tuple[str, Out]]:
    """`function(state, path)` for each (path, size in bytes); results sorted by path.

    `jobs` is the number of processes (0: one for each core). `progress` is told how many files are done.
    Both callables are pickled for the workers: they must be module-level functions or partials of such.
    """
    jobs = jobs or os.cpu_count() or 1
    total = sum(size for _, size in sizes)
    results: dict[str, Out] = {}
    if jobs == 1 or total < ONE_PROCESS_BYTES:
        state = make_state()
        for path, _ in sorted(sizes):
            results[path] = function(state, path)
            if progress is not None:
                progress(1)
    else:
        _in_processes(function, make_state, sizes, jobs, progress, results)
    for path in sorted(results):
        yield path, results[path]


def _in_processes(
    function: Callable[[State, str], Out],
    make_state: Callable[[], State],
    sizes: Sequence[tuple[str, int]],
    jobs: int,
    progress: Callable[[int], None] | None,
    results: dict[str, Out],
) -> None:
    from concurrent.futures import ProcessPoolExecutor, as_completed

    start: Callable[..., None] = _start
    with ProcessPoolExecutor(jobs, initializer=start, initargs=(make_state, function)) as pool:
        futures = [pool.submit(_run, lot) for lot in _lots(sizes)]
        for future in as_completed(futures):
            for path, out in future.result():
                results[path] = out  # type: ignore[assignment]
                if progress is not None:
                    progress(1)


def _lots(sizes: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    lot: list[str] = []
    weight = 0
    for path, size in sorted(sizes, key=lambda item: (-item[1], item[0])):
        lot.append(path)
        weight += size
        if weight >= _LOT_BYTES or len(lot) >= 64:
            yield lot
            lot, weight = [], 0
    if lot:
        yield lot
