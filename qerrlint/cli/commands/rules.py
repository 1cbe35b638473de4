# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint rules`: list the rules."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from qerrlint.cli.exemption_text import markdown_lines
from qerrlint.cli.options import Options, shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qerrlint.report.terminal import Line
    from qerrlint.rules.rule import Rule

# The columns of the list: members of a rule.
_KEYS = ("id", "severity", "confidence")


@click.command("rules")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    help="How to print the list; markdown: with every rule's page.",
)
@shared("rules", "color")
def command(options: Options, form: str) -> None:
    """List the rules by subject, with their severity and confidence.

    `qerrlint explain RULE` shows the page of a rule.
    """
    from qerrlint.rules.loader import load_rules

    rules = load_rules(options.rules)
    if form == "json":
        from qerrlint.report.jsontext import write_json

        write_json({"schema": "qerrlint-rules/1", "rules": [head(rule) for rule in rules]}, sys.stdout)
        return
    if form == "markdown":
        click.echo(_reference(list(rules)), nl=False)
        return
    from qerrlint.report.terminal import BLANK, look_of, prose, write_lines

    heads = ("rule", "severity", "confidence")
    widths = [max(len(head), *(len(getattr(r, _KEYS[n])) for r in rules)) for n, head in enumerate(heads)]

    def row(cells: Sequence[str], title: str, style: str) -> Line:
        text = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return prose((f"{text}  {title}", style), indent=len(text) + 2)

    lines = [row(heads, "title", "bold")]
    for subject, members in by_subject(rules):
        lines += [BLANK, prose((subject, "bold"))]
        for rule in members:
            title = rule.title if rule.enabled else f"{rule.title} (off by default)"
            lines.append(row([getattr(rule, key) for key in _KEYS], title, ""))
    write_lines(lines, sys.stdout, look_of(sys.stdout, options.color))


def by_subject(rules: Iterable[Rule]) -> list[tuple[str, list[Rule]]]:
    """The rules by what they are about, in the order of checks.check.SUBJECTS; no subject without rules."""
    from qerrlint.checks.check import SUBJECTS

    every = list(rules)
    groups = ((subject, [r for r in every if r.analysis in families]) for subject, families in SUBJECTS)
    return [(subject, members) for subject, members in groups if members]


def head(rule: Rule) -> dict[str, object]:
    """A rule's head as JSON has it."""
    return {
        "id": rule.id,
        "title": rule.title,
        "since": rule.since,
        "severity": rule.severity,
        "confidence": rule.confidence,
        "enabled": rule.enabled,
        "analysis": rule.analysis,
        "event": rule.event,
        "labels": list(rule.labels),
    }


def _reference(rules: Sequence[Rule]) -> str:
    """All pages in one Markdown text, a table of the rules before them."""
    out = [
        "<!-- Made from rules/ by `qerrlint rules --format markdown`; do not edit. -->",
        "# Rules",
    ]
    for subject, members in by_subject(rules):
        out += ["", f"**{subject}**", "", "| rule | severity | confidence | |", "|---|---|---|---|"]
        out += [
            f"| [{rule.id}](#{rule.id}) | {rule.severity} | {rule.confidence} | {rule.title}"
            + (" |" if rule.enabled else " (off by default) |")
            for rule in members
        ]
    for rule in rules:
        out += ["", f"## {rule.id}", "", f"{rule.title}."]
        for heading, body in rule.sections.items():
            out += ["", f"### {heading}", "", body]
        exemptions = list(markdown_lines(rule, "###"))
        out += ["", *exemptions] if exemptions else []
    return "\n".join(out) + "\n"
