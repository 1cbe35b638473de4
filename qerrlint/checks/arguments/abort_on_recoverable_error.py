# SPDX-License-Identifier: GPL-2.0-or-later
"""abort-on-recoverable-error: &error_abort or &error_fatal for a failure that is no flaw of the program."""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.checks.check import Check, event
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.domain.error import FATAL
from qerrlint.findings import Observation
from qerrlint.ir.code import Addr


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """Calls that the host, the user or the guest can make fail, by the rows of rules/contracts/facts.toml.

    A row says in which functions: any, those with an errp of their own, or instance_init methods.
    """
    unit = analysed.unit
    for call in analysed.function.calls:
        effect = unit.effect(call)
        if effect.errp is None or effect.errp >= len(call.args):
            continue
        arg = call.args[effect.errp]
        if not isinstance(arg, Addr) or arg.path not in FATAL:
            continue
        place = unit.environment.api.forbids(call.name, arg.path.removeprefix("error_"))
        has_errp = analysed.signature is not None and analysed.signature.errp is not None
        if place is None or (place == "errp" and not has_errp):
            continue
        if place == "instance-init" and "instance_init" not in unit.slots_of(analysed.name):
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
                "kind": "setter" if effect.evidence == "setter" else "callee",
            },
            certainty="medium",
            subject=Subject((call,)),
        )


CHECKS = (
    Check(
        "abort-on-recoverable-error",
        "arguments",
        # callee: what can fail for an outer reason; fatal: error_abort or error_fatal.
        (
            event(
                "abort-on-recoverable-error",
                "callee",
                "fatal",
                "function",
                place="any errp instance-init",
                kind="callee setter",
            ),
        ),
        run,
    ),
)
