# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings for which another one is told, matched with those that are told.

Of several findings of one group (a chain of calls after one Error that is not checked) one is told, and of a
call whose Error is set a second time later the second set alone. A change can make that another one, and
neither mend the first nor bring about the second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace

from qerrlint.engine.located import Located
from qerrlint.findings import Finding
from qerrlint.review.matching.findings import Delta, match
from qerrlint.rules.rule import RuleSet

# A call whose Error is not checked is told as the first of two sets where the Error is set again.
_SET_AGAIN = "error-set-twice"
_FIRST_SETS = frozenset({"leaked-error", "success-with-error", "unchecked-call"})

Renamed = Callable[[str], str | None]
Mark = tuple[str, str]


def settle_groups(
    delta: Delta,
    beside_before: Sequence[Located],
    beside_after: Sequence[Located],
    renamed: Renamed,
    settle: Callable[[Delta], Delta] = lambda delta: delta,
) -> Delta:
    """The delta without what was there before, or is still there, beside a finding that is told.

    What looks introduced and was there is persisting. What looks fixed and is there still is left out:
    another finding of its group is told. `beside_before` and `beside_after` are the findings that are not
    told, `renamed` gives a file's path afterwards, `settle` matches what a change has written anew.
    """
    if delta.introduced and beside_before:
        was_there = settle(match(beside_before, delta.introduced, renamed))
        persisting = (*delta.persisting, *was_there.persisting)
        delta = replace(delta, introduced=was_there.introduced, persisting=persisting)
    if delta.fixed and beside_after:
        is_there = settle(match(delta.fixed, beside_after, renamed))
        delta = replace(delta, fixed=is_there.fixed)
    return delta


def may_be_mates(delta: Delta, renamed: Renamed) -> list[tuple[Located, Located]]:
    """The pairs of a fixed and an introduced finding of one rule in one function: of these one may have been
    told for the other."""
    introduced: dict[tuple[str, ...], list[Located]] = defaultdict(list)
    for new in delta.introduced:
        introduced[new.path, new.finding.function, new.finding.rule].append(new)
    return [
        (old, new)
        for old in delta.fixed
        for new in introduced.get((renamed(old.path) or "", old.finding.function, old.finding.rule), ())
    ]


def settle_mates(
    delta: Delta, mates: Iterable[tuple[Located, Located]], was: Container[Mark], remains: Container[Mark]
) -> Delta:
    """The delta with the findings of one group that take the place of another one among the persisting: a
    group is one mistake. `was` has the marks of the findings that are not told before, `remains` those that
    are not told afterwards."""
    fixed, introduced, pairs = list(delta.fixed), list(delta.introduced), list(delta.persisting)
    for old, new in mates:
        if old in fixed and new in introduced and (mark_of(new) in was or mark_of(old) in remains):
            fixed.remove(old)
            introduced.remove(new)
            pairs.append((old, new))
    return Delta(tuple(introduced), tuple(fixed), tuple(pairs))


def mark_of(found: Located | Finding) -> Mark:
    """What tells a finding from the others of its rule in the functions of one name."""
    finding = found.finding if isinstance(found, Located) else found
    return finding.function, finding.fingerprint


def settle_first_sets(delta: Delta, rules: RuleSet) -> Delta:
    """The delta without calls that a second set of their Error is told for, before or afterwards.

    Where a change puts a second set behind an unchecked call, that call is not mended; where it takes the
    second set away, the unchecked call was there.
    """

    def event(found: Located) -> str:
        return rules.get(found.finding.rule).event

    twice_after = [new for new in (*delta.introduced, *_second(delta)) if event(new) == _SET_AGAIN]
    twice_before = [old for old in (*delta.fixed, *_first(delta)) if event(old) == _SET_AGAIN]
    if not twice_after and not twice_before:
        return delta
    fixed = [
        old
        for old in delta.fixed
        if event(old) not in _FIRST_SETS or not any(_is_first_set(old, new) for new in twice_after)
    ]
    introduced: list[Located] = []
    pairs = list(delta.persisting)
    for new in delta.introduced:
        asked = twice_before if event(new) in _FIRST_SETS else ()
        was = next((old for old in asked if _is_first_set(new, old)), None)
        if was is None:
            introduced.append(new)
        else:
            pairs.append((was, new))
    return Delta(tuple(introduced), tuple(fixed), tuple(pairs))


def _is_first_set(call: Located, twice: Located) -> bool:
    """Whether the call of a finding is a step of another one, of a second set in the same function."""
    if call.finding.function != twice.finding.function:
        return False
    text = call.place.source.strip()
    return any(step.place.source.strip() == text for step in twice.steps)


def _first(delta: Delta) -> Iterable[Located]:
    return (old for old, _ in delta.persisting)


def _second(delta: Delta) -> Iterable[Located]:
    return (new for _, new in delta.persisting)
