# SPDX-License-Identifier: GPL-2.0-or-later
"""Which tree a stack of series is applied to, and which series form a stack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from qerrlint.cli.options import Options

if TYPE_CHECKING:
    from qerrlint.patch.series import Series
    from qerrlint.patch.stacks import Stack
    from qerrlint.source.source import Source


class OpenedBase(NamedTuple):
    """The tree at the base, its root on disk, how the base was found (TreeInfo.base_found_by), notes."""

    source: Source
    root: str
    found_by: str
    notes: tuple[str, ...] = ()


def sorted_stacks(options: Options, series: Sequence[Series], beneath: Sequence[Series]) -> tuple[Stack, ...]:
    """The series in stacks. Patch-ids, for which git has to run, are computed where a series names some."""
    from qerrlint.patch.stacks import stacks

    if not any(one.prerequisites for one in series):
        return stacks(series, beneath)
    from qerrlint.patch.patchid import patch_ids
    from qerrlint.source.gitprocess import Git

    return stacks(series, beneath, patch_ids((*series, *beneath), Git(options.tree or ".")))


def open_base(
    options: Options, base: str | None, series: Sequence[Series], *, partial: bool
) -> OpenedBase | None:
    """The tree to apply the patches to; None if there is none. `partial`: earlier patches are missing.

    Raises InputError for a tree, a base or a repository that does not exist.
    """
    from qerrlint.cli.commands.cache import store_of
    from qerrlint.engine.kept.kept_bases import KeptBases
    from qerrlint.errors import InputError
    from qerrlint.patch.base import find_base
    from qerrlint.source.git_tree import GitSource, locate
    from qerrlint.source.open_tree import find_root, looks_like_qemu, open_tree, require_qemu
    from qerrlint.source.repository import Repository

    root = options.tree or find_root(".")
    if root is None:
        if base is not None:
            raise InputError(
                "--base needs a tree, and the current directory is in none (name one with --tree)"
            )
        return None
    location = locate(root)
    if location is None:
        if base is not None:
            raise InputError(f"{root}: --base needs a git repository")
        opened = OpenedBase(open_tree(root), root, "directory")
    else:
        with store_of(options) as store:
            kept = store if not options.verify_store else None
            repository = KeptBases(location, kept) if kept is not None else Repository(location)
            found = find_base(series, repository, base, partial=partial)
        opened = OpenedBase(GitSource(location, found.revision), root, found.found_by, found.notes)
    if options.tree is None and base is None and not looks_like_qemu(opened.source):
        return None
    require_qemu(root, opened.source)
    return opened
