# SPDX-License-Identifier: GPL-2.0-or-later
"""The matrix of migration modes as JSON (schema qerrlint-modes/1, to which fields are only added)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from qerrlint.queries.mode_matrix import Entry, Matrix, Row


def document(found: Matrix, root: str, revision: str | None) -> dict[str, Any]:
    """The matrix as JSON's own types, as schema/qerrlint-modes-1.schema.json has it."""
    return {
        "schema": "qerrlint-modes/1",
        "tree": {"root": root, "revision": revision},
        "modes": [{"name": name, "value": value} for name, value in found.modes],
        "objects": [_object(row, [name for name, _ in found.modes]) for row in found.rows],
        "listed": [_object(row, []) for row in found.listed],
        "inside": [asdict(one) for one in found.passed],
        "not_understood": [asdict(one) for one in found.unclear],
        "calls": found.calls,
        "files": found.files,
    }


def _object(row: Row, modes: list[str]) -> dict[str, Any]:
    return {
        "kind": row.entries[0].kind,
        "storage": row.kind,
        "holder": row.holder,
        "name": row.name,
        "cells": {mode: row.cell(mode) for mode in modes},
        "exempt": list(row.exempt),
        "registrations": [_registration(entry) for entry in row.entries],
    }


def _registration(entry: Entry) -> dict[str, Any]:
    return {
        "path": entry.path,
        "line": entry.line,
        "function": entry.function,
        "callee": entry.callee,
        "always": list(entry.always),
        "sometimes": list(entry.sometimes),
        "conditions": list(entry.conditions),
        "via": entry.via or None,
        "by_name": entry.by_name,
    }
