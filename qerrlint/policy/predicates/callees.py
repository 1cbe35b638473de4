# SPDX-License-Identifier: GPL-2.0-or-later
"""What the callee is: not declared, a macro, clean-up, or work that the caller can do without."""

from __future__ import annotations

import re

from qerrlint.checks.errors.value_source import assignments
from qerrlint.checks.function import AnalysedFunction
from qerrlint.checks.ownership.objects import objects_of
from qerrlint.checks.subject import subject_of
from qerrlint.domain.word_lists import word_list
from qerrlint.findings import Observation
from qerrlint.ir.code import NULL, Const, Result, Str, Var

# vl.c, softmmu/vl.c or system/vl.c, by the age of the tree.
_COMMAND_LINE = "vl.c"


def callee_is_undeclared(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether what a call does to the Error is a guess from its last argument: no declaration is known."""
    return any(analysed.unit.effect(call).evidence == "guess" for call in subject_of(observation).calls)


def callee_cleans_up(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether a callee that keeps its Error to itself is clean-up by its name."""
    return observation.slots["how"] == "below" and word_list("ends-of-objects").matches(
        observation.slots["printer"]
    )


def callee_is_dispensable(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether a call with dropped result and NULL for errp is, by its name, nothing that the rest needs."""
    subject = subject_of(observation)
    dropped = observation.slots["errp"] == "NULL" and not observation.slots["kept"]
    return dropped and not any(word_list("necessary-work").matches(call.name) for call in subject.calls)


def object_is_not_used_again(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the call is the last thing that is done to an object that another call has made."""
    if observation.slots["errp"] != "NULL" or observation.slots["kept"]:
        return False
    data, end = analysed.unit.data, analysed.function.span.end
    names = [
        (call, call.args[0].path)
        for call in subject_of(observation).calls
        if call.args and isinstance(call.args[0], Var) and call.args[0].path in analysed.function.locals
    ]
    made = [event.target for event in assignments(analysed.result) if isinstance(event.value, Result)]
    given = [event.target for event in assignments(analysed.result) if event.value != NULL]
    return bool(names) and all(
        made.count(name) == given.count(name) > 0
        and not re.search(rb"\b%s\b" % re.escape(name.encode()), data[call.span.end : end])
        for call, name in names
    )


def property_is_of_the_class(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the call reads a property that a macro names, so that the header of the class declares it."""
    return any(
        call.name.startswith("object_property_") and any(isinstance(a, Const) for a in call.args[1:2])
        for call in subject_of(observation).calls
    ) and bool(observation.slots["kept"])


def property_is_constant(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the call sets or reads a property whose name stands there as a string or a macro."""
    return any(
        word_list("property-prefixes").matches(call.name)
        and any(isinstance(a, (Str, Const)) for a in call.args[1:])
        for call in subject_of(observation).calls
    )


def file_is_the_command_line(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the file is the one that reads QEMU's command line, where a failure ends QEMU."""
    return analysed.unit.path.rpartition("/")[2] == _COMMAND_LINE


def function_ends_something(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the function, by its name, takes something down, so that it goes on whatever fails."""
    return observation.slots["how"] == "work" and word_list("releases").matches(analysed.name)


def attempt_has_a_rule(analysed: AnalysedFunction, observation: Observation) -> bool:
    """Whether the call acquires the object of a pair, whose rule says that nothing tests the attempt."""
    objects = analysed.once(objects_of)
    acquiring = {call for call, _ in objects.calls("acquire")} if objects is not None else set()
    return observation.slots["how"] == "work" and any(
        call in acquiring for call in subject_of(observation).calls
    )
