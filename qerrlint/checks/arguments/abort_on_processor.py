# SPDX-License-Identifier: GPL-2.0-or-later
"""abort-on-recoverable-error of a device with a CPU: what a user asks of the CPU can make its realize fail.

Functions with an errp are left to the check of that event, which speaks of all that they realize.
"""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.arguments.abort_on_recoverable_error import ABORT_ON_RECOVERABLE_ERROR
from qerrlint.checks.arguments.realized_objects import made_here
from qerrlint.checks.check import Check
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Addr, Call, Str
from qerrlint.qemu.processors import processor_of
from qerrlint.qemu.type_graph import graph_of
from qerrlint.source.span import Span

_ABORT = Addr("error_abort")


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The calls with &error_abort that realize a CPU, or a device whose CPU can make that fail."""
    if analysed.errp is not None:
        return
    for call in analysed.function.calls:
        if call.args[-1:] != (_ABORT,) and call.args[-2:-1] != (_ABORT,):
            continue
        if not _realizes(call):
            continue
        step = _processor_step(analysed, call)
        if step is None:
            continue
        yield Observation(
            event=ABORT_ON_RECOVERABLE_ERROR.name,
            function=analysed.name,
            primary=call.span,
            key=call.text,
            slots={
                "callee": call.name,
                "fatal": "error_abort",
                "function": analysed.name,
                "place": "any",
                "kind": "processor",
            },
            trail=(step,),
            certainty="medium",
            subject=Subject((call,)),
            group=call.span,
        )


def _realizes(call: Call) -> bool:
    """Whether a call realizes a device, by its name or by the property (to 2020)."""
    if word_list("realizing-parts").matches(call.name):
        return True
    return call.name == "object_property_set_bool" and any(
        isinstance(arg, Str) and arg.text.strip('"') == "realized" for arg in call.args
    )


def _processor_step(analysed: AnalysedFunction, call: Call) -> Step | None:
    """Where the object of a call is made, if it is a CPU, or its type hands the failure of one on; None for
    any other, and where the function does not make it itself."""
    unit, function = analysed.unit, analysed.function
    made = made_here(unit.data, function.body, call)
    if made is None:
        return None
    text, start, end = made
    if text.endswith("->cpu_type"):
        return Step(Span(unit.path, start, end), "the user chooses the type of the CPU")
    kind = graph_of(unit.environment).find(text, unit.path)
    member = processor_of(kind) if kind is not None else ""
    if kind is None or not member:
        return None
    what = "is a CPU" if member == "self" else f"hands on the failure of {member}"
    return Step(kind.row.span, f"{kind.name} {what}")


CHECKS = (Check("abort-on-processor", "arguments", (ABORT_ON_RECOVERABLE_ERROR,), run),)
