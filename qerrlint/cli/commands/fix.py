# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint fix --series DIR`: the fixes of a tree as patches that can be committed and sent."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from qerrlint.cli.options import Options, not_empty, shared
from qerrlint.cli.tell import tell

if TYPE_CHECKING:
    from qerrlint.cli.settings import Settings
    from qerrlint.result import Reported
    from qerrlint.review.fixes.fix_series import FixPatch
    from qerrlint.source.repository import Repository
    from qerrlint.source.source import Source

# A patch names the commits that its findings come from, unless there are more than these.
_FIXES = 5
_SHARED = (
    *("tree", "reach", "select", "ignore", "min_severity", "min_confidence"),
    *("jobs", "no_cache", "config", "baseline", "rules", "quiet"),
)


@click.command("fix")
@click.argument("paths", nargs=-1, type=click.Path(), callback=not_empty)
@click.option("--series", "folder", metavar="DIR", required=True, callback=not_empty, help="Where to write.")
@click.option(
    "--by",
    type=click.Choice(["file", "folder"]),
    default="file",
    help="What a patch is about: a file (the default) or a folder; always about one rule.",
)
@click.option(
    "--from", "sender", metavar="ADDRESS", callback=not_empty, help="The author; default: git's user."
)
@click.option(
    "--no-blame", is_flag=True, help="Write no lines Fixes:, for which git blame reads the history."
)
@shared(*_SHARED)
def command(
    options: Options, paths: tuple[str, ...], folder: str, by: str, sender: str | None, no_blame: bool
) -> None:
    """Write the mechanical fixes of HEAD's findings, in PATH... or the whole tree, as patches.

    Each has a message with the reason, and for findings other than notes the commits that they come from.
    They apply with `git am`, in their order; `git am --signoff` adds your Signed-off-by. A fix that does not
    parse, or that would bring a finding, is refused and named.
    """
    from qerrlint.cli.paths import within, without_files
    from qerrlint.cli.reporting.reply_target import author, new_folder, now
    from qerrlint.cli.settings import git_root, settle
    from qerrlint.report.fix_mail import file_name, mail, message, subject
    from qerrlint.report.wording import count
    from qerrlint.review.fixes.fix_series import fix_series
    from qerrlint.review.folding import folded
    from qerrlint.source.git_tree import GitSource
    from qerrlint.source.open_tree import require_qemu
    from qerrlint.source.repository import Repository

    new_folder(folder)
    who, date = author(sender, "--from"), now()
    root = git_root(options.tree)
    repository = Repository(root)
    with GitSource(repository.location) as source:
        require_qemu(root, source)
        settings = settle(options, source)
        wanted = within(source.root, paths, given=options.tree is not None)
        files = _files(source, settings, wanted)
        empty = without_files(source, paths, wanted, files, settings.configuration.origin)
        found = _found(source, settings, files, options.jobs)
        series = fix_series(
            source,
            found,
            settings.all_rules,
            settings.reach,
            by,
            lambda now_source, path: _found(now_source, settings, [path], 1),
        )
        os.makedirs(folder, exist_ok=True)
        for at, patch in enumerate(series.patches, 1):
            rule = settings.all_rules.get(patch.rule)
            head = subject(patch, rule)
            fixes = [] if no_blame else _fixed_commits(repository, patch)
            text = message(patch, rule, fixes)
            data = mail(head, text, patch.files, (at, len(series.patches)), who, date)
            with open(os.path.join(folder, file_name(head, at)), "xb") as file:
                file.write(data)
    from qerrlint.cli.fixing.apply_fixes import tell_refused

    tell_refused(series.refused)
    for path in empty:
        tell(f"{path.path}: {path.reason}")
    mended = sum(len(folded(patch.mended, settings.all_rules)) for patch in series.patches)
    if not options.quiet:
        tell(f"{folder}: {count(mended, 'finding')} fixed in {len(series.patches)} patches", head="")
    sys.exit(3 if empty else 0)


def _files(source: Source, settings: Settings, wanted: Sequence[str]) -> list[str]:
    from qerrlint.engine.check_files import core_files

    return [path for path in core_files(source, wanted) if not settings.configuration.excludes(path)]


def _found(source: Source, settings: Settings, files: Sequence[str], jobs: int) -> list[Reported]:
    """The findings that pass the filters."""
    from qerrlint.cli.commands.cache import store_of
    from qerrlint.engine.check_files import CheckOptions, check_files
    from qerrlint.review.apply_policy import standing

    options = settings.options
    with store_of(options) as store:
        checked = check_files(source, files, CheckOptions(settings.reach, options.rules, jobs, store=store))
    found, _ = standing(checked.found, settings.all_rules, settings.configuration, settings.baseline, source)
    return [item for item in found if settings.shows(item)]


def _fixed_commits(repository: Repository, patch: FixPatch) -> list[tuple[str, str]]:
    """The commits (id, subject) that the findings' lines come from, the oldest first; none for notes."""
    lines: dict[str, set[int]] = {}
    for item in patch.mended:
        if item.severity != "note":
            lines.setdefault(item.place.path, set()).add(item.place.line)
    origins = {
        origin
        for path, numbers in lines.items()
        for origin in repository.blame("HEAD", path, sorted(numbers))
    }
    found = sorted(origins, key=lambda origin: (origin.time, origin.commit))
    return [(origin.commit, origin.subject) for origin in found] if len(found) <= _FIXES else []
