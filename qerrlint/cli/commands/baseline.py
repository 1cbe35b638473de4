# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint baseline write|update`: the file of accepted findings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from qerrlint.cli.options import not_empty, rev_option, shared
from qerrlint.cli.settings import open_source
from qerrlint.cli.tell import tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from qerrlint.cli.options import Options
    from qerrlint.cli.settings import Settings
    from qerrlint.policy.baseline import Entry
    from qerrlint.result import Reported
    from qerrlint.source.source import Source


@click.group("baseline")
def command() -> None:
    """Write or update the baseline, the file of accepted findings.

    It is .qerrlint-baseline at the tree's root, or the file that the configuration names; patch and diff
    read it from the base.
    """


_FILTERS = ("select", "ignore", "min_severity", "min_confidence")
_SHARED = ("tree", "reach", *_FILTERS, "jobs", "no_cache", "config", "rules")


def _where(function: Callable[..., None]) -> Callable[..., None]:
    for decorate in (
        rev_option("The findings of git's objects at REV."),
        click.option(
            "--output",
            "target",
            metavar="FILE",
            callback=not_empty,
            help="Write to this file; -: to standard output.",
        ),
    ):
        function = decorate(function)
    return function


@command.command("write", short_help="Accept the findings that `check` shows now.")
@_where
@shared(*_SHARED)
def write(options: Options, rev: str | None, target: str | None) -> None:
    """Accept exactly the findings that `qerrlint check` shows now."""
    from dataclasses import replace

    from qerrlint.policy.baseline import Baseline, entry_of

    with open_source(options, rev) as source:
        settings = _settings(options, source)
        file = _file(source, settings, target)
        found = _check(source, replace(settings, baseline=Baseline()))
        accepted = [item for item in found if item.suppressed is None and settings.shows(item)]
        _save(file, [entry_of(item) for item in accepted], "written")


@command.command("update", short_help="Drop entries whose finding is gone; with --add accept new findings.")
@_where
@shared(*_SHARED, "baseline")
@click.option("--add", is_flag=True, help="Also accept findings that are not in the baseline yet.")
def update(options: Options, rev: str | None, target: str | None, add: bool) -> None:
    """Drop the entries whose finding is gone, and name them on standard error; add some only with --add."""
    from qerrlint.errors import UsageError
    from qerrlint.policy.baseline import REASON, beyond, entry_of

    with open_source(options, rev) as source:
        settings = _settings(options, source)
        if settings.baseline.origin is None:
            raise UsageError(
                f"{source.root}: there is no baseline to update (`qerrlint baseline write` makes one)"
            )
        file = _file(source, settings, target or options.baseline)
        found = _check(source, settings)
    wanted = [item for item in found if item.suppressed == REASON]
    if add:
        wanted += [item for item in found if item.suppressed is None and settings.shows(item)]
    entries = [entry_of(item) for item in wanted]
    for entry in beyond(settings.baseline.entries, entries):
        tell(f"gone: {entry}", head="")
    _save(file, entries, "updated")


def _settings(options: Options, source: Source) -> Settings:
    from qerrlint.cli.settings import settle
    from qerrlint.source.open_tree import require_qemu

    require_qemu(source.root, source)
    return settle(options, source)


def _check(source: Source, settings: Settings) -> list[Reported]:
    """All findings of the whole tree, those of the settings' baseline suppressed.

    Raises InputError where a file could not be analysed: its findings would count as gone.
    """
    from qerrlint.cli.commands.cache import store_of
    from qerrlint.engine.check_files import CheckOptions, check_files, core_files
    from qerrlint.errors import InputError
    from qerrlint.review.apply_policy import standing

    files = [path for path in core_files(source) if not settings.configuration.excludes(path)]
    options = settings.options
    with store_of(options) as store:
        checked = check_files(
            source, files, CheckOptions(settings.reach, options.rules, options.jobs, store=store)
        )
    for skipped in checked.coverage.skipped:
        raise InputError(f"{skipped.path}: not analysed: {skipped.reason}; the baseline is left as it is")
    found, _ = standing(checked.found, settings.all_rules, settings.configuration, settings.baseline, source)
    return found


def _file(source: Source, settings: Settings, target: str | None) -> str:
    """The file of the baseline; raises UsageError if the tree is not a folder that can hold it."""
    from qerrlint.errors import UsageError
    from qerrlint.policy.baseline import DEFAULT
    from qerrlint.source.directory import DirectorySource

    if target is not None:
        return _writable(target, source, settings)
    if not isinstance(source, DirectorySource):
        raise UsageError(f"{source.root}: git's objects are not written: name a file with --output")
    return _writable(os.path.join(source.root, settings.configuration.baseline or DEFAULT), source, settings)


def _writable(file: str, source: Source, settings: Settings) -> str:
    """The file; raises UsageError if it must not be written (output_files.refuse)."""
    from qerrlint.cli.output_files import refuse

    if file != "-":
        origin = settings.configuration.origin
        read = (settings.options.config, origin and os.path.join(source.root, origin))
        refuse(file, source.root, filter(None, read))
    return file


def _save(file: str, entries: list[Entry], done: str) -> None:
    from qerrlint.cli.output_files import written
    from qerrlint.policy.baseline import render
    from qerrlint.report.wording import count

    data = render(entries)
    if file == "-":
        click.echo(data.decode("utf-8", "surrogateescape"), nl=False)
        return
    with written(file) as stream:
        stream.write(data)
    tell(f"{file}: {done}, {count(len(entries), 'finding')}", head="")
