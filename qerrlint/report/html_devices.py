# SPDX-License-Identifier: GPL-2.0-or-later
"""The device models that a change adds, alters or touches, as tables of the HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from qerrlint.device_page import DeviceChange
from qerrlint.lazy_patterns import lazy_re
from qerrlint.report.htmltext import code, said
from qerrlint.report.queries.device_text import facts
from qerrlint.report.wording import count

# The place in a line of a page: it moves when something above it changes.
_PLACE = lazy_re(r"  \S+:\d+(?=: |\Z)")
_NAMED = 6

# A sign (" ", "+", "-"), a section and a line of it.
_Row = tuple[str, str, str]


def device_section(changes: Sequence[DeviceChange]) -> Iterator[str]:
    """A heading and a table for each type, closed; nothing without types."""
    if not changes:
        return
    yield "<h3>Device models</h3>"
    for change in changes:
        rows = _rows(change)
        page = change.after or change.before
        assert page is not None
        told = f"{page.at.path}:{page.at.line}; {_summary(change, rows)}"
        yield '<details class="device">'
        yield f'<summary>{said(page.name)} <span class="dim">{said(told)}</span></summary>'
        yield '<div class="scroll"><table class="device">'
        last = ""
        for sign, section, text in rows:
            kind = {"+": "added", "-": "removed"}.get(sign, "")
            head = section if section != last else ""
            last = section
            yield f'<tr class="{kind}"><td class="dim">{said(head)}</td><td>{sign} {code(text)}</td></tr>'
        yield "</table></div></details>"


def _rows(change: DeviceChange) -> list[_Row]:
    """The facts of a type; where there are two sides with signs, as in a diff."""
    old, new = (
        [*facts(page), ("parents", " < ".join(page.parents)), ("struct", page.instance_struct)]
        if page is not None
        else []
        for page in (change.before, change.after)
    )
    if change.before is None or change.after is None:
        return [(" ", *fact) for fact in old or new if fact[1]]
    out: list[_Row] = []
    keys = [[(section, _PLACE.sub("", text)) for section, text in side] for side in (old, new)]
    for kind, a, b, c, d in SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_opcodes():
        if kind == "equal":
            out += [(" ", *fact) for fact in new[c:d] if fact[1]]
        else:
            out += [("-", *fact) for fact in old[a:b]]
            out += [("+", *fact) for fact in new[c:d]]
    return out


def _summary(change: DeviceChange, rows: Sequence[_Row]) -> str:
    if change.before is None:
        return "added"
    if change.after is None:
        return "removed"
    number = sum(sign != " " for sign, _, _ in rows)
    parts = [f"{count(number, 'line')} changed"] if number else []
    if change.touched:
        named = ", ".join(f"{name}()" for name in change.touched[:_NAMED])
        more = len(change.touched) - _NAMED
        parts.append(f"touched: {named}" + (f" and {more} more" if more > 0 else ""))
    return "; ".join(parts) or "changed"
