# SPDX-License-Identifier: GPL-2.0-or-later
"""The options that commands share, as they are typed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from qerrlint.engine.time_limit import TimeLimit
from qerrlint.errors import UsageError
from qerrlint.findings import CONFIDENCES, SEVERITIES
from qerrlint.records import record
from qerrlint.report import FORMATS
from qerrlint.report.terminal import COLOURS

F = TypeVar("F", bound=Callable[..., Any])

ORDERS = ("path", "severity")
"""The values of --sort."""

STATUSES = ("introduced", "fixed", "persisting")


@record(frozen=True, slots=True)
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
    caller_files: int | None = None
    verify_store: bool = False
    time_limit: TimeLimit | None = None
    config: str | None = None
    baseline: str | None = None
    show_suppressed: bool = False
    show_exempted: bool = False
    rules: tuple[str, ...] = ()
    sort: str = "path"
    statistics: bool = False
    color: str = "auto"
    quiet: bool = False
    verbose: bool = False


def _from_now(_: click.Context, __: click.Parameter, value: float | None) -> TimeLimit | None:
    """The limit, from the start of the command on."""
    return TimeLimit.from_now(value) if value is not None else None


def not_empty(_: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Refuse empty text, which a shell's unset variable gives and which would stand for "not given"."""
    if value == "" or (isinstance(value, tuple) and "" in value):
        raise click.BadParameter("it is empty", param=parameter)
    return value


def _formats(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """The names of formats that begin with what is typed, for completion in a shell."""
    return [name for name in FORMATS if name.startswith(typed)]


def _statuses(_context: click.Context, _parameter: click.Parameter, text: str) -> frozenset[str]:
    """The statuses of a comma-separated list; raises UsageError for an unknown or an empty status."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise UsageError(f"--status: name at least one of {', '.join(STATUSES)}")
    for word in words:
        if word not in STATUSES:
            raise UsageError(f"--status: {word!r} is not one of {', '.join(STATUSES)}")
    return frozenset(words)


def rev_option(purpose: str) -> Callable[[F], F]:
    """Adds --rev to a command that can read git's objects; `purpose` is its help text."""
    return click.option("--rev", metavar="REV", callback=not_empty, help=purpose)


scheduler_option = click.option(
    "--scheduler",
    metavar="ADDRESS",
    callback=not_empty,
    help="Work on the cluster of this dask.distributed scheduler instead of on this machine.",
)
"""Adds --scheduler to a command whose work is worth a cluster."""

form_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print it; default: text.",
)
"""Adds --format to a command that answers a question; it receives the format as `form`."""

jobs_option = click.option(
    "--jobs",
    "-j",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help="Number of processes; 0: one for each core.",
)
"""Adds --jobs to a command that can use several processes."""

status_option = click.option(
    "--status",
    "wanted",
    metavar="S,...",
    default="introduced",
    callback=_statuses,
    help=f"Which findings to show: {', '.join(STATUSES)}; default: introduced.",
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
        "--reach",
        type=click.Choice(["headers", "tree"]),
        help="Where declarations are searched; default: headers.",
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
        "--output", metavar="FILE", callback=not_empty, help="Write to FILE instead of standard output."
    ),
    "select": click.option(
        "--select",
        metavar="RULE",
        multiple=True,
        help="Show only these rules (ids or patterns); may be repeated.",
    ),
    "ignore": click.option(
        "--ignore", metavar="RULE", multiple=True, help="Do not show these rules; may be repeated."
    ),
    "min_severity": click.option(
        "--min-severity", type=click.Choice(SEVERITIES), help="The lowest severity to show; default: note."
    ),
    "min_confidence": click.option(
        "--min-confidence",
        type=click.Choice(CONFIDENCES),
        help="The lowest confidence to show; default: medium.",
    ),
    "fail_on": click.option(
        "--fail-on",
        type=click.Choice([*SEVERITIES, "never"]),
        help="The lowest severity that makes the exit code 1; default: warning.",
    ),
    "jobs": jobs_option,
    "no_cache": click.option(
        "--no-cache", is_flag=True, help="Neither use results of earlier runs nor store any."
    ),
    "caller_files": click.option(
        "--max-caller-files",
        "caller_files",
        metavar="N",
        type=click.IntRange(0),
        help="The most files with callers of changed functions to look at; default: 400.",
    ),
    "time_limit": click.option(
        "--time-limit",
        metavar="SECONDS",
        type=click.FloatRange(0, min_open=True),
        callback=_from_now,
        help="Begin with no further file after so many seconds; files that are left count as not analysed.",
    ),
    "verify_store": click.option(
        "--verify-store",
        is_flag=True,
        help="Analyse again what earlier runs have stored, and fail where the results differ.",
    ),
    "config": click.option(
        "--config",
        metavar="FILE",
        callback=not_empty,
        help="The configuration to use instead of the tree's own.",
    ),
    "baseline": click.option(
        "--baseline",
        metavar="FILE",
        callback=not_empty,
        help="The baseline to use instead of the tree's own.",
    ),
    "show_suppressed": click.option(
        "--show-suppressed", is_flag=True, help="Show also findings that a comment or the baseline allows."
    ),
    "show_exempted": click.option(
        "--show-exempted",
        is_flag=True,
        help="List also findings that exemptions took away, with the reasons.",
    ),
    "rules": click.option(
        "--rules",
        metavar="DIR",
        multiple=True,
        callback=not_empty,
        help="A folder with your own rules; may be repeated.",
    ),
    "sort": click.option(
        "--sort",
        type=click.Choice(ORDERS),
        default="path",
        help="The order of findings: by path, or errors first; default: path.",
    ),
    "statistics": click.option(
        "--statistics",
        is_flag=True,
        help="Instead of the findings, print how many each rule has (text).",
    ),
    "color": click.option(
        "--color",
        type=click.Choice(COLOURS),
        default="auto",
        help="Whether text has colours; auto: on a terminal, or as NO_COLOR and FORCE_COLOR say.",
    ),
    "quiet": click.option("-q", "--quiet", is_flag=True, help="Print nothing but findings."),
    "verbose": click.option("-v", "--verbose", is_flag=True, help="Print more about what was analysed."),
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


common = shared(*_SHARED)
"""Adds all of them, for a command that reports what a change does."""

on_files = shared(*(name for name in _SHARED if name != "caller_files"))
"""Adds those of a command that looks at whole files."""
