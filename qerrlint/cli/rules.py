# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint rules`: list the rules."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from qerrlint.cli.exemption_text import markdown_lines
from qerrlint.cli.options import Options, shared

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qerrlint.rules.rule import Rule


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
    """List the rules with their severity and confidence.

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
    rows = [("rule", "severity", "confidence", "title")]
    rows += [
        (
            rule.id,
            rule.severity,
            rule.confidence,
            rule.title if rule.enabled else f"{rule.title} (off by default)",
        )
        for rule in rules
    ]
    from qerrlint.report.terminal import look_of, prose, write_lines

    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = []
    for number, (*cells, title) in enumerate(rows):
        text = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        lines.append(prose((f"{text}  {title}", "" if number else "bold"), indent=len(text) + 2))
    write_lines(lines, sys.stdout, look_of(sys.stdout, options.color))


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
        "",
        "| rule | severity | confidence | |",
        "|---|---|---|---|",
    ]
    out += [
        f"| [{rule.id}](#{rule.id}) | {rule.severity} | {rule.confidence} | {rule.title}"
        + (" |" if rule.enabled else " (off by default) |")
        for rule in rules
    ]
    for rule in rules:
        out += ["", f"## {rule.id}", "", f"{rule.title}."]
        for heading, body in rule.sections.items():
            out += ["", f"### {heading}", "", body]
        exemptions = list(markdown_lines(rule, "###"))
        out += ["", *exemptions] if exemptions else []
    return "\n".join(out) + "\n"
