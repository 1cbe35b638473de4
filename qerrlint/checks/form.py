# SPDX-License-Identifier: GPL-2.0-or-later
"""form: the wording rules of include/qapi/error.h on message texts, with the edits that mend them.

Only the literal text counts: what a conversion or a macro brings along is not known, and where it decides
the analysis is silent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from qerrlint.absint.reachability import reaches
from qerrlint.c.format_string import Format, ends_in_conversion, read_format
from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.redundant import redundant_code
from qerrlint.checks.shape import errp_shape
from qerrlint.checks.statement_text import realigned
from qerrlint.findings import Edit, Observation
from qerrlint.ir.code import Call, Function, Result, Var, text_of
from qerrlint.model.translation_unit import TranslationUnit
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
# They may bring the newline that an unfinished hint waits for.
_CONTINUES = frozenset({_HINT, "error_printf", "error_append_security_model_hint"})

_NEWLINES = re.compile(r"(?<!\\)(?:\\n)+\Z")
_INNER_SENTENCE = re.compile(r"[.!?](?:\s|\\n)|\\n|\n")
_ABBREVIATED = re.compile(r"(?:\b(?:etc|e\.g|i\.e|al|vs|Inc|Ltd|no|resp|approx)|\.)\.\Z", re.IGNORECASE)
_LINE_BREAK = re.compile(r"(?<!\\)\\n")
# A second sentence that tells the user what to do: a hint is the place for it (include/qapi/error.h).
_ADVICE = re.compile(
    r"[.!;]\s+(?:Try|Use|Please|Make sure|Consider|Check|You (?:can|may|must|should|need)|Did you|Maybe|"
    r"See|Specify|Set|Add|Remove|Run)\b"
)
_PREFIX = re.compile(r"\s*(?:error|fatal error)\s*:\s*", re.IGNORECASE)
_WARNING_PREFIX = re.compile(r"\s*warning\s*:\s*", re.IGNORECASE)
_SEPARATED = re.compile(r"[-,;>|]\s*\Z")
_WORDLIKE_END = re.compile(r"[\w'\"`)\]}]\Z")
_FUNC_PREFIX = re.compile(r"%s(?:\(\))?(?::\s*| - )")
_STRERROR_END = re.compile(r":\s*%s\Z")
_STRERROR = frozenset({"strerror", "g_strerror"})
_SIMPLE = re.compile(r"-?[A-Za-z_]\w*\Z")
_FUNC = frozenset({"__func__", "__FUNCTION__"})


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The observations of one function."""
    unit, piece = analysed.unit, analysed.piece
    function = unit.lowered(piece.name)
    if function is None:
        return
    for call in function.calls:
        if call.direct:
            yield from _call(unit, function, call)
    yield from redundant_code(unit, function)
    yield from errp_shape(unit, piece)


@dataclass(frozen=True, slots=True)
class _Message:
    """A call with a text of the program's own: the format, and the index of its argument."""

    unit: TranslationUnit
    function: Function
    call: Call
    format: Format
    at: int

    def seen(self, form: str, span: Span, edits: tuple[Edit, ...] = ()) -> Observation:
        """The observation of one flaw."""
        return Observation(
            event="error-message-form",
            function=self.function.name,
            primary=span,
            key=f"{form} {self.call.text}",
            slots={"callee": self.call.name, "form": form},
            edits=edits,
        )


def _call(unit: TranslationUnit, function: Function, call: Call) -> Iterator[Observation]:
    name = call.name
    at = _MESSAGES.get(name, _PREFIXES.get(name, 1 if name == _HINT else -1))
    if not 0 <= at < len(call.args):
        return
    format = read_format(unit.data, call.arg_spans[at])
    if format is None or not format.text.isascii():
        return
    message = _Message(unit, function, call, format, at)
    if name in _MESSAGES:
        yield from _ending(message)
        yield from _inside(message)
        yield from _beginning(message)
        yield from _system_text(message)
    elif name in _PREFIXES:
        yield from _separator(message)
    else:
        yield from _hint(message)


def _ending(message: _Message) -> Iterator[Observation]:
    """A newline or a full stop at the end of what is one phrase."""
    last = message.format.last
    if last is None:
        return
    newlines = _NEWLINES.search(last.text)
    rest = last.text[: newlines.start()] if newlines else last.text
    whole = message.format.text[: len(message.format.text) - len(last.text) + len(rest)]
    # Information may be a sentence of its own.
    stops = not message.call.name.startswith("info_") and _is_full_stop(whole)
    stop = len(rest) - 1 if stops else len(rest)
    if newlines is None and stop == len(rest):
        return
    span = last.part(stop, len(last.text))
    # An empty literal left over would be odd to read.
    edits = (Edit(span, ""),) if rest[:stop].strip() else ()
    yield message.seen("newline" if newlines else "period", span, edits)


def _inside(message: _Message) -> Iterator[Observation]:
    """A line break or a sentence of advice within what is one phrase; of errors only."""
    if not message.call.name.startswith("error_set"):
        return
    text = message.format.text
    ended = _NEWLINES.search(text)
    if _LINE_BREAK.search(text[: ended.start()] if ended else text):
        yield message.seen("line-break", message.call.arg_spans[message.at])
    elif _ADVICE.search(text):
        yield message.seen("advice", message.call.arg_spans[message.at])


def _is_full_stop(text: str) -> bool:
    """Whether the text is one phrase that ends in a full stop."""
    body = text[:-1]
    return (
        text.endswith(".")
        and len(body) > 1
        and not _ABBREVIATED.search(text)
        and not _INNER_SENTENCE.search(body)
        and not ends_in_conversion(body)
    )


def _beginning(message: _Message) -> Iterator[Observation]:
    """A prefix that the reporting function adds by itself, or the name of a C function."""
    first, call = message.format.first, message.call
    if first is None:
        return
    pattern = _WARNING_PREFIX if call.name.startswith("warn_") else _PREFIX
    if not call.name.startswith("info_") and (prefix := pattern.match(first.text)):
        span = first.part(0, prefix.end())
        rest = first.text[prefix.end() :].strip()
        yield message.seen("prefix", span, (Edit(span, ""),) if rest else ())
    argument = message.at + 1
    if (
        call.name.startswith("error_set")
        and first.text.startswith("%s")
        and argument < len(call.args)
        and text_of(call.args[argument]) in _FUNC
    ):
        found = _FUNC_PREFIX.match(first.text)
        edits: tuple[Edit, ...] = ()
        if found and first.text[found.end() :].strip():
            edits = (Edit(first.part(0, found.end()), ""), *_without_argument(message, argument))
        yield message.seen("function-name", first.part(0, 2), edits if len(edits) == 2 else ())


def _without_argument(message: _Message, index: int) -> Iterator[Edit]:
    """The edit that takes an argument and the comma before it away; none if a comment stands there."""
    spans, data = message.call.arg_spans, message.unit.data
    own = spans[index]
    if index + 1 < len(spans) and data[own.end : spans[index + 1].start] == b", ":
        # What follows on the line stays there: the line above may be full.
        yield Edit(Span(own.path, own.start, spans[index + 1].start), "")
    elif data[spans[index - 1].end : own.start].strip() == b",":
        yield Edit(Span(own.path, spans[index - 1].end, own.end), "")


def _system_text(message: _Message) -> Iterator[Observation]:
    """strerror() where error_setg_errno() would add the text itself."""
    call, function = message.call, message.function
    if (
        call.name not in ("error_setg", "error_setg_errno")
        or not message.format.text.replace("%s", "").strip()
    ):
        # error_setg_errno() wants a text of its own in front.
        return
    for index in range(message.at + 1, len(call.args)):
        value = call.args[index]
        if call.name == "error_setg" and text_of(value) in ("errno", "-errno"):
            yield message.seen("errno-number", call.arg_spans[index])
        if isinstance(value, Result) and function.calls[value.call].name in _STRERROR:
            errno = function.calls[value.call]
            yield message.seen("strerror", call.arg_spans[index], _as_errno(message, index, errno))


def _as_errno(message: _Message, index: int, errno: Call) -> tuple[Edit, ...]:
    """The edits that turn error_setg(.., ": %s", strerror(e)) into error_setg_errno(.., e, ..)."""
    call, last, data = message.call, message.format.last, message.unit.data
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


def _separator(message: _Message) -> Iterator[Observation]:
    """A text put in front of another without ": " between them; a blank alone is taken as meant."""
    last, text = message.format.last, message.format.text
    if last is None or text.endswith(" ") or _NEWLINES.search(text):
        return
    bare = last.text
    if not bare or _SEPARATED.search(bare) or ends_in_conversion(text):
        return
    if bare.endswith(":"):
        bare = bare[:-1]
    elif not _WORDLIKE_END.search(bare) and not bare.endswith("."):
        return
    span = last.part(len(bare), len(last.text))
    place = span if span.start < span.end else last.part(len(bare) - 1, len(bare))
    edits = () if bare.endswith(".") else (Edit(span, ": "),)
    yield message.seen("separator", place, edits)


def _hint(message: _Message) -> Iterator[Observation]:
    """A hint that is complete (nothing is added to it afterwards) and does not end its line."""
    last, text, call = message.format.last, message.format.text, message.call
    if last is None or not last.text or _NEWLINES.search(text) or ends_in_conversion(text):
        return
    first = text_of(call.args[0])
    more = {
        c.index
        for c in message.function.calls
        if c.name in _CONTINUES or ("hint" in c.name and any(text_of(a) == first for a in c.args))
    }
    if reaches(message.function, call.index, more) or not _is_own(message):
        return
    end = len(last.text)
    # What ends like a prefix was meant to be one: a newline alone does not mend it.
    edits = () if last.text.rstrip().endswith(":") else (Edit(last.part(end, end), "\\n"),)
    yield message.seen("hint-newline", last.part(end - 1, end), edits)


def _is_own(message: _Message) -> bool:
    """Whether the function knows the Error: one that only adds hints may leave the rest to its callers."""
    error = message.call.args[0]
    if not isinstance(error, Var):
        return True
    return any(
        call.index < message.call.index
        and any(text_of(arg) == error.path for arg in call.args)
        and call.name not in _CONTINUES
        and not call.name.startswith("ERRP_")
        for call in message.function.calls
    )


CHECKS = (
    Check(
        "text",
        "text",
        (  # callee: whose text it is; form: what is wrong with it.
            event(
                "error-message-form",
                "callee",
                form="newline line-break advice period prefix function-name strerror errno-number "
                "separator hint-newline",
            ),
            # error: the Error pointer (of a guard: errp); callee: who takes or sets it, or the guard.
            event(
                "redundant-error-code",
                "error",
                "callee",
                "errp",
                form="null-check carried result-tells guard",
            ),
            event("errp-signature", "errp", form="not-last void"),
        ),
        run,
    ),
)
