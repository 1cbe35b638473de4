# SPDX-License-Identifier: GPL-2.0-or-later
"""The HTML page: each finding in its place, nothing from elsewhere, nothing of a patch that acts in it."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import pytest
from test_report import CHECKED, CLEAN, DROPPED, HUB, PATCHES, SERIES, TWICE, rendered
from test_report_formats import HOSTILE, ODD

from qerrlint.report import render
from qerrlint.result import DiffFile, DiffHunk, DiffLine, Reported, Result

VOID = {"meta"}


@dataclass
class Row:
    """A row of a diff, and the findings that follow it."""

    text: str = ""
    anchors: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """Reads a page strictly: every element is closed in its turn, every link leads to an anchor."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.anchors: list[str] = []
        self.rows: list[Row] = []
        self.headings: list[tuple[str, list[str]]] = []
        self._row: Row | None = None
        self.feed(text)
        self.close()
        assert self.open == []
        assert len(set(self.anchors)) == len(self.anchors)
        links = [value for name, value in self.attributes if name == "href"]
        assert {link.removeprefix("#") for link in links if link} <= set(self.anchors)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        named = dict(attrs)
        anchor = named.get("id")
        if anchor:
            self.anchors.append(anchor)
            if anchor.startswith("finding-"):
                if "tr" in self.open:
                    self.rows[-1].anchors.append(anchor)
                elif self.headings:
                    self.headings[-1][1].append(anchor)
        if tag == "tr" and named.get("class") not in ("says", "hunk"):
            self._row = Row()
            self.rows.append(self._row)
        if tag in ("h2", "h3"):
            self.headings.append(("", []))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "tr":
            self._row = None

    def handle_data(self, data: str) -> None:
        if {"h2", "h3"} & set(self.open):
            title, anchors = self.headings.pop()
            self.headings.append((title + data, anchors))
        if self._row is not None and "tr" in self.open:
            self._row.text += data


def diff(path: str, first: int, place: int | None, lines: str) -> DiffFile:
    """One hunk of added lines, from line `first` of the file and line `place` of the patch's text."""
    rows = tuple(
        DiffLine("+", text, None, first + n, None if place is None else place + n)
        for n, text in enumerate(lines.split("\n"))
    )
    return DiffFile(path, path, "M", False, (DiffHunk("void f(void)", rows),))


def page(result: Result) -> Page:
    return Page(rendered(result, "html"))


SHOWN = replace(
    SERIES,
    findings=(DROPPED, replace(TWICE, diff_line=None), *SERIES.findings[2:]),
    patches=(
        PATCHES[0],
        replace(PATCHES[1], diff=(diff(HUB, 140, 29, "one\ntwo\nthree\nfour"),)),
        PATCHES[2],
    ),
)


@pytest.mark.parametrize("result", [SHOWN, SERIES, CHECKED, CLEAN, HOSTILE])
def test_the_page_is_whole_and_takes_nothing_from_elsewhere(result: Result) -> None:
    text = rendered(result, "html")
    read = Page(text)
    assert text.startswith("<!DOCTYPE html>\n")
    assert not read.tags & {"script", "link", "img", "iframe", "object", "base", "form"}
    names = {name for name, _ in read.attributes}
    assert names <= {"lang", "charset", "http-equiv", "content", "name", "id", "class", "href", "open"}
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text


def test_a_finding_stands_under_the_line_that_it_is_about() -> None:
    read = page(SHOWN)
    assert [(row.text, row.anchors) for row in read.rows] == [
        ("140+one", []),
        ("141+two", []),
        ("142+three", ["finding-1"]),
        ("143+four", []),
    ]


def test_a_finding_without_a_line_in_the_diff_stands_below_its_patch() -> None:
    read = page(SHOWN)
    below = [title for title, anchors in read.headings if "finding-2" in anchors]
    assert below == ["On lines that the diff does not show"]
    titles = [title for title, _ in read.headings]
    assert titles.index("On lines that the diff does not show") < titles.index(
        'patch 2/3 "hw/intc: a notifier"'
    )


def test_files_without_a_finding_are_folded_where_another_has_one() -> None:
    two = (diff("hw/b.c", 1, 11, "x"), *SHOWN.patches[1].diff)
    patches = (PATCHES[0], replace(PATCHES[1], diff=two), PATCHES[2])
    shown = re.findall(
        r'<details class="file"( open)?>\n<summary>(\S+)', rendered(replace(SHOWN, patches=patches), "html")
    )
    assert shown == [("", "hw/b.c"), (" open", HUB)]
    quiet = rendered(replace(SHOWN, patches=patches, findings=()), "html")
    assert quiet.count('<details class="file" open>') == 2


def test_a_line_of_the_diff_that_is_not_there_hides_no_finding() -> None:
    lost = replace(SHOWN, findings=(replace(DROPPED, diff_line=9999),))
    assert [title for title, anchors in page(lost).headings if anchors] == [
        "On lines that the diff does not show"
    ]


def test_what_is_repaired_or_allowed_is_credited() -> None:
    text = rendered(SHOWN, "html")
    repaired, allowed = re.findall(r"<li>?(?: class=\"dim\")?>?(?:<strong[^>]*>)?(fixed:|suppressed:)", text)
    assert (repaired, allowed) == ("fixed:", "suppressed:")
    assert "(checked by hand)" in text


def test_a_change_of_the_tree_is_shown_by_lines_of_the_file() -> None:
    found: list[Reported] = [
        replace(DROPPED, patch=None, diff_line=None),
        replace(TWICE, patch=None, transient=False),
    ]
    result = replace(CLEAN, findings=tuple(found), diff=(diff(HUB, 141, None, "one\ntwo"),))
    read = page(result)
    assert [(row.text, row.anchors) for row in read.rows] == [("141+one", []), ("142+two", ["finding-1"])]
    assert [title for title, anchors in read.headings if anchors] == ["On lines that the diff does not show"]


def test_check_goes_by_file() -> None:
    several = replace(CHECKED, findings=(CHECKED.findings[0], replace(TWICE, status=None, patch=None)))
    assert [(title, anchors) for title, anchors in page(several).headings if anchors] == [
        (HUB, ["finding-1"]),
        ("hw/timer/quartz.c", ["finding-2"]),
    ]


def test_text_of_a_patch_stays_text() -> None:
    lines = diff(HUB, 142, 31, f"{ODD}</td></table><script>alert(1)</script>\x1b[2J\u202e\t;")
    patches = (HOSTILE.patches[0], replace(PATCHES[1], diff=(lines,)), HOSTILE.patches[2])
    text = rendered(replace(HOSTILE, patches=patches), "html")
    Page(text)
    assert "<script" not in text
    assert "<b>" not in text
    assert not set(text) & set("\x1b\u202e")
    assert r"\x1b[2J\u202e" + "\t;" in text
    assert "&lt;b&gt;&amp;amp; ]]&gt;" in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("form", ["html", "junit"])
def test_a_stream_that_is_not_utf8_gets_references(form: str, encoding: str) -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding, newline="")
    render(HOSTILE, form, stream)
    stream.flush()
    # Both declare themselves as UTF-8, so no byte of another encoding may be in them.
    assert "&#228;&#8364;" in buffer.getvalue().decode("ascii")


def test_json_is_utf8_or_ascii() -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="latin-1", newline="")
    render(replace(CHECKED, notices=("größe",)), "sarif", stream)
    stream.flush()
    assert rb"gr\u00f6\u00dfe" in buffer.getvalue()
