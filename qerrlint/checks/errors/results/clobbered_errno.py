# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong-errno: errno is read behind a call that cleans up after the failure, and may have changed it.

The branch of the failure begins with the clean-up (close(), unlink()) or comes to it by calls alone, and only
then errno is read for the message or the status.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.checks.check import Check
from qerrlint.checks.errno_source import ERRNO, leaves_errno, returns_errno
from qerrlint.checks.errors.wrong_errno import WRONG_ERRNO, formats_errno
from qerrlint.checks.failing_edges import failed_call
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.trace_steps import folded
from qerrlint.domain.conventions import ERRNO_ARGUMENT
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Assign, Call, Event, Return, text_of

_STATUS = "-errno"


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The reads of errno in the branch of a failure that stand behind a call which may change it."""
    if not any(map(_changes_errno, analysed.function.calls)):
        return
    blocks = analysed.function.blocks
    if any(isinstance(e, Assign) and e.target == ERRNO.path for block in blocks for e in block.events):
        return  # it saves errno and puts it back
    for number, block in enumerate(blocks):
        for edge in block.edges:
            failed = failed_call(analysed, number, edge) if edge.tests else None
            if failed is None or not _sets_errno(analysed, failed):
                continue
            for changer, reader in _read_behind(analysed, edge.target):
                yield _observation(analysed, failed, changer, reader)


def _sets_errno(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether errno says why a call has failed, as far as is known: no Error and no status does."""
    return (
        call.direct
        and not leaves_errno(call.name)
        and not returns_errno(analysed, call)
        and analysed.unit.effect(call).errp is None
    )


def _read_behind(analysed: AnalysedFunction, number: int) -> Iterator[tuple[Call, Event]]:
    """The call that may change errno and the first read of it behind, where a block begins with the two."""
    changer: Call | None = None
    for one in analysed.function.blocks[number].events:
        if _reads(analysed, one):
            if changer is not None:
                yield changer, one
                return
        elif isinstance(one, Assign) and "errno" in text_of(one.value):
            return
        elif isinstance(one, Call) and _changes_errno(one):
            changer = changer or one


def _changes_errno(call: Call) -> bool:
    """Whether a call cleans up and may set errno, whatever comes of it."""
    return not call.used and word_list("changes-errno").matches(call.name)


def _reads(analysed: AnalysedFunction, one: Event) -> bool:
    """Whether an event takes errno for a message or a status."""
    if isinstance(one, Assign | Return):
        return one.value is not None and text_of(one.value) == _STATUS
    if not isinstance(one, Call):
        return False
    place = ERRNO_ARGUMENT.get(one.name)
    taken = place is not None and place < len(one.args) and one.args[place] == ERRNO
    return taken or formats_errno(analysed, one)


def _observation(analysed: AnalysedFunction, failed: Call, changer: Call, reader: Event) -> Observation:
    text = folded(analysed.unit, reader.span)
    return Observation(
        WRONG_ERRNO.name,
        analysed.name,
        reader.span,
        text,
        {"callee": changer.name, "value": failed.name, "form": "clobbered"},
        (
            Step(failed.span, f"{failed.name}() fails and sets errno"),
            Step(changer.span, f"{changer.name}() may set it, too"),
        ),
        "high",
        whole=True,
        subject=Subject((failed,)),
        group=reader.span,
    )


CHECKS = (Check("clobbered-errno", "errors", (WRONG_ERRNO,), run, ("changes-errno", "formats")),)
