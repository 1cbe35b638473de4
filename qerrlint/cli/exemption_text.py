# SPDX-License-Identifier: GPL-2.0-or-later
"""The exemptions and word lists of a rule's event, as `explain` and `rules` show them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qerrlint.domain.word_lists import WordList
    from qerrlint.policy.exemption_rows import Exemption
    from qerrlint.rules.rule import Rule

HEADING = "Exemptions"
"""The heading above them; it follows those of the rule's page."""

_EFFECTS = {"drop": "not reported", "low": "low confidence", "medium": "medium confidence"}
WIDTH = 100
"""The number of columns of a rule's page; of a narrower terminal all of them."""


def exemptions_of(rule: Rule) -> tuple[Exemption, ...]:
    """The exemptions of the rule's event, in the order of rules/exemptions.toml."""
    from qerrlint.policy.exemption_rows import exemption_rows

    return tuple(row for row in exemption_rows() if rule.event in row.events)


def word_lists_of(rule: Rule) -> tuple[WordList, ...]:
    """The word lists that the check of the rule's event and its exemptions read, each once."""
    from qerrlint.domain.word_lists import word_lists

    named = {name for row in exemptions_of(rule) for name in row.words}
    return tuple(one for one in word_lists() if rule.event in one.events or one.name in named)


def plain_lines(rule: Rule, width: int = WIDTH) -> Iterator[str]:
    """The section as text under an underlined heading; nothing where the event has none."""
    rows, lists = exemptions_of(rule), word_lists_of(rule)
    if not rows and not lists:
        return
    yield HEADING
    yield "-" * len(HEADING)
    for row in rows:
        yield from _filled(f"{row.id} ({_EFFECTS[row.effect]}): {row.reason}.", width=width)
        yield from _filled(f"Source: {row.source}.", "    ", width=width)
        if row.words:
            yield f"    Words: {', '.join(row.words)}."
    for one in lists:
        yield from _filled(f"[{one.name}] {one.about}: {', '.join(one.words)}.", width=width)


def markdown_lines(rule: Rule, level: str = "##") -> Iterator[str]:
    """The section as Markdown; nothing where the event has none."""
    rows, lists = exemptions_of(rule), word_lists_of(rule)
    if not rows and not lists:
        return
    yield f"{level} {HEADING}"
    yield ""
    for row in rows:
        words = f" Words: {', '.join(row.words)}." if row.words else ""
        text = f"- `{row.id}` ({_EFFECTS[row.effect]}): {row.reason}. Source: {row.source}.{words}"
        yield from _filled(text, "", "  ")
    for one in lists:
        yield from _filled(f"- Word list `{one.name}`, {one.about}: {', '.join(one.words)}.", "", "  ")


def document(rule: Rule) -> dict[str, object]:
    """The section as JSON has it."""
    return {
        "exemptions": [
            {
                "id": row.id,
                "effect": row.effect,
                "reason": row.reason,
                "source": row.source,
                "words": list(row.words),
            }
            for row in exemptions_of(rule)
        ],
        "word_lists": [
            {"name": one.name, "about": one.about, "words": dict(one.words)} for one in word_lists_of(rule)
        ],
    }


def _filled(text: str, first: str = "", rest: str = "    ", width: int = WIDTH) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
