# SPDX-License-Identifier: GPL-2.0-or-later
"""wrong-errno: a message formats a variable as an error number, and nothing has given it one.

All that the variable has got so far are plain constants, such as the -1 of its declaration: the call that has
failed does not store its number there.
"""

from __future__ import annotations

from collections.abc import Iterable

from qerrlint.absint.reachability import blocks_before, place_of
from qerrlint.checks.check import Check
from qerrlint.checks.errors.message_arguments.wrong_errno import WRONG_ERRNO
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.subject import Subject
from qerrlint.findings import Observation, Step
from qerrlint.ir.code import Addr, Assign, Call, Const, text_of
from qerrlint.lazy_patterns import lazy_re

_TAKES_NUMBER = {"strerror": 0, "g_strerror": 0, "gnutls_strerror": 0, "error_setg_errno": 1}
_PLAIN = lazy_re(r"-?\d+\Z")


def run(analysed: AnalysedFunction) -> Iterable[Observation]:
    """The error numbers of one function that are constants by its text."""
    for call in analysed.function.calls:
        place = _TAKES_NUMBER.get(call.name)
        if place is None or len(call.args) <= place:
            continue
        name = text_of(call.args[place]).removeprefix("-")
        given = _constants(analysed, call, name) if name in analysed.function.locals else ()
        if given:
            yield Observation(
                WRONG_ERRNO.name,
                analysed.name,
                call.span,
                call.text,
                {"callee": call.name, "value": name, "form": "only-constant"},
                (
                    Step(
                        given[-1].span,
                        f"{name} is given a constant here, and nothing else before the message",
                    ),
                ),
                "high",
                whole=True,
                subject=Subject((call,)),
                group=call.span,
            )


def _constants(analysed: AnalysedFunction, call: Call, name: str) -> tuple[Assign, ...]:
    """The assignments to a variable before a call, where all of them are plain constants; () otherwise."""
    function = analysed.function
    at = place_of(function, call.index)
    if at is None:
        return ()
    before = [e for number in blocks_before(function, call.span) for e in function.blocks[number].events]
    events = [*before, *function.blocks[at[0]].events[: at[1]]]
    if any(isinstance(e, Call) and Addr(name) in e.args for e in events):
        return ()
    given = [e for e in events if isinstance(e, Assign) and e.target == name]
    given.sort(key=lambda event: event.span)
    plain = all(isinstance(e.value, Const) and _PLAIN.match(text_of(e.value)) for e in given)
    return tuple(given) if plain else ()


CHECKS = (Check("constant-number", "errors", (WRONG_ERRNO,), run),)
