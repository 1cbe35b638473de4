# SPDX-License-Identifier: GPL-2.0-or-later
"""Work in several processes; many files through one function.

Planning: files are sorted by size, largest first, and handed to worker processes in small lots, so that the
last lots are cheap ones and no worker waits long for another. Each worker keeps a state of its own (a
Source, an Environment), so headers are scanned once a process. Below a megabyte of work everything stays in
this process: starting workers costs more than it saves. Threads would gain nothing: parsing holds a lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from qerrlint.engine.gc_tuning import relax
from qerrlint.errors import InputError

if TYPE_CHECKING:
    from concurrent.futures import Executor

State = TypeVar("State")
Task = TypeVar("Task")
Out = TypeVar("Out")

ONE_PROCESS_BYTES = 1 << 20
_LOT_BYTES = 1 << 19


class _Worker:
    """What a worker process holds; set once in each by the pool's initialiser."""

    state: object = None
    function: Callable[..., object] | None = None


def _start(make_state: Callable[[], object], function: Callable[..., object]) -> None:
    import signal
    import threading

    # Ctrl-C on a terminal reaches all processes: the parent ends, and this one with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    relax()
    _Worker.state = make_state()
    _Worker.function = function


def end_with_parent() -> None:
    """End this process when its parent has ended, for whatever reason: its results are no longer wanted."""
    import multiprocessing
    from multiprocessing.connection import wait

    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _nothing() -> None:
    """What makes a pool begin its process."""


def _run(task: object) -> object:
    assert _Worker.function is not None
    return _Worker.function(_Worker.state, task)


class Workforce(Generic[Task, Out]):
    """`jobs` worker processes that take several lots of tasks, one after the other.

    They do `function(state, task)`; function, state's maker and tasks are pickled for them: no closures.
    Leaving it by an error ends the processes, as the end of this process does.
    """

    def __init__(
        self,
        function: Callable[[State, Task], Out],
        make_state: Callable[[], State],
        jobs: int,
        parts: int = 1,
    ) -> None:
        """`parts`: how many groups of so many processes there are; several are begun at once."""
        from concurrent.futures import ProcessPoolExecutor

        arguments = (make_state, function)
        self._pools: list[Executor] = [
            ProcessPoolExecutor(jobs, initializer=_start, initargs=arguments) for _ in range(parts)
        ]
        for pool in self._pools if parts > 1 else ():
            pool.submit(_nothing)

    def map(self, tasks: Iterable[Task]) -> Iterator[Out]:
        """The result of each task as it comes, in no certain order. Raises InputError when a process dies."""
        return self.map_parts([tasks])

    def map_parts(self, parts: Iterable[Iterable[Task]]) -> Iterator[Out]:
        """The same with tasks for each group; those of one are begun before the next ones are asked for."""
        from concurrent.futures.process import BrokenProcessPool

        try:
            yield from _completed(zip(self._pools, parts, strict=True), _run)
        except BrokenProcessPool:
            raise InputError("a worker process ended early (out of memory?): run with fewer --jobs") from None

    def __enter__(self) -> Workforce[Task, Out]:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(early=kind is not None)

    def close(self, early: bool) -> None:
        """End the processes; `early`: whatever they have under way."""
        if early:
            import multiprocessing

            # Python waits at its end for tasks that are under way.
            for worker in multiprocessing.active_children():
                worker.terminate()
        for pool in self._pools:
            pool.shutdown(wait=False, cancel_futures=True)


def run_tasks(
    function: Callable[[State, Task], Out],
    make_state: Callable[[], State],
    tasks: Sequence[Task],
    jobs: int,
    scheduler: str | None = None,
) -> Iterator[Out]:
    """`function(state, task)` for each task in `jobs` processes (0: one for each core), as they come.

    Several processes finish the tasks in no certain order; one is this process, which takes them in theirs.
    With the address of a `scheduler` the workers are those of its cluster. Function, state's maker and tasks
    are pickled for workers: no closures. Raises InputError when a worker process dies; an iteration that is
    given up ends the workers, as the end of this process does.
    """
    jobs = min(jobs or os.cpu_count() or 1, len(tasks))
    if scheduler is not None:
        yield from _on_cluster(function, make_state, tasks, scheduler)
    elif not tasks:
        return
    elif jobs == 1:
        state = make_state()
        for task in tasks:
            yield function(state, task)
    else:
        with Workforce(function, make_state, jobs) as workforce:
            yield from workforce.map(tasks)


def _completed(
    work: Iterable[tuple[Executor, Iterable[Task]]], call: Callable[[Task], object]
) -> Iterator[Any]:
    """call(task) for each task of each executor, as they come."""
    from concurrent.futures import as_completed

    for future in as_completed([pool.submit(call, task) for pool, tasks in work for task in tasks]):
        yield future.result()


def _on_cluster(
    function: Callable[[State, Task], Out],
    make_state: Callable[[], State],
    tasks: Iterable[Task],
    scheduler: str,
) -> Iterator[Out]:
    import pickle

    from qerrlint.engine.cluster import cluster, run_with_state

    with cluster(scheduler) as pool:
        call = partial(run_with_state, pickle.dumps(make_state), function)
        yield from _completed([(pool, tasks)], call)


def map_tasks(
    function: Callable[[State, Task], Out],
    make_state: Callable[[], State],
    sizes: Sequence[tuple[Task, int]],
    jobs: int,
) -> Iterator[Out]:
    """`function(state, task)` for each (task, its file's size in bytes), as they come, in no certain order.

    `jobs` is the number of processes (0: one for each core). Both callables are pickled for the workers: they
    must be module-level functions or partials of such. Raises InputError when a worker process dies.
    """
    jobs = jobs or os.cpu_count() or 1
    if jobs == 1 or sum(size for _, size in sizes) < ONE_PROCESS_BYTES:
        yield from run_tasks(function, make_state, [task for task, _ in sizes], 1)
    else:
        with Workforce(partial(_lot, function), make_state, jobs) as workforce:
            for lot in workforce.map(_lots(sizes)):
                yield from lot


def _lot(function: Callable[[State, Task], Out], state: State, tasks: Sequence[Task]) -> list[Out]:
    return [function(state, task) for task in tasks]


def _lots(sizes: Sequence[tuple[Task, int]]) -> Iterator[list[Task]]:
    lot: list[Task] = []
    weight = 0
    for task, size in sorted(sizes, key=lambda item: -item[1]):
        lot.append(task)
        weight += size
        if weight >= _LOT_BYTES or len(lot) >= 64:
            yield lot
            lot, weight = [], 0
    if lot:
        yield lot
