# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint patch`: patches as they were posted; knows click, where input comes from and which base."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from qerrlint.cli.options import Options, common, finish, not_empty, settle, status_option

if TYPE_CHECKING:
    from qerrlint.patch.message import Message
    from qerrlint.patch.series import Series
    from qerrlint.source.source import Source


@click.command("patch")
@click.argument("files", nargs=-1, type=click.Path(), callback=not_empty)
@click.option("--base", metavar="REV", callback=not_empty, help="The commit that the patches are made for.")
@status_option
@common
def command(options: Options, files: tuple[str, ...], base: str | None, wanted: frozenset[str]) -> None:
    """Review the patches in FILE... (mbox, mail, diff, saved archive page, folder of these) or, for -
    and without any FILE, on standard input.

    The base is what --base says, the base-commit line, a commit with the blobs of the index lines, or HEAD.
    Without any tree the hunks alone are analysed.
    """
    from qerrlint.errors import InputError
    from qerrlint.patch.assembly import assemble
    from qerrlint.review.patches import review_series
    from qerrlint.review.policy import judged_change
    from qerrlint.review.result import TreeInfo

    messages = [message for file in files or ("-",) for message in _read(file)]
    series = [one for one in assemble(messages) if one.patches]
    if not series or not any(patch.changes or patch.problems for one in series for patch in one.patches):
        raise InputError(f"{', '.join(files) or 'standard input'}: no patch in it")
    opened = _open(options, base, series)
    if opened is None:
        from qerrlint.review.loose import review_loose

        settings = settle(options, None)
        result = review_loose(series, settings.rules)
        result = judged_change(result, settings.configuration, settings.baseline, None)
    else:
        with opened.source as source:
            settings = settle(options, source)
            tree = TreeInfo(opened.root, source.revision, opened.found_by, settings.reach)
            result = review_series(source, series, settings.rules, tree, opened.notes)
            result = judged_change(result, settings.configuration, settings.baseline, source)
    for info in result.patches:
        for problem in info.problems:
            if not info.applied and "; not applied" in problem:
                click.echo(f"qerrlint: patch {info.index}: {problem}", err=True)
    found = [f for f in result.findings if settings.shows(f) and f.status in wanted]
    sys.exit(finish(result, settings, found))


def _read(file: str) -> list[Message]:
    from qerrlint.patch.message import read_messages, read_path

    if file == "-":
        return read_messages(sys.stdin.buffer.read(), "standard input")
    return read_path(file)


class _Opened(NamedTuple):
    """The tree at the base, where the user has it, how the base was found (TreeInfo.base_found_by), notes."""

    source: Source
    root: str
    found_by: str
    notes: tuple[str, ...] = ()


def _open(options: Options, base: str | None, series: list[Series]) -> _Opened | None:
    """The tree to apply the patches to; None where there is none."""
    from qerrlint.errors import InputError
    from qerrlint.patch.base import find_base
    from qerrlint.source.objects import GitSource, locate
    from qerrlint.source.opening import find_root, looks_like_qemu, open_tree, require_qemu
    from qerrlint.source.repository import Repository

    root = options.tree or find_root(".")
    if root is None:
        if base is not None:
            raise InputError(
                "--base needs a tree: there is none around the current directory (name one with --tree)"
            )
        return None
    if locate(root) is None:
        if base is not None:
            raise InputError(f"{root}: --base needs a git repository")
        opened = _Opened(open_tree(root), root, "directory")
    else:
        found = find_base(series[0], Repository(root), base)
        opened = _Opened(GitSource(root, found.revision), root, found.found_by, found.notes)
    if options.tree is None and base is None and not looks_like_qemu(opened.source):
        return None
    require_qemu(root, opened.source)
    return opened
