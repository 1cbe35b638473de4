# SPDX-License-Identifier: GPL-2.0-or-later
"""No test reads or writes the user's own cache; what Python compiles is kept for the next run.

Temporary files are kept in memory where that is possible.

The command line runs in the process of the test where that shows the same; a test starts a process for what
only a process of its own shows.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from qerrlint.engine.gc_tuning import relax

# A process that compiles all modules anew takes twice as long as one that does not. Set before pytest-xdist
# starts its workers.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = str(Path(__file__).parent.parent / "build" / "pycache")
# Each worker would else rewrite the assertions of all tests anew.
sys.dont_write_bytecode = False
# As each run of the command does.
relax()
# What an example takes depends on what else the machine does.
settings.register_profile("any-machine", deadline=None)
# The same examples at each run: what tests a change must not differ by luck.
settings.register_profile("repeatable", deadline=None, database=None, derandomize=True, print_blob=True)
settings.load_profile("any-machine")
# git init copies a dozen sample hooks otherwise.
os.environ["GIT_TEMPLATE_DIR"] = ""


# A run writes some 40,000 files, which live for a second; on a disk that takes a fifth of its time.
_IN_MEMORY = "/dev/shm"
_ENOUGH = 2 << 30


def _may_hold_what_tests_write(folder: str) -> bool:
    """Whether a folder exists, has room, and may hold programs: tests write hooks that git runs."""
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return False
    system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize >= _ENOUGH and not system.f_flag & os.ST_NOEXEC


if "TMPDIR" not in os.environ and _may_hold_what_tests_write(_IN_MEMORY):
    os.environ["TMPDIR"] = _IN_MEMORY
    tempfile.tempdir = None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests first that take seconds: at the end one of them would keep the other workers waiting."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """What the collection has made stays to the end: no walk of the garbage collector has to look at it."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def kept_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` takes results from the store for trees of any size, those of the fixtures among them.

    For tests of what is shown of results, and of what is asked for: each would else analyse the same files.
    test_cache, test_store_edits and test_kept_reviews show that results out of a store are the same.
    """
    monkeypatch.setattr("qerrlint.engine.check_files.ONE_PROCESS_BYTES", 0)


@pytest.fixture(scope="session", autouse=True)
def own_cache() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("QERRLINT_CACHE_DIR", os.path.join(folder, "cache"))
        yield
