# SPDX-License-Identifier: GPL-2.0-or-later
"""HTML of single things: text, code with a marked place, one finding.

Whatever comes from a patch goes through said() or code(), and nothing else writes into an element.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files

from qerrlint.lazy_patterns import lazy_re
from qerrlint.report.printable import one_line, printable_code
from qerrlint.report.wording import circumstances, position, raised
from qerrlint.result import Place, Reported, Result

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src {script}; base-uri 'none'; form-action 'none'"
)
_QUOTED = lazy_re(r"`([^`]+)`")


def resource(name: str) -> str:
    """The text of a file that lies beside this module, by its path."""
    return files("qerrlint.report").joinpath(name).read_text("utf-8")


def page_head(title: str, style: str, script: str = "") -> Iterator[str]:
    """The start of a page up to its body. Nothing but this style and script is in force: a policy says so."""
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = _POLICY.format(script=f"'sha256-{digest}'" if script else "'none'")
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="color-scheme" content="light dark">'
    yield f"<title>{said(title)}</title>"
    yield f"<style>\n{style}</style>"
    if script:
        yield f"<script>{script}</script>"
    yield "</head>"


def said(text: str) -> str:
    """Prose as one line, fit for an element and for a quoted attribute."""
    return escape(one_line(text))


def prose(text: str) -> str:
    """As said(), with what stands in backticks as code."""
    return _QUOTED.sub(r"<code>\1</code>", said(text))


def code(text: str) -> str:
    """A line of code; tabs stay, any other control character becomes visible."""
    return escape(printable_code(text.rstrip("\r\n")))


def marked(place: Place) -> str:
    """The place's first line in a block of its own, the place marked; the empty text where it is unknown."""
    if not place.source.strip():
        return ""
    raw = place.source.rstrip().encode("utf-8", "surrogateescape")
    start = min(place.column - 1, len(raw))
    end = min(max(place.end_column - 1, start), len(raw)) if place.end_line == place.line else len(raw)
    before, there, after = (
        code(part.decode("utf-8", "surrogateescape")) for part in (raw[:start], raw[start:end], raw[end:])
    )
    return f'<span class="code">{before}<mark>{there}</mark>{after}</span>'


def finding(
    found: Reported, result: Result, anchor: str, with_code: bool, links: Sequence[tuple[str, str, str]] = ()
) -> Iterator[str]:
    """A finding in a box that links can name; `with_code` where its line does not stand above it.

    `links` are (rel, text, anchor) of the findings before and after it.
    """
    yield from _head(found, anchor, links)
    if with_code:
        yield f"<p><code>{said(position(found.place))}</code></p>{marked(found.place)}"
    for text in circumstances(found, result):
        yield f'<p class="dim">{prose(text)}</p>'
    if found.steps:
        yield "<details open><summary>path to it</summary><ol>"
        for step in found.steps:
            where = f"<code>{said(position(step.place))}</code>"
            yield f"<li>{where} {prose(step.message)}{marked(step.place)}</li>"
        yield "</ol></details>"
    if found.raised_by is not None:
        yield f"<p>{said(raised(found))}</p>"
    if found.advice:
        yield f"<p><strong>help:</strong> {prose(found.advice)}</p>"
    yield f'<p class="dim"><code>qerrlint explain {said(found.rule)}</code></p></div>'


def repeated(found: Reported, anchor: str, lead: str, links: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """The box of a finding that says what another one has said; `lead` is a link to that one."""
    yield from _head(found, anchor, links)
    yield f"<p><code>{said(position(found.place))}</code>, as at {lead}</p></div>"


def _head(found: Reported, anchor: str, links: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    yield f'<div class="finding {said(found.severity)}" id="{said(anchor)}">'
    kind = f"{said(found.severity)} <code>{said(found.rule)}</code>"
    if links:
        others = " ".join(f'<a rel="{rel}" href="#{said(to)}">{text}</a>' for rel, text, to in links)
        yield f'<p class="others">{others}</p>'
    yield f'<p class="head"><strong>{kind}: {prose(found.message)}</strong></p>'


def credit(found: Reported) -> str:
    """A finding that is repaired, or allowed, in one line."""
    head = f"<code>{said(position(found.place))}</code> {said(found.rule)}: {prose(found.message)}"
    if found.suppressed is not None:
        reason = f" ({said(found.suppressed)})" if found.suppressed else ""
        return f'<li class="dim">suppressed: {head}{reason}</li>'
    return f'<li><strong class="fixed">fixed:</strong> {head}</li>'
