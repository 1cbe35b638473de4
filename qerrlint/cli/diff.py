# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint diff`: a commit, a range, staged or uncommitted changes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from qerrlint.cli.options import Options, common, not_empty, status_option
from qerrlint.cli.output import finish
from qerrlint.cli.settings import bound, git_root, settle
from qerrlint.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qerrlint.review.merge_review import Parent
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
    from contextlib import ExitStack
    from dataclasses import replace

    from qerrlint.result import Skipped, TreeInfo
    from qerrlint.review.apply_policy import judged_change
    from qerrlint.review.merge_review import review_merge
    from qerrlint.source.git_tree import StagedSource
    from qerrlint.source.open_tree import require_qemu
    from qerrlint.source.repository import Repository

    root = git_root(options.tree)
    if staged and revs is not None and ".." in revs:
        raise UsageError("--staged takes one revision, not a range")
    repository = Repository(root)
    parents, after = _sides(repository, revs, staged)
    with ExitStack() as opened:
        for source in (after, *(parent.before for parent in parents)):
            opened.enter_context(source)
        before = parents[0].before
        require_qemu(root, before, after)
        settings = settle(options, before)
        tree = TreeInfo(before.root, before.revision, "given" if revs else "HEAD", settings.reach)
        result = review_merge(parents, after, settings.rules, tree, bound(options))
        if isinstance(after, StagedSource) and after.paths() and after.unmerged:
            conflicts = tuple(Skipped(path, "in conflict, not merged") for path in after.unmerged)
            coverage = replace(result.coverage, skipped=(*result.coverage.skipped, *conflicts))
            result = replace(result, coverage=coverage)
        result = judged_change(result, settings.configuration, settings.baseline, after)
    found = [f for f in result.findings if settings.shows(f) and f.status in wanted]
    sys.exit(finish(result, settings, found, wanted))


def _sides(repository: Repository, revs: str | None, staged: bool) -> tuple[list[Parent], Source]:
    """The trees before, with what differs, and the tree after. There are several before in a merge."""
    from qerrlint.source.git_tree import GitSource, StagedSource

    root = repository.root
    if revs is not None and ".." in revs:
        a, b = _ends(repository, revs)
        return [_parent(root, a, repository.changed_paths(a, b))], GitSource(root, b)
    before = [revs] if revs is not None else ["HEAD", *repository.merge_heads()]
    if staged:
        changed = [(rev, repository.changed_in_index(rev)) for rev in before]
        return [_parent(root, rev, changes) for rev, changes in changed], StagedSource(root)
    top = repository.location.top
    if top is None:
        raise InputError(f"{root}: a bare repository has no work tree: give a range A..B")
    changed = [(rev, repository.changed_in_worktree(rev)) for rev in before]
    parents = [_parent(root, rev, changes) for rev, changes in changed]
    return parents, _work_tree(top, parents[0].before, changed[0][1])


def _ends(repository: Repository, revs: str) -> tuple[str, str]:
    """Both ends of A..B, or of A...B from the merge base."""
    if "..." not in revs:
        a, _, b = revs.partition("..")
        return a or "HEAD", b or "HEAD"
    a, _, b = revs.partition("...")
    base = repository.merge_base(a or "HEAD", b or "HEAD")
    if base is None:
        raise InputError(f"{repository.root}: {revs}: the two have no common ancestor")
    return base, b or "HEAD"


def _parent(root: str, rev: str, changes: Sequence[PathChange]) -> Parent:
    from qerrlint.review.merge_review import Parent
    from qerrlint.review.scope import FilePair
    from qerrlint.source.git_tree import GitSource

    return Parent(GitSource(root, rev), [FilePair(change.old_path, change.new_path) for change in changes])


def _work_tree(top: str, head: Source, changes: Sequence[PathChange]) -> Source:
    """The files of the work tree below `top`, those that git tracks; `changes` are against `head`."""
    from qerrlint.source.overlay import OverlaySource

    files: dict[str, bytes | None] = {}
    for change in changes:
        if change.old_path is not None and change.new_path is None:
            files[change.old_path] = None
        elif change.new_path is not None:
            files[change.new_path] = _file(os.path.join(top, change.new_path))
    return OverlaySource(head, files)


def _file(path: str) -> bytes | None:
    """The bytes of a file of the work tree; None for a link, a folder, or a file that does not exist.

    Raises InputError for a file that cannot be read: taken as deleted, its findings would count as fixed.
    """
    if os.path.islink(path) or not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
