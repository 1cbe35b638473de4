# SPDX-License-Identifier: GPL-2.0-or-later
"""`qerrlint explain RULE`: show a rule's page with its exemptions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from qerrlint.cli.commands.rules import head
from qerrlint.cli.exemption_text import WIDTH, document, markdown_lines, plain_lines
from qerrlint.cli.options import Options, shared

if TYPE_CHECKING:
    from qerrlint.report.terminal import Line
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
@shared("rules", "color")
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
    else:
        from qerrlint.report.terminal import look_of, write_lines

        look = look_of(sys.stdout, options.color)
        width = None if look.width is None else min(look.width, WIDTH)
        write_lines(_lines(rule, width), sys.stdout, replace(look, width=width))


def _status(rule: Rule) -> str:
    state = "" if rule.enabled else ", off by default"
    return f"severity {rule.severity}, confidence {rule.confidence}, since {rule.since}{state}"


def _markdown(rule: Rule) -> str:
    page = f"# {rule.id}: {rule.title}\n\n*{_status(rule)}*\n\n{rule.page.strip()}"
    return "\n".join([page, "", *markdown_lines(rule)]).rstrip()


def _lines(rule: Rule, width: int | None) -> Iterator[Line]:
    """The page as text: headings underlined, code indented, Markdown's quotes left as they are.

    With a `width` a paragraph is one line, to be wrapped; without one it is as in the rule's file.
    """
    from qerrlint.report.terminal import BLANK, DIM, prose, verbatim

    title = f"{rule.id}: {rule.title}"
    yield prose((title, "bold"), indent=0)
    yield verbatim(("=" * min(len(title), width or len(title)), DIM))
    yield prose((_status(rule), DIM), indent=0)
    yield BLANK
    for heading, body in rule.sections.items():
        yield verbatim((heading, "bold"))
        yield verbatim(("-" * len(heading), DIM))
        for fenced, text in _blocks(body, width is not None):
            indent = 2 if text.startswith("- ") else 0
            yield verbatim((f"    {text}".rstrip(), "")) if fenced else prose((text, ""), indent=indent)
        yield BLANK
    for text in plain_lines(rule, width or WIDTH):
        yield prose((text, ""))


def _blocks(body: str, refill: bool) -> Iterator[tuple[bool, str]]:
    """Whether it is code, and the text, of each line or (`refill`) paragraph and list item."""
    fenced = False
    waiting: list[str] = []
    for line in body.split("\n"):
        fence = line.startswith("```")
        if waiting and (fence or not line.strip() or line.startswith(("- ", "|"))):
            yield False, " ".join(waiting)
            waiting = []
        if fence:
            fenced = not fenced
        elif fenced or not refill or not line.strip() or line.startswith("|"):
            yield fenced, line
        else:
            waiting.append(line.strip())
    if waiting:
        yield False, " ".join(waiting)


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
