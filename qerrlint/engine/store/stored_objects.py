# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects out of stored bytes: made of certain classes, and of no other.

Whoever can write to the store may put anything there; no code of theirs is run.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Mapping
from typing import Any

Classes = Mapping[tuple[str, str], type]
"""Classes by module and name."""


def classes_by_name(kinds: Iterable[type]) -> Classes:
    """The classes by module and name."""
    return {(kind.__module__, kind.__qualname__): kind for kind in kinds}


def loaded(data: bytes, classes: Classes) -> Any:
    """The object in stored bytes, made of these classes and of no other; None for bytes that are none."""
    try:
        return _Unpickler(io.BytesIO(data), classes).load()
    except Exception:  # bytes that are no result count as none
        return None


class _Unpickler(pickle.Unpickler):
    """Unpickles certain classes and refuses every other one."""

    def __init__(self, file: io.BytesIO, classes: Classes) -> None:
        super().__init__(file)
        self._classes = classes

    def find_class(self, module: str, name: str) -> object:
        known = self._classes.get((module, name))
        if known is None:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return known
