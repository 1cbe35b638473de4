# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of an HTML page, as a reader copies it; what is no text (styles, scripts) is left out.

The standard library's html.parser takes time that grows with the square of the length on some pages, in the
versions of Python before 3.13.4; this scan looks at each character a bounded number of times.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from qerrlint.lazy_patterns import lazy_re

_BLOCK_TAGS = (
    "p div br li ul ol tr table pre hr title section article header footer nav main h1 h2 h3 h4 h5 h6 "
    "blockquote form body head dl dt dd"
)
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_HIDDEN = frozenset(("script", "style", "template", "noscript"))
# Elements whose content has no tags, up to the closing tag.
_RAW = frozenset(("script", "style"))
_NAME = lazy_re(r"/?([A-Za-z][A-Za-z0-9:-]{0,30})")
_PRE_STYLE = lazy_re(r"white-space:\s?pre", re.I)
_TAG = lazy_re(r"<(?=[A-Za-z/!?])")
_TAG_MARK = lazy_re(r"[\"'>]")
# html.unescape() makes a number of the digits, which Python refuses for thousands of them.
_HUGE_REFERENCE = lazy_re(r"&#[xX]?[0-9a-fA-F]{8,}")


def html_text(page: str) -> str:
    """The text of a page, with the layout of its <pre> blocks kept; a no-break space is a blank."""
    out = _Text()
    for kind, text in _tokens(page):
        if kind == "text":
            out.text(html.unescape(_HUGE_REFERENCE.sub("", text)))
        else:
            out.tag(text)
    found = "".join(out.pieces).replace("\xa0", " ")
    return found if out.had_pre else re.sub(r"(?<![ \t])[ \t]+\n", "\n", found)


def html_bytes(data: bytes) -> str:
    """The text of a page in the charset that it declares, else in UTF-8."""
    from qerrlint.patch.mail.headers import codec

    declared = re.search(rb"charset=[\"']?([\w.:-]{1,40})", data[:2048])
    name = codec(declared[1].decode("ascii", "replace")) if declared else None
    try:
        page = data.decode(name or "utf-8", "replace")
    except (UnicodeError, ValueError):
        page = data.decode("utf-8", "replace")
    return html_text(re.sub("[\ud800-\udfff]", "\ufffd", page))


def _tokens(page: str) -> Iterator[tuple[str, str]]:
    """Texts, and tags without their angle brackets, in their order; comments and declarations are dropped."""
    at = 0
    ends = _Ends(page)
    while at < len(page):
        found = _TAG.search(page, at)
        if found is None:
            break
        start = found.start()
        if start > at:
            yield "text", page[at:start]
        if page.startswith("<!--", start):
            end = ends.find("-->", start + 4)
            at = len(page) if end < 0 else end + 3
        elif page.startswith(("<!", "<?"), start):
            end = ends.find(">", start)
            at = len(page) if end < 0 else end + 1
        elif (name := _NAME.match(page, start + 1)) is not None:
            end = _tag_end(page, name.end(), ends)
            if end < 0:
                yield "text", page[start:]  # a tag that is never closed, or none
                return
            yield "tag", page[start + 1 : end]
            at = end + 1
            if name[1].lower() in _RAW and page[start + 1] != "/":
                closing = re.compile(rf"</{name[1]}", re.I).search(page, at)
                at = len(page) if closing is None else closing.start()
        else:
            yield "text", "<"
            at = start + 1
    if at < len(page):
        yield "text", page[at:]


class _Ends:
    """Searches in a page that remember for what there is no more of it, so that none is made twice."""

    def __init__(self, page: str) -> None:
        self._page = page
        self._none: set[str] = set()

    def find(self, text: str, at: int) -> int:
        """Where the text stands next from `at` on, -1 for nowhere. Callers ask in ascending order."""
        if text in self._none:
            return -1
        found = self._page.find(text, at)
        if found < 0:
            self._none.add(text)
        return found


def _tag_end(page: str, at: int, ends: _Ends) -> int:
    """Where the `>` of a tag stands; those in quoted values do not count, unless a quote has no end."""
    while True:
        mark = _TAG_MARK.search(page, at)
        if mark is None or mark[0] == ">":
            return -1 if mark is None else mark.start()
        closed = ends.find(mark[0], mark.end())
        if closed < 0:
            return ends.find(">", at)
        at = closed + 1


class _Text:
    """The text collected: verbatim inside <pre>, with blanks folded and a newline at each block elsewhere."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.had_pre = False
        self._open: list[bool] = []  # for each open block that may keep its layout: whether it does
        self._pre = 0
        self._hidden = 0

    def text(self, data: str) -> None:
        """Add text."""
        if self._hidden:
            return
        if self._pre:
            self.pieces.append(data.replace("\r\n", "\n"))
        elif data.strip(" \t\r\n"):
            folded = re.sub(r"[ \t\r\n]+", " ", data)
            at_start = not self.pieces or self.pieces[-1].endswith("\n")
            self.pieces.append(folded.lstrip(" ") if at_start and data[:1] in "\r\n" else folded)
        elif self.pieces and not self.pieces[-1].endswith(("\n", " ")):
            self.pieces.append(" ")

    def tag(self, text: str) -> None:
        """Take a tag: an edge between lines, or the beginning or end of what is shown in another way."""
        closing = text.startswith("/")
        match = _NAME.match(text)
        name = match[1].lower() if match is not None else ""
        if name in _HIDDEN:
            self._hidden = max(0, self._hidden + (-1 if closing else 1))
        if name in _BLOCKS and (not self._pre or name in ("pre", "br", "div", "p")):
            self._edge(name, closing)
        if name == "pre":
            self._pre = max(0, self._pre + (-1 if closing else 1))
            self.had_pre = True
        elif name in ("div", "p", "td", "blockquote"):
            self._styled(text, closing)

    def _edge(self, name: str, closing: bool) -> None:
        ended = not self.pieces or self.pieces[-1].endswith("\n")
        if not ended:
            self.pieces.append("\n")
        if name == "br" and (ended or self._pre) and not closing:
            self.pieces.append("\n")

    def _styled(self, text: str, closing: bool) -> None:
        """A block whose style keeps its layout, as mailers write it, is as good as <pre>."""
        if closing:
            if self._open:
                self._pre -= self._open.pop()
            return
        keeps = _PRE_STYLE.search(text) is not None
        self._open.append(keeps)
        self._pre += keeps
