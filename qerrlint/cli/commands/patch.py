# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint patch`: patches as they were posted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from qerrlint.cli.options import Options, common, not_empty, status_option
from qerrlint.cli.output import finish
from qerrlint.cli.review_input.review_stacks import review_stacks
from qerrlint.cli.settings import Settings, refuse_targets, targets
from qerrlint.cli.tell import tell

if TYPE_CHECKING:
    from qerrlint.patch.series import Series
    from qerrlint.result import Result

# The formats that name what was not analysed where their reader sees it.
_COMPLETE = ("text", "checkpatch", "checkpatch-emacs", "b4")


@click.command("patch")
@click.argument("files", nargs=-1, type=click.Path(), callback=not_empty)
@click.option("--base", metavar="REV", callback=not_empty, help="The commit that the patches are made for.")
@click.option(
    "--inbox",
    "inboxes",
    nargs=2,
    multiple=True,
    metavar="DIR MSGID",
    help="The thread of a message (id, or address on lore) in a local public-inbox archive.",
)
@click.option(
    "--onto",
    metavar="FILE",
    multiple=True,
    callback=not_empty,
    help="Patches that these depend on: applied first, not reviewed.",
)
@click.option(
    "--against",
    metavar="FILE",
    multiple=True,
    callback=not_empty,
    help="An earlier version: print which of its findings are addressed, still there, new.",
)
@click.option(
    "--reply",
    metavar="DIR|FILE",
    callback=not_empty,
    help="Write the findings as replies, one mail for each patch.",
)
@click.option(
    "--reply-from",
    metavar="ADDRESS",
    callback=not_empty,
    help="The sender of the replies; default: git's user.",
)
@click.option(
    "--partial",
    is_flag=True,
    help="Patches of the series are missing on purpose: what does not apply without them is no failure.",
)
@click.option("--reply-raised", is_flag=True, help="Reply also with findings that a reviewer has raised.")
@status_option
@common
def command(
    options: Options,
    files: tuple[str, ...],
    base: str | None,
    inboxes: tuple[tuple[str, str], ...],
    onto: tuple[str, ...],
    against: tuple[str, ...],
    reply: str | None,
    reply_from: str | None,
    reply_raised: bool,
    partial: bool,
    wanted: frozenset[str],
) -> None:
    """Review the patches in FILE... (mbox, maildir, mail, diff, saved archive page, folder of these) or,
    for - or without FILE, on standard input. A FILE that does not exist may be a message-id or the address of
    a page on lore.kernel.org: then b4, if it is installed, gets the thread.

    The base is the commit of --base, of the base-commit line, one with the blobs of the index lines, the last
    one before the mail's date, or HEAD; series that do not build on each other have a base each. Without any
    tree, and where changes do not fit, the hunks alone are analysed.
    """
    from qerrlint.cli.reporting.reply_target import reply_target
    from qerrlint.cli.review_input.mail_sources import read_all_mails, read_inbox, read_mails
    from qerrlint.errors import InputError
    from qerrlint.patch.group_messages import assemble
    from qerrlint.review.folding import folded

    refuse_targets(options, None, (*files, *(folder for folder, _ in inboxes), *onto, *against))
    target = reply_target(reply, reply_from)
    messages = read_all_mails(files or (() if inboxes else ("-",)))
    messages += [message for folder, ident in inboxes for message in read_inbox(folder, ident)]
    every = assemble(messages)
    series = [one for one in every if one.patches]
    if not series or not any(patch.changes or patch.problems for one in series for patch in one.patches):
        names = [*files, *(folder for folder, _ in inboxes)]
        raise InputError(f"{', '.join(names) or 'standard input'}: no patch in it")
    beneath = [one for file in onto for one in assemble(read_mails(file)) if one.patches]
    settings, result = review_stacks(options, base, series, beneath)
    # Of a series of which there is only the cover letter all patches are missing.
    alone = [f'"{one.title}": {problem}' for one in every if not one.patches for problem in one.problems]
    result = replace(result, notices=(*result.notices, *alone))
    if against:
        result = _compared(options, settings, result, series, beneath, against)
    result = replace(result, partial=partial and any(one.missing for one in series))
    # The text format prints it; in the documents of most others it may be overlooked. b4 reads those of the
    # last kind, and takes each line on standard error for a failure.
    told_in_output = any(form in _COMPLETE and target is None for form, target in targets(options))
    for info in () if told_in_output or result.partial else result.patches:
        for problem in info.problems:
            if not info.applied and "; not applied" in problem:
                tell(f"patch {info.index}: {problem}")
    shown = [f for f in result.findings if settings.shows(f) and f.status in wanted]
    found = folded(shown, settings.all_rules)
    code = finish(result, settings, found, wanted)
    if target is not None:
        news = [f for f in result.findings if settings.shows(f) and f.status == "introduced"]
        told = folded(news, settings.all_rules)
        target.write(replace(result, findings=tuple(told)), series, raised=reply_raised)
    sys.exit(code)


def _compared(
    options: Options,
    settings: Settings,
    result: Result,
    series: Sequence[Series],
    beneath: Sequence[Series],
    against: Sequence[str],
) -> Result:
    """The result with what became of the findings and remarks of an earlier version; raises InputError."""
    from qerrlint.cli.review_input.mail_sources import read_mails
    from qerrlint.errors import InputError
    from qerrlint.patch.earlier_version import earlier_version, successor
    from qerrlint.review.series.version_diff import compare_versions

    earlier = earlier_version([message for file in against for message in read_mails(file)], series)
    if earlier is None:
        raise InputError(f"{', '.join(against)}: no earlier version of the series in it")
    _, former = review_stacks(options, None, [earlier], beneath)
    result = compare_versions(result, former, successor(earlier, series), earlier, settings.rules)
    new = sum(settings.shows(found) and found.against == "new" for found in result.findings)
    if result.against is None:
        return result
    return replace(result, against=result.against.shown(settings.shows, new))
