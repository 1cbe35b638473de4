# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint cache info|clear`, and the store that a command uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from qerrlint.cli.tell import tell

if TYPE_CHECKING:
    from qerrlint.cli.options import Options
    from qerrlint.cli.settings import Settings
    from qerrlint.engine.store.cache_store import Store
    from qerrlint.result import TreeInfo
    from qerrlint.review.review_options import ReviewOptions
    from qerrlint.review.store.kept_reviews import KeptReview

# A progress bar of a run that takes less, in seconds, would only flicker.
_LONGER = 1.0


@click.group("cache")
def command() -> None:
    """Show or clear the results of unchanged files that `check` and `baseline` store.

    The cache is in the user's cache directory, or in QERRLINT_CACHE_DIR. It can be deleted at any time.
    """


@command.command("info", short_help="Print where the cache is and its size.")
def info() -> None:
    """Print where the cache is, how many files' results it has, and its size."""
    from qerrlint.engine.store.cache_store import Store
    from qerrlint.errors import UsageError

    with Store() as store:
        contents = store.contents()
    if store.trouble is not None:
        raise UsageError(store.trouble)
    click.echo(f"{contents.file}: {contents.results} results, {contents.size / 1e6:.1f} MB")


@command.command("clear")
def clear() -> None:
    """Delete the cache."""
    from qerrlint.engine.store.cache_store import Store
    from qerrlint.errors import UsageError

    store = Store()
    try:
        store.clear()
    except OSError as error:
        raise UsageError(f"{store.file}: cannot be deleted: {error.strerror}") from None


@contextmanager
def store_of(options: Options) -> Iterator[Store | None]:
    """The store for a run, None with --no-cache; a problem with it is reported once, on standard error."""
    if options.no_cache:
        yield None
        return
    from qerrlint.engine.store.cache_store import Store
    from qerrlint.engine.store.kept_tables import keep_tables

    with Store() as store:
        yield store
        keep_tables(store)
    if store.trouble is not None and not options.quiet:
        tell(f"{store.trouble}")


def review_options(settings: Settings, store: Store | None) -> ReviewOptions:
    """What the review of a change with these settings is made with.

    On a terminal a bar shows the progress of a longer one.
    """
    from functools import partial

    from qerrlint.cli.progress import progress
    from qerrlint.review.review_options import ReviewOptions, Workers
    from qerrlint.review.scope import CALLER_FILES
    from qerrlint.review.store.change_store import ChangeStore

    options = settings.options
    workers = Workers(options.jobs, partial(progress, "reviewing", after=_LONGER))
    caller_files = CALLER_FILES if options.caller_files is None else options.caller_files
    results = None
    if store is not None:
        results = ChangeStore(store, options.rules, settings.reach, options.verify_store)
    return ReviewOptions(settings.rules, caller_files, results, workers, options.time_limit)


def kept_review(
    store: Store, settings: Settings, tree: TreeInfo, made_from: tuple[object, ...]
) -> KeptReview:
    """The stored review of a change between trees out of git's objects, with these settings.

    `tree` is the one before the change; `made_from` names the others by their commits, and has all else that
    the review depends on. How far back a shallow clone goes decides which commits it knows.
    """
    from qerrlint.engine.store.cache_key import program_key
    from qerrlint.review.store.kept_reviews import KeptReview, digest_of
    from qerrlint.source.git_tree import shallow_boundary

    options = settings.options
    program = program_key(options.rules, settings.reach)
    selected = tuple(rule.id for rule in settings.rules)
    boundary = shallow_boundary(tree.root) if tree.root is not None else ""
    digest = digest_of((options.caller_files, selected, tree, boundary, made_from))
    return KeptReview(store, program, (digest,), options.verify_store, options.time_limit)
