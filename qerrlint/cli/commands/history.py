# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint history A..B`: which commits of a range introduced and fixed which findings."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

import click

from qerrlint.cli.items import family_of, shown_by
from qerrlint.cli.options import Options, not_empty, scheduler_option, shared
from qerrlint.cli.output_files import written
from qerrlint.cli.progress import progress
from qerrlint.cli.settings import Settings, git_root, settle
from qerrlint.errors import UsageError

if TYPE_CHECKING:
    from qerrlint.engine.located import Located
    from qerrlint.history.run import History
    from qerrlint.history.samples import Trees
    from qerrlint.history.whole_deltas import Start

_EVERY = ("day", "week", "month", "release")
_NAMES = ("history.json", "history.svg")


@click.command("history")
@click.argument("revs", metavar="A..B", callback=not_empty)
@click.argument("paths", metavar="[PATH]...", nargs=-1, callback=not_empty)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Look at every commit, not only at those of the first-parent line of B.",
)
@click.option(
    "--every",
    type=click.Choice(_EVERY),
    help="Look at one commit of the first-parent line for each of these.",
)
@click.option(
    "--no-standing",
    is_flag=True,
    help="Do not analyse the tree at A: what stood there already is then not known.",
)
@click.option(
    "--output",
    "outputs",
    metavar="DIR|FILE",
    multiple=True,
    callback=not_empty,
    help="Write JSON and a plot to a folder, or one of them to FILE.json or FILE.svg; may be repeated.",
)
@scheduler_option
@shared(
    *("tree", "select", "ignore", "min_severity", "min_confidence", "jobs", "no_cache", "config", "rules"),
    *("verify_store", "quiet", "verbose"),
)
def command(
    options: Options,
    revs: str,
    paths: tuple[str, ...],
    everything: bool,
    every: str | None,
    no_standing: bool,
    outputs: tuple[str, ...],
    scheduler: str | None,
) -> None:
    """Tell which commits from A to B introduced and fixed findings, by rule, subsystem and release; with
    PATH only findings in these files and folders.

    A has to be on the first-parent line of B, which is that of the merges. The result for each commit is kept
    in the cache: the next run continues one that was interrupted, and a longer range costs its new commits
    only. Exit codes: 0 done; 2 wrong usage; 3 something could not be analysed, or the store has another
    result.
    """
    from qerrlint.cli.commands.cache import store_of
    from qerrlint.engine.check_files import core_files
    from qerrlint.history.delta import item_of
    from qerrlint.history.kept_deltas import KeptDeltas
    from qerrlint.history.run import Deltas, history
    from qerrlint.history.samples import Trees, sampled_deltas
    from qerrlint.history.steps import plan
    from qerrlint.history.whole_deltas import Start, WholeDeltas
    from qerrlint.source.commit_trees import CommitTrees
    from qerrlint.source.open_tree import require_qemu

    if everything and every is not None:
        raise UsageError("--all looks at every commit: it cannot be combined with --every")
    if scheduler is not None and every is not None:
        raise UsageError("--scheduler hands out commits: it cannot be combined with --every")
    start, end = _ends(revs)
    files = _files(outputs)
    below = [path.strip("/") for path in paths]
    trees = CommitTrees(git_root(options.tree))
    first, last = trees.resolve(start), trees.resolve(end)
    tree = trees.tree(first)
    require_qemu(trees.root, tree)
    settings = settle(options, tree)
    planned = plan(trees, first, last, everything, every)
    trees.close()
    with store_of(options) as store:
        whole = Trees(trees.root, options.rules, options.jobs, store, below, options.verify_store)
        # A sampled history has the findings of whole trees at both ends of each step.
        by_names = every is None and (no_standing or scheduler is not None)
        kept = KeptDeltas(store, options.rules, below, not by_names, options.verify_store)
        make = partial(WholeDeltas, trees.root, tuple(options.rules), tuple(below))
        work = Deltas(planned, make, options.jobs, kept, scheduler) if every is None else None
        with work or nullcontext():
            standing, at_start = None, None
            if not no_standing:
                standing, at_start = _start(whole, first, len(core_files(tree, below)))
            total = len(planned.steps)
            with progress("analysing", total, unit="commits" if work is not None else "trees") as advance:
                if work is not None:
                    deltas = work.all(at_start, lambda commit: Start(commit, whole.start(commit)[1]), advance)
                else:
                    deltas = {}
                    for number, delta in sampled_deltas(planned, whole, standing, kept):
                        deltas[number] = delta
                        advance(1)
        kept.finish()
    start_items = None if standing is None else map(item_of, standing)
    found = history(planned, deltas, start_items, shown_by(settings, below), family_of(settings))
    title = " ".join((revs, *below))
    _write(found, settings, files, title, every if every is not None else "all" if everything else "line")
    sys.exit(3 if found.faults else 0)


def _ends(revs: str) -> tuple[str, str]:
    start, dots, end = revs.partition("..")
    if not dots or not start or end.startswith("."):
        raise UsageError(f"{revs}: must be a range A..B")
    return start, end or "HEAD"


def _files(outputs: tuple[str, ...]) -> list[str]:
    """The files to write; raises UsageError for one that is neither a folder nor JSON or SVG by its name."""
    from qerrlint.cli.output_files import refuse

    out = []
    for name in outputs:
        if os.path.isdir(name):
            out += [os.path.join(name, file) for file in _NAMES]
        elif name.endswith((".json", ".svg")):
            out.append(name)
        else:
            raise UsageError(f"--output: {name}: neither a folder nor the name of a .json or .svg file")
    for file in out:
        refuse(file, None, ())
    return out


def _start(trees: Trees, commit: str, files: int) -> tuple[list[Located], Start]:
    """The findings of the tree at the start, and what is known of its files."""
    from qerrlint.history.whole_deltas import Start

    with progress("checking the start", files) as advance:
        standing, known = trees.start(commit, advance)
    return standing, Start(commit, known)


def _write(found: History, settings: Settings, files: list[str], title: str, steps: str) -> None:
    import json

    from qerrlint.report.history.document import document
    from qerrlint.report.history.plot import plot
    from qerrlint.report.history.tables import lines

    family = family_of(settings)
    for file in files:
        if file.endswith(".json"):
            text = json.dumps(document(found, family), indent=1) + "\n"
        else:
            text = plot(found, f"Findings standing, {title}", _note(found, settings, steps))
        with written(file) as stream:
            stream.write(text.encode("utf-8", "surrogateescape"))
    if not settings.options.quiet:
        for line in lines(found, family, settings.options.verbose):
            click.echo(line)


def _note(found: History, settings: Settings, steps: str) -> str:
    words = {"line": "each commit of the first-parent line", "all": "each commit"}
    what = words.get(steps, f"one commit a {steps}")
    return (
        f"{found.commits} steps, {what}; confidence {settings.min_confidence} or higher, "
        f"severity {settings.min_severity} or higher"
    )
