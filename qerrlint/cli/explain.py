# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint explain RULE`: show a rule's page with its exemptions."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from qerrlint.cli.exemption_text import document, markdown_lines, plain_lines
from qerrlint.cli.options import Options, shared
from qerrlint.cli.rules import head

if TYPE_CHECKING:
    from qerrlint.rules.rule import Rule


def _rule_ids(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The rules that a shell may complete to."""
    from qerrlint.rules.loader import load_rules

    return [rule.id for rule in load_rules() if rule.id.startswith(incomplete)]


@click.command("explain")
@click.argument("rule_id", metavar="RULE", shell_complete=_rule_ids)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    help="How to print the page.",
)
@shared("rules")
def command(options: Options, rule_id: str, form: str) -> None:
    """Show what RULE flags, why it matters, examples, what to do, and what is not flagged.

    Its exemptions follow: when a finding is not reported, or with less confidence, and why.
    """
    from qerrlint.rules.loader import load_rules

    rule = load_rules(options.rules).get(rule_id)
    if form == "json":
        from qerrlint.report.jsontext import write_json

        write_json(_document(rule), sys.stdout)
    elif form == "markdown":
        click.echo(_markdown(rule))
    elif sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        from rich.console import Console
        from rich.markdown import Markdown

        console = Console()
        console.print(Markdown(_markdown(rule)), width=min(console.width, 100))
    else:
        click.echo(_plain(rule))


def _status(rule: Rule) -> str:
    state = "" if rule.enabled else ", off by default"
    return f"severity {rule.severity}, confidence {rule.confidence}, since {rule.since}{state}"


def _markdown(rule: Rule) -> str:
    page = f"# {rule.id}: {rule.title}\n\n*{_status(rule)}*\n\n{rule.page.strip()}"
    return "\n".join([page, "", *markdown_lines(rule)]).rstrip()


def _plain(rule: Rule) -> str:
    """The page as text: headings underlined, code indented, Markdown's quotes left as they are."""
    title = f"{rule.id}: {rule.title}"
    out = [title, "=" * len(title), _status(rule), ""]
    for heading, body in rule.sections.items():
        out += [heading, "-" * len(heading)]
        fenced = False
        for line in body.split("\n"):
            if line.startswith("```"):
                fenced = not fenced
            else:
                out.append(f"    {line}".rstrip() if fenced else line)
        out.append("")
    out += plain_lines(rule)
    return "\n".join(out).rstrip()


def _document(rule: Rule) -> dict[str, object]:
    return {
        "schema": "qerrlint-rule/1",
        **head(rule),
        "message": rule.message,
        "advice": rule.advice,
        "sections": dict(rule.sections),
        "examples": {name: list(texts) for name, texts in rule.examples.items()},
        **document(rule),
    }
