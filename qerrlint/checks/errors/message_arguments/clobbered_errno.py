# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong-errno: errno is read after a call that cleans up after the failure, and may have changed it.

The branch of the failure comes to the clean-up (close(), unlink()), there or at a label, with no other work
before it, and only then errno is read for the message or the status.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qerrlint.checks.check import Check
from qerrlint.checks.errors.errno_source import ERRNO, leaves_errno, returns_errno
from qerrlint.checks.errors.message_arguments.wrong_errno import WRONG_ERRNO, formats_errno
from qerrlint.checks.failing_edges import failed_call
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.checks.trace_steps import folded
from qerrlint.domain.conventions import ERRNO_ARGUMENT
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import ANY, Assign, Call, Edge, Event, Result, Return, text_of

_STATUS = "-errno"
_MOST_BLOCKS = 12
"""After so many blocks a read of errno is no part of the clean-up any more."""


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The reads of errno in the branch of a failure that stand after a call which may change it."""
    if not any(map(_changes_errno, analysed.function.calls)):
        return
    if any(analysed.function.assignments(ERRNO.path)):
        return  # it saves errno and puts it back
    for number, block in enumerate(analysed.function.blocks):
        for edge in block.edges:
            failed = failed_call(analysed, number, edge) if edge.tests else None
            if failed is None or not _sets_errno(analysed, failed):
                continue
            for changer, reader in _read_after(analysed, edge, failed):
                yield _observation(analysed, failed, changer, reader)


def _sets_errno(analysed: AnalysedFunction, call: Call) -> bool:
    """Whether errno says why a call has failed, as far as is known: no Error and no status does."""
    return (
        call.direct
        and not leaves_errno(call.name)
        and not returns_errno(analysed, call)
        and analysed.unit.effect(call).errp is None
    )


def _read_after(analysed: AnalysedFunction, edge: Edge, failed: Call) -> Iterator[tuple[Call, Event]]:
    """The first read of errno after an edge on each path, with the call before it that may change errno.

    The paths go on over labels and tests, as long as nothing but the clean-up is called.
    """
    known = _known(analysed, edge, failed)
    todo: list[tuple[int, Call | None]] = [(edge.target, None)]
    seen: set[tuple[int, bool]] = set()
    while todo:
        number, changer = todo.pop()
        if (number, changer is not None) in seen:
            continue
        seen.add((number, changer is not None))
        ended = False
        for one in analysed.function.blocks[number].events:
            if changer is not None and _reads(analysed, one):
                yield changer, one
                ended = True
            elif isinstance(one, Call) and _changes_errno(one):
                changer = changer or one
            else:
                ended = _ends_the_way(analysed, one, number == edge.target)
            if ended:
                break
        if ended or len(seen) > _MOST_BLOCKS:
            continue
        todo += [
            (ahead.target, changer)
            for ahead in analysed.function.blocks[number].edges
            if all(known.get(text_of(test.subject), ANY) & test.allow for test in ahead.tests)
        ]


def _known(analysed: AnalysedFunction, edge: Edge, failed: Call) -> dict[str, int]:
    """The signs that what an edge tests has after it, also under the names that the result was stored in."""
    known = {text_of(test.subject): test.allow for test in edge.tests}
    value = Result(failed.index)
    signs = known.get(text_of(value))
    if signs is not None:
        for one in analysed.function.events():
            if isinstance(one, Assign) and one.value == value:
                known[one.target] = signs
    return known


def _ends_the_way(analysed: AnalysedFunction, one: Event, first: bool) -> bool:
    """Whether an event keeps errno, leaves the function, or does more than to clean up and to tell.

    In the `first` block after the test everything belongs to the failure.
    """
    if isinstance(one, Assign):
        return "errno" in text_of(one.value) and not _reads(analysed, one)
    if isinstance(one, Return):
        return True
    work = isinstance(one, Call) and not leaves_errno(one.name) and not _reads(analysed, one)
    return work and not first


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


CHECKS = (Check("clobbered-errno", "errors", (WRONG_ERRNO,), run),)
