# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint diff`: a commit, a range, staged or uncommitted changes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from qerrlint.cli.options import Options, common, not_empty, status_option
from qerrlint.cli.output import finish
from qerrlint.cli.settings import git_root, settle

if TYPE_CHECKING:
    from qerrlint.review.scope import FilePair
    from qerrlint.source.repository import PathChange, Repository
    from qerrlint.source.source import Source


@click.command("diff")
@click.argument("revs", metavar="[REV|A..B]", required=False, callback=not_empty)
@click.option("--staged", is_flag=True, help="Review the staged changes against HEAD (or REV).")
@status_option
@common
def command(options: Options, revs: str | None, staged: bool, wanted: frozenset[str]) -> None:
    """Review the changes from A to B (A...B: from their merge base), or from REV (default HEAD) to the
    work tree, or with --staged to the index."""
    from dataclasses import replace

    from qerrlint.errors import UsageError
    from qerrlint.result import Skipped, TreeInfo
    from qerrlint.review.apply_policy import judged_change
    from qerrlint.review.revision_review import review_change
    from qerrlint.source.git_tree import StagedSource
    from qerrlint.source.open_tree import require_qemu
    from qerrlint.source.repository import Repository

    root = git_root(options.tree)
    if staged and revs is not None and ".." in revs:
        raise UsageError("--staged takes one revision, not a range")
    repository = Repository(root)
    before, after, changes = _sides(repository, revs, staged)
    with before, after:
        require_qemu(root, before, after)
        settings = settle(options, before)
        tree = TreeInfo(before.root, before.revision, "given" if revs else "HEAD", settings.reach)
        result = review_change(before, after, _pairs(changes), settings.rules, tree)
        if isinstance(after, StagedSource) and after.paths() and after.unmerged:
            conflicts = tuple(Skipped(path, "in conflict, not merged") for path in after.unmerged)
            coverage = replace(result.coverage, skipped=(*result.coverage.skipped, *conflicts))
            result = replace(result, coverage=coverage)
        result = judged_change(result, settings.configuration, settings.baseline, after)
    found = [f for f in result.findings if settings.shows(f) and f.status in wanted]
    sys.exit(finish(result, settings, found))


def _sides(
    repository: Repository, revs: str | None, staged: bool
) -> tuple[Source, Source, tuple[PathChange, ...]]:
    """The trees before and after, and what differs."""
    from qerrlint.errors import InputError
    from qerrlint.source.git_tree import GitSource, StagedSource
    from qerrlint.source.overlay import OverlaySource

    root = repository.root
    if revs is not None and ".." in revs:
        if "..." in revs:
            a, _, b = revs.partition("...")
            base = repository.merge_base(a or "HEAD", b or "HEAD")
            if base is None:
                raise InputError(f"{root}: {revs}: the two have no common ancestor")
            a = base
        else:
            a, _, b = revs.partition("..")
        a, b = a or "HEAD", b or "HEAD"
        return GitSource(root, a), GitSource(root, b), repository.changed_paths(a, b)
    rev = revs or "HEAD"
    before = GitSource(root, rev)
    if staged:
        return before, StagedSource(root), repository.changed_in_index(rev)
    top = repository.location.top
    if top is None:
        raise InputError(f"{root}: a bare repository has no work tree: give a range A..B")
    changes = repository.changed_in_worktree(rev)
    files: dict[str, bytes | None] = {}
    for change in changes:
        if change.old_path is not None and change.new_path is None:
            files[change.old_path] = None
        elif change.new_path is not None:
            files[change.new_path] = _file(os.path.join(top, change.new_path))
    return before, OverlaySource(before, files), changes


def _file(path: str) -> bytes | None:
    """The bytes of a file of the work tree; None for a link, a folder, or a file that does not exist.

    Raises InputError for a file that cannot be read: taken as deleted, its findings would count as fixed.
    """
    from qerrlint.errors import InputError

    if os.path.islink(path) or not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _pairs(changes: tuple[PathChange, ...]) -> list[FilePair]:
    from qerrlint.review.scope import FilePair

    return [FilePair(change.old_path, change.new_path) for change in changes]
