# SPDX-License-Identifier: GPL-2.0-or-later
"""An Atom feed (RFC 4287) of the reviewed series."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urljoin
from xml.etree import ElementTree

from qerrlint import __version__
from qerrlint.report.printable import one_line, without_surrogates
from qerrlint.report.site.index_page import date_of, result_of
from qerrlint.watch.series_rows import states
from qerrlint.watch.state import WAITING, SeriesRow

MOST = 100
"""How many series the feed has, the newest."""

_ATOM = "http://www.w3.org/2005/Atom"


def feed(rows: Sequence[SeriesRow], newest_run: int, title: str, ident: str, url: str = "") -> str:
    """The feed as text. `ident` is its own id, a URI; `url` is the address of the site, "" where it has none:
    links are relative to the feed then."""
    shown = sorted((row for row in rows if row.state != WAITING), key=lambda row: (-row.time, row.key))[:MOST]
    ElementTree.register_namespace("", _ATOM)
    root = ElementTree.Element(_name("feed"))
    _add(root, "id", ident)
    _add(root, "title", title)
    _add(root, "updated", _date(shown[0]) if shown else "1970-01-01T00:00:00Z")
    _add(root, "generator", "qerrlint", version=__version__)
    _add(root, "link", rel="alternate", type="text/html", href=urljoin(url, "index.html"))
    if url:
        _add(root, "link", rel="self", type="application/atom+xml", href=urljoin(url, "feed.atom"))
    for row in shown:
        _entry(root, row, newest_run, url)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _entry(root: ElementTree.Element, row: SeriesRow, newest_run: int, url: str) -> None:
    entry = ElementTree.SubElement(root, _name("entry"))
    version = f" v{row.version}" if row.version > 1 else ""
    # RFC 2392: the address of a mail.
    _add(entry, "id", f"mid:{quote(without_surrogates(row.key), safe='@')}")
    _add(entry, "title", f"{row.title or '(no subject)'}{version}: {result_of(row)}")
    _add(entry, "updated", _date(row))
    author = ElementTree.SubElement(entry, _name("author"))
    _add(author, "name", row.author.partition("<")[0].strip() or row.author or "unknown")
    _add(entry, "link", rel="alternate", type="text/html", href=urljoin(url, f"series/{quote(row.page)}"))
    for state in states(row, newest_run):
        _add(entry, "category", term=state)
    for name in row.subsystems:
        _add(entry, "category", term=name)
    _add(entry, "content", "\n".join([*row.findings, *row.problems]) or result_of(row), type="text")


def _add(above: ElementTree.Element, name: str, text: str = "", **attributes: str) -> None:
    element = ElementTree.SubElement(
        above, _name(name), {key: _text(value) for key, value in attributes.items()}
    )
    if text:
        element.text = "\n".join(map(_text, text.split("\n")))


def _name(name: str) -> str:
    return f"{{{_ATOM}}}{name}"


def _text(text: str) -> str:
    return without_surrogates(one_line(text))


def _date(row: SeriesRow) -> str:
    return date_of(row).strftime("%Y-%m-%dT%H:%M:%SZ")
