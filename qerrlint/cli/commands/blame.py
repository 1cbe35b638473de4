# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint blame FINGERPRINT|PATH...`: the commits that introduced standing findings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from qerrlint.cli.items import shown_by
from qerrlint.cli.options import Options, form_option, not_empty, rev_option, scheduler_option, shared
from qerrlint.cli.progress import progress
from qerrlint.cli.settings import git_root, settle
from qerrlint.errors import InputError
from qerrlint.lazy_patterns import lazy_re

if TYPE_CHECKING:
    from qerrlint.history.blame import Origin
    from qerrlint.source.source import Source

_FINGERPRINT = lazy_re(r"[0-9a-f]{16}\Z")


@click.command("blame")
@click.argument("what", metavar="[FINGERPRINT|PATH]...", nargs=-1, callback=not_empty)
@rev_option("The commit in whose tree the findings stand; default: HEAD.")
@form_option
@scheduler_option
@shared(
    *("tree", "select", "ignore", "min_severity", "min_confidence", "jobs", "no_cache", "config", "rules"),
    "quiet",
)
def command(
    options: Options, what: tuple[str, ...], rev: str | None, form: str, scheduler: str | None
) -> None:
    """Find the commit that introduced each finding of PATH (a file or folder), or of a FINGERPRINT.

    With both only the findings of these fingerprints in these paths; without any all of the tree. A finding
    is followed through renamed files, functions and words, and through moves. The text ends with the line
    `Fixes:` for a patch. Exit codes: 0 done; 2 wrong usage; 3 no such finding, or no commit was found for
    one.
    """
    import json

    from qerrlint.cli.commands.cache import store_of
    from qerrlint.engine.check_files import core_files
    from qerrlint.history.blame import origins
    from qerrlint.history.delta import item_of
    from qerrlint.history.samples import Trees
    from qerrlint.report.history.origins import document, lines
    from qerrlint.source.git_tree import GitSource
    from qerrlint.source.open_tree import require_qemu

    root = git_root(options.tree)
    wanted = {word for word in what if _FINGERPRINT.match(word)}
    paths = [word.strip("/") for word in what if word not in wanted]
    with GitSource(root, rev or "HEAD") as source, store_of(options) as store:
        require_qemu(root, source)
        _require_paths(source, paths)
        settings = settle(options, source)
        trees = Trees(root, options.rules, options.jobs, store, paths)
        with progress("checking", len(core_files(source, paths))) as advance:
            found = trees.standing(source.revision, advance)
    items = [item for item in map(item_of, found) if shown_by(settings)(item)]
    if wanted:
        items = [item for item in items if item.fingerprint in wanted]
        for missing in sorted(wanted - {item.fingerprint for item in items}):
            raise InputError(f"{missing}: no finding with this fingerprint in {source.revision[:12]}")
    known: dict[int, Origin] = {}
    with progress("searching", len(items), unit="findings") as advance:
        for number, one in origins(items, root, source.revision, options.rules, options.jobs, scheduler):
            known[number] = one
            advance(1)
    every = [known[number] for number in range(len(items))]
    if form == "json":
        click.echo(json.dumps(document(every, source.revision), indent=1))
    else:
        for one in every:
            click.echo("\n".join(lines(one)))
        if not every and not options.quiet:
            click.echo("no findings")
    sys.exit(3 if any(one.commit is None for one in every) else 0)


def _require_paths(source: Source, paths: Sequence[str]) -> None:
    """Raise InputError for a path that the tree does not have."""
    for path in paths:
        if not any(name == path or name.startswith(f"{path}/") for name in source.paths()):
            raise InputError(f"{path}: no such file or folder in {(source.revision or '')[:12]}")
