# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint diff`: a commit, a range, staged or uncommitted changes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from qerrlint.cli.commands.cache import kept_review, review_options, store_of
from qerrlint.cli.options import Options, common, not_empty, status_option
from qerrlint.cli.output import finish
from qerrlint.cli.paths import within
from qerrlint.cli.settings import git_root, settle
from qerrlint.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from qerrlint.cli.settings import Settings
    from qerrlint.result import Reported, Result, TreeInfo
    from qerrlint.review.merge_review import Parent
    from qerrlint.source.repository import Repository
    from qerrlint.source.source import Source

_PATHS = "qerrlint.diff.paths"


class _WithPaths(click.Command):
    """A command whose arguments behind `--` are paths, as in git; click itself only drops the `--`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta[_PATHS] = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- PATH...]"]


@click.command("diff", cls=_WithPaths)
@click.argument("revs", metavar="[REV|A..B|REV^!]", required=False, callback=not_empty)
@click.option("--staged", is_flag=True, help="Review the staged changes against HEAD (or REV).")
@click.option(
    "--fix", is_flag=True, help="Apply the mechanical fixes of findings on changed lines to the files."
)
@status_option
@common
@click.pass_context
def command(
    context: click.Context,
    options: Options,
    revs: str | None,
    staged: bool,
    fix: bool,
    wanted: frozenset[str],
) -> None:
    """Review the changes from A to B (A...B: from their merge base), of the commit REV (REV^!), or from REV
    (default HEAD) to the work tree, or with --staged to the index.

    PATH... limits the review to these files and folders, and to callers in files that are not changed.
    """
    from contextlib import ExitStack
    from dataclasses import replace

    from qerrlint.cli.review_input.device_tables import with_devices
    from qerrlint.cli.review_input.diff_sides import below, open_sides
    from qerrlint.result import Skipped, TreeInfo
    from qerrlint.review.apply_policy import judged_change
    from qerrlint.review.folding import folded
    from qerrlint.source.git_tree import StagedSource
    from qerrlint.source.open_tree import require_qemu
    from qerrlint.source.repository import Repository

    root = git_root(options.tree)
    is_range = revs is not None and (".." in revs or revs.endswith("^!"))
    if staged and is_range:
        raise UsageError("--staged takes one revision, not a range")
    if fix and (staged or is_range):
        raise UsageError("--fix changes the files of the work tree: it takes no range and no --staged")
    repository = Repository(root)
    shown = context.meta.get(_PATHS, ())
    paths = within(repository.root, shown, given=options.tree is not None)
    parents, after, changed = open_sides(repository, revs, staged, paths)
    with ExitStack() as opened:
        for source in (after, *(parent.before for parent in parents)):
            opened.enter_context(source)
        before = parents[0].before
        require_qemu(root, before, after)
        _require_paths(shown, paths, (before, after))
        settings = settle(options, before)
        tree = TreeInfo(before.root, before.revision, "given" if revs else "HEAD", settings.reach)
        result = _reviewed(settings, tree, parents, after, changed)
        pairs = [path for pair in parents[0].pairs for path in (pair.old, pair.new) if path is not None]
        result = with_devices(result, options, settings, before, after, pairs)
        if paths:
            about = [f for f in result.findings if below(f.place.path, paths) or f.place.path not in changed]
            result = replace(result, findings=tuple(about))
        if isinstance(after, StagedSource) and after.paths() and after.unmerged:
            unmerged = (path for path in after.unmerged if below(path, paths))
            conflicts = tuple(Skipped(path, "in conflict, not merged") for path in unmerged)
            coverage = replace(result.coverage, skipped=(*result.coverage.skipped, *conflicts))
            result = replace(result, coverage=coverage)
        result = judged_change(result, settings.configuration, settings.baseline, after)
    shown = [f for f in result.findings if settings.shows(f) and f.status in wanted]
    if fix:
        shown = _fixed(repository, settings, shown)
    found = folded(shown, settings.all_rules)
    sys.exit(finish(result, settings, found, wanted))


def _reviewed(
    settings: Settings, tree: TreeInfo, parents: Sequence[Parent], after: Source, changed: Collection[str]
) -> Result:
    """The review of the change; of two commits it may be in the store."""
    options = settings.options
    commits = (after.revision, *(parent.before.revision for parent in parents))
    with store_of(options) as store:
        kept = None
        if store is not None and None not in commits:
            pairs = [(pair.old, pair.new) for parent in parents for pair in parent.pairs]
            kept = kept_review(store, settings, tree, (commits, pairs, sorted(changed)))
            found = kept.find()
            if found is not None:
                return found
        from qerrlint.review.merge_review import review_merge

        reviewed = review_merge(parents, after, review_options(settings, store), tree, changed)
        if kept is not None:
            kept.keep(reviewed)
        return reviewed


def _fixed(repository: Repository, settings: Settings, found: Sequence[Reported]) -> list[Reported]:
    """Mends the findings that stand on lines that the change adds; returns those that are left."""
    from qerrlint.cli.fixing.apply_fixes import make_fixes
    from qerrlint.source.directory import DirectorySource

    own = [item for item in found if item.status == "introduced" and item.relation == "added-line"]
    assert repository.location.top is not None
    with DirectorySource(repository.location.top) as files:
        left = {id(item) for item in make_fixes(files, settings, own)}
    return [item for item in found if id(item) in left or item not in own]


def _require_paths(shown: Sequence[str], paths: Sequence[str], sides: Sequence[Source]) -> None:
    """Raise InputError for a path, as the user wrote it in `shown`, that no side has."""
    from qerrlint.cli.review_input.diff_sides import below

    for written, path in zip(shown, paths, strict=True):
        if not any(below(name, [path]) for source in sides for name in source.paths()):
            raise InputError(f"{written}: no such file or folder before or after the change")
