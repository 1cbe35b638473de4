# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of a type as JSON (schema qerrlint-device/1, to which fields are only added)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from qerrlint.device_page import DevicePage


def document(pages: Sequence[DevicePage], root: str, revision: str | None) -> dict[str, Any]:
    """The types as JSON's own types, as schema/qerrlint-device-1.schema.json has it."""
    return {
        "schema": "qerrlint-device/1",
        "tree": {"root": root, "revision": revision},
        "types": [asdict(page) for page in pages],
    }
