# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules: find them, select among them and word what an analysis saw; the form of a rule file is rulefile's.

Nothing here knows where the bytes under analysis come from, nor how an analysis works.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from qerrlint.domain.ownership import Pairs
from qerrlint.errors import UsageError
from qerrlint.findings import CONFIDENCES, Finding, Fix, Observation, fingerprint
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.glob_patterns import check_length

if TYPE_CHECKING:
    from qerrlint.domain.ownership import Pair

HEADINGS = ("What it flags", "Why it matters", "Bad", "Good", "What to do", "Not flagged", "Origin")
"""The headings of every rule's page, in this order."""

Where = tuple[tuple[str, str], ...]

SLOT = lazy_re(r"\{([a-z_]+)\}")
FENCE = lazy_re(r"^```(?:c|toml|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LONGEST_VALUE = 120


@record(frozen=True, slots=True)
class Case:
    """What a rule says differently where all of `where` holds; None means as at the rule's top level."""

    where: Where
    message: str | None = None
    severity: str | None = None
    confidence: str | None = None
    advice: str | None = None


@record(frozen=True, slots=True)
class Remark:
    """A finding, the advice that belongs to it, and the line-free key for findings.number_equal()."""

    finding: Finding
    advice: str
    key: str


@record(frozen=True, slots=True)
class Rule:
    """One rule; `path` names its file, `page` is the Markdown text under the fixed headings.

    `subject` are words (their beginnings are enough) by one of which a reviewer speaks of such a flaw.
    `fold` says which findings are told as one (rule_file.FOLDS).
    `touched_only`: of a change it speaks on lines that the change adds, and on no others. `change_only`: it
    speaks of what a change introduces, and never of a tree as it is. `pairs`: the pairs
    of calls that it is about, its own and those of other files that it `uses` by name.
    """

    id: str
    title: str
    since: str
    analysis: str
    event: str
    where: Where
    severity: str
    confidence: str
    message: str
    advice: str
    labels: tuple[str, ...]
    cases: tuple[Case, ...]
    enabled: bool
    path: str
    page: str
    touched_only: bool = False
    change_only: bool = False
    pairs: tuple[Pair, ...] = ()
    uses: tuple[str, ...] = ()
    subject: tuple[str, ...] = ()
    fix: str | None = None
    fold: str = ""

    @property
    def sections(self) -> Mapping[str, str]:
        """The page's text by heading, in the order of HEADINGS."""
        return page_sections(self.page)

    @property
    def examples(self) -> Mapping[str, tuple[str, ...]]:
        """The texts (C, but for rules about other files) under "bad" and "good": each bad one deserves
        this rule, each good one none."""
        sections = self.sections
        return {name.lower(): tuple(FENCE.findall(sections[name])) for name in ("Bad", "Good")}

    def listens(self, observation: Observation) -> bool:
        """Whether the observation is of this rule's event and pairs, and fulfils its `where` table."""
        return (
            observation.event == self.event
            and _holds(self.where, observation.slots)
            and (not self.pairs or any(observation.slots["pair"] == pair.name for pair in self.pairs))
        )

    def remark(self, observation: Observation) -> Remark:
        """Word an observation that this rule listens to, by its first case that fits.

        The confidence is the lower of the rule's and the observation's certainty. Raises LookupError
        when the check left out a slot that the message needs.
        """
        case = next((case for case in self.cases if _holds(case.where, observation.slots)), Case(()))
        confidence = case.confidence or self.confidence
        advice = case.advice or self.advice
        finding = Finding(
            rule=self.id,
            span=observation.primary,
            function=observation.function,
            message=_fill(case.message or self.message, observation),
            severity=case.severity or self.severity,
            confidence=min(confidence, observation.certainty, key=CONFIDENCES.index),
            fingerprint=fingerprint(self.id, observation.function, observation.key),
            steps=observation.trail,
            fixes=(Fix(case.advice or self.fix or advice, observation.edits),) if observation.edits else (),
        )
        return Remark(finding, advice, observation.key)


class RuleSet:
    """Rules by id, in the order of their ids; only enabled ones speak.

    `loaded` is the set that a selection was made of, if any. `known` holds every rule by id as it was loaded,
    also those that a selection has left out. `pairs` are those of all rules, `path_pairs` those that are
    followed along the paths of functions (of the family `ownership`).
    """

    __slots__ = ("_by_id", "_every", "_listeners", "_loaded", "known", "pairs", "path_pairs")

    def __init__(self, rules: Iterable[Rule], loaded: RuleSet | None = None) -> None:
        self._by_id = {rule.id: rule for rule in sorted(rules, key=lambda rule: rule.id)}
        self._every: RuleSet | None = None
        listeners: dict[str, list[Rule]] = {}
        for rule in self._by_id.values():
            if rule.enabled:
                listeners.setdefault(rule.event, []).append(rule)
        self._listeners = listeners
        self._loaded = loaded
        # Every check runs in every run, whichever rules are selected: so the pairs are those of all rules.
        self.known: Mapping[str, Rule]
        self.pairs: Pairs
        self.path_pairs: Pairs
        if loaded is not None:
            self.known, self.pairs, self.path_pairs = loaded.known, loaded.pairs, loaded.path_pairs
            return
        self.known = self._by_id
        self.pairs = _pairs(self.known.values())
        self.path_pairs = _pairs(rule for rule in self.known.values() if rule.analysis == "ownership")

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, rule_id: object) -> bool:
        return rule_id in self._by_id

    def get(self, rule_id: str) -> Rule:
        """The rule of that id; raises UsageError, with the nearest id, when there is none."""
        try:
            return self._by_id[rule_id]
        except KeyError:
            self._unknown(rule_id)

    def remarks(self, observation: Observation) -> tuple[Remark, ...]:
        """What the enabled rules that listen to the observation say of it, in the order of their ids."""
        rules = self._listeners.get(observation.event, ())
        return tuple(rule.remark(observation) for rule in rules if rule.listens(observation))

    def finding(self, observation: Observation) -> tuple[Finding, ...]:
        """The findings of remarks(), without the advice."""
        return tuple(remark.finding for remark in self.remarks(observation))

    def everything(self) -> RuleSet:
        """All rules as loaded, whatever a selection has left out, those that are off by default enabled too.

        Every run judges by all of them and filters its output: what is said of one rule must not depend on
        which others are selected.
        """
        if self._loaded is not None:
            return self._loaded.everything()
        if self._every is None:
            self._every = RuleSet(map(_enabled, self.known.values()), self)
        return self._every

    def is_enabled(self, rule_id: str) -> bool:
        """Whether the rule of that id is in the set and enabled."""
        rule = self._by_id.get(rule_id)
        return rule is not None and rule.enabled

    def select(self, names: Iterable[str] = (), ignore: Iterable[str] = ()) -> RuleSet:
        """The rules that `names` name (ids or glob patterns; none: all enabled ones) less those of `ignore`.

        An id given in full selects a rule that is off by default, a pattern does not. Raises UsageError
        for an id that is unknown and for a pattern that fits none.
        """
        wanted: set[str] = set()
        named = tuple(names)
        for name in named:
            wanted |= {name} if name in self else self._matching(name, only_enabled=True)
        if not named:
            wanted = {rule.id for rule in self if rule.enabled}
        for name in ignore:
            wanted -= self._matching(name)
        loaded = self if self._loaded is None else self._loaded
        return RuleSet((_enabled(rule) for rule in self if rule.id in wanted), loaded)

    def _matching(self, pattern: str, only_enabled: bool = False) -> set[str]:
        from fnmatch import fnmatchcase

        check_length(pattern)
        found = {rule.id for rule in self if fnmatchcase(rule.id, pattern)}
        if not found:
            self._unknown(pattern)
        return {rule_id for rule_id in found if self._by_id[rule_id].enabled or not only_enabled}

    def _unknown(self, name: str) -> NoReturn:
        if set(name) & set("*?["):
            raise UsageError(f"no rule matches {name!r} (see `qerrlint rules`)")
        from difflib import get_close_matches

        near = get_close_matches(name, self._by_id, n=1)
        raise UsageError(
            f"unknown rule {name!r}" + (f"; did you mean {near[0]!r}?" if near else " (see `qerrlint rules`)")
        )


def _enabled(rule: Rule) -> Rule:
    return rule if rule.enabled else replace(rule, enabled=True)


def _pairs(rules: Iterable[Rule]) -> Pairs:
    """The pairs of these rules, each once."""
    return Pairs({pair.name: pair for rule in rules for pair in rule.pairs}.values())


def _holds(where: Where, slots: Mapping[str, str]) -> bool:
    return all(slots.get(slot) == value for slot, value in where)


def _fill(template: str, observation: Observation) -> str:
    def value(match: re.Match[str]) -> str:
        if (text := observation.slots.get(match[1])) is None:
            raise LookupError(f"{observation.event}: without the slot {match[1]!r}")
        text = " ".join(text.split())
        return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 3] + "..."

    text = " ".join(SLOT.sub(value, template).split())
    # An optional last slot (a remedy) that is empty leaves the punctuation before it without use.
    return text.rstrip(" .,;:") if template.endswith("}") and value(_last_slot(template)) == "" else text


def _last_slot(template: str) -> re.Match[str]:
    *_, last = SLOT.finditer(template)
    return last


def page_sections(page: str) -> dict[str, str]:
    """The text under each `## ` heading of a page; a heading inside a code block is none."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    fenced = False
    for line in page.split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        if line.startswith("## ") and not fenced:
            lines = sections.setdefault(line[3:].strip(), [])
        else:
            lines.append(line)
    return {heading: "\n".join(body).strip("\n") for heading, body in sections.items()}
