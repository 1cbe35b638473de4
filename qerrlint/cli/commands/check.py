# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint check`: files or a whole tree as they are."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from qerrlint.cli.options import Options, not_empty, on_files, rev_option
from qerrlint.cli.output import exit_code, finish
from qerrlint.cli.paths import within, without_files
from qerrlint.cli.progress import progress
from qerrlint.cli.settings import open_source, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qerrlint.cli.settings import Settings
    from qerrlint.engine.check_files import Checked
    from qerrlint.engine.kept.kept_outcomes import Health
    from qerrlint.policy.baseline import Entry
    from qerrlint.result import Reported, Result, Skipped
    from qerrlint.source.source import Source

# A progress bar for fewer files would be gone at once.
_MANY = 50


@click.command("check")
@click.argument("paths", nargs=-1, type=click.Path(), callback=not_empty)
@rev_option("Analyse git's objects at REV instead of the work tree.")
@click.option(
    "--stdin-filename",
    metavar="FILE",
    callback=not_empty,
    help="Analyse standard input as if it were this file, for editors.",
)
@click.option("--diff", is_flag=True, help="Print only a diff with the mechanical fixes of the findings.")
@click.option("--fix", is_flag=True, help="Apply the mechanical fixes of the findings to the files.")
@on_files
def command(
    options: Options,
    paths: tuple[str, ...],
    rev: str | None,
    stdin_filename: str | None,
    diff: bool,
    fix: bool,
) -> None:
    """Analyse PATH... (files or folders), or without PATH all C files of the tree.

    Without PATH these are left out: firmware, subprojects, tests, contrib, docs and scripts; and the text
    counts the notes instead of showing them, unless --min-severity or --fail-on names them. A file outside
    of a QEMU tree is analysed on its own, with the bundled contracts for what it does not declare.
    """
    from dataclasses import replace

    from qerrlint.cli.fixing.apply_fixes import make_fixes, print_diff, refuse_objects
    from qerrlint.errors import UsageError
    from qerrlint.review.folding import folded

    if diff and (fix or options.formats or options.output):
        raise UsageError("--diff prints only a diff: it cannot be combined with --fix, --format or --output")
    if stdin_filename is not None:
        if paths or rev is not None or fix:
            raise UsageError("--stdin-filename takes one file, without PATH, --rev and --fix")
        source, path, notices = _standard_input(options, stdin_filename)
    else:
        source, notices = _opened(options, rev, paths)
    if fix:
        refuse_objects(source)
    with source:
        settings = settle(options, source)
        if notices:
            settings = replace(settings, reach="patch")
        if stdin_filename is not None:
            paths, wanted = (stdin_filename,), [path]
        else:
            wanted = within(source.root, paths, given=options.tree is not None or rev is not None)
        run = _Run(options, settings, source, paths, wanted)
        result, found = run.result(notices, "given" if rev else "directory")
        visible = [f for f in found if settings.shows(f)]
        if diff:
            print_diff(source, settings, visible)
            sys.exit(exit_code(result, settings, visible))
        if fix:
            visible = make_fixes(source, settings, visible)
        visible = folded(visible, settings.all_rules)
        sys.exit(finish(result, settings, visible, least_in_text=None if paths else _least(settings)))


class _Run:
    """A check of the files and folders `wanted` of a tree, which the user has named by `paths`; of all for
    none."""

    def __init__(
        self,
        options: Options,
        settings: Settings,
        source: Source,
        paths: Sequence[str],
        wanted: Sequence[str],
    ) -> None:
        """Raises InputError where no path holds a C file."""
        from qerrlint.engine.check_files import core_files

        self._options = options
        self._settings = settings
        self._source = source
        self._wanted = wanted
        excludes = settings.configuration.excludes
        self._files = [path for path in core_files(source, wanted) if not excludes(path)]
        self._empty = without_files(source, paths, wanted, self._files, settings.configuration.origin)

    def result(self, notices: Sequence[str], found_by: str) -> tuple[Result, list[Reported]]:
        """The Result, and all findings one by one. `notices` come first among its own, `found_by` says how
        the tree was chosen."""
        from dataclasses import replace

        from qerrlint.engine.check_files import closed_folders
        from qerrlint.result import Result, TreeInfo
        from qerrlint.review.apply_policy import standing
        from qerrlint.review.folding import folded
        from qerrlint.review.report_model import summary

        settings, source = self._settings, self._source
        checked = self._checked()
        found, stale = standing(
            checked.found, settings.all_rules, settings.configuration, settings.baseline, source
        )
        skipped = checked.coverage.skipped
        closed = closed_folders(source, self._wanted)
        left = [one for one in closed if not settings.configuration.excludes(one.path)]
        result = Result(
            command="check",
            tree=TreeInfo(source.root, source.revision, found_by, settings.reach),
            findings=tuple(folded(found, settings.all_rules)),
            coverage=replace(checked.coverage, skipped=(*self._empty, *left, *skipped)),
            summary=summary(found),
            notices=(*notices, *self._stale(stale, skipped), *_health(checked.health)),
            exempted=checked.exempted,
        )
        return result, found

    def _checked(self) -> Checked:
        from qerrlint.cli.commands.cache import store_of
        from qerrlint.engine.check_files import CheckOptions, check_files

        options = self._options
        with progress("checking", len(self._files), _MANY) as advance, store_of(options) as store:
            return check_files(
                self._source,
                self._files,
                CheckOptions(
                    self._settings.reach,
                    options.rules,
                    options.jobs,
                    options.verbose,
                    store,
                    options.verify_store,
                    limit=options.time_limit,
                ),
                advance,
            )

    def _stale(self, stale: Sequence[Entry], skipped: Sequence[Skipped]) -> list[str]:
        """The notice of entries of the baseline whose findings are gone: their files were looked at, or do
        not exist."""
        from qerrlint.review.apply_policy import stale_notice

        read = frozenset(self._files) - {one.path for one in skipped}
        everything = not self._wanted
        gone = [e for e in stale if e.path in read or (everything and not self._source.exists(e.path))]
        return [stale_notice(gone, self._settings.baseline)] if gone else []


def _health(health: Health | None) -> list[str]:
    """The notice of how well functions could be read, where that was counted."""
    if health is None:
        return []
    return [
        f"{health.functions} functions, {health.damaged} damaged "
        f"({_percent(health.damaged, health.functions)}); "
        f"{health.about_errors} about errors, {health.about_errors_damaged} damaged "
        f"({_percent(health.about_errors_damaged, health.about_errors)})"
    ]


def _least(settings: Settings) -> str | None:
    """The lowest severity in the text about a whole tree, where nothing names one: most are notes."""
    named = settings.options.min_severity or settings.configuration.min_severity
    return None if named or settings.fail_on == "note" else "warning"


def _standard_input(options: Options, name: str) -> tuple[Source, str, list[str]]:
    """The tree around a file, or that of --tree, with standard input in place of the file; its path; notices.

    Raises InputError for a --tree that is none, UsageError for a name that is not one of C.
    """
    from qerrlint.cli.editor.buffer import overlaid
    from qerrlint.errors import UsageError
    from qerrlint.source.open_tree import require_qemu
    from qerrlint.source.overlay import OverlaySource
    from qerrlint.source.source import C_SUFFIXES

    if not name.endswith(C_SUFFIXES):
        raise UsageError(f"--stdin-filename: {name} is not the name of a C file")
    data = sys.stdin.buffer.read()
    if options.tree is not None:
        base = open_source(options, None)
        require_qemu(base.root, base)
        (path,) = within(base.root, (name,), given=True)
        return OverlaySource(base, {path: data}), path, []
    source, path, inside = overlaid(name, data)
    if inside:
        return source, path, []
    if options.reach is not None:
        raise UsageError(f"--reach: {name} lies in no QEMU tree whose declarations could be read")
    return source, path, [_alone(name)]


def _alone(path: str) -> str:
    return (
        f"{path} lies in no QEMU tree: declarations are those of each file and the bundled contracts "
        "(reach: patch)"
    )


def _opened(options: Options, rev: str | None, paths: tuple[str, ...]) -> tuple[Source, list[str]]:
    """What to check: a QEMU tree, or files outside of a tree with a notice that says so.

    Raises InputError if a QEMU tree is required and there is none, UsageError for a --reach without one.
    """
    from qerrlint.errors import UsageError
    from qerrlint.source.open_tree import folder_of, open_tree, require_qemu, tree_of

    if options.tree is not None or rev is not None or not paths:
        source = open_source(options, rev)
        require_qemu(source.root, source)
        return source, []
    tree = tree_of(paths)
    if tree is not None:
        return open_tree(tree), []
    if options.reach is not None:
        raise UsageError(f"--reach: {paths[0]} lies in no QEMU tree whose declarations could be read")
    return folder_of(paths), [_alone(paths[0])]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "none"
