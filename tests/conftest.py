# SPDX-License-Identifier: GPL-2.0-or-later
"""No test reads or writes the user's own cache."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("QERRLINT_CACHE_DIR", os.path.join(folder, "cache"))
        yield
