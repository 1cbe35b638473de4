# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong-errno: a message gets a negative error number, a constant one, or an errno that nothing has set; or a
status is made of such an errno."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from qerrlint.checks.check import Check, FileCheck, event
from qerrlint.checks.errors.errno_source import ERRNO, errno_source
from qerrlint.checks.errors.occurrences import numbered, observed, of_kind
from qerrlint.checks.file import AnalysedFile
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.trace_steps import folded
from qerrlint.domain.conventions import ERRNO_ARGUMENT
from qerrlint.domain.occurrence_kind import OccurrenceKind
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Assign, Call, Const, Return, Var, text_of
from qerrlint.lazy_patterns import lazy_re

_CONSTANT = lazy_re(r"E[A-Z0-9]+\Z")
_SAID = {
    "EBUSY": "busy",
    "EEXIST": "exists",
    "EINVAL": "invalid",
    "ENODEV": "no such device",
    "ENOENT": "no such file",
    "ENOMEM": "allocate memory",
    "ENOSPC": "no space",
    "ENOSYS": "not implemented",
    "ENOTSUP": "not supported",
    "EOPNOTSUPP": "not supported",
    "EPERM": "not permitted",
    "ERANGE": "out of range",
    "ETIMEDOUT": "timed out",
}
"""The words of the general texts of constants that tell something (strerror() of the GNU C library)."""
_STATUS = "-errno"
_PERCENT_M = lazy_re(rb'"[^"\n]*%m(?![a-zA-Z%])[^"\n]*"')
_STORED = lazy_re(rb"\berrno[ \t]{0,9}=[ \t]{0,9}\(?-")


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The error numbers in messages of one function that have the wrong sign or come from the wrong place."""
    for occurrence in of_kind(analysed, OccurrenceKind.NEGATIVE_ERRNO):
        call = numbered(analysed, occurrence.call)
        if call is None:
            continue
        form = "negative-constant" if occurrence.cell.startswith("-") else "negative-result"
        slots = {"callee": call.name, "value": occurrence.cell, "form": form}
        yield observed(analysed, "wrong-errno", occurrence, slots, calls=(call,))
    for call in analysed.function.calls:
        if formats_errno(analysed, call):
            yield from _stale(analysed, call)
            continue
        place = ERRNO_ARGUMENT.get(call.name)
        if place is None or len(call.args) <= place:
            continue
        number = call.args[place]
        if number == ERRNO:
            yield from _stale(analysed, call)
        # strerror() of a constant may be what is meant: its text alone is wanted.
        elif call.name == "error_setg_errno" and isinstance(number, Const) and _CONSTANT.match(number.text):
            form = "repeated-text" if _repeats(analysed, call, number.text) else "positive-constant"
            yield _observation(analysed, call, number.text, form, None)
    yield from _returned(analysed)
    yield from _also_returned(analysed)


def _repeats(analysed: AnalysedFunction, call: Call, constant: str) -> bool:
    """Whether the format of a message has the words that the general text of a constant adds."""
    said = _SAID.get(constant)
    return said is not None and said in analysed.unit.text.of(call.span).decode("latin-1").lower()


def _also_returned(analysed: AnalysedFunction) -> Iterator[Observation]:
    """One variable is the number in a message and, right behind it, the status that the function returns."""
    if analysed.kind != "int" or analysed.errp is None:
        return
    negative = {occurrence.call for occurrence in of_kind(analysed, OccurrenceKind.NEGATIVE_ERRNO)}
    for block in analysed.function.blocks:
        for at, behind in pairwise(block.events):
            if (
                isinstance(at, Call)
                and at.name == "error_setg_errno"
                and at.index not in negative
                and len(at.args) > 1
                and isinstance(at.args[1], Var)
                and isinstance(behind, Return)
                and behind.value == at.args[1]
            ):
                value = at.args[1].path
                yield Observation(
                    "wrong-errno",
                    analysed.name,
                    at.span,
                    at.text,
                    {"callee": at.name, "value": value, "form": "also-returned"},
                    (Step(behind.span, f"{value} is returned here, where a failure is negative"),),
                    whole=True,
                    subject=Subject((at,)),
                    group=at.span,
                )


def formats_errno(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether the format of a message has `%m`, which stands for the text of errno."""
    return word_list("formats").matches(call.name) and bool(
        _PERCENT_M.search(analysed.unit.text.of(call.span))
    )


def _returned(analysed: AnalysedFunction) -> Iterator[Observation]:
    """`-errno` as a status after the failure of a callee that need not set errno: it may be 0, a success."""
    for at in analysed.function.events():
        if not isinstance(at, Assign | Return) or at.value is None or text_of(at.value) != _STATUS:
            continue
        source = errno_source(analysed, at)
        if source is None or source.call is None or source.kind in ("status", "printed"):
            continue
        form = "status-of-error" if source.kind == "told" else "status-not-set"
        yield Observation(
            "wrong-errno",
            analysed.name,
            at.span,
            folded(analysed.unit, at.span),
            {"callee": source.call.name, "value": _STATUS, "form": form},
            (Step(source.call.span, _STEPS[form].format(name=source.call.name)),),
            "medium",
            whole=True,
            subject=Subject((source.call,)),
            group=at.span,
        )


def _stale(analysed: AnalysedFunction, call: Call) -> Iterator[Observation]:
    """errno in a message about something that does not set it, or whose result is the error number."""
    source = errno_source(analysed, call)
    if source is None:
        return
    value = source.call.name if source.call is not None else ""
    if source.kind == "status":
        answers = analysed.unit.environment.api.only_answers(value)
        yield _observation(analysed, call, value, "answer" if answers else "result-is-errno", source.call)
    else:
        form = "not-set-by-callee" if source.call is not None else "never-set"
        form = {"told": "reason-in-error", "printed": "printed-before"}.get(source.kind, form)
        yield _observation(analysed, call, value, form, source.call)


_STEPS = {
    "result-is-errno": "{name}() returns the error number, or something derived from it",
    "answer": "{name}() returns 1 for yes and 0 for no",
    "not-set-by-callee": "{name}() does not set errno",
    "reason-in-error": "{name}() reports the reason in its Error",
    "printed-before": "{name}() has already reported its failure when it returns",
    "status-of-error": "{name}() reports its failure in its Error",
    "status-not-set": "{name}() does not set errno",
}


def _observation(
    analysed: AnalysedFunction, call: Call, value: str, form: str, failed: Call | None
) -> Observation:
    steps = (Step(failed.span, _STEPS[form].format(name=failed.name)),) if failed is not None else ()
    return Observation(
        "wrong-errno",
        analysed.name,
        call.span,
        call.text,
        {"callee": call.name, "value": value, "form": form},
        steps,
        "high" if form == "not-set-by-callee" else "medium",
        whole=True,
        subject=Subject((failed,) if failed is not None else (call,)),
    )


def stored(file: AnalysedFile) -> Iterator[Observation]:
    """The negative constants that functions of a file store in errno, also those that know no Errors."""
    unit = file.unit
    if b"errno" not in file.asked.words:
        return
    for piece in file.asked.matching(_STORED):
        function = unit.with_definition(piece).lowering.function(piece)
        for event_ in function.events() if function is not None else ():
            if (
                isinstance(event_, Assign)
                and Var(event_.target) == ERRNO
                and isinstance(event_.value, Const)
                and event_.value.text.startswith("-E")
            ):
                yield Observation(
                    "wrong-errno",
                    piece.name,
                    event_.span,
                    f"errno {event_.value.text}",
                    {"callee": "errno", "value": event_.value.text, "form": "stored"},
                )


WRONG_ERRNO = event(
    "wrong-errno",
    "callee",
    "value",
    path_sensitive=True,
    form="negative-constant negative-result result-is-errno answer not-set-by-callee never-set "
    "positive-constant repeated-text stored reason-in-error status-of-error status-not-set only-constant "
    "clobbered also-returned minus-one printed-before negative-status",
)

CHECKS = (
    Check(
        "wrong-errno",
        "errors",
        (WRONG_ERRNO,),
        run,
    ),
    FileCheck("stored-errno", "errors", (WRONG_ERRNO,), stored),
)
