# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint replay LABELS`: known defects of a history against the rules, and the table of the scores."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from qerrlint.cli.options import jobs_option, not_empty, scheduler_option
from qerrlint.cli.progress import progress
from qerrlint.cli.settings import git_root
from qerrlint.cli.tell import tell

if TYPE_CHECKING:
    from qerrlint.replay.labels import Label
    from qerrlint.replay.outcomes import FoundItem, Journal, Outcome


@click.command("replay")
@click.argument("labels", metavar="LABELS", type=click.Path())
@click.option(
    "--tree",
    metavar="GIT",
    callback=not_empty,
    help="The git repository (work tree, bare or git directory) of QEMU.",
)
@click.option(
    "--reach",
    type=click.Choice(["headers", "tree"]),
    default="headers",
    help="Where declarations are searched.",
)
@jobs_option
@click.option("--output", metavar="FILE", callback=not_empty, help="Write all outcomes to FILE as JSON.")
@click.option(
    "--class", "classes", metavar="C", multiple=True, help="Only labels of this class; may be repeated."
)
@click.option("--no-submission", is_flag=True, help="Do not review the changes that introduced the defects.")
@click.option(
    "--resume",
    metavar="FILE",
    callback=not_empty,
    help="Append each outcome to FILE; labels that are in it are skipped.",
)
@scheduler_option
@click.option("-q", "--quiet", is_flag=True, help="Print only the table, not each miss.")
def command(
    *,
    labels: str,
    tree: str | None,
    reach: str,
    jobs: int,
    output: str | None,
    classes: tuple[str, ...],
    no_submission: bool,
    resume: str | None,
    scheduler: str | None,
    quiet: bool,
) -> None:
    """Analyse each labelled defect of LABELS (JSON lines) before its fix, after it, and as it was submitted.

    found: a rule of the label's class has a finding in the labelled function before the fix; near: within
    8 lines of the labelled one; quiet: no finding after the fix; submitted: the review of the change that
    introduced the defect reports it as introduced. A label that does not apply (a fix without a parent, a
    file that is not there) is counted apart.

    Exit codes: 0 done, whatever the scores; 2 wrong usage; 3 labels or repository cannot be read, the output
    cannot be written, or an analysis ended in an internal error.
    """
    from functools import partial

    from qerrlint.replay.labels import load_labels, of_classes
    from qerrlint.replay.outcomes import Journal
    from qerrlint.replay.run import replay
    from qerrlint.source.repository import Repository

    wanted = of_classes(load_labels(labels), classes)
    root = git_root(tree)
    Repository(root)
    how = partial(
        replay, root=root, reach=reach, jobs=jobs, submission=not no_submission, scheduler=scheduler
    )
    journal = Journal(resume, reach, not no_submission) if resume is not None else None
    outcomes = _outcomes(wanted, how, journal)
    if output is not None:
        _write(output, outcomes, root, reach, not no_submission)
    if output != "-":
        _print_table(outcomes)
        if not quiet:
            _print_misses(outcomes)
    crashed = [outcome for outcome in outcomes if outcome.crashed is not None]
    for outcome in crashed:
        tell(f"{outcome.label.place}: internal error: {outcome.crashed}")
    sys.exit(3 if crashed else 0)


def _outcomes(
    labels: Sequence[Label],
    how: Callable[[Sequence[Label]], Iterator[tuple[int, Outcome]]],
    journal: Journal | None,
) -> list[Outcome]:
    """The outcomes in the order of the labels, those of an earlier run taken over."""
    done = journal.done() if journal is not None else {}
    left = [label for label in labels if label not in done]
    with progress("replaying", len(left)) as advance:
        for index, outcome in how(left):
            done[left[index]] = outcome
            if journal is not None:
                journal.append(outcome)
            advance(1)
    return [done[label] for label in labels]


def _write(file: str, outcomes: Sequence[Outcome], root: str, reach: str, submission: bool) -> None:
    import json

    from qerrlint.errors import InputError
    from qerrlint.replay.scores import document

    # ASCII: a path of the history may have bytes that are not text.
    text = json.dumps(document(outcomes, root, reach, submission), indent=1) + "\n"
    if file == "-":
        click.echo(text, nl=False)
        return
    try:
        with open(file, "w", encoding="ascii", newline="\n") as stream:
            stream.write(text)
    except OSError as error:
        raise InputError(f"{file}: cannot be written: {error.strerror}") from None


def _print_table(outcomes: Sequence[Outcome]) -> None:
    from qerrlint.replay.scores import table

    for line in table(outcomes):
        click.echo(line)
    unfit = [outcome for outcome in outcomes if outcome.unfit is not None]
    if unfit:
        click.echo(f"\n{len(unfit)} of {len(outcomes)} labels do not apply:")
        for outcome in unfit:
            click.echo(f"  {outcome.label.place}: {outcome.unfit}")
    lost = [outcome for outcome in outcomes if outcome.unfit_change is not None]
    if lost:
        click.echo(f"\n{len(lost)} introducing changes do not apply:")
        for outcome in lost:
            click.echo(f"  {outcome.label.place}, {outcome.label.introduced}: {outcome.unfit_change}")


def _print_misses(outcomes: Sequence[Outcome]) -> None:
    missed = [o for o in outcomes if o.unfit is None and not o.found]
    if missed:
        click.echo(f"\n{len(missed)} missed:")
    for outcome in sorted(missed, key=lambda o: (o.label.defect, o.label.scope)):
        _print_label(outcome)
        if outcome.unanalysed:
            click.echo(f"    not analysed: {outcome.unanalysed}")
        _print_said("instead", outcome.others)
    loud = [o for o in outcomes if o.found and not (o.near and o.quiet)]
    if loud:
        click.echo(f"\n{len(loud)} found, but far off or still there after the fix:")
    for outcome in loud:
        _print_label(outcome)
        _print_said(
            f"{'near' if outcome.near else 'far'}, {'quiet' if outcome.quiet else 'loud'}", outcome.answers
        )
    late = [o for o in outcomes if o.found and o.submitted is False]
    if late:
        click.echo(f"\n{len(late)} found before the fix, but not in the change that introduced them:")
    for outcome in late:
        _print_label(outcome)
        click.echo(f"    introduced by {outcome.label.introduced}")
        _print_said("there", outcome.at_submission)


def _print_label(outcome: Outcome) -> None:
    label = outcome.label
    also = f", also {', '.join(label.also)}" if label.also else ""
    click.echo(f"  {label.place}  [{label.defect}{also}; {label.scope}]")
    click.echo(f"    {label.why}")


def _print_said(word: str, said: Sequence[FoundItem]) -> None:
    for one in said:
        status = f", {one.status}" if one.status is not None else ""
        click.echo(f"    {word}: line {one.line}: {one.message} [{one.rule}, {one.confidence}{status}]")
