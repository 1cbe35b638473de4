# SPDX-License-Identifier: GPL-2.0-or-later
"""abort-on-recoverable-error: &error_abort or &error_fatal for a failure that is no flaw of the program."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.comments import admits
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.effects import Effect
from qerrlint.domain.error import FATAL
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import Addr


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Calls that the host, the user or the guest can make fail, by the rows of rules/contracts/facts.toml.

    A row says in which functions: any, those with an errp of their own, or instance_init methods. In a
    function with an errp &error_fatal is wrong for any other callee as well, and &error_abort for those that
    realize a child, which are one mistake of the function. Either is wrong for a callee of which a comment
    says that it may fail.
    """
    unit = analysed.unit
    for call in analysed.function.calls:
        effect = unit.effect(call)
        if effect.errp is None or effect.errp >= len(call.args):
            continue
        arg = call.args[effect.errp]
        if not isinstance(arg, Addr) or arg.path not in FATAL:
            continue
        has_errp = analysed.errp is not None
        place = unit.environment.api.forbids(call.name, arg.path.removeprefix("error_"))
        kind = _kind(effect, call.name)
        if place is None and has_errp and (arg.path == "error_fatal" or kind == "realize"):
            place = "errp"
        if place == "instance-init" and has_errp and "instance_init" not in unit.uses.slots_of(analysed.name):
            place, kind = "errp", "memory"
        if kind != "setter" and admits(unit, call.span):
            place, kind = "any", "admitted"
        if place is None or (place == "errp" and not has_errp):
            continue
        if place == "instance-init" and "instance_init" not in unit.uses.slots_of(analysed.name):
            continue
        yield Observation(
            event="abort-on-recoverable-error",
            function=analysed.name,
            primary=call.span,
            key=call.text,
            slots={
                "callee": call.name,
                "fatal": arg.path,
                "function": analysed.name,
                "place": place,
                "kind": kind,
            },
            certainty="medium",
            subject=Subject((call,)),
            group="realize" if kind in ("realize", "memory") else call.span,
        )


def _kind(effect: Effect, callee: str) -> str:
    if effect.evidence == "setter":
        return "setter"
    return "realize" if word_list("realizing-parts").matches(callee) else "callee"


ABORT_ON_RECOVERABLE_ERROR = event(
    "abort-on-recoverable-error",
    "callee",
    "fatal",
    "function",
    place="any errp instance-init",
    kind="callee realize memory setter admitted processor",
)
"""callee: what can fail for an outer reason; fatal: error_abort or error_fatal. kind: processor is a device
that has a CPU, or is one."""

CHECKS = (
    Check(
        "abort-on-recoverable-error",
        "arguments",
        (ABORT_ON_RECOVERABLE_ERROR,),
        run,
    ),
)
