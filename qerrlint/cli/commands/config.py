# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint config`: the values in force and where each comes from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from qerrlint.cli.options import form_option, rev_option, shared
from qerrlint.cli.settings import Settings, open_source, settle

if TYPE_CHECKING:
    from qerrlint.cli.options import Options
    from qerrlint.policy.configuration import Configuration


@click.command("config")
@rev_option("The configuration in git's objects at REV.")
@click.option("--check", is_flag=True, help="Print nothing; exit with 2 if something is wrong.")
@form_option
@shared(
    "tree",
    "reach",
    "select",
    "ignore",
    "min_severity",
    "min_confidence",
    "fail_on",
    "config",
    "baseline",
    "rules",
)
def command(options: Options, rev: str | None, check: bool, form: str) -> None:
    """Show each value in force, and whether an option, a file or the default gives it.

    The configuration and the baseline are read and checked as in every run.
    """
    with open_source(options, rev) as source:
        settings = settle(options, source)
    if check:
        return
    values = _values(settings)
    if form == "json":
        from qerrlint.report.jsontext import write_json

        document = {
            "schema": "qerrlint-config/1",
            "values": [{"key": key, "value": value, "from": origin} for key, value, origin in values],
        }
        write_json(document, sys.stdout)
        return
    from qerrlint.report.printable import printable
    from qerrlint.report.terminal import look_of, prose, write_lines

    width = max(len(key) for key, _, _ in values)
    lines = (
        prose((printable(f"{key.ljust(width)}  {_shown(value)}  ({origin})"), ""), indent=width + 2)
        for key, value, origin in values
    )
    write_lines(lines, sys.stdout, look_of(sys.stdout, "never"))


def _values(settings: Settings) -> list[tuple[str, Any, str]]:
    """Key, value as plain data, and origin, of each setting of a run."""
    options, configuration = settings.options, settings.configuration
    file = configuration.origin or ""
    out: list[tuple[str, Any, str]] = []
    for key, now in (
        ("reach", settings.reach),
        ("min-severity", settings.min_severity),
        ("min-confidence", settings.min_confidence),
        ("fail-on", settings.fail_on),
        ("select", list(options.select or configuration.select)),
        ("ignore", list(options.ignore or configuration.ignore)),
    ):
        field = key.replace("-", "_")
        given, configured = getattr(options, field), getattr(configuration, field)
        out.append((key, now, f"--{key}" if given else file if configured else "default"))
    out.append(("exclude", list(configuration.exclude), file if configuration.exclude else "default"))
    out += _tables(configuration, file)
    baseline = settings.baseline.origin
    configured = file if configuration.baseline else "default"
    out.append(("baseline", baseline, "--baseline" if options.baseline else configured))
    out.append(("baseline entries", len(settings.baseline.entries), baseline or "no baseline"))
    out.append(("rules", [rule.id for rule in settings.rules], _rules_origin(settings)))
    return out


def _tables(configuration: Configuration, file: str) -> list[tuple[str, Any, str]]:
    out: list[tuple[str, Any, str]] = [
        ("severity", dict(configuration.severity), file if configuration.severity else "default")
    ]
    for number, table in enumerate(configuration.per_path, 1):
        value = {
            "paths": list(table.paths),
            "select": list(table.select),
            "ignore": list(table.ignore),
            "severity": dict(table.severity),
        }
        out.append((f"per-path {number}", {key: item for key, item in value.items() if item}, file))
    return out


def _rules_origin(settings: Settings) -> str:
    folders = ", ".join(settings.options.rules)
    return f"bundled, {folders}" if folders else "bundled"


def _shown(value: Any) -> str:
    """A value as TOML writes it (but for none)."""
    import json

    if value is None:
        return "none"
    if isinstance(value, list):
        return "[" + ", ".join(json.dumps(item, ensure_ascii=False) for item in value) + "]"
    if isinstance(value, dict):
        pairs = (f"{_key(key)} = {_shown(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    return json.dumps(value, ensure_ascii=False)


def _key(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() else f'"{key}"'
