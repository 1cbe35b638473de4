# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint check`: files or a whole tree as they are; knows click, paths and progress."""

from __future__ import annotations

import sys

import click

from qerrlint.cli.options import Options, not_empty, on_files, rev_option
from qerrlint.cli.output import exit_code, finish
from qerrlint.cli.paths import require_files, within
from qerrlint.cli.progress import progress
from qerrlint.cli.settings import open_source, settle

# Fewer files are done in a blink.
_MANY = 50


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path(), callback=not_empty)
@rev_option("Analyse git's objects at REV, not the work tree.")
@click.option("--diff", is_flag=True, help="Print what would mend the findings as a diff, and nothing else.")
@click.option("--fix", is_flag=True, help="Mend the findings in the files, where that is mechanical.")
@on_files
def command(options: Options, paths: tuple[str, ...], rev: str | None, diff: bool, fix: bool) -> None:
    """Analyse PATH... (files or folders), or the tree's own C files when none is given.

    Without paths these are left out: firmware, subprojects, tests, contrib, docs and scripts.
    """
    from dataclasses import replace

    from qerrlint.cli.apply_fixes import make_fixes, print_diff, refuse_objects
    from qerrlint.cli.cache import store_of
    from qerrlint.engine.check_files import check_files, closed_folders, core_files
    from qerrlint.errors import UsageError
    from qerrlint.result import Result, TreeInfo
    from qerrlint.review.apply_policy import stale_notice, standing
    from qerrlint.review.series_review import summary
    from qerrlint.source.open_tree import require_qemu

    if diff and (fix or options.formats or options.output):
        raise UsageError("--diff prints a diff and nothing else: it goes with no --fix, --format or --output")
    source = open_source(options, rev)
    if fix:
        refuse_objects(source)
    with source:
        require_qemu(source.root, source)
        settings = settle(options, source)
        wanted = within(source.root, paths, given=options.tree is not None or rev is not None)
        files = [path for path in core_files(source, wanted) if not settings.configuration.excludes(path)]
        require_files(source, paths, wanted, files, settings.configuration.origin)
        with progress("checking", len(files), _MANY) as advance, store_of(options) as store:
            checked = check_files(
                source, files, settings.reach, options.rules, options.jobs, options.verbose, advance, store
            )
        found, stale = standing(
            checked.found, settings.all_rules, settings.configuration, settings.baseline, source
        )
        closed = [s for s in closed_folders(source, wanted) if not settings.configuration.excludes(s.path)]
        notices: list[str] = []
        read = frozenset(files) - {skipped.path for skipped in checked.coverage.skipped}
        gone = [e for e in stale if e.path in read or (not wanted and not source.exists(e.path))]
        if gone:
            notices.append(stale_notice(gone, settings.baseline))
        if checked.health is not None:
            health = checked.health
            notices.append(
                f"{health.functions} functions, {health.damaged} damaged "
                f"({_percent(health.damaged, health.functions)}); "
                f"{health.errorish} about errors, {health.errorish_damaged} damaged "
                f"({_percent(health.errorish_damaged, health.errorish)})"
            )
        result = Result(
            command="check",
            tree=TreeInfo(source.root, source.revision, "given" if rev else "directory", settings.reach),
            findings=(),
            coverage=replace(checked.coverage, skipped=(*closed, *checked.coverage.skipped)),
            summary=summary(found),
            notices=tuple(notices),
            exempted=checked.exempted,
        )
        visible = [f for f in found if settings.shows(f)]
        if diff:
            print_diff(source, settings, visible)
            sys.exit(exit_code(result, settings, visible))
        if fix:
            visible = make_fixes(source, settings, visible)
        sys.exit(finish(result, settings, visible))


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "none"
