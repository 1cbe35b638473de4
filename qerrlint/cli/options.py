# SPDX-License-Identifier: GPL-2.0-or-later
"""The options that check, patch and diff share, and what they come to together with the configuration."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from qerrlint.errors import UsageError
from qerrlint.findings import CONFIDENCES, SEVERITIES
from qerrlint.report import FORMATS

if TYPE_CHECKING:
    from qerrlint.review.baseline import Baseline
    from qerrlint.review.configuration import Configuration
    from qerrlint.review.result import Reported, Result
    from qerrlint.rules import RuleSet
    from qerrlint.source.source import Source

F = TypeVar("F", bound=Callable[..., Any])

STATUSES = ("introduced", "fixed", "persisting")


@dataclass(frozen=True, slots=True)
class Options:
    """The shared options as given; None and () stand for "not given"."""

    tree: str | None = None
    reach: str | None = None
    formats: tuple[str, ...] = ()
    output: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    min_severity: str | None = None
    min_confidence: str | None = None
    fail_on: str | None = None
    jobs: int = 0
    no_cache: bool = False
    config: str | None = None
    baseline: str | None = None
    show_suppressed: bool = False
    rules: tuple[str, ...] = ()
    quiet: bool = False
    verbose: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """Options and configuration together."""

    options: Options
    configuration: Configuration
    rules: RuleSet
    all_rules: RuleSet
    reach: str
    min_severity: str
    min_confidence: str
    fail_on: str
    baseline: Baseline

    def shows(self, found: Reported) -> bool:
        """Whether a finding passes the filters on rule, severity and confidence."""
        return (
            found.rule in self.rules
            and SEVERITIES.index(found.severity) >= SEVERITIES.index(self.min_severity)
            and CONFIDENCES.index(found.confidence) >= CONFIDENCES.index(self.min_confidence)
            and not self.configuration.excludes(found.place.path)
            and not self.configuration.mutes(found.rule, found.place.path)
            and (found.suppressed is None or self.options.show_suppressed)
        )

    def fails(self, found: Reported) -> bool:
        """Whether a finding makes the exit code 1; what is repaired, or was there before, does not."""
        if self.fail_on == "never" or found.status in ("fixed", "persisting") or found.suppressed is not None:
            return False
        return SEVERITIES.index(found.severity) >= SEVERITIES.index(self.fail_on)


def not_empty(_: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Refuse empty text, which a shell's unset variable gives and which would stand for "not given"."""
    if value == "" or (isinstance(value, tuple) and "" in value):
        raise click.BadParameter("it is empty", param=parameter)
    return value


def _formats(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """The names of formats that begin with what is typed, for completion in a shell."""
    return [name for name in FORMATS if name.startswith(typed)]


def _statuses(_context: click.Context, _parameter: click.Parameter, text: str) -> frozenset[str]:
    """The statuses of a comma-separated list; raises UsageError for a word that is none, and for no word."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise UsageError(f"--status: name at least one of {', '.join(STATUSES)}")
    for word in words:
        if word not in STATUSES:
            raise UsageError(f"--status: {word!r} is none of {', '.join(STATUSES)}")
    return frozenset(words)


status_option = click.option(
    "--status",
    "wanted",
    metavar="S,...",
    default="introduced",
    callback=_statuses,
    help=f"What to show of {', '.join(STATUSES)}.",
)
"""Adds --status to a command that reviews a change; it receives the frozenset of statuses as `wanted`."""


_SHARED: dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "tree": click.option(
        "--tree",
        metavar="DIR",
        callback=not_empty,
        help="Work tree, git directory or plain directory of QEMU.",
    ),
    "reach": click.option(
        "--reach", type=click.Choice(["headers", "tree"]), help="How far declarations are looked for."
    ),
    "formats": click.option(
        "--format",
        "formats",
        metavar="F[:FILE]",
        multiple=True,
        shell_complete=_formats,
        help=f"{', '.join(FORMATS)}; may be repeated.",
    ),
    "output": click.option(
        "--output", metavar="FILE", callback=not_empty, help="Write there instead of to standard output."
    ),
    "select": click.option(
        "--select", metavar="RULE", multiple=True, help="Only these rules (ids or patterns)."
    ),
    "ignore": click.option("--ignore", metavar="RULE", multiple=True, help="Not these rules."),
    "min_severity": click.option("--min-severity", type=click.Choice(SEVERITIES), help="Default: note."),
    "min_confidence": click.option(
        "--min-confidence", type=click.Choice(CONFIDENCES), help="Default: medium."
    ),
    "fail_on": click.option("--fail-on", type=click.Choice([*SEVERITIES, "never"]), help="Default: warning."),
    "jobs": click.option(
        "--jobs", "-j", type=click.IntRange(0), default=0, help="Processes; 0: one for each core."
    ),
    "no_cache": click.option(
        "--no-cache", is_flag=True, help="Take nothing from earlier runs, keep nothing."
    ),
    "config": click.option(
        "--config", metavar="FILE", callback=not_empty, help="Configuration instead of the tree's own."
    ),
    "baseline": click.option(
        "--baseline", metavar="FILE", callback=not_empty, help="Baseline instead of the tree's own."
    ),
    "show_suppressed": click.option(
        "--show-suppressed", is_flag=True, help="Also what a comment or the baseline allows."
    ),
    "rules": click.option(
        "--rules", metavar="DIR", multiple=True, callback=not_empty, help="A folder with rules of your own."
    ),
    "quiet": click.option("-q", "--quiet", is_flag=True, help="Nothing but findings."),
    "verbose": click.option("-v", "--verbose", is_flag=True, help="More about what was looked at."),
}


def shared(*names: str) -> Callable[[F], F]:
    """Add some of the shared options to a command; it receives them as one Options named `options`."""

    def decorate(function: F) -> F:
        @wraps(function)
        def wrapped(**kwargs: Any) -> Any:
            options = Options(**{name: kwargs.pop(name) for name in names})
            return function(options=options, **kwargs)

        for name in reversed(names):
            wrapped = _SHARED[name](wrapped)  # type: ignore[assignment]
        return wrapped  # type: ignore[return-value]

    return decorate


common = shared(*(name for name in _SHARED if name != "no_cache"))
"""Adds those of a command that reports findings."""

on_files = shared(*_SHARED)
"""Adds all of them, for a command that looks at whole files and may know them from an earlier run."""


def settle(options: Options, source: Source | None, default_reach: str = "headers") -> Settings:
    """Options, the configuration of the (base) tree and the rules, checked."""
    from qerrlint.review.baseline import load_baseline
    from qerrlint.review.configuration import load_configuration
    from qerrlint.rules import load_rules

    targets(options)
    configuration = load_configuration(source, options.config)
    rules = load_rules(options.rules)
    try:
        selected = rules.select(
            options.select or configuration.select, options.ignore or configuration.ignore
        )
    except UsageError as error:
        given = "--select, --ignore" if options.select or options.ignore else configuration.origin
        raise UsageError(f"{given}: {error}") from None
    configuration.check_rules(rules)
    return Settings(
        options=options,
        configuration=configuration,
        rules=selected,
        all_rules=rules,
        reach=options.reach or configuration.reach or default_reach,
        min_severity=options.min_severity or configuration.min_severity or "note",
        min_confidence=options.min_confidence or configuration.min_confidence or "medium",
        fail_on=options.fail_on or configuration.fail_on or "warning",
        baseline=load_baseline(source, options.baseline, configuration.baseline),
    )


def finish(result: Result, settings: Settings, shown: Sequence[Reported]) -> int:
    """Render the result with the findings to show, and return the exit code."""
    from qerrlint.review.reported import described

    options = settings.options
    rendered = replace(result, findings=tuple(shown), rules=described(settings.all_rules, settings.rules))
    for form, target in targets(options):
        if target is None:
            try:
                _render(rendered, form, sys.stdout, options)
            except BrokenPipeError:
                raise
            except OSError as error:
                raise UsageError(f"standard output: cannot be written: {error.strerror}") from None
            continue
        try:
            with open(target, "w", encoding="utf-8", newline="\n") as stream:
                _render(rendered, form, stream, options)
        except OSError as error:
            raise UsageError(f"{target}: cannot be written: {error.strerror}") from None
    return exit_code(result, settings, shown)


def exit_code(result: Result, settings: Settings, shown: Sequence[Reported]) -> int:
    """1 for findings at or above --fail-on, 3 for what could not be analysed, else 0."""
    if any(settings.fails(found) for found in shown):
        return 1
    unanalysed = bool(result.coverage.skipped) or any(not patch.applied for patch in result.patches)
    # What a change touches had to be analysed; in a whole tree some function always is beyond the grammar.
    if result.command != "check":
        unanalysed = unanalysed or bool(result.coverage.damaged)
    return 3 if unanalysed else 0


def targets(options: Options) -> list[tuple[str, str | None]]:
    """Each format with the file it goes to, None for standard output.

    Raises UsageError for an unknown format, for two formats that would go to the same place, and for a
    file that plainly cannot be made, so that none of this is found out after the work.
    """
    out: list[tuple[str, str | None]] = []
    for text in options.formats or ("text",):
        form, colon, file = text.partition(":")
        if form not in FORMATS:
            raise UsageError(f"--format: unknown format {form!r} (known: {', '.join(FORMATS)})")
        if colon and not file:
            raise UsageError(f"--format: no file name behind the colon of {text!r}")
        target = file or options.output
        target = None if target == "-" else target
        if target in (taken for _, taken in out):
            raise UsageError(f"--format: two formats for {target or 'standard output'}")
        if target is not None and os.path.isdir(target):
            raise UsageError(f"{target}: cannot be written: it is a directory")
        if target is not None and not os.path.isdir(os.path.dirname(target) or "."):
            raise UsageError(f"{target}: cannot be written: there is no such directory")
        out.append((form, target))
    return out


def _render(result: Result, form: str, stream: TextIO, options: Options) -> None:
    from qerrlint.report import render

    if form == "text" and options.quiet:
        result = replace(result, notices=())
    render(result, form, stream, colour=True)


def open_source(options: Options, rev: str | None) -> Source:
    """The tree that --tree (or the current directory) names, at `rev` if given; raises InputError."""
    from qerrlint.errors import InputError
    from qerrlint.source.opening import find_root, open_tree

    root = options.tree
    if root is None:
        root = find_root(".")
        if root is None:
            raise InputError("no QEMU tree around the current directory (name one with --tree)")
    return open_tree(root, rev)
