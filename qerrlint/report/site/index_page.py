# SPDX-License-Identifier: GPL-2.0-or-later
"""The index of a site of reviews, and the line at the top of each series' page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone

from qerrlint.lazy_patterns import lazy_re
from qerrlint.report.htmltext import page_head, resource, said
from qerrlint.report.wording import count
from qerrlint.watch.series_rows import STATES, SUPERSEDED, states
from qerrlint.watch.state import FAILED, WAITING, SeriesRow

MOST = 2000
"""How many series the index lists, the newest."""

_NAV = lazy_re(r'<nav class="site">.*?</nav>', re.S)


def index_page(rows: Sequence[SeriesRow], newest_run: int, title: str) -> str:
    """The page: a table of the series, the newest first, and a filter by subsystem and state."""
    return "\n".join(_lines(rows, newest_run, title)) + "\n"


def with_site_line(page: str, row: SeriesRow, rows: Mapping[str, SeriesRow]) -> str:
    """A series' page with a line above its title that leads to the index, and to a later version."""
    later = rows.get(row.superseded_by)
    more = ""
    if later is not None:
        more = f' · <a href="{said(later.page)}">superseded by version {later.version}</a>'
    line = f'<nav class="site"><a href="../index.html">all series</a>{more}</nav>'
    if _NAV.search(page):
        return _NAV.sub(lambda _: line, page, count=1)
    return page.replace("<body>\n<header>", f"<body>\n{line}\n<header>", 1)


def failed_page(row: SeriesRow) -> str:
    """The page of a series that could not be reviewed: why."""
    title = f"qerrlint: {row.title}"
    lines = [*page_head(title, resource("page.css")), f"<body>\n<header>\n<h1>{said(title)}</h1>"]
    lines.append("<p><strong>not reviewed</strong></p><ul>")
    lines += [f"<li>{said(problem)}</li>" for problem in row.problems]
    return "\n".join([*lines, "</ul>", "</header>\n</body>\n</html>"]) + "\n"


def date_of(row: SeriesRow) -> datetime:
    """When the newest patch of a series came."""
    return datetime.fromtimestamp(max(row.time, 0), timezone.utc)


def result_of(row: SeriesRow) -> str:
    """What a review came to, in a few words."""
    if row.state == WAITING:
        return f"{row.patches} of {row.total} patches are there"
    if row.state == FAILED:
        return "not reviewed"
    found = ", ".join(count(number, severity) for severity, number in row.counts)
    return found or ("no findings" if row.applied else "no findings in what could be read")


def _lines(rows: Sequence[SeriesRow], newest_run: int, title: str) -> Iterator[str]:
    shown = sorted(rows, key=lambda row: (-row.time, row.key))[:MOST]
    by_key = {row.key: row for row in rows}
    yield from page_head(title, resource("page.css") + resource("site/index.css"), resource("site/index.js"))
    yield f"<body>\n<header>\n<h1>{said(title)}</h1>"
    yield f'<p class="dim">{_count_line(rows, len(shown))} <a href="feed.atom">feed</a></p>'
    yield "</header>\n<main>"
    yield '<form id="filter" hidden>'
    yield from _select("subsystem", sorted({name for row in shown for name in row.subsystems}))
    used = {state for row in shown for state in states(row, newest_run)}
    yield from _select("state", [state for state in STATES if state in used])
    yield '<output id="shown"></output></form>'
    yield '<table class="series"><thead><tr><th>date</th><th>series</th><th>result</th><th>subsystems</th>'
    yield "<th>state</th></tr></thead><tbody>"
    for row in shown:
        yield from _row(row, states(row, newest_run), by_key)
    yield "</tbody></table>\n</main>\n</body>\n</html>"


def _count_line(rows: Sequence[SeriesRow], shown: int) -> str:
    text = f"{len(rows)} series"
    return f"{text}; the newest {shown} are listed." if shown < len(rows) else f"{text}."


def _select(name: str, values: Sequence[str]) -> Iterator[str]:
    yield f'<label>{name} <select name="{name}"><option value="">all</option>'
    yield from (f'<option value="{said(value)}">{said(value)}</option>' for value in values)
    yield "</select></label>"


def _row(row: SeriesRow, own: Sequence[str], rows: Mapping[str, SeriesRow]) -> Iterator[str]:
    # Names are one word each in the attributes, so that the script can split them at blanks.
    names = " ".join(said(name).replace(" ", "-") for name in own)
    folders = " ".join(said(name).replace(" ", "-") for name in row.subsystems)
    yield f'<tr data-state="{names}" data-subsystem="{folders}">'
    day = date_of(row).strftime("%Y-%m-%d")
    yield f'<td class="day">{day}</td>'
    version = f" v{row.version}" if row.version > 1 else ""
    title = said(row.title) or "(no subject)"
    link = title if row.state == WAITING else f'<a href="series/{said(row.page)}">{title}</a>'
    author = said(row.author.partition("<")[0].strip() or row.author)
    patches = count(row.patches, "patch").replace("patchs", "patches")
    yield f'<td>{link}{version}<br><span class="dim">{author}, {patches}</span></td>'
    worst = next((severity for severity, _ in row.counts), "dim")
    yield f'<td class="result"><span class="{said(worst)}">{said(result_of(row))}</span></td>'
    yield f"<td>{', '.join(map(said, row.subsystems))}</td>"
    yield f"<td>{', '.join(_state(state, row, rows) for state in own)}</td></tr>"


def _state(state: str, row: SeriesRow, rows: Mapping[str, SeriesRow]) -> str:
    later = rows.get(row.superseded_by)
    if state != SUPERSEDED or later is None:
        return said(state)
    name = f"superseded by v{later.version}"
    return name if later.state == WAITING else f'<a href="series/{said(later.page)}">{name}</a>'
