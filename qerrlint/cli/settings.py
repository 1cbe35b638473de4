# SPDX-License-Identifier: GPL-2.0-or-later
"""The settings that options and configuration give together, and the tree that they name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qerrlint.cli.options import Options
from qerrlint.errors import UsageError
from qerrlint.findings import CONFIDENCES, SEVERITIES
from qerrlint.records import record
from qerrlint.report import FORMATS

if TYPE_CHECKING:
    from qerrlint.policy.baseline import Baseline
    from qerrlint.policy.configuration import Configuration
    from qerrlint.result import Reported, ReportedExemption
    from qerrlint.rules.rule import RuleSet
    from qerrlint.source.source import Source


@record(frozen=True, slots=True)
class Settings:
    """Options and configuration together."""

    options: Options
    configuration: Configuration
    rules: RuleSet
    all_rules: RuleSet
    reach: str
    min_severity: str
    min_confidence: str
    fail_on: str
    baseline: Baseline

    def shows(self, found: Reported) -> bool:
        """Whether a finding passes the filters on rule, path, severity, confidence and suppression."""
        return (
            self.about(found)
            and SEVERITIES.index(found.severity) >= SEVERITIES.index(self.min_severity)
            and CONFIDENCES.index(found.confidence) >= CONFIDENCES.index(self.min_confidence)
            and (found.suppressed is None or self.options.show_suppressed)
        )

    def about(self, found: Reported) -> bool:
        """Whether a finding is of a rule and in a path that this run is about."""
        return (
            found.rule in self.rules
            and not self.configuration.excludes(found.place.path)
            and not self.configuration.mutes(found.rule, found.place.path)
        )

    def lists(self, found: ReportedExemption) -> bool:
        """Whether an exempted finding passes the filters on rule and path; it has no severity."""
        return (
            found.rule in self.rules
            and not self.configuration.excludes(found.path)
            and not self.configuration.mutes(found.rule, found.path)
        )


def settle(options: Options, source: Source | None, default_reach: str = "headers") -> Settings:
    """Options, the configuration of the (base) tree and the rules, checked."""
    from qerrlint.engine.store.kept_tables import recall_tables
    from qerrlint.policy import baseline as baselines
    from qerrlint.policy.configuration import FAILS, FILES, MIN_CONFIDENCE, MIN_SEVERITY, load_configuration
    from qerrlint.rules.loader import load_rules

    root = source.root if source is not None else None
    refuse_targets(options, root, (options.config, options.baseline))
    if source is not None:
        source.present((*FILES, baselines.DEFAULT))  # asked for at once
    configuration = load_configuration(source, options.config)
    if not options.no_cache:
        recall_tables()
    rules = load_rules(options.rules)
    try:
        selected = rules.select(
            options.select or configuration.select, options.ignore or configuration.ignore
        )
    except UsageError as error:
        given = "--select, --ignore" if options.select or options.ignore else configuration.origin
        raise UsageError(f"{given}: {error}") from None
    configuration.check_rules(rules)
    baseline = baselines.load_baseline(source, options.baseline, configuration.baseline)
    if root:
        read = (os.path.join(root, name) for name in (configuration.origin, baseline.origin) if name)
        refuse_targets(options, root, read)
    return Settings(
        options=options,
        configuration=configuration,
        rules=selected,
        all_rules=rules,
        reach=options.reach or configuration.reach or default_reach,
        min_severity=options.min_severity or configuration.min_severity or MIN_SEVERITY,
        min_confidence=options.min_confidence or configuration.min_confidence or MIN_CONFIDENCE,
        fail_on=options.fail_on or configuration.fail_on or FAILS,
        baseline=baseline,
    )


def git_root(tree: str | None) -> str:
    """The repository that --tree or the current directory names; raises InputError where there is none."""
    from qerrlint.errors import InputError
    from qerrlint.source.open_tree import find_root

    root = tree or find_root(".")
    if root is None:
        raise InputError("no git repository around the current directory (name one with --tree)")
    return root


def open_source(options: Options, rev: str | None) -> Source:
    """The tree that --tree (or the current directory) names, at `rev` if given; raises InputError."""
    from qerrlint.errors import InputError
    from qerrlint.source.open_tree import find_root, open_tree

    root = options.tree
    if root is None:
        root = find_root(".")
        if root is None:
            raise InputError("no QEMU tree around the current directory (name one with --tree)")
    return open_tree(root, rev)


def targets(options: Options) -> list[tuple[str, str | None]]:
    """Each format with the file it goes to, None for standard output.

    Raises UsageError for an unknown format and for two formats that would go to the same place.
    """
    out: list[tuple[str, str | None]] = []
    for text in options.formats or ("text",):
        form, colon, file = text.partition(":")
        if form not in FORMATS:
            raise UsageError(f"--format: unknown format {form!r} (known: {', '.join(FORMATS)})")
        if colon and not file:
            raise UsageError(f"--format: no file name after the colon of {text!r}")
        target = file or options.output
        target = None if target == "-" else target
        place = target and os.path.realpath(target)
        if place in (taken and os.path.realpath(taken) for _, taken in out):
            raise UsageError(f"--format: two formats for {target or 'standard output'}")
        out.append((form, target))
    return out


def refuse_targets(options: Options, root: str | None, inputs: Iterable[str | None]) -> None:
    """Raise UsageError for an output file that cannot be written or must not be (output_files.refuse)."""
    from qerrlint.cli.output_files import refuse

    named = [name for name in inputs if name is not None]
    for _, target in targets(options):
        if target is not None:
            refuse(target, root, named)
