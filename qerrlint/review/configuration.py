# SPDX-License-Identifier: GPL-2.0-or-later
"""Configuration of a tree: `.qerrlint.toml` or `[tool.qerrlint]`, read from the base, never from a patch."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from qerrlint.errors import UsageError
from qerrlint.findings import CONFIDENCES, SEVERITIES
from qerrlint.source.source import Source

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_OWN = ".qerrlint.toml"
_SHARED = "pyproject.toml"
_REACHES = ("headers", "tree")
FAIL_ON = (*SEVERITIES, "never")


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a tree's maintainers have set; None and () where they have not. `origin` names the file."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    min_severity: str | None = None
    min_confidence: str | None = None
    fail_on: str | None = None
    reach: str | None = None
    origin: str | None = None

    def excludes(self, path: str) -> bool:
        """Whether a path matches one of the `exclude` patterns (a folder excludes what is below it)."""
        return any(
            fnmatchcase(path, pattern) or path.startswith(pattern.rstrip("/") + "/")
            for pattern in self.exclude
        )


_LISTS = ("select", "ignore", "exclude")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "min-severity": SEVERITIES,
    "min-confidence": CONFIDENCES,
    "fail-on": FAIL_ON,
    "reach": _REACHES,
}


def load_configuration(source: Source | None, given: str | None = None) -> Configuration:
    """The configuration file `given`, else the one at the root of the tree, else an empty one.

    Raises UsageError, one line that names the file, for what cannot be read or has no meaning.
    """
    if given is not None:
        try:
            data = Path(given).read_bytes()
        except OSError as error:
            raise UsageError(f"{given}: the configuration cannot be read: {error.strerror}") from None
        table = _table(data, given)
        tool = table.get("tool")
        if tool is None:
            return _configuration(table, given)
        if not isinstance(tool, dict):
            raise UsageError(f"{given}: tool: a table is wanted")
        return _configuration(tool.get("qerrlint", {}), given)
    if source is None:
        return Configuration()
    own = source.read(_OWN)
    if own is not None:
        return _configuration(_table(own, _OWN), _OWN)
    shared = source.read(_SHARED)
    if shared is not None and b"[tool.qerrlint]" in shared:
        tool = _table(shared, _SHARED).get("tool", {})
        return _configuration(tool.get("qerrlint", {}), _SHARED)
    return Configuration()


def _table(data: bytes, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{name}: not valid TOML: {' '.join(str(error).split())}") from None


def _configuration(table: Any, name: str) -> Configuration:
    if not isinstance(table, dict):
        raise UsageError(f"{name}: the configuration is not a table")
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key in _LISTS:
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise UsageError(f"{name}: {key}: a list of strings is wanted")
            values[key] = tuple(value)
        elif key in _CHOICES:
            if value not in _CHOICES[key]:
                raise UsageError(f"{name}: {key}: {value!r} is none of {', '.join(_CHOICES[key])}")
            values[key.replace("-", "_")] = value
        else:
            known = ", ".join(sorted((*_LISTS, *_CHOICES)))
            raise UsageError(f"{name}: unknown key {key!r} (known: {known})")
    return Configuration(**values, origin=name)
