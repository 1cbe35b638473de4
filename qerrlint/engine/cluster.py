# SPDX-License-Identifier: GPL-2.0-or-later
"""Work on the workers of a dask.distributed scheduler, through the interface of concurrent.futures.Executor.

The workers have this program and the repository at the same path as here. A worker that dies costs the
tasks that it had under way: the scheduler gives them to others.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from qerrlint.engine.gc_tuning import relax
from qerrlint.errors import InputError, UsageError

# How often a task is begun again whose worker has died; the default of dask is 3.
_RETRIES = 10
_SECONDS_TO_CONNECT = 10


class _States:
    """The states of this worker process, by the pickled maker of each. A worker may have several threads."""

    known: dict[bytes, object] = {}
    lock = threading.Lock()


def run_with_state(maker: bytes, function: Callable[..., Any], task: object) -> Any:
    """function(state, task) in a worker; the state is made by the first task that asks for it."""
    with _States.lock:
        if maker not in _States.known:
            relax()
            _States.known.clear()
            _States.known[maker] = pickle.loads(maker)()
        return function(_States.known[maker], task)


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """An Executor that hands work to a scheduler, such as tcp://HOST:8786.

    Raises UsageError where dask.distributed is not installed, InputError where nothing answers at the
    address.
    """
    try:
        import distributed
    except ImportError:
        raise UsageError(
            "--scheduler: dask.distributed is not installed (pip install 'qerrlint[cluster]')"
        ) from None
    try:
        client = distributed.Client(address, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        raise InputError(f"--scheduler: {address}: no scheduler answers: {reason}") from None
    with client:
        yield client.get_executor(retries=_RETRIES, pure=False)
