# SPDX-License-Identifier: GPL-2.0-or-later
"""The HTML page: each finding in its place, nothing from elsewhere, nothing of a patch that acts in it."""

from __future__ import annotations

import hashlib
import io
import re
from base64 import b64encode
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from itertools import pairwise

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
    assert not read.tags & {"link", "img", "iframe", "object", "base", "form"}
    names = {name for name, _ in read.attributes}
    assert names <= {"lang", "charset", "http-equiv", "content", "name", "id", "class", "href", "open", "rel"}
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.S)
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in text, "no other script can run"
    assert "fetch" not in script
    assert "innerHTML" not in script
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text


def test_a_finding_stands_under_the_line_that_it_is_about() -> None:
    read = page(SHOWN)
    assert [(row.text, row.anchors) for row in read.rows] == [
        ("140+one", []),
        ("141+two", []),
        ("142+three", ["finding-2"]),
        ("143+four", []),
    ]


STATEMENT = """\
    if (pulse_hub_arm(hub,
                      line) < 0 ||
        !hub->lines) {
        return;
    }"""


@pytest.mark.parametrize(("end", "below"), [(140, 2), (141, 2)])
def test_a_finding_stands_below_its_whole_statement(end: int, below: int) -> None:
    place = replace(DROPPED.place, line=140, end_line=end)
    found = replace(DROPPED, place=place, diff_line=29)
    patches = (PATCHES[0], replace(PATCHES[1], diff=(diff(HUB, 140, 29, STATEMENT),)), PATCHES[2])
    read = page(replace(SHOWN, patches=patches, findings=(found,)))
    assert [bool(row.anchors) for row in read.rows] == [number == below for number in range(5)]


def test_a_statement_that_the_hunk_cuts_off_has_its_finding_at_the_end_of_the_hunk() -> None:
    place = replace(DROPPED.place, line=140, end_line=150)
    patches = (PATCHES[0], replace(PATCHES[1], diff=(diff(HUB, 140, 29, "f(a,\n  b,"),)), PATCHES[2])
    read = page(replace(SHOWN, patches=patches, findings=(replace(DROPPED, place=place, diff_line=29),)))
    assert [bool(row.anchors) for row in read.rows] == [False, True]


def test_removed_lines_are_no_part_of_the_statement() -> None:
    rows = (
        DiffLine("-", "f(a);", 140, None, 28),
        DiffLine("+", "f(a,", None, 140, 29),
        DiffLine("-", "g(b);", 141, None, 30),
        DiffLine("+", "  b);", None, 141, 31),
        DiffLine(" ", "h();", 142, 142, 32),
    )
    file = DiffFile(HUB, HUB, "M", False, (DiffHunk("", rows),))
    place = replace(DROPPED.place, line=140, end_line=141)
    patches = (PATCHES[0], replace(PATCHES[1], diff=(file,)), PATCHES[2])
    read = page(replace(SHOWN, patches=patches, findings=(replace(DROPPED, place=place, diff_line=29),)))
    assert [bool(row.anchors) for row in read.rows] == [False, False, False, True, False]


def test_errors_come_first_and_each_finding_leads_to_its_neighbours() -> None:
    text = rendered(SHOWN, "html")
    (listed,) = re.findall(r'<ul id="findings">(.*?)</ul>', text, re.S)
    severities = re.findall(r'<span class="(error|warning|note)">', listed)
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert len(severities) > 1
    order = re.findall(r'<a href="#(finding-\d+)">', listed)
    links = {
        box: dict(re.findall(r'<a rel="(prev|next)" href="#(finding-\d+)">', rest))
        for box, rest in re.findall(r'<div class="finding \w+" id="(finding-\d+)">\n(.*)', text)
    }
    for before, after in pairwise(order):
        assert links[before]["next"] == after
        assert links[after]["prev"] == before
    assert "prev" not in links[order[0]]
    assert "next" not in links[order[-1]]


def test_backticks_become_code() -> None:
    found = replace(TWICE, message="`a < b` is true", advice="write `return;`, or ` alone")
    text = rendered(replace(CHECKED, findings=(found,)), "html")
    assert "<code>a &lt; b</code> is true" in text
    assert "write <code>return;</code>, or ` alone" in text


def test_a_finding_without_a_line_in_the_diff_stands_below_its_patch() -> None:
    read = page(SHOWN)
    below = [title for title, anchors in read.headings if "finding-1" in anchors]
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
    assert [(row.text, row.anchors) for row in read.rows] == [("141+one", []), ("142+two", ["finding-2"])]
    assert [title for title, anchors in read.headings if anchors] == ["On lines that the diff does not show"]


def test_check_goes_by_file() -> None:
    several = replace(CHECKED, findings=(CHECKED.findings[0], replace(TWICE, status=None, patch=None)))
    assert [(title, anchors) for title, anchors in page(several).headings if anchors] == [
        (HUB, ["finding-2"]),
        ("hw/timer/quartz.c", ["finding-1"]),
    ]


def test_text_of_a_patch_stays_text() -> None:
    lines = diff(HUB, 142, 31, f"{ODD}</td></table><script>alert(1)</script>\x1b[2J\u202e\t;")
    patches = (HOSTILE.patches[0], replace(PATCHES[1], diff=(lines,)), HOSTILE.patches[2])
    text = rendered(replace(HOSTILE, patches=patches), "html")
    Page(text)
    assert text.count("<script") == 1
    assert "alert(1)" not in "".join(re.findall(r"<script>.*?</script>", text, re.S))
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
