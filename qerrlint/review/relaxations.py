# SPDX-License-Identifier: GPL-2.0-or-later
"""What a change does to the gate that it has to pass: a laxer configuration, a longer baseline; no C here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from qerrlint.engine.located import Located, Resolver
from qerrlint.errors import UsageError
from qerrlint.findings import CONFIDENCES, SEVERITIES, Observation, number_equal
from qerrlint.model.program import Program
from qerrlint.policy.baseline import DEFAULT, Entry, beyond, parse
from qerrlint.policy.configuration import (
    FAIL_ON,
    FAILS,
    FILES,
    MIN_CONFIDENCE,
    MIN_SEVERITY,
    Configuration,
    load_configuration,
)
from qerrlint.review.scope import FilePair
from qerrlint.rules.rule import RuleSet
from qerrlint.source.source import Source
from qerrlint.source.span import Span

_NAMED = 3


def gate_changes(before: Source, after: Program, pairs: Iterable[FilePair], rules: RuleSet) -> list[Located]:
    """The findings on a change that makes the configuration laxer or the baseline longer."""
    changed = {path for pair in pairs for path in (pair.old, pair.new) if path is not None}
    was, broken = _configuration(before)
    if broken:
        # It was not readable before: the run has ended with that, or goes by another file.
        was = Configuration()
    baseline = was.baseline or DEFAULT
    observations: list[Observation] = []
    if changed.intersection(FILES):
        observations += _configurations(was, after.source, rules)
    if baseline in changed:
        observations += _baselines(before, after.source, baseline)
    remarks = [remark for observation in observations for remark in rules.remarks(observation)]
    advice = {remark.finding.rule: remark.advice for remark in remarks}
    resolver = Resolver(after)
    found = number_equal((remark.finding, remark.key) for remark in remarks)
    return [resolver.locate(finding, advice[finding.rule]) for finding in found]


def _configuration(source: Source) -> tuple[Configuration, str]:
    """The configuration of a tree and what is wrong with it."""
    try:
        return load_configuration(source), ""
    except UsageError as error:
        return Configuration(), str(error)


def _configurations(was: Configuration, after: Source, rules: RuleSet) -> Iterator[Observation]:
    now, broken = _configuration(after)
    file = now.origin or was.origin or next((name for name in FILES if after.exists(name)), FILES[0])
    data = after.read(file) or b""
    if broken:
        yield _observation(
            "loosened-configuration", file, data, "", {"what": f"it cannot be read any more: {broken}"}
        )
        return
    for key, what in looser(was, now, rules):
        yield _observation("loosened-configuration", file, data, key, {"what": what})


def looser(was: Configuration, now: Configuration, rules: RuleSet) -> Iterator[tuple[str, str]]:
    """The keys by which `now` lets more pass than `was`, and what has changed about each."""
    for key, order, default in (
        ("fail-on", FAIL_ON, FAILS),
        ("min-severity", SEVERITIES, MIN_SEVERITY),
        ("min-confidence", CONFIDENCES, MIN_CONFIDENCE),
    ):
        field = key.replace("-", "_")
        first, second = getattr(was, field) or default, getattr(now, field) or default
        if order.index(second) > order.index(first):
            yield key, f"{key} is {second} instead of {first}"
    if was.reach == "tree" and now.reach != "tree":
        yield "reach", "reach is headers instead of tree"
    lost = _speaking(was, rules) - _speaking(now, rules)
    if lost:
        key = "ignore" if now.ignore != was.ignore else "select"
        yield key, f"{_some(sorted(lost))} no longer {'speaks' if len(lost) == 1 else 'speak'}"
    excluded = [path for path in now.exclude if path not in was.exclude]
    if excluded:
        yield "exclude", f"{_some(excluded)} {'is' if len(excluded) == 1 else 'are'} excluded"
    lower = list(_lowered(was, now, rules))
    if lower:
        yield "severity", _some(lower)
    tables = [table for table in now.per_path if table not in was.per_path]
    for table in tables:
        yield "per-path", f"other rules for {_some(table.paths)}"
    gone = [table for table in was.per_path if table not in now.per_path and table.severity]
    if gone and not tables:
        yield "per-path", f"no severities of its own for {_some(gone[0].paths)}"
    if (was.baseline or DEFAULT) != (now.baseline or DEFAULT):
        yield "baseline", f"the baseline is {now.baseline or DEFAULT} instead of {was.baseline or DEFAULT}"


def _lowered(was: Configuration, now: Configuration, rules: RuleSet) -> Iterator[str]:
    """The rules whose severity in the whole tree is lower than it was."""
    first, second = replace(was, per_path=()), replace(now, per_path=())
    for rule in rules.known.values():
        before = first.severity_of(rule.id, "", rule.severity)
        after = second.severity_of(rule.id, "", rule.severity)
        if SEVERITIES.index(after) < SEVERITIES.index(before):
            yield f"{rule.id} is {after} instead of {before}"


def _speaking(configuration: Configuration, rules: RuleSet) -> set[str]:
    try:
        chosen = RuleSet(rules.known.values()).select(configuration.select, configuration.ignore)
        return {rule.id for rule in chosen}
    except UsageError:  # a rule of a folder that is not at hand, or one that is not there any more
        return set()


def _baselines(before: Source, after: Source, path: str) -> Iterator[Observation]:
    data = after.read(path) or b""
    try:
        now = parse(data, path)
    except UsageError as error:
        what = f"the baseline cannot be read any more: {error}"
        yield _observation("loosened-configuration", path, data, "", {"what": what})
        return
    try:
        was: tuple[Entry, ...] = parse(before.read(path) or b"", path)
    except UsageError:
        was = ()
    added = beyond(now, was)
    if added:
        count = "one finding" if len(added) == 1 else f"{len(added)} findings"
        named = [f"{entry.rule} in {entry.path}" for entry in added]
        slots = {"count": count, "entries": _some(list(dict.fromkeys(named)))}
        yield _observation("extended-baseline", path, data, added[0].fingerprint, slots)


def _observation(event: str, path: str, data: bytes, word: str, slots: dict[str, str]) -> Observation:
    """An observation at the first line of the file that names `word`, else at its first line."""
    at = max(data.find(word.encode()), 0)
    start = data.rfind(b"\n", 0, at) + 1
    end = data.find(b"\n", at)
    span = Span(path, start, end if end >= 0 else len(data))
    return Observation(event, "", span, " ".join(slots.values()), slots)


def _some(items: Sequence[str]) -> str:
    more = len(items) - _NAMED
    return ", ".join(items[:_NAMED]) + (f" and {more} more" if more > 0 else "")
