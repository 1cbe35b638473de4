# SPDX-License-Identifier: GPL-2.0-or-later
"""The event error-message-form: message texts that break the rules of qapi/error.h and util/error-report.c.

Only the literal text counts: what a conversion or a macro contributes is not known. Every flaw that has one
mechanical correction carries the edits that make it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from qerrlint.c.format_string import Format, read_format
from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.text.statement_text import realigned
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Edit, Observation
from qerrlint.ir.code import Call, Function, Result, text_of
from qerrlint.lazy_patterns import lazy_re
from qerrlint.records import record
from qerrlint.source.span import Span

# Which argument is the format, by what the text is for (include/qapi/error.h, include/qemu/error-report.h).
_MESSAGES = {
    **dict.fromkeys(("error_report", "error_report_once", "warn_report", "warn_report_once"), 0),
    "info_report": 0,
    **dict.fromkeys(("error_setg", "error_report_once_cond", "warn_report_once_cond"), 1),
    **dict.fromkeys(("error_setg_errno", "error_setg_win32", "error_set"), 2),
}
_PREFIXES = {
    **dict.fromkeys(("error_prepend", "error_reportf_err", "warn_reportf_err"), 1),
    "error_propagate_prepend": 2,
}
_HINT = "error_append_hint"

_NEWLINES = lazy_re(r"(?<!\\)(?:\\n)+\Z")
# A conversion after a colon is another literal's matter; `::` is a name.
_OPEN_END = lazy_re(r"(?:(?<!:):\s*|!+\s*)\Z")
_SENTENCE_END = lazy_re(r"[.!?](?:\s|\\n)|\\n|\n")
_LINE_BREAK = lazy_re(r"(?<!\\)\\n")
_NEXT_SENTENCE = lazy_re(r"[.!;]\s+(?P<first>[A-Za-z]+)(?: (?P<second>[A-Za-z]+))?\b")
# What the reporting function adds by itself, by the first word of its name (util/error-report.c).
_OWN_PREFIX = {
    "error": lazy_re(r"\s*(?:error|fatal error)\s*:\s*", re.IGNORECASE),
    "warn": lazy_re(r"\s*warning\s*:\s*", re.IGNORECASE),
    "info": lazy_re(r"\s*info\s*:\s*", re.IGNORECASE),
}
_FUNC_PREFIX = lazy_re(r"%s(?:\(\))?(?::\s*| - )")
_STRERROR_END = lazy_re(r":\s*%s\Z")
_STRERROR = frozenset({"strerror", "g_strerror"})
_SIMPLE = lazy_re(r"-?[A-Za-z_]\w*\Z")
_FUNC = frozenset({"__func__", "__FUNCTION__"})


@record(frozen=True, slots=True)
class Message:
    """A call with a format that the function writes itself, and the index of its argument."""

    analysed: AnalysedFunction
    call: Call
    format: Format
    at: int

    @property
    def is_error(self) -> bool:
        """Whether the text becomes that of an Error object (error_setg() and its variants)."""
        return self.call.name.startswith("error_set")

    @property
    def function(self) -> Function:
        """The function that makes the call."""
        return self.analysed.function

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        return self.analysed.unit.data

    @property
    def phrase(self) -> str:
        """The literal text without the newlines at its end."""
        text = self.format.text
        newlines = _NEWLINES.search(text)
        return text[: newlines.start()] if newlines else text

    def flaw(self, form: str, span: Span, edits: tuple[Edit, ...] = ()) -> Observation:
        """The observation of one flaw; the newline or stop at the end, and what is inside, count once."""
        one_of = {"line-break": "inside", "advice": "inside"}.get(form)
        return Observation(
            event="error-message-form",
            function=self.function.name,
            primary=span,
            key=f"{form} {self.call.text}",
            slots={"callee": self.call.name, "form": form},
            edits=edits,
            subject=self,
            group=(one_of, self.call.index) if one_of else None,
        )


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The flaws of the messages of one function."""
    for call in analysed.function.calls:
        name = call.name
        at = _MESSAGES.get(name, _PREFIXES.get(name, 1 if name == _HINT else -1))
        if not call.direct or not 0 <= at < len(call.args):
            continue
        format = read_format(analysed.unit.data, call.arg_spans[at])
        if format is None or not format.text.isascii():
            continue
        message = Message(analysed, call, format, at)
        if name in _MESSAGES:
            yield from _ending(message)
            yield from _open_end(message)
            yield from _inside(message)
            yield from _beginning(message)
            yield from _system_text(message)
        elif name in _PREFIXES:
            yield from _separator(message)
        else:
            yield from _hint(message)


# -- facts about texts, which the exemptions ask too ------------------------------------------------


def has_sentences(phrase: str) -> bool:
    """Whether a phrase holds the end of a sentence, or of a line, before its own end."""
    return bool(_SENTENCE_END.search(phrase[:-1]))


def _has_stop(phrase: str) -> bool:
    """Whether a phrase ends in a full stop; the dots of an ellipsis are none."""
    return phrase.endswith(".") and len(phrase) > 2 and phrase[-2] != "."


# -- messages ---------------------------------------------------------------------------------------


def _ending(message: Message) -> Iterator[Observation]:
    """A newline or a full stop at the end of what is one phrase."""
    last = message.format.last
    if last is None:
        return
    newlines = _NEWLINES.search(last.text)
    rest = last.text[: newlines.start()] if newlines else last.text
    phrase = message.phrase
    has_stop = rest.endswith(".") and _has_stop(phrase)
    if newlines is None and not has_stop:
        return
    # The edit of a newline takes a full stop along, unless the stop may have a meaning.
    kept = message.call.name.startswith("info_") or has_sentences(phrase)
    start = len(rest) - 1 if has_stop and not (newlines and kept) else len(rest)
    span = last.part(start, len(last.text))
    # An empty literal left over would be odd to read.
    edits = (Edit(span, ""),) if rest[:start].strip() else ()
    yield message.flaw("newline" if newlines else "period", span, edits)


def _open_end(message: Message) -> Iterator[Observation]:
    """An Error's text that ends in a colon, after which nothing comes, or in an exclamation mark."""
    last = message.format.last
    if last is None or not message.is_error:
        return
    found = _OPEN_END.search(last.text)
    if found is None or not message.phrase.rstrip(" :!"):
        return
    span = last.part(found.start(), len(last.text))
    colon = ":" in found.group()
    edits = (Edit(span, ""),) if last.text[: found.start()].strip() else ()
    yield message.flaw("colon" if colon else "exclamation", span, edits)


def _inside(message: Message) -> Iterator[Observation]:
    """A line break or a sentence of advice within what is one phrase; a hint is the place for either."""
    span = message.call.arg_spans[message.at]
    if _LINE_BREAK.search(message.phrase):
        yield message.flaw("line-break", span)
    for sentence in _NEXT_SENTENCE.finditer(message.format.text):
        first, second = sentence.group("first", "second")
        if any(word_list("advice").matches(start) for start in (first, f"{first} {second}")):
            yield message.flaw("advice", span)
            break


def _beginning(message: Message) -> Iterator[Observation]:
    """A prefix that the reporting function adds by itself, or the name of a C function in an Error's text."""
    first, call = message.format.first, message.call
    if first is None:
        return
    if prefix := _OWN_PREFIX[call.name.partition("_")[0]].match(first.text):
        span = first.part(0, prefix.end())
        rest = first.text[prefix.end() :].strip()
        yield message.flaw("prefix", span, (Edit(span, ""),) if rest else ())
    argument = message.at + 1
    if (
        message.is_error
        and first.text.startswith("%s")
        and argument < len(call.args)
        and text_of(call.args[argument]) in _FUNC
    ):
        found = _FUNC_PREFIX.match(first.text)
        edits: tuple[Edit, ...] = ()
        if found and first.text[found.end() :].strip():
            edits = (Edit(first.part(0, found.end()), ""), *_without_argument(message, argument))
        yield message.flaw("function-name", first.part(0, 2), edits if len(edits) == 2 else ())


def _without_argument(message: Message, index: int) -> Iterator[Edit]:
    """The edit that removes an argument and the comma before it; none if a comment stands there."""
    spans, data = message.call.arg_spans, message.data
    own = spans[index]
    if index + 1 < len(spans) and data[own.end : spans[index + 1].start] == b", ":
        # What follows on the line stays there: the line above may be full.
        yield Edit(Span(own.path, own.start, spans[index + 1].start), "")
    elif data[spans[index - 1].end : own.start].strip() == b",":
        yield Edit(Span(own.path, spans[index - 1].end, own.end), "")


def _system_text(message: Message) -> Iterator[Observation]:
    """strerror(), or the number itself, where error_setg_errno() would add the text for an errno."""
    call, function = message.call, message.function
    if call.name not in ("error_setg", "error_setg_errno"):
        return
    for index in range(message.at + 1, len(call.args)):
        value = call.args[index]
        if call.name == "error_setg" and text_of(value) in ("errno", "-errno"):
            yield message.flaw("errno-number", call.arg_spans[index])
        if isinstance(value, Result) and function.calls[value.call].name in _STRERROR:
            errno = function.calls[value.call]
            yield message.flaw("strerror", call.arg_spans[index], _as_errno(message, index, errno))


def _as_errno(message: Message, index: int, errno: Call) -> tuple[Edit, ...]:
    """The edits that turn error_setg(.., ": %s", strerror(e)) into error_setg_errno(.., e, ..)."""
    call, last, data = message.call, message.format.last, message.data
    if call.name != "error_setg" or index != len(call.args) - 1 or last is None or len(errno.args) != 1:
        return ()
    code = data[errno.arg_spans[0].start : errno.arg_spans[0].end].decode("latin-1")
    tail = _STRERROR_END.search(last.text)
    gone = tuple(_without_argument(message, index))
    if not _SIMPLE.match(code) or tail is None or not last.text[: tail.start()].strip() or not gone:
        return ()
    path, begin = call.span.path, call.span.start
    behind = call.arg_spans[0].end
    edits = [
        Edit(Span(path, begin, begin + len(call.name)), "error_setg_errno"),
        Edit(Span(path, behind, behind), f", {code}"),
        Edit(last.part(tail.start(), len(last.text)), ""),
        *gone,
    ]
    lines = realigned(data, call, len("_errno"))
    edits += [e for e in lines if not any(g.span.start <= e.span.start < g.span.end for g in gone)]
    return tuple(sorted(edits, key=lambda edit: edit.span))


# -- prefixes and hints -----------------------------------------------------------------------------


def _separator(message: Message) -> Iterator[Observation]:
    """A text put in front of an Error's own that does not end in ": "."""
    last, text = message.format.last, message.format.text
    if last is None or not last.text or text.endswith(": "):
        return
    bare = last.text.removesuffix(":")
    span = last.part(len(bare), len(last.text))
    place = span if span.start < span.end else last.part(len(bare) - 1, len(bare))
    edits = () if bare.endswith(".") else (Edit(span, ": "),)
    yield message.flaw("separator", place, edits)


def _hint(message: Message) -> Iterator[Observation]:
    """A hint that does not end its line."""
    last, text = message.format.last, message.format.text
    if last is None or not last.text or _NEWLINES.search(text):
        return
    end = len(last.text)
    if last.text.rstrip().endswith(":"):
        # What ends like a prefix was meant to be one: a newline does not mend it.
        yield message.flaw("hint-for-prefix", last.part(end - 1, end))
    else:
        yield message.flaw("hint-newline", last.part(end - 1, end), (Edit(last.part(end, end), "\\n"),))


CHECKS = (
    Check(
        "error-message-form",
        "text",
        (  # callee: whose text it is; form: what is wrong with it.
            event(
                "error-message-form",
                "callee",
                form="newline line-break advice period prefix function-name strerror errno-number "
                "separator hint-newline hint-for-prefix colon exclamation",
            ),
        ),
        run,
    ),
)
