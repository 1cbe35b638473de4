# SPDX-License-Identifier: GPL-2.0-or-later
"""Configuration of a tree: `.qerrlint.toml` or `[tool.qerrlint]`, read from the base, never from a patch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from qerrlint.errors import UsageError
from qerrlint.findings import CONFIDENCES, SEVERITIES
from qerrlint.records import record
from qerrlint.source.glob_patterns import check_length
from qerrlint.source.source import Source
from qerrlint.source.toml import TomlError, read_toml
from qerrlint.source.user_file import read_named

if TYPE_CHECKING:
    from qerrlint.rules.rule import RuleSet

_OWN = ".qerrlint.toml"
_SHARED = "pyproject.toml"
FILES = (_OWN, _SHARED)
"""The files at a tree's root that may hold its configuration, the one that wins first."""

_REACHES = ("headers", "tree")
FAIL_ON = (*SEVERITIES, "never")

MIN_SEVERITY, MIN_CONFIDENCE, FAILS = "note", "medium", "warning"
"""What min-severity, min-confidence and fail-on are where neither an option nor a file sets them."""


Severities = tuple[tuple[str, str], ...]


@record(frozen=True, slots=True)
class PerPath:
    """One [[per-path]] table: which rules speak of these paths, and how loud."""

    paths: tuple[str, ...]
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    severity: Severities = ()

    def mutes(self, rule: str) -> bool:
        """Whether the table leaves a rule out."""
        chosen = not self.select or _any_fits(rule, self.select)
        return not chosen or _any_fits(rule, self.ignore)


@record(frozen=True, slots=True)
class Configuration:
    """What a tree's maintainers have set; None and () where they have not. `origin` names the file.

    Rules are named by id or pattern. Of several severities that fit a rule the last one counts, and a
    [[per-path]] table goes before the table of the whole tree.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    min_severity: str | None = None
    min_confidence: str | None = None
    fail_on: str | None = None
    reach: str | None = None
    baseline: str | None = None
    severity: Severities = ()
    per_path: tuple[PerPath, ...] = ()
    origin: str | None = None

    def excludes(self, path: str) -> bool:
        """Whether a path matches one of the `exclude` patterns (a folder excludes what is below it)."""
        return _is_below(path, self.exclude)

    def mutes(self, rule: str, path: str) -> bool:
        """Whether a [[per-path]] table leaves the rule out for a path."""
        return any(_is_below(path, table.paths) and table.mutes(rule) for table in self.per_path)

    def severity_of(self, rule: str, path: str, severity: str) -> str:
        """The severity that a rule's finding of `severity` has at a path."""
        tables = (table.severity for table in self.per_path if _is_below(path, table.paths))
        for table in (self.severity, *tables):
            for pattern, value in table:
                if fnmatchcase(rule, pattern):
                    severity = value
        return severity

    def check_rules(self, rules: RuleSet) -> None:
        """Raise UsageError, one line that names the file and the table, for a rule that there is not."""
        for where, table in self._tables():
            for name in (*table.select, *table.ignore, *(pattern for pattern, _ in table.severity)):
                _check_rule(name, rules, f"{self.origin}: {where}")

    def _tables(self) -> Iterator[tuple[str, PerPath]]:
        yield "severity", PerPath((), severity=self.severity)
        for number, table in enumerate(self.per_path, 1):
            yield f"per-path {number}", table


def _check_rule(name: str, rules: RuleSet, at: str) -> None:
    try:
        rules.select([name])
    except UsageError as error:
        raise UsageError(f"{at}: {error}") from None


def _any_fits(rule: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(rule, pattern) for pattern in patterns)


def _is_below(path: str, patterns: Sequence[str]) -> bool:
    return any(
        fnmatchcase(path, pattern) or path.startswith(pattern.removesuffix("/") + "/") for pattern in patterns
    )


_LISTS = ("select", "ignore", "exclude")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "min-severity": SEVERITIES,
    "min-confidence": CONFIDENCES,
    "fail-on": FAIL_ON,
    "reach": _REACHES,
}
KEYS = tuple(sorted((*_LISTS, *_CHOICES, "baseline", "severity", "per-path")))
"""Every key of a configuration."""


def load_configuration(source: Source | None, given: str | None = None) -> Configuration:
    """The configuration file `given`, else the one at the root of the tree, else an empty one.

    Raises UsageError, one line that names the file, for what cannot be read or has no meaning.
    """
    if given is not None:
        table = _table(read_named(given, "the configuration", UsageError), given)
        tool = table.get("tool")
        if tool is None:
            return _configuration(table, given)
        if not isinstance(tool, dict):
            raise UsageError(f"{given}: tool: must be a table")
        return _configuration(tool.get("qerrlint", {}), given)
    if source is None:
        return Configuration()
    own = source.read(_OWN)
    if own is not None:
        return _configuration(_table(own, _OWN), _OWN)
    shared = source.read(_SHARED)
    if shared is not None and b"qerrlint" in shared:
        tool = _table(shared, _SHARED).get("tool")
        if isinstance(tool, dict) and "qerrlint" in tool:
            return _configuration(tool["qerrlint"], _SHARED)
    return Configuration()


def _table(data: bytes, name: str) -> dict[str, Any]:
    try:
        return read_toml(data)
    except TomlError as error:
        raise UsageError(f"{name}: not valid TOML: {error}") from None


def _configuration(table: Any, name: str) -> Configuration:
    if not isinstance(table, dict):
        raise UsageError(f"{name}: the configuration is not a table")
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key in _LISTS:
            values[key] = _strings(value, f"{name}: {key}")
        elif key in _CHOICES:
            values[key.replace("-", "_")] = _choice(value, _CHOICES[key], f"{name}: {key}")
        elif key == "baseline":
            if not isinstance(value, str) or not value or value.startswith("/") or ".." in value.split("/"):
                raise UsageError(f"{name}: {key}: must be a path below the tree's root")
            values[key] = value
        elif key == "severity":
            values[key] = _severities(value, f"{name}: {key}")
        elif key == "per-path":
            if not isinstance(value, list):
                raise UsageError(f"{name}: {key}: must be an array of tables ([[per-path]])")
            values["per_path"] = tuple(
                _per_path(item, f"{name}: {key} {number}") for number, item in enumerate(value, 1)
            )
        else:
            raise UsageError(f"{name}: unknown key {key!r} (known: {', '.join(KEYS)})")
    return Configuration(**values, origin=name)


def _per_path(table: Any, at: str) -> PerPath:
    if not isinstance(table, dict):
        raise UsageError(f"{at}: must be a table")
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key in ("paths", "select", "ignore"):
            values[key] = _strings(value, f"{at}: {key}")
        elif key == "severity":
            values[key] = _severities(value, f"{at}: {key}")
        else:
            raise UsageError(f"{at}: unknown key {key!r} (known: ignore, paths, select, severity)")
    if not values.get("paths"):
        raise UsageError(f"{at}: it names no paths")
    return PerPath(**values)


def _strings(value: Any, at: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"{at}: must be a list of strings")
    _check_lengths(value, at)
    return tuple(value)


def _check_lengths(patterns: Iterable[str], at: str) -> None:
    try:
        for pattern in patterns:
            check_length(pattern)
    except UsageError as error:
        raise UsageError(f"{at}: {error}") from None


def _choice(value: Any, known: Sequence[str], at: str) -> str:
    if value not in known:
        raise UsageError(f"{at}: {value!r} is not one of {', '.join(known)}")
    return str(value)


def _severities(value: Any, at: str) -> Severities:
    if not isinstance(value, dict):
        raise UsageError(f"{at}: must be a table from rule to severity")
    _check_lengths(value, at)
    return tuple((rule, _choice(severity, SEVERITIES, f"{at}: {rule}")) for rule, severity in value.items())
