# SPDX-License-Identifier: GPL-2.0-or-later
"""What a tree's maintainers decided of findings: severity by path, the baseline; it hides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qerrlint.engine.located import Located, in_order
from qerrlint.policy.baseline import REASON, Baseline, Entry, match
from qerrlint.policy.configuration import Configuration
from qerrlint.result import Reported, Result
from qerrlint.review.report_model import as_reported, summary
from qerrlint.rules.rule import RuleSet
from qerrlint.source.source import C_SUFFIXES, Source

_NAMED = 5


def judged(
    found: Sequence[Reported], configuration: Configuration, baseline: Baseline, source: Source | None
) -> tuple[list[Reported], tuple[Entry, ...]]:
    """The findings with the configured severities, those of the baseline suppressed; the entries left over.

    `source` is the tree that tells which of the baseline's files are gone.
    """
    severity_of = configuration.severity_of
    out = [replace(item, severity=severity_of(item.rule, item.place.path, item.severity)) for item in found]
    if not baseline.entries:
        return out, ()
    matched = match(out, baseline.entries, source.exists if source is not None else lambda path: True)
    for index in matched.accepted:
        if out[index].suppressed is None:
            out[index] = replace(out[index], suppressed=REASON)
    return out, matched.stale


def standing(
    found: Sequence[Located], rules: RuleSet, configuration: Configuration, baseline: Baseline, source: Source
) -> tuple[list[Reported], tuple[Entry, ...]]:
    """The findings of a tree as it is, sorted and judged, less those of rules that speak of changes alone."""
    news = {rule.id for rule in rules if rule.change_only}
    reported = [as_reported(item) for item in in_order(found) if item.finding.rule not in news]
    return judged(reported, configuration, baseline, source)


def judged_change(
    result: Result, configuration: Configuration, baseline: Baseline, source: Source | None
) -> Result:
    """The result of a change with its findings judged and counted anew; a notice where the configuration
    leaves out each C file that it changes."""
    found, _ = judged(result.findings, configuration, baseline, source)
    changed = {path for patch in result.patches for path in patch.files}
    changed |= {
        path for file in result.diff for path in (file.new_path or file.old_path,) if path is not None
    }
    files = sorted(path for path in changed if path.endswith(C_SUFFIXES))
    notices = result.notices
    if files and all(map(configuration.excludes, files)):
        notices = (*notices, f"{left_out(len(files), 'changed ')} {configuration.origin}")
    return replace(result, findings=tuple(found), summary=summary(found), notices=notices)


def left_out(number: int, kind: str = "") -> str:
    """The beginning of a sentence on files that a configuration excludes; its name is to follow."""
    what = f"the one {kind}C file is" if number == 1 else f"all {number} {kind}C files are"
    return f"{what} left out by the `exclude` of"


def stale_notice(stale: Sequence[Entry], baseline: Baseline) -> str:
    """A sentence that names entries of the baseline that accept nothing any more."""
    named = ", ".join(f"{e.rule} in {e.function}() of {e.path} ({e.fingerprint})" for e in stale[:_NAMED])
    more = f" and {len(stale) - _NAMED} more" if len(stale) > _NAMED else ""
    entries = "one entry" if len(stale) == 1 else f"{len(stale)} entries"
    return (
        f"{baseline.origin}: {entries} without a finding: {named}{more}; "
        f"`qerrlint baseline update` drops {'it' if len(stale) == 1 else 'them'}"
    )
