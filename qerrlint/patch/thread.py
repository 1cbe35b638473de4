# SPDX-License-Identifier: GPL-2.0-or-later
"""Replies: what they quote and what they remark below a quoted diff line; it judges no remark's content."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from qerrlint.lazy_patterns import lazy_re
from qerrlint.patch.message import Message
from qerrlint.patch.quote_matching import Places
from qerrlint.records import record

# A shorter line is no line of code that was pasted to be spoken of, and neither is one without its marks.
_PASTED = 10
_CODE = lazy_re(r"[;{}()=]")
# How many quoted diff lines above a remark belong to its context.
_CONTEXT = 12

_MARKS = lazy_re(r"[ \t]?(>(?:[ \t]?>)*)[ \t\xa0]?")
_ADDRESS = lazy_re(r"([^<]*)<([^<>]*)>")
_SIGNATURE = lazy_re(r"--[ \xa0]?$|_{20,}$|-{3,} ?original message ?-{3,}", re.I)
_OUTLOOK = lazy_re(r"From: .+\n(?:Sent|Date): ", re.I)
_WROTE = lazy_re(r"\b(?:wrote|writes|said|schrieb|a écrit|escribió)\b")
_DATED = lazy_re(r"(?:On|Am|Le|El|At)\b")
_TIME = lazy_re(r"\d{4}|\d:\d\d")
_MAIL_ADDRESS = lazy_re(r"<[^\s<>@]+@[^\s<>@]+>")
_NO_SUBSTANCE = lazy_re(
    r"""(?:
      (?:hi|hello|hey|dear)\b.{0,40}
    | (?:many\ |big\ )?(?:thanks?|thx|cheers|(?:kind\ |best\ |warm\ )?regards|best|br|greetings|bye)\b.{0,40}
    | [-~\u2013\u2014]{1,2}\s?[A-Za-z].{0,30}
    | (?:lgtm|ok|okay|yes|yep|no|done|sure|fixed|will\ (?:do|fix)|ack|nice|good\ catch)
    | (?:agreed?|right|indeed|ditto)
    | (?:[A-Z][\w]*-)+(?:by|with|at|on):.*
    | (?:fixes|link|message-id|cc|closes|resolves|based-on|queued)\b\s?:.*
    | /[a-z]{2,12}/?
    )[\s.!,;:)-]*""",
    re.I | re.X,
)
# Marks of what a quote leaves out. Counts are bounded: a dot can be of the mark or of what follows it.
_ELISION = lazy_re(
    r"[\[<({]{0,3}\s?(?:\.{2,20}|…|snip(?:ped)?|cut|trimmed|\.\.\.\s?snip.*)\s?[\])>}]{0,3}[\s.!,;:)-]{0,10}",
    re.I,
)
# Answers to a series quote so many places at most; more were made to be matched, not to be read.
MOST_QUOTES = 5_000


@record(frozen=True, slots=True)
class Quote:
    """Quoted lines of one level (1: the mail replied to), without their marks, and the text by the
    reply's author that follows them directly ("" when another quote does)."""

    quoted_text: str
    level: int
    following_remark: str


@record(frozen=True, slots=True)
class Reply:
    """A mail that answers a patch: `patch` is the patch's index in the series, 0 for the cover letter,
    None when it answers none that is known."""

    message: Message
    patch: int | None
    quotes: tuple[Quote, ...]


@record(frozen=True, slots=True)
class Remark:
    """New text of a reply's author below quoted lines of a diff.

    `line_text` is the nearest quoted diff line above it that has a word in it, with its sign;
    `context_lines` the quoted diff lines up to and with it. Where the patch is known and the line was
    found in it: `path`, and in `covers` the lines of the patch text that the quote shows, the last one
    being `text_line`; in `below` those of the next lines that the quote after the remark shows, for some
    write above what they speak of.
    """

    line_text: str
    context_lines: tuple[str, ...]
    remark: str
    sender: str
    message_id: str | None
    date: datetime | None = None
    path: str | None = None
    text_line: int | None = None
    covers: tuple[int, ...] = ()
    below: tuple[int, ...] = ()


def quotes(text: str) -> tuple[Quote, ...]:
    """The quotes of a mail's text in order; signature and list footer do not count as remarks."""
    found: list[Quote] = []
    lines: list[str] = []
    level = 0
    for depth, line in _levels(text):
        if depth != level:
            _take(found, lines, level)
            lines, level = [], depth
        lines.append(line)
    _take(found, lines, level)
    return tuple(found)


class _Quoted:
    """What a reply has quoted up to a place; `place` is as of remarks()."""

    def __init__(self, place: Places | None) -> None:
        self._place = place
        self._diff_lines: list[str] = []
        self._in_diff = False
        # Since the author's last own words: the number of diff lines, and all that was quoted.
        self._fresh = 0
        self._shown: list[str] = []

    def add(self, text: str) -> None:
        """More text is quoted."""
        for line in text.split("\n"):
            if line.startswith(("diff --git ", "@@ -")):
                self._in_diff = True
                self._diff_lines.clear()
                self._fresh = 0
            elif _is_diff_line(line, self._in_diff) or (self._place is not None and self._place.knows(line)):
                self._diff_lines.append(line)
                self._fresh += 1
        self._shown.append(text)

    def without_wrapped(self, own: str) -> str:
        """The author's words, without what the mailer has wrapped off the last quoted line: the quote goes on
        with it."""
        if self._place is None or not self._fresh:
            return own
        tail = self._place.wrapped_off(self._diff_lines[-1], own)
        if tail:
            self._diff_lines[-1] += own[:tail].replace("\n", " ").rstrip()
            self._shown.append(own[:tail])
        return own[tail:]

    def context(self) -> tuple[str, ...]:
        """The diff lines up to the last one with a word that was quoted since the author's last own words."""
        last = next((i for i in range(1, self._fresh + 1) if re.search(r"\w", self._diff_lines[-i])), None)
        end = len(self._diff_lines) - last + 1 if last is not None else 0
        return tuple(self._diff_lines[max(0, end - _CONTEXT) : end])

    def shown(self) -> str:
        """All that was quoted since the author's last own words."""
        return "\n".join(self._shown)

    def answered(self) -> None:
        """The author's own words follow."""
        self._fresh = 0
        self._shown.clear()


def remarks(reply: Reply, place: Places | None = None) -> tuple[Remark, ...]:
    """What the reply's author says below quoted diff lines; greetings, thanks and tags are no remarks.

    `place` has the lines of the patch that is answered, to find the quoted ones in.
    """
    found = _after_pasted(reply, place) if place is not None else []
    quoted = _Quoted(place)
    for number, quote in enumerate(reply.quotes):
        quoted.add(quote.quoted_text)
        if not quote.following_remark:
            continue
        own = quoted.without_wrapped(quote.following_remark)
        if own != quote.following_remark and not own.strip():
            continue
        remark = substance(own, reply.message.sender)
        context = quoted.context()
        path, covers = place.find(context) if place is not None and context else (None, ())
        if place is not None and remark and path is None:
            path, covers = place.find_flowed(quoted.shown())
            if path is not None and not context:
                context = tuple(line for line in quote.quoted_text.split("\n") if line.strip())[-1:]
        if remark and context:
            found.append(
                Remark(
                    context[-1],
                    context,
                    remark,
                    reply.message.sender,
                    reply.message.message_id,
                    reply.message.date,
                    path,
                    covers[-1] if covers else None,
                    covers,
                    _below(reply.quotes[number : number + 2], covers, place),
                )
            )
        quoted.answered()
    return tuple(found)


def _after_pasted(reply: Reply, place: Places) -> list[Remark]:
    """What stands after lines of the patch that the author has pasted without marks of a quote."""
    found: list[Remark] = []
    pasted: list[str] = []
    own: list[str] = []

    def end() -> None:
        said = substance("\n".join(own), reply.message.sender)
        path, covers = place.find(tuple(pasted)) if pasted and said else (None, ())
        if path is not None and covers:
            message = reply.message
            origin = (message.sender, message.message_id, message.date)
            found.append(Remark(pasted[-1], tuple(pasted), said, *origin, path, covers[-1], covers))

    for depth, line in _levels(reply.message.text):
        shown = _patch_line(line, place) if depth == 0 else None
        if shown is None and depth == 0:
            own.append(line)
        elif own or shown is None:
            end()
            pasted.clear()
            own.clear()
        if shown is not None:
            pasted.append(shown)
    end()
    return found


def _patch_line(line: str, place: Places) -> str | None:
    """An unquoted line as a line of the patch, with its sign; None for one that is none."""
    bare = line.strip()
    if len(bare) < _PASTED or not _CODE.search(bare):
        return None
    signed = (line, "+" + bare, " " + bare)
    return next((one for one in signed if one[:1] in "+- " and place.knows(one)), None)


def _below(around: Sequence[Quote], covers: tuple[int, ...], place: Places | None) -> tuple[int, ...]:
    """The lines of the patch after those that a remark stands below, as far as the quotes show them."""
    if place is None or not covers or len(around) < 2:
        return ()
    # A brace or a blank line can end the quote above the remark.
    last = around[0].quoted_text.split("\n")[-2:]
    return place.following(covers[-1], [*last, *around[1].quoted_text.split("\n")[:_CONTEXT]])


def substance(text: str, sender: str = "") -> str:
    """What is left of a reply's own words without greeting, thanks, signature, tags and attribution."""
    names = set(name_words(sender)[0])
    lines: list[str] = []
    for line in text.split("\n"):
        bare = line.strip().strip("\xa0")
        words = set(re.findall(r"\w+", bare.lower()))
        if _is_attribution(bare):
            if lines and not bare.startswith("On ") and _begins_attribution(lines[-1].strip()):
                lines.pop()
            continue
        if _NO_SUBSTANCE.fullmatch(bare) or _ELISION.fullmatch(bare) or (words and words <= names):
            continue
        lines.append(line.rstrip())
    joined = "\n".join(lines).strip("\n")
    return joined if re.search(r"[A-Za-z]{2}", joined) or "?" in joined else ""


def _is_attribution(line: str) -> bool:
    """Whether a line says who wrote what follows: "... wrote:" """
    return line.endswith(":") and _WROTE.search(line[:-1].rpartition(":")[2]) is not None


def _begins_attribution(line: str) -> bool:
    """Whether a line is the first half of an attribution that a mailer broke in two."""
    dated = _DATED.match(line) is not None and _TIME.search(line) is not None
    return dated or _MAIL_ADDRESS.search(line) is not None


def same_person(a: str, b: str) -> bool:
    """Whether two senders are one: by address, else by name ("Steve Doe" and "Steven Doe" are)."""
    words_a, address_a = name_words(a)
    words_b, address_b = name_words(b)
    if address_a and address_a == address_b:
        return True
    if not words_a or not words_b:
        return False
    if sorted(words_a) == sorted(words_b):
        return True
    first = min(len(words_a[0]), len(words_b[0]))
    close = first >= 3 and words_a[0][:first] == words_b[0][:first]
    return len(words_a) > 1 and len(words_b) > 1 and words_a[-1] == words_b[-1] and close


def name_words(sender: str) -> tuple[list[str], str]:
    """The words of the name and the address, both in lower case; without what a list put after "via"."""
    match = _ADDRESS.match(sender)
    name, address = (match[1], match[2]) if match else ("", sender) if "@" in sender else (sender, "")
    return re.findall(r"\w+", re.split(r"\bvia\b", name)[0].lower()), address.strip().lower()


def _levels(text: str) -> Iterator[tuple[int, str]]:
    """Each line with its level of quoting (0: the author's own), up to the signature."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        match = _MARKS.match(line)
        if match is None:
            if _SIGNATURE.match(line) or _OUTLOOK.match("\n".join(lines[number : number + 2])):
                # Quotes can follow a list's footer or a signature only in a mail that was pasted together.
                return
            yield 0, line
        else:
            yield match[1].count(">"), line[match.end() :].replace("\xa0", " ")


def _take(found: list[Quote], lines: list[str], level: int) -> None:
    if level:
        found.append(Quote("\n".join(lines), level, ""))
        return
    remark = "\n".join(lines).strip("\n")
    if found and remark.strip():
        last = found[-1]
        found[-1] = Quote(last.quoted_text, last.level, remark)


def _is_diff_line(line: str, in_diff: bool) -> bool:
    if line.startswith(("+++ ", "--- ")):
        return False
    if in_diff:
        return line[:1] in ("+", "-", " ")
    # Without a hunk header above it, "- text" may be a bullet of the commit message.
    return re.match(r"\+|-(?! \w)", line) is not None and not line.startswith(("--", "++"))
